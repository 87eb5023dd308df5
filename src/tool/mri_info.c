/* What a raw file holds, without whom: the protocol and the uses of its readouts; and its noise. */
#include <inttypes.h>

#include "tool/files.h"
#include "tool/mri_source.h"
#include "tool/progress.h"
#include "tool/report.h"

static const char *const counter_names[KVOX_MRI_COUNTERS] = {"line",  "partition",  "average", "slice",  "echo",
                                                             "phase", "repetition", "set",     "segment"};

static void report_limits(const kvox_mri_protocol *protocol, cJSON *report) {
  cJSON *object = cJSON_AddObjectToObject(report, "limits");
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    const kvox_mri_limits *limits = &protocol->limits[c];
    if (limits->first != 0 || limits->last != 0) {
      const int64_t numbers[3] = {limits->first, limits->last, limits->center};
      kvox_tool_report_integers(object, counter_names[c], numbers, c <= KVOX_MRI_STEP_2 ? 3 : 2);
    }
  }
}

void kvox_tool_mri_report_protocol(const kvox_mri_protocol *protocol, cJSON *report) {
  static const char *const trajectories[] = {"cartesian", "epi", "radial", "spiral", "other"};
  cJSON *object = cJSON_AddObjectToObject(report, "protocol");
  const int32_t known = protocol->trajectory >= 0 && protocol->trajectory <= KVOX_MRI_OTHER;
  cJSON_AddStringToObject(object, "trajectory", trajectories[known ? protocol->trajectory : KVOX_MRI_OTHER]);
  kvox_tool_report_integers(object, "encoded_size", protocol->encoded_size, 3);
  kvox_tool_report_integers(object, "image_size", protocol->image_size, 3);
  kvox_tool_report_reals(object, "encoded_mm", protocol->encoded_mm, 3);
  kvox_tool_report_reals(object, "image_mm", protocol->image_mm, 3);
  if (protocol->coils > 0) {
    cJSON_AddNumberToObject(object, "coils", protocol->coils);
  }
  if (protocol->echoes > 0) {
    kvox_tool_report_reals(object, "echo_ms", protocol->echo_ms, protocol->echoes);
  }
  if (protocol->acceleration[0] > 0) {
    kvox_tool_report_reals(object, "acceleration", protocol->acceleration, 2);
  }
  if (protocol->field_t > 0) {
    cJSON_AddNumberToObject(object, "field_t", protocol->field_t);
  }
  report_limits(protocol, object);
}

/* The first image readout says how many coils and samples there are; a file may change its mind later. */
typedef struct raw_facts {
  int64_t reversed;
  int32_t coils, samples;
  double sample_time_us;
} raw_facts;

static void learn(const kvox_mri_readout *readout, raw_facts *facts) {
  const uint32_t beside = KVOX_MRI_NOISE | KVOX_MRI_PHASE_CORRECTION | KVOX_MRI_OTHER_USE;
  facts->reversed += (readout->flags & KVOX_MRI_REVERSE) != 0;
  if (facts->coils == 0 && (readout->flags & beside) == 0) {
    facts->coils = readout->coils;
    facts->samples = readout->samples;
    facts->sample_time_us = readout->sample_time_us;
  }
}

static int count_readouts(const kvox_tool *tool, kvox_tool_mri_source *source, raw_facts *facts) {
  kvox_mri_readout readout;
  int code = KVOX_TOOL_DONE, measured = 0;
  for (int64_t i = 0; i < source->readouts && code == KVOX_TOOL_DONE; i++) {
    code = kvox_tool_mri_read(tool, source, i, &readout, &measured);
    if (code == KVOX_TOOL_DONE && measured) {
      learn(&readout, facts);
    }
    code = code == KVOX_TOOL_DONE ? kvox_tool_check(tool, kvox_tool_progress_interrupted(), NULL) : code;
  }
  return code;
}

int kvox_tool_mri_describe(const kvox_tool *tool, const char *path) {
  static const kvox_tool_mri_source_values values;
  kvox_tool_mri_source source = {0};
  raw_facts facts = {0};
  int code = kvox_tool_mri_open(tool, path, &values, &source);
  code = code == KVOX_TOOL_DONE ? count_readouts(tool, &source, &facts) : code;
  if (code == KVOX_TOOL_DONE) {
    cJSON_AddStringToObject(tool->report, "input", path);
    if (source.array != NULL) {
      kvox_tool_report_integers(tool->report, "shape", source.array->shape, source.array->rank);
    }
    kvox_tool_mri_report_protocol(&source.protocol, tool->report);
    if (source.array != NULL) { /* it tells no lengths */
      cJSON *protocol = cJSON_GetObjectItem(tool->report, "protocol");
      cJSON_DeleteItemFromObject(protocol, "encoded_mm");
      cJSON_DeleteItemFromObject(protocol, "image_mm");
    }
    kvox_tool_mri_report_uses(&source, tool->report);
    cJSON *readout = cJSON_AddObjectToObject(tool->report, "readout");
    cJSON_AddNumberToObject(readout, "coils", facts.coils);
    cJSON_AddNumberToObject(readout, "samples", facts.samples);
    if (facts.sample_time_us > 0) {
      cJSON_AddNumberToObject(readout, "sample_time_us", facts.sample_time_us);
    }
    cJSON_AddNumberToObject(tool->report, "reversed_readouts", (double)facts.reversed);
  }
  kvox_tool_mri_close(&source);
  return code;
}

static int add_readouts(const kvox_tool *tool, kvox_tool_mri_source *source, kvox_mri_noise_sum **sum) {
  kvox_mri_readout readout;
  int code = KVOX_TOOL_DONE, measured = 0;
  for (int64_t i = 0; i < source->readouts && code == KVOX_TOOL_DONE; i++) {
    code = kvox_tool_mri_read(tool, source, i, &readout, &measured);
    if (code != KVOX_TOOL_DONE || (readout.flags & KVOX_MRI_NOISE) == 0) {
      continue;
    }
    kvox_status status = KVOX_OK;
    if (*sum == NULL) {
      status = kvox_mri_noise_sum_create(tool->context, readout.coils, readout.sample_time_us, sum);
    }
    status = status == KVOX_OK ? kvox_mri_noise_sum_add_readout(*sum, &readout) : status;
    code = kvox_tool_check(tool, status, source->path);
  }
  return code;
}

static int add_array(const kvox_tool *tool, const char *path, kvox_io_array **array, kvox_mri_noise_sum **sum) {
  kvox_status status = kvox_io_read_array(tool->context, path, array);
  if (status == KVOX_OK) {
    const kvox_array *samples = kvox_io_array_view(*array);
    if (samples->rank < 2) {
      return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s has 1 dimension, noise must be [.., coil, sample]", path);
    }
    status = kvox_mri_noise_sum_create(tool->context, samples->shape[samples->rank - 2], 0, sum);
    status = status == KVOX_OK ? kvox_mri_noise_sum_add(*sum, samples) : status;
  }
  return kvox_tool_check(tool, status, path);
}

int kvox_tool_mri_read_noise(const kvox_tool *tool, const char *path, kvox_mri_noise **noise) {
  static const kvox_tool_mri_source_values values;
  kvox_tool_mri_source source = {0};
  kvox_io_array *array = NULL;
  kvox_mri_noise_sum *sum = NULL;
  int code;
  if (kvox_tool_has_extension(path, ".npy") || kvox_tool_has_extension(path, ".cfl")) {
    code = add_array(tool, path, &array, &sum);
  } else {
    code = kvox_tool_mri_open(tool, path, &values, &source);
    code = code == KVOX_TOOL_DONE ? add_readouts(tool, &source, &sum) : code;
    if (code == KVOX_TOOL_DONE && sum == NULL) {
      code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                              "--noise-file %s: none of its %" PRId64
                              " readouts is marked as noise; give the file of a "
                              "noise scan, or samples [coil, sample] as .npy",
                              path, source.readouts);
    }
  }
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check(tool, kvox_mri_noise_sum_finish(sum, noise), path);
  }
  kvox_mri_noise_sum_destroy(sum);
  kvox_io_array_destroy(array);
  kvox_tool_mri_close(&source);
  return code;
}

/* kvox mri: phase, and the maps that several echoes give. */
#include <inttypes.h>
#include <math.h>

#include "tool/mri.h"

static int32_t echoes_of(const kvox_mri_protocol *protocol) {
  const kvox_mri_limits *limits = &protocol->limits[KVOX_MRI_CONTRAST];
  return limits->last - limits->first + 1;
}

int kvox_tool_mri_check_maps(const kvox_tool_mri_job *job) {
  const kvox_tool_mri_values *values = job->values;
  const kvox_mri_protocol *protocol = &job->source.protocol;
  const int32_t echoes = echoes_of(protocol);
  const char *option = values->b0 != NULL ? "--b0" : "--t2star";
  if (values->b0 == NULL && values->t2star == NULL) {
    return KVOX_TOOL_DONE;
  }
  if (echoes < 2) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "%s wants several echoes, %s has one%s", option,
                            job->source.path,
                            job->source.array != NULL ? "; name their dimension, --axes echo,coil,y,x" : "");
  }
  if (protocol->echoes < echoes) {
    return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "%s: %s tells %d of the times of its %d echoes%s", option,
                            job->source.path, (int)protocol->echoes, (int)echoes,
                            job->source.array != NULL ? "; give them by --echo-times MS,MS,..." : "");
  }
  for (int32_t e = 1; e < echoes; e++) {
    if (!(protocol->echo_ms[e] > protocol->echo_ms[e - 1])) {
      return kvox_tool_refuse(job->tool, KVOX_TOOL_FAILED, "%s: the echo times of %s do not rise", option,
                              job->source.path);
    }
  }
  return KVOX_TOOL_DONE;
}

static kvox_status unwrap(kvox_tool_mri_job *job, double period, const kvox_array *array) {
  kvox_mri_unwrap_options options;
  kvox_mri_unwrap_options_init(&options);
  options.dimensions = array->shape[array->rank - 3] > 1 ? 3 : 2;
  options.period = period;
  const kvox_status status = kvox_mri_unwrap(job->tool->context, &options, job->workspace, array, array);
  kvox_tool_mri_add_stages(job);
  return status;
}

int kvox_tool_mri_take_phase(kvox_tool_mri_job *job) {
  const kvox_tool *tool = job->tool;
  kvox_tool_mri_images phase = {0};
  int code = kvox_tool_mri_allocate(tool, job->images.shape, KVOX_F32, &phase);
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_place_as(tool, &job->images, &phase) : code;
  if (code == KVOX_TOOL_DONE) {
    kvox_status status = kvox_mri_phase(tool->context, job->workspace, &job->images.array, &phase.array);
    kvox_tool_mri_add_stages(job);
    if (status == KVOX_OK && job->values->unwrap) {
      status = unwrap(job, 0, &phase.array);
    }
    code = kvox_tool_check(tool, status, job->source.path);
  }
  phase.phase_period = job->values->unwrap ? 0 : 6.28318530717958648;
  kvox_tool_mri_release(&job->images);
  job->images = phase;
  return code;
}

/* [frame, coil, z, y, x] as [frame of several echoes, echo, (coil,) z, y, x]. */
static kvox_status by_echoes(const kvox_array *images, int32_t echoes, int with_coils, kvox_array *array) {
  const int64_t *s = images->shape;
  const int64_t coils[] = {s[0] / echoes, echoes, s[1], s[2], s[3], s[4]};
  const int64_t combined[] = {s[0] / echoes, echoes, s[2], s[3], s[4]};
  return with_coils ? kvox_array_init(array, images->data, images->type, 6, coils)
                    : kvox_array_init(array, images->data, images->type, 5, combined);
}

/* One map for all echoes of a frame. */
static int allocate_map(const kvox_tool_mri_job *job, const char *option, const char *path, kvox_tool_mri_images *map,
                        kvox_array *array) {
  const kvox_tool *tool = job->tool;
  const int64_t *s = job->images.shape;
  const int32_t echoes = echoes_of(&job->source.protocol);
  const int64_t shape[5] = {s[0] / echoes, 1, s[2], s[3], s[4]};
  const kvox_tool_mri_write_values whole = {.compress = 0};
  int code = kvox_tool_mri_fits(tool, option, path, shape, KVOX_F32, &whole);
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_allocate(tool, shape, KVOX_F32, map) : code;
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_place_as(tool, &job->images, map) : code;
  if (code == KVOX_TOOL_DONE) {
    const int64_t flat[4] = {shape[0], shape[2], shape[3], shape[4]};
    code = kvox_tool_check(tool, kvox_array_init(array, map->array.data, KVOX_F32, 4, flat), option);
  }
  return code;
}

/* 1 / the step between echoes in Hz, where all steps are equal to a thousandth; else 0. */
static double period_hz(const kvox_mri_protocol *protocol, int32_t echoes) {
  const double step = protocol->echo_ms[1] - protocol->echo_ms[0];
  for (int32_t e = 2; e < echoes; e++) {
    if (fabs(protocol->echo_ms[e] - protocol->echo_ms[e - 1] - step) > 1e-3 * step) {
      return 0;
    }
  }
  return 1000 / step;
}

static int make_field(kvox_tool_mri_job *job) {
  const kvox_tool *tool = job->tool;
  const kvox_mri_protocol *protocol = &job->source.protocol;
  const int32_t echoes = echoes_of(protocol);
  kvox_tool_mri_images apart = {0};
  kvox_array field, coils;
  int64_t shape[5];
  int code = allocate_map(job, "--b0", job->values->b0, &job->field, &field);
  code = code == KVOX_TOOL_DONE ? kvox_tool_check(tool, kvox_mri_recon_shape(job->apart, shape), "--b0") : code;
  code = code == KVOX_TOOL_DONE ? kvox_tool_mri_allocate(tool, shape, KVOX_C64, &apart) : code;
  if (code == KVOX_TOOL_DONE) {
    kvox_status status = kvox_mri_recon_image(job->apart, job->workspace, &apart.array);
    if (status == KVOX_OK) {
      status = by_echoes(&apart.array, echoes, 1, &coils);
    }
    if (status == KVOX_OK) {
      status = kvox_mri_field_map(tool->context, job->workspace, &coils, protocol->echo_ms, &field, NULL);
      kvox_tool_mri_add_stages(job);
    }
    const double period = period_hz(protocol, echoes);
    if (status == KVOX_OK && job->values->unwrap && period > 0) {
      status = unwrap(job, period, &field);
    }
    code = kvox_tool_check(tool, status, "--b0");
  }
  kvox_tool_mri_release(&apart);
  return code;
}

static int make_t2star(kvox_tool_mri_job *job) {
  kvox_array map, magnitudes;
  int code = allocate_map(job, "--t2star", job->values->t2star, &job->t2star, &map);
  if (code == KVOX_TOOL_DONE) {
    const kvox_mri_protocol *protocol = &job->source.protocol;
    kvox_status status = by_echoes(&job->images.array, echoes_of(protocol), 0, &magnitudes);
    if (status == KVOX_OK) {
      status =
          kvox_mri_t2star(job->tool->context, NULL, job->workspace, &magnitudes, protocol->echo_ms, &map, NULL, NULL);
      kvox_tool_mri_add_stages(job);
    }
    code = kvox_tool_check(job->tool, status, "--t2star");
  }
  return code;
}

int kvox_tool_mri_make_maps(kvox_tool_mri_job *job) {
  int code = job->values->b0 != NULL ? make_field(job) : KVOX_TOOL_DONE;
  return code == KVOX_TOOL_DONE && job->values->t2star != NULL ? make_t2star(job) : code;
}

int kvox_tool_mri_write_maps(kvox_tool_mri_job *job) {
  const kvox_tool_mri_write_values whole = {.compress = job->values->write.compress};
  int code = KVOX_TOOL_DONE;
  if (job->values->b0 != NULL) {
    code = kvox_tool_mri_write(job->tool, job->values->b0, &job->field, NULL, &whole);
  }
  if (code == KVOX_TOOL_DONE && job->values->t2star != NULL) {
    code = kvox_tool_mri_write(job->tool, job->values->t2star, &job->t2star, NULL, &whole);
  }
  return code;
}

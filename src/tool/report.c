#include "tool/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void kvox_tool_report_integers(cJSON *object, const char *name, const int64_t *values, int count) {
  cJSON *list = cJSON_AddArrayToObject(object, name);
  for (int i = 0; i < count; i++) {
    cJSON_AddItemToArray(list, cJSON_CreateNumber((double)values[i]));
  }
}

void kvox_tool_report_reals(cJSON *object, const char *name, const double *values, int count) {
  cJSON_AddItemToObject(object, name, cJSON_CreateDoubleArray(values, count));
}

void kvox_tool_report_stages(cJSON *stages, const kvox_workspace *workspace) {
  for (int32_t i = 0; i < kvox_workspace_stage_count(workspace); i++) {
    cJSON_AddNumberToObject(stages, kvox_workspace_stage_name(workspace, i),
                            kvox_workspace_stage_seconds(workspace, i));
  }
}

void kvox_tool_report_seconds(const kvox_tool *tool, const kvox_tool_seconds *seconds, cJSON *stages) {
  cJSON *object = cJSON_AddObjectToObject(tool->report, "seconds");
  cJSON_AddNumberToObject(object, "read", seconds->read);
  cJSON_AddNumberToObject(object, "compute", seconds->compute);
  cJSON_AddNumberToObject(object, "write", seconds->write);
  cJSON_AddNumberToObject(object, "total", kvox_tool_now() - tool->started);
  cJSON_AddItemToObject(object, "stages", stages != NULL ? stages : cJSON_CreateObject());
}

void kvox_tool_report_memory(const kvox_tool *tool, const kvox_memory_use *memory) {
  cJSON *object = cJSON_AddObjectToObject(tool->report, "memory");
  cJSON_AddNumberToObject(object, "plan_bytes", (double)memory->plan);
  cJSON_AddNumberToObject(object, "workspace_bytes", (double)memory->workspace);
  cJSON_AddNumberToObject(object, "device_bytes", (double)memory->device);
}

static double peak_memory(void) {
  struct rusage usage;
  /* ru_maxrss is in KiB on Linux. */
  return getrusage(RUSAGE_SELF, &usage) == 0 ? 1024.0 * (double)usage.ru_maxrss : 0;
}

static int64_t element_count(const kvox_array *array) {
  int64_t count = 1;
  for (int32_t i = 0; i < array->rank; i++) {
    count *= array->shape[i];
  }
  return count;
}

/* Two passes, so that a large mean does not swallow a small deviation; a partial sum a block, so that the total keeps
 * its digits. */
void kvox_tool_report_statistics(const kvox_tool *tool, const kvox_array *samples) {
  enum { BLOCK = 4096 };
  const float *data = samples->data;
  const int64_t count = element_count(samples);
  double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, mean = 0;
  int64_t finite = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t begin = 0; begin < count; begin += BLOCK) {
      const int64_t end = begin + BLOCK < count ? begin + BLOCK : count;
      double part = 0;
      for (int64_t i = begin; i < end; i++) {
        const double value = data[i];
        if (!isfinite(value)) {
          continue;
        }
        if (pass == 0) {
          part += value;
          low = value < low ? value : low;
          high = value > high ? value : high;
          finite++;
        } else {
          part += (value - mean) * (value - mean);
        }
      }
      *(pass == 0 ? &sum : &squares) += part;
    }
    mean = finite > 0 ? sum / (double)finite : 0;
  }
  cJSON *object = cJSON_AddObjectToObject(tool->report, "statistics");
  if (finite > 0) {
    cJSON_AddNumberToObject(object, "min", low);
    cJSON_AddNumberToObject(object, "max", high);
    cJSON_AddNumberToObject(object, "mean", mean);
    cJSON_AddNumberToObject(object, "std", sqrt(squares / (double)finite));
  }
  cJSON_AddNumberToObject(object, "finite", (double)finite);
  cJSON_AddNumberToObject(object, "count", (double)count);
}

int kvox_tool_report_volume(const kvox_tool *tool, const kvox_volume *volume) {
  static const char *const units[] = {"arbitrary", "HU", "1/mm", "1/pixel"};
  kvox_grid grid;
  kvox_array samples;
  const int32_t unit = kvox_volume_unit(volume);
  kvox_status status = kvox_volume_grid(volume, &grid);
  if (status == KVOX_OK) {
    status = kvox_volume_array(volume, &samples);
  }
  if (status != KVOX_OK) {
    return kvox_tool_check(tool, status, NULL);
  }
  const char *length = unit == KVOX_UNIT_PER_PIXEL ? "spacing_px" : "spacing_mm";
  const char *origin = unit == KVOX_UNIT_PER_PIXEL ? "origin_px" : "origin_mm";
  kvox_tool_report_integers(tool->report, "size", grid.size, 3);
  kvox_tool_report_reals(tool->report, length, grid.spacing_mm, 3);
  kvox_tool_report_reals(tool->report, origin, grid.origin_mm, 3);
  cJSON_AddStringToObject(tool->report, "unit", unit >= 0 && unit <= KVOX_UNIT_PER_PIXEL ? units[unit] : "?");
  kvox_tool_report_statistics(tool, &samples);
  cJSON *provenance = cJSON_Parse(kvox_volume_provenance(volume));
  if (provenance != NULL) {
    cJSON_AddItemToObject(tool->report, "provenance", provenance);
  }
  return KVOX_TOOL_DONE;
}

static int ends_with(const char *text, const char *end) {
  const size_t a = strlen(text), b = strlen(end);
  return a >= b && strcmp(text + a - b, end) == 0;
}

static void print_value(const cJSON *value);

/* Members by their names; in a row of a list the words speak for themselves. */
static void print_members(const cJSON *value, int row) {
  const cJSON *item = NULL;
  const char *separator = "";
  cJSON_ArrayForEach(item, value) {
    const int nested = cJSON_IsObject(value) && item->child != NULL;
    fputs(separator, stdout);
    separator = ", ";
    if (item->string != NULL && !(row && cJSON_IsString(item))) {
      printf("%s ", item->string);
    }
    fputs(nested ? "(" : "", stdout);
    print_value(item);
    fputs(nested ? ")" : "", stdout);
  }
}

static void print_value(const cJSON *value) {
  if (cJSON_IsNumber(value)) {
    const int bytes = value->string != NULL && ends_with(value->string, "_bytes");
    const double number = value->valuedouble;
    if (bytes) {
      printf("%.1f MiB", number / 1048576);
    } else {
      printf(number == rint(number) && fabs(number) < 1e15 ? "%.15g" : "%.6g", number);
    }
  } else if (cJSON_IsString(value)) {
    fputs(value->valuestring, stdout);
  } else if (cJSON_IsBool(value)) {
    fputs(cJSON_IsTrue(value) ? "yes" : "no", stdout);
  } else if (value->child == NULL) {
    fputs("-", stdout);
  } else {
    print_members(value, 0);
  }
}

/* What matters to machines alone, or once: kvox info and --json tell it. */
static int is_for_the_eye(const char *name) {
  static const char *const others[] = {"provenance", "kvox",           "platform",     "driver",       "fft",
                                       "fft_effort", "backend_reason", "cpu_detected", "host_threads", "memory_limit"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    if (strcmp(name, others[i]) == 0) {
      return 0;
    }
  }
  return 1;
}

/* One line a member; a list of objects has one line each. */
static void print_table(const cJSON *report, int whole) {
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, report) {
    if (!whole && !is_for_the_eye(item->string)) {
      continue;
    }
    const int rows = cJSON_IsArray(item) && cJSON_IsObject(item->child);
    const cJSON *row = rows ? item->child : item;
    do {
      printf("%-18s", item->string);
      rows ? print_members(row, 1) : print_value(row);
      putchar('\n');
      row = row->next;
    } while (rows && row != NULL);
  }
}

cJSON *kvox_tool_describe(const kvox_tool *tool) {
  const size_t length = kvox_context_describe(tool->context, NULL, 0);
  char *text = malloc(length + 1);
  if (text == NULL) {
    return NULL;
  }
  kvox_context_describe(tool->context, text, length + 1);
  cJSON *description = cJSON_Parse(text);
  free(text);
  return description;
}

/* Where it was computed is the result's to say: a plan may have fallen back to the CPU. */
static const cJSON *said_of(const cJSON *member, const cJSON *provenance) {
  static const char *const places[] = {"backend", "device", "platform", "driver", "fft"};
  for (size_t i = 0; i < sizeof places / sizeof places[0] && cJSON_HasObjectItem(provenance, "backend"); i++) {
    if (strcmp(member->string, places[i]) == 0) {
      return cJSON_GetObjectItem(provenance, places[i]);
    }
  }
  return member;
}

/* Adds what the context says of itself: version, backend, CPU level, device, threads, FFT library. */
static void add_context(const kvox_tool *tool) {
  cJSON *description = kvox_tool_describe(tool);
  const cJSON *provenance = cJSON_GetObjectItem(tool->report, "provenance");
  const cJSON *member = NULL;
  cJSON_ArrayForEach(member, description) {
    const cJSON *said = said_of(member, provenance);
    if (said != NULL) {
      cJSON_AddItemToObject(tool->report, member->string, cJSON_Duplicate(said, 1));
    }
  }
  cJSON_Delete(description);
}

int kvox_tool_report_print(const kvox_tool *tool) {
  if (tool->report == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "out of memory for the report");
  }
  const int whole = strcmp(tool->verb, "info") == 0 && !cJSON_HasObjectItem(tool->report, "input");
  const int of_a_file = strcmp(tool->verb, "info") == 0 && !whole;
  if ((tool->common->json && !of_a_file) || whole ||
      cJSON_HasObjectItem(tool->report, "seconds")) { /* not below a mere list */
    cJSON_AddNumberToObject(tool->report, "peak_memory_bytes", peak_memory());
    add_context(tool);
  }
  if (tool->common->json) {
    char *text = cJSON_Print(tool->report);
    if (text == NULL) {
      return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "out of memory for the report");
    }
    puts(text);
    cJSON_free(text);
  } else if (!tool->common->quiet) {
    print_table(tool->report, whole);
  }
  return KVOX_TOOL_DONE;
}

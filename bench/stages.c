/* What an execution says of its stages, and a device of its transfers. */
#include <string.h>

#include "bench.h"

static kvox_bench_series *series_of(kvox_bench_stages *stages, const char *name) {
  int i = 0;
  while (i < stages->count && strcmp(stages->names[i], name) != 0) {
    i++;
  }
  if (i == KVOX_BENCH_MOST_STAGES) {
    return NULL;
  }
  if (i == stages->count) {
    stages->names[stages->count++] = name;
  }
  return &stages->seconds[i];
}

void kvox_bench_stages_add(kvox_bench_stages *stages, const kvox_workspace *workspace) {
  for (int32_t i = 0; i < kvox_workspace_stage_count(workspace); i++) {
    kvox_bench_series *series = series_of(stages, kvox_workspace_stage_name(workspace, i));
    if (series != NULL) {
      kvox_bench_add(series, kvox_workspace_stage_seconds(workspace, i));
    }
  }
}

double kvox_bench_stage(const kvox_bench_stages *stages, const char *name) {
  for (int i = 0; i < stages->count; i++) {
    if (strcmp(stages->names[i], name) == 0) {
      return kvox_bench_median(&stages->seconds[i]);
    }
  }
  return 0;
}

void kvox_bench_report_stages(cJSON *seconds, const kvox_bench_stages *stages) {
  for (int i = 0; i < stages->count; i++) {
    cJSON_AddNumberToObject(seconds, stages->names[i], kvox_bench_median(&stages->seconds[i]));
  }
}

double kvox_bench_bytes(const kvox_array *array) {
  double bytes = (double)kvox_type_size(array->type);
  for (int32_t d = 0; d < array->rank; d++) {
    bytes *= (double)array->shape[d];
  }
  return bytes;
}

void kvox_bench_report_transfers(cJSON *result, const kvox_bench_stages *stages, const kvox_array *up,
                                 const kvox_array *down) {
  const double upload_s = kvox_bench_stage(stages, "upload"), download_s = kvox_bench_stage(stages, "download");
  if (upload_s > 0 && download_s > 0) {
    cJSON *json = cJSON_AddObjectToObject(result, "transfers");
    cJSON_AddNumberToObject(json, "upload_gbytes_per_s", 1e-9 * kvox_bench_bytes(up) / upload_s);
    cJSON_AddNumberToObject(json, "download_gbytes_per_s", 1e-9 * kvox_bench_bytes(down) / download_s);
  }
}

int kvox_bench_on_device(const kvox_bench *bench) {
  return kvox_context_backend(bench->context) == KVOX_BACKEND_OPENCL;
}

kvox_status kvox_bench_device_copy(const kvox_bench *bench, const kvox_array *host, kvox_buffer **buffer,
                                   kvox_array *array) {
  KVOX_BENCH_TRY(kvox_buffer_create(bench->context, (uint64_t)kvox_bench_bytes(host), buffer));
  KVOX_BENCH_TRY(kvox_array_init_buffer(array, *buffer, 0, host->type, host->rank, host->shape));
  return kvox_array_copy(host, array);
}

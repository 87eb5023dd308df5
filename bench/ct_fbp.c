/* Filtered back-projection, whole: ct-stack, ct-slice, ct-large. */
#include <string.h>

#include "bench.h"

typedef struct fbp_times {
  kvox_bench_series total, filter, backproject;
} fbp_times;

static double stage_seconds(const kvox_workspace *workspace, const char *name) {
  for (int32_t i = 0; i < kvox_workspace_stage_count(workspace); i++) {
    if (strcmp(kvox_workspace_stage_name(workspace, i), name) == 0) {
      return kvox_workspace_stage_seconds(workspace, i);
    }
  }
  return 0;
}

static kvox_status time_runs(const kvox_bench *bench, const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                             const kvox_bench_scan *scan, fbp_times *times) {
  KVOX_BENCH_TRY(kvox_ct_fbp_execute(plan, workspace, &scan->projections, scan->volume));
  while (kvox_bench_goes_on(&times->total, bench->runs)) {
    const double begin = kvox_bench_now();
    KVOX_BENCH_TRY(kvox_ct_fbp_execute(plan, workspace, &scan->projections, scan->volume));
    kvox_bench_add(&times->total, kvox_bench_now() - begin);
    kvox_bench_add(&times->filter, stage_seconds(workspace, "filter"));
    kvox_bench_add(&times->backproject, stage_seconds(workspace, "backproject"));
  }
  return KVOX_OK;
}

static kvox_status report_memory(cJSON *result, const kvox_ct_fbp_plan *plan, const kvox_workspace *workspace,
                                 double resident_before) {
  kvox_memory_use use;
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_memory(plan, &use));
  cJSON *memory = cJSON_AddObjectToObject(result, "memory");
  cJSON_AddNumberToObject(memory, "plan_bytes", (double)use.plan);
  cJSON_AddNumberToObject(memory, "workspace_bytes", (double)kvox_workspace_bytes(workspace));
  const double most = kvox_bench_most_resident();
  if (most > 0) {
    cJSON_AddNumberToObject(memory, "resident_growth_bytes", most - resident_before);
  }
  return KVOX_OK;
}

static kvox_status report(const kvox_bench *bench, const kvox_bench_case *what, const kvox_bench_scan *scan,
                          const kvox_ct_fbp_plan *plan, const fbp_times *times, cJSON *result) {
  double rmse = 0;
  const double seconds = kvox_bench_median(&times->total);
  KVOX_BENCH_TRY(kvox_bench_error(bench, scan, &rmse));
  cJSON *stages = kvox_bench_report(result, what, &times->total);
  cJSON_AddNumberToObject(stages, "filter", kvox_bench_median(&times->filter));
  cJSON_AddNumberToObject(stages, "backproject", kvox_bench_median(&times->backproject));
  cJSON_AddNumberToObject(result, "gups", kvox_bench_gups(what, seconds));
  cJSON_AddNumberToObject(result, "gups_backproject", kvox_bench_gups(what, kvox_bench_median(&times->backproject)));
  cJSON_AddNumberToObject(result, "rmse", rmse);
  const int64_t length = kvox_bench_transform_length(kvox_ct_fbp_plan_provenance(plan));
  const kvox_bench_limits limits = kvox_bench_interpolation_limits(bench, what);
  const double fftw_s = kvox_bench_fftw_seconds(bench->threads, length, what->views * what->slices);
  kvox_bench_report_limits(result, &limits, fftw_s, seconds);
  return KVOX_OK;
}

kvox_status kvox_bench_ct_fbp(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_bench_scan scan;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_workspace *workspace = NULL;
  fbp_times times = {0};
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.grid = &scan.grid;
  kvox_status status = kvox_bench_scan_make(bench, what, &scan);
  if (status != KVOX_OK) {
    goto cleanup;
  }
  kvox_bench_reset_most_resident();
  const double resident = kvox_bench_resident();
  status = kvox_ct_fbp_plan_create(bench->context, scan.geometry, &options, &plan);
  if (status == KVOX_OK) {
    status = kvox_workspace_create(bench->context, &workspace);
  }
  if (status == KVOX_OK) {
    status = time_runs(bench, plan, workspace, &scan, &times);
  }
  if (status == KVOX_OK) {
    status = report_memory(result, plan, workspace, resident);
  }
  if (status == KVOX_OK) {
    status = report(bench, what, &scan, plan, &times, result);
  }

cleanup:
  kvox_workspace_destroy(workspace);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_bench_scan_drop(&scan);
  return status;
}

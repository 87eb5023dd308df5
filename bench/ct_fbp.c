/* Filtered back-projection, whole: ct-stack, ct-slice, ct-large, ct-fdk, ct-rabbit. */
#include "bench.h"

typedef struct fbp_times {
  kvox_bench_series total, resident; /* resident: arrays that stay on the device */
  kvox_bench_stages stages;
} fbp_times;

static kvox_status time_runs(const kvox_bench *bench, const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                             const kvox_bench_scan *scan, fbp_times *times) {
  KVOX_BENCH_TRY(kvox_ct_fbp_execute(plan, workspace, &scan->projections, scan->volume));
  while (kvox_bench_goes_on(&times->total, bench->runs)) {
    const double begin = kvox_bench_now();
    KVOX_BENCH_TRY(kvox_ct_fbp_execute(plan, workspace, &scan->projections, scan->volume));
    kvox_bench_add(&times->total, kvox_bench_now() - begin);
    kvox_bench_stages_add(&times->stages, workspace);
  }
  return KVOX_OK;
}

/* The same with arrays that lie on the device already: no transfers. */
static kvox_status time_resident(const kvox_bench *bench, const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                 const kvox_bench_scan *scan, fbp_times *times) {
  kvox_buffer *buffer = NULL;
  kvox_volume *volume = NULL;
  kvox_array projections;
  kvox_status status = kvox_bench_device_copy(bench, &scan->projections, &buffer, &projections);
  if (status == KVOX_OK) {
    status = kvox_volume_create_device(bench->context, KVOX_F32, &scan->grid, &volume);
  }
  while (status == KVOX_OK && kvox_bench_goes_on(&times->resident, bench->runs)) {
    const double begin = kvox_bench_now();
    status = kvox_ct_fbp_execute(plan, workspace, &projections, volume);
    kvox_bench_add(&times->resident, kvox_bench_now() - begin);
  }
  kvox_volume_destroy(volume);
  kvox_buffer_destroy(buffer);
  return status;
}

static kvox_status report_memory(cJSON *result, const kvox_ct_fbp_plan *plan, const kvox_workspace *workspace,
                                 double resident_before) {
  kvox_memory_use use;
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_memory(plan, &use));
  cJSON *memory = cJSON_AddObjectToObject(result, "memory");
  cJSON_AddNumberToObject(memory, "plan_bytes", (double)use.plan);
  cJSON_AddNumberToObject(memory, "workspace_bytes", (double)kvox_workspace_bytes(workspace));
  cJSON_AddNumberToObject(memory, "device_bytes", (double)use.device);
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
  kvox_bench_report_stages(stages, &times->stages);
  cJSON_AddNumberToObject(result, "gups", kvox_bench_gups(what, seconds));
  cJSON_AddNumberToObject(result, "gups_backproject",
                          kvox_bench_gups(what, kvox_bench_stage(&times->stages, "backproject")));
  cJSON_AddNumberToObject(result, "rmse", rmse);
  if (kvox_bench_on_device(bench)) {
    kvox_array volume;
    const double resident_s = kvox_bench_median(&times->resident);
    KVOX_BENCH_TRY(kvox_volume_array(scan->volume, &volume));
    kvox_bench_report_transfers(result, &times->stages, &scan->projections, &volume);
    cJSON_AddNumberToObject(stages, "without_transfers", resident_s);
    cJSON_AddNumberToObject(result, "gups_without_transfers", kvox_bench_gups(what, resident_s));
    return KVOX_OK; /* the limits are the CPU's */
  }
  const int64_t length = kvox_bench_transform_length(kvox_ct_fbp_plan_provenance(plan));
  const kvox_bench_limits limits = kvox_bench_interpolation_limits(bench, what, scan);
  const double fftw_s = kvox_bench_fftw_seconds(bench->threads, length, what->views * scan->projections.shape[1]);
  kvox_bench_report_limits(result, &limits, fftw_s, seconds);
  return KVOX_OK;
}

typedef kvox_status (*scan_maker)(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);

static kvox_status run_scan(const kvox_bench *bench, const kvox_bench_case *what, scan_maker make, cJSON *result) {
  kvox_bench_scan scan;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_workspace *workspace = NULL;
  fbp_times times = {0};
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.grid = &scan.grid;
  kvox_status status = make(bench, what, &scan);
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
  if (status == KVOX_OK && kvox_bench_on_device(bench)) {
    status = time_resident(bench, plan, workspace, &scan, &times);
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

kvox_status kvox_bench_ct_fbp(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_scan(bench, what, kvox_bench_scan_make, result);
}

kvox_status kvox_bench_ct_fdk(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_scan(bench, what, kvox_bench_scan_make_cone, result);
}

kvox_status kvox_bench_ct_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_scan(bench, what, kvox_bench_scan_make_fan, result);
}

static kvox_status make_rabbit(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  return kvox_bench_scan_make_rabbit(bench, what, 0, scan);
}

static kvox_status make_sagging_rabbit(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  return kvox_bench_scan_make_rabbit(bench, what, 1, scan);
}

/* RabbitCT's figure: updates a second of a core. */
static void report_a_core(const kvox_bench *bench, cJSON *result) {
  const double threads = bench->threads;
  const double gups = cJSON_GetNumberValue(cJSON_GetObjectItem(result, "gups"));
  const double backproject = cJSON_GetNumberValue(cJSON_GetObjectItem(result, "gups_backproject"));
  cJSON_AddNumberToObject(result, "gups_a_core", gups / threads);
  cJSON_AddNumberToObject(result, "gups_backproject_a_core", backproject / threads);
}

kvox_status kvox_bench_ct_rabbit(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  KVOX_BENCH_TRY(run_scan(bench, what, make_rabbit, result));
  report_a_core(bench, result);
  return KVOX_OK;
}

kvox_status kvox_bench_ct_rabbit_matrices(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  KVOX_BENCH_TRY(run_scan(bench, what, make_sagging_rabbit, result));
  report_a_core(bench, result);
  return KVOX_OK;
}

/* ct-project, ct-backproject and the same of cone and fan beams and of an arm that sags: the matched pairs. */
#include "bench.h"

typedef kvox_status make(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);
typedef kvox_status side(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_bench_scan *scan);

static kvox_status project(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_bench_scan *scan) {
  return kvox_ct_project(operation, workspace, scan->volume, &scan->projections);
}

static kvox_status backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                               const kvox_bench_scan *scan) {
  return kvox_ct_backproject(operation, workspace, &scan->projections, scan->volume);
}

static kvox_status time_runs(const kvox_bench *bench, const kvox_ct_operator *operation, kvox_workspace *workspace,
                             const kvox_bench_scan *scan, side *run, kvox_bench_series *total,
                             kvox_bench_stages *stages) {
  KVOX_BENCH_TRY(run(operation, workspace, scan));
  while (kvox_bench_goes_on(total, bench->runs)) {
    const double begin = kvox_bench_now();
    KVOX_BENCH_TRY(run(operation, workspace, scan));
    kvox_bench_add(total, kvox_bench_now() - begin);
    kvox_bench_stages_add(stages, workspace);
  }
  return KVOX_OK;
}

static kvox_status report(const kvox_bench *bench, const kvox_bench_case *what, const kvox_ct_operator *operation,
                          const kvox_workspace *workspace, const kvox_bench_scan *scan, side *run,
                          const kvox_bench_series *total, const kvox_bench_stages *stages, cJSON *result) {
  kvox_memory_use use;
  const double seconds = kvox_bench_median(total);
  KVOX_BENCH_TRY(kvox_ct_operator_memory(operation, &use));
  cJSON *json = kvox_bench_report(result, what, total);
  cJSON_AddNumberToObject(result, "gups", kvox_bench_gups(what, seconds));
  cJSON *memory = cJSON_AddObjectToObject(result, "memory");
  cJSON_AddNumberToObject(memory, "plan_bytes", (double)use.plan);
  cJSON_AddNumberToObject(memory, "workspace_bytes", (double)kvox_workspace_bytes(workspace));
  if (kvox_bench_on_device(bench)) {
    kvox_array volume;
    KVOX_BENCH_TRY(kvox_volume_array(scan->volume, &volume));
    cJSON_AddNumberToObject(memory, "device_bytes", (double)use.device);
    kvox_bench_report_stages(json, stages);
    kvox_bench_report_transfers(result, stages, run == project ? &volume : &scan->projections,
                                run == project ? &scan->projections : &volume);
    const double transfers_s = kvox_bench_stage(stages, "upload") + kvox_bench_stage(stages, "download");
    cJSON_AddNumberToObject(result, "gups_without_transfers", kvox_bench_gups(what, seconds - transfers_s));
    return KVOX_OK; /* the limits are the CPU's */
  }
  if (kvox_ct_geometry_beam(scan->geometry) != KVOX_CT_PARALLEL) {
    return KVOX_OK; /* the limits are of one interpolation a voxel and view */
  }
  const kvox_bench_limits limits = kvox_bench_interpolation_limits(bench, what, scan);
  kvox_bench_report_limits(result, &limits, 0, seconds);
  return KVOX_OK;
}

static kvox_status run_side(const kvox_bench *bench, const kvox_bench_case *what, make *make_scan, side *run,
                            cJSON *result) {
  kvox_bench_scan scan;
  kvox_ct_operator *operation = NULL;
  kvox_workspace *workspace = NULL;
  kvox_bench_series total = {0};
  kvox_bench_stages stages = {0};
  kvox_status status = make_scan(bench, what, &scan);
  if (status == KVOX_OK) {
    status = kvox_phantom_fill(scan.phantom, 1, scan.volume);
  }
  if (status == KVOX_OK) {
    kvox_ct_operator_options options;
    kvox_ct_operator_options_init(&options);
    options.grid = &scan.grid;
    status = kvox_ct_operator_create(bench->context, scan.geometry, &options, &operation);
  }
  if (status == KVOX_OK) {
    status = kvox_workspace_create(bench->context, &workspace);
  }
  if (status == KVOX_OK) {
    status = time_runs(bench, operation, workspace, &scan, run, &total, &stages);
  }
  if (status == KVOX_OK) {
    status = report(bench, what, operation, workspace, &scan, run, &total, &stages, result);
  }
  kvox_workspace_destroy(workspace);
  kvox_ct_operator_destroy(operation);
  kvox_bench_scan_drop(&scan);
  return status;
}

kvox_status kvox_bench_ct_project(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make, project, result);
}

kvox_status kvox_bench_ct_backproject(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make, backproject, result);
}

kvox_status kvox_bench_ct_project_cone(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_cone, project, result);
}

kvox_status kvox_bench_ct_backproject_cone(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_cone, backproject, result);
}

kvox_status kvox_bench_ct_project_arm(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_arm, project, result);
}

kvox_status kvox_bench_ct_backproject_arm(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_arm, backproject, result);
}

kvox_status kvox_bench_ct_project_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_fan, project, result);
}

kvox_status kvox_bench_ct_backproject_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  return run_side(bench, what, kvox_bench_scan_make_fan, backproject, result);
}

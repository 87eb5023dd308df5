/* Views as they arrive, one by one, in turns with the same reconstruction at once: ct-stream. */
#include "bench.h"

typedef struct stream_times {
  kvox_bench_series total;   /* in Kvox, from the first view to the volume */
  kvox_bench_series last;    /* from the last view to the volume */
  kvox_bench_series push;    /* the longest but the last */
  kvox_bench_series at_once; /* the one-call form */
  kvox_bench_stages stages;
} stream_times;

static kvox_status run_stream(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_bench_scan *scan,
                              stream_times *times) {
  kvox_ct_stream *stream = NULL;
  kvox_array view = scan->projections;
  double longest = 0;
  const double begin = kvox_bench_now();
  KVOX_BENCH_TRY(kvox_ct_stream_create(plan, workspace, scan->volume, &stream));
  kvox_status status = KVOX_OK;
  view.shape[0] = 1;
  for (int64_t v = 0; status == KVOX_OK && v < scan->projections.shape[0]; v++) {
    const double pushed = kvox_bench_now();
    view.data = (char *)scan->projections.data + v * scan->projections.strides[0];
    status = kvox_ct_stream_push(stream, v, &view);
    const double seconds = kvox_bench_now() - pushed;
    longest = v + 1 < scan->projections.shape[0] && seconds > longest ? seconds : longest;
  }
  if (status == KVOX_OK) {
    status = kvox_ct_stream_finish(stream);
  }
  if (status == KVOX_OK) {
    kvox_bench_add(&times->total, kvox_bench_now() - begin);
    kvox_bench_add(&times->last, kvox_ct_stream_seconds(stream));
    kvox_bench_add(&times->push, longest);
    kvox_bench_stages_add(&times->stages, workspace);
  }
  kvox_ct_stream_destroy(stream);
  return status;
}

static kvox_status run_once(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_bench_scan *scan,
                            stream_times *times) {
  const double begin = kvox_bench_now();
  KVOX_BENCH_TRY(kvox_ct_fbp_execute(plan, workspace, &scan->projections, scan->volume));
  kvox_bench_add(&times->at_once, kvox_bench_now() - begin);
  return KVOX_OK;
}

static void report(const kvox_bench_case *what, const kvox_ct_fbp_plan *plan, const stream_times *times,
                   cJSON *result) {
  kvox_memory_use use;
  cJSON *seconds = kvox_bench_report(result, what, &times->total);
  kvox_bench_report_stages(seconds, &times->stages);
  cJSON_AddNumberToObject(seconds, "last_view_to_volume", kvox_bench_median(&times->last));
  cJSON_AddNumberToObject(seconds, "longest_push", kvox_bench_median(&times->push));
  cJSON_AddNumberToObject(seconds, "at_once", kvox_bench_median(&times->at_once));
  cJSON_AddNumberToObject(result, "gups", kvox_bench_gups(what, kvox_bench_median(&times->total)));
  if (kvox_ct_fbp_plan_memory(plan, &use) == KVOX_OK) {
    cJSON_AddNumberToObject(result, "workspace_bytes", (double)use.workspace);
  }
}

/* Two plans and two workspaces: that of the stream is cut for it. */
typedef struct ways {
  kvox_ct_fbp_plan *stream, *at_once;
  kvox_workspace *of_stream, *of_once;
} ways;

static kvox_status make_ways(const kvox_bench *bench, const kvox_bench_scan *scan, ways *w) {
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.grid = &scan->grid;
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_create(bench->context, scan->geometry, &options, &w->at_once));
  options.stream_window = 1;
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_create(bench->context, scan->geometry, &options, &w->stream));
  KVOX_BENCH_TRY(kvox_workspace_create(bench->context, &w->of_stream));
  return kvox_workspace_create(bench->context, &w->of_once);
}

kvox_status kvox_bench_ct_stream(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_bench_scan scan;
  ways w = {0};
  stream_times times = {0}, warm = {0};
  kvox_status status = kvox_bench_scan_make_cone(bench, what, &scan);
  if (status == KVOX_OK) {
    status = make_ways(bench, &scan, &w);
  }
  if (status == KVOX_OK) {
    status = run_stream(w.stream, w.of_stream, &scan, &warm);
  }
  while (status == KVOX_OK && kvox_bench_goes_on(&times.total, bench->runs)) {
    status = run_once(w.at_once, w.of_once, &scan, &times);
    if (status == KVOX_OK) {
      status = run_stream(w.stream, w.of_stream, &scan, &times);
    }
  }
  if (status == KVOX_OK) {
    report(what, w.stream, &times, result);
  }
  kvox_workspace_destroy(w.of_stream);
  kvox_workspace_destroy(w.of_once);
  kvox_ct_fbp_plan_destroy(w.stream);
  kvox_ct_fbp_plan_destroy(w.at_once);
  kvox_bench_scan_drop(&scan);
  return status;
}

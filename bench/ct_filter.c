/* ct-filter: the ramp filter alone, beside FFTW's time for the same transforms. */
#include <string.h>

#include "bench.h"

/* FFTW's ways to transform the same rows; Kvox's own context plans with ESTIMATE. */
static const struct {
  const char *name;
  int pairs, measure;
} kinds[] = {{"fftw_real_estimate", 0, 0},
             {"fftw_pairs_estimate", 1, 0},
             {"fftw_real_measure", 0, 1},
             {"fftw_pairs_measure", 1, 1}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct filter_job {
  kvox_bench_scan scan;
  kvox_volume *memory;
  kvox_array filtered;
  kvox_ct_filter_plan *plan;
  kvox_ct_fbp_plan *fbp; /* it tells the length of the transforms */
  kvox_workspace *workspace;
  int64_t length;
  kvox_bench_fftw *fftw[KINDS];
  kvox_bench_series total, fftw_seconds[KINDS];
  kvox_bench_stages stages;
} filter_job;

static kvox_status prepare(const kvox_bench *bench, const kvox_bench_case *what, filter_job *job) {
  const int64_t shape[3] = {what->views, what->slices, what->columns};
  kvox_ct_filter_options options;
  kvox_ct_filter_options_init(&options);
  KVOX_BENCH_TRY(kvox_bench_scan_make(bench, what, &job->scan));
  KVOX_BENCH_TRY(kvox_bench_memory(bench->context, KVOX_F32, shape, &job->memory, &job->filtered));
  KVOX_BENCH_TRY(kvox_ct_filter_plan_create(bench->context, job->scan.geometry, &options, &job->plan));
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_create(bench->context, job->scan.geometry, NULL, &job->fbp));
  job->length = kvox_bench_transform_length(kvox_ct_fbp_plan_provenance(job->fbp));
  for (int k = 0; k < KINDS && !kvox_bench_on_device(bench); k++) {
    job->fftw[k] = kvox_bench_fftw_create(bench->threads, job->length, kinds[k].pairs, kinds[k].measure);
  }
  return kvox_workspace_create(bench->context, &job->workspace);
}

/* In turns, so that what else the machine does falls on all. */
static kvox_status time_runs(const kvox_bench *bench, filter_job *job, int64_t rows) {
  KVOX_BENCH_TRY(kvox_ct_filter_execute(job->plan, job->workspace, &job->scan.projections, &job->filtered));
  while (kvox_bench_goes_on(&job->total, bench->runs)) {
    const double begin = kvox_bench_now();
    KVOX_BENCH_TRY(kvox_ct_filter_execute(job->plan, job->workspace, &job->scan.projections, &job->filtered));
    kvox_bench_add(&job->total, kvox_bench_now() - begin);
    kvox_bench_stages_add(&job->stages, job->workspace);
    for (int k = 0; k < KINDS; k++) {
      if (job->fftw[k] != NULL) {
        kvox_bench_add(&job->fftw_seconds[k], kvox_bench_fftw_run(job->fftw[k], rows));
      }
    }
  }
  return KVOX_OK;
}

static void report(const kvox_bench *bench, const kvox_bench_case *what, const filter_job *job, cJSON *result) {
  const int64_t rows = what->views * what->slices;
  const double seconds = kvox_bench_median(&job->total);
  const double gbytes = 8e-9 * (double)(rows * what->columns); /* f32 read and written */
  cJSON *stages = kvox_bench_report(result, what, &job->total);
  cJSON_AddNumberToObject(result, "transform_length", (double)job->length);
  cJSON_AddNumberToObject(result, "rows_per_second", (double)rows / seconds);
  if (kvox_bench_on_device(bench)) {
    kvox_bench_report_stages(stages, &job->stages);
    kvox_bench_report_transfers(result, &job->stages, &job->scan.projections, &job->filtered);
    return; /* the limits are the CPU's */
  }
  double fftw_s = 0;
  for (int k = 0; k < KINDS; k++) {
    if (job->fftw_seconds[k].count == 0) {
      continue;
    }
    const double median = kvox_bench_median(&job->fftw_seconds[k]);
    cJSON *json = cJSON_AddObjectToObject(result, kinds[k].name);
    cJSON_AddNumberToObject(json, "seconds", median);
    cJSON_AddNumberToObject(json, "filter_takes_times", seconds / median);
    fftw_s = !kinds[k].measure && (fftw_s == 0 || median < fftw_s) ? median : fftw_s;
  }
  const kvox_bench_limits limits = {.memory_s = gbytes / bench->machine.copy_gbytes};
  kvox_bench_report_limits(result, &limits, fftw_s, seconds);
}

kvox_status kvox_bench_ct_filter(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  filter_job job = {0};
  kvox_status status = prepare(bench, what, &job);
  if (status == KVOX_OK) {
    status = time_runs(bench, &job, what->views * what->slices);
  }
  if (status == KVOX_OK) {
    report(bench, what, &job, result);
  }
  for (int k = 0; k < KINDS; k++) {
    kvox_bench_fftw_destroy(job.fftw[k]);
  }
  kvox_workspace_destroy(job.workspace);
  kvox_ct_fbp_plan_destroy(job.fbp);
  kvox_ct_filter_plan_destroy(job.plan);
  kvox_volume_destroy(job.memory);
  kvox_bench_scan_drop(&job.scan);
  return status;
}

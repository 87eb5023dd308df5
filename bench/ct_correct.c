/* ct-correct: u16 counts to line integrals; a pass over memory. */
#include <math.h>

#include "bench.h"

enum { DARK = 100, FLAT = 40100, FRAMES = 4 };

typedef struct correct_job {
  kvox_bench_scan scan; /* its projections are the truth, then the result */
  kvox_volume *counts_memory, *dark_memory, *flat_memory, *result_memory;
  kvox_array counts, dark, flat, result;
  kvox_ct_correction *correction;
  kvox_bench_series total;
} correct_job;

static void fill(const kvox_array *array, uint16_t value) {
  uint16_t *at = array->data;
  for (int64_t i = 0; i < array->shape[0] * array->shape[1] * array->shape[2]; i++) {
    at[i] = value;
  }
}

static kvox_status prepare(const kvox_bench *bench, const kvox_bench_case *what, correct_job *job) {
  const int64_t shape[3] = {what->views, what->slices, what->columns};
  const int64_t frames[3] = {FRAMES, what->slices, what->columns};
  kvox_context *context = bench->context;
  KVOX_BENCH_TRY(kvox_bench_scan_make(bench, what, &job->scan));
  KVOX_BENCH_TRY(kvox_bench_memory(context, KVOX_U16, shape, &job->counts_memory, &job->counts));
  KVOX_BENCH_TRY(kvox_bench_memory(context, KVOX_F32, shape, &job->result_memory, &job->result));
  KVOX_BENCH_TRY(kvox_bench_memory(context, KVOX_U16, frames, &job->dark_memory, &job->dark));
  KVOX_BENCH_TRY(kvox_bench_memory(context, KVOX_U16, frames, &job->flat_memory, &job->flat));
  fill(&job->dark, DARK);
  fill(&job->flat, FLAT);
  /* Line integrals of the head are some hundred pixels: scaled to what a detector can still count. */
  const float scale = 4.0f / (float)what->size;
  float *p = job->scan.projections.data;
  uint16_t *count = job->counts.data;
  for (int64_t i = 0; i < what->views * what->slices * what->columns; i++) {
    p[i] *= scale;
    count[i] = (uint16_t)(DARK + lrint((FLAT - DARK) * exp(-(double)p[i])));
  }
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.dark = &job->dark;
  options.flat = &job->flat;
  return kvox_ct_correction_create(context, &options, &job->correction);
}

static kvox_status time_runs(const kvox_bench *bench, correct_job *job) {
  KVOX_BENCH_TRY(kvox_ct_correct(bench->context, job->correction, &job->counts, &job->result));
  while (kvox_bench_goes_on(&job->total, bench->runs)) {
    const double begin = kvox_bench_now();
    KVOX_BENCH_TRY(kvox_ct_correct(bench->context, job->correction, &job->counts, &job->result));
    kvox_bench_add(&job->total, kvox_bench_now() - begin);
  }
  return KVOX_OK;
}

/* The greatest difference from the double-precision formula on the same counts. */
static double greatest_error(const correct_job *job, int64_t samples) {
  const uint16_t *count = job->counts.data;
  const float *result = job->result.data;
  double greatest = 0;
  for (int64_t i = 0; i < samples; i++) {
    greatest = fmax(greatest, fabs(log((FLAT - DARK) / fmax(count[i] - DARK, 1)) - (double)result[i]));
  }
  return greatest;
}

static void report(const kvox_bench *bench, const kvox_bench_case *what, const correct_job *job, cJSON *result) {
  const int64_t samples = what->views * what->slices * what->columns;
  const double seconds = kvox_bench_median(&job->total);
  const double gbytes = (double)(sizeof(uint16_t) + sizeof(float)) * 1e-9 * (double)samples;
  kvox_bench_report(result, what, &job->total);
  cJSON_AddNumberToObject(result, "gbytes_per_s", gbytes / seconds);
  cJSON_AddNumberToObject(result, "greatest_error", greatest_error(job, samples));
  const kvox_bench_limits limits = {.memory_s = gbytes / bench->machine.copy_gbytes};
  kvox_bench_report_limits(result, &limits, 0, seconds);
}

kvox_status kvox_bench_ct_correct(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  correct_job job = {0};
  kvox_status status = prepare(bench, what, &job);
  if (status == KVOX_OK) {
    status = time_runs(bench, &job);
  }
  if (status == KVOX_OK) {
    report(bench, what, &job, result);
  }
  kvox_ct_correction_destroy(job.correction);
  kvox_volume_destroy(job.flat_memory);
  kvox_volume_destroy(job.dark_memory);
  kvox_volume_destroy(job.result_memory);
  kvox_volume_destroy(job.counts_memory);
  kvox_bench_scan_drop(&job.scan);
  return status;
}

/* ct-oracle: one slice on the chosen backend, in turns with the plain C oracle on as many threads. */
#include <math.h>

#include "bench.h"

typedef struct contender {
  kvox_ct_fbp_plan *plan;
  kvox_workspace *workspace;
  kvox_bench_scan scan; /* of its own context: where its volume is */
  kvox_bench_series total;
} contender;

static kvox_status prepare(const kvox_bench *bench, const kvox_bench_case *what, contender *c) {
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.grid = &c->scan.grid;
  KVOX_BENCH_TRY(kvox_bench_scan_make(bench, what, &c->scan));
  KVOX_BENCH_TRY(kvox_ct_fbp_plan_create(bench->context, c->scan.geometry, &options, &c->plan));
  KVOX_BENCH_TRY(kvox_workspace_create(bench->context, &c->workspace));
  return kvox_ct_fbp_execute(c->plan, c->workspace, &c->scan.projections, c->scan.volume);
}

static kvox_status run_once(contender *c) {
  const double begin = kvox_bench_now();
  KVOX_BENCH_TRY(kvox_ct_fbp_execute(c->plan, c->workspace, &c->scan.projections, c->scan.volume));
  kvox_bench_add(&c->total, kvox_bench_now() - begin);
  return KVOX_OK;
}

static void drop(contender *c) {
  kvox_workspace_destroy(c->workspace);
  kvox_ct_fbp_plan_destroy(c->plan);
  kvox_bench_scan_drop(&c->scan);
}

/* The greatest difference of the two pictures. */
static kvox_status greatest_difference(const contender *a, const contender *b, double *greatest) {
  kvox_array x, y;
  KVOX_BENCH_TRY(kvox_volume_array(a->scan.volume, &x));
  KVOX_BENCH_TRY(kvox_volume_array(b->scan.volume, &y));
  const float *p = x.data, *q = y.data;
  *greatest = 0;
  for (int64_t i = 0; i < x.shape[0] * x.shape[1] * x.shape[2]; i++) {
    *greatest = fmax(*greatest, fabs((double)p[i] - (double)q[i]));
  }
  return KVOX_OK;
}

static kvox_status compare(const kvox_bench *bench, const kvox_bench_case *what, contender *us, contender *oracle,
                           cJSON *result) {
  double difference = 0;
  while (kvox_bench_goes_on(&oracle->total, bench->runs)) {
    KVOX_BENCH_TRY(run_once(us));
    KVOX_BENCH_TRY(run_once(oracle));
  }
  KVOX_BENCH_TRY(greatest_difference(us, oracle, &difference));
  kvox_bench_report(result, what, &us->total);
  const double seconds = kvox_bench_median(&us->total), oracle_s = kvox_bench_median(&oracle->total);
  cJSON_AddNumberToObject(result, "gups", kvox_bench_gups(what, seconds));
  cJSON_AddNumberToObject(result, "oracle_seconds", oracle_s);
  cJSON_AddNumberToObject(result, "oracle_gups", kvox_bench_gups(what, oracle_s));
  cJSON_AddNumberToObject(result, "times_as_fast_as_the_oracle", oracle_s / seconds);
  cJSON_AddNumberToObject(result, "greatest_difference", difference);
  return KVOX_OK;
}

kvox_status kvox_bench_ct_oracle(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_bench plain = {.threads = bench->threads, .runs = bench->runs};
  contender us = {0}, oracle = {0};
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_CPU;
  options.cpu_level = KVOX_CPU_REF;
  options.threads = bench->threads;
  kvox_status status = kvox_context_create(&options, &plain.context);
  if (status == KVOX_OK) {
    status = prepare(bench, what, &us);
  }
  if (status == KVOX_OK) {
    status = prepare(&plain, what, &oracle);
  }
  if (status == KVOX_OK) {
    status = compare(bench, what, &us, &oracle, result);
  }
  drop(&us);
  drop(&oracle);
  kvox_context_destroy(plain.context);
  return status;
}

/*
 * A scanner's readouts one by one: how long from the last one to the finished image (mri-live: root sum of squares;
 * -adaptive: Walsh's combination; -homodyne: without the first quarter of the lines).
 */
#include <stdlib.h>

#include "bench.h"

enum { COILS = 8, NOISE_READOUTS = 16, REPEATS = 400 };

typedef struct live {
  kvox_mri_recon *recon;
  kvox_workspace *workspace;
  float *samples; /* of all lines: [line][coil][sample][2] */
  kvox_volume *volume;
  kvox_array image;
  int64_t first;         /* line */
  double push_s;         /* all but the last, of all repeats */
  double ready[REPEATS]; /* from the last readout to the image, least first */
} live;

/* Numbers that look like noise are as quick to transform as an object. */
static void fill(float *samples, int64_t count) {
  uint32_t state = 1;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    samples[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
  }
}

static kvox_mri_readout readout_of(const kvox_bench_case *what, const live *l, int64_t line) {
  kvox_mri_readout r = {.coils = COILS,
                        .samples = (int32_t)what->columns,
                        .center_sample = (int32_t)(what->columns / 2),
                        .data = l->samples + line * COILS * what->columns * 2,
                        .sample_time_us = 5};
  r.counters[KVOX_MRI_STEP_1] = (int32_t)line;
  return r;
}

static kvox_status make(const kvox_bench *bench, const kvox_bench_case *what, const kvox_mri_recon_options *options,
                        live *l) {
  const int64_t lines = what->views;
  kvox_mri_protocol protocol = {.encoded_size = {what->columns, lines, 1},
                                .image_size = {what->size, what->size, 1},
                                .encoded_mm = {(double)what->columns, (double)lines, 5},
                                .image_mm = {(double)what->size, (double)what->size, 5},
                                .coils = COILS};
  protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){(int32_t)l->first, (int32_t)lines - 1, (int32_t)lines / 2};
  const int64_t floats = lines * COILS * what->columns * 2;
  l->samples = malloc((size_t)floats * sizeof *l->samples);
  if (l->samples == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  fill(l->samples, floats);
  KVOX_BENCH_TRY(
      kvox_bench_memory(bench->context, KVOX_F32, (int64_t[]){1, what->size, what->size}, &l->volume, &l->image));
  KVOX_BENCH_TRY(kvox_workspace_create(bench->context, &l->workspace));
  KVOX_BENCH_TRY(kvox_mri_recon_create(bench->context, &protocol, options, &l->recon));
  for (int64_t line = 0; line < NOISE_READOUTS; line++) {
    kvox_mri_readout r = readout_of(what, l, line);
    r.flags = KVOX_MRI_NOISE;
    KVOX_BENCH_TRY(kvox_mri_recon_push(l->recon, &r));
  }
  return KVOX_OK;
}

/* A line that comes again is averaged, which costs as much. */
static kvox_status run_once(const kvox_bench_case *what, live *l, double *ready_s) {
  const int64_t last = what->views - 1;
  const double begin = kvox_bench_now();
  for (int64_t line = l->first; line < last; line++) {
    const kvox_mri_readout r = readout_of(what, l, line);
    KVOX_BENCH_TRY(kvox_mri_recon_push(l->recon, &r));
  }
  const kvox_mri_readout r = readout_of(what, l, last);
  const double came = kvox_bench_now();
  KVOX_BENCH_TRY(kvox_mri_recon_push(l->recon, &r));
  KVOX_BENCH_TRY(kvox_mri_recon_image(l->recon, l->workspace, &l->image));
  *ready_s = kvox_bench_now() - came;
  l->push_s += came - begin;
  return KVOX_OK;
}

static int is_more(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(const kvox_bench_case *what, live *l, cJSON *result) {
  kvox_bench_series total = {0};
  kvox_memory_use use;
  qsort(l->ready, REPEATS, sizeof *l->ready, is_more);
  for (int i = 0; i < REPEATS; i += REPEATS / 80) {
    kvox_bench_add(&total, l->ready[i]);
  }
  cJSON *seconds = kvox_bench_report(result, what, &total);
  cJSON_ReplaceItemInObject(seconds, "runs", cJSON_CreateNumber(REPEATS));
  cJSON_AddNumberToObject(seconds, "p50", l->ready[REPEATS / 2]);
  cJSON_AddNumberToObject(seconds, "p99", l->ready[REPEATS * 99 / 100]);
  cJSON_AddNumberToObject(seconds, "most", l->ready[REPEATS - 1]);
  cJSON_AddNumberToObject(seconds, "push_of_a_readout", l->push_s / REPEATS / (double)(what->views - 1 - l->first));
  cJSON_AddNumberToObject(result, "coils", COILS);
  if (kvox_mri_recon_memory(l->recon, &use) == KVOX_OK) {
    cJSON_AddNumberToObject(result, "recon_bytes", (double)use.plan);
    cJSON_AddNumberToObject(result, "workspace_bytes", (double)use.workspace);
  }
}

static kvox_status measure(const kvox_bench *bench, const kvox_bench_case *what, const kvox_mri_recon_options *options,
                           cJSON *result) {
  live l = {.first = options->partial != KVOX_MRI_ZERO_FILL ? what->views / 4 : 0};
  double warm_s = 0;
  kvox_status status = make(bench, what, options, &l);
  if (status == KVOX_OK) {
    status = run_once(what, &l, &warm_s);
  }
  l.push_s = 0;
  for (int i = 0; i < REPEATS && status == KVOX_OK; i++) {
    status = run_once(what, &l, &l.ready[i]);
  }
  if (status == KVOX_OK) {
    report(what, &l, result);
  }
  kvox_mri_recon_destroy(l.recon);
  kvox_workspace_destroy(l.workspace);
  kvox_volume_destroy(l.volume);
  free(l.samples);
  return status;
}

kvox_status kvox_bench_mri_live(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_mri_recon_options options;
  kvox_mri_recon_options_init(&options);
  return measure(bench, what, &options, result);
}

kvox_status kvox_bench_mri_live_adaptive(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_mri_recon_options options;
  kvox_mri_recon_options_init(&options);
  options.combine = KVOX_MRI_ADAPTIVE;
  return measure(bench, what, &options, result);
}

kvox_status kvox_bench_mri_live_homodyne(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  kvox_mri_recon_options options;
  kvox_mri_recon_options_init(&options);
  options.partial = KVOX_MRI_HOMODYNE;
  return measure(bench, what, &options, result);
}

/* FFTW itself, for what the filter must cost. */
#include <fftw3.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
  RUNS = 5,
  BATCH = 8,       /* rows of one plan: 8 rows there and back stay in the second-level cache */
  MOST_ROWS = 4096 /* of a thread in one run; they stand for the rest */
};

/* What one thread transforms; two plans, there and back, share the arrays. */
typedef struct job {
  fftwf_plan there, back;
  float *in;
  fftwf_complex *out;
} job;

struct kvox_bench_fftw {
  int threads;
  job *jobs;
};

static int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

/* `pairs`: half as many complex transforms, two rows in each. */
static int prepare(job *j, int length, int pairs, unsigned effort) {
  const int complex_step = (int)round_up(pairs ? length : length / 2 + 1, 8);
  const int real_step = (int)round_up(length, 16);
  const size_t reals = (size_t)BATCH * (size_t)(pairs ? complex_step : real_step);
  j->in = fftwf_alloc_real(reals);
  j->out = fftwf_alloc_complex((size_t)BATCH * (size_t)complex_step);
  if (j->in == NULL || j->out == NULL) {
    return 0;
  }
  if (pairs) {
    fftwf_complex *in = (fftwf_complex *)j->in;
    j->there = fftwf_plan_many_dft(1, &length, BATCH / 2, in, NULL, 1, complex_step, j->out, NULL, 1, complex_step,
                                   FFTW_FORWARD, effort);
    j->back = fftwf_plan_many_dft(1, &length, BATCH / 2, j->out, NULL, 1, complex_step, in, NULL, 1, complex_step,
                                  FFTW_BACKWARD, effort | FFTW_DESTROY_INPUT);
  } else {
    j->there =
        fftwf_plan_many_dft_r2c(1, &length, BATCH, j->in, NULL, 1, real_step, j->out, NULL, 1, complex_step, effort);
    j->back = fftwf_plan_many_dft_c2r(1, &length, BATCH, j->out, NULL, 1, complex_step, j->in, NULL, 1, real_step,
                                      effort | FFTW_DESTROY_INPUT);
  }
  memset(j->in, 0, reals * sizeof *j->in);
  return j->there != NULL && j->back != NULL;
}

static void release(job *j) {
  if (j->there != NULL) {
    fftwf_destroy_plan(j->there);
  }
  if (j->back != NULL) {
    fftwf_destroy_plan(j->back);
  }
  fftwf_free(j->in);
  fftwf_free(j->out);
}

kvox_bench_fftw *kvox_bench_fftw_create(int threads, int64_t length, int pairs, int measure) {
  kvox_bench_fftw *fftw = calloc(1, sizeof *fftw);
  if (fftw == NULL) {
    return NULL;
  }
  fftw->jobs = calloc((size_t)threads, sizeof *fftw->jobs);
  fftw->threads = fftw->jobs != NULL ? threads : 0;
  int ready = fftw->jobs != NULL && length > 0 && length <= INT_MAX;
  for (int t = 0; ready && t < threads; t++) {
    ready = prepare(&fftw->jobs[t], (int)length, pairs, measure ? FFTW_MEASURE : FFTW_ESTIMATE);
  }
  if (!ready) {
    kvox_bench_fftw_destroy(fftw);
    return NULL;
  }
  return fftw;
}

void kvox_bench_fftw_destroy(kvox_bench_fftw *fftw) {
  for (int t = 0; fftw != NULL && t < fftw->threads; t++) {
    release(&fftw->jobs[t]);
  }
  free(fftw != NULL ? fftw->jobs : NULL);
  free(fftw);
}

double kvox_bench_fftw_run(const kvox_bench_fftw *fftw, int64_t rows) {
  const int64_t share = rows / fftw->threads + 1;
  const int64_t each = round_up(share < MOST_ROWS ? share : MOST_ROWS, BATCH);
  const double begin = kvox_bench_now();
#pragma omp parallel for num_threads(fftw->threads) schedule(static, 1)
  for (int t = 0; t < fftw->threads; t++) {
    for (int64_t r = 0; r < each; r += BATCH) {
      fftwf_execute(fftw->jobs[t].there);
      fftwf_execute(fftw->jobs[t].back);
    }
  }
  return (kvox_bench_now() - begin) * (double)rows / ((double)each * fftw->threads);
}

double kvox_bench_fftw_seconds(int threads, int64_t length, int64_t rows) {
  double least = 0;
  for (int pairs = 0; pairs < 2; pairs++) {
    kvox_bench_fftw *fftw = kvox_bench_fftw_create(threads, length, pairs, 0);
    kvox_bench_series series = {0};
    for (int run = -1; fftw != NULL && run < RUNS; run++) {
      const double seconds = kvox_bench_fftw_run(fftw, rows);
      if (run >= 0) {
        kvox_bench_add(&series, seconds);
      }
    }
    kvox_bench_fftw_destroy(fftw);
    if (series.count > 0 && (least == 0 || kvox_bench_median(&series) < least)) {
      least = kvox_bench_median(&series);
    }
  }
  return least;
}

int64_t kvox_bench_transform_length(const char *provenance) {
  cJSON *json = cJSON_Parse(provenance);
  const double length = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "transform_length"));
  cJSON_Delete(json);
  return length > 0 ? (int64_t)length : 0;
}

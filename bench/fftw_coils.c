/* FFTW itself on coils of k-space: what the transform of MRI has to be measured by. */
#include <fftw3.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct kvox_bench_coils {
  int threads;
  int64_t samples, coils; /* samples of one coil */
  fftwf_complex *kspace;
  fftwf_complex **out; /* one coil for each thread */
  /* Of one thread, and of all of them on one coil; NULL: FFTW has no threads here. */
  fftwf_plan in_place, apart, shared_in_place, shared_apart;
};

static fftwf_plan plan_of(const kvox_bench_case *what, fftwf_complex *in, fftwf_complex *out) {
  const int size = (int)what->size, slices = (int)what->slices;
  const int sizes[3] = {slices, size, size};
  const int rank = what->columns == 3 ? 3 : 2;
  return fftwf_plan_many_dft(rank, sizes + 3 - rank, rank == 3 ? 1 : slices, in, NULL, 1, size * size, out, NULL, 1,
                             size * size, FFTW_BACKWARD, FFTW_MEASURE);
}

static int make_plans(kvox_bench_coils *c, const kvox_bench_case *what) {
  int ready = 1;
#if KVOX_BENCH_FFTW_THREADS
  ready = fftwf_init_threads();
  fftwf_plan_with_nthreads(c->threads);
  if (ready && c->threads > 1) {
    c->shared_in_place = plan_of(what, c->kspace, c->kspace);
    c->shared_apart = plan_of(what, c->kspace, c->out[0]);
  }
  fftwf_plan_with_nthreads(1);
#endif
  c->in_place = ready ? plan_of(what, c->kspace, c->kspace) : NULL;
  c->apart = ready ? plan_of(what, c->kspace, c->out[0]) : NULL;
  return c->in_place != NULL && c->apart != NULL;
}

kvox_bench_coils *kvox_bench_coils_create(const kvox_bench *bench, const kvox_bench_case *what, void *kspace) {
  kvox_bench_coils *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->samples = what->size * what->size * what->slices;
  c->coils = what->views;
  c->kspace = kspace;
  c->out = calloc((size_t)bench->threads, sizeof *c->out);
  c->threads = c->out != NULL ? bench->threads : 0;
  int ready = c->out != NULL;
  for (int t = 0; ready && t < c->threads; t++) {
    c->out[t] = fftwf_alloc_complex((size_t)c->samples);
    ready = c->out[t] != NULL;
    if (ready) {
      memset(c->out[t], 0, (size_t)c->samples * sizeof *c->out[t]);
    }
  }
  if (!ready || !make_plans(c, what)) {
    kvox_bench_coils_destroy(c);
    return NULL;
  }
  return c;
}

static void destroy_plan(fftwf_plan plan) {
  if (plan != NULL) {
    fftwf_destroy_plan(plan);
  }
}

void kvox_bench_coils_destroy(kvox_bench_coils *c) {
  if (c == NULL) {
    return;
  }
  destroy_plan(c->in_place);
  destroy_plan(c->apart);
  destroy_plan(c->shared_in_place);
  destroy_plan(c->shared_apart);
  for (int t = 0; t < c->threads; t++) {
    fftwf_free(c->out[t]);
  }
  free(c->out);
  free(c);
}

double kvox_bench_coils_run(const kvox_bench_coils *c, int way) {
  const int shared = way >= 2, in_place = way % 2 == 0;
  const fftwf_plan plan = shared     ? (in_place ? c->shared_in_place : c->shared_apart)
                          : in_place ? c->in_place
                                     : c->apart;
  const double begin = kvox_bench_now();
  for (int64_t i = 0; shared && plan != NULL && i < c->coils; i++) {
    fftwf_complex *in = c->kspace + i * c->samples;
    fftwf_execute_dft(plan, in, in_place ? in : c->out[0]);
  }
  if (shared) {
    return plan != NULL ? kvox_bench_now() - begin : 0;
  }
#pragma omp parallel for num_threads(c->threads) schedule(static, 1)
  for (int t = 0; t < c->threads; t++) {
    for (int64_t i = t; i < c->coils; i += c->threads) {
      fftwf_complex *in = c->kspace + i * c->samples;
      fftwf_execute_dft(plan, in, in_place ? in : c->out[t]);
    }
  }
  return kvox_bench_now() - begin;
}

/* FFTW itself on coils of k-space: what the transform of MRI has to be measured by. */
#include <fftw3.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* One coil: the arrays of each thread that takes whole coils; one pair where threads share a coil. */
typedef struct workplace {
  fftwf_complex *in, *out;
  fftwf_plan in_place, apart; /* of one thread */
} workplace;

struct kvox_bench_coils {
  int threads;
  int64_t samples, coils;
  workplace *places;
  fftwf_plan shared_in_place, shared_apart; /* NULL: FFTW has no threads here */
};

/* Small enough that coils which are transformed in place one upon the other stay floats. */
static const float tiny = 0x1p-60f;

static fftwf_plan plan_of(const kvox_bench_case *what, fftwf_complex *in, fftwf_complex *out) {
  const int size = (int)what->size, slices = (int)what->slices;
  const int sizes[3] = {slices, size, size};
  const int rank = what->columns == 3 ? 3 : 2;
  return fftwf_plan_many_dft(rank, sizes + 3 - rank, rank == 3 ? 1 : slices, in, NULL, 1, size * size, out, NULL, 1,
                             size * size, FFTW_BACKWARD, FFTW_MEASURE);
}

static int prepare(const kvox_bench_case *what, workplace *w, int64_t samples) {
  w->in = fftwf_alloc_complex((size_t)samples);
  w->out = fftwf_alloc_complex((size_t)samples);
  if (w->in == NULL || w->out == NULL) {
    return 0;
  }
  w->in_place = plan_of(what, w->in, w->in);
  w->apart = plan_of(what, w->in, w->out);
  return w->in_place != NULL && w->apart != NULL;
}

kvox_bench_coils *kvox_bench_coils_create(const kvox_bench *bench, const kvox_bench_case *what) {
  kvox_bench_coils *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return NULL;
  }
  c->samples = what->size * what->size * what->slices;
  c->coils = what->views;
  c->places = calloc((size_t)bench->threads, sizeof *c->places);
  c->threads = c->places != NULL ? bench->threads : 0;
  int ready = c->places != NULL;
#if KVOX_BENCH_FFTW_THREADS
  ready = ready && fftwf_init_threads();
  fftwf_plan_with_nthreads(1);
#endif
  for (int t = 0; ready && t < c->threads; t++) {
    ready = prepare(what, &c->places[t], c->samples);
  }
#if KVOX_BENCH_FFTW_THREADS
  if (ready && c->threads > 1) {
    fftwf_plan_with_nthreads(c->threads);
    c->shared_in_place = plan_of(what, c->places[0].in, c->places[0].in);
    c->shared_apart = plan_of(what, c->places[0].in, c->places[0].out);
  }
#endif
  if (!ready) {
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
  for (int t = 0; c != NULL && t < c->threads; t++) {
    destroy_plan(c->places[t].in_place);
    destroy_plan(c->places[t].apart);
    fftwf_free(c->places[t].in);
    fftwf_free(c->places[t].out);
  }
  if (c != NULL) {
    destroy_plan(c->shared_in_place);
    destroy_plan(c->shared_apart);
    free(c->places);
  }
  free(c);
}

static void refill(const kvox_bench_coils *c) {
  for (int t = 0; t < c->threads; t++) {
    float *in = (float *)c->places[t].in;
    for (int64_t i = 0; i < 2 * c->samples; i++) {
      in[i] = tiny * (float)(1 + i % 7);
    }
    memset(c->places[t].out, 0, (size_t)c->samples * sizeof *c->places[t].out);
  }
}

double kvox_bench_coils_run(const kvox_bench_coils *c, int way) {
  const int shared = way >= 2, in_place = way % 2 == 0;
  const fftwf_plan plan = in_place ? c->shared_in_place : c->shared_apart;
  if (shared && plan == NULL) {
    return 0;
  }
  refill(c);
  const double begin = kvox_bench_now();
  if (shared) {
    for (int64_t i = 0; i < c->coils; i++) {
      fftwf_execute(plan);
    }
    return kvox_bench_now() - begin;
  }
#pragma omp parallel for num_threads(c->threads) schedule(static, 1)
  for (int t = 0; t < c->threads; t++) {
    for (int64_t i = t; i < c->coils; i += c->threads) {
      fftwf_execute(in_place ? c->places[t].in_place : c->places[t].apart);
    }
  }
  return kvox_bench_now() - begin;
}

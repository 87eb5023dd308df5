/* A small scan for tests: a context, a parallel geometry, a phantom's line integrals, volumes. */
#ifndef KVOX_TESTS_CT_SCAN_H
#define KVOX_TESTS_CT_SCAN_H

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "kvox/kvox.h"

typedef struct scan {
  kvox_context *context;
  kvox_ct_parallel_options options;
  kvox_ct_geometry *geometry;
  float *samples;
  kvox_array projections;
} scan;

/* Views over half a turn, pitch 1 mm; change `options` and call scan_begin for anything else. */
static inline scan scan_options(int64_t views, int64_t rows, int64_t columns) {
  scan s = {.context = context_of_threads(2)};
  kvox_ct_parallel_options_init(&s.options);
  s.options.views = views;
  s.options.rows = rows;
  s.options.columns = columns;
  s.options.column_pitch_mm = 1;
  s.options.angle_step_deg = 180.0 / (double)views;
  return s;
}

static inline void scan_begin(scan *s) {
  const int64_t shape[3] = {s->options.views, s->options.rows, s->options.columns};
  assert_ok(kvox_ct_geometry_create_parallel(s->context, &s->options, &s->geometry));
  s->samples = calloc((size_t)(shape[0] * shape[1] * shape[2]), sizeof *s->samples);
  assert_non_null(s->samples);
  assert_ok(kvox_array_init(&s->projections, s->samples, KVOX_F32, 3, shape));
}

static inline void scan_simulate(scan *s, const char *phantom, double radius_mm, double density) {
  kvox_phantom *p = NULL;
  assert_ok(kvox_phantom_create(s->context, phantom, radius_mm, density, &p));
  assert_ok(kvox_ct_simulate(s->context, s->geometry, p, &s->projections));
  kvox_phantom_destroy(p);
}

static inline void scan_end(scan *s) {
  free(s->samples);
  kvox_ct_geometry_destroy(s->geometry);
  kvox_context_destroy(s->context);
}

static inline float *volume_samples(const kvox_volume *volume) {
  kvox_array array;
  assert_ok(kvox_volume_array(volume, &array));
  return array.data;
}

/* A new f32 volume of the plan's size. */
static inline kvox_volume *volume_for(const scan *s, const kvox_ct_fbp_plan *plan) {
  kvox_grid grid;
  kvox_volume *volume = NULL;
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create(s->context, KVOX_F32, &grid, &volume));
  return volume;
}

/* Plans with `options`, executes once, and returns the volume. */
static inline kvox_volume *scan_reconstruct(const scan *s, const kvox_ct_fbp_options *options) {
  kvox_ct_fbp_plan *plan = NULL;
  assert_ok(kvox_ct_fbp_plan_create(s->context, s->geometry, options, &plan));
  kvox_volume *volume = volume_for(s, plan);
  assert_ok(kvox_ct_fbp_execute(plan, NULL, &s->projections, volume));
  kvox_ct_fbp_plan_destroy(plan);
  return volume;
}

/* Numbers in -1 ... 1, the same everywhere (a linear congruential generator, Numerical Recipes' constants). */
static inline void fill_noise(float *samples, int64_t count, uint32_t seed) {
  for (int64_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    samples[i] = (float)(seed >> 8) * 0x1p-23f - 1;
  }
}

/* A progress function that wants rising fractions, and cancels from `stop_at` on. */
typedef struct watcher {
  double last, stop_at;
  int calls;
} watcher;

static inline int32_t watch(void *user, double fraction) {
  watcher *w = user;
  assert_true(fraction >= w->last && fraction <= 1);
  w->last = fraction;
  w->calls++;
  return fraction >= w->stop_at;
}

#endif

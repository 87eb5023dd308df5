#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "phantom/ball.h"

enum { RUN = KVOX_BALL_RUN };

typedef struct scene {
  int64_t count;
  double *places, *phases, *sums;
  double from[3], metric[6], turn[2];
} scene;

static double *doubles(kvox_check *check, int rows, int64_t count) {
  return kvox_check_memory(check, (size_t)((rows - 1) * RUN + count) * sizeof(double));
}

/* Ellipsoids of any direction, places from the middle to where the transform is lost. */
static scene random_scene(kvox_check *check) {
  scene s = {.count = KVOX_BALL_STEP * kvox_check_integer(check, 1, RUN / KVOX_BALL_STEP)};
  const int power = (int)kvox_check_integer(check, -10, kvox_check_chance(check, 0.1) ? 100 : 12);
  kvox_check_shape(check, "%d places up to 2^%d", (int)s.count, power);
  s.places = doubles(check, 3, s.count);
  s.phases = doubles(check, 2, s.count);
  s.sums = doubles(check, 2, s.count);
  double half[3][3];
  for (int i = 0; i < 9; i++) {
    half[i / 3][i % 3] = kvox_check_real(check, -1, 1);
  }
  for (int i = 0; i < 6; i++) {
    const int a = i < 3 ? i : i == 5 ? 1 : 0, b = i < 3 ? i : i == 3 ? 1 : 2;
    s.metric[i] = 0;
    for (int k = 0; k < 3; k++) {
      s.metric[i] += (a == b ? 1 : 2) * half[k][a] * half[k][b];
    }
    s.from[i % 3] = kvox_check_real(check, -1, 1);
    s.turn[i % 2] = kvox_check_real(check, -1, 1);
  }
  for (int64_t i = 0; i < s.count; i++) {
    const bool middle = kvox_check_chance(check, 0.05);
    for (int a = 0; a < 3; a++) {
      s.places[a * RUN + i] = s.from[a] + (middle ? 0 : ldexp(kvox_check_real(check, -1, 1), power));
    }
    for (int k = 0; k < 2; k++) {
      s.phases[k * RUN + i] = kvox_check_real(check, -1, 1);
      s.sums[k * RUN + i] = kvox_check_real(check, -1, 1);
    }
  }
  return s;
}

static double *copy_of(kvox_check *check, const scene *s) {
  double *sums = doubles(check, 2, s->count);
  memcpy(sums, s->sums, (size_t)s->count * sizeof *sums);
  memcpy(sums + RUN, s->sums + RUN, (size_t)s->count * sizeof *sums);
  return sums;
}

static void compare(kvox_check *check, const char *what, int64_t i, const double *got, const double *want,
                    double bound) {
  for (int k = 0; k < 2; k++) {
    kvox_check_value(check, what, i, (float)(got[k * RUN + i] - want[k * RUN + i]), 0, bound);
  }
}

static void same_bits(kvox_check *check, int64_t count, const double *sums) {
  kvox_check_same_bits(check, 2 * count, (const float *)(const void *)sums);
  kvox_check_same_bits(check, 2 * count, (const float *)(const void *)(sums + RUN));
}

/* How far a place may be off by the rounding of its square, times the transform's slope there, and what the transform
 * itself loses. */
static double bound_at(const scene *s, int64_t i) {
  double d[3], parts = 0, squared = 0;
  for (int a = 0; a < 3; a++) {
    d[a] = s->places[a * RUN + i] - s->from[a];
  }
  for (int m = 0; m < 6; m++) {
    const int a = m < 3 ? m : m == 5 ? 1 : 0, b = m < 3 ? m : m == 3 ? 1 : 2;
    squared += s->metric[m] * d[a] * d[b];
    parts += fabs(s->metric[m] * d[a] * d[b]);
  }
  const double x = 6.3 * sqrt(fmax(squared, 0x1p-20 * parts)), off = 0x1p-49 * 39.5 * parts;
  const double slope_over_x = fmin(0.2, 6 / (x * x * x)), size = fmin(1, 3 * (1 + x) / (x * x * x));
  return 0x1p-51 + 2 * (off * slope_over_x + 0x1p-50 * size);
}

static void compare_add(kvox_check *check) {
  const scene s = random_scene(check);
  double *want = copy_of(check, &s), *got = copy_of(check, &s);
  kvox_ball_ref.add(s.count, s.places, s.from, s.metric, s.turn, s.phases, want);
  kvox_ball_kernels_of(check->level)->add(s.count, s.places, s.from, s.metric, s.turn, s.phases, got);
  for (int64_t i = 0; i < s.count; i++) {
    compare(check, "sum", i, got, want, bound_at(&s, i));
  }
  same_bits(check, s.count, got);
}

static void compare_weigh(kvox_check *check) {
  const scene s = random_scene(check);
  double *want = copy_of(check, &s), *got = copy_of(check, &s);
  kvox_ball_ref.weigh(s.count, s.turn, s.phases, want);
  kvox_ball_kernels_of(check->level)->weigh(s.count, s.turn, s.phases, got);
  for (int64_t i = 0; i < s.count; i++) {
    compare(check, "sum", i, got, want, 0x1p-50);
  }
  same_bits(check, s.count, got);
}

typedef struct bench {
  const kvox_ball_kernels *kernels;
  scene s;
} bench;

static void work_add(void *data) {
  const bench *b = data;
  b->kernels->add(RUN, b->s.places, b->s.from, b->s.metric, b->s.turn, b->s.phases, b->s.sums);
}

/* An element: a place. */
static void bench_add(kvox_check *check) {
  bench b = {.kernels = kvox_ball_kernels_of(check->level), .s = {.metric = {1, 1, 1, 0.1, 0.1, 0.1}, .turn = {1, 0}}};
  b.s.places = doubles(check, 3, RUN);
  b.s.phases = doubles(check, 2, RUN);
  b.s.sums = doubles(check, 2, RUN);
  for (int64_t i = 0; i < RUN; i++) {
    for (int a = 0; a < 3; a++) {
      b.s.places[a * RUN + i] = kvox_check_real(check, -20, 20);
      b.s.phases[a % 2 * RUN + i] = kvox_check_real(check, -1, 1);
      b.s.sums[a % 2 * RUN + i] = 0;
    }
  }
  kvox_check_time(check, work_add, &b, RUN);
}

const kvox_check_stage kvox_check_ball_add = {"ball.add", "the rounding of squared places", compare_add, bench_add};
const kvox_check_stage kvox_check_ball_weigh = {"ball.weigh", "the roundings of its sums", compare_weigh, NULL};

#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/t2star.h"

enum { ROW = KVOX_MRI_TILE };

static int64_t random_count(kvox_check *check) {
  const int64_t count = KVOX_MRI_STEP * kvox_check_integer(check, 1, ROW / KVOX_MRI_STEP);
  kvox_check_shape(check, "%d samples", (int)count);
  return count;
}

/* Sizes far apart, and nothing. */
static float magnitude(kvox_check *check) {
  if (kvox_check_chance(check, 0.05)) {
    return 0;
  }
  return (float)ldexp(kvox_check_real(check, 0.5, 1), (int)kvox_check_integer(check, -20, 20));
}

/* Each product and sum rounds by half an ulp, the ratio and the logarithm by one and a half; the oracle once. */
static void compare_echo(kvox_check *check) {
  const int64_t count = random_count(check), floats = (KVOX_T2STAR_SUMS - 1) * ROW + count;
  float *m = kvox_check_floats(check, count), *first = kvox_check_floats(check, count);
  float *want = kvox_check_floats(check, floats), *got = kvox_check_floats(check, floats);
  const float t = (float)kvox_check_real(check, 0, 50);
  for (int64_t n = 0; n < count; n++) {
    m[n] = magnitude(check);
    first[n] = (float)ldexp(kvox_check_real(check, 0.5, 1), (int)kvox_check_integer(check, -20, 20));
  }
  for (int64_t i = 0; i < floats; i++) {
    got[i] = want[i] = (float)kvox_check_real(check, -1, 1);
  }
  float *before = kvox_check_floats(check, floats);
  memcpy(before, want, (size_t)floats * sizeof *before);
  kvox_t2star_ref.add_echo(count, t, first, m, want);
  kvox_t2star_kernels_of(check->level)->add_echo(count, t, first, m, got);
  for (int64_t n = 0; n < count; n++) {
    const double w = (double)m[n] * m[n], y = w > 0 ? fabs(log((double)m[n] / first[n])) + 1 : 0;
    const double terms[KVOX_T2STAR_SUMS] = {w, w * t, w * t * t, w * y, w * t * y};
    for (int s = 0; s < KVOX_T2STAR_SUMS; s++) {
      const int64_t i = s * ROW + n;
      kvox_check_value(check, "sum", i, got[i], want[i], 0x1p-24 * (6 * terms[s] + 2 * fabs((double)before[i])));
    }
  }
  for (int s = 0; s < KVOX_T2STAR_SUMS; s++) {
    kvox_check_same_bits(check, count, got + s * ROW);
  }
}

/* Sums as echoes make them. Both differences cancel by as much as the spread is below its parts. */
static void compare_descent(kvox_check *check) {
  enum { ECHOES = 5 };
  const int64_t count = random_count(check), floats = (KVOX_T2STAR_SUMS - 1) * ROW + count;
  float *sums = kvox_check_floats(check, floats), *m = kvox_check_floats(check, count);
  float *first = kvox_check_floats(check, count);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  memset(sums, 0, (size_t)floats * sizeof *sums);
  const int64_t only = kvox_check_integer(check, 0, 3 * ECHOES);
  for (int e = 0; e < ECHOES; e++) {
    for (int64_t n = 0; n < count; n++) {
      m[n] = only < ECHOES && only != e ? 0 : magnitude(check);
      first[n] = e == 0 ? (m[n] > 0 ? m[n] : 1) : first[n];
    }
    kvox_t2star_ref.add_echo(count, 2.5f * (float)e, first, m, sums);
  }
  kvox_t2star_ref.descent(count, sums, want);
  kvox_t2star_kernels_of(check->level)->descent(count, sums, got);
  for (int64_t n = 0; n < count; n++) {
    const double w = sums[n], wt = sums[ROW + n], wtt = sums[2 * ROW + n], wy = sums[3 * ROW + n];
    const double spread = wtt - wt * wt / w, parts = fabs(wt / w * wy) + fabs((double)sums[4 * ROW + n]);
    const double bound = 0x1p-22 * (parts / spread + fabs((double)want[n]) * wtt / spread);
    /* Near the least spread the two may take different sides of it. */
    if (w == 0 || fabs(spread / wtt - (double)KVOX_T2STAR_LEAST_SPREAD) > 1e-6) {
      kvox_check_value(check, "rate", n, got[n], want[n], isinf(want[n]) ? 0 : bound);
    }
  }
  kvox_check_same_bits(check, count, got);
}

typedef struct bench_rows {
  const kvox_t2star_kernels *kernels;
  float *first, *m, *sums;
} bench_rows;

static void work_echo(void *data) {
  const bench_rows *rows = data;
  rows->kernels->add_echo(ROW, 3, rows->first, rows->m, rows->sums);
}

/* An element: a magnitude. */
static void bench_echo(kvox_check *check) {
  bench_rows rows = {.kernels = kvox_t2star_kernels_of(check->level),
                     .first = kvox_check_floats(check, ROW),
                     .m = kvox_check_floats(check, ROW),
                     .sums = kvox_check_floats(check, KVOX_T2STAR_SUMS * ROW)};
  memset(rows.sums, 0, KVOX_T2STAR_SUMS * ROW * sizeof *rows.sums);
  for (int n = 0; n < ROW; n++) {
    rows.first[n] = (float)kvox_check_real(check, 1, 2);
    rows.m[n] = (float)kvox_check_real(check, 0, 1e-9);
  }
  kvox_check_time(check, work_echo, &rows, ROW);
}

const kvox_check_stage kvox_check_t2star_echo = {"t2star.echo", "the roundings of its sums", compare_echo, bench_echo};
const kvox_check_stage kvox_check_t2star_descent = {"t2star.descent", "the roundings of its sums", compare_descent,
                                                    NULL};

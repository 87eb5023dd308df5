#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/partial_row.h"

enum { MOST = 700 };

/* Half a unit in the last place of 1, and what may be lost where results are not normal numbers. */
static const double rounding = 0x1p-24, tiny = 0x1p-147;

static float *numbers(kvox_check *check, int64_t count, int lowest, int highest) {
  float *values = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, lowest, highest));
  }
  return values;
}

static float *copy_of(kvox_check *check, int64_t count, const float *values) {
  float *copy = kvox_check_floats(check, count);
  memcpy(copy, values, (size_t)count * sizeof *copy);
  return copy;
}

static int64_t count_of(kvox_check *check) {
  const int64_t count = kvox_check_integer(check, 1, MOST);
  kvox_check_shape(check, "%d samples", (int)count);
  return count;
}

/* Two products, each rounded, and the oracle's own rounding. */
static void compare_scale(kvox_check *check) {
  const int64_t count = count_of(check);
  const float outer = (float)kvox_check_real(check, 0, 2);
  float *factors = numbers(check, count, -10, 2), *in = numbers(check, 2 * count, -60, 60);
  float *want = kvox_check_floats(check, 2 * count), *got = kvox_check_floats(check, 2 * count);
  const bool in_place = kvox_check_chance(check, 0.3);
  kvox_partial_row_ref.scale(count, outer, factors, in, want);
  memcpy(got, in, (size_t)(2 * count) * sizeof *got);
  kvox_partial_row_kernels_of(check->level)->scale(count, outer, factors, in_place ? got : in, got);
  for (int64_t n = 0; n < 2 * count; n++) {
    kvox_check_value(check, "part", n, got[n], want[n], 3 * rounding * fabs(want[n]) + tiny);
  }
  kvox_check_same_bits(check, 2 * count, got);
}

/* A quotient, the sum of two squares (whose error the root halves), the root, a quotient: five and a half roundings
 * with the oracle's. Samples of the whole range of floats, and zeros. */
static void compare_normalise(kvox_check *check) {
  const int64_t count = count_of(check);
  float *want = numbers(check, 2 * count, -140, 127);
  for (int64_t n = 0; n < count; n++) {
    if (kvox_check_chance(check, 0.1)) {
      want[2 * n] = want[2 * n + 1] = 0;
    } else if (kvox_check_chance(check, 0.2)) {
      want[2 * n + kvox_check_integer(check, 0, 1)] = 0;
    }
  }
  float *got = copy_of(check, 2 * count, want);
  kvox_partial_row_ref.normalise(count, want);
  kvox_partial_row_kernels_of(check->level)->normalise(count, got);
  for (int64_t n = 0; n < 2 * count; n++) {
    kvox_check_value(check, "part", n, got[n], want[n], 6 * rounding * fabs(want[n]) + tiny);
  }
  kvox_check_same_bits(check, 2 * count, got);
}

/* A sum of two products, and a product: four roundings of their sizes. */
static void compare_onto_phase(kvox_check *check) {
  const int64_t count = count_of(check);
  float *phasor = numbers(check, 2 * count, -3, 0), *in = numbers(check, 2 * count, -60, 60);
  float *want = copy_of(check, 2 * count, in), *got = copy_of(check, 2 * count, in);
  kvox_partial_row_ref.onto_phase(count, phasor, want);
  kvox_partial_row_kernels_of(check->level)->onto_phase(count, phasor, got);
  for (int64_t n = 0; n < 2 * count; n++) {
    const int64_t k = n / 2 * 2;
    const double size = fabs((double)in[k] * phasor[k]) + fabs((double)in[k + 1] * phasor[k + 1]);
    kvox_check_value(check, "part", n, got[n], want[n], 5 * rounding * size * fabs(phasor[n]) + tiny);
  }
  kvox_check_same_bits(check, 2 * count, got);
}

/* 1 - t, its product, and the fused sum: three roundings, and the oracle's. What is trusted wholly is as it was. */
static void compare_blend(kvox_check *check) {
  const int64_t count = count_of(check);
  const float most = (float)kvox_check_real(check, 0, 1.5);
  float *trust = kvox_check_floats(check, count), *measured = numbers(check, 2 * count, -60, 60);
  float *in = numbers(check, 2 * count, -60, 60), *want = copy_of(check, 2 * count, in),
        *got = copy_of(check, 2 * count, in);
  for (int64_t n = 0; n < count; n++) {
    trust[n] = (float)fmin(kvox_check_real(check, 0, 1.3), 1);
  }
  kvox_partial_row_ref.blend(count, fminf(most, 1), trust, measured, want);
  kvox_partial_row_kernels_of(check->level)->blend(count, fminf(most, 1), trust, measured, got);
  for (int64_t n = 0; n < 2 * count; n++) {
    const double t = fminf(most, trust[n / 2]), size = t * fabs(measured[n]) + (1 - t) * fabs(in[n]);
    kvox_check_value(check, "part", n, got[n], want[n], t < 1 ? 4 * rounding * size + tiny : 0);
  }
  kvox_check_same_bits(check, 2 * count, got);
}

/* Sixteen sums of floats: as many roundings as each has terms, two of a difference, and of a square. */
static void compare_energy(kvox_check *check) {
  const int64_t count = count_of(check);
  const int middle = (int)kvox_check_integer(check, -130, 120);
  const bool alone = kvox_check_chance(check, 0.3);
  float *a = numbers(check, 2 * count, middle - 6, middle + 6), *b = numbers(check, 2 * count, middle - 6, middle + 6);
  if (kvox_check_chance(check, 0.1)) {
    memset(a, 0, (size_t)(2 * count) * sizeof *a);
    memset(b, 0, (size_t)(2 * count) * sizeof *b);
  }
  /* As a float near 1: energies are beyond its range. */
  const double want = kvox_partial_row_ref.energy(count, a, alone ? NULL : b);
  const double got = kvox_partial_row_kernels_of(check->level)->energy(count, a, alone ? NULL : b);
  const float ratio = want > 0 ? (float)(got / want) : (float)(1 + got);
  kvox_check_value(check, "energy's part of the oracle's", 0, ratio, 1, (double)(count / 8 + 6) * rounding);
  kvox_check_same_bits(check, 1, &ratio);
}

/* ---- Timing ---- */

enum { BENCH = 256 };

typedef struct bench_run {
  const kvox_partial_row_kernels *kernels;
  float *factors, *a, *b;
  double sum;
} bench_run;

static bench_run make_bench(kvox_check *check) {
  bench_run run = {.kernels = kvox_partial_row_kernels_of(check->level), .factors = kvox_check_floats(check, BENCH)};
  for (int64_t i = 0; i < BENCH; i++) {
    run.factors[i] = 1;
  }
  run.a = numbers(check, 2 * BENCH, 0, 0);
  run.b = numbers(check, 2 * BENCH, 0, 0);
  return run;
}

static void work_normalise(void *data) {
  const bench_run *run = data;
  run->kernels->normalise(BENCH, run->a);
}

static void bench_normalise(kvox_check *check) {
  bench_run run = make_bench(check);
  kvox_check_time(check, work_normalise, &run, BENCH);
}

/* Onto a phase of size 1: nothing grows or fades. */
static void work_onto_phase(void *data) {
  const bench_run *run = data;
  run->kernels->onto_phase(BENCH, run->b, run->a);
}

static void bench_onto_phase(kvox_check *check) {
  bench_run run = make_bench(check);
  run.kernels->normalise(BENCH, run.b);
  kvox_check_time(check, work_onto_phase, &run, BENCH);
}

static void work_energy(void *data) {
  bench_run *run = data;
  run->sum += run->kernels->energy(BENCH, run->a, run->b);
}

static void bench_energy(kvox_check *check) {
  bench_run run = make_bench(check);
  kvox_check_time(check, work_energy, &run, BENCH);
}

const kvox_check_stage kvox_check_partial_scale = {"partial.scale", "three roundings", compare_scale, NULL};
const kvox_check_stage kvox_check_partial_normalise = {"partial.normalise", "six roundings", compare_normalise,
                                                       bench_normalise};
const kvox_check_stage kvox_check_partial_onto_phase = {"partial.onto_phase", "five roundings", compare_onto_phase,
                                                        bench_onto_phase};
const kvox_check_stage kvox_check_partial_blend = {"partial.blend", "four roundings", compare_blend, NULL};
const kvox_check_stage kvox_check_partial_energy = {"partial.energy", "the roundings of its sums", compare_energy,
                                                    bench_energy};

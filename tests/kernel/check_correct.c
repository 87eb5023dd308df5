#include <math.h>
#include <string.h>

#include "ct/correct.h"
#include "kernel/check.h"

/*
 * Oracle and variants round the same transmission; the oracle's logarithm is right to half an ulp, the vector one to
 * 0.9: two floats, 1 ulp apart at most, or 2 of the smaller ulps below a power of two.
 */
static const double bound_ulps = 2;

static float random_count(kvox_check *check, float dark, float inverse_gain) {
  switch (kvox_check_integer(check, 0, 7)) {
    case 0: return dark + 1 / inverse_gain;                                           /* p = 0 */
    case 1: return dark + (float)kvox_check_real(check, 0.999, 1.001) / inverse_gain; /* p near 0 */
    case 2: return (float)kvox_check_real(check, -1000, (double)dark + 2);            /* clamped */
    case 3: return (float)ldexp(1, (int)kvox_check_integer(check, -140, 127));        /* any size */
    default: return dark + (float)kvox_check_real(check, 0, 1) / inverse_gain;
  }
}

/* At random one sample, or two, that are not finite. */
static void spoil(kvox_check *check, int64_t count, float *samples) {
  static const float spoilt[] = {NAN, INFINITY, -INFINITY};
  for (int times = 0; times < 2; times++) {
    if (kvox_check_chance(check, 0.3)) {
      samples[kvox_check_integer(check, 0, count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
    }
  }
}

static void compare_counts(kvox_check *check) {
  const int64_t columns = kvox_check_integer(check, 1, 200);
  const float least = (float)kvox_check_real(check, 0.01, 4);
  kvox_check_shape(check, "%d columns", (int)columns);
  float *dark = kvox_check_floats(check, columns), *inverse_gain = kvox_check_floats(check, columns);
  float *want = kvox_check_floats(check, columns), *got = kvox_check_floats(check, columns);
  for (int64_t i = 0; i < columns; i++) {
    dark[i] = (float)kvox_check_real(check, -10, 500);
    inverse_gain[i] = (float)(1 / pow(10, kvox_check_real(check, -2, 5)));
    want[i] = random_count(check, dark[i], inverse_gain[i]);
  }
  spoil(check, columns, want);
  memcpy(got, want, (size_t)columns * sizeof *got);
  const bool fine = kvox_correct_ref.counts(dark, inverse_gain, least, columns, want);
  if (kvox_correct_kernels_of(check->level)->counts(dark, inverse_gain, least, columns, got) != fine) {
    kvox_check_fault(check, "counts are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  kvox_check_ulps(check, "samples", columns, got, want, bound_ulps);
  kvox_check_same_bits(check, columns, got);
}

static void compare_finite(kvox_check *check) {
  const int64_t columns = kvox_check_integer(check, 1, 200);
  kvox_check_shape(check, "%d columns", (int)columns);
  float *samples = kvox_check_floats(check, columns);
  for (int64_t i = 0; i < columns; i++) {
    samples[i] = (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, -149, 128));
  }
  spoil(check, columns, samples);
  const bool fine = kvox_correct_ref.finite(columns, samples);
  if (kvox_correct_kernels_of(check->level)->finite(columns, samples) != fine) {
    kvox_check_fault(check, "samples are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
}

enum { BENCH_COLUMNS = 1024 };

typedef struct bench_row {
  const kvox_correct_kernels *kernels;
  float *dark, *inverse_gain, *counts, *samples;
} bench_row;

static bench_row random_row(kvox_check *check) {
  bench_row row = {.kernels = kvox_correct_kernels_of(check->level)};
  row.dark = kvox_check_floats(check, BENCH_COLUMNS);
  row.inverse_gain = kvox_check_floats(check, BENCH_COLUMNS);
  row.counts = kvox_check_floats(check, BENCH_COLUMNS);
  row.samples = kvox_check_floats(check, BENCH_COLUMNS);
  for (int64_t i = 0; i < BENCH_COLUMNS; i++) {
    row.dark[i] = (float)kvox_check_real(check, 90, 110);
    row.inverse_gain[i] = (float)(1 / kvox_check_real(check, 3e4, 5e4));
    row.counts[i] = (float)kvox_check_integer(check, 100, 40000);
  }
  return row;
}

/* With the copy that restores the counts. */
static void work_counts(void *data) {
  const bench_row *row = data;
  memcpy(row->samples, row->counts, BENCH_COLUMNS * sizeof *row->samples);
  row->kernels->counts(row->dark, row->inverse_gain, 1, BENCH_COLUMNS, row->samples);
}

static void work_finite(void *data) {
  const bench_row *row = data;
  row->kernels->finite(BENCH_COLUMNS, row->counts);
}

static void bench_counts(kvox_check *check) {
  bench_row row = random_row(check);
  kvox_check_time(check, work_counts, &row, BENCH_COLUMNS);
}

static void bench_finite(kvox_check *check) {
  bench_row row = random_row(check);
  kvox_check_time(check, work_finite, &row, BENCH_COLUMNS);
}

const kvox_check_stage kvox_check_correct_counts = {"correct.counts", "2 ulp", compare_counts, bench_counts};
const kvox_check_stage kvox_check_correct_finite = {"correct.finite", "exact", compare_finite, bench_finite};

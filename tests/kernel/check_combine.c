#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/combine.h"

/* add_squares rounds twice where the oracle rounds once: half an ulp and one of the sum, two below a power of two; a
 * root is right to the last bit in both. */
static const double bound_ulps = 2;

static void fill(kvox_check *check, int64_t count, float *values) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, -40, 40));
  }
}

static int64_t random_count(kvox_check *check) {
  const int64_t count = KVOX_MRI_STEP * kvox_check_integer(check, 1, KVOX_MRI_TILE / KVOX_MRI_STEP);
  kvox_check_shape(check, "%d samples", (int)count);
  return count;
}

static void compare_add_squares(kvox_check *check) {
  const int64_t count = random_count(check);
  float *in = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  fill(check, 2 * count, in);
  fill(check, count, want);
  for (int64_t i = 0; i < count; i++) {
    got[i] = want[i] = fabsf(want[i]);
  }
  kvox_combine_ref.add_squares(count, in, want);
  kvox_combine_kernels_of(check->level)->add_squares(count, in, got);
  kvox_check_ulps(check, "sums", count, got, want, bound_ulps);
  kvox_check_same_bits(check, count, got);
}

static void compare_roots(kvox_check *check) {
  const int64_t count = random_count(check);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  fill(check, count, want);
  for (int64_t i = 0; i < count; i++) {
    want[i] = fabsf(want[i]);
  }
  if (kvox_check_chance(check, 0.3)) {
    want[kvox_check_integer(check, 0, count - 1)] = kvox_check_chance(check, 0.5) ? NAN : INFINITY;
  }
  memcpy(got, want, (size_t)count * sizeof *got);
  const bool fine = kvox_combine_ref.roots(count, want);
  if (kvox_combine_kernels_of(check->level)->roots(count, got) != fine) {
    kvox_check_fault(check, "roots are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  kvox_check_ulps(check, "roots", count, got, want, 0);
}

/* Each plane: two fused products, each rounded once, and the oracle's own rounding. */
static double weighted_bound(double before, double product, double other) {
  return 3 * 0x1p-24 * (fabs(before) + fabs(product) + fabs(other)) + 0x1p-148;
}

static void compare_add_weighted(kvox_check *check) {
  const int64_t count = random_count(check), floats = KVOX_MRI_TILE + count;
  float *weights = kvox_check_floats(check, 2 * count), *in = kvox_check_floats(check, 2 * count);
  float *before = kvox_check_floats(check, floats);
  float *want = kvox_check_floats(check, floats), *got = kvox_check_floats(check, floats);
  fill(check, 2 * count, weights);
  fill(check, 2 * count, in);
  fill(check, floats, before);
  memcpy(want, before, (size_t)floats * sizeof *want);
  memcpy(got, before, (size_t)floats * sizeof *got);
  kvox_combine_ref.add_weighted(count, weights, in, want);
  kvox_combine_kernels_of(check->level)->add_weighted(count, weights, in, got);
  for (int64_t n = 0; n < count; n++) {
    const double a = weights[2 * n], b = weights[2 * n + 1], re = in[2 * n], im = in[2 * n + 1];
    const int64_t m = KVOX_MRI_TILE + n;
    kvox_check_value(check, "real sums", n, got[n], want[n], weighted_bound(before[n], a * re, b * im));
    kvox_check_value(check, "imaginary sums", n, got[m], want[m], weighted_bound(before[m], a * im, b * re));
  }
  kvox_check_same_bits(check, count, got);
  kvox_check_same_bits(check, count, got + KVOX_MRI_TILE);
}

static void compare_divide(kvox_check *check) {
  static const float spoilt[] = {NAN, INFINITY, 0};
  const int64_t count = random_count(check), floats = KVOX_MRI_TILE + count;
  float *sums = kvox_check_floats(check, floats), *norms = kvox_check_floats(check, count);
  float *want = kvox_check_floats(check, 2 * count), *got = kvox_check_floats(check, 2 * count);
  fill(check, floats, sums);
  fill(check, count, norms);
  for (int64_t n = 0; n < count; n++) {
    norms[n] = kvox_check_chance(check, 0.1) ? 0 : fabsf(norms[n]);
  }
  if (kvox_check_chance(check, 0.4)) {
    norms[kvox_check_integer(check, 0, count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
  }
  if (kvox_check_chance(check, 0.4)) {
    const int64_t plane = kvox_check_chance(check, 0.5) ? KVOX_MRI_TILE : 0;
    sums[plane + kvox_check_integer(check, 0, count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
  }
  const bool fine = kvox_combine_ref.divide(count, sums, norms, want);
  if (kvox_combine_kernels_of(check->level)->divide(count, sums, norms, got) != fine) {
    kvox_check_fault(check, "all are %sfinite, the variant says otherwise", fine ? "" : "not ");
  }
  if (fine) {
    kvox_check_ulps(check, "out", 2 * count, got, want, 0);
  }
}

typedef struct bench_row {
  const kvox_combine_kernels *kernels;
  float *in, *sums;
} bench_row;

static void work_add_squares(void *data) {
  const bench_row *row = data;
  row->kernels->add_squares(KVOX_MRI_TILE, row->in, row->sums);
}

static void bench_add_squares(kvox_check *check) {
  bench_row row = {.kernels = kvox_combine_kernels_of(check->level),
                   .in = kvox_check_floats(check, 2 * KVOX_MRI_TILE),
                   .sums = kvox_check_floats(check, KVOX_MRI_TILE)};
  for (int64_t i = 0; i < 2 * KVOX_MRI_TILE; i++) {
    row.in[i] = (float)kvox_check_real(check, -1, 1);
  }
  memset(row.sums, 0, KVOX_MRI_TILE * sizeof *row.sums);
  kvox_check_time(check, work_add_squares, &row, KVOX_MRI_TILE);
}

const kvox_check_stage kvox_check_combine_squares = {"combine.squares", "2 ulp", compare_add_squares,
                                                     bench_add_squares};
const kvox_check_stage kvox_check_combine_weighted = {"combine.weighted", "the roundings of its sums",
                                                      compare_add_weighted, NULL};
const kvox_check_stage kvox_check_combine_divide = {"combine.divide", "exact", compare_divide, NULL};
const kvox_check_stage kvox_check_combine_roots = {"combine.roots", "exact", compare_roots, NULL};

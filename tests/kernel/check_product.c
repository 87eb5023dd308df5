#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/product.h"

enum { MOST = 700 };

static void fill(kvox_check *check, int64_t count, float *values) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)ldexp(kvox_check_real(check, -1, 1), (int)kvox_check_integer(check, -20, 20));
  }
}

typedef bool (*product)(int64_t count, const float *factors, const float *in, float *out);

/* Each part: two fused products, each rounded once, and the oracle's own rounding. */
static void compare_out(kvox_check *check, const char *what, int64_t count, const float *factors, int64_t step,
                        const float *in, const float *before, const float *want, const float *got) {
  for (int64_t n = 0; n < 2 * count; n++) {
    const float *f = factors + n / 2 * step, *z = in + n / 2 * 2;
    const double sizes = n % 2 == 0 ? fabs((double)f[0] * z[0]) + fabs((double)f[1] * z[1])
                                    : fabs((double)f[0] * z[1]) + fabs((double)f[1] * z[0]);
    kvox_check_value(check, what, n, got[n], want[n], 3 * 0x1p-24 * (sizes + fabs(before[n])) + 0x1p-147);
  }
  kvox_check_same_bits(check, 2 * count, got);
}

static void compare_product(kvox_check *check) {
  static const float spoilt[] = {NAN, INFINITY, -INFINITY};
  static const char *const names[] = {"multiply", "multiply_conjugate", "add_conjugate", "scale"};
  const kvox_product_kernels *ref = &kvox_product_ref, *own = kvox_product_kernels_of(check->level);
  const product oracles[] = {ref->multiply, ref->multiply_conjugate, ref->add_conjugate, ref->scale};
  const product variants[] = {own->multiply, own->multiply_conjugate, own->add_conjugate, own->scale};
  const int64_t count = kvox_check_integer(check, 1, MOST), which = kvox_check_integer(check, 0, 3);
  const bool in_place = which != 2 && kvox_check_chance(check, 0.3);
  kvox_check_shape(check, "%s of %d samples%s", names[which], (int)count, in_place ? ", in place" : "");
  float *factors = kvox_check_floats(check, which == 3 ? 2 : 2 * count), *in = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, 2 * count), *got = kvox_check_floats(check, 2 * count);
  float *before = kvox_check_floats(check, 2 * count);
  fill(check, which == 3 ? 2 : 2 * count, factors);
  fill(check, 2 * count, in);
  fill(check, 2 * count, before);
  if (kvox_check_chance(check, 0.3)) {
    in[kvox_check_integer(check, 0, 2 * count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
  }
  memcpy(want, before, (size_t)(2 * count) * sizeof *want);
  memcpy(got, in_place ? in : before, (size_t)(2 * count) * sizeof *got);
  const bool fine = oracles[which](count, factors, in, want);
  if (variants[which](count, factors, in_place ? got : in, got) != fine) {
    kvox_check_fault(check, "results are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  if (which != 2) {
    memset(before, 0, (size_t)(2 * count) * sizeof *before);
  }
  if (fine) {
    compare_out(check, names[which], count, factors, which == 3 ? 0 : 2, in, before, want, got);
  }
}

enum { BENCH = 256 };

typedef struct bench_run {
  const kvox_product_kernels *kernels;
  float *factors, *in, *out;
} bench_run;

static void work_product(void *data) {
  const bench_run *run = data;
  run->kernels->add_conjugate(BENCH, run->factors, run->in, run->out);
}

/* An element: a sample of a coil, added to the sum. */
static void bench_product(kvox_check *check) {
  bench_run run = {.kernels = kvox_product_kernels_of(check->level),
                   .factors = kvox_check_floats(check, 2 * BENCH),
                   .in = kvox_check_floats(check, 2 * BENCH),
                   .out = kvox_check_floats(check, 2 * BENCH)};
  for (int64_t i = 0; i < 2 * BENCH; i++) {
    run.factors[i] = (float)kvox_check_real(check, -1, 1);
    run.in[i] = (float)kvox_check_real(check, -1, 1);
  }
  memset(run.out, 0, 2 * BENCH * sizeof *run.out);
  kvox_check_time(check, work_product, &run, BENCH);
}

const kvox_check_stage kvox_check_product = {"product", "the roundings of its sums", compare_product, bench_product};

#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/polar.h"

/* The ratio, its square, the root and the product: each rounds once, the oracle once more. */
static const double magnitude_ulps = 3;

/* What vf_atan2 promises and the oracle's own rounding: half an ulp of pi. */
static const double phase_bound = 3e-7 + 0x1p-23;

static float value(kvox_check *check, int exponent) {
  static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, 0x1p-149f, -0x1p-149f, 0x1.8p+126f};
  if (kvox_check_chance(check, 0.1)) {
    return special[kvox_check_integer(check, 0, 6)];
  }
  return (float)ldexp(kvox_check_real(check, -1, 1), exponent);
}

/* Parts of like size and parts far apart, on the axes and the diagonals too. */
static void fill(kvox_check *check, int64_t count, float *in) {
  for (int64_t n = 0; n < count; n++) {
    const int exponent = (int)kvox_check_integer(check, -120, 120);
    const int apart = kvox_check_chance(check, 0.5) ? 0 : (int)kvox_check_integer(check, -30, 30);
    in[2 * n] = value(check, exponent);
    in[2 * n + 1] =
        kvox_check_chance(check, 0.05) ? in[2 * n] : value(check, exponent + apart > 120 ? 120 : exponent + apart);
  }
}

static void spoil(kvox_check *check, int64_t count, float *in) {
  static const float spoilt[] = {NAN, INFINITY, -INFINITY};
  if (kvox_check_chance(check, 0.3)) {
    in[kvox_check_integer(check, 0, 2 * count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
  }
}

static int64_t random_count(kvox_check *check) {
  const int64_t count = KVOX_MRI_STEP * kvox_check_integer(check, 1, KVOX_MRI_TILE / KVOX_MRI_STEP);
  kvox_check_shape(check, "%d samples", (int)count);
  return count;
}

static void compare_magnitude(kvox_check *check) {
  const int64_t count = random_count(check);
  float *in = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  fill(check, count, in);
  spoil(check, count, in);
  const bool fine = kvox_polar_ref.magnitude(count, in, want);
  if (kvox_polar_kernels_of(check->level)->magnitude(count, in, got) != fine) {
    kvox_check_fault(check, "magnitudes are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  if (fine) {
    kvox_check_ulps(check, "magnitude", count, got, want, magnitude_ulps);
    kvox_check_same_bits(check, count, got);
  }
}

static void compare_phase(kvox_check *check) {
  const kvox_polar_kernels *kernels = kvox_polar_kernels_of(check->level);
  const int64_t count = random_count(check);
  float *in = kvox_check_floats(check, 2 * count), *apart = kvox_check_floats(check, 2 * count);
  float *want = kvox_check_floats(check, count), *got = kvox_check_floats(check, count);
  fill(check, count, in);
  spoil(check, count, in);
  const bool fine = kvox_polar_ref.phase(count, in, want);
  if (kernels->phase(count, in, got) != fine) {
    kvox_check_fault(check, "samples are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  if (!fine) {
    return;
  }
  for (int64_t n = 0; n < count; n++) {
    kvox_check_value(check, "phase", n, got[n], want[n], phase_bound);
    if (got[n] < -0x1.921fb4p+1f || got[n] > 0x1.921fb6p+1f) {
      kvox_check_fault(check, "phase %d is %.9g, beyond (-pi, pi]", (int)n, (double)got[n]);
    }
    apart[n] = in[2 * n];
    apart[count + n] = in[2 * n + 1];
  }
  kvox_check_same_bits(check, count, got);
  kernels->angle(count, apart, apart + count, want);
  kvox_check_ulps(check, "angle", count, want, got, 0);
}

typedef struct bench_row {
  bool (*function)(int64_t count, const float *in, float *out);
  float *in, *out;
} bench_row;

static void work(void *data) {
  const bench_row *row = data;
  row->function(KVOX_MRI_TILE, row->in, row->out);
}

static void bench(kvox_check *check, bool (*function)(int64_t count, const float *in, float *out)) {
  bench_row row = {.function = function,
                   .in = kvox_check_floats(check, 2 * KVOX_MRI_TILE),
                   .out = kvox_check_floats(check, KVOX_MRI_TILE)};
  for (int64_t i = 0; i < 2 * KVOX_MRI_TILE; i++) {
    row.in[i] = (float)kvox_check_real(check, -1, 1);
  }
  kvox_check_time(check, work, &row, KVOX_MRI_TILE);
}

static void bench_magnitude(kvox_check *check) { bench(check, kvox_polar_kernels_of(check->level)->magnitude); }
static void bench_phase(kvox_check *check) { bench(check, kvox_polar_kernels_of(check->level)->phase); }

const kvox_check_stage kvox_check_polar_magnitude = {"polar.magnitude", "3 ulp", compare_magnitude, bench_magnitude};
const kvox_check_stage kvox_check_polar_phase = {"polar.phase", "4e-7 rad", compare_phase, bench_phase};

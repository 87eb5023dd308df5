/* The vector body; see polar.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec_finite.h"
#include "cpu/vec_math.h"
#include "mri/polar.h"

/* By the ratio of the smaller part to the larger: no square leaves the range of floats. */
static bool magnitude(int64_t count, const float *in, float *out) {
  const vi positive = vi_set(0x7fffffff);
  const vf zero = vf_zero(), one = vf_set(1);
  vf sum = zero;
  for (int64_t n = 0; n < count; n += VL) {
    vf re, im;
    vf_unzip(vf_load(in + 2 * n), vf_load(in + 2 * n + VL), &re, &im);
    const vf a = vf_bits(vi_and(vi_bits(re), positive)), b = vf_bits(vi_and(vi_bits(im), positive));
    const vf larger = vf_max(a, b);
    const vf t = vf_select_less(zero, larger, vf_div(vf_min(a, b), larger), zero);
    const vf root = vf_mul(larger, vf_sqrt(vf_fma(t, t, one)));
    sum = vf_fma(root, zero, vf_fma(a, zero, vf_fma(b, zero, sum)));
    vf_store(out + n, root);
  }
  return all_zero(sum);
}

static bool phase(int64_t count, const float *in, float *out) {
  const vf zero = vf_zero();
  vf sum = zero;
  for (int64_t n = 0; n < count; n += VL) {
    vf re, im;
    vf_unzip(vf_load(in + 2 * n), vf_load(in + 2 * n + VL), &re, &im);
    sum = vf_fma(re, zero, vf_fma(im, zero, sum));
    vf_store(out + n, vf_atan2(im, re));
  }
  return all_zero(sum);
}

static void angle(int64_t count, const float *real, const float *imaginary, float *out) {
  for (int64_t n = 0; n < count; n += VL) {
    vf_store(out + n, vf_atan2(vf_load(imaginary + n), vf_load(real + n)));
  }
}

const kvox_polar_kernels KERNELS = {magnitude, phase, angle};

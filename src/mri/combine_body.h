/* The vector body; see combine.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "cpu/vec_finite.h"
#include "mri/combine.h"

static void add_squares(int64_t count, const float *in, float *sums) {
  for (int64_t n = 0; n < count; n += VL) {
    vf re, im;
    vf_unzip(vf_load(in + 2 * n), vf_load(in + 2 * n + VL), &re, &im);
    vf_store(sums + n, vf_fma(re, re, vf_fma(im, im, vf_load(sums + n))));
  }
}

static bool roots(int64_t count, float *sums) {
  vf zero = vf_zero();
  for (int64_t n = 0; n < count; n += VL) {
    const vf root = vf_sqrt(vf_load(sums + n));
    zero = vf_fma(root, vf_zero(), zero);
    vf_store(sums + n, root);
  }
  return all_zero(zero);
}

static void add_weighted(int64_t count, const float *weights, const float *in, float *sums) {
  float *imaginary = sums + KVOX_MRI_TILE;
  for (int64_t n = 0; n < count; n += VL) {
    vf a, b, re, im;
    vf_unzip(vf_load(weights + 2 * n), vf_load(weights + 2 * n + VL), &a, &b);
    vf_unzip(vf_load(in + 2 * n), vf_load(in + 2 * n + VL), &re, &im);
    vf_store(sums + n, vf_fma(a, re, vf_fma(b, im, vf_load(sums + n))));
    vf_store(imaginary + n, vf_fma(a, im, vf_fma(vf_sub(vf_zero(), b), re, vf_load(imaginary + n))));
  }
}

static bool divide(int64_t count, const float *sums, const float *norms, float *out) {
  const vf none = vf_zero();
  vf zero = none;
  for (int64_t n = 0; n < count; n += VL) {
    const vf re = vf_load(sums + n), im = vf_load(sums + KVOX_MRI_TILE + n), norm = vf_load(norms + n);
    vf low, high;
    vf_zip(vf_select_less(none, norm, vf_div(re, norm), none), vf_select_less(none, norm, vf_div(im, norm), none), &low,
           &high);
    zero = vf_fma(re, none, vf_fma(im, none, vf_fma(norm, none, zero)));
    zero = vf_fma(low, none, vf_fma(high, none, zero));
    vf_store(out + 2 * n, low);
    vf_store(out + 2 * n + VL, high);
  }
  return all_zero(zero);
}

const kvox_combine_kernels KERNELS = {add_squares, roots, add_weighted, divide};

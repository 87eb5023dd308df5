/* The vector body; see combine.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "mri/combine.h"
#include "mri/finite_body.h"

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

const kvox_combine_kernels KERNELS = {add_squares, roots};

/* The oracle: products in double, rounded to the float of the sum. */
#include <math.h>

#include "mri/combine.h"

static void add_squares(int64_t count, const float *in, float *sums) {
  for (int64_t n = 0; n < count; n++) {
    const double re = in[2 * n], im = in[2 * n + 1];
    sums[n] = (float)(sums[n] + re * re + im * im);
  }
}

static bool roots(int64_t count, float *sums) {
  bool finite = true;
  for (int64_t n = 0; n < count; n++) {
    sums[n] = sqrtf(sums[n]);
    finite = finite && isfinite(sums[n]);
  }
  return finite;
}

static void add_weighted(int64_t count, const float *weights, const float *in, float *sums) {
  for (int64_t n = 0; n < count; n++) {
    const double a = weights[2 * n], b = weights[2 * n + 1], re = in[2 * n], im = in[2 * n + 1];
    sums[n] = (float)(sums[n] + a * re + b * im);
    sums[KVOX_MRI_TILE + n] = (float)(sums[KVOX_MRI_TILE + n] + a * im - b * re);
  }
}

static bool divide(int64_t count, const float *sums, const float *norms, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < count; n++) {
    const float re = sums[n], im = sums[KVOX_MRI_TILE + n], norm = norms[n];
    out[2 * n] = norm > 0 ? re / norm : 0;
    out[2 * n + 1] = norm > 0 ? im / norm : 0;
    finite =
        finite && isfinite(re) && isfinite(im) && isfinite(norm) && isfinite(out[2 * n]) && isfinite(out[2 * n + 1]);
  }
  return finite;
}

const kvox_combine_kernels kvox_combine_ref = {add_squares, roots, add_weighted, divide};

/* The oracle: squares in double, rounded to the float of the sum. */
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

const kvox_combine_kernels kvox_combine_ref = {add_squares, roots};

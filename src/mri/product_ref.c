/* The oracle: products in double. */
#include <math.h>

#include "mri/product.h"

/* to + (a + i b) z, rounded once. */
static bool put(double a, double b, const float *z, double to_real, double to_imaginary, float *out) {
  const double re = z[0], im = z[1];
  out[0] = (float)(to_real + a * re - b * im);
  out[1] = (float)(to_imaginary + a * im + b * re);
  return isfinite(out[0]) && isfinite(out[1]);
}

static bool multiply(int64_t count, const float *factors, const float *in, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < 2 * count; n += 2) {
    finite = put(factors[n], factors[n + 1], in + n, 0, 0, out + n) && finite;
  }
  return finite;
}

static bool multiply_conjugate(int64_t count, const float *factors, const float *in, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < 2 * count; n += 2) {
    finite = put(factors[n], -(double)factors[n + 1], in + n, 0, 0, out + n) && finite;
  }
  return finite;
}

static bool add_conjugate(int64_t count, const float *factors, const float *in, float *sums) {
  bool finite = true;
  for (int64_t n = 0; n < 2 * count; n += 2) {
    finite = put(factors[n], -(double)factors[n + 1], in + n, sums[n], sums[n + 1], sums + n) && finite;
  }
  return finite;
}

static bool scale(int64_t count, const float factor[2], const float *in, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < 2 * count; n += 2) {
    finite = put(factor[0], factor[1], in + n, 0, 0, out + n) && finite;
  }
  return finite;
}

const kvox_product_kernels kvox_product_ref = {multiply, multiply_conjugate, add_conjugate, scale};

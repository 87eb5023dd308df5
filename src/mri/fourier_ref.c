/* The oracle: products in double, rounded once. */
#include <math.h>

#include "mri/fourier.h"

static bool finite(const float *z) { return isfinite(z[0]) && isfinite(z[1]); }

static void weigh_one(const float *in, kvox_fourier_weights w, int64_t sample, float *out) {
  const double a = w.same != NULL ? w.same[2 * sample] : 1, b = w.cross != NULL ? w.cross[2 * sample + 1] : 0;
  const double re = in[0], im = in[1];
  out[0] = (float)(a * re - b * im);
  out[1] = (float)(a * im + b * re);
}

static bool weigh(int64_t count, const float *in, kvox_fourier_weights weights, float *out) {
  bool all = true;
  for (int64_t n = 0; n < count; n++) {
    weigh_one(in + 2 * n, weights, n, out + 2 * n);
    all = finite(out + 2 * n) && all;
  }
  return all;
}

static bool turn_rows(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                      float *out, int64_t out_step) {
  bool all = true;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < columns; c++) {
      float *to = out + c * out_step + 2 * r;
      weigh_one(in + r * in_step + 2 * c, weights, r, to);
      all = finite(to) && all;
    }
  }
  return all;
}

static bool turn_columns(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                         bool past, float *out, int64_t out_step) {
  (void)past;
  bool all = true;
  for (int64_t c = 0; c < columns; c++) {
    for (int64_t r = 0; r < rows; r++) {
      float *to = out + c * out_step + 2 * r;
      weigh_one(in + r * in_step + 2 * c, weights, c, to);
      all = finite(to) && all;
    }
  }
  return all;
}

static bool add_square(const float *in, int32_t which, float *sum) {
  const double re = in[0], im = in[1], before = (which & KVOX_FOURIER_FIRST) != 0 ? 0 : *sum;
  const float after = (float)(before + re * re + im * im);
  *sum = (which & KVOX_FOURIER_LAST) != 0 ? sqrtf(after) : after;
  return isfinite(after);
}

static bool add_squares(int64_t count, const float *in, int32_t which, float *sums) {
  bool all = true;
  for (int64_t n = 0; n < count; n++) {
    all = add_square(in + 2 * n, which, sums + n) && all;
  }
  return all;
}

static bool turn_squares(int64_t rows, int64_t columns, const float *in, int64_t in_step, int32_t which, float *sums,
                         int64_t sums_step) {
  bool all = true;
  for (int64_t c = 0; c < columns; c++) {
    for (int64_t r = 0; r < rows; r++) {
      all = add_square(in + r * in_step + 2 * c, which, sums + c * sums_step + r) && all;
    }
  }
  return all;
}

const kvox_fourier_kernels kvox_fourier_ref = {weigh, turn_rows, turn_columns, add_squares, turn_squares};

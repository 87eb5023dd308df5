/* The oracle: the formula as it stands, the logarithm in double. */
#include <float.h>
#include <math.h>

#include "ct/correct.h"

static float line_integral(float count, float dark, float inverse_gain, float least) {
  const float above = fmaxf(count - dark, least);
  const float transmitted = fminf(above * inverse_gain, FLT_MAX);
  return (float)-log((double)transmitted);
}

static bool counts(const float *dark, const float *inverse_gain, float least, int64_t columns, float *samples) {
  bool finite = true;
  for (int64_t i = 0; i < columns; i++) {
    if (isfinite(samples[i])) {
      samples[i] = line_integral(samples[i], dark[i], inverse_gain[i], least);
    } else {
      samples[i] = NAN;
      finite = false;
    }
  }
  return finite;
}

static bool finite(int64_t columns, const float *samples) {
  for (int64_t i = 0; i < columns; i++) {
    if (!isfinite(samples[i])) {
      return false;
    }
  }
  return true;
}

const kvox_correct_kernels kvox_correct_ref = {counts, finite};

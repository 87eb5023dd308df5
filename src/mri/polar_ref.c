/* The oracle: the C library's functions in double, rounded to float. */
#include <math.h>

#include "mri/polar.h"

/* The least float above -pi: what rounds below it is no phase. */
static const float lowest = -0x1.921fb4p+1f;

static bool magnitude(int64_t count, const float *in, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < count; n++) {
    out[n] = (float)hypot(in[2 * n], in[2 * n + 1]);
    finite = finite && isfinite(out[n]);
  }
  return finite;
}

static float angle_of(float real, float imaginary) {
  if (real == 0 && imaginary == 0) {
    return 0;
  }
  /* A zero of either sign is one. */
  const double angle = atan2(imaginary == 0 ? 0 : (double)imaginary, real);
  return fmaxf((float)angle, lowest);
}

static bool phase(int64_t count, const float *in, float *out) {
  bool finite = true;
  for (int64_t n = 0; n < count; n++) {
    out[n] = angle_of(in[2 * n], in[2 * n + 1]);
    finite = finite && isfinite(in[2 * n]) && isfinite(in[2 * n + 1]);
  }
  return finite;
}

static void angle(int64_t count, const float *real, const float *imaginary, float *out) {
  for (int64_t n = 0; n < count; n++) {
    out[n] = angle_of(real[n], imaginary[n]);
  }
}

const kvox_polar_kernels kvox_polar_ref = {magnitude, phase, angle};

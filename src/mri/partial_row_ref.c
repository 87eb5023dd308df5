/* The oracle: in double, each result rounded once. */
#include <math.h>
#include <stddef.h>

#include "mri/partial_row.h"

static void scale(int64_t count, float outer, const float *factors, const float *in, float *out) {
  for (int64_t n = 0; n < 2 * count; n++) {
    out[n] = (float)((double)outer * factors[n / 2] * in[n]);
  }
}

static void normalise(int64_t count, float *samples) {
  for (int64_t n = 0; n < 2 * count; n += 2) {
    const double size = hypot(samples[n], samples[n + 1]);
    samples[n] = size > 0 ? (float)(samples[n] / size) : 1;
    samples[n + 1] = size > 0 ? (float)(samples[n + 1] / size) : 0;
  }
}

static void onto_phase(int64_t count, const float *phasor, float *samples) {
  for (int64_t n = 0; n < 2 * count; n += 2) {
    const double real = (double)samples[n] * phasor[n] + (double)samples[n + 1] * phasor[n + 1];
    samples[n] = (float)(real * phasor[n]);
    samples[n + 1] = (float)(real * phasor[n + 1]);
  }
}

static void blend(int64_t count, float most, const float *trust, const float *measured, float *found) {
  for (int64_t n = 0; n < 2 * count; n++) {
    const double t = fminf(most, trust[n / 2]);
    found[n] = (float)(t * measured[n] + (1 - t) * found[n]);
  }
}

static double energy(int64_t count, const float *a, const float *b) {
  double sum = 0;
  for (int64_t n = 0; n < 2 * count; n++) {
    const double d = b != NULL ? (double)a[n] - b[n] : a[n];
    sum += d * d;
  }
  return sum;
}

const kvox_partial_row_kernels kvox_partial_row_ref = {scale, normalise, onto_phase, blend, energy};

/* The oracle: sums in double. */
#include <math.h>

#include "mri/mix.h"

static bool mix(const kvox_mix *m, int64_t count, const float *in, float *out) {
  bool finite = true;
  for (int64_t o = 0; o < m->outputs; o++) {
    const float *weights = m->matrix + 2 * o * m->inputs;
    const int64_t inputs = m->lower ? o + 1 : m->inputs;
    for (int64_t n = 0; n < count; n++) {
      double re = 0, im = 0;
      for (int64_t i = 0; i < inputs; i++) {
        const double a = weights[2 * i], b = weights[2 * i + 1];
        const float *z = in + i * KVOX_MRI_TILE_ROW + 2 * n;
        re += a * z[0] - b * z[1];
        im += a * z[1] + b * z[0];
      }
      float *to = out + o * KVOX_MRI_TILE_ROW + 2 * n;
      to[0] = (float)re;
      to[1] = (float)im;
      finite = finite && isfinite(to[0]) && isfinite(to[1]);
    }
  }
  return finite;
}

const kvox_mix_kernels kvox_mix_ref = {mix};

/* A plain transform for sizes with small factors, by decimation in time (Cooley and Tukey 1965); for the eye, not fast.
 */
#include "kiss_fft.h"

#include <math.h>

enum { MOST_RADIX = 5 };

kiss_fft_cfg kiss_fft_alloc(int size, int backward, void *memory, size_t *bytes) {
  kiss_fft_cfg plan = memory != NULL && *bytes >= sizeof *plan ? memory : NULL;
  *bytes = sizeof *plan;
  if (plan != NULL) {
    plan->size = size;
    plan->backward = backward;
  }
  return plan;
}

/* exp(-+ i 2 pi k / n) */
static kiss_fft_cpx turn(int k, int n, int backward) {
  const double angle = (backward ? 2 : -2) * 3.14159265358979323846 * k / n;
  return (kiss_fft_cpx){(float)cos(angle), (float)sin(angle)};
}

static void add_product(kiss_fft_cpx *sum, kiss_fft_cpx a, kiss_fft_cpx b) {
  sum->r += a.r * b.r - a.i * b.i;
  sum->i += a.r * b.i + a.i * b.r;
}

static void transform(int n, int step, int backward, const kiss_fft_cpx *in, kiss_fft_cpx *out) {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  int radix = 2;
  while (n % radix != 0) {
    radix++;
  }
  const int part = n / radix;
  for (int p = 0; p < radix; p++) {
    transform(part, step * radix, backward, in + p * step, out + p * part);
  }
  for (int k = 0; k < part; k++) {
    kiss_fft_cpx sums[MOST_RADIX] = {{0, 0}};
    for (int q = 0; q < radix; q++) {
      for (int p = 0; p < radix; p++) {
        add_product(&sums[q], out[p * part + k], turn((int)((long long)p * (q * part + k) % n), n, backward));
      }
    }
    for (int q = 0; q < radix; q++) {
      out[q * part + k] = sums[q];
    }
  }
}

void kiss_fft(kiss_fft_cfg plan, const kiss_fft_cpx *in, kiss_fft_cpx *out) {
  transform(plan->size, 1, plan->backward, in, out);
}

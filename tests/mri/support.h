/* What the MRI tests share: complex arrays and seeded Gaussian noise. */
#ifndef KVOX_TESTS_MRI_SUPPORT_H
#define KVOX_TESTS_MRI_SUPPORT_H

#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fixture.h"
#include "kvox/kvox.h"

static const double pi = 3.14159265358979324;

static inline kvox_array array_of(void *data, kvox_type type, int32_t rank, const int64_t *shape) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, rank, shape));
  return array;
}

/* Real and imaginary part each normal with variance 1/2 (Box, Muller 1958). */
static inline double complex random_normal(uint64_t *seed) {
  const double u = (double)((random_bits(seed) >> 11) + 1) * 0x1p-53, v = (double)(random_bits(seed) >> 11) * 0x1p-53;
  return sqrt(-log(u)) * cexp(2 * pi * v * I);
}

/* Coils' noise: a fixed mixture of independent ones, so that the covariance is mixture mixture^H. */
enum { NOISE_COILS = 5 };
static inline double complex mixture(int i, int j) {
  return (i == j ? 2.0 + i : 0) + 0.4 * cexp(I * (1.3 * i - 2.1 * j)) / (1 + abs(i - j));
}

static inline double complex true_covariance(int i, int j) {
  double complex sum = 0;
  for (int k = 0; k < NOISE_COILS; k++) {
    sum += mixture(i, k) * conj(mixture(j, k));
  }
  return sum;
}

/* [coil][sample], `scale` times as much. */
static inline void make_noise(uint64_t *seed, double scale, int64_t samples, float complex *out) {
  for (int64_t n = 0; n < samples; n++) {
    double complex z[NOISE_COILS];
    for (int c = 0; c < NOISE_COILS; c++) {
      z[c] = random_normal(seed);
    }
    for (int c = 0; c < NOISE_COILS; c++) {
      double complex sum = 0;
      for (int k = 0; k < NOISE_COILS; k++) {
        sum += mixture(c, k) * z[k];
      }
      out[c * samples + n] = (float complex)(scale * sum);
    }
  }
}

/* outer inner; both are given up. */
static inline kvox_mri_operator *chained(kvox_mri_operator *outer, kvox_mri_operator *inner) {
  kvox_mri_operator *made = NULL;
  assert_ok(kvox_mri_operator_compose(outer, inner, &made));
  kvox_mri_operator_destroy(outer);
  kvox_mri_operator_destroy(inner);
  return made;
}

#endif

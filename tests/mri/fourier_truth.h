/* The transform's truth: the sums of mri_fourier.h in double, sample by sample. */
#ifndef KVOX_TESTS_MRI_FOURIER_TRUTH_H
#define KVOX_TESTS_MRI_FOURIER_TRUTH_H

#include "mri/support.h"

/* Sizes x, y, z; several volumes of them. */
typedef struct truth {
  kvox_mri_fourier_options options; /* complete: no 0 left */
  int64_t samples, pixels;          /* of a volume of k-space, of an image */
} truth;

/* Fills in what the options leave out. */
static inline truth truth_of(const kvox_mri_fourier_options *given) {
  truth t = {.options = *given, .samples = 1, .pixels = 1};
  kvox_mri_fourier_options *o = &t.options;
  for (int d = 0; d < 3; d++) {
    o->axes |= given->axes == 0 && o->kspace_size[d] != 1 ? 1 << d : 0;
    o->transform_size[d] = o->transform_size[d] != 0 ? o->transform_size[d] : o->kspace_size[d];
    o->image_size[d] = o->image_size[d] != 0 ? o->image_size[d] : o->transform_size[d];
    t.samples *= o->kspace_size[d];
    t.pixels *= o->image_size[d];
  }
  return t;
}

static inline double truth_window(const kvox_mri_fourier_options *o, int d, double t) {
  const double a = o->window_parameter[0] != 0 ? o->window_parameter[0] : o->window[d] == KVOX_MRI_TUKEY ? 0.5 : 0.9;
  const double w = o->window_parameter[1] != 0 ? o->window_parameter[1] : 0.05;
  switch (o->window[d]) {
    case KVOX_MRI_HANN: return pow(cos(pi * t / 2), 2);
    case KVOX_MRI_HAMMING: return 0.54 + 0.46 * cos(pi * t);
    case KVOX_MRI_TUKEY: return t <= 1 - a ? 1 : pow(cos(pi * (t - 1 + a) / a / 2), 2);
    case KVOX_MRI_FERMI: return 0.5 - 0.5 * tanh((t - a) / w / 2);
    default: return 1;
  }
}

/* The factor of sample k in pixel i along axis d. */
static inline double complex truth_factor(const kvox_mri_fourier_options *o, int d, int64_t k, int64_t i) {
  if ((o->axes >> d & 1) == 0) {
    return k == i;
  }
  const int64_t size = o->transform_size[d], used = o->kspace_size[d] < size ? o->kspace_size[d] : size;
  const double frequency = (double)(k - o->kspace_size[d] / 2);
  const double place = (double)(i - o->image_size[d] / 2) + o->shift_px[d];
  /* The middle `used` samples. */
  const int64_t inside = k - o->kspace_size[d] / 2 + used / 2;
  if (inside < 0 || inside >= used) {
    return 0;
  }
  const double w = truth_window(o, d, fabs(frequency) / (0.5 * (double)used));
  return w / sqrt((double)o->kspace_size[d]) * cexp(2 * pi * I * frequency * place / (double)size);
}

/* One axis of a volume [2][1][0]: size along d becomes what the other side has. */
static inline void truth_axis(const kvox_mri_fourier_options *o, int d, bool adjoint, int64_t size[3],
                              const double complex *in, double complex *out) {
  const int64_t from = adjoint ? o->image_size[d] : o->kspace_size[d];
  const int64_t to = adjoint ? o->kspace_size[d] : o->image_size[d];
  const int64_t inner = d == 0 ? 1 : d == 1 ? size[0] : size[0] * size[1];
  const int64_t outer = size[0] * size[1] * size[2] / inner / from;
  double complex *factors = malloc((size_t)(to * from) * sizeof *factors);
  assert_non_null(factors);
  for (int64_t n = 0; n < to; n++) {
    for (int64_t m = 0; m < from; m++) {
      factors[n * from + m] = adjoint ? conj(truth_factor(o, d, n, m)) : truth_factor(o, d, m, n);
    }
  }
  for (int64_t a = 0; a < outer; a++) {
    for (int64_t n = 0; n < to; n++) {
      for (int64_t b = 0; b < inner; b++) {
        double complex sum = 0;
        for (int64_t m = 0; m < from; m++) {
          const double complex f = factors[n * from + m], z = in[(a * from + m) * inner + b];
          /* Written out: C's own product looks for infinities. */
          sum += creal(f) * creal(z) - cimag(f) * cimag(z) + (creal(f) * cimag(z) + cimag(f) * creal(z)) * I;
        }
        out[(a * to + n) * inner + b] = sum;
      }
    }
  }
  free(factors);
  size[d] = to;
}

/* `out` has room for the largest of both sides along every axis. */
static inline void truth_transform(const truth *t, bool adjoint, const float complex *in, double complex *out) {
  const kvox_mri_fourier_options *o = &t->options;
  int64_t size[3], room = 1;
  for (int d = 0; d < 3; d++) {
    size[d] = adjoint ? o->image_size[d] : o->kspace_size[d];
    room *= o->image_size[d] > o->kspace_size[d] ? o->image_size[d] : o->kspace_size[d];
  }
  double complex *a = malloc((size_t)room * sizeof *a), *b = malloc((size_t)room * sizeof *b);
  assert_non_null(a);
  assert_non_null(b);
  for (int64_t n = 0; n < size[0] * size[1] * size[2]; n++) {
    a[n] = in[n];
  }
  for (int d = 0; d < 3; d++) {
    truth_axis(o, d, adjoint, size, a, b);
    double complex *other = a;
    a = b;
    b = other;
  }
  memcpy(out, a, (size_t)(size[0] * size[1] * size[2]) * sizeof *out);
  free(a);
  free(b);
}

#endif

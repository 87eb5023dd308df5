/* Stages "magnitude" and "phase": complex samples in polar form. */
#ifndef KVOX_MRI_POLAR_H
#define KVOX_MRI_POLAR_H

#include <stdbool.h>

#include "context/workspace.h"
#include "mri/tiles.h"

/* The kernels of one instruction set. Counts of samples are multiples of KVOX_MRI_STEP. */
typedef struct kvox_polar_kernels {
  /* out = |in|, c64 to floats. False where one is not finite. */
  bool (*magnitude)(int64_t count, const float *in, float *out);
  /* out = the phase of in, c64 to floats above -pi and up to pi. False where a part of a sample is not finite. */
  bool (*phase)(int64_t count, const float *in, float *out);
  /* The same of real and imaginary parts that lie apart and are finite. */
  void (*angle)(int64_t count, const float *real, const float *imaginary, float *out);
} kvox_polar_kernels;

/* The failure of a sample of images [.., z, y, x], by its number in C order. */
kvox_status kvox_mri_polar_not_finite(const char *name, const kvox_array *images, int64_t sample);

const kvox_polar_kernels *kvox_polar_kernels_of(int32_t cpu_level);

extern const kvox_polar_kernels kvox_polar_ref;
extern const kvox_polar_kernels kvox_polar_avx2;
extern const kvox_polar_kernels kvox_polar_avx512;
extern const kvox_polar_kernels kvox_polar_neon;

#endif

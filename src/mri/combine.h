/* Stage "combine": one image from those of all coils. */
#ifndef KVOX_MRI_COMBINE_H
#define KVOX_MRI_COMBINE_H

#include <stdbool.h>

#include "context/workspace.h"
#include "mri/tiles.h"

/* The kernels of one instruction set. Counts of samples are multiples of KVOX_MRI_STEP. */
typedef struct kvox_combine_kernels {
  /* sums += |in|^2, c64 to floats. */
  void (*add_squares)(int64_t count, const float *in, float *sums);
  /* Their roots, in place. False where one is not finite. */
  bool (*roots)(int64_t count, float *sums);
  /* sums += conj(weights) in, c64; real parts at sums, imaginary ones KVOX_MRI_TILE after. */
  void (*add_weighted)(int64_t count, const float *weights, const float *in, float *sums);
  /* out = sums / norms, c64; 0 where a norm is 0. False where one of the three is not finite. */
  bool (*divide)(int64_t count, const float *sums, const float *norms, float *out);
} kvox_combine_kernels;

const kvox_combine_kernels *kvox_combine_kernels_of(int32_t cpu_level);

extern const kvox_combine_kernels kvox_combine_ref;
extern const kvox_combine_kernels kvox_combine_avx2;
extern const kvox_combine_kernels kvox_combine_avx512;
extern const kvox_combine_kernels kvox_combine_neon;

#endif

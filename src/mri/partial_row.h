/* Stage "partial": rows of samples on their way between an image's phase and what was measured. */
#ifndef KVOX_MRI_PARTIAL_ROW_H
#define KVOX_MRI_PARTIAL_ROW_H

#include <stdint.h>

/* The kernels of one instruction set, on `count` c64 (any number) that are finite. Nothing overlaps but what is named
 * in place. */
typedef struct kvox_partial_row_kernels {
  /* out = outer factors in, a factor for each sample. In place where wanted. */
  void (*scale)(int64_t count, float outer, const float *factors, const float *in, float *out);
  /* Numbers of size 1 with the phase of `samples`, in place; 1 where there is none. */
  void (*normalise)(int64_t count, float *samples);
  /* samples = Re(samples conj(phasor)) phasor: the part that has its phase */
  void (*onto_phase)(int64_t count, const float *phasor, float *samples);
  /* found = t measured + (1 - t) found, t the lesser of `most` and the sample's own */
  void (*blend)(int64_t count, float most, const float *trust, const float *measured, float *found);
  /* The sum of |a - b|^2; `b` NULL: of |a|^2. */
  double (*energy)(int64_t count, const float *a, const float *b);
} kvox_partial_row_kernels;

const kvox_partial_row_kernels *kvox_partial_row_kernels_of(int32_t cpu_level);

extern const kvox_partial_row_kernels kvox_partial_row_ref;
extern const kvox_partial_row_kernels kvox_partial_row_avx2;
extern const kvox_partial_row_kernels kvox_partial_row_avx512;
extern const kvox_partial_row_kernels kvox_partial_row_neon;

#endif

/* Stage "product": samples times factors, one by one. */
#ifndef KVOX_MRI_PRODUCT_H
#define KVOX_MRI_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* The kernels of one instruction set, on `count` c64 (any number). False where a result is not finite. `out` may be
 * `in`; nothing else overlaps. */
typedef struct kvox_product_kernels {
  /* out = factors in */
  bool (*multiply)(int64_t count, const float *factors, const float *in, float *out);
  /* out = conj(factors) in */
  bool (*multiply_conjugate)(int64_t count, const float *factors, const float *in, float *out);
  /* sums += conj(factors) in */
  bool (*add_conjugate)(int64_t count, const float *factors, const float *in, float *sums);
  /* out = factor in */
  bool (*scale)(int64_t count, const float factor[2], const float *in, float *out);
} kvox_product_kernels;

const kvox_product_kernels *kvox_product_kernels_of(int32_t cpu_level);

extern const kvox_product_kernels kvox_product_ref;
extern const kvox_product_kernels kvox_product_avx2;
extern const kvox_product_kernels kvox_product_avx512;
extern const kvox_product_kernels kvox_product_neon;

#endif

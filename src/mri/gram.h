/* Sums of z z^H over samples, z being the coils of a sample, in double. */
#ifndef KVOX_MRI_GRAM_H
#define KVOX_MRI_GRAM_H

#include "linalg/linalg.h"
#include "mri/mix.h"

/* Lower triangles are packed: pair (i, j), j <= i, at i (i + 1) / 2 + j; all real parts, then all imaginary ones. */
static inline int64_t kvox_mri_pairs(int64_t coils) { return coils * (coils + 1) / 2; }

/* The coils of sample n of a tile, real parts and imaginary parts apart. */
static inline void kvox_mri_gather(const float *tile, int64_t coils, int64_t n, double *z) {
  for (int64_t c = 0; c < coils; c++) {
    z[c] = tile[c * KVOX_MRI_TILE_ROW + 2 * n];
    z[coils + c] = tile[c * KVOX_MRI_TILE_ROW + 2 * n + 1];
  }
}

/* sums += z z^H. */
static inline void kvox_mri_add_outer(int64_t coils, const double *restrict z, double *restrict sums) {
  double *real = sums, *imaginary = sums + kvox_mri_pairs(coils);
  for (int64_t i = 0; i < coils; i++) {
    const double re = z[i], im = z[coils + i];
    for (int64_t j = 0; j <= i; j++) {
      real[j] += re * z[j] + im * z[coils + j];
      imaginary[j] += im * z[j] - re * z[coils + j];
    }
    real += i + 1;
    imaginary += i + 1;
  }
}

/* The whole Hermitian matrix. */
void kvox_mri_unpack(int64_t coils, const double *packed, kvox_complex *full);

/* The sum over all samples of an array, mixed where `mix` is not NULL; the same bits for any number of threads.
 * `scratch` has kvox_mri_gram_bytes of an array of that shape, aligned. */
kvox_status kvox_mri_gram(kvox_context *context, const char *name, const kvox_array *array, const kvox_mix *mix,
                          void *scratch, kvox_complex *gram);
uint64_t kvox_mri_gram_bytes(const kvox_context *context, const kvox_array *array);

#endif

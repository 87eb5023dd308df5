/* Compression of coils. */
#ifndef KVOX_MRI_COMPRESS_H
#define KVOX_MRI_COMPRESS_H

#include "kvox/mri_coils.h"
#include "linalg/linalg.h"
#include "mri/mix.h"

struct kvox_mri_compression {
  kvox_heap *heap;
  int64_t coils, virtual_coils;
  int64_t positions; /* along x, each with a matrix of its own; 0: one for all */
  double energy;
  kvox_complex *matrices; /* [position][virtual][coil]; rows are orthonormal */
  float *weights;         /* one for all: the matrix for stage "mix". Else their conjugates [virtual][coil][x], rows of
                             whole steps, zeros at their ends */
};

/* One without its energy and numbers. */
kvox_status kvox_mri_compression_make(kvox_heap *heap, int64_t coils, int64_t virtual_coils, int64_t positions,
                                      kvox_mri_compression **compression);

/* Energy and numbers by SVD of coils that are mixed first where `mix` is not NULL. `scratch`, aligned, has
 * kvox_mri_compression_bytes of k-space of that shape, whose data that does not look at. */
kvox_status kvox_mri_compression_fill(kvox_context *context, const char *array_name, const kvox_array *kspace,
                                      const kvox_mix *mix, void *scratch, kvox_mri_compression *compression);
uint64_t kvox_mri_compression_bytes(const kvox_context *context, const kvox_array *kspace);

/* k-space with coils, and 1 to so many virtual ones. */
kvox_status kvox_mri_compression_check(const char *name, const char *array_name, const kvox_array *kspace,
                                       int64_t virtual_coils);

/* The energies of a k-space without any. */
kvox_status kvox_mri_compression_no_energy(const char *name);

/* Rows of the matrix: the first eigenvectors of a Hermitian matrix, conjugated. Returns the energy that they hold. */
double kvox_mri_compression_rows(int64_t coils, int64_t virtual_coils, const double *values,
                                 const kvox_complex *vectors, kvox_complex *matrix);

/* Of a geometric one. */
kvox_status kvox_mri_compress_positions(kvox_context *context, const kvox_mri_compression *compression,
                                        kvox_workspace *workspace, const kvox_array *in, const kvox_array *out);

static inline int64_t kvox_mri_compression_row(const kvox_mri_compression *c) {
  return 2 * kvox_round_up(c->positions, KVOX_MRI_STEP);
}

#endif

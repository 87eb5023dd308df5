/* The adaptive maps' own parts. */
#ifndef KVOX_MRI_WALSH_H
#define KVOX_MRI_WALSH_H

#include "kvox/mri_coils.h"
#include "mri/gram.h"
#include "mri/maps.h"
#include "mri/noise.h"

/* Voxels along x that are worked on at once, and columns of them with the widest window, in whole steps. */
enum { KVOX_MRI_WALSH_TILE = 32, KVOX_MRI_WALSH_ROW = 64 };
_Static_assert((int)KVOX_MRI_WALSH_TILE + (int)KVOX_MRI_MOST_WINDOW - 1 <= (int)KVOX_MRI_WALSH_ROW, "too short");

/*
 * The kernels of one instruction set. Matrices are packed (gram.h), an element a row of voxels: KVOX_MRI_WALSH_ROW
 * floats of columns, KVOX_MRI_WALSH_TILE of all else. What is [2][coil] has all real parts, then all imaginary ones.
 */
typedef struct kvox_walsh_kernels {
  /* columns += z z^H, where z = scale times the coils of `count` samples, a multiple of KVOX_MRI_STEP. `scratch` has
   * KVOX_MRI_WALSH_SCRATCH floats a coil. */
  void (*add_outer)(int64_t coils, int64_t count, float scale, const float *tile, float *scratch, float *columns);
  /* sums[x] = columns[x] + ... + columns[x + 2 radius]. */
  void (*add_window)(int64_t coils, int64_t radius, const float *columns, float *sums);
  /* The unit eigenvector of the largest eigenvalue, [2][coil], in any phase; 0 where the matrix is. `scratch` has
   * kvox_mri_walsh_scratch floats. */
  void (*find)(int64_t coils, const float *sums, float *scratch, float *found);
  /* A tile of maps: `factor` [coil][coil][real, imaginary], lower (NULL: 1), times what was found, in the phase in
   * which `reference` [2][coil] sees it. */
  void (*put)(int64_t coils, const float *reference, const float *factor, const float *found, float *tile);
} kvox_walsh_kernels;

enum { KVOX_MRI_WALSH_SCRATCH = 2 * KVOX_MRI_WALSH_TILE };

/* Enough for every variant: vectors of a tile, or a voxel's matrices and vectors in double. */
static inline int64_t kvox_mri_walsh_scratch(int64_t coils) {
  return kvox_max_i64(KVOX_MRI_WALSH_SCRATCH * coils, 2 * (2 * kvox_mri_pairs(coils) + 2 * coils * coils + 4 * coils));
}

const kvox_walsh_kernels *kvox_walsh_kernels_of(int32_t cpu_level);

extern const kvox_walsh_kernels kvox_walsh_ref;
extern const kvox_walsh_kernels kvox_walsh_avx2;
extern const kvox_walsh_kernels kvox_walsh_avx512;
extern const kvox_walsh_kernels kvox_walsh_neon;

/* Matrices of a smaller trace count as 0; samples are scaled so that the mean of their squares is about 1. */
#define KVOX_MRI_WALSH_LEAST 0x1p-120f
/* Powers of the matrix till a step turns the vector by no more than floats tell, squared; at most so many: they leave
 * (second / first eigenvalue)^20 of the error, 1 % where the second is 0.8 of the first and noise errs by far more. */
#define KVOX_MRI_WALSH_LITTLE 1e-12f
enum { KVOX_MRI_WALSH_STEPS = 20 };

/* L = covariance W^H, since W covariance W^H = 1, as `put` takes it. */
void kvox_mri_walsh_factor(const kvox_mri_noise *noise, int64_t coils, float *factor);

/* The coil that has most of the energy, [2][coil], and the power of two that leaves samples with squares of mean 1/4 to
 * 4. `block` has kvox_mri_walsh_eigen_bytes, in its begin the sum of z z^H over so many samples of coils. */
kvox_status kvox_mri_walsh_reference(int64_t coils, double samples, void *block, float *reference, float *scale);
uint64_t kvox_mri_walsh_eigen_bytes(int64_t coils);

/* What kvox_mri_walsh_maps takes of its workspace, with the usual window, for images of this shape (whose data are not
 * looked at). */
uint64_t kvox_mri_walsh_bytes(const kvox_context *context, const kvox_array *images);

#endif

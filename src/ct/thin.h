/*
 * Stage "thin": the back-projection of stage "cone" where the region has few slices, so that blocks of voxels along z
 * would be nearly empty: lanes run along x, rows are stored as they are. Arithmetic is that of stage "cone", operation
 * by operation, so that a slice has the same bits alone and in a stack.
 */
#ifndef KVOX_CT_THIN_H
#define KVOX_CT_THIN_H

#include "ct/cone.h"

/* Pixels of a tile's row, whole vectors. */
#define KVOX_THIN_WIDTH 32

/* Rows of zeros that are stored besides: -1 and two behind the last. */
#define KVOX_THIN_ZERO_ROWS 3

/* Floats that may be read before and behind all rows; the last one before is zero. */
#define KVOX_THIN_BEFORE 16
#define KVOX_THIN_BEHIND 48

/* Rows of voxels stay below this, from row 0 and as slope times z: numbers of 2^-32 of them are then whole in double.
 */
#define KVOX_THIN_MOST_ROWS (1 << 19)

typedef struct kvox_thin_tile {
  /* Their samples: column 0 of row 0 of [rows + 3][step], which begins with row -1; zeros behind the columns. */
  const kvox_cone_view *views;
  int64_t count;
  int64_t columns;
  bool fan;
  int64_t row, rows;     /* the first row that is stored, and how many */
  int64_t step;          /* floats from a row to the next: at least columns + 1; (rows + 3) step < 2^31 */
  int64_t x, y;          /* the tile's first pixel in the grid */
  int64_t width, height; /* pixels, width <= KVOX_THIN_WIDTH */
  int64_t slice, slices; /* the first one counted in the grid */
  float *voxels;         /* [slices][height][KVOX_THIN_WIDTH] += views in their order; beyond width: anything */
} kvox_thin_tile;

typedef void (*kvox_thin_function)(const kvox_thin_tile *tile);

typedef struct kvox_thin_kernels {
  kvox_thin_function backproject;
} kvox_thin_kernels;

const kvox_thin_kernels *kvox_thin_kernels_of(int32_t cpu_level);

extern const kvox_thin_kernels kvox_thin_ref;
extern const kvox_thin_kernels kvox_thin_avx2;
extern const kvox_thin_kernels kvox_thin_avx512;
extern const kvox_thin_kernels kvox_thin_neon;

#endif

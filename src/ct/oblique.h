/*
 * Stage "oblique": back-projection of views of any kind onto one tile of a grid: detectors that are tilted or
 * displaced, each by another amount, and beams that are not perpendicular to z. As in stage "cone" z runs innermost and
 * filtered columns are stored with their rows contiguous: neighbours along z meet nearly the same two columns.
 *
 * A voxel's coordinates come from its absolute index, a block's in double: no cut changes a bit.
 */
#ifndef KVOX_CT_OBLIQUE_H
#define KVOX_CT_OBLIQUE_H

#include <stdint.h>

/* Along z voxels come in blocks, aligned to the grid, whose coordinates follow from those of the first one. */
#define KVOX_OBLIQUE_BLOCK 16

/* Zeros that may be read before and behind the rows of a column. */
#define KVOX_OBLIQUE_GAP 48

/* Columns and rows of a detector, and coordinates of what is seen, stay below this. */
#define KVOX_OBLIQUE_MOST (1 << 21)

/*
 * One view: voxel (x, y, k) of the grid gives (column depth, row depth, depth) = m[0] x + m[1] y + m[2] k + m[3], one
 * row of the matrix each. depth > 0; it is 1 near the axis, 1 everywhere in a parallel beam, and weighs by depth^-2.
 */
typedef struct kvox_oblique_view {
  double column[4], row[4], depth[4];
  const float *samples; /* [columns + 2][step]: column 0, first stored row; zeros at columns -1 and `columns`, behind
                           the rows of each column, and in KVOX_OBLIQUE_GAP floats before them all */
} kvox_oblique_view;

typedef struct kvox_oblique_tile {
  const kvox_oblique_view *views;
  int64_t count;
  int64_t columns;   /* of the detector */
  int64_t row, rows; /* the first row that is stored, and how many; others are zero */
  int64_t step;      /* floats from a column to the next: at least rows + KVOX_OBLIQUE_GAP; (columns + 2) step < 2^31 */
  int64_t x, y;      /* the tile's first pixel in the grid */
  int64_t width, height; /* pixels */
  int64_t block, blocks; /* along z: blocks of KVOX_OBLIQUE_BLOCK voxels, the first one counted in the grid */
  float *voxels;         /* [height][width][blocks][KVOX_OBLIQUE_BLOCK] += views, in the order of the views */
} kvox_oblique_tile;

typedef void (*kvox_oblique_function)(const kvox_oblique_tile *tile);

typedef struct kvox_oblique_kernels {
  kvox_oblique_function backproject;
} kvox_oblique_kernels;

const kvox_oblique_kernels *kvox_oblique_kernels_of(int32_t cpu_level);

extern const kvox_oblique_kernels kvox_oblique_ref;
extern const kvox_oblique_kernels kvox_oblique_avx2;
extern const kvox_oblique_kernels kvox_oblique_avx512;
extern const kvox_oblique_kernels kvox_oblique_neon;

#endif

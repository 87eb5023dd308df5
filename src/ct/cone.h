/*
 * Stage "cone": back-projection of a cone beam onto one tile of an upright grid whose z runs along the detector's
 * columns (Feldkamp, Davis, Kress 1984): neither the column that a voxel meets nor its depth depends on z, and the row
 * is affine in z. So z runs innermost: the voxels above a pixel (x, y) of the tile take from two columns of a view.
 *
 * A voxel's coordinates come from its absolute index, in double or in whole numbers: where a run begins or a tile ends,
 * and which rows are stored, changes no bit.
 */
#ifndef KVOX_CT_CONE_H
#define KVOX_CT_CONE_H

#include <stdbool.h>
#include <stdint.h>

/* Along z voxels come in blocks, aligned to the grid, that share one base row. */
#define KVOX_CONE_BLOCK 16

/* Zeros that may be read before and behind the rows of a column: those of a block of which a voxel lies inside. */
#define KVOX_CONE_GAP 48

/*
 * One view. Voxel (x, y, k) of the grid has depth = da x + db y + dc > 0 (1 on the axis; its weight is depth^-2) and
 * meets column (ua x + ub y + uc) / depth and row (va k + vb) / depth + vc, va > 0.
 */
typedef struct kvox_cone_view {
  double ua, ub, uc, da, db, dc, va, vb, vc;
  const float *samples; /* [columns + 2][step]: column 0, first row; zeros at columns -1 and `columns`, behind the rows
                           of each column, and in KVOX_CONE_GAP floats before them all */
} kvox_cone_view;

typedef struct kvox_cone_tile {
  const kvox_cone_view *views;
  int64_t count;
  int64_t columns;       /* of the detector */
  bool fan;              /* rows do not diverge: va k + vb + vc */
  int64_t row, rows;     /* the first row that is stored, and how many; others are zero */
  int64_t step;          /* floats from a column to the next: at least rows + KVOX_CONE_GAP */
  int64_t x, y;          /* the tile's first pixel in the grid */
  int64_t width, height; /* pixels */
  int64_t block, blocks; /* along z: blocks of KVOX_CONE_BLOCK voxels, the first one counted in the grid */
  float *voxels;         /* [height][width][blocks][KVOX_CONE_BLOCK] += views, in the order of the views */
} kvox_cone_tile;

typedef void (*kvox_cone_function)(const kvox_cone_tile *tile);

typedef struct kvox_cone_kernels {
  kvox_cone_function backproject;
} kvox_cone_kernels;

const kvox_cone_kernels *kvox_cone_kernels_of(int32_t cpu_level);

extern const kvox_cone_kernels kvox_cone_ref;
extern const kvox_cone_kernels kvox_cone_avx2;
extern const kvox_cone_kernels kvox_cone_avx512;
extern const kvox_cone_kernels kvox_cone_neon;

#endif

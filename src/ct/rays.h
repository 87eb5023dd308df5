/*
 * Stage "rays": Joseph's projector (P. M. Joseph, IEEE Trans. Med. Imaging 1, 1982) and its exact adjoint, for rays of
 * any direction through an upright grid. All positions here are counted in voxels: (i, j, k) is the middle of a voxel.
 *
 * The ray of a pixel runs through the pixel's middle, of fan and cone from the source on, of a parallel beam both ways
 * without end. Its main axis m is the one with the largest component of `along` (the axis along which it passes most
 * voxels); x before y before z where they are alike. At each plane n = 0 ... size[m] - 1 of middles of voxels the ray
 * is at t = (n - from[m]) / along[m], that is at p = from + t along, and takes
 *   (1 - fa) (1 - fb) V[a][b] + fa (1 - fb) V[a + 1][b] + (1 - fa) fb V[a][b + 1] + fa fb V[a + 1][b + 1],
 * a and b being the whole parts of p along the other two axes (rounded down) and fa, fb what is left of it. Voxels
 * outside the grid are zero: a value fades over one voxel beside the outer middles, and the planes 0 and size[m] - 1
 * count in full, so that a ray along an axis gets the length of the box of whole voxels. The sum over planes times the
 * ray's length from plane to plane in mm, |spacing * along| / |along[m]|, is the line integral. The grid and one voxel
 * around it lie in front of every source, so that t > 0 wherever a ray meets them.
 *
 * The adjoint adds to every voxel the samples times the same weights.
 *
 * Where rows follow z (kvox_rays_view.upright) all rays of a detector column have the same main axis, x or y, meet
 * plane n of it at one place between two columns of voxels, and z is affine in the row. Then z runs innermost: two
 * columns of voxels are blended once, and rows take from the blend along z. Tiles of the grid with z innermost serve
 * it.
 *
 * Other views go through boxes: such tiles for rays whose main axis is x or y, slices of the volume as it lies for
 * those along z, so that voxels lie side by side along an axis that is not the main one. A vector holds rays of one
 * detector column and neighbouring rows.
 */
#ifndef KVOX_CT_RAYS_H
#define KVOX_CT_RAYS_H

#include <stdbool.h>
#include <stdint.h>

/* Rows (of voxels along z, of samples) come in blocks that share one base place. */
#define KVOX_RAYS_BLOCK 16

/* Columns of voxels that a tile has at most on a side. */
#define KVOX_RAYS_SIDE 32

/* Voxels along z from a row to the next that upright views may have anywhere in the grid: places in a block are floats
 * up to KVOX_RAYS_BLOCK slopes, and must be right to 1e-5 of a voxel. */
#define KVOX_RAYS_LEAST_SLOPE (1.0 / 64)
#define KVOX_RAYS_MOST_SLOPE 16.0

/* The ray of (row, column): from = from + column from_column + row from_row, and so `along`. */
typedef struct kvox_rays_view {
  double from[3], from_column[3], from_row[3];
  double along[3], along_column[3], along_row[3];
  bool upright;
  bool axes[3]; /* that may be the main one of some ray */
} kvox_rays_view;

typedef struct kvox_ray {
  double from[3], along[3];
  int32_t main;    /* 0: x, ... */
  double plane_mm; /* its length from plane to plane */
} kvox_ray;

kvox_ray kvox_rays_ray(const kvox_rays_view *view, const double spacing_mm[3], int64_t row, int64_t column);

/* All rows of upright columns: A restricted to the voxels of one tile, without the length of a plane. */
typedef struct kvox_rays_tile {
  const kvox_rays_view *view;
  int64_t size[3]; /* of the grid */
  int64_t rows, columns;
  int64_t x, y, width, height; /* of the tile's columns of voxels; at most KVOX_RAYS_SIDE */
  float *voxels;               /* [height][width][step]; zeros from size[2] on */
  int64_t step;                /* floats of a column: size[2] rounded up to whole blocks */
  float *samples;              /* [columns][row_step] */
  int64_t row_step;            /* floats of a column: rows rounded up to whole blocks, zeros from `rows` on */
  float *scratch;              /* kvox_rays_scratch(step or row_step, whichever is larger) floats */
} kvox_rays_tile;

/* Rays of any direction: A restricted to the voxels of one box and, `along_z`, to the rays whose main axis is z, or to
 * all others; without the length of a plane. */
typedef struct kvox_rays_box {
  const kvox_rays_view *view;
  int64_t rows, columns;
  int64_t begin[3], size[3]; /* of the box; below 2^24 */
  float *voxels;
  int64_t stride[3]; /* floats from a voxel to the next; 1 along x where `along_z`, else along z; planes below 2^31 */
  bool along_z;
  float *samples; /* [columns][row_step] */
  int64_t row_step;
} kvox_rays_box;

typedef struct kvox_rays_kernels {
  /* samples += A voxels; voxels += A^T samples: per voxel columns in their order, per sample planes in theirs. */
  void (*project_tile)(const kvox_rays_tile *tile);
  void (*backproject_tile)(const kvox_rays_tile *tile);
  /* The same; per voxel in an order of rays that depends on the box and the view alone. */
  void (*project_box)(const kvox_rays_box *box);
  void (*backproject_box)(const kvox_rays_box *box);
} kvox_rays_kernels;

const kvox_rays_kernels *kvox_rays_kernels_of(int32_t cpu_level);

/* Floats of scratch of a tile for columns of `step` floats. */
int64_t kvox_rays_scratch(int64_t step);

/* The column of an upright view whose rays lie above the point (x, y). */
double kvox_rays_column_at(const kvox_rays_view *view, double x, double y);

/* Columns of an upright view that may meet the tile: begin ... end - 1. */
void kvox_rays_columns(const kvox_rays_tile *tile, int64_t *begin, int64_t *end);

/* Rows and columns of rays that may meet the box: begin ... end - 1. */
typedef struct kvox_rays_shadow {
  int64_t row_begin, row_end, column_begin, column_end;
} kvox_rays_shadow;

kvox_rays_shadow kvox_rays_shadow_of(const kvox_rays_box *box);

extern const kvox_rays_kernels kvox_rays_ref;
extern const kvox_rays_kernels kvox_rays_avx2;
extern const kvox_rays_kernels kvox_rays_avx512;
extern const kvox_rays_kernels kvox_rays_neon;

#endif

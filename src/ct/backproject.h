/*
 * Parallel-beam back-projection of one tile of an upright grid, and its adjoint. A pixel (x, y) of the tile meets a
 * view at s = base + a x + b y; it takes (or gives) the straight line between samples floor(s) and floor(s) + 1.
 *
 * Two layouts of a filtered view: a row of floats for one slice, and rows of KVOX_STACK slices interleaved, so that one
 * coordinate serves a vector of slices. Both do the same arithmetic: a slice has the same bits alone and in a stack.
 */
#ifndef KVOX_CT_BACKPROJECT_H
#define KVOX_CT_BACKPROJECT_H

#include <stdint.h>

/* Tiles are squares of the whole grid, aligned to it, so that coordinates do not depend on how work is cut. 32 x 32
 * keeps s below 2^6 where voxels are as fine as columns: float then resolves 4e-6 of a column. */
#define KVOX_TILE 32
#define KVOX_STACK 16

/* One view as a tile sees it. */
typedef struct kvox_tile_view {
  float a, b, base;  /* of the vector kernels; base >= 0 for all pixels of the tile, up to rounding */
  double exact_base; /* of the oracle, with the line's own a and b */
  double exact_a, exact_b;
  float *row; /* where s = 0 lies; kernels read up to a vector's length beyond what the tile meets */
} kvox_tile_view;

/* Pixels x_begin <= x < x_end, y_begin <= y < y_end of the tile; `pixels` is [KVOX_TILE][KVOX_TILE] for one slice,
 * [KVOX_TILE][KVOX_TILE][KVOX_STACK] for a stack. */
typedef struct kvox_tile {
  const kvox_tile_view *views;
  int64_t count;
  int32_t x_begin, x_end, y_begin, y_end;
  float *pixels;
} kvox_tile;

typedef void (*kvox_tile_function)(const kvox_tile *tile);

typedef struct kvox_backproject_kernels {
  kvox_tile_function slice, stack;                 /* pixels += views, in the order of the views */
  kvox_tile_function project_slice, project_stack; /* views += pixels, in the order of the pixels */
} kvox_backproject_kernels;

const kvox_backproject_kernels *kvox_backproject_kernels_of(int32_t cpu_level);

/* Samples that must be there, and zero, on either side of a view's columns for lines that change by at most `slope` =
 * |a| + |b| a pixel. */
int64_t kvox_backproject_padding(double slope);

extern const kvox_backproject_kernels kvox_backproject_ref;
extern const kvox_backproject_kernels kvox_backproject_avx2;
extern const kvox_backproject_kernels kvox_backproject_avx512;
extern const kvox_backproject_kernels kvox_backproject_neon;

#endif

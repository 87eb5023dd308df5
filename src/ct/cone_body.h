/* The vector body; see cone.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>

#include "cpu/vec.h"
#include "ct/cone.h"

/* Pixels whose voxels and samples stay in the nearer caches while a view passes. */
enum { PATCH = 8 };

/* Rows are whole numbers of 2^-32, so that no cut changes a base. */
static const double row_units = 4294967296.0;
static const int64_t one_row = (int64_t)1 << 32;

/* More than the rounding of a coordinate within a block, in units of a row. */
static const int64_t rounding = 1 << 16;

/* How a vector of voxels finds its samples: by the rows from a voxel to the next. Up to wide_slope a block of which a
 * voxel is inside stays within the zeros, and its rows within three vectors of 16: 16 x 2.8 + 2 < KVOX_CONE_GAP. */
typedef enum reach { NEAR, WIDE, FAR } reach;
static const double wide_slope = 2.8;

/* Where the pixels of a row of a patch meet a view, and the two columns they take from: the nearer one with `weight`,
 * the other one `ratio` <= 1 times as much. */
typedef struct lines {
  int64_t base[PATCH], step[PATCH];    /* rows of the tile's first block, and from block to block */
  int64_t nearer[PATCH], other[PATCH]; /* floats from the view's samples, and from the nearer column to the other */
  float slope[PATCH], ratio[PATCH], weight[PATCH]; /* 0: the view does not see the pixel */
} lines;

/* In three loops, which compilers make vectors of. */
static inline void find_lines(const kvox_cone_tile *tile, const kvox_cone_view *view, int64_t x, int64_t y,
                              int32_t width, lines *l) {
  const double depth = view->db * (double)y + view->dc, across = view->ub * (double)y + view->uc;
  const double columns = (double)tile->columns;
  const int64_t first_row = tile->row * one_row, block = tile->block, step = tile->step;
  double inverse[PATCH], u[PATCH], spread[PATCH];
  for (int32_t n = 0; n < PATCH; n++) {
    const double at = (double)x + (double)(n < width ? n : 0);
    inverse[n] = 1 / (view->da * at + depth);
    u[n] = (view->ua * at + across) * inverse[n];
    spread[n] = tile->fan ? 1 : inverse[n];
  }
  for (int32_t n = 0; n < PATCH; n++) {
    const double slope = view->va * spread[n];
    l->slope[n] = (float)slope;
    l->step[n] = (int64_t)(slope * (KVOX_CONE_BLOCK * row_units));
    l->base[n] = (int64_t)((view->vb * spread[n] + view->vc) * row_units) - first_row + l->step[n] * block;
  }
  for (int32_t n = 0; n < PATCH; n++) {
    const double column = floor(u[n]);
    const float part = (float)(u[n] - column), near = (float)inverse[n];
    const float most = part < 0.5F ? 1 - part : part, seen = u[n] > -1 && u[n] < columns ? 1 : 0;
    l->nearer[n] = ((int64_t)column + (part < 0.5F ? 0 : 1)) * step;
    l->other[n] = part < 0.5F ? step : -step;
    l->ratio[n] = (1 - most) / most;
    l->weight[n] = seen * most * near * near;
  }
}

/* The columns above a pixel that its voxels take from. */
typedef struct columns {
  const float *nearer;
  int64_t other; /* floats from there */
  vf ratio, weight;
} columns;

/* Voxels whose rows are s from `row` on; see vf_pick_sum for `first` and `second`. */
static inline __attribute__((always_inline)) vf take(const columns *c, int64_t row, vf s, int64_t first, int64_t second,
                                                     const reach how) {
  const float *nearer = c->nearer + row, *other = nearer + c->other;
  const vi at = vi_truncate(s);
  vf low, high;
  if (how == NEAR) {
    vf_pick_sum(nearer, other, c->ratio, at, first, second, &low, &high);
  } else if (how == WIDE) {
    vf_pick_sum_wide(nearer + first, other + first, c->ratio, vi_sub(at, vi_set((int32_t)first)), &low, &high);
  } else {
    vf_gather_sum(nearer, other, c->ratio, at, &low, &high);
  }
  return vf_fma(vf_fraction(s, at), vf_sub(high, low), low);
}

/* The voxel's row less one is rounded to a float first, then the fraction of the block's base, plus one, is added. */
static inline __attribute__((always_inline)) void take_blocks(const columns *c, int64_t base, int64_t step, float slope,
                                                              int64_t rows, int64_t blocks, float *voxels,
                                                              const reach how) {
  vf lane_rows[KVOX_CONE_BLOCK / VL];
  for (int32_t lane = 0; lane < KVOX_CONE_BLOCK; lane += VL) {
    lane_rows[lane / VL] = vf_fma(vf_set(slope), vf_add(vf_lanes(), vf_set((float)lane)), vf_set(-1));
  }
  for (int64_t n = 0; n < blocks; n++, base += step, voxels += KVOX_CONE_BLOCK) {
    const int64_t row = base >> 32, fraction = (uint32_t)base;
    const vf one_more = vf_bits(vi_set((int32_t)(fraction >> 9 | 0x3f800000)));
    for (int32_t lane = 0; lane < KVOX_CONE_BLOCK; lane += VL) {
      const int64_t below = fraction - rounding, each = step / KVOX_CONE_BLOCK;
      const int64_t first = lane > 0 ? (below + each * lane) >> 32 : 0, second = (below + each * (lane + VL / 2)) >> 32;
      vf s = vf_add(lane_rows[lane / VL], one_more);
      if (how == FAR) {
        s = vf_min(vf_max(s, vf_set((float)(-1 - row))), vf_set((float)(rows - row)));
      }
      vf_store(voxels + lane, vf_fma(c->weight, take(c, row, s, first, second, how), vf_load(voxels + lane)));
    }
  }
}

/* The blocks of `voxels` that the view sees. */
static inline __attribute__((always_inline)) void take_line(const kvox_cone_tile *tile, const kvox_cone_view *view,
                                                            const lines *l, int32_t n, float *voxels) {
  const int64_t step = l->step[n];
  int64_t base = l->base[n], blocks = tile->blocks;
  for (; blocks > 0 && base + step < -one_row; blocks--) {
    base += step;
    voxels += KVOX_CONE_BLOCK;
  }
  while (blocks > 0 && base + step * (blocks - 1) >= tile->rows * one_row) {
    blocks--;
  }
  const columns c = {view->samples + l->nearer[n], l->other[n], vf_set(l->ratio[n]), vf_set(l->weight[n])};
  const float slope = l->slope[n];
  if (slope < (float)VF_SUM_RISE) {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, NEAR);
  } else if (slope < (float)wide_slope) {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, WIDE);
  } else {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, FAR);
  }
}

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

/* The lines of a row of pixels first: they wait on divisions and conversions, the rest on memory. */
static void patch(const kvox_cone_tile *tile, const kvox_cone_view *view, int64_t x, int64_t y) {
  const int32_t width = least(tile->width - x, PATCH), height = least(tile->height - y, PATCH);
  const int64_t run = tile->blocks * KVOX_CONE_BLOCK;
  for (int32_t j = 0; j < height; j++) {
    float *voxels = tile->voxels + ((y + j) * tile->width + x) * run;
    lines l;
    find_lines(tile, view, tile->x + x, tile->y + y + j, width, &l);
    for (int32_t n = 0; n < width; n++, voxels += run) {
      if (l.weight[n] > 0) {
        take_line(tile, view, &l, n, voxels);
      }
    }
  }
}

static void backproject(const kvox_cone_tile *tile) {
  for (int64_t y = 0; y < tile->height; y += PATCH) {
    for (int64_t x = 0; x < tile->width; x += PATCH) {
      for (int64_t v = 0; v < tile->count; v++) {
        patch(tile, &tile->views[v], x, y);
      }
    }
  }
}

const kvox_cone_kernels KERNELS = {backproject};

/* The vector body; see cone.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>

#include "cpu/vec_double.h"
#include "ct/cone.h"

/* Pixels whose samples stay in the first-level cache while a view passes: a square, SIDE x SIDE, has few columns. */
enum { SIDE = 8, PATCH = SIDE * SIDE };

/* Floats that a cache fetches together. */
enum { CACHE_LINE = 16 };

/* Rows are whole numbers of 2^-32, so that no cut changes a base. */
static const double row_units = 4294967296.0;
static const int64_t one_row = (int64_t)1 << 32;

/* More than the rounding of a coordinate within a block, in units of a row. */
static const int64_t rounding = 1 << 16;

/* How a vector of voxels finds its samples: by the rows from a voxel to the next. Up to VF_WIDE_RISE a block of which a
 * voxel is inside stays within the zeros, and its rows within three vectors of 16: 16 x 2.8 + 2 < KVOX_CONE_GAP. */
typedef enum reach { CLOSE, NEAR, WIDE, FAR } reach;

/* Where the pixels of a patch meet a view, and the two columns they take from: the nearer one with `weight`, the other
 * one `ratio` <= 1 times as much. */
typedef struct lines {
  int64_t base[PATCH], step[PATCH]; /* rows of the tile's first block, and from block to block */
  int32_t nearer[PATCH], other[PATCH];
  float slope[PATCH], ratio[PATCH], weight[PATCH]; /* 0: the view does not see the pixel */
} lines;

typedef struct patch {
  const kvox_cone_view *view;
  int64_t x, y; /* its first pixel in the tile */
  int32_t width, height;
  lines lines;
} patch;

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

/* Pixels n, n + 1 ... of a patch, in one row; beyond its sides they stand for the last ones. */
static inline void meet_pixels(const kvox_cone_tile *tile, const patch *p, int32_t n, vd *inverse, vd *column) {
  static const double across[SIDE] = {0, 1, 2, 3, 4, 5, 6, 7};
  const kvox_cone_view *view = p->view;
  const double y = (double)(tile->y + p->y + least(n / SIDE, p->height - 1));
  const vd pixel = vd_min(vd_load(across + n % SIDE), vd_set((double)(p->width - 1)));
  const vd x = vd_add(vd_set((double)(tile->x + p->x)), pixel);
  *inverse = vd_inverse(vd_add(vd_mul(vd_set(view->da), x), vd_set(view->db * y + view->dc)));
  *column = vd_mul(vd_add(vd_mul(vd_set(view->ua), x), vd_set(view->ub * y + view->uc)), *inverse);
}

/* By hand, as compilers take selections for branches, which no processor foresees here. */
static inline void find_columns(const kvox_cone_tile *tile, patch *p, double inverses[PATCH]) {
  const vf columns = vf_set((float)tile->columns), half = vf_set(0.5F), one = vf_set(1);
  lines *l = &p->lines;
  for (int32_t n = 0; n < PATCH; n += VL) {
    vd inverse[2], column[2], beyond[2];
    for (int32_t h = 0; h < 2; h++) {
      meet_pixels(tile, p, n + h * (VL / 2), &inverse[h], &column[h]);
      vd_store(inverses + n + h * (VL / 2), inverse[h]);
      beyond[h] = vd_sub(column[h], vd_floor(column[h]));
      column[h] = vd_floor(column[h]);
    }
    const vf near = vf_of(inverse[0], inverse[1]), part = vf_of(beyond[0], beyond[1]);
    const vf left = vf_of(column[0], column[1]), right = vf_add(left, one);
    const vf most = vf_max(part, vf_sub(one, part)), weight = vf_mul(vf_mul(most, near), near);
    vi_store(l->nearer + n, vi_truncate(vf_select_less(part, half, left, right)));
    vi_store(l->other + n, vi_truncate(vf_select_less(part, half, right, left)));
    vf_store(l->ratio + n, vf_div(vf_sub(one, most), most));
    const vf seen = vf_select_less(left, columns, weight, vf_zero());
    vf_store(l->weight + n, vf_select_less(left, vf_set(-1), vf_zero(), seen));
  }
}

static inline void find_rows(const kvox_cone_tile *tile, patch *p, const double inverses[PATCH]) {
  const kvox_cone_view *view = p->view;
  const int64_t first_row = tile->row * one_row, block = tile->block;
  lines *l = &p->lines;
  for (int32_t n = 0; n < PATCH; n++) {
    const double spread = tile->fan ? 1 : inverses[n], slope = view->va * spread;
    l->slope[n] = (float)slope;
    l->step[n] = (int64_t)(slope * (KVOX_CONE_BLOCK * row_units));
    l->base[n] = (int64_t)((view->vb * spread + view->vc) * row_units) - first_row + l->step[n] * block;
  }
}

static void find_lines(const kvox_cone_tile *tile, const kvox_cone_view *view, int64_t x, int64_t y, patch *p) {
  double inverses[PATCH];
  p->view = view;
  p->x = x;
  p->y = y;
  p->width = least(tile->width - x, SIDE);
  p->height = least(tile->height - y, SIDE);
  find_columns(tile, p, inverses);
  find_rows(tile, p, inverses);
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
  if (how == CLOSE) {
    vf_pick_sum_close(nearer, other, c->ratio, at, first, second, &low, &high);
  } else if (how == NEAR) {
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
static inline __attribute__((always_inline)) void take_line(const kvox_cone_tile *tile, const patch *p, int32_t n,
                                                            float *voxels) {
  const lines *l = &p->lines;
  const int64_t step = l->step[n];
  int64_t base = l->base[n], blocks = tile->blocks;
  for (; blocks > 0 && base + step < -one_row; blocks--) {
    base += step;
    voxels += KVOX_CONE_BLOCK;
  }
  while (blocks > 0 && base + step * (blocks - 1) >= tile->rows * one_row) {
    blocks--;
  }
  const int64_t nearer = l->nearer[n] * tile->step, other = l->other[n] * tile->step;
  const columns c = {p->view->samples + nearer, other - nearer, vf_set(l->ratio[n]), vf_set(l->weight[n])};
  const float slope = l->slope[n];
  if (VF_CLOSE_RISE > 0 && slope < (float)VF_CLOSE_RISE) {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, CLOSE);
  } else if (slope < (float)VF_SUM_RISE) {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, NEAR);
  } else if (slope < (float)VF_WIDE_RISE) {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, WIDE);
  } else {
    take_blocks(&c, base, step, slope, tile->rows, blocks, voxels, FAR);
  }
}

/* Samples that a patch will take, fetched into the second-level cache while another one works: the first time that a
 * tile meets a column it lies far away, and is too short for processors to see it coming. */
typedef struct fetch {
  const float *column;
  int64_t columns, step, floats; /* what is left; from a column to the next; of each */
  int64_t at, share;             /* floats of the column that are done; cache lines with every pixel */
} fetch;

static fetch plan_fetch(const kvox_cone_tile *tile, const patch *p) {
  const lines *l = &p->lines;
  int64_t begin = l->base[0] >> 32, end = (l->base[0] + l->step[0] * tile->blocks) >> 32;
  begin = begin < 0 ? 0 : begin / CACHE_LINE * CACHE_LINE;
  end = end < tile->rows ? end : tile->rows;
  int32_t low = INT32_MAX, high = -1;
  for (int32_t n = 0; n < PATCH; n++) {
    const int32_t column = l->nearer[n];
    low = column < low ? column : low;
    high = column > high ? column : high;
  }
  low = low > 0 ? low : 0;
  high = least(tile->columns - 1, high);
  if (begin >= end || low > high) {
    return (fetch){.columns = 0};
  }
  fetch f = {p->view->samples + low * tile->step + begin, high - low + 1, tile->step, end - begin, 0, 0};
  f.share = f.columns * f.floats / (CACHE_LINE * PATCH) + 1;
  return f;
}

static inline void fetch_share(fetch *f) {
  for (int64_t n = 0; n < f->share && f->columns > 0; n++) {
    __builtin_prefetch(f->column + f->at, 0, 2);
    f->at += CACHE_LINE;
    if (f->at >= f->floats) {
      f->at = 0;
      f->column += f->step;
      f->columns--;
    }
  }
}

static void take_patch(const kvox_cone_tile *tile, const patch *p, fetch ahead) {
  const int64_t run = tile->blocks * KVOX_CONE_BLOCK;
  for (int32_t j = 0; j < p->height; j++) {
    float *voxels = tile->voxels + ((p->y + j) * tile->width + p->x) * run;
    for (int32_t n = j * SIDE; n < j * SIDE + p->width; n++, voxels += run) {
      fetch_share(&ahead);
      if (p->lines.weight[n] > 0) {
        take_line(tile, p, n, voxels);
      }
    }
  }
}

/* One patch works while the next one's samples come: the same pixels of the next view, or other pixels of the first. */
static void backproject(const kvox_cone_tile *tile) {
  patch patches[2];
  int64_t done = 0;
  for (int64_t y = 0; y < tile->height; y += SIDE) {
    for (int64_t x = 0; x < tile->width; x += SIDE) {
      for (int64_t v = 0; v < tile->count; v++, done++) {
        patch *next = &patches[done % 2];
        find_lines(tile, &tile->views[v], x, y, next);
        if (done > 0) {
          take_patch(tile, &patches[(done + 1) % 2], plan_fetch(tile, next));
        }
      }
    }
  }
  if (done > 0) {
    take_patch(tile, &patches[(done + 1) % 2], (fetch){.columns = 0});
  }
}

const kvox_cone_kernels KERNELS = {backproject};

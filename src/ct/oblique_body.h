/* The vector body; see oblique.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>
#include <stdbool.h>

#include "cpu/vec.h"
#include "ct/oblique.h"

/* Pixels whose samples stay in the nearer caches while a view passes, and blocks whose coordinates are found at once.
 */
enum { PATCH = 8, RUN = 16, LAST = KVOX_OBLIQUE_BLOCK - 1 };

/* More than the rounding of a coordinate within a block, in pixels. */
static const float rounding = 0x1p-10F;

/* How the vectors of a block find their samples: of two columns, of three, within more rows, or wherever they are. */
typedef enum reach { NONE, NEAR_TWO, NEAR_THREE, WIDE_TWO, WIDE_THREE, FAR } reach;

/* Lanes whose rows are picked from the same registers, such groups in a block, and the rows that they may reach over.
 */
enum { LANES = VL == 16 ? 16 : 4, GROUPS = KVOX_OBLIQUE_BLOCK / LANES };
static const float near_rows = VL == 16 ? 2 * VL - 1 : 8, wide_rows = VL == 16 ? 3 * VL - 2 : 8;

/*
 * The voxels of blocks, l = 0, 1, ... in each: depth is w0 (1 + c l), and the column and row beyond base are (a + b l)
 * / (1 + c l), never negative. Rows count from the first that is stored.
 */
typedef struct blocks {
  int32_t column[RUN], row[RUN]; /* the bases */
  int32_t skip[GROUPS][RUN];     /* rows from the base on that are below each group */
  int32_t reach[RUN];
  float weight[RUN]; /* w0^-2 */
  float column_a[RUN], column_b[RUN], row_a[RUN], row_b[RUN], c[RUN];
} blocks;

static inline double meet(const double m[4], int64_t x, int64_t y) {
  return m[0] * (double)x + m[1] * (double)y + m[3];
}

static inline float lower(float a, float b) { return a < b ? a : b; }
static inline float higher(float a, float b) { return a < b ? b : a; }

/* What is whole of x, towards minus infinity but for the last bits; far outside, what is far outside. Without a
 * comparison, which would keep compilers from making vectors. */
static inline int32_t whole(double x) {
  const double most = KVOX_OBLIQUE_MOST, above = 0.5 * (x - most + fabs(x + most));
  return (int32_t)(0.5 * (above + most - fabs(above - most)) + 2 * most) - 2 * KVOX_OBLIQUE_MOST;
}

/* Where the ends of blocks lie beyond their bases, approximately. */
typedef struct ends {
  float column[RUN], column_low[RUN], column_high[RUN], row[RUN], row_low[RUN], row_high[RUN], most_rows[RUN];
} ends;

/* From voxel 0 to voxel l at a rate of b - a c. */
static inline float way(float rate, float c, float l) { return rate * l / (1 + c * l); }

static inline void find_reach(const kvox_oblique_tile *tile, int32_t run, const ends *e, blocks *b) {
  const float columns = (float)tile->columns, rows = (float)tile->rows, gap = KVOX_OBLIQUE_GAP;
  int32_t seen[RUN], far[RUN];
  for (int32_t n = 0; n < run; n++) {
    const int32_t left = e->column[n] + e->column_high[n] > -1, right = e->column[n] + e->column_low[n] < columns;
    const int32_t low = e->row[n] + e->row_high[n] > -1, high = e->row[n] + e->row_low[n] < rows;
    seen[n] = left & right & low & high;
  }
  for (int32_t n = 0; n < run; n++) {
    const int32_t outside = e->column[n] < -1, beyond = e->column[n] + e->column_high[n] + rounding >= columns;
    const int32_t across = e->column_high[n] + rounding >= 2, over = e->most_rows[n] > wide_rows;
    far[n] = outside | beyond | across | over | (e->row_high[n] - e->row_low[n] + 3 > gap);
  }
  for (int32_t n = 0; n < run; n++) {
    const int32_t three = e->column_high[n] + rounding >= 1, wide = e->most_rows[n] > near_rows;
    b->reach[n] = seen[n] * (far[n] * FAR + (1 - far[n]) * (NEAR_TWO + three + 2 * wide));
  }
}

/* Rows below each group of a block, and the most that one reaches over: a whole one for the base's fraction more. */
static inline void find_skips(const float *rate, int32_t run, blocks *b, ends *e) {
  float over[RUN];
  for (int32_t n = 0; n < run; n++) {
    e->most_rows[n] = 0;
  }
  for (int32_t g = 0; g < GROUPS; g++) {
    const float begin = (float)(g * LANES), end = begin + LANES - 1, most = KVOX_OBLIQUE_MOST;
    for (int32_t n = 0; n < run; n++) {
      const float first = way(rate[n], b->c[n], begin), last = way(rate[n], b->c[n], end);
      const float low = b->row_a[n] - rounding + 0.5F * (first + last - fabsf(last - first));
      over[n] = fabsf(last - first) + 1 + 2 * rounding;
      b->skip[g][n] = (int32_t)(low < most ? low : most);
    }
    for (int32_t n = 0; n < run; n++) {
      e->most_rows[n] = e->most_rows[n] < over[n] ? over[n] : e->most_rows[n];
    }
  }
}

/* In loops that compilers make vectors of: whole ones, the last block stands for those beyond it. */
static inline void find_blocks(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y,
                               int64_t first, int32_t count, blocks *b) {
  const double column = meet(view->column, x, y), row = meet(view->row, x, y), depth = meet(view->depth, x, y);
  const double column_step = view->column[2], row_step = view->row[2], depth_step = view->depth[2];
  const double begin = (double)(first * KVOX_OBLIQUE_BLOCK), stored = (double)tile->row;
  const int32_t run = count > RUN / 2 ? RUN : RUN / 2;
  double inverse[RUN], u[RUN], v[RUN];
  float u_rate[RUN], v_rate[RUN];
  ends e;
  for (int32_t n = 0; n < run; n++) {
    const double k = begin + (double)((n < count ? n : count - 1) * KVOX_OBLIQUE_BLOCK);
    inverse[n] = 1 / (depth + depth_step * k);
    u[n] = (column + column_step * k) * inverse[n];
    v[n] = (row + row_step * k) * inverse[n];
  }
  for (int32_t n = 0; n < run; n++) {
    b->weight[n] = (float)(inverse[n] * inverse[n]);
    b->c[n] = (float)(depth_step * inverse[n]);
    u_rate[n] = (float)((column_step - u[n] * depth_step) * inverse[n]);
    v_rate[n] = (float)((row_step - v[n] * depth_step) * inverse[n]);
  }
  for (int32_t n = 0; n < run; n++) {
    e.column_high[n] = way(u_rate[n], b->c[n], LAST);
    e.row_high[n] = way(v_rate[n], b->c[n], LAST);
    e.column_low[n] = lower(e.column_high[n], 0);
    e.row_low[n] = lower(e.row_high[n], 0);
  }
  for (int32_t n = 0; n < run; n++) {
    b->column[n] = whole(u[n] + (double)(e.column_low[n] - rounding));
    b->row[n] = whole(v[n] - stored + (double)(e.row_low[n] - rounding));
  }
  for (int32_t n = 0; n < run; n++) {
    const double base = (double)b->column[n], base_row = (double)b->row[n] + stored;
    b->column_a[n] = (float)(u[n] - base);
    b->column_b[n] = (float)((column_step - base * depth_step) * inverse[n]);
    b->row_a[n] = (float)(v[n] - base_row);
    b->row_b[n] = (float)((row_step - base_row * depth_step) * inverse[n]);
  }
  for (int32_t n = 0; n < run; n++) {
    e.column[n] = (float)b->column[n];
    e.row[n] = (float)b->row[n];
    e.column_low[n] += b->column_a[n];
    e.column_high[n] = b->column_a[n] + higher(e.column_high[n], 0);
    e.row_low[n] += b->row_a[n];
    e.row_high[n] = b->row_a[n] + higher(e.row_high[n], 0);
  }
  find_skips(v_rate, run, b, &e);
  find_reach(tile, run, &e, b);
}

/* Where a vector of voxels lies from the bases on. */
typedef struct place {
  vf column, row, weight;
} place;

static inline __attribute__((always_inline)) place find_place(const blocks *b, int32_t n, int32_t begin) {
  const vf l = vf_add(vf_lanes(), vf_set((float)begin));
  place p = {.column = vf_fma(vf_set(b->column_b[n]), l, vf_set(b->column_a[n])),
             .row = vf_fma(vf_set(b->row_b[n]), l, vf_set(b->row_a[n])),
             .weight = vf_set(b->weight[n])};
  if (b->c[n] != 0) {
    const vf inverse = vf_div(vf_set(1), vf_fma(vf_set(b->c[n]), l, vf_set(1)));
    p.column = vf_mul(p.column, inverse);
    p.row = vf_mul(p.row, inverse);
    p.weight = vf_mul(p.weight, vf_mul(inverse, inverse));
  }
  return p;
}

static inline vf between(vf low, vf high, vf share) { return vf_fma(share, vf_sub(high, low), low); }

/* Where a vector's rows begin, counted from the base's: those of both halves of its lanes. */
typedef struct beginning {
  int32_t first, second;
} beginning;

/* Of one column. */
static inline __attribute__((always_inline)) vf pick(const float *rows, vi at, const beginning *from, vf share,
                                                     const bool wide) {
  vf low, high;
  if (wide) {
    vf_pick_pair_3(rows, at, &low, &high);
  } else {
    vf_pick_halves(rows, at, from->first, from->second, &low, &high);
  }
  return between(low, high, share);
}

/* Samples of two or three columns. */
static inline __attribute__((always_inline)) vf take(const float *rows, int64_t step, const place *p,
                                                     const beginning *from, const bool wide, const bool three) {
  const vi at = vi_truncate(p->row);
  const vf fv = vf_fraction(p->row, at);
  vf left = pick(rows, at, from, fv, wide), right = pick(rows + step, at, from, fv, wide), fu = p->column;
  if (three) {
    const vf one = vf_set(1), last = pick(rows + 2 * step, at, from, fv, wide);
    left = vf_select_less(p->column, one, left, right);
    right = vf_select_less(p->column, one, right, last);
    fu = vf_fraction(p->column, vi_truncate(p->column));
  }
  return vf_mul(p->weight, between(left, right, fu));
}

/* Samples from anywhere: beyond the detector coordinates stay where zeros are. */
static inline vf gather(const kvox_oblique_tile *tile, const float *samples, const blocks *b, int32_t n,
                        const place *p) {
  const float column = (float)b->column[n], row = (float)b->row[n];
  const vf u = vf_min(vf_max(p->column, vf_set(-1 - column)), vf_set((float)tile->columns - column));
  const vf v = vf_min(vf_max(p->row, vf_set(-1 - row)), vf_set((float)tile->rows - row));
  /* The last column's right neighbour is the last: zeros. */
  const vi left = vi_truncate(vf_min(u, vf_set((float)(tile->columns - 1) - column))), at = vi_truncate(v);
  const vf fu = vf_sub(u, vf_from_int(left)), fv = vf_fraction(v, at);
  const vi from =
      vi_add(vi_mul(vi_add(left, vi_set(b->column[n])), vi_set((int32_t)tile->step)), vi_add(at, vi_set(b->row[n])));
  vf low, high;
  vf_gather_pair(samples, from, &low, &high);
  const vf here = between(low, high, fv);
  vf_gather_pair(samples + tile->step, from, &low, &high);
  return vf_mul(p->weight, between(here, between(low, high, fv), fu));
}

static inline __attribute__((always_inline)) void take_block(const kvox_oblique_tile *tile, const float *samples,
                                                             const blocks *b, int32_t n, float *voxels) {
  const int64_t step = tile->step;
  const float *rows = samples + b->column[n] * step + b->row[n];
  for (int32_t begin = 0; begin < KVOX_OBLIQUE_BLOCK; begin += VL) {
    const place p = find_place(b, n, begin);
    const beginning from = {b->skip[begin / LANES][n], b->skip[(begin + VL - 1) / LANES][n]};
    vf value;
    switch (b->reach[n]) {
      case NEAR_TWO: value = take(rows, step, &p, &from, false, false); break;
      case NEAR_THREE: value = take(rows, step, &p, &from, false, true); break;
      case WIDE_TWO: value = take(rows, step, &p, &from, true, false); break;
      case WIDE_THREE: value = take(rows, step, &p, &from, true, true); break;
      default: value = gather(tile, samples, b, n, &p); break;
    }
    vf_store(voxels + begin, vf_add(vf_load(voxels + begin), value));
  }
}

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

static void patch(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y) {
  const int32_t width = least(tile->width - x, PATCH), height = least(tile->height - y, PATCH);
  blocks b;
  for (int32_t j = 0; j < height; j++) {
    float *voxels = tile->voxels + ((y + j) * tile->width + x) * tile->blocks * KVOX_OBLIQUE_BLOCK;
    for (int32_t i = 0; i < width; i++) {
      for (int64_t done = 0; done < tile->blocks; done += RUN) {
        const int32_t count = least(tile->blocks - done, RUN);
        find_blocks(tile, view, tile->x + x + i, tile->y + y + j, tile->block + done, count, &b);
        for (int32_t n = 0; n < count; n++, voxels += KVOX_OBLIQUE_BLOCK) {
          if (b.reach[n] != NONE) {
            take_block(tile, view->samples, &b, n, voxels);
          }
        }
      }
    }
  }
}

static void backproject(const kvox_oblique_tile *tile) {
  for (int64_t y = 0; y < tile->height; y += PATCH) {
    for (int64_t x = 0; x < tile->width; x += PATCH) {
      for (int64_t v = 0; v < tile->count; v++) {
        patch(tile, &tile->views[v], x, y);
      }
    }
  }
}

const kvox_oblique_kernels KERNELS = {backproject};

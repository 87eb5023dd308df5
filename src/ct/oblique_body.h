/* The vector body; see oblique.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>
#include <stdbool.h>

#include "cpu/vec.h"
#include "ct/oblique.h"

/* Pixels whose samples stay in the nearer caches while a view passes, and blocks whose coordinates are found at once.
 */
enum { PATCH = 8, RUN = 8, LAST = KVOX_OBLIQUE_BLOCK - 1 };

/* More than the rounding of a coordinate within a block, in pixels. */
static const double rounding = 1e-3;

/* How a vector of voxels finds its samples: by the rows that its half a block, or block, reaches over; of two columns,
 * of three, or of any. */
typedef enum reach { NONE, NEAR_TWO, NEAR_THREE, WIDE_TWO, WIDE_THREE, FAR } reach;

/*
 * The voxels of a block, l = 0, 1, ...: depth is w0 (1 + c l), and the column and row beyond base are (a + b l) / (1 +
 * c l), never negative. Rows count from the first that is stored.
 */
typedef struct block {
  int32_t column[RUN], row[RUN]; /* the bases */
  int32_t skip[2][RUN];          /* rows from the base on that are below each half of the block */
  int32_t reach[RUN];
  float weight[RUN]; /* w0^-2 */
  float column_a[RUN], column_b[RUN], row_a[RUN], row_b[RUN], c[RUN];
} block;

static inline double meet(const double m[4], int64_t x, int64_t y) {
  return m[0] * (double)x + m[1] * (double)y + m[3];
}

static inline double lower(double a, double b) { return a < b ? a : b; }
static inline double higher(double a, double b) { return a < b ? b : a; }

/* Where a run of blocks above a pixel lies: its first voxel, that of its second half, its last one. */
typedef struct ends {
  double inverse[RUN], u0[RUN], u1[RUN], v0[RUN], middle[RUN], v1[RUN];
} ends;

static inline void find_ends(const kvox_oblique_view *view, int64_t x, int64_t y, int64_t first, int32_t count,
                             double row, ends *e) {
  const double column = meet(view->column, x, y), line = meet(view->row, x, y), depth = meet(view->depth, x, y);
  const double column_step = view->column[2], line_step = view->row[2], depth_step = view->depth[2];
  for (int32_t n = 0; n < RUN; n++) {
    const double k = (double)((first + (n < count ? n : 0)) * KVOX_OBLIQUE_BLOCK);
    const double half = k + KVOX_OBLIQUE_BLOCK / 2, end = k + LAST;
    const double inverse_end = 1 / (depth + depth_step * end);
    e->inverse[n] = 1 / (depth + depth_step * k);
    e->u0[n] = (column + column_step * k) * e->inverse[n];
    e->u1[n] = (column + column_step * end) * inverse_end;
    e->v0[n] = (line + line_step * k) * e->inverse[n] - row;
    e->v1[n] = (line + line_step * end) * inverse_end - row;
    e->middle[n] = (line + line_step * half) / (depth + depth_step * half) - row;
  }
}

/* The rows that a vector reaches over. */
static inline double rows_over(double v0, double middle, double v1) {
  return VL == KVOX_OBLIQUE_BLOCK ? fabs(v1 - v0) : higher(fabs(middle - v0), fabs(v1 - middle));
}

static inline int32_t choose(const kvox_oblique_tile *tile, const ends *e, int32_t n, double column) {
  const double u_low = lower(e->u0[n], e->u1[n]), u_high = higher(e->u0[n], e->u1[n]);
  const double v_low = lower(e->v0[n], e->v1[n]), v_high = higher(e->v0[n], e->v1[n]);
  const double columns = (double)tile->columns, rows = (double)tile->rows, most = KVOX_OBLIQUE_MOST;
  if (!(u_high > -1 && u_low < columns && v_high > -1 && v_low < rows && u_low > -most && v_low > -most)) {
    return NONE;
  }
  /* One more row for the one behind, one for the base, one for rounding. */
  const double over = rows_over(e->v0[n], e->middle[n], e->v1[n]) + 3, across = u_high + rounding - column;
  if (column < -1 || across >= 2 || column + (across < 1 ? 1 : 2) > columns || over > 3 * VL ||
      v_high - v_low + 3 > KVOX_OBLIQUE_GAP) {
    return FAR;
  }
  return over <= 2 * VL ? (across < 1 ? NEAR_TWO : NEAR_THREE) : (across < 1 ? WIDE_TWO : WIDE_THREE);
}

static inline void find_blocks(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y,
                               int64_t first, int32_t count, block *b) {
  const double row_step = view->row[2], column_step = view->column[2], depth_step = view->depth[2];
  const double row0 = (double)tile->row, most = KVOX_OBLIQUE_MOST;
  double column[RUN], row[RUN];
  ends e;
  find_ends(view, x, y, first, count, row0, &e);
  for (int32_t n = 0; n < RUN; n++) {
    column[n] = floor(lower(e.u0[n], e.u1[n]));
    row[n] = floor(lower(e.v0[n], e.v1[n]));
    b->weight[n] = (float)(e.inverse[n] * e.inverse[n]);
    b->c[n] = (float)(depth_step * e.inverse[n]);
    b->column_a[n] = (float)(e.u0[n] - column[n]);
    b->column_b[n] = (float)((column_step - column[n] * depth_step) * e.inverse[n]);
    b->row_a[n] = (float)(e.v0[n] - row[n]);
    b->row_b[n] = (float)((row_step - (row[n] + row0) * depth_step) * e.inverse[n]);
  }
  for (int32_t n = 0; n < RUN; n++) {
    const double first_half = lower(e.v0[n], e.middle[n]) - rounding - row[n];
    const double second_half = lower(e.middle[n], e.v1[n]) - rounding - row[n];
    b->column[n] = (int32_t)lower(higher(column[n], -most), most);
    b->row[n] = (int32_t)lower(higher(row[n], -most), most);
    b->skip[0][n] = (int32_t)lower(higher(first_half, 0), most);
    b->skip[1][n] = (int32_t)lower(higher(second_half, 0), most);
  }
  for (int32_t n = 0; n < count; n++) {
    b->reach[n] = choose(tile, &e, n, column[n]);
  }
}

/* Where a vector of voxels lies from the bases on. */
typedef struct place {
  vf column, row, weight;
} place;

static inline __attribute__((always_inline)) place find_place(const block *b, int32_t n, int32_t begin) {
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

/* Of one column. */
static inline __attribute__((always_inline)) vf pick(const float *rows, vi at, vf share, const bool wide) {
  vf low, high;
  if (wide) {
    vf_pick_pair_3(rows, at, &low, &high);
  } else {
    vf_pick_pair_2(rows, at, &low, &high);
  }
  return between(low, high, share);
}

/* Samples of two or three columns, within two or three vectors from `skip` on. */
static inline __attribute__((always_inline)) vf take(const float *rows, int64_t step, const place *p, int32_t skip,
                                                     const bool wide, const bool three) {
  const vi at = vi_truncate(p->row), from = vi_sub(at, vi_set(skip));
  const vf fv = vf_fraction(p->row, at);
  vf left = pick(rows + skip, from, fv, wide), right = pick(rows + skip + step, from, fv, wide), fu = p->column;
  if (three) {
    const vi column = vi_truncate(p->column);
    const vf one = vf_set(1), last = pick(rows + skip + 2 * step, from, fv, wide);
    left = vf_select_less(p->column, one, left, right);
    right = vf_select_less(p->column, one, right, last);
    fu = vf_fraction(p->column, column);
  }
  return vf_mul(p->weight, between(left, right, fu));
}

/* Samples from anywhere: beyond the detector coordinates stay where zeros are. */
static inline vf gather(const kvox_oblique_tile *tile, const float *samples, const block *b, int32_t n,
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
                                                             const block *b, int32_t n, float *voxels) {
  const int64_t step = tile->step;
  const float *rows = samples + b->column[n] * step + b->row[n];
  for (int32_t begin = 0; begin < KVOX_OBLIQUE_BLOCK; begin += VL) {
    const place p = find_place(b, n, begin);
    const int32_t skip = VL == KVOX_OBLIQUE_BLOCK ? 0 : b->skip[begin / (KVOX_OBLIQUE_BLOCK / 2)][n];
    vf value;
    switch (b->reach[n]) {
      case NEAR_TWO: value = take(rows, step, &p, skip, false, false); break;
      case NEAR_THREE: value = take(rows, step, &p, skip, false, true); break;
      case WIDE_TWO: value = take(rows, step, &p, skip, true, false); break;
      case WIDE_THREE: value = take(rows, step, &p, skip, true, true); break;
      default: value = gather(tile, samples, b, n, &p); break;
    }
    vf_store(voxels + begin, vf_add(vf_load(voxels + begin), value));
  }
}

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

static void patch(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y) {
  const int32_t width = least(tile->width - x, PATCH), height = least(tile->height - y, PATCH);
  float *voxels = NULL;
  block b;
  for (int32_t j = 0; j < height; j++) {
    voxels = tile->voxels + ((y + j) * tile->width + x) * tile->blocks * KVOX_OBLIQUE_BLOCK;
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

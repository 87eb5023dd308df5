/* The vector body; see oblique.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>
#include <stdbool.h>

#include "cpu/vec.h"
#include "ct/oblique.h"

/* Pixels whose samples stay in the nearer caches while a view passes. */
enum { PATCH = 8 };

/* More than the rounding of a coordinate within a block, in pixels. */
static const double rounding = 1e-3;

/* A line of voxels above a pixel: column depth, row depth and depth are affine in k. */
typedef struct line {
  double column, row, depth;                /* at k = 0 */
  double column_step, row_step, depth_step; /* from voxel to voxel */
} line;

/*
 * The voxels of a block, l = 0, 1, ...: depth is w0 (1 + c l), and the column and row beyond base are (a + b l) / (1 +
 * c l), never negative.
 */
typedef struct block {
  int64_t column, row; /* the bases: those of the detector, and the stored one */
  int32_t across;      /* columns beyond the base that are met */
  float weight;        /* w0^-2 */
  float column_a, column_b, row_a, row_b, c;
  bool inside; /* every sample is stored */
} block;

static inline double meet(const double m[4], int64_t x, int64_t y) {
  return m[0] * (double)x + m[1] * (double)y + m[3];
}

static inline line find_line(const kvox_oblique_view *view, int64_t x, int64_t y) {
  return (line){.column = meet(view->column, x, y),
                .row = meet(view->row, x, y),
                .depth = meet(view->depth, x, y),
                .column_step = view->column[2],
                .row_step = view->row[2],
                .depth_step = view->depth[2]};
}

/* False where no voxel of the block is seen. */
static inline bool find_block(const kvox_oblique_tile *tile, const line *l, int64_t index, block *b) {
  const int32_t last = KVOX_OBLIQUE_BLOCK - 1;
  const double k = (double)(index * KVOX_OBLIQUE_BLOCK), end = k + last;
  const double inverse = 1 / (l->depth + l->depth_step * k);
  const double inverse_end = l->depth_step == 0 ? inverse : 1 / (l->depth + l->depth_step * end);
  const double u0 = (l->column + l->column_step * k) * inverse;
  const double u1 = (l->column + l->column_step * end) * inverse_end;
  const double v0 = (l->row + l->row_step * k) * inverse - (double)tile->row;
  const double v1 = (l->row + l->row_step * end) * inverse_end - (double)tile->row;
  const double u_low = u0 < u1 ? u0 : u1, u_high = u0 < u1 ? u1 : u0;
  const double v_low = v0 < v1 ? v0 : v1, v_high = v0 < v1 ? v1 : v0;
  const double columns = (double)tile->columns, rows = (double)tile->rows;
  if (!(u_high > -1 && u_low < columns && v_high > -1 && v_low < rows && u_low > -KVOX_OBLIQUE_MOST &&
        v_low > -KVOX_OBLIQUE_MOST)) {
    return false;
  }
  const double column = floor(u_low), row = floor(v_low);
  b->column = (int64_t)column;
  b->row = (int64_t)row;
  b->across = (int32_t)fmin(u_high + rounding - column, KVOX_OBLIQUE_MOST);
  b->weight = (float)(inverse * inverse);
  b->c = (float)(l->depth_step * inverse);
  b->column_a = (float)(u0 - column);
  b->column_b = (float)((l->column_step - column * l->depth_step) * inverse);
  b->row_a = (float)(v0 - row);
  b->row_b = (float)((l->row_step - (row + (double)tile->row) * l->depth_step) * inverse);
  b->inside = column >= 0 && u_high < columns - 1 - rounding && row >= 0 && v_high < rows - 1 - rounding;
  return true;
}

/* Where a vector of voxels lies from the bases on. */
typedef struct place {
  vf column, row, weight;
} place;

static inline place find_place(const block *b, int32_t begin) {
  const vf l = vf_add(vf_lanes(), vf_set((float)begin));
  place p = {.column = vf_fma(vf_set(b->column_b), l, vf_set(b->column_a)),
             .row = vf_fma(vf_set(b->row_b), l, vf_set(b->row_a)),
             .weight = vf_set(b->weight)};
  if (b->c != 0) {
    const vf inverse = vf_div(vf_set(1), vf_fma(vf_set(b->c), l, vf_set(1)));
    p.column = vf_mul(p.column, inverse);
    p.row = vf_mul(p.row, inverse);
    p.weight = vf_mul(p.weight, vf_mul(inverse, inverse));
  }
  return p;
}

/* The row of voxel l, as its lane has it but for the last bit. */
static inline float row_of(const block *b, int32_t l) {
  const float row = b->row_a + b->row_b * (float)l;
  return b->c != 0 ? row / (1 + b->c * (float)l) : row;
}

static inline vf between(vf low, vf high, vf share) { return vf_fma(share, vf_sub(high, low), low); }

/* All samples are stored, of two or three columns, and a vector's within 2 VL rows: `rows` is the first of them. */
static inline __attribute__((always_inline)) vf pick(const float *rows, int64_t step, const place *p, int32_t skip,
                                                     const bool three) {
  const vi at = vi_truncate(p->row), column = vi_truncate(p->column), from = vi_sub(at, vi_set(skip));
  const vf fv = vf_sub(p->row, vf_from_int(at)), fu = vf_sub(p->column, vf_from_int(column));
  vf low, high;
  vf_pick_pair_2(rows, from, &low, &high);
  vf left = between(low, high, fv);
  vf_pick_pair_2(rows + step, from, &low, &high);
  vf right = between(low, high, fv);
  if (three) {
    vf_pick_pair_2(rows + 2 * step, from, &low, &high);
    const vf half = vf_set(0.5F), which = vf_from_int(column);
    left = vf_select_less(which, half, left, right);
    right = vf_select_less(which, half, right, between(low, high, fv));
  }
  return vf_mul(p->weight, between(left, right, fu));
}

/* Samples from anywhere; those that are not stored are 0. */
static inline vf gather(const kvox_oblique_tile *tile, const float *samples, const block *b, const place *p) {
  /* Rows and columns of the whole vector in range: no lane reads elsewhere, whatever its coordinates. */
  const vf first_column = vf_set((float)(-1 - b->column)), last_column = vf_set((float)(tile->columns - 1 - b->column));
  const vf first_row = vf_set((float)-b->row), last_row = vf_set((float)(tile->rows - 1 - b->row));
  const vf u = vf_min(vf_max(p->column, first_column), vf_add(last_column, vf_set(1)));
  const vf v = vf_min(vf_max(p->row, vf_sub(first_row, vf_set(1))), vf_add(last_row, vf_set(1)));
  const vf column = vf_from_int(vi_truncate(u)), row = vf_from_int(vi_truncate(v));
  const vf fu = vf_sub(u, column), fv = vf_sub(v, row);
  const vf one = vf_set(1), zero = vf_zero();
  const vi stored_row = vi_add(vi_truncate(vf_min(vf_max(row, first_row), last_row)), vi_set((int32_t)b->row));
  const vi stored_column = vi_add(vi_truncate(vf_min(column, last_column)), vi_set((int32_t)b->column));
  /* No 32-bit product in the vector layer: columns of the lanes are few, their starts a sum. */
  int32_t starts[VL];
  vi_store(starts, stored_column);
  for (int32_t i = 0; i < VL; i++) {
    starts[i] *= (int32_t)tile->step;
  }
  const vi at = vi_add(vi_load(starts), stored_row);
  vf sides[2];
  for (int side = 0; side < 2; side++) {
    vf low, high;
    vf_gather_pair(samples + side * tile->step, at, &low, &high);
    high = vf_select_less(row, first_row, low, high);
    low = vf_select_less(row, first_row, zero, low);
    high = vf_select_less(row, last_row, high, zero);
    sides[side] = between(low, high, fv);
  }
  vf value = vf_mul(p->weight, between(sides[0], sides[1], fu));
  value = vf_select_less(column, first_column, zero, value);
  value = vf_select_less(column, vf_add(last_column, one), value, zero);
  value = vf_select_less(row, vf_sub(first_row, one), zero, value);
  return vf_select_less(row, vf_add(last_row, one), value, zero);
}

/* How many rows on from the base a vector's samples begin, and whether two vectors hold them. */
static inline bool rows_are_near(const block *b, int32_t begin, int32_t *skip) {
  const float first = row_of(b, begin), last = row_of(b, begin + VL - 1);
  const float low = first < last ? first : last, high = first < last ? last : first;
  *skip = (int32_t)fmaxf(low - (float)rounding, 0);
  return (int32_t)(high + (float)rounding) - *skip <= 2 * VL - 2;
}

static inline void take_block(const kvox_oblique_tile *tile, const float *samples, const block *b, float *voxels) {
  for (int32_t begin = 0; begin < KVOX_OBLIQUE_BLOCK; begin += VL) {
    const place p = find_place(b, begin);
    int32_t skip = 0;
    vf value;
    /* What is loaded behind the last row lies within the next column: one is there, of zeros. */
    if (b->inside && b->across <= 1 && tile->step >= 2 * VL && rows_are_near(b, begin, &skip)) {
      const float *rows = samples + b->column * tile->step + b->row + skip;
      value = b->across == 0 ? pick(rows, tile->step, &p, skip, false) : pick(rows, tile->step, &p, skip, true);
    } else {
      value = gather(tile, samples, b, &p);
    }
    vf_store(voxels + begin, vf_add(vf_load(voxels + begin), value));
  }
}

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

static void patch(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y) {
  const int32_t width = least(tile->width - x, PATCH), height = least(tile->height - y, PATCH);
  const int64_t run = tile->blocks * KVOX_OBLIQUE_BLOCK;
  for (int32_t j = 0; j < height; j++) {
    float *voxels = tile->voxels + ((y + j) * tile->width + x) * run;
    for (int32_t i = 0; i < width; i++, voxels += run) {
      const line l = find_line(view, tile->x + x + i, tile->y + y + j);
      for (int64_t n = 0; n < tile->blocks; n++) {
        block b;
        if (find_block(tile, &l, tile->block + n, &b)) {
          take_block(tile, view->samples, &b, voxels + n * KVOX_OBLIQUE_BLOCK);
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

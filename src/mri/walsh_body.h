/* The vector body; see walsh.h. Included once per instruction set, with KERNELS naming the table. Lanes are voxels. */
#include "cpu/vec.h"
#include "cpu/vec_finite.h"
#include "mri/walsh.h"

enum { TILE = KVOX_MRI_WALSH_TILE, ROW = KVOX_MRI_WALSH_ROW };

/* Rows of the matrix that are multiplied at once: each load of the vector serves all. */
enum { ROWS = 4 };

static void add_outer(int64_t coils, int64_t count, float scale, const float *tile, float *scratch, float *columns) {
  const int64_t imaginary = kvox_mri_pairs(coils) * ROW;
  const vf factor = vf_set(scale);
  for (int64_t n = 0; n < count; n += VL) {
    float *at = columns + n;
    for (int64_t i = 0; i < coils; i++) {
      const float *from = tile + i * KVOX_MRI_TILE_ROW + 2 * n;
      vf re, im;
      vf_unzip(vf_load(from), vf_load(from + VL), &re, &im);
      re = vf_mul(re, factor);
      im = vf_mul(im, factor);
      vf_store(scratch + 2 * VL * i, re);
      vf_store(scratch + 2 * VL * i + VL, im);
      const vf minus = vf_sub(vf_zero(), re);
      for (int64_t j = 0; j <= i; j++, at += ROW) {
        const vf a = vf_load(scratch + 2 * VL * j), b = vf_load(scratch + 2 * VL * j + VL);
        vf_store(at, vf_fma(re, a, vf_fma(im, b, vf_load(at))));
        vf_store(at + imaginary, vf_fma(im, a, vf_fma(minus, b, vf_load(at + imaginary))));
      }
    }
  }
}

static void add_window(int64_t coils, int64_t radius, const float *columns, float *sums) {
  for (int64_t k = 0; k < 2 * kvox_mri_pairs(coils); k++, columns += ROW, sums += TILE) {
    for (int64_t x = 0; x < TILE; x += VL) {
      vf sum = vf_load(columns + x);
      for (int64_t i = 1; i <= 2 * radius; i++) {
        sum = vf_add(sum, vf_load(columns + x + i));
      }
      vf_store(sums + x, sum);
    }
  }
}

/* ---- The first eigenvector ---- */

typedef struct pair {
  vf re, im;
} pair;

/* Element (i, j) of VL matrices. */
static inline pair element(int64_t coils, const float *sums, int64_t i, int64_t j) {
  const int64_t high = i > j ? i : j, low = i > j ? j : i, imaginary = kvox_mri_pairs(coils) * TILE;
  const float *at = sums + (high * (high + 1) / 2 + low) * TILE;
  if (i == j) { /* what is rounding of its imaginary part is left out */
    return (pair){vf_load(at), vf_zero()};
  }
  const vf im = vf_load(at + imaginary);
  return (pair){vf_load(at), i > j ? im : vf_sub(vf_zero(), im)};
}

static inline pair vector_at(int64_t coils, const float *v, int64_t c) {
  return (pair){vf_load(v + c * TILE), vf_load(v + (coils + c) * TILE)};
}

static inline void put_vector(int64_t coils, float *v, int64_t c, pair z) {
  vf_store(v + c * TILE, z.re);
  vf_store(v + (coils + c) * TILE, z.im);
}

static inline vf square_of(pair z) { return vf_fma(z.re, z.re, vf_mul(z.im, z.im)); }

/* sum + a b */
static inline pair add_product(pair sum, pair a, pair b) {
  const vf minus = vf_sub(vf_zero(), a.im);
  return (pair){vf_fma(minus, b.im, vf_fma(a.re, b.re, sum.re)), vf_fma(a.im, b.re, vf_fma(a.re, b.im, sum.im))};
}

/* Divides by the root of `squares`; 0 where that is 0. */
static inline void scale_to_unit(int64_t coils, vf squares, float *v) {
  const vf root = vf_sqrt(squares), inverse = vf_select_less(vf_zero(), root, vf_div(vf_set(1), root), vf_zero());
  for (int64_t c = 0; c < 2 * coils; c++) {
    vf_store(v + c * TILE, vf_mul(vf_load(v + c * TILE), inverse));
  }
}

/* The inverse of the trace; 0 where that is none. */
static inline vf scale_of(int64_t coils, const float *sums) {
  vf trace = vf_zero();
  for (int64_t c = 0; c < coils; c++) {
    trace = vf_add(trace, element(coils, sums, c, c).re);
  }
  return vf_select_less(vf_set(KVOX_MRI_WALSH_LEAST), trace, vf_div(vf_set(1), trace), vf_zero());
}

/* Of each matrix the longest column, scaled to 1: it has part in the first eigenvector unless another has as much. */
static inline void take_longest(int64_t coils, const float *sums, vf scale, float *found) {
  vf most = vf_set(-1);
  for (int64_t j = 0; j < coils; j++) {
    vf squares = vf_zero();
    for (int64_t i = 0; i < coils; i++) {
      const pair m = element(coils, sums, i, j);
      squares = vf_add(squares, square_of((pair){vf_mul(scale, m.re), vf_mul(scale, m.im)}));
    }
    for (int64_t i = 0; i < coils; i++) {
      const pair m = element(coils, sums, i, j), old = vector_at(coils, found, i);
      put_vector(coils, found, i,
                 (pair){vf_select_less(most, squares, vf_mul(scale, m.re), j > 0 ? old.re : vf_zero()),
                        vf_select_less(most, squares, vf_mul(scale, m.im), j > 0 ? old.im : vf_zero())});
    }
    most = vf_max(most, squares);
  }
  scale_to_unit(coils, most, found);
}

/* `rows` rows from `first` on times v, to `next`: the sum of their squares. */
static inline vf multiply_rows(int64_t coils, const float *sums, vf scale, const float *v, float *next, int64_t first,
                               const int rows) {
  const int64_t imaginary = kvox_mri_pairs(coils) * TILE;
  pair total[ROWS];
  vf squares = vf_zero();
  for (int r = 0; r < rows; r++) {
    total[r] = (pair){vf_zero(), vf_zero()};
  }
  for (int64_t j = 0; j < first; j++) {
    const pair z = vector_at(coils, v, j);
    for (int r = 0; r < rows; r++) {
      const float *at = sums + ((first + r) * (first + r + 1) / 2 + j) * TILE;
      total[r] = add_product(total[r], (pair){vf_load(at), vf_load(at + imaginary)}, z);
    }
  }
  for (int64_t j = first; j < first + rows; j++) {
    const pair z = vector_at(coils, v, j);
    for (int r = 0; r < rows; r++) {
      total[r] = add_product(total[r], element(coils, sums, first + r, j), z);
    }
  }
  for (int64_t j = first + rows; j < coils; j++) {
    const pair z = vector_at(coils, v, j);
    for (int r = 0; r < rows; r++) {
      const float *at = sums + (j * (j + 1) / 2 + first + r) * TILE;
      total[r] = add_product(total[r], (pair){vf_load(at), vf_sub(vf_zero(), vf_load(at + imaginary))}, z);
    }
  }
  for (int r = 0; r < rows; r++) {
    const pair scaled = {vf_mul(scale, total[r].re), vf_mul(scale, total[r].im)};
    put_vector(coils, next, first + r, scaled);
    squares = vf_add(squares, square_of(scaled));
  }
  return squares;
}

static inline vf multiply(int64_t coils, const float *sums, vf scale, const float *v, float *next) {
  vf squares = vf_zero();
  int64_t i = 0;
  for (; i + ROWS <= coils; i += ROWS) {
    squares = vf_add(squares, multiply_rows(coils, sums, scale, v, next, i, ROWS));
  }
  for (; i < coils; i++) {
    squares = vf_add(squares, multiply_rows(coils, sums, scale, v, next, i, 1));
  }
  return squares;
}

/* VL matrices. A lane that has come to rest stays, whatever the others do. */
static void find_first(int64_t coils, const float *sums, float *next, float *found) {
  const vf zero = vf_zero(), scale = scale_of(coils, sums);
  take_longest(coils, sums, scale, found);
  vf going = vf_select_less(zero, scale, vf_set(1), zero);
  for (int step = 0; step < KVOX_MRI_WALSH_STEPS && !all_zero(going); step++) {
    const vf squares = multiply(coils, sums, scale, found, next);
    vf change = zero;
    scale_to_unit(coils, squares, next);
    going = vf_select_less(zero, squares, going, zero);
    for (int64_t c = 0; c < 2 * coils; c++) {
      const vf old = vf_load(found + c * TILE), now = vf_load(next + c * TILE), by = vf_sub(now, old);
      change = vf_fma(by, by, change);
      vf_store(found + c * TILE, vf_select_less(zero, going, now, old));
    }
    going = vf_select_less(change, vf_set(KVOX_MRI_WALSH_LITTLE), zero, going);
  }
}

static void find(int64_t coils, const float *sums, float *scratch, float *found) {
  for (int64_t x = 0; x < TILE; x += VL) {
    find_first(coils, sums + x, scratch + x, found + x);
  }
}

/* ---- Maps ---- */

static void put(int64_t coils, const float *reference, const float *factor, const float *found, float *tile) {
  const vf zero = vf_zero();
  for (int64_t x = 0; x < TILE; x += VL) {
    pair seen = {zero, zero};
    for (int64_t c = 0; c < coils; c++) {
      const pair conjugate = {vf_set(reference[c]), vf_set(-reference[coils + c])};
      seen = add_product(seen, conjugate, vector_at(coils, found + x, c));
    }
    const vf size = vf_sqrt(square_of(seen));
    const pair turn = {vf_select_less(zero, size, vf_div(seen.re, size), vf_set(1)),
                       vf_select_less(zero, size, vf_div(vf_sub(zero, seen.im), size), zero)};
    for (int64_t c = 0; c < coils; c++) {
      pair u = vector_at(coils, found + x, c), none = {zero, zero};
      for (int64_t k = 0; factor != NULL && k <= c; k++) {
        const float *f = factor + 2 * (c * coils + k);
        u = add_product(k == 0 ? none : u, (pair){vf_set(f[0]), vf_set(f[1])}, vector_at(coils, found + x, k));
      }
      u = add_product(none, u, turn);
      vf low, high;
      vf_zip(u.re, u.im, &low, &high);
      vf_store(tile + c * KVOX_MRI_TILE_ROW + 2 * x, low);
      vf_store(tile + c * KVOX_MRI_TILE_ROW + 2 * x + VL, high);
    }
  }
}

const kvox_walsh_kernels KERNELS = {add_outer, add_window, find, put};

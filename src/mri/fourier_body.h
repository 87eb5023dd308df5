/* The vector body; see fourier.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "cpu/vec_finite.h"
#include "mri/fourier.h"

/* Samples of a vector. */
enum { HALF = VL / 2 };

/* Factors of one vector, or the same one for all of it. */
typedef struct factors {
  vf same, cross;
  bool has_same, has_cross;
} factors;

static inline factors factors_at(kvox_fourier_weights w, int64_t sample, int64_t floats) {
  factors f = {vf_zero(), vf_zero(), w.same != NULL, w.cross != NULL};
  if (f.has_same) {
    f.same = vf_load_part(w.same + 2 * sample, floats);
  }
  if (f.has_cross) {
    f.cross = vf_load_part(w.cross + 2 * sample, floats);
  }
  return f;
}

static inline factors factors_of(kvox_fourier_weights w, int64_t sample) {
  factors f = {vf_zero(), vf_zero(), w.same != NULL, w.cross != NULL};
  if (f.has_same) {
    f.same = vf_set(w.same[2 * sample]);
  }
  if (f.has_cross) {
    vf same_again;
    vf_zip(vf_set(w.cross[2 * sample]), vf_set(w.cross[2 * sample + 1]), &f.cross, &same_again);
  }
  return f;
}

static inline vf times(const factors *f, vf z) {
  vf product = f->has_same ? vf_mul(f->same, z) : z;
  if (f->has_cross) {
    product = vf_fma(f->cross, vf_swap(z), product);
  }
  return product;
}

static bool weigh(int64_t count, const float *in, kvox_fourier_weights weights, float *out) {
  vf zero = vf_zero();
  for (int64_t n = 0; n < count; n += HALF) {
    const int64_t left = vf_left(2 * count, 2 * n);
    const factors f = factors_at(weights, n, left);
    const vf product = times(&f, vf_load_part(in + 2 * n, left));
    zero = vf_fma(product, vf_zero(), zero);
    vf_store_part(out + 2 * n, product, left);
  }
  return all_zero(zero);
}

/* HALF x HALF samples, or what there is of them: `rows` and `columns`. */
static inline vf turn_block(int64_t rows, int64_t columns, const float *in, int64_t in_step, const factors *of_rows,
                            const factors *of_columns, float *out, int64_t out_step, vf zero) {
  vf m[HALF];
  for (int i = 0; i < HALF; i++) {
    m[i] = i < rows ? times(of_columns, times(&of_rows[i], vf_load_part(in + i * in_step, 2 * columns))) : vf_zero();
    zero = vf_fma(m[i], vf_zero(), zero);
  }
  vf_transpose_pairs(m);
  for (int i = 0; i < columns; i++) {
    vf_store_part(out + i * out_step, m[i], 2 * rows);
  }
  return zero;
}

/* The same of a whole one. */
static inline vf turn_whole(const float *in, int64_t in_step, const factors *of_rows, const factors *of_columns,
                            bool past, float *out, int64_t out_step, vf zero) {
  vf m[HALF];
  for (int i = 0; i < HALF; i++) {
    m[i] = times(of_columns, times(&of_rows[i], vf_load(in + i * in_step)));
    zero = vf_fma(m[i], vf_zero(), zero);
  }
  vf_transpose_pairs(m);
  for (int i = 0; i < HALF; i++) {
    if (past) {
      vf_stream(out + i * out_step, m[i]);
    } else {
      vf_store(out + i * out_step, m[i]);
    }
  }
  return zero;
}

static inline bool turn(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights row,
                        kvox_fourier_weights column, bool past, float *out, int64_t out_step) {
  vf zero = vf_zero();
  for (int64_t r = 0; r < rows; r += HALF) {
    const int64_t rows_left = vf_left(2 * rows, 2 * r) / 2;
    factors of_rows[HALF];
    for (int i = 0; i < HALF; i++) {
      of_rows[i] = factors_of(row, i < rows_left ? r + i : r);
    }
    for (int64_t c = 0; c < columns; c += HALF) {
      const int64_t columns_left = vf_left(2 * columns, 2 * c) / 2;
      const factors of_columns = factors_at(column, c, 2 * columns_left);
      const float *from = in + r * in_step + 2 * c;
      float *to = out + c * out_step + 2 * r;
      zero = rows_left == HALF && columns_left == HALF
                 ? turn_whole(from, in_step, of_rows, &of_columns, past, to, out_step, zero)
                 : turn_block(rows_left, columns_left, from, in_step, of_rows, &of_columns, to, out_step, zero);
    }
  }
  if (past) {
    vf_stream_end();
  }
  return all_zero(zero);
}

/* As the kinds of weights and stores are constants to the compiler. */
static bool turn_rows(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                      float *out, int64_t out_step) {
  const kvox_fourier_weights none = {NULL, NULL}, real = {weights.same, NULL};
  if (weights.same == NULL) {
    return turn(rows, columns, in, in_step, none, none, false, out, out_step);
  }
  if (weights.cross == NULL) {
    return turn(rows, columns, in, in_step, real, none, false, out, out_step);
  }
  return turn(rows, columns, in, in_step, weights, none, false, out, out_step);
}

static bool turn_columns(int64_t rows, int64_t columns, const float *in, int64_t in_step, kvox_fourier_weights weights,
                         bool past, float *out, int64_t out_step) {
  const kvox_fourier_weights none = {NULL, NULL};
  const uint64_t places = (uint64_t)(uintptr_t)out | (uint64_t)out_step * sizeof *out;
  const bool stream = past && rows % HALF == 0 && places % (VL * sizeof *out) == 0;
  if (weights.same == NULL) {
    return stream ? turn(rows, columns, in, in_step, none, none, true, out, out_step)
                  : turn(rows, columns, in, in_step, none, none, false, out, out_step);
  }
  return turn(rows, columns, in, in_step, none, weights, stream, out, out_step);
}

/* |z|^2 of `count` samples, at most VL. */
static inline vf squares(const float *in, int64_t count) {
  vf re, im;
  const int64_t first = vf_left(2 * count, 0);
  vf_unzip(vf_load_part(in, first), vf_load_part(in + VL, vf_left(2 * count, VL) > 0 ? vf_left(2 * count, VL) : 0), &re,
           &im);
  return vf_fma(re, re, vf_mul(im, im));
}

static inline vf squares_whole(const float *in) {
  vf re, im;
  vf_unzip(vf_load(in), vf_load(in + VL), &re, &im);
  return vf_fma(re, re, vf_mul(im, im));
}

static inline vf add_to(vf square, int32_t which, float *sums, int64_t count, vf *zero) {
  vf sum = (which & KVOX_FOURIER_FIRST) != 0 ? square : vf_add(vf_load_part(sums, count), square);
  *zero = vf_fma(sum, vf_zero(), *zero);
  vf_store_part(sums, (which & KVOX_FOURIER_LAST) != 0 ? vf_sqrt(sum) : sum, count);
  return sum;
}

static bool add_squares(int64_t count, const float *in, int32_t which, float *sums) {
  vf zero = vf_zero();
  for (int64_t n = 0; n < count; n += VL) {
    const int64_t left = vf_left(count, n);
    add_to(squares(in + 2 * n, left), which, sums + n, left, &zero);
  }
  return all_zero(zero);
}

static inline bool turn_squares_as(int64_t rows, int64_t columns, const float *in, int64_t in_step, int32_t which,
                                   float *sums, int64_t sums_step) {
  vf zero = vf_zero(), m[VL];
  for (int64_t c = 0; c < columns; c += VL) {
    const int64_t columns_left = vf_left(columns, c);
    for (int64_t r = 0; r < rows; r += VL) {
      const int64_t rows_left = vf_left(rows, r);
      const float *from = in + r * in_step + 2 * c;
      float *to = sums + c * sums_step + r;
      if (rows_left == VL && columns_left == VL) {
        for (int i = 0; i < VL; i++) {
          m[i] = squares_whole(from + i * in_step);
        }
        vf_transpose(m);
        for (int i = 0; i < VL; i++) {
          add_to(m[i], which, to + i * sums_step, VL, &zero);
        }
        continue;
      }
      for (int i = 0; i < VL; i++) {
        m[i] = i < rows_left ? squares(from + i * in_step, columns_left) : vf_zero();
      }
      vf_transpose(m);
      for (int i = 0; i < columns_left; i++) {
        add_to(m[i], which, to + i * sums_step, rows_left, &zero);
      }
    }
  }
  return all_zero(zero);
}

static bool turn_squares(int64_t rows, int64_t columns, const float *in, int64_t in_step, int32_t which, float *sums,
                         int64_t sums_step) {
  switch (which) {
    case 0: return turn_squares_as(rows, columns, in, in_step, 0, sums, sums_step);
    case KVOX_FOURIER_FIRST: return turn_squares_as(rows, columns, in, in_step, KVOX_FOURIER_FIRST, sums, sums_step);
    case KVOX_FOURIER_LAST: return turn_squares_as(rows, columns, in, in_step, KVOX_FOURIER_LAST, sums, sums_step);
    default: return turn_squares_as(rows, columns, in, in_step, which, sums, sums_step);
  }
}

const kvox_fourier_kernels KERNELS = {weigh, turn_rows, turn_columns, add_squares, turn_squares};

/*
 * The oracle, in double. The first eigenvector comes by powers of the matrix: where there is signal, it is far ahead of
 * the others.
 */
#include <math.h>
#include <string.h>

#include "mri/walsh.h"

/* Where there is none, any unit vector does: so many steps. Each takes (second / first eigenvalue)^2 off the error. */
enum { MOST_STEPS = KVOX_MRI_WALSH_STEPS };
/* Squared distance between two steps that ends the search: beyond what floats can hold. */
static const double little = 1e-16;

/* Scratch of the search, and what it finds: real parts, then imaginary ones. */
typedef struct vectors {
  double *matrix;       /* [2][coil][coil] */
  double *found, *next; /* [2][coil] */
} vectors;

static double scale_to_unit(int64_t n, double *v) {
  double squares = 0;
  for (int64_t i = 0; i < 2 * n; i++) {
    squares += v[i] * v[i];
  }
  const double size = sqrt(squares), inverse = size > 0 ? 1 / size : 0;
  for (int64_t i = 0; i < 2 * n; i++) {
    v[i] *= inverse;
  }
  return size;
}

/* The whole matrix, scaled so that its diagonal adds up to 1; false where it is zero. */
static bool unpack(int64_t n, const double *packed, double *matrix) {
  double trace = 0;
  for (int64_t i = 0; i < n; i++) {
    trace += packed[i * (i + 1) / 2 + i];
  }
  if (!(trace > 0)) {
    return false;
  }
  const double *real = packed, *imaginary = packed + kvox_mri_pairs(n);
  double *re = matrix, *im = matrix + n * n;
  const double scale = 1 / trace;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++, real++, imaginary++) {
      re[i * n + j] = re[j * n + i] = scale * *real;
      im[i * n + j] = scale * *imaginary;
      im[j * n + i] = -im[i * n + j];
    }
    im[i * n + i] = 0;
  }
  return true;
}

/* Column j, the conjugate of row j, times (re, im), added to `to`. */
static void add_column(int64_t n, const double *matrix, int64_t j, double re, double im, double *restrict to) {
  const double *row_re = matrix + j * n, *row_im = matrix + n * n + j * n;
  for (int64_t i = 0; i < n; i++) {
    to[i] += row_re[i] * re + row_im[i] * im;
    to[n + i] += row_re[i] * im - row_im[i] * re;
  }
}

/* The longest column: it has part in the first eigenvector unless another has as much. */
static int64_t longest_column(int64_t n, const double *matrix) {
  int64_t longest = 0;
  double most = -1;
  for (int64_t j = 0; j < n; j++) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
      squares += matrix[j * n + i] * matrix[j * n + i] + matrix[n * n + j * n + i] * matrix[n * n + j * n + i];
    }
    if (squares > most) {
      most = squares;
      longest = j;
    }
  }
  return longest;
}

/* In any phase; 0 where the matrix is. */
static void find_first(int64_t coils, const double *packed, const vectors *v) {
  const size_t bytes = (size_t)(2 * coils) * sizeof *v->found;
  memset(v->found, 0, bytes);
  if (!unpack(coils, packed, v->matrix)) {
    return;
  }
  add_column(coils, v->matrix, longest_column(coils, v->matrix), 1, 0, v->found);
  scale_to_unit(coils, v->found);
  for (int step = 0; step < MOST_STEPS; step++) {
    memset(v->next, 0, bytes);
    for (int64_t j = 0; j < coils; j++) {
      add_column(coils, v->matrix, j, v->found[j], v->found[coils + j], v->next);
    }
    if (scale_to_unit(coils, v->next) == 0) {
      return;
    }
    double change = 0;
    for (int64_t i = 0; i < 2 * coils; i++) {
      change += (v->next[i] - v->found[i]) * (v->next[i] - v->found[i]);
    }
    memcpy(v->found, v->next, bytes);
    if (change < little) {
      return;
    }
  }
}

static void add_outer(int64_t coils, int64_t count, float scale, const float *tile, float *scratch, float *columns) {
  (void)scratch;
  float *imaginary = columns + kvox_mri_pairs(coils) * KVOX_MRI_WALSH_ROW;
  for (int64_t i = 0, pair = 0; i < coils; i++) {
    for (int64_t j = 0; j <= i; j++, pair++) {
      const float *a = tile + i * KVOX_MRI_TILE_ROW, *b = tile + j * KVOX_MRI_TILE_ROW;
      float *re = columns + pair * KVOX_MRI_WALSH_ROW, *im = imaginary + pair * KVOX_MRI_WALSH_ROW;
      for (int64_t n = 0; n < count; n++) {
        const double ar = (double)scale * a[2 * n], ai = (double)scale * a[2 * n + 1];
        const double br = (double)scale * b[2 * n], bi = (double)scale * b[2 * n + 1];
        re[n] = (float)(re[n] + ar * br + ai * bi);
        im[n] = (float)(im[n] + ai * br - ar * bi);
      }
    }
  }
}

static void add_window(int64_t coils, int64_t radius, const float *columns, float *sums) {
  for (int64_t k = 0; k < 2 * kvox_mri_pairs(coils); k++, columns += KVOX_MRI_WALSH_ROW) {
    for (int64_t x = 0; x < KVOX_MRI_WALSH_TILE; x++) {
      double sum = 0;
      for (int64_t i = 0; i <= 2 * radius; i++) {
        sum += columns[x + i];
      }
      *sums++ = (float)sum;
    }
  }
}

static void find(int64_t coils, const float *sums, float *scratch, float *found) {
  const int64_t elements = 2 * kvox_mri_pairs(coils);
  double *packed = (double *)(void *)scratch;
  vectors v = {.matrix = packed + elements};
  v.found = v.matrix + 2 * coils * coils;
  v.next = v.found + 2 * coils;
  for (int64_t x = 0; x < KVOX_MRI_WALSH_TILE; x++) {
    for (int64_t k = 0; k < elements; k++) {
      packed[k] = sums[k * KVOX_MRI_WALSH_TILE + x];
    }
    find_first(coils, packed, &v);
    for (int64_t c = 0; c < 2 * coils; c++) {
      found[c * KVOX_MRI_WALSH_TILE + x] = (float)v.found[c];
    }
  }
}

static void put(int64_t coils, const float *reference, const float *factor, const float *found, float *tile) {
  enum { T = KVOX_MRI_WALSH_TILE };
  for (int64_t x = 0; x < T; x++) {
    const float *re = found + x, *im = re + coils * T;
    kvox_complex seen = 0;
    for (int64_t c = 0; c < coils; c++) {
      seen += ((double)reference[c] - reference[coils + c] * I) * ((double)re[c * T] + im[c * T] * I);
    }
    const kvox_complex turn = cabs(seen) > 0 ? conj(seen) / cabs(seen) : 1;
    for (int64_t c = 0; c < coils; c++) {
      kvox_complex u = factor != NULL ? 0 : (double)re[c * T] + im[c * T] * I;
      for (int64_t k = 0; factor != NULL && k <= c; k++) {
        const float *f = factor + 2 * (c * coils + k);
        u += ((double)f[0] + f[1] * I) * ((double)re[k * T] + im[k * T] * I);
      }
      tile[c * KVOX_MRI_TILE_ROW + 2 * x] = (float)creal(u * turn);
      tile[c * KVOX_MRI_TILE_ROW + 2 * x + 1] = (float)cimag(u * turn);
    }
  }
}

const kvox_walsh_kernels kvox_walsh_ref = {add_outer, add_window, find, put};

/* The first eigenvector by powers of the matrix: where there is signal, it is far ahead of the others. */
#include <math.h>
#include <string.h>

#include "mri/walsh.h"

/* Where there is none, any unit vector does: so many steps. Each takes (second / first eigenvalue)^2 off the error. */
enum { MOST_STEPS = 40 };
/* Squared distance between two steps that ends the search: beyond what floats can hold. */
static const double little = 1e-16;

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

void kvox_mri_walsh_first(int64_t coils, const double *packed, const kvox_mri_walsh_vectors *v) {
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

/* Hermitian eigenproblems by cyclic Jacobi rotations (Golub and Van Loan 2013, section 8.5): as exact as the data, in a
 * fixed order, short. */
#include <math.h>

#include "core/fail.h"
#include "linalg/linalg.h"

/* Convergence is quadratic: matrices of a thousand rows need some ten sweeps. */
enum { MOST_SWEEPS = 60 };

static double squared(kvox_complex z) { return creal(z) * creal(z) + cimag(z) * cimag(z); }

/* Columns p and q of a matrix times [[c, s phase], [-s conj(phase), c]]. */
typedef struct rotation {
  int64_t p, q;
  double c, s;
  kvox_complex phase;
} rotation;

static void turn_columns(int64_t n, kvox_complex *m, const rotation *r) {
  for (int64_t k = 0; k < n; k++) {
    const kvox_complex x = m[k * n + r->p], y = m[k * n + r->q];
    m[k * n + r->p] = r->c * x - r->s * conj(r->phase) * y;
    m[k * n + r->q] = r->s * r->phase * x + r->c * y;
  }
}

static void turn_rows(int64_t n, kvox_complex *m, const rotation *r) {
  kvox_complex *p = m + r->p * n, *q = m + r->q * n;
  for (int64_t k = 0; k < n; k++) {
    const kvox_complex x = p[k], y = q[k];
    p[k] = r->c * x - r->s * r->phase * y;
    q[k] = r->s * conj(r->phase) * x + r->c * y;
  }
}

/* The rotation that makes a[p][q] zero. */
static void annihilate(int64_t n, kvox_complex *a, kvox_complex *vectors, int64_t p, int64_t q) {
  const double size = cabs(a[p * n + q]);
  if (size == 0) {
    return;
  }
  const double t0 = (creal(a[q * n + q]) - creal(a[p * n + p])) / (2 * size);
  const double t = (t0 >= 0 ? 1 : -1) / (fabs(t0) + hypot(1, t0)), c = 1 / hypot(1, t);
  const rotation r = {.p = p, .q = q, .c = c, .s = c * t, .phase = a[p * n + q] / size};
  turn_columns(n, a, &r);
  turn_rows(n, a, &r);
  a[p * n + q] = a[q * n + p] = 0;
  turn_columns(n, vectors, &r);
}

static double beside_diagonal(int64_t n, const kvox_complex *a) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < i; j++) {
      sum += 2 * squared(a[i * n + j]);
    }
  }
  return sum;
}

static void swap_columns(int64_t n, kvox_complex *m, int64_t p, int64_t q) {
  for (int64_t k = 0; k < n; k++) {
    const kvox_complex x = m[k * n + p];
    m[k * n + p] = m[k * n + q];
    m[k * n + q] = x;
  }
}

static void sort(int64_t n, double *values, kvox_complex *vectors) {
  for (int64_t i = 0; i < n; i++) {
    int64_t largest = i;
    for (int64_t j = i + 1; j < n; j++) {
      largest = values[j] > values[largest] ? j : largest;
    }
    if (largest != i) {
      const double value = values[i];
      values[i] = values[largest];
      values[largest] = value;
      swap_columns(n, vectors, i, largest);
    }
  }
}

/* Components whose sizes differ by less than rounding count as equal: the first of them is taken. */
static void turn_phase(int64_t n, kvox_complex *vectors, int64_t column) {
  static const double equal = 1 + 1e-9;
  int64_t largest = 0;
  for (int64_t k = 1; k < n; k++) {
    largest = cabs(vectors[k * n + column]) > equal * cabs(vectors[largest * n + column]) ? k : largest;
  }
  const kvox_complex z = vectors[largest * n + column], turn = conj(z) / cabs(z);
  for (int64_t k = 0; k < n; k++) {
    vectors[k * n + column] *= turn;
  }
  vectors[largest * n + column] = cabs(z);
}

kvox_status kvox_eigen(int64_t n, kvox_complex *a, double *values, kvox_complex *vectors) {
  double whole = 0;
  for (int64_t i = 0; i < n * n; i++) {
    vectors[i] = i / n == i % n ? 1 : 0;
    whole += squared(a[i]);
  }
  if (!isfinite(whole)) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "a matrix whose eigenvalues are wanted holds a number that is not finite, or too "
                     "large to be squared");
  }
  /* Squares of what stands beside the diagonal, less than the rounding of what stands on it. */
  const double little = 1e-32 * whole;
  for (int sweep = 0; sweep < MOST_SWEEPS && beside_diagonal(n, a) > little; sweep++) {
    for (int64_t p = 0; p < n; p++) {
      for (int64_t q = p + 1; q < n; q++) {
        annihilate(n, a, vectors, p, q);
      }
    }
  }
  for (int64_t i = 0; i < n; i++) {
    values[i] = creal(a[i * n + i]);
  }
  sort(n, values, vectors);
  for (int64_t i = 0; i < n; i++) {
    turn_phase(n, vectors, i);
  }
  return KVOX_OK;
}

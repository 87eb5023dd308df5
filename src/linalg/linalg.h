/*
 * Small dense algebra of complex matrices, in double: what coils need. Matrices are row-major, n x n, with n at most
 * KVOX_LINALG_MOST; the same bits whatever runs beside them.
 */
#ifndef KVOX_LINALG_LINALG_H
#define KVOX_LINALG_LINALG_H

#include <complex.h>
#include <stdint.h>

#include "kvox/base.h"

enum { KVOX_LINALG_MOST = 1024 };

typedef double _Complex kvox_complex;

/* a = L L^H, zeros above the diagonal of L; of `a` the lower triangle is read. In place allowed. KVOX_ERROR_DATA where
 * `a` is not positive definite to rounding. */
kvox_status kvox_cholesky(int64_t n, const kvox_complex *a, kvox_complex *lower);

/* The inverse of a lower triangle whose diagonal is positive. In place allowed. */
void kvox_invert_lower(int64_t n, const kvox_complex *lower, kvox_complex *inverse);

/*
 * a = V diag(values) V^H of a Hermitian matrix, which is destroyed: values descending, columns of V orthonormal, each
 * turned so that its largest component (the first of equal ones) is real and positive. KVOX_ERROR_DATA where `a` is not
 * finite.
 */
kvox_status kvox_eigen(int64_t n, kvox_complex *a, double *values, kvox_complex *vectors);

#endif

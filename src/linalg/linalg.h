/* Small dense algebra of complex matrices, in double: what coils need. Row-major, n at most KVOX_LINALG_MOST. */
#ifndef KVOX_LINALG_LINALG_H
#define KVOX_LINALG_LINALG_H

#include <complex.h>
#include <stdbool.h>

#include "core/heap.h"

enum { KVOX_LINALG_MOST = 1024 };

typedef double _Complex kvox_complex;

/* a = L L^H, the lower triangle, zeros above. KVOX_ERROR_DATA where `a` is not positive definite. In place allowed. */
kvox_status kvox_cholesky(int64_t n, const kvox_complex *a, kvox_complex *lower);

/* The inverse of a lower triangle with a positive diagonal. */
kvox_status kvox_invert_lower(int64_t n, const kvox_complex *lower, kvox_complex *inverse);

/* a = V diag(values) V^H of a Hermitian matrix: values descending, columns of V orthonormal, each with its largest
 * component real and positive, so that results do not depend on how they were found. Needs n^2 of scratch. */
kvox_status kvox_eigen(int64_t n, const kvox_complex *a, double *values, kvox_complex *vectors, kvox_complex *scratch);

/* The same for the largest value alone, of many small matrices: power iterations from `vector`, to 1e-6. */
double kvox_eigen_largest(int64_t n, const kvox_complex *a, kvox_complex *vector);

#endif

#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "linalg/linalg.h"

static double squared(kvox_complex z) { return creal(z) * creal(z) + cimag(z) * cimag(z); }

/* What rounding may leave of a diagonal that is zero, as a share of it. */
static const double least_share = 1e-13;

kvox_status kvox_cholesky(int64_t n, const kvox_complex *a, kvox_complex *lower) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < i; j++) {
      kvox_complex sum = a[i * n + j];
      for (int64_t k = 0; k < j; k++) {
        sum -= lower[i * n + k] * conj(lower[j * n + k]);
      }
      lower[i * n + j] = sum / creal(lower[j * n + j]);
    }
    const double whole = creal(a[i * n + i]);
    double left = whole;
    for (int64_t k = 0; k < i; k++) {
      left -= squared(lower[i * n + k]);
    }
    if (!(left > least_share * whole) || !isfinite(left)) {
      return kvox_fail(KVOX_ERROR_DATA,
                       "the matrix is not positive definite: row %" PRId64 " depends on those before it", i);
    }
    lower[i * n + i] = sqrt(left);
    for (int64_t j = i + 1; j < n; j++) {
      lower[i * n + j] = 0;
    }
  }
  return KVOX_OK;
}

/* Row by row: row i of the inverse is (e_i - sum over k < i of L[i][k] row k) / L[i][i]. */
void kvox_invert_lower(int64_t n, const kvox_complex *lower, kvox_complex *inverse) {
  for (int64_t i = 0; i < n; i++) {
    const double diagonal = creal(lower[i * n + i]);
    for (int64_t j = 0; j < i; j++) {
      kvox_complex sum = 0;
      for (int64_t k = j; k < i; k++) {
        sum += lower[i * n + k] * inverse[k * n + j];
      }
      inverse[i * n + j] = -sum / diagonal;
    }
    inverse[i * n + i] = 1 / diagonal;
    for (int64_t j = i + 1; j < n; j++) {
      inverse[i * n + j] = 0;
    }
  }
}

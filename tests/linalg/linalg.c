/* Cholesky, triangles, eigenvectors: against what they are defined by, and matrices whose answers are known. */
#include "linalg/linalg.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#include "fixture.h"

enum { MOST = 33 };

static kvox_complex a[MOST * MOST], b[MOST * MOST], v[MOST * MOST], keep[MOST * MOST];
static double values[MOST];

static kvox_complex random_complex(uint64_t *seed) {
  const double re = random_signed(seed);
  return re + random_signed(seed) * I;
}

/* X X^H of `columns` random columns. */
static void make_gram(int64_t n, int64_t columns, uint64_t *seed, kvox_complex *m) {
  kvox_complex x[MOST][MOST];
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < columns; k++) {
      x[i][k] = random_complex(seed);
    }
  }
  for (int64_t i = 0; i < n * n; i++) {
    m[i] = 0;
    for (int64_t k = 0; k < columns; k++) {
      m[i] += x[i / n][k] * conj(x[i % n][k]);
    }
  }
}

static void assert_near(kvox_complex x, kvox_complex y, double tolerance) { assert_true(cabs(x - y) <= tolerance); }

static void test_cholesky(void **state) {
  (void)state;
  uint64_t seed = 5;
  for (int64_t n = 1; n <= MOST; n += n < 6 ? 1 : 9) {
    make_gram(n, n + (n < MOST ? 1 : 0), &seed, a);
    memcpy(keep, a, sizeof a);
    assert_ok(kvox_cholesky(n, a, a)); /* in place */
    kvox_invert_lower(n, a, b);
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < n; j++) {
        kvox_complex product = 0, unit = 0;
        for (int64_t k = 0; k < n; k++) {
          product += a[i * n + k] * conj(a[j * n + k]);
          unit += a[i * n + k] * b[k * n + j];
        }
        assert_near(product, keep[i * n + j], 1e-12 * (double)n);
        assert_near(unit, i == j, 1e-7);
        assert_true(j <= i || (a[i * n + j] == 0 && b[i * n + j] == 0));
      }
    }
    kvox_invert_lower(n, a, a);
    assert_memory_equal(a, b, sizeof(kvox_complex) * (size_t)(n * n));
  }
}

/* A coil that is the sum of two others. */
static void test_singular(void **state) {
  (void)state;
  uint64_t seed = 7;
  make_gram(6, 5, &seed, a);
  assert_int_equal(kvox_cholesky(6, a, b), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 5 depends"));
  a[0] = NAN;
  assert_int_equal(kvox_cholesky(6, a, b), KVOX_ERROR_DATA);
  assert_int_equal(kvox_eigen(6, a, values, v), KVOX_ERROR_DATA);
}

static void check_eigen(int64_t n, double scale) {
  memcpy(keep, a, sizeof a);
  assert_ok(kvox_eigen(n, a, values, v));
  for (int64_t k = 0; k < n; k++) {
    assert_true(k == 0 || values[k] <= values[k - 1]);
    int64_t largest = 0;
    for (int64_t i = 0; i < n; i++) {
      kvox_complex image = 0, inner = 0;
      for (int64_t j = 0; j < n; j++) {
        image += keep[i * n + j] * v[j * n + k];
        inner += conj(v[j * n + i]) * v[j * n + k];
      }
      assert_near(image, values[k] * v[i * n + k], 1e-13 * scale * (double)n);
      assert_near(inner, i == k, 1e-13 * (double)n);
      largest = cabs(v[i * n + k]) > cabs(v[largest * n + k]) * (1 + 1e-6) ? i : largest;
    }
    assert_true(cimag(v[largest * n + k]) == 0 && creal(v[largest * n + k]) > 0);
  }
}

static void test_eigen(void **state) {
  (void)state;
  uint64_t seed = 9;
  for (int64_t n = 1; n <= MOST; n += n < 6 ? 1 : 9) {
    make_gram(n, n, &seed, a); /* positive */
    check_eigen(n, 4 * (double)n);
    make_gram(n, (n + 1) / 2, &seed, a); /* half of the values are zero */
    check_eigen(n, 4 * (double)n);
  }
  /* Indefinite, with equal values: diag(2, -1, 2) turned by (1, i, 0) / sqrt 2. */
  static const double half = 0.5;
  const kvox_complex m[9] = {half, -1.5 * I, 0, 1.5 * I, half, 0, 0, 0, 2};
  memcpy(a, m, sizeof m);
  check_eigen(3, 2);
  assert_close(values[0], 2, 1e-14);
  assert_close(values[1], 2, 1e-14);
  assert_close(values[2], -1, 1e-14);
  memset(a, 0, sizeof a);
  check_eigen(MOST, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cholesky),
      cmocka_unit_test(test_singular),
      cmocka_unit_test(test_eigen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

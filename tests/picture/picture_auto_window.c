/* Quantiles against sorting. */
#include "support.h"

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The samples, as double, sorted, without those that are not finite. */
static int64_t sort_finite(double *x, int64_t count) {
  int64_t finite = 0;
  for (int64_t i = 0; i < count; i++) {
    if (isfinite(x[i])) {
      x[finite++] = x[i];
    }
  }
  qsort(x, (size_t)finite, sizeof *x, by_value);
  return finite;
}

static const double quantiles[][2] = {{0, 1}, {0.005, 0.995}, {0.25, 0.75}, {0.5, 0.500001}, {0, 0.01}, {0.999, 1}};

static void check(kvox_context *context, const kvox_array *image, const double *sorted, int64_t count) {
  for (size_t q = 0; q < sizeof quantiles / sizeof *quantiles; q++) {
    double center = 0, width = 0;
    assert_ok(kvox_picture_auto_window(context, image, quantiles[q][0], quantiles[q][1], &center, &width));
    const double low = sorted[(int64_t)floor(quantiles[q][0] * (double)(count - 1) + 0.5)];
    const double high = sorted[(int64_t)floor(quantiles[q][1] * (double)(count - 1) + 0.5)];
    assert_true(center == 0.5 * low + 0.5 * high);
    assert_true(width == (high > low ? high - low : 1));
  }
}

enum { COUNT = 70001 };
static double sorted[COUNT];

static void test_doubles(void **state) {
  static double x[COUNT];
  uint64_t seed = 1;
  for (int i = 0; i < COUNT; i++) {
    /* Both signs, many magnitudes, many equal ones, zeros of both signs, some not finite. */
    x[i] = i % 7 == 0 ? (double)(i % 5) : random_signed(&seed) * pow(10, 40 * random_signed(&seed));
    x[i] = i % 11 == 0 ? -0.0 : i % 101 == 0 ? (double)NAN : i % 103 == 0 ? (double)INFINITY : x[i];
    x[i] = i % 107 == 0 ? -(double)INFINITY : x[i];
  }
  memcpy(sorted, x, sizeof x);
  const int64_t finite = sort_finite(sorted, COUNT);
  assert_true(finite < COUNT);
  const kvox_array image = row_of(x, KVOX_F64, COUNT);
  check(*state, &image, sorted, finite);
}

static void test_floats(void **state) {
  static float x[COUNT];
  uint64_t seed = 2;
  for (int i = 0; i < COUNT; i++) {
    x[i] = (float)(random_signed(&seed) * pow(10, 30 * random_signed(&seed)));
    x[i] = i % 5 == 0 ? -1.5F : i % 101 == 0 ? NAN : x[i];
    sorted[i] = (double)x[i];
  }
  const int64_t finite = sort_finite(sorted, COUNT);
  const kvox_array image = row_of(x, KVOX_F32, COUNT);
  check(*state, &image, sorted, finite);
}

/* Whole numbers; i32 needs more digits than a float has. A reversed view has the same quantiles. */
static void test_whole_numbers(void **state) {
  static int32_t wide[COUNT];
  static int16_t narrow[COUNT];
  uint64_t seed = 3;
  for (int i = 0; i < COUNT; i++) {
    wide[i] = 2000000000 + (int32_t)(random_bits(&seed) % 100);
    sorted[i] = wide[i];
  }
  sort_finite(sorted, COUNT);
  kvox_array image = row_of(wide, KVOX_I32, COUNT);
  check(*state, &image, sorted, COUNT);
  image.data = wide + COUNT - 1;
  image.strides[0] = -(int64_t)sizeof *wide;
  check(*state, &image, sorted, COUNT);
  for (int i = 0; i < COUNT; i++) {
    narrow[i] = (int16_t)(random_bits(&seed) % 4096 - 1024);
    sorted[i] = narrow[i];
  }
  sort_finite(sorted, COUNT);
  image = row_of(narrow, KVOX_I16, COUNT);
  check(*state, &image, sorted, COUNT);
}

static void test_threads_and_shapes(void **state) {
  (void)state;
  static float x[60][70][10];
  uint64_t seed = 4;
  for (int i = 0; i < 42000; i++) {
    (&x[0][0][0])[i] = (float)random_signed(&seed);
    sorted[i] = (double)(&x[0][0][0])[i];
  }
  sort_finite(sorted, 42000);
  const int32_t threads[] = {1, 2, 7};
  for (int t = 0; t < 3; t++) {
    kvox_context *context = context_of_threads(threads[t]);
    const kvox_array image = {.data = x,
                              .type = KVOX_F32,
                              .rank = 3,
                              .shape = {10, 70, 60},
                              .strides = {sizeof x[0][0][0], sizeof x[0][0], sizeof x[0]}};
    check(context, &image, sorted, 42000);
    kvox_context_destroy(context);
  }
}

static void test_edges(void **state) {
  double center = 0, width = 0, x[3] = {(double)NAN, 5, 5};
  const kvox_array image = row_of(x, KVOX_F64, 3), nothing = row_of(x, KVOX_F64, 1);
  /* All alike: a width that a window can have. */
  assert_ok(kvox_picture_auto_window(*state, &image, 0, 1, &center, &width));
  assert_true(center == 5 && width == 1);
  /* The whole range of doubles does not overflow. */
  x[1] = -1.7e308;
  x[2] = 1.7e308;
  assert_ok(kvox_picture_auto_window(*state, &image, 0, 1, &center, &width));
  assert_true(center == 0 && isfinite(width));
  assert_fails(KVOX_ERROR_DATA, "no finite sample", kvox_picture_auto_window(*state, &nothing, 0, 1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "0.9 and 0.1", kvox_picture_auto_window(*state, &image, 0.9, 0.1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "quantiles", kvox_picture_auto_window(*state, &image, -0.1, 1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "quantiles", kvox_picture_auto_window(*state, &image, 0, 1.1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "quantiles",
               kvox_picture_auto_window(*state, &image, (double)NAN, 1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_picture_auto_window(*state, NULL, 0, 1, &center, &width));
  assert_fails(KVOX_ERROR_ARGUMENT, "width", kvox_picture_auto_window(*state, &image, 0, 1, &center, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_doubles),       cmocka_unit_test(test_floats),
      cmocka_unit_test(test_whole_numbers), cmocka_unit_test(test_threads_and_shapes),
      cmocka_unit_test(test_edges),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

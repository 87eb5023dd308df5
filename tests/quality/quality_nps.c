/* The noise power spectrum of noise whose spectrum is known. */
#include "support.h"

enum { SIZE = 512, SIDE = 32, COUNT = SIDE / 2 + 1 };

static double image[SIZE + 2][SIZE + 2], filtered[SIZE][SIZE];

static void draw_noise(double deviation) {
  uint64_t seed = 1;
  for (int j = 0; j < SIZE + 2; j++) {
    for (int i = 0; i < SIZE + 2; i++) {
      image[j][i] = deviation * random_normal(&seed);
    }
  }
}

static kvox_array noise_of(int64_t rows, int64_t columns) {
  kvox_array a = image_of(image, KVOX_F64, rows, columns);
  a.strides[0] = sizeof image[0];
  return a;
}

/* What a spectrum of two frequencies (cycles a pixel) is in the bins, and how many frequencies each has. */
static void bin(double (*spectrum)(double, double), int side, int count, double *nps, double *frequencies) {
  memset(nps, 0, (size_t)count * sizeof *nps);
  memset(frequencies, 0, (size_t)count * sizeof *frequencies);
  for (int v = -side / 2 + (side % 2 == 0); v <= side / 2; v++) {
    for (int u = -side / 2 + (side % 2 == 0); u <= side / 2; u++) {
      const double fu = (double)u / side, fv = (double)v / side;
      const int n = (int)floor(hypot(fu, fv) * 2 * (count - 1) + 0.5);
      if (n < count && (u != 0 || v != 0)) {
        nps[n] += spectrum(fu, fv);
        frequencies[n] += 1;
      }
    }
  }
  for (int n = 0; n < count; n++) {
    nps[n] = frequencies[n] > 0 ? nps[n] / frequencies[n] : 0;
  }
}

static double white(double u, double v) {
  (void)u;
  (void)v;
  return 2.5 * 2.5;
}

/* 1 2 1 along one axis has the autocorrelation 6 4 1 over 16; a region of SIDE sees lag a in SIDE - a places. */
static double smoothed_axis(double u) {
  return (6 + 8 * (1 - 1.0 / SIDE) * cos(2 * pi * u) + 2 * (1 - 2.0 / SIDE) * cos(4 * pi * u)) / 16;
}

static double smoothed(double u, double v) { return white(u, v) * smoothed_axis(u) * smoothed_axis(v); }

/* Each frequency's power is exponentially distributed, mirror images are the same: a bin's mean strays by its value
 * over sqrt(regions * frequencies / 2). Five such deviations; the two lowest frequencies lose to the plane. */
static void check(const double *nps, const double *truth, const double *frequencies, int count, double regions) {
  for (int n = 2; n < count; n++) {
    assert_close(nps[n], truth[n], 5 * truth[n] / sqrt(0.5 * regions * frequencies[n]));
  }
}

static void test_white(void **state) {
  double nps[COUNT], truth[COUNT], frequencies[COUNT];
  draw_noise(2.5);
  const kvox_array a = noise_of(SIZE, SIZE);
  assert_ok(kvox_quality_nps(*state, &a, SIDE, nps, COUNT));
  bin(white, SIDE, COUNT, truth, frequencies);
  check(nps, truth, frequencies, COUNT, 256);
  /* The lowest: the plane takes power, never adds any. */
  assert_true(nps[0] == 0 && nps[1] > 0.3 * truth[1] && nps[1] < 1.1 * truth[1]);
  /* An odd side, fewer bins, an image that the regions do not fill. */
  double few[8];
  const kvox_array part = noise_of(300, 401);
  assert_ok(kvox_quality_nps(*state, &part, 27, few, 8));
  bin(white, 27, 8, truth, frequencies);
  check(few, truth, frequencies, 8, 11 * 14);
}

static void test_smoothed(void **state) {
  double nps[COUNT], truth[COUNT], frequencies[COUNT];
  draw_noise(2.5);
  static const double weights[3] = {0.25, 0.5, 0.25};
  for (int j = 0; j < SIZE; j++) {
    for (int i = 0; i < SIZE; i++) {
      filtered[j][i] = 0;
      for (int k = 0; k < 9; k++) {
        filtered[j][i] += weights[k / 3] * weights[k % 3] * image[j + k / 3][i + k % 3];
      }
    }
  }
  const kvox_array a = image_of(filtered, KVOX_F64, SIZE, SIZE);
  assert_ok(kvox_quality_nps(*state, &a, SIDE, nps, COUNT));
  bin(smoothed, SIDE, COUNT, truth, frequencies);
  check(nps, truth, frequencies, COUNT, 256);
}

/* A wave of amplitude 1 that fits the regions: all its power, side^2 / 4 at two frequencies, in one bin; a plane on top
 * changes nothing. */
static void test_wave(void **state) {
  double nps[COUNT], truth[COUNT], frequencies[COUNT];
  for (int tilt = 0; tilt < 2; tilt++) {
    for (int j = 0; j < SIZE; j++) {
      for (int i = 0; i < SIZE; i++) {
        filtered[j][i] = cos(2 * pi * (3 * i + 4 * j) / SIDE) + tilt * (100 - 0.25 * i + 0.5 * j);
      }
    }
    const kvox_array a = image_of(filtered, KVOX_F64, SIZE, SIZE);
    assert_ok(kvox_quality_nps(*state, &a, SIDE, nps, COUNT));
    bin(white, SIDE, COUNT, truth, frequencies);
    for (int n = 0; n < COUNT; n++) {
      assert_close(nps[n], n == 5 ? 2 * (SIDE * SIDE / 4) / frequencies[5] : 0, 1e-9);
    }
  }
}

static void test_threads(void **state) {
  (void)state;
  draw_noise(1);
  const kvox_array a = noise_of(200, 200);
  const int32_t threads[] = {1, 2, 7};
  double first[COUNT], nps[COUNT];
  for (int i = 0; i < 3; i++) {
    kvox_context *context = context_of_threads(threads[i]);
    assert_ok(kvox_quality_nps(context, &a, SIDE, i == 0 ? first : nps, COUNT));
    if (i > 0) {
      assert_memory_equal(first, nps, sizeof nps);
    }
    kvox_context_destroy(context);
  }
}

static void test_bad_arguments(void **state) {
  double nps[COUNT];
  draw_noise(1);
  const kvox_array a = noise_of(64, 31);
  assert_int_equal(kvox_quality_nps(*state, &a, 32, nps, COUNT), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "side_px is 32"));
  assert_int_equal(kvox_quality_nps(*state, &a, 3, nps, 2), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_nps(*state, &a, 16, nps, 1), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_nps(*state, &a, 16, nps, 10), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_nps(*state, &a, 16, NULL, 9), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_nps(*state, NULL, 16, nps, 9), KVOX_ERROR_ARGUMENT);
  image[40][3] = (double)INFINITY;
  assert_int_equal(kvox_quality_nps(*state, &a, 16, nps, 9), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 40, column 3"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_white),   cmocka_unit_test(test_smoothed),      cmocka_unit_test(test_wave),
      cmocka_unit_test(test_threads), cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

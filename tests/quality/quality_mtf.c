/* MTF of an edge and of a wire against the Gaussian that blurred them. */
#include "support.h"

enum { SIZE = 140, COUNT = 41 };

static double image[SIZE][SIZE];

static double gaussian_mtf(double sigma, double frequency) {
  return exp(-2 * pi * pi * sigma * sigma * frequency * frequency);
}

/* A disc of radius R blurred by a Gaussian, at distance r: the Gaussian along the radius, an error function across. */
static double blurred_disc(double r, double radius, double sigma) {
  const double low = r - 7 * sigma, high = fmin(radius, r + 7 * sigma);
  enum { STEPS = 1000 };
  if (r < radius - 9 * sigma || r > radius + 8 * sigma) {
    return r < radius ? 1 : 0;
  }
  double sum = 0;
  for (int s = 0; s < STEPS; s++) {
    /* x = high - (high - low) t^2 takes the root at x = R out of the integrand. */
    const double t = (s + 0.5) / STEPS, x = high - (high - low) * t * t;
    const double along = exp(-0.5 * (x - r) * (x - r) / (sigma * sigma)) / (sigma * sqrt(2 * pi));
    sum += along * erf(sqrt(fmax(radius * radius - x * x, 0) / 2) / sigma) * 2 * (high - low) * t / STEPS;
  }
  return sum;
}

static void draw_disc(const double center[2], double radius, double sigma, double low, double step) {
  for (int j = 0; j < SIZE; j++) {
    for (int i = 0; i < SIZE; i++) {
      image[j][i] = low + step * blurred_disc(hypot(i - center[0], j - center[1]), radius, sigma);
    }
  }
}

/* Tolerance: pixels do not fill the tenths of a pixel evenly; the circle has a curvature of sigma / R. */
static void test_edge(void **state) {
  const double center[2] = {68.37, 71.81};
  const double sigmas[] = {0.5, 0.8, 1.6};
  double mtf[COUNT];
  for (int s = 0; s < 3; s++) {
    draw_disc(center, 47.3, sigmas[s], -3, s == 1 ? -2 : 5);
    const kvox_array a = image_of(image, KVOX_F64, SIZE, SIZE);
    assert_ok(kvox_quality_mtf_edge(*state, &a, center, 47.3, 10, mtf, COUNT));
    assert_close(mtf[0], 1, 1e-12);
    for (int n = 0; n < COUNT; n++) {
      assert_close(mtf[n], gaussian_mtf(sigmas[s], n / (COUNT - 1.0)), 0.01);
    }
    for (int k = 0; k < 2; k++) {
      const double level = k == 0 ? 0.5 : 0.1;
      const double truth = sqrt(-log(level) / 2) / (pi * sigmas[s]);
      double frequency = 0;
      assert_ok(kvox_quality_mtf_frequency(mtf, COUNT, level, &frequency));
      assert_close(frequency, truth, 0.01 * truth + 0.002);
    }
  }
}

/* Noise on both sides stays out of the low frequencies: 2 % of the step. */
static void test_noisy_edge(void **state) {
  const double center[2] = {70.2, 69.9};
  double mtf[COUNT], frequency = 0;
  uint64_t seed = 1;
  draw_disc(center, 55, 1, 0, 1);
  for (int j = 0; j < SIZE; j++) {
    for (int i = 0; i < SIZE; i++) {
      image[j][i] += 0.02 * random_normal(&seed);
    }
  }
  const kvox_array a = image_of(image, KVOX_F64, SIZE, SIZE);
  assert_ok(kvox_quality_mtf_edge(*state, &a, center, 55, 6, mtf, COUNT));
  assert_ok(kvox_quality_mtf_frequency(mtf, COUNT, 0.5, &frequency));
  /* 3500 pixels of the band: an error of the order 0.02 / sqrt(3500) * 60 differences of the step. */
  assert_close(frequency, sqrt(log(2) / 2) / pi, 0.03 * sqrt(log(2) / 2) / pi);
}

static void test_wire(void **state) {
  const double centers[3][2] = {{60, 70}, {61.3, 68.8}, {59.5, 70.5}};
  const double sigmas[] = {0.8, 1.1, 2};
  double mtf[COUNT];
  for (int c = 0; c < 9; c++) {
    const double *center = centers[c % 3], sigma = sigmas[c / 3];
    for (int j = 0; j < SIZE; j++) {
      for (int i = 0; i < SIZE; i++) {
        const double r = hypot(i - center[0], j - center[1]);
        image[j][i] = 7 + 30 * exp(-0.5 * r * r / (sigma * sigma));
      }
    }
    const kvox_array a = image_of(image, KVOX_F64, SIZE, SIZE);
    /* Given a pixel or more beside the truth. */
    assert_ok(kvox_quality_mtf_wire(*state, &a, (double[]){60, 69}, 14, mtf, COUNT));
    for (int n = 0; n < COUNT; n++) {
      const double f = n / (COUNT - 1.0);
      /* Sampling adds the spectrum around (1, 0) and its like: what of it reaches the circle of radius f, at most
       * exp(-2 pi^2 sigma^2 (1 - f)^2), in a few directions. */
      const double alias = 4 * gaussian_mtf(sigma, 1 - f) * 0.25;
      assert_close(mtf[n], f <= 0.5 ? gaussian_mtf(sigma, f) : 0, 1e-6 + (f <= 0.5 ? alias : 0));
    }
  }
}

static void test_frequency(void **state) {
  (void)state;
  const double mtf[5] = {1, 0.8, 0.4, 0.6, 0};
  double frequency = 0;
  assert_ok(kvox_quality_mtf_frequency(mtf, 5, 0.5, &frequency));
  assert_close(frequency, (1 + 0.75) / 4, 1e-15);
  assert_ok(kvox_quality_mtf_frequency(mtf, 5, 0.1, &frequency));
  assert_close(frequency, (3 + 5.0 / 6) / 4, 1e-15);
  assert_int_equal(kvox_quality_mtf_frequency(mtf, 3, 0.1, &frequency), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "never falls to 0.1"));
  assert_int_equal(kvox_quality_mtf_frequency(mtf, 1, 0.1, &frequency), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_frequency(mtf, 5, 0, &frequency), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_frequency(mtf, 5, 1, &frequency), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_frequency(NULL, 5, 0.5, &frequency), KVOX_ERROR_ARGUMENT);
  const double bad[2] = {1, (double)NAN};
  assert_int_equal(kvox_quality_mtf_frequency(bad, 2, 0.5, &frequency), KVOX_ERROR_DATA);
}

static void test_bad_arguments(void **state) {
  double mtf[COUNT];
  const double center[2] = {70, 70};
  draw_disc(center, 40, 1, 0, 1);
  const kvox_array a = image_of(image, KVOX_F64, SIZE, SIZE);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 40, 1, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 40, 41, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, (double)NAN, 5, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 1e9, 5e8, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 40, 5, mtf, 1), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, NULL, 40, 5, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, (double[]){-300, 0}, 40, 5, mtf, COUNT), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "too few pixels"));
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 3, 3, mtf, COUNT), KVOX_ERROR_DATA); /* too small */
  assert_int_equal(kvox_quality_mtf_wire(*state, &a, center, 2, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_mtf_wire(*state, &a, (double[]){-1, 5}, 9, mtf, COUNT), KVOX_ERROR_ARGUMENT);
  image[70][31] = (double)NAN;
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 40, 5, mtf, COUNT), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 70, column 31"));
  assert_int_equal(kvox_quality_mtf_wire(*state, &a, (double[]){31, 69}, 9, mtf, COUNT), KVOX_ERROR_DATA);
  /* Nothing to be seen. */
  for (int j = 0; j < SIZE; j++) {
    for (int i = 0; i < SIZE; i++) {
      image[j][i] = 5;
    }
  }
  assert_int_equal(kvox_quality_mtf_edge(*state, &a, center, 40, 5, mtf, COUNT), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "no step"));
  assert_int_equal(kvox_quality_mtf_wire(*state, &a, center, 9, mtf, COUNT), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "no wire"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_edge),      cmocka_unit_test(test_noisy_edge),    cmocka_unit_test(test_wire),
      cmocka_unit_test(test_frequency), cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

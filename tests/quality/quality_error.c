/* RMSE, PSNR, statistics, uniformity, region error: closed forms. */
#include "support.h"

static void test_rmse(void **state) {
  (void)state;
  /* A known difference of 3 everywhere but one element of 3 + 12 in a 4 x 5 image: mean of squares (19 * 9 + 225) / 20.
   */
  float image[4][5];
  double truth[4][5];
  for (int j = 0; j < 4; j++) {
    for (int i = 0; i < 5; i++) {
      truth[j][i] = 100 * j - 7 * i;
      image[j][i] = (float)(truth[j][i] + 3);
    }
  }
  image[2][1] += 12;
  const kvox_array a = image_of(image, KVOX_F32, 4, 5), b = image_of(truth, KVOX_F64, 4, 5);
  double rmse = 0, psnr = 0;
  assert_ok(kvox_quality_rmse(&a, &b, NULL, &rmse));
  assert_close(rmse, sqrt((19 * 9 + 225) / 20.0), 1e-14);
  assert_ok(kvox_quality_psnr(&a, &b, NULL, 255, &psnr));
  assert_close(psnr, 20 * log10(255 / rmse), 1e-12);
  assert_ok(kvox_quality_psnr(&b, &b, NULL, 255, &psnr));
  assert_true(isinf(psnr) && psnr > 0);

  /* A mask that picks three elements; what it leaves out may be anything. */
  uint8_t mask[4][5] = {{0}};
  mask[0][0] = mask[3][4] = 1;
  mask[2][1] = 200;
  image[1][1] = NAN;
  truth[1][2] = (double)INFINITY;
  const kvox_array m = image_of(mask, KVOX_U8, 4, 5);
  assert_ok(kvox_quality_rmse(&a, &b, &m, &rmse));
  assert_close(rmse, sqrt((9 + 9 + 225) / 3.0), 1e-14);
  assert_int_equal(kvox_quality_rmse(&a, &b, NULL, &rmse), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "image: the sample in row 1, column 1 is not finite"));
  mask[1][2] = 1;
  assert_int_equal(kvox_quality_rmse(&a, &b, &m, &rmse), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "truth: the sample in row 1, column 2"));
  memset(mask, 0, sizeof mask);
  assert_int_equal(kvox_quality_rmse(&a, &b, &m, &rmse), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "picks no element"));
}

/* Any rank, type, stride: the same numbers in a volume of u16 seen backwards. */
static void test_strides(void **state) {
  (void)state;
  enum { NZ = 3, NY = 4, NX = 300 }; /* a row is longer than a chunk */
  static uint16_t memory[NZ][NY][2 * NX];
  double sum = 0, squares = 0;
  for (int k = 0; k < NZ; k++) {
    for (int j = 0; j < NY; j++) {
      for (int i = 0; i < NX; i++) {
        const int value = 60000 - 7 * i * j + k;
        memory[k][j][2 * i] = (uint16_t)value;
        memory[k][j][2 * i + 1] = 9;
        sum += value;
        squares += (double)value * value;
      }
    }
  }
  const kvox_array a = {.data = &memory[NZ - 1][0][2 * NX - 2],
                        .type = KVOX_U16,
                        .rank = 3,
                        .shape = {NZ, NY, NX},
                        .strides = {-(int64_t)sizeof memory[0], sizeof memory[0][0], -4}};
  double mean = 0, deviation = 0;
  assert_ok(kvox_quality_statistics(&a, NULL, &mean, &deviation));
  const double n = NZ * NY * NX;
  assert_close(mean, sum / n, 1e-9);
  assert_close(deviation, sqrt(squares / n - sum / n * sum / n), 1e-7);
}

/* A small deviation on a large mean keeps its digits: +-1e-3 around 1e6. */
static void test_deviation(void **state) {
  (void)state;
  static double image[10000];
  for (int i = 0; i < 10000; i++) {
    image[i] = 1e6 + (i % 2 == 0 ? 1e-3 : -1e-3);
  }
  const kvox_array a = image_of(image, KVOX_F64, 100, 100);
  double mean = 0, deviation = 0;
  assert_ok(kvox_quality_statistics(&a, NULL, &mean, &deviation));
  assert_close(mean, 1e6, 1e-9);
  assert_close(deviation, 1e-3, 1e-9);
}

static void test_uniformity(void **state) {
  (void)state;
  /* A ramp: regions are symmetric about their whole-number centres, so their means are the ramp there. */
  static float image[90][101];
  for (int j = 0; j < 90; j++) {
    for (int i = 0; i < 101; i++) {
      image[j][i] = (float)(3 + 2 * i - 0.5 * j);
    }
  }
  const kvox_array a = image_of(image, KVOX_F32, 90, 101);
  const double center[2] = {50, 44};
  double means[5], greatest = 0, error = 0;
  assert_ok(kvox_quality_uniformity(&a, center, 30, 7.5, means, &greatest));
  const double middle = 3 + 100 - 22;
  const double truth[5] = {middle, middle + 60, middle - 15, middle - 60, middle + 15};
  for (int r = 0; r < 5; r++) {
    assert_close(means[r], truth[r], 1e-11);
  }
  assert_close(greatest, 60, 1e-11);
  assert_ok(kvox_quality_region_error(&a, center, 12, 80, &error));
  assert_close(error, middle - 80, 1e-11);

  /* Which pixels: middles within 1.5 of (10.5, 20.25). */
  static const int inside[][2] = {{10, 19}, {11, 19}, {9, 20}, {10, 20}, {11, 20}, {12, 20}, {10, 21}, {11, 21}};
  /* (9, 20): 1.5^2 + 0.25^2 > 1.5^2: out after all; so is (12, 20). */
  double sum = 0, count = 0;
  for (int p = 0; p < 8; p++) {
    if (inside[p][0] == 10 || inside[p][0] == 11) {
      sum += (double)image[inside[p][1]][inside[p][0]];
      count += 1;
    }
  }
  assert_ok(kvox_quality_region_error(&a, (double[]){10.5, 20.25}, 1.5, 0, &error));
  assert_close(error, sum / count, 1e-12);
  /* To the very border. */
  assert_ok(kvox_quality_region_error(&a, (double[]){4, 85}, 4.5, 0, &error));
}

static void test_bad_regions(void **state) {
  (void)state;
  static float image[20][30];
  kvox_array a = image_of(image, KVOX_F32, 20, 30);
  const double center[2] = {15, 10};
  double means[5], greatest = 0, error = 0;
  assert_int_equal(kvox_quality_uniformity(&a, center, 9, 2, means, &greatest), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "at (15, 19) of radius 2 pixels reaches beyond the image of 30 x 20"));
  assert_int_equal(kvox_quality_uniformity(&a, center, 0, 2, means, &greatest), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_uniformity(&a, center, (double)NAN, 2, means, &greatest), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_region_error(&a, center, -1, 0, &error), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_region_error(&a, (double[]){3.5, 3.5}, 0.2, 0, &error), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "no pixel's middle"));
  assert_int_equal(kvox_quality_region_error(&a, (double[]){(double)NAN, 3}, 1, 0, &error), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_region_error(&a, center, 2, (double)NAN, &error), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_region_error(&a, NULL, 2, 0, &error), KVOX_ERROR_ARGUMENT);
  image[10][16] = INFINITY;
  assert_int_equal(kvox_quality_region_error(&a, center, 2, 0, &error), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 10, column 16"));
  a.rank = 3;
  assert_int_equal(kvox_quality_region_error(&a, center, 2, 0, &error), KVOX_ERROR_ARGUMENT);
}

static void test_bad_arrays(void **state) {
  (void)state;
  float image[6] = {0};
  double value = 0, other = 0;
  const kvox_array a = image_of(image, KVOX_F32, 2, 3), b = image_of(image, KVOX_F32, 3, 2),
                   c = image_of(image, KVOX_C64, 1, 3);
  assert_int_equal(kvox_quality_rmse(&a, &b, NULL, &value), KVOX_ERROR_SIZE);
  assert_int_equal(kvox_quality_rmse(&a, &a, &a, &value), KVOX_ERROR_ARGUMENT); /* a mask is u8 */
  assert_int_equal(kvox_quality_rmse(&c, &c, NULL, &value), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_rmse(NULL, &a, NULL, &value), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_rmse(&a, NULL, NULL, &value), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_rmse(&a, &a, NULL, NULL), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_psnr(&a, &a, NULL, 0, &value), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_psnr(&a, &a, NULL, (double)NAN, &value), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_statistics(&a, NULL, NULL, &other), KVOX_ERROR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rmse),       cmocka_unit_test(test_strides),     cmocka_unit_test(test_deviation),
      cmocka_unit_test(test_uniformity), cmocka_unit_test(test_bad_regions), cmocka_unit_test(test_bad_arrays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

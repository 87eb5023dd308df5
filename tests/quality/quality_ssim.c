/* SSIM against scikit-image 0.19.3 on the same images. The numbers come from
 *   def images(h, w):
 *       j, i = np.mgrid[0:h, 0:w].astype(float)
 *       x = 100 * np.sin(0.2 * i) + 0.5 * j + ((i * 7 + j * 13) % 17)
 *       return x, x + 10 * np.cos(0.31 * j + 0.1 * i) + ((i * 5 + j * 3) % 11)
 *   structural_similarity(*images(h, w), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, win_size=11,
 *                         data_range=r)
 * for (h, w, r) as below. */
#include "support.h"

static void make_images(int rows, int columns, double *x, double *y) {
  for (int j = 0; j < rows; j++) {
    for (int i = 0; i < columns; i++) {
      const double v = 100 * sin(0.2 * i) + 0.5 * j + (i * 7 + j * 13) % 17;
      x[j * columns + i] = v;
      y[j * columns + i] = v + 10 * cos(0.31 * j + 0.1 * i) + (i * 5 + j * 3) % 11;
    }
  }
}

static double x[80 * 80], y[80 * 80];

static void test_against_scikit_image(void **state) {
  static const struct {
    int rows, columns;
    double range, truth;
  } cases[] = {{40, 33, 255, 0.9142238955643216}, {11, 11, 100, 0.9571305814367744}, {64, 50, 10, 0.8940522754922086}};
  for (int c = 0; c < 3; c++) {
    make_images(cases[c].rows, cases[c].columns, x, y);
    const kvox_array a = image_of(x, KVOX_F64, cases[c].rows, cases[c].columns);
    const kvox_array b = image_of(y, KVOX_F64, cases[c].rows, cases[c].columns);
    double ssim = 0, turned = 0;
    assert_ok(kvox_quality_ssim(*state, &a, &b, cases[c].range, &ssim));
    /* Both work in double; variances cancel a few digits. */
    assert_close(ssim, cases[c].truth, 1e-11);
    /* Transposed by its strides: the window is symmetric. */
    kvox_array at = a, bt = b;
    at.shape[0] = bt.shape[0] = a.shape[1];
    at.shape[1] = bt.shape[1] = a.shape[0];
    at.strides[0] = bt.strides[0] = a.strides[1];
    at.strides[1] = bt.strides[1] = a.strides[0];
    assert_ok(kvox_quality_ssim(*state, &at, &bt, cases[c].range, &turned));
    assert_close(turned, ssim, 1e-12);
  }
}

static void test_properties(void **state) {
  make_images(50, 60, x, y);
  const kvox_array a = image_of(x, KVOX_F64, 50, 60), b = image_of(y, KVOX_F64, 50, 60);
  double one = 0, ssim = 0, swapped = 0;
  assert_ok(kvox_quality_ssim(*state, &a, &a, 100, &one));
  assert_close(one, 1, 1e-14);
  assert_ok(kvox_quality_ssim(*state, &a, &b, 100, &ssim));
  assert_ok(kvox_quality_ssim(*state, &b, &a, 100, &swapped));
  assert_close(swapped, ssim, 1e-14);
  /* Constant images: the luminance term alone. */
  for (int i = 0; i < 3000; i++) {
    x[i] = 3;
    y[i] = 4;
  }
  assert_ok(kvox_quality_ssim(*state, &a, &b, 100, &ssim));
  assert_close(ssim, (2 * 3 * 4 + 1) / (9.0 + 16 + 1), 1e-12);
}

static void test_threads(void **state) {
  (void)state;
  make_images(80, 80, x, y);
  const kvox_array a = image_of(x, KVOX_F64, 80, 80), b = image_of(y, KVOX_F64, 80, 80);
  const int32_t threads[] = {1, 2, 7};
  double first = 0;
  for (int i = 0; i < 3; i++) {
    kvox_context *context = context_of_threads(threads[i]);
    double ssim = 0;
    assert_ok(kvox_quality_ssim(context, &a, &b, 255, &ssim));
    first = i == 0 ? ssim : first;
    assert_memory_equal(&first, &ssim, sizeof ssim);
    kvox_context_destroy(context);
  }
}

static void test_bad_arguments(void **state) {
  make_images(20, 20, x, y);
  const kvox_array a = image_of(x, KVOX_F64, 20, 20), b = image_of(y, KVOX_F64, 20, 19);
  const kvox_array small = image_of(x, KVOX_F64, 10, 20);
  double ssim = 0;
  assert_int_equal(kvox_quality_ssim(*state, &a, &b, 1, &ssim), KVOX_ERROR_SIZE);
  assert_int_equal(kvox_quality_ssim(*state, &small, &small, 1, &ssim), KVOX_ERROR_SIZE);
  assert_non_null(strstr(kvox_last_error(), "20 x 10, smaller than the window of 11 x 11"));
  assert_int_equal(kvox_quality_ssim(*state, &a, &a, 0, &ssim), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_ssim(*state, &a, &a, (double)NAN, &ssim), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_ssim(NULL, &a, &a, 1, &ssim), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_quality_ssim(*state, &a, NULL, 1, &ssim), KVOX_ERROR_ARGUMENT);
  x[5 * 20 + 7] = (double)NAN;
  assert_int_equal(kvox_quality_ssim(*state, &a, &a, 1, &ssim), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 5, column 7"));
  assert_true(ssim == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_scikit_image),
      cmocka_unit_test(test_properties),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_bad_arguments),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

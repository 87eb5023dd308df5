/* The whole way: exact k-space of phantoms seen by coils, transformed, combined, against the band-limited truth. */
#include "mri/support.h"

enum { COILS = 8, MOST = 33 * 32 * 30 };

static float complex kspace[COILS * MOST], maps[COILS * MOST], single[MOST], truth[MOST], combined[MOST];

static kvox_mri_fourier *plan_of(kvox_context *context, int64_t x, int64_t y, int64_t z) {
  kvox_mri_fourier_options options;
  kvox_mri_fourier *fourier = NULL;
  kvox_mri_fourier_options_init(&options);
  options.kspace_size[0] = x;
  options.kspace_size[1] = y;
  options.kspace_size[2] = z;
  assert_ok(kvox_mri_fourier_create(context, &options, &fourier));
  return fourier;
}

/* sqrt(sum |a - b|^2 / sum |b|^2). */
static double nrmse(int64_t count, const float complex *a, const float complex *b) {
  double error = 0, all = 0;
  for (int64_t i = 0; i < count; i++) {
    error += pow(cabs((double complex)a[i] - b[i]), 2);
    all += pow(cabsf(b[i]), 2);
  }
  return sqrt(error / all);
}

/* The image of all coils, combined by their own sensitivities; and that of a coil of sensitivity 1. */
static double error_of(kvox_context *context, const char *name, int64_t x, int64_t y, int64_t z) {
  kvox_phantom *phantom = NULL;
  kvox_phantom_coils *coils = NULL;
  kvox_grid grid;
  kvox_mri_fourier *fourier = plan_of(context, x, y, z);
  assert_ok(kvox_grid_init(&grid, (int64_t[]){x, y, z},
                           (double[]){210.0 / (double)x, 220.0 / (double)y, 215.0 / (double)z}, NULL));
  assert_ok(kvox_phantom_create(context, name, 100, 1, &phantom));
  assert_ok(kvox_phantom_coils_create_loops(context, COILS, 1, 100, &coils));
  const kvox_array all = array_of(kspace, KVOX_C64, 4, (int64_t[]){COILS, z, y, x});
  const kvox_array map = array_of(maps, KVOX_C64, 4, (int64_t[]){COILS, z, y, x});
  const kvox_array one = array_of(single, KVOX_C64, 4, (int64_t[]){1, z, y, x});
  const kvox_array one_image = array_of(truth, KVOX_C64, 4, (int64_t[]){1, z, y, x});
  const kvox_array image = array_of(combined, KVOX_C64, 3, (int64_t[]){z, y, x});
  assert_ok(kvox_phantom_kspace(phantom, coils, &grid, &all));
  assert_ok(kvox_phantom_kspace(phantom, NULL, &grid, &one));
  assert_ok(kvox_phantom_coil_maps(coils, &grid, &map));
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &all, &all));
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &one, &one_image));
  assert_ok(kvox_mri_combine(context, NULL, NULL, &all, &map, &image));
  const double error = nrmse(x * y * z, combined, truth);
  printf("%s, %d x %d x %d: NRMSE %.3g %%\n", name, (int)x, (int)y, (int)z, 100 * error);
  kvox_phantom_coils_destroy(coils);
  kvox_phantom_destroy(phantom);
  kvox_mri_fourier_destroy(fourier);
  return error;
}

/*
 * Not zero: a coil's image is the limit to the band of object times sensitivity, not the product of the limited object
 * and the sensitivity. What differs are the tails of Gibbs' ringing, seen through the sensitivity of where they come
 * from: they fall with the number of samples.
 */
static void test_combined(void **state) {
  assert_true(error_of(*state, "shepp-logan", 128, 128, 1) < 0.01);
  assert_true(error_of(*state, "shepp-logan", 127, 100, 1) < 0.015);
  assert_true(error_of(*state, "discs", 128, 128, 1) < 0.01);
  assert_true(error_of(*state, "discs", 127, 100, 1) < 0.015);
  /* Fewer samples along each axis, more ringing. */
  assert_true(error_of(*state, "spheres", 33, 32, 30) < 0.035);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_combined)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

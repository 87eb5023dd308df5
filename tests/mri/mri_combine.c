/* Root sum of squares: against the closed form, any strides, any threads, and what is refused. */
#include "mri/support.h"

enum { VOLUMES = 2, COILS = 7, Z = 3, Y = 11, X = 37, VOXELS = Z * Y * X, IMAGES = VOLUMES * COILS * VOXELS };

static float complex images[IMAGES];
static float magnitude[VOLUMES * VOXELS], again[2 * VOLUMES * VOXELS];
static const int64_t shape[5] = {VOLUMES, COILS, Z, Y, X}, combined[4] = {VOLUMES, Z, Y, X};

static void make_images(void) {
  uint64_t seed = 21;
  for (int i = 0; i < IMAGES; i++) {
    const double re = random_signed(&seed);
    images[i] = (float complex)(1e-6 * (re + random_signed(&seed) * I));
  }
}

/* Each coil's square adds two roundings of at most 2^-24 of the sum; the root halves them and adds one. */
static void test_closed_form(void **state) {
  make_images();
  const kvox_array in = array_of(images, KVOX_C64, 5, shape), out = array_of(magnitude, KVOX_F32, 4, combined);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_root_sum_of_squares(*state, workspace, &in, &out));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "combine");
  for (int i = 0; i < VOLUMES * VOXELS; i++) {
    double sum = 0;
    for (int c = 0; c < COILS; c++) {
      const double complex z = images[(i / VOXELS * COILS + c) * VOXELS + i % VOXELS];
      sum += creal(z) * creal(z) + cimag(z) * cimag(z);
    }
    assert_close(magnitude[i], sqrt(sum), (COILS + 1) * 0x1p-24 * sqrt(sum));
  }
  kvox_workspace_destroy(workspace);
}

static void test_strides_and_threads(void **state) {
  (void)state;
  make_images();
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  const kvox_array in = array_of(images, KVOX_C64, 5, shape), out = array_of(magnitude, KVOX_F32, 4, combined);
  assert_ok(kvox_mri_root_sum_of_squares(three, NULL, &in, &out));
  kvox_array spread = array_of(again, KVOX_F32, 4, combined);
  for (int d = 0; d < 4; d++) {
    spread.strides[d] *= 2;
  }
  assert_ok(kvox_mri_root_sum_of_squares(one, NULL, &in, &spread));
  for (int i = 0; i < VOLUMES * VOXELS; i++) {
    assert_memory_equal(&again[2 * i], &magnitude[i], sizeof *again);
  }
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

static void test_refused(void **state) {
  make_images();
  const kvox_array in = array_of(images, KVOX_C64, 5, shape);
  kvox_array out = array_of(magnitude, KVOX_F32, 4, combined);
  images[(1 * COILS + 4) * VOXELS + 2 * Y * X + 10 * X + 36] = NAN;
  assert_fails(KVOX_ERROR_DATA, "volume 1, coil 4 at z 2, y 10, x 36",
               kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  make_images();
  images[5] = 1e20f; /* its square is no float */
  assert_fails(KVOX_ERROR_DATA, "coil 0 at z 0, y 0, x 5", kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  make_images();
  images[0] = images[VOXELS] = 1.5e19f; /* each is one, their sum is not */
  assert_fails(KVOX_ERROR_DATA, "sum of squares", kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  out.shape[3]--;
  assert_fails(KVOX_ERROR_SIZE, "its shape is 2 x 3 x 11 x 36, must be 2 x 3 x 11 x 37",
               kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  const kvox_array inside = array_of(images, KVOX_F32, 4, combined);
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_root_sum_of_squares(*state, NULL, &in, &inside));
  const kvox_array real = array_of(images, KVOX_F32, 5, shape);
  assert_fails(KVOX_ERROR_ARGUMENT, "f32", kvox_mri_root_sum_of_squares(*state, NULL, &real, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_closed_form),
      cmocka_unit_test(test_strides_and_threads),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Magnitude and phase of every sample: against the closed form, any rank and strides, any threads, what is refused. */
#include "mri/support.h"

enum { COILS = 3, Z = 2, Y = 13, X = 41, SAMPLES = COILS * Z * Y * X };

static float complex images[SAMPLES];
static float result[SAMPLES], again[2 * SAMPLES];
static const int64_t shape[4] = {COILS, Z, Y, X};

/* Infinities and zeros as they are, which arithmetic with I would mix. */
static void put(int i, float real, float imaginary) {
  const float parts[2] = {real, imaginary};
  memcpy(&images[i], parts, sizeof parts);
}

/* Of sizes far apart, so that squares would leave the range of floats. */
static void make_images(void) {
  uint64_t seed = 71;
  for (int i = 0; i < SAMPLES; i++) {
    const double size = exp(80 * random_signed(&seed)), angle = pi * random_signed(&seed);
    images[i] = (float complex)(size * cexp(I * angle));
  }
  images[0] = 0;
}

/* Three roundings. */
static void test_magnitude(void **state) {
  make_images();
  const kvox_array in = array_of(images, KVOX_C64, 4, shape), out = array_of(result, KVOX_F32, 4, shape);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_magnitude(*state, workspace, &in, &out));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "magnitude");
  for (int i = 0; i < SAMPLES; i++) {
    const double size = cabs((double complex)images[i]);
    assert_close(result[i], size, 3 * 0x1p-24 * size);
  }
  kvox_workspace_destroy(workspace);
}

static void test_phase(void **state) {
  make_images();
  const kvox_array in = array_of(images, KVOX_C64, 4, shape), out = array_of(result, KVOX_F32, 4, shape);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_phase(*state, workspace, &in, &out));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "phase");
  for (int i = 0; i < SAMPLES; i++) {
    assert_close(result[i], carg((double complex)images[i]), 1e-6);
  }
  kvox_workspace_destroy(workspace);
}

/* The axes and the cut: pi is met, -pi never; no sign of a zero matters. */
static void test_phase_of_axes(void **state) {
  static const float parts[][3] = {
      {1, 0, 0},         {0, 1, 0.5f},           {-1, 0, 1},      {-1, -0.0f, 1},        {0, -1, -0.5f},
      {0, 0, 0},         {-0.0f, -0.0f, 0},      {1, 1, 0.25f},   {-1, 1, 0.75f},        {-1, -1, -0.75f},
      {1e-45f, 0, 0},    {-1e-45f, 0, 1},        {-1, 1e-30f, 1}, {3e38f, 3e38f, 0.25f}, {0, 1e-45f, 0.5f},
      {-1, -1e-30f, -1}, {1e-45f, 1e-45f, 0.25f}};
  enum { COUNT = sizeof parts / sizeof parts[0] };
  for (int i = 0; i < COUNT; i++) {
    put(i, parts[i][0], parts[i][1]);
  }
  const kvox_array in = array_of(images, KVOX_C64, 1, (int64_t[]){COUNT}),
                   out = array_of(result, KVOX_F32, 1, in.shape);
  assert_ok(kvox_mri_phase(*state, NULL, &in, &out));
  for (int i = 0; i < COUNT; i++) {
    assert_close(result[i], parts[i][2] * pi, 3e-7);
    assert_true(result[i] > -(float)pi && result[i] <= (float)pi);
  }
}

static void test_strides_and_threads(void **state) {
  (void)state;
  make_images();
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  kvox_array in = array_of(images, KVOX_C64, 4, shape);
  const kvox_array out = array_of(result, KVOX_F32, 4, shape);
  kvox_array spread = array_of(again, KVOX_F32, 4, shape);
  for (int d = 0; d < 4; d++) {
    spread.strides[d] *= 2;
  }
  assert_ok(kvox_mri_phase(three, NULL, &in, &out));
  assert_ok(kvox_mri_phase(one, NULL, &in, &spread));
  for (int i = 0; i < SAMPLES; i++) {
    assert_memory_equal(&again[2 * i], &result[i], sizeof *again);
  }
  /* As one row, and as rows that run backwards. */
  const kvox_array row = array_of(images, KVOX_C64, 1, (int64_t[]){SAMPLES});
  const kvox_array flat = array_of(again, KVOX_F32, 1, row.shape);
  assert_ok(kvox_mri_phase(three, NULL, &row, &flat));
  assert_memory_equal(again, result, sizeof result);
  kvox_array plane = array_of(images + SAMPLES - X, KVOX_C64, 2, (int64_t[]){COILS * Z * Y, X});
  const kvox_array turned = array_of(again, KVOX_F32, 2, plane.shape);
  plane.strides[0] = -plane.strides[0];
  assert_ok(kvox_mri_phase(three, NULL, &plane, &turned));
  assert_memory_equal(again, result + SAMPLES - X, X * sizeof *again);
  assert_memory_equal(again + SAMPLES - X, result, X * sizeof *again);
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

static void test_refused(void **state) {
  make_images();
  const kvox_array in = array_of(images, KVOX_C64, 4, shape);
  kvox_array out = array_of(result, KVOX_F32, 4, shape);
  put((2 * Z + 1) * Y * X + 10 * X + 36, 0, NAN);
  assert_fails(KVOX_ERROR_DATA, "volume 2 at z 1, y 10, x 36", kvox_mri_magnitude(*state, NULL, &in, &out));
  assert_fails(KVOX_ERROR_DATA, "volume 2 at z 1, y 10, x 36", kvox_mri_phase(*state, NULL, &in, &out));
  make_images();
  put(7, 3e38f, 3e38f); /* its phase is known, its magnitude no float */
  assert_ok(kvox_mri_phase(*state, NULL, &in, &out));
  assert_fails(KVOX_ERROR_DATA, "x 7", kvox_mri_magnitude(*state, NULL, &in, &out));
  out.shape[3]--;
  assert_fails(KVOX_ERROR_SIZE, "its shape is 3 x 2 x 13 x 40, must be 3 x 2 x 13 x 41",
               kvox_mri_magnitude(*state, NULL, &in, &out));
  const kvox_array inside = array_of(images, KVOX_F32, 4, shape);
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_phase(*state, NULL, &in, &inside));
  const kvox_array real = array_of(images, KVOX_F32, 4, shape);
  assert_fails(KVOX_ERROR_ARGUMENT, "f32", kvox_mri_phase(*state, NULL, &real, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_mri_phase(NULL, NULL, &in, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_magnitude),           cmocka_unit_test(test_phase),   cmocka_unit_test(test_phase_of_axes),
      cmocka_unit_test(test_strides_and_threads), cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

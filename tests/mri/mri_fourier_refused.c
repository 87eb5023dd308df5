/* What the transform refuses, and every allocation failing once. */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/support.h"

enum { COILS = 2, Z = 6, Y = 20, X = 33, SAMPLES = Z * Y * X };

static float complex kspace[COILS * SAMPLES], image[COILS * SAMPLES];
static float magnitude[SAMPLES];

static kvox_mri_fourier_options usual(void) {
  kvox_mri_fourier_options o;
  kvox_mri_fourier_options_init(&o);
  o.kspace_size[0] = X;
  o.kspace_size[1] = Y;
  o.kspace_size[2] = Z;
  return o;
}

static void reset(void) {
  uint64_t seed = 4;
  for (int n = 0; n < COILS * SAMPLES; n++) {
    kspace[n] = (float complex)random_normal(&seed);
  }
}

static kvox_array coils_of(float complex *data) { return array_of(data, KVOX_C64, 4, (int64_t[]){COILS, Z, Y, X}); }

#define REFUSE(status, words, change)                                        \
  do {                                                                       \
    kvox_mri_fourier_options o = usual();                                    \
    kvox_mri_fourier *made = NULL;                                           \
    change;                                                                  \
    assert_fails(status, words, kvox_mri_fourier_create(*state, &o, &made)); \
    assert_null(made);                                                       \
  } while (0)

static void test_options(void **state) {
  kvox_mri_fourier *fourier = NULL;
  const kvox_mri_fourier_options fine = usual();
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_mri_fourier_create(NULL, &fine, &fourier));
  assert_fails(KVOX_ERROR_ARGUMENT, "options is NULL", kvox_mri_fourier_create(*state, NULL, &fourier));
  assert_fails(KVOX_ERROR_ARGUMENT, "fourier is NULL", kvox_mri_fourier_create(*state, &fine, NULL));
  REFUSE(KVOX_ERROR_ARGUMENT, "axes is 8", o.axes = 8);
  REFUSE(KVOX_ERROR_ARGUMENT, "kspace_size along y is 0", o.kspace_size[1] = 0);
  REFUSE(KVOX_ERROR_ARGUMENT, "kspace_size along x is -5", o.kspace_size[0] = -5);
  REFUSE(KVOX_ERROR_ARGUMENT, "transform_size along z is -1", o.transform_size[2] = -1);
  REFUSE(KVOX_ERROR_ARGUMENT, "transform_size along z is 4611686018427387904", o.transform_size[2] = (int64_t)1 << 62);
  REFUSE(KVOX_ERROR_ARGUMENT, "image_size along x is 34, must be from 1 to transform_size, 33", o.image_size[0] = 34);
  REFUSE(KVOX_ERROR_ARGUMENT, "axis z is not transformed", (o.axes = KVOX_MRI_X | KVOX_MRI_Y, o.image_size[2] = 3));
  REFUSE(KVOX_ERROR_ARGUMENT, "axis x is not transformed", (o.axes = KVOX_MRI_Y, o.shift_px[0] = 1));
  REFUSE(KVOX_ERROR_ARGUMENT, "axis x is not transformed", (o.axes = KVOX_MRI_Y, o.window[0] = KVOX_MRI_HANN));
  REFUSE(KVOX_ERROR_ARGUMENT, "shift_px[1] is not finite", o.shift_px[1] = NAN);
  REFUSE(KVOX_ERROR_ARGUMENT, "window[2] is 5", o.window[2] = 5);
  REFUSE(KVOX_ERROR_ARGUMENT, "Tukey", (o.window[0] = KVOX_MRI_TUKEY, o.window_parameter[0] = 1.5));
  REFUSE(KVOX_ERROR_ARGUMENT, "Tukey", (o.window[0] = KVOX_MRI_TUKEY, o.window_parameter[0] = NAN));
  REFUSE(KVOX_ERROR_ARGUMENT, "Fermi", (o.window[0] = KVOX_MRI_FERMI, o.window_parameter[1] = -1));
  REFUSE(KVOX_ERROR_SIZE, "samples",
         (o.transform_size[0] = o.transform_size[1] = 1 << 30, o.axes = KVOX_MRI_X | KVOX_MRI_Y));
  REFUSE(KVOX_ERROR_MEMORY_LIMIT, "", o.memory_limit = 5000);
}

static void test_arrays(void **state) {
  const kvox_mri_fourier_options o = usual();
  kvox_mri_fourier *fourier = NULL;
  assert_ok(kvox_mri_fourier_create(*state, &o, &fourier));
  reset();
  const kvox_array in = coils_of(kspace), out = coils_of(image);
  const kvox_array sum = array_of(magnitude, KVOX_F32, 3, (int64_t[]){Z, Y, X});
  const kvox_array flat = array_of(kspace, KVOX_C64, 2, (int64_t[]){Y, X});
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 2, must be at least 3",
               kvox_mri_fourier_to_image(fourier, NULL, &flat, &out));
  const kvox_array bare = array_of(kspace, KVOX_C64, 3, (int64_t[]){Z, Y, X});
  assert_fails(KVOX_ERROR_ARGUMENT, "[.., coil, z, y, x]", kvox_mri_fourier_to_magnitude(fourier, NULL, &bare, &sum));
  const kvox_array wrong = array_of(kspace, KVOX_C64, 4, (int64_t[]){COILS, Z, X, Y});
  assert_fails(KVOX_ERROR_SIZE, "6 x 33 x 20, the plan's 6 x 20 x 33",
               kvox_mri_fourier_to_image(fourier, NULL, &wrong, &out));
  assert_fails(KVOX_ERROR_SIZE, "its shape is", kvox_mri_fourier_to_image(fourier, NULL, &in, &bare));
  assert_fails(KVOX_ERROR_ARGUMENT, "f32", kvox_mri_fourier_to_image(fourier, NULL, &in, &sum));
  kvox_array moved = in;
  moved.data = kspace + 1;
  moved.shape[0] = 1;
  kvox_array one = in;
  one.shape[0] = 1;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_fourier_to_kspace(fourier, NULL, &one, &moved));
  assert_fails(KVOX_ERROR_ARGUMENT, "is NULL", kvox_mri_fourier_to_image(NULL, NULL, &in, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "is NULL", kvox_mri_fourier_to_image(fourier, NULL, NULL, &out));
  kvox_mri_fourier_destroy(fourier);
  kvox_mri_fourier_destroy(NULL);
}

static void test_samples(void **state) {
  for (int32_t axes = 1; axes < 8; axes++) {
    kvox_mri_fourier_options o = usual();
    o.axes = axes;
    kvox_mri_fourier *fourier = NULL;
    assert_ok(kvox_mri_fourier_create(*state, &o, &fourier));
    const kvox_array in = coils_of(kspace), out = coils_of(image);
    const kvox_array sum = array_of(magnitude, KVOX_F32, 3, (int64_t[]){Z, Y, X});
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
      reset();
      kspace[SAMPLES + (5 * Y + 19) * X + 32] = spoilt[i];
      assert_fails(KVOX_ERROR_DATA, "volume 0, coil 1 at z 5, y 19, x 32",
                   kvox_mri_fourier_to_magnitude(fourier, NULL, &in, &sum));
      assert_fails(KVOX_ERROR_DATA, "coil 1 at z 5, y 19, x 32", kvox_mri_fourier_to_kspace(fourier, NULL, &in, &in));
    }
    reset();
    for (int n = 0; n < SAMPLES; n++) {
      kspace[n] = 3e38f;
    }
    assert_fails(KVOX_ERROR_DATA, "a result is out of the range", kvox_mri_fourier_to_image(fourier, NULL, &in, &out));
    assert_fails(KVOX_ERROR_DATA, "a result is out of the range",
                 kvox_mri_fourier_to_magnitude(fourier, NULL, &in, &sum));
    kvox_mri_fourier_destroy(fourier);
  }
}

static int32_t stop(void *user, double fraction) {
  assert_true(fraction >= 0 && fraction <= 1);
  return ++*(int *)user == 1;
}

static void test_cancelled(void **state) {
  (void)state;
  for (int32_t threads = 1; threads <= 4; threads += 3) {
    kvox_context *context = context_of_threads(threads);
    kvox_mri_fourier_options o = usual();
    kvox_mri_fourier *fourier = NULL;
    kvox_workspace *workspace = NULL;
    int calls = 0;
    o.axes = KVOX_MRI_X | KVOX_MRI_Y;
    assert_ok(kvox_mri_fourier_create(context, &o, &fourier));
    assert_ok(kvox_workspace_create(context, &workspace));
    kvox_workspace_set_progress(workspace, stop, &calls);
    const kvox_array in = coils_of(kspace), out = coils_of(image);
    reset();
    assert_fails(KVOX_ERROR_CANCELLED, "", kvox_mri_fourier_to_image(fourier, workspace, &in, &out));
    assert_ok(kvox_mri_fourier_to_image(fourier, workspace, &in, &out));
    kvox_workspace_destroy(workspace);
    kvox_mri_fourier_destroy(fourier);
    kvox_context_destroy(context);
  }
}

static kvox_status scenario(const kvox_context_options *given, void *data) {
  (void)data;
  kvox_context_options options = *given;
  options.threads = 3;
  kvox_context *context = NULL;
  kvox_mri_fourier *fourier = NULL;
  const kvox_array in = coils_of(kspace), out = coils_of(image);
  const kvox_array sum = array_of(magnitude, KVOX_F32, 3, (int64_t[]){Z, Y, X});
  const kvox_mri_fourier_options o = usual();
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_context_create(&options, &context));
  KVOX_TRY_CLEANUP(kvox_mri_fourier_create(context, &o, &fourier));
  kvox_context_destroy(context);
  context = NULL;
  KVOX_TRY_CLEANUP(kvox_mri_fourier_to_magnitude(fourier, NULL, &in, &sum));
  KVOX_TRY_CLEANUP(kvox_mri_fourier_to_image(fourier, NULL, &in, &out));
  KVOX_TRY_CLEANUP(kvox_mri_fourier_to_kspace(fourier, NULL, &in, &out));
cleanup:
  kvox_context_destroy(context);
  kvox_mri_fourier_destroy(fourier);
  return status;
}

static void test_allocation(void **state) {
  (void)state;
  reset();
  assert_true(failing_heap_try(scenario, NULL) >= 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options),   cmocka_unit_test(test_arrays),     cmocka_unit_test(test_samples),
      cmocka_unit_test(test_cancelled), cmocka_unit_test(test_allocation),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

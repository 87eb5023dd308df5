/* Every allocation of the maps fails once; with a workspace that has done it before there is none. */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/support.h"

enum { ECHOES = 3, COILS = NOISE_COILS, Y = 40, X = 50, VOXELS = Y * X };

static float complex images[ECHOES * COILS * VOXELS];
static float magnitudes[ECHOES * COILS * VOXELS], first[VOXELS], second[VOXELS], third[VOXELS];
static const double times_ms[ECHOES] = {2, 5, 9};

typedef struct scene {
  kvox_context *context;
  kvox_workspace *workspace, *other;
  kvox_mri_noise *noise;
  kvox_mri_fourier *fourier;
} scene;

static kvox_array map_of(float *data) { return array_of(data, KVOX_F32, 3, (int64_t[]){1, Y, X}); }

static kvox_status make_maps(const scene *s, kvox_workspace *workspace) {
  const kvox_array in = array_of(images, KVOX_C64, 5, (int64_t[]){ECHOES, COILS, 1, Y, X});
  const kvox_array parts = array_of(magnitudes, KVOX_F32, 5, in.shape);
  const kvox_array echoes = array_of(magnitudes, KVOX_F32, 4, (int64_t[]){ECHOES, 1, Y, X});
  const kvox_array a = map_of(first), b = map_of(second), c = map_of(third);
  KVOX_TRY(kvox_mri_phase(s->context, workspace, &in, &parts));
  KVOX_TRY(kvox_mri_magnitude(s->context, workspace, &in, &parts));
  KVOX_TRY(kvox_mri_t2star(s->context, NULL, workspace, &echoes, times_ms, &a, &b, &c));
  KVOX_TRY(kvox_mri_field_map(s->context, workspace, &in, times_ms, &a, &b));
  return kvox_mri_unwrap(s->context, NULL, workspace, &a, &b);
}

typedef struct chain {
  const scene *scene;
  kvox_workspace *workspace;
} chain;

static kvox_status combine(void *user, const kvox_array *kspace, const kvox_array *image) {
  const chain *c = user;
  return kvox_mri_root_sum_of_squares(c->scene->context, c->workspace, kspace, image);
}

static kvox_status replicas(const scene *s, kvox_workspace *workspace, kvox_workspace *other) {
  const kvox_array in = array_of(images, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X}), a = map_of(first),
                   b = map_of(second);
  kvox_mri_replica_options options;
  kvox_mri_replica_options_init(&options);
  options.replicas = 2;
  options.image_type = KVOX_F32;
  chain c = {s, other};
  KVOX_TRY(kvox_mri_replica_snr(s->context, s->noise, &options, combine, &c, workspace, &in, &a, &b));
  return kvox_mri_replica_snr_fourier(s->context, s->noise, &options, s->fourier, workspace, &in, &a, &b);
}

static kvox_status open_scene(scene *s, const kvox_context_options *given) {
  kvox_context_options options = *given;
  options.threads = 3;
  double covariance[2 * COILS * COILS] = {0};
  for (int c = 0; c < COILS; c++) {
    covariance[2 * (c * COILS + c)] = 1;
  }
  kvox_mri_fourier_options size;
  kvox_mri_fourier_options_init(&size);
  size.kspace_size[0] = X;
  size.kspace_size[1] = Y;
  size.kspace_size[2] = 1;
  KVOX_TRY(kvox_context_create(&options, &s->context));
  KVOX_TRY(kvox_mri_noise_create(s->context, COILS, covariance, 0, &s->noise));
  KVOX_TRY(kvox_mri_fourier_create(s->context, &size, &s->fourier));
  KVOX_TRY(kvox_workspace_create(s->context, &s->workspace));
  return kvox_workspace_create(s->context, &s->other);
}

static void close_scene(scene *s) {
  kvox_context_destroy(s->context);
  kvox_workspace_destroy(s->workspace);
  kvox_workspace_destroy(s->other);
  kvox_mri_noise_destroy(s->noise);
  kvox_mri_fourier_destroy(s->fourier);
}

static kvox_status scenario(const kvox_context_options *options, void *data) {
  (void)data;
  scene s = {0};
  kvox_status status;
  KVOX_TRY_CLEANUP(open_scene(&s, options));
  KVOX_TRY_CLEANUP(make_maps(&s, s.workspace));
  KVOX_TRY_CLEANUP(make_maps(&s, NULL));
  KVOX_TRY_CLEANUP(replicas(&s, s.workspace, s.other));
  KVOX_TRY_CLEANUP(replicas(&s, NULL, NULL));
cleanup:
  close_scene(&s);
  return status;
}

static void make_images(void) {
  uint64_t seed = 61;
  for (int i = 0; i < ECHOES * COILS * VOXELS; i++) {
    images[i] = (float complex)(5 + random_normal(&seed));
  }
}

static void test_failing(void **state) {
  (void)state;
  make_images();
  assert_true(failing_heap_try(scenario, NULL) >= 15);
}

static void test_warm(void **state) {
  (void)state;
  make_images();
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  scene s = {0};
  assert_ok(open_scene(&s, &options));
  assert_ok(make_maps(&s, s.workspace));
  assert_ok(replicas(&s, s.workspace, s.other));
  const int64_t before = heap->calls;
  assert_ok(make_maps(&s, s.workspace));
  assert_ok(replicas(&s, s.workspace, s.other));
  assert_int_equal(heap->calls, before);
  close_scene(&s);
  failing_heap_destroy(heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_failing), cmocka_unit_test(test_warm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

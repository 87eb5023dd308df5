/* Every allocation from noise to compressed coils fails once. */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/support.h"

enum { COILS = NOISE_COILS, VIRTUAL = 2, Y = 40, X = 50, VOXELS = Y * X };

static float complex samples[COILS * VOXELS], white[COILS * VOXELS], maps[COILS * VOXELS], few[VIRTUAL * VOXELS];
static float complex combined[VOXELS];
static float magnitude[VOXELS];

static kvox_array coils_of(float complex *data, int64_t coils) {
  return array_of(data, KVOX_C64, 4, (int64_t[]){coils, 1, Y, X});
}

typedef struct scene {
  kvox_context *context;
  kvox_workspace *workspace;
  kvox_mri_noise_sum *sum;
  kvox_mri_noise *measured, *noise;
  kvox_mri_compression *compression[2];
} scene;

static kvox_status measure(scene *s) {
  const kvox_array kspace = coils_of(samples, COILS);
  KVOX_TRY(kvox_mri_noise_sum_create(s->context, COILS, 5, &s->sum));
  KVOX_TRY(kvox_mri_noise_sum_add_edges(s->sum, &kspace, 0));
  KVOX_TRY(kvox_mri_noise_sum_finish(s->sum, &s->measured));
  return kvox_mri_noise_rescale(s->measured, 4, 0, &s->noise);
}

static kvox_status combine(const scene *s, kvox_workspace *workspace) {
  const kvox_array in = coils_of(samples, COILS), out = coils_of(white, COILS), map = coils_of(maps, COILS);
  const kvox_array root = array_of(magnitude, KVOX_F32, 3, (int64_t[]){1, Y, X});
  const kvox_array image = array_of(combined, KVOX_C64, 3, (int64_t[]){1, Y, X});
  kvox_mri_walsh_options options;
  kvox_mri_walsh_options_init(&options);
  options.noise = s->noise;
  KVOX_TRY(kvox_mri_walsh_maps(s->context, &options, workspace, &in, &map));
  KVOX_TRY(kvox_mri_combine(s->context, s->noise, workspace, &in, &map, &image));
  KVOX_TRY(kvox_mri_low_resolution(s->context, NULL, workspace, &in, &out));
  KVOX_TRY(kvox_mri_relative_maps(s->context, workspace, &out, &map));
  KVOX_TRY(kvox_mri_whiten(s->context, s->noise, workspace, &in, &out));
  return kvox_mri_root_sum_of_squares(s->context, workspace, &out, &root);
}

static kvox_status compress(const scene *s, kvox_workspace *workspace) {
  const kvox_array in = coils_of(samples, COILS), out = coils_of(few, VIRTUAL);
  KVOX_TRY(kvox_mri_compress(s->context, s->compression[0], workspace, &in, &out));
  return kvox_mri_compress(s->context, s->compression[1], workspace, &in, &out);
}

static kvox_status scenario(const kvox_context_options *given, void *data) {
  (void)data;
  kvox_context_options options = *given;
  options.threads = 3;
  scene s = {0};
  const kvox_array in = coils_of(samples, COILS);
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_context_create(&options, &s.context));
  KVOX_TRY_CLEANUP(measure(&s));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  KVOX_TRY_CLEANUP(combine(&s, s.workspace));
  KVOX_TRY_CLEANUP(combine(&s, NULL));
  KVOX_TRY_CLEANUP(kvox_mri_compression_create_svd(s.context, &in, VIRTUAL, &s.compression[0]));
  KVOX_TRY_CLEANUP(kvox_mri_compression_create_geometric(s.context, &in, VIRTUAL, 0, &s.compression[1]));
  KVOX_TRY_CLEANUP(compress(&s, s.workspace));
  KVOX_TRY_CLEANUP(compress(&s, NULL));
cleanup:
  /* The context goes first: what was made with it keeps its allocator alive. */
  kvox_context_destroy(s.context);
  kvox_workspace_destroy(s.workspace);
  kvox_mri_noise_sum_destroy(s.sum);
  kvox_mri_noise_destroy(s.measured);
  kvox_mri_noise_destroy(s.noise);
  kvox_mri_compression_destroy(s.compression[0]);
  kvox_mri_compression_destroy(s.compression[1]);
  return status;
}

static void test_allocation(void **state) {
  (void)state;
  uint64_t seed = 51;
  make_noise(&seed, 1, VOXELS, samples);
  assert_true(failing_heap_try(scenario, NULL) >= 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Operators and memory: every allocation may fail, a warm execution makes none, what is told is what is taken. */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/operator_support.h"

enum { COILS = 4, Z = 2, Y = 60, X = 70, VOXELS = Z * Y * X, LINES = 36 };

static const int64_t coil_shape[4] = {COILS, Z, Y, X};
static float complex maps[COILS * VOXELS], image[VOXELS], back[VOXELS], samples[COILS * VOXELS];
static uint8_t mask[Y];

typedef struct scene {
  kvox_context *context;
  kvox_workspace *workspace;
  kvox_mri_operator *parts[7];
} scene;

enum { COIL, FOURIER, GATHER, SEEN, SENSE, BACK, NORMAL };

static kvox_status make(scene *s) {
  const kvox_array map = array_of(maps, KVOX_C64, 4, coil_shape), lines = array_of(mask, KVOX_U8, 2, (int64_t[]){Y, 1});
  kvox_mri_fourier_options options;
  kvox_mri_fourier_options_init(&options);
  for (int a = 0; a < 3; a++) {
    options.kspace_size[a] = coil_shape[3 - a];
  }
  kvox_mri_operator **parts = s->parts;
  KVOX_TRY(kvox_mri_operator_create_coils(s->context, &map, 0, NULL, &parts[COIL]));
  KVOX_TRY(kvox_mri_operator_create_fourier(s->context, &options, 1, coil_shape, &parts[FOURIER]));
  KVOX_TRY(kvox_mri_operator_create_gather(s->context, 4, coil_shape, &lines, &parts[GATHER]));
  KVOX_TRY(kvox_mri_operator_compose(parts[FOURIER], parts[COIL], &parts[SEEN]));
  KVOX_TRY(kvox_mri_operator_compose(parts[GATHER], parts[SEEN], &parts[SENSE]));
  KVOX_TRY(kvox_mri_operator_create_adjoint(parts[SENSE], &parts[BACK]));
  return kvox_mri_operator_compose(parts[BACK], parts[SENSE], &parts[NORMAL]);
}

static kvox_status make_rest(scene *s) {
  kvox_mri_operator *made = NULL;
  const kvox_array map = array_of(maps, KVOX_C64, 4, coil_shape);
  KVOX_TRY(kvox_mri_operator_create_modulation(s->context, 4, coil_shape, &map, &made));
  kvox_mri_operator_destroy(made);
  KVOX_TRY(kvox_mri_operator_create_phase_ramp(s->context, 4, coil_shape, (double[]){0, 1, 2, 3}, &made));
  kvox_mri_operator_destroy(made);
  KVOX_TRY(kvox_mri_operator_create_crop(s->context, 4, coil_shape, (int64_t[]){2, 2, 5, 6}, &made));
  kvox_mri_operator_destroy(made);
  KVOX_TRY(kvox_mri_operator_create_scale(s->context, 4, coil_shape, 1, 1, &made));
  kvox_mri_operator_destroy(made);
  return KVOX_OK;
}

static kvox_status use(const scene *s, kvox_workspace *workspace) {
  int64_t shape[8];
  int32_t rank;
  KVOX_TRY(kvox_mri_operator_shape(s->parts[SENSE], NULL, NULL, &rank, shape));
  const kvox_array x = array_of(image, KVOX_C64, 3, coil_shape + 1), y = array_of(samples, KVOX_C64, rank, shape);
  const kvox_array z = array_of(back, KVOX_C64, 3, coil_shape + 1);
  KVOX_TRY(kvox_mri_operator_forward(s->parts[SENSE], workspace, &x, &y));
  KVOX_TRY(kvox_mri_operator_adjoint(s->parts[SENSE], workspace, &y, &z));
  return kvox_mri_operator_forward(s->parts[NORMAL], workspace, &x, &z);
}

static void drop(scene *s) {
  /* The context and the parts go before what is made of them. */
  kvox_context_destroy(s->context);
  for (int i = 0; i < 7; i++) {
    kvox_mri_operator_destroy(s->parts[i]);
  }
  kvox_workspace_destroy(s->workspace);
}

static kvox_status scenario(const kvox_context_options *given, void *data) {
  (void)data;
  kvox_context_options options = *given;
  options.threads = 3;
  scene s = {0};
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_context_create(&options, &s.context));
  KVOX_TRY_CLEANUP(kvox_workspace_create(s.context, &s.workspace));
  KVOX_TRY_CLEANUP(make(&s));
  KVOX_TRY_CLEANUP(make_rest(&s));
  KVOX_TRY_CLEANUP(use(&s, s.workspace));
  KVOX_TRY_CLEANUP(use(&s, NULL));
cleanup:
  drop(&s);
  return status;
}

static void make_samples(void) {
  uint64_t seed = 6;
  for (int i = 0; i < COILS * VOXELS; i++) {
    maps[i] = (float complex)random_normal(&seed);
  }
  for (int i = 0; i < VOXELS; i++) {
    image[i] = (float complex)random_normal(&seed);
  }
  for (int i = 0; i < Y; i++) {
    mask[i] = i % 2 == 0 || (i > 24 && i < 36);
  }
}

static void test_allocation(void **state) {
  (void)state;
  assert_true(failing_heap_try(scenario, NULL) >= 40);
}

static void test_warm(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  kvox_context_options options = failing_heap_options(heap);
  options.threads = 2;
  scene s = {0};
  assert_ok(kvox_context_create(&options, &s.context));
  assert_ok(kvox_workspace_create(s.context, &s.workspace));
  const int64_t before = heap->bytes;
  assert_ok(make(&s));
  const int64_t made = heap->bytes - before;
  kvox_memory_use fourier, sense, normal;
  assert_ok(kvox_mri_operator_memory(s.parts[FOURIER], &fourier));
  assert_ok(kvox_mri_operator_memory(s.parts[SENSE], &sense));
  assert_ok(kvox_mri_operator_memory(s.parts[NORMAL], &normal));
  /* Gathering needs the whole k-space before it, nothing else does; the adjoint of it the list of samples too. */
  const uint64_t kspace = sizeof samples, list = kspace / Y * LINES;
  assert_int_equal(sense.workspace, kspace + fourier.workspace);
  assert_int_equal(normal.workspace, kspace + list + fourier.workspace);
  /* Of the seven, NORMAL tells all parts, which hold nearly all of the memory. */
  assert_true((int64_t)normal.plan <= made && (int64_t)normal.plan > made / 2);
  assert_ok(use(&s, s.workspace));
  assert_int_equal(kvox_workspace_bytes(s.workspace), normal.workspace);
  assert_int_equal(kvox_workspace_stage_count(s.workspace), 3);
  const int64_t calls = heap->calls;
  assert_ok(use(&s, s.workspace));
  assert_int_equal(heap->calls, calls);
  drop(&s);
  failing_heap_destroy(heap);
}

/* A limit that does not hold the arrays in between is met when the chain is made. */
static void test_limit(void **state) {
  (void)state;
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.memory_limit = sizeof samples + 10000;
  scene s = {0};
  assert_ok(kvox_context_create(&options, &s.context));
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "kvox_mri_operator", make(&s));
  drop(&s);
}

static int32_t cancel(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= last[0] && fraction <= 1);
  last[0] = fraction;
  return fraction >= last[1];
}

/* Progress runs once from 0 to 1 over all parts, and may stop them. */
static void test_progress(void **state) {
  (void)state;
  scene s = {.context = context_of_threads(2)};
  assert_ok(kvox_workspace_create(s.context, &s.workspace));
  assert_ok(make(&s));
  const kvox_array x = array_of(image, KVOX_C64, 3, coil_shape + 1), z = array_of(back, KVOX_C64, 3, coil_shape + 1);
  double last[2] = {0, 2};
  kvox_workspace_set_progress(s.workspace, cancel, last);
  assert_ok(kvox_mri_operator_forward(s.parts[NORMAL], s.workspace, &x, &z));
  assert_close(last[0], 1, 0);
  last[0] = 0;
  last[1] = 0.4;
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_mri_operator_forward(s.parts[NORMAL], s.workspace, &x, &z));
  assert_true(last[0] >= 0.4 && last[0] < 0.9);
  drop(&s);
}

static int start(void **state) {
  (void)state;
  make_samples();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation), cmocka_unit_test(test_warm),
                                     cmocka_unit_test(test_limit), cmocka_unit_test(test_progress)};
  return cmocka_run_group_tests(tests, start, NULL);
}

/* Every allocation of ramps, ghosts and partial Fourier fails once; warm workspaces take no more. */
#include "core/fail.h"
#include "failing_heap.h"
#include "mri/support.h"

enum { COILS = 2, Y = 24, X = 40, LINES = 3 };

static float complex lines[COILS * Y * X], out[COILS * Y * X], navigators[LINES * COILS * X];
static uint8_t reversed[Y];

typedef struct scene {
  kvox_context *context;
  kvox_workspace *workspace;
  kvox_mri_ramp *ramp;
  kvox_mri_partial *partial[2];
} scene;

static kvox_array volume_of(float complex *data) { return array_of(data, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X}); }

static kvox_status prepare(scene *s) {
  const kvox_mri_ramps ramps = {.up_us = 40, .flat_us = 80, .down_us = 40, .delay_us = 10, .dwell_us = 3.5};
  KVOX_TRY(kvox_mri_ramp_create(s->context, &ramps, X, X, &s->ramp));
  for (int i = 0; i < 2; i++) {
    kvox_mri_partial_options options;
    kvox_mri_partial_options_init(&options);
    options.method = i == 0 ? KVOX_MRI_HOMODYNE : KVOX_MRI_POCS;
    options.size[0] = X;
    options.size[1] = Y;
    options.size[2] = 1;
    options.first[1] = 5;
    options.iterations = 3;
    KVOX_TRY(kvox_mri_partial_create(s->context, &options, &s->partial[i]));
  }
  return kvox_workspace_create(s->context, &s->workspace);
}

/* What warm workspaces do without an allocation. */
static kvox_status quick(const scene *s, kvox_workspace *workspace) {
  const kvox_array in = volume_of(lines), to = volume_of(out);
  const kvox_array nav = array_of(navigators, KVOX_C64, 3, (int64_t[]){LINES, COILS, X});
  kvox_mri_ghost ghosts[COILS];
  KVOX_TRY(kvox_mri_ramp_apply(s->ramp, workspace, 1, &in, &to));
  KVOX_TRY(kvox_mri_ghost_from_navigators(s->context, workspace, &nav, reversed, ghosts));
  KVOX_TRY(kvox_mri_ghost_apply(s->context, workspace, ghosts, reversed, &in, &to));
  KVOX_TRY(kvox_mri_partial_to_image(s->partial[0], workspace, &in, &to));
  return kvox_mri_partial_to_kspace(s->partial[1], workspace, &in, &to);
}

static kvox_status from_image(const scene *s, kvox_workspace *workspace) {
  const kvox_array in = volume_of(lines);
  kvox_mri_ghost ghosts[COILS];
  return kvox_mri_ghost_from_image(s->context, workspace, &in, reversed, NULL, ghosts);
}

static kvox_status scenario(const kvox_context_options *given, void *data) {
  kvox_context_options options = *given;
  failing_heap *heap = options.allocator_user;
  int64_t *more = data;
  options.threads = 3;
  scene s = {0};
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_context_create(&options, &s.context));
  KVOX_TRY_CLEANUP(prepare(&s));
  KVOX_TRY_CLEANUP(quick(&s, s.workspace));
  KVOX_TRY_CLEANUP(from_image(&s, s.workspace));
  const int64_t calls = heap->calls;
  KVOX_TRY_CLEANUP(quick(&s, s.workspace));
  *more = heap->calls - calls;
  KVOX_TRY_CLEANUP(quick(&s, NULL));
  KVOX_TRY_CLEANUP(from_image(&s, NULL));
cleanup:
  kvox_context_destroy(s.context);
  kvox_workspace_destroy(s.workspace);
  kvox_mri_ramp_destroy(s.ramp);
  kvox_mri_partial_destroy(s.partial[0]);
  kvox_mri_partial_destroy(s.partial[1]);
  return status;
}

static void test_allocation(void **state) {
  (void)state;
  uint64_t seed = 51;
  int64_t more = -1;
  for (int i = 0; i < COILS * Y * X; i++) {
    lines[i] = (float complex)random_normal(&seed);
  }
  memcpy(navigators, lines, sizeof navigators);
  for (int y = 0; y < Y; y++) {
    reversed[y] = (uint8_t)(y % 2);
  }
  assert_true(failing_heap_try(scenario, &more) >= 20);
  assert_int_equal(more, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

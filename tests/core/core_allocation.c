/* Each allocation of contexts, workspaces and volumes fails once: a status, a sentence, nothing lost. */
#include "context/workspace.h"
#include "core/fail.h"
#include "core/volume.h"
#include "failing_heap.h"

static kvox_status make_context(const kvox_context_options *options, void *data) {
  (void)data;
  kvox_context *context = NULL;
  KVOX_TRY(kvox_context_create(options, &context));
  kvox_context_destroy(context);
  return KVOX_OK;
}

static kvox_status use_workspace(const kvox_context_options *options, void *data) {
  (void)data;
  kvox_status status;
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  KVOX_TRY_CLEANUP(kvox_context_create(options, &context));
  KVOX_TRY_CLEANUP(kvox_workspace_create(context, &workspace));
  KVOX_TRY_CLEANUP(kvox_workspace_begin(workspace, 100));
  KVOX_TRY_CLEANUP(kvox_workspace_begin(workspace, 100000));
cleanup:
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
  return status;
}

/* The context goes first: what is left holds the heap. */
static kvox_status use_volumes(const kvox_context_options *options, void *data) {
  (void)data;
  kvox_status status;
  float samples[8] = {0};
  const double origins[6] = {0};
  kvox_context *context = NULL;
  kvox_volume *own = NULL, *wrapped = NULL;
  kvox_grid grid;
  kvox_array array;
  KVOX_TRY(kvox_grid_init(&grid, (int64_t[]){2, 2, 2}, (double[]){1, 1, 1}, NULL));
  KVOX_TRY(kvox_array_init(&array, samples, KVOX_F32, 3, (int64_t[]){2, 2, 2}));
  KVOX_TRY_CLEANUP(kvox_context_create(options, &context));
  KVOX_TRY_CLEANUP(kvox_volume_create(context, KVOX_F32, &grid, &own));
  KVOX_TRY_CLEANUP(kvox_volume_wrap(context, &array, &grid, &wrapped));
  kvox_context_destroy(context);
  context = NULL;
  KVOX_TRY_CLEANUP(kvox_volume_set_slice_origins(own, origins));
  KVOX_TRY_CLEANUP(kvox_volume_set_slice_origins(own, origins));
  KVOX_TRY_CLEANUP(kvox_volume_set_provenance(wrapped, "{}"));
  KVOX_TRY_CLEANUP(kvox_volume_describe(own, &grid, KVOX_UNIT_HU, "{\"a\": 1}"));
cleanup:
  kvox_volume_destroy(own);
  kvox_volume_destroy(wrapped);
  kvox_context_destroy(context);
  return status;
}

static void every_allocation_fails(void **state) {
  (void)state;
  assert_int_equal(failing_heap_try(make_context, NULL), 2);
  assert_int_equal(failing_heap_try(use_workspace, NULL), 5);
  assert_int_equal(failing_heap_try(use_volumes, NULL), 9);
}

/* The description has no status: without memory it is empty, and nothing is lost. */
static void describe_without_memory(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  char text[64] = "before";
  assert_ok(kvox_context_create(&options, &context));
  heap->fail_at = heap->calls + 1;
  heap->fail_after = true;
  assert_int_equal(kvox_context_describe(context, text, sizeof text), 0);
  assert_string_equal(text, "");
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
}

/* A failed change leaves the volume as it was. */
static void failed_change_changes_nothing(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  const double first[3] = {1, 2, 3}, second[3] = {4, 5, 6};
  assert_ok(kvox_grid_init(&grid, (int64_t[]){1, 1, 1}, (double[]){1, 1, 1}, NULL));
  assert_ok(kvox_context_create(&options, &context));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_ok(kvox_volume_set_provenance(volume, "first"));
  assert_ok(kvox_volume_set_slice_origins(volume, first));
  heap->fail_at = heap->calls + 1;
  heap->fail_after = true;
  assert_int_equal(kvox_volume_set_provenance(volume, "second"), KVOX_ERROR_MEMORY);
  assert_int_equal(kvox_volume_set_slice_origins(volume, second), KVOX_ERROR_MEMORY);
  assert_int_equal(kvox_volume_describe(volume, &grid, KVOX_UNIT_HU, "third"), KVOX_ERROR_MEMORY);
  assert_string_equal(kvox_volume_provenance(volume), "first");
  assert_true(kvox_volume_slice_origins(volume)[0] == 1);
  assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_ARBITRARY);
  /* The provenance that it has already costs nothing. */
  assert_ok(kvox_volume_describe(volume, &grid, KVOX_UNIT_HU, "first"));
  kvox_volume_destroy(volume);
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails),
                                     cmocka_unit_test(describe_without_memory),
                                     cmocka_unit_test(failed_change_changes_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

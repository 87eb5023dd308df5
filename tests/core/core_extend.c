/* What companion libraries use, and workspaces from the inside. */
#include "kvox/extend.h"

#include "context/workspace.h"
#include "failing_heap.h"

typedef struct logged {
  int count;
  int32_t level;
  char text[2048];
} logged;

static void remember(void *user, int32_t level, const char *text) {
  logged *last = user;
  last->count++;
  last->level = level;
  snprintf(last->text, sizeof last->text, "%s", text);
}

static void fails(void **state) {
  (void)state;
  assert_fails(KVOX_ERROR_IO, "cannot open x.npy, line 3",
               kvox_extend_fail(KVOX_ERROR_IO, "cannot open %s, line %d", "x.npy", 3));
}

static void allocates(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  for (uint64_t bytes = 0; bytes < 300; bytes += 13) {
    char *memory = kvox_extend_allocate(context, bytes);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 64, 0);
    memset(memory, 1, bytes);
    kvox_extend_release(context, memory);
  }
  kvox_extend_release(context, NULL);
  const int64_t calls = heap->calls;
  assert_null(kvox_extend_allocate(context, UINT64_MAX));
  assert_non_null(strstr(kvox_last_error(), "18446744073709551615 bytes"));
  assert_null(kvox_extend_allocate(context, (uint64_t)INT64_MAX));
  assert_int_equal(heap->calls, calls); /* a size that is none never reaches the host */
  heap->fail_at = heap->calls + 1;
  assert_null(kvox_extend_allocate(context, 10));
  assert_non_null(strstr(kvox_last_error(), "out of memory: 10 bytes"));
  assert_null(kvox_extend_allocate(NULL, 10));
  assert_non_null(strstr(kvox_last_error(), "context is NULL"));
  kvox_extend_release(NULL, NULL);
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
}

static void logs(void **state) {
  (void)state;
  logged last = {0};
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.log = remember;
  options.log_user = &last;
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  kvox_extend_log(context, KVOX_LOG_WARNING, "read %d of %d", 3, 4);
  assert_int_equal(last.level, KVOX_LOG_WARNING);
  assert_string_equal(last.text, "read 3 of 4");
  kvox_context_destroy(context);
  assert_ok(kvox_context_create(NULL, &context));
  kvox_extend_log(context, KVOX_LOG_INFO, "heard by nobody");
  kvox_extend_log(NULL, KVOX_LOG_INFO, "nor this");
  assert_int_equal(last.count, 1);
  kvox_context_destroy(context);
}

static void multiplies(void **state) {
  (void)state;
  int64_t product = 0;
  assert_ok(kvox_extend_multiply(INT64_C(3037000499), INT64_C(3037000499), &product));
  assert_true(product == INT64_C(9223372030926249001));
  assert_ok(kvox_extend_multiply(0, INT64_MAX, &product));
  assert_true(product == 0);
  assert_fails(KVOX_ERROR_SIZE, "4294967296 * 2147483648",
               kvox_extend_multiply(INT64_C(1) << 32, INT64_C(1) << 31, &product));
  assert_fails(KVOX_ERROR_SIZE, "-1 * 5", kvox_extend_multiply(-1, 5, &product));
  assert_fails(KVOX_ERROR_SIZE, "5 * -1", kvox_extend_multiply(5, -1, &product));
  assert_fails(KVOX_ERROR_ARGUMENT, "product is NULL", kvox_extend_multiply(5, 1, NULL));
}

static void stages(void **state) {
  (void)state;
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_context_create(NULL, &context));
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_workspace_begin(workspace, 0));
  kvox_workspace_add(workspace, "filter", 1);
  kvox_workspace_add(workspace, "backproject", 2);
  kvox_workspace_add(workspace, "filter", 0.5);
  assert_int_equal(kvox_workspace_stage_count(workspace), 2);
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "filter");
  assert_true(kvox_workspace_stage_seconds(workspace, 0) == 1.5);
  assert_true(kvox_workspace_stage_seconds(workspace, 1) == 2);
  assert_null(kvox_workspace_stage_name(workspace, 2));
  assert_null(kvox_workspace_stage_name(workspace, -1));
  assert_true(kvox_workspace_stage_seconds(workspace, 2) == 0);
  static const char *const many[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                     "j", "k", "l", "m", "n", "o", "p", "q", "r"};
  for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
    kvox_workspace_add(workspace, many[i], 1);
  }
  assert_int_equal(kvox_workspace_stage_count(workspace), KVOX_MOST_STAGES);
  kvox_workspace_add(workspace, "filter", 1);
  assert_true(kvox_workspace_stage_seconds(workspace, 0) == 2.5);
  assert_ok(kvox_workspace_begin(workspace, 0));
  assert_int_equal(kvox_workspace_stage_count(workspace), 0);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
}

/* It grows, never shrinks, and asks for nothing when it is large enough. */
static void workspace_grows(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_context_create(&options, &context));
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_workspace_begin(workspace, 1000));
  assert_int_equal(kvox_workspace_bytes(workspace), 1000);
  memset(workspace->block, 1, 1000);
  const int64_t calls = heap->calls;
  assert_ok(kvox_workspace_begin(workspace, 1000));
  assert_ok(kvox_workspace_begin(workspace, 10));
  assert_int_equal(heap->calls, calls);
  assert_int_equal(kvox_workspace_bytes(workspace), 1000);
  heap->fail_at = heap->calls + 1;
  assert_int_equal(kvox_workspace_begin(workspace, 2000), KVOX_ERROR_MEMORY);
  assert_int_equal(kvox_workspace_bytes(workspace), 0);
  assert_ok(kvox_workspace_begin(workspace, 2000));
  assert_int_equal(kvox_workspace_bytes(workspace), 2000);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(fails),  cmocka_unit_test(allocates),
                                     cmocka_unit_test(logs),   cmocka_unit_test(multiplies),
                                     cmocka_unit_test(stages), cmocka_unit_test(workspace_grows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

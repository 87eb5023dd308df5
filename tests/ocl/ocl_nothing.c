/* A machine whose OpenCL is not there or of no use, arranged by the environment: KVOX_TEST_REASON is what is said. */
#include <stdlib.h>

#include "failing_heap.h"
#include "kvox/kvox.h"

static void nothing_is_found(void **state) {
  (void)state;
  const char *reason = getenv("KVOX_TEST_REASON");
  assert_non_null(reason);
  unsetenv("KVOX_BACKEND");
  unsetenv("KVOX_DEVICE");
  kvox_device_info info;
  kvox_device_info_init(&info);
  assert_int_equal(kvox_device_count(), 0);
  assert_non_null(strstr(kvox_last_error(), reason));
  assert_fails(KVOX_ERROR_DEVICE, reason, kvox_device_get(0, &info));
  assert_int_equal(kvox_device_count(), 0); /* and once more, now that it is known */

  failing_heap *heap = failing_heap_create();
  kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  char text[2048];
  kvox_extend_fail(KVOX_ERROR_DATA, "earlier");
  assert_ok(kvox_context_create(&options, &context));
  assert_string_equal(kvox_last_error(), "earlier");
  assert_int_equal(kvox_context_backend(context), KVOX_BACKEND_CPU);
  kvox_context_describe(context, text, sizeof text);
  assert_non_null(strstr(text, reason));
  kvox_context_destroy(context);

  options.backend = KVOX_BACKEND_OPENCL;
  assert_fails(KVOX_ERROR_DEVICE, reason, kvox_context_create(&options, &context));
  setenv("KVOX_BACKEND", "opencl", 1);
  options.backend = KVOX_BACKEND_AUTO;
  assert_fails(KVOX_ERROR_DEVICE, reason, kvox_context_create(&options, &context));
  failing_heap_destroy(heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_found)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

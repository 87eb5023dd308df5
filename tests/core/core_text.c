/* The text that grows and the JSON written into it. */
#include "core/text.h"

#include <math.h>
#include <stdlib.h>

#include "context/context.h"
#include "failing_heap.h"

static kvox_heap *heap_of(kvox_context *context) { return context->heap; }

static void writes_json(void **state) {
  kvox_text text;
  kvox_text_start(&text, heap_of(*state));
  kvox_json_open(&text, NULL, '{');
  kvox_json_string(&text, "plain", "a");
  kvox_json_string(&text, "odd", "quote \" slash \\ line\n tab\t \x01 \xc3\xa9");
  kvox_json_number(&text, "tenth", 0.1);
  kvox_json_number(&text, "none", NAN);
  kvox_json_number(&text, "endless", -INFINITY);
  kvox_json_integer(&text, "least", INT64_MIN);
  kvox_json_bool(&text, "yes", true);
  kvox_json_open(&text, "list", '[');
  kvox_json_integer(&text, NULL, 1);
  kvox_json_integer(&text, NULL, 2);
  kvox_json_open(&text, NULL, '{');
  kvox_json_close(&text, '}');
  kvox_json_close(&text, ']');
  kvox_json_bool(&text, "no", false);
  kvox_json_close(&text, '}');
  assert_ok(text.status);
  assert_string_equal(text.bytes,
                      "{\"plain\": \"a\", \"odd\": \"quote \\\" slash \\\\ line\\u000a tab\\u0009 \\u0001 \xc3\xa9\", "
                      "\"tenth\": 0.10000000000000001, \"none\": null, \"endless\": null, "
                      "\"least\": -9223372036854775808, \"yes\": true, \"list\": [1, 2, {}], \"no\": false}");
  kvox_text_release(&text);
}

static void grows(void **state) {
  kvox_text text;
  kvox_text_start(&text, heap_of(*state));
  for (int i = 0; i < 5000; i++) {
    kvox_text_add(&text, "%d,", i % 10);
  }
  assert_ok(text.status);
  assert_int_equal(text.used, 10000);
  assert_int_equal(strlen(text.bytes), 10000);
  for (size_t i = 0; i < 5000; i++) {
    assert_int_equal(text.bytes[2 * i], '0' + (int)(i % 10));
  }
  kvox_text_release(&text);
}

/* A text without a byte in it was never allocated; releasing it is fine. */
static void empty(void **state) {
  kvox_text text;
  kvox_text_start(&text, heap_of(*state));
  assert_null(text.bytes);
  kvox_text_release(&text);
}

static void copies(void **state) {
  (void)state;
  char out[8];
  for (size_t size = 0; size <= sizeof out; size++) {
    memset(out, '#', sizeof out);
    assert_int_equal(kvox_text_copy("abcde", out, size), 5);
    if (size > 0) {
      const size_t kept = size > 5 ? 5 : size - 1;
      assert_memory_equal(out, "abcde", kept);
      assert_int_equal(out[kept], '\0');
    }
    for (size_t i = size; i < sizeof out; i++) {
      assert_int_equal(out[i], '#');
    }
  }
  assert_int_equal(kvox_text_copy("abc", NULL, 0), 3);
}

static kvox_status write_much(const kvox_context_options *options, void *data) {
  (void)data;
  kvox_context *context = NULL;
  const kvox_status made = kvox_context_create(options, &context);
  if (made != KVOX_OK) {
    return made;
  }
  kvox_text text;
  kvox_text_start(&text, context->heap);
  for (int i = 0; i < 1000; i++) {
    kvox_json_string(&text, "name", "value");
  }
  const kvox_status status = text.status;
  kvox_text_release(&text);
  kvox_context_destroy(context);
  return status;
}

/* The first failure sticks, and what comes after it does no harm. */
static void without_memory(void **state) {
  (void)state;
  assert_true(failing_heap_try(write_much, NULL) > 3);
}

static int open_context(void **state) {
  kvox_context *context = NULL;
  const kvox_status status = kvox_context_create(NULL, &context);
  *state = context;
  return status;
}

static int close_context(void **state) {
  kvox_context_destroy(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(writes_json), cmocka_unit_test(grows), cmocka_unit_test(empty),
                                     cmocka_unit_test(copies), cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, open_context, close_context);
}

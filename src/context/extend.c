/* What companion libraries see of the inside. */
#include "kvox/extend.h"

#include <inttypes.h>
#include <stdio.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"

kvox_status kvox_extend_fail(kvox_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  kvox_fail_va(status, format, arguments);
  va_end(arguments);
  return status;
}

void *kvox_extend_allocate(kvox_context *context, uint64_t bytes) {
  if (context == NULL) {
    kvox_fail(KVOX_ERROR_ARGUMENT, "%s: context is NULL", __func__);
    return NULL;
  }
  return kvox_allocate(context->heap, bytes);
}

void kvox_extend_release(kvox_context *context, void *memory) {
  if (context != NULL) {
    kvox_release(context->heap, memory);
  }
}

kvox_context *kvox_extend_hold(kvox_context *context) { return context != NULL ? kvox_context_hold(context) : NULL; }

kvox_status kvox_extend_load_options(void *known, size_t known_size, const void *given, const char *name) {
  return kvox_options_load(known, known_size, given, name);
}

void kvox_extend_clear_options(void *options, size_t struct_size) { kvox_options_clear(options, struct_size); }

void kvox_extend_log(kvox_context *context, int32_t level, const char *format, ...) {
  if (context == NULL) {
    return;
  }
  char text[KVOX_SENTENCE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  kvox_log(context->heap, level, "%s", text);
}

kvox_status kvox_extend_multiply(int64_t a, int64_t b, int64_t *product) {
  KVOX_REQUIRE(product);
  if (!kvox_multiply(a, b, product)) {
    return kvox_fail(KVOX_ERROR_SIZE, "%" PRId64 " * %" PRId64 " is no size", a, b);
  }
  return KVOX_OK;
}

char *kvox_extend_format(double value, int32_t digits, char *text, size_t size) {
  return kvox_format_number(value, digits, text, size);
}

const char *kvox_extend_parse(const char *text, double *value) { return kvox_parse_number(text, value); }

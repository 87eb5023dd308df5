#include "core/fail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[KVOX_SENTENCE_BYTES];

const char *kvox_last_error(void) { return sentence; }

kvox_status kvox_fail_va(kvox_status status, const char *format, va_list arguments) {
  /* The arguments may point into the old sentence (an inner failure quoted by an outer one). */
  char text[KVOX_SENTENCE_BYTES];
  vsnprintf(text, sizeof text, format, arguments);
  snprintf(sentence, sizeof sentence, "%s", text);
  return status;
}

kvox_status kvox_fail(kvox_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  kvox_fail_va(status, format, arguments);
  va_end(arguments);
  return status;
}

kvox_sentence kvox_sentence_keep(void) {
  kvox_sentence kept;
  memcpy(kept.text, sentence, sizeof kept.text);
  return kept;
}

void kvox_sentence_put_back(const kvox_sentence *kept) { memcpy(sentence, kept->text, sizeof sentence); }

kvox_status kvox_fail_limit(const char *name, uint64_t limit, uint64_t least) {
  return kvox_fail(KVOX_ERROR_MEMORY_LIMIT,
                   "%s: the memory limit is %" PRIu64 " bytes, at least %" PRIu64 " are needed", name, limit, least);
}

const char *kvox_version(void) {
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
  return TEXT(KVOX_VERSION_MAJOR) "." TEXT(KVOX_VERSION_MINOR) "." TEXT(KVOX_VERSION_PATCH);
}

const char *kvox_status_string(kvox_status status) {
  switch (status) {
    case KVOX_OK: return "ok";
    case KVOX_ERROR_ARGUMENT: return "wrong argument";
    case KVOX_ERROR_SIZE: return "sizes disagree";
    case KVOX_ERROR_MEMORY: return "out of memory";
    case KVOX_ERROR_MEMORY_LIMIT: return "memory limit too small";
    case KVOX_ERROR_DATA: return "unusable samples";
    case KVOX_ERROR_GEOMETRY: return "unusable geometry";
    case KVOX_ERROR_FORMAT: return "malformed file";
    case KVOX_ERROR_IO: return "file cannot be opened, read or written";
    case KVOX_ERROR_UNSUPPORTED: return "not supported";
    case KVOX_ERROR_DEVICE: return "device failed";
    case KVOX_ERROR_CANCELLED: return "cancelled";
    case KVOX_ERROR_INTERNAL: return "internal error";
    default: return "unknown status";
  }
}

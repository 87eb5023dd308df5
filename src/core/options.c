#include "core/options.h"

#include <string.h>

#include "core/fail.h"

/* No version will have so large a struct: beyond it, struct_size was never set. */
enum { MOST_BYTES = 65536 };

static kvox_status read_size(const void *given, const char *name, size_t *size) {
  memcpy(size, given, sizeof *size);
  if (*size < sizeof *size || *size > MOST_BYTES) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: struct_size is %zu; prepare the struct with its init macro", name,
                     *size);
  }
  return KVOX_OK;
}

kvox_status kvox_options_load(void *known, size_t known_size, const void *given, const char *name) {
  size_t size = 0;
  KVOX_TRY(read_size(given, name, &size));
  const unsigned char *bytes = given;
  for (size_t i = known_size; i < size; i++) {
    if (bytes[i] != 0) {
      return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                       "%s: made for a newer library: a member beyond byte %zu is set that version %s does not know",
                       name, known_size, kvox_version());
    }
  }
  memcpy(known, given, size < known_size ? size : known_size);
  memcpy(known, &known_size, sizeof known_size);
  return KVOX_OK;
}

kvox_status kvox_options_store(const void *known, size_t known_size, void *given, const char *name) {
  size_t size = 0;
  KVOX_TRY(read_size(given, name, &size));
  memset(given, 0, size);
  memcpy(given, known, size < known_size ? size : known_size);
  memcpy(given, &size, sizeof size);
  return KVOX_OK;
}

void kvox_options_clear(void *options, size_t struct_size) {
  if (options != NULL && struct_size >= sizeof struct_size) {
    memset(options, 0, struct_size);
    memcpy(options, &struct_size, sizeof struct_size);
  }
}

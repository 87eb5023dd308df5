#include "core/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"

void kvox_text_start(kvox_text *text, kvox_heap *heap) { *text = (kvox_text){.heap = heap, .status = KVOX_OK}; }

void kvox_text_release(kvox_text *text) {
  kvox_release(text->heap, text->bytes);
  text->bytes = NULL;
}

static bool make_room(kvox_text *text, size_t more) {
  if (text->status != KVOX_OK) {
    return false;
  }
  if (text->used + more + 1 <= text->room) {
    return true;
  }
  const size_t room = 2 * (text->used + more + 1) + 256;
  char *bytes = kvox_allocate(text->heap, room);
  if (bytes == NULL) {
    text->status = KVOX_ERROR_MEMORY;
    return false;
  }
  if (text->bytes != NULL) {
    memcpy(bytes, text->bytes, text->used + 1);
    kvox_release(text->heap, text->bytes);
  }
  text->bytes = bytes;
  text->room = room;
  return true;
}

static void add_bytes(kvox_text *text, const char *bytes, size_t count) {
  if (make_room(text, count)) {
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    text->bytes[text->used] = '\0';
  }
}

void kvox_text_add(kvox_text *text, const char *format, ...) {
  char line[KVOX_SENTENCE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  add_bytes(text, line, strlen(line));
}

static void add_quoted(kvox_text *text, const char *value) {
  add_bytes(text, "\"", 1);
  for (const char *c = value; *c != '\0'; c++) {
    const unsigned char byte = (unsigned char)*c;
    if (byte == '"' || byte == '\\') {
      add_bytes(text, "\\", 1);
      add_bytes(text, c, 1);
    } else if (byte < 0x20) {
      kvox_text_add(text, "\\u%04x", (unsigned)byte);
    } else {
      add_bytes(text, c, 1);
    }
  }
  add_bytes(text, "\"", 1);
}

static void begin_member(kvox_text *text, const char *name) {
  if (text->comma) {
    add_bytes(text, ", ", 2);
  }
  text->comma = true;
  if (name != NULL) {
    add_quoted(text, name);
    add_bytes(text, ": ", 2);
  }
}

void kvox_json_open(kvox_text *text, const char *name, char bracket) {
  begin_member(text, name);
  add_bytes(text, &bracket, 1);
  text->comma = false;
}

void kvox_json_close(kvox_text *text, char bracket) {
  add_bytes(text, &bracket, 1);
  text->comma = true;
}

void kvox_json_string(kvox_text *text, const char *name, const char *value) {
  begin_member(text, name);
  add_quoted(text, value);
}

void kvox_json_number(kvox_text *text, const char *name, double value) {
  char number[KVOX_NUMBER_BYTES];
  begin_member(text, name);
  /* JSON has no word for infinity or NaN. */
  kvox_text_add(text, "%s", isfinite(value) ? kvox_format_number(value, 17, number, sizeof number) : "null");
}

void kvox_json_integer(kvox_text *text, const char *name, int64_t value) {
  begin_member(text, name);
  kvox_text_add(text, "%" PRId64, value);
}

void kvox_json_bool(kvox_text *text, const char *name, bool value) {
  begin_member(text, name);
  kvox_text_add(text, "%s", value ? "true" : "false");
}

size_t kvox_text_copy(const char *text, char *out, size_t size) {
  const size_t length = strlen(text);
  if (out != NULL && size > 0) {
    const size_t kept = length < size ? length : size - 1;
    memcpy(out, text, kept);
    out[kept] = '\0';
  }
  return length;
}

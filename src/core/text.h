/* A text that grows, and JSON written into it. The first failure sticks; it is asked for once, at the end. */
#ifndef KVOX_CORE_TEXT_H
#define KVOX_CORE_TEXT_H

#include <stdbool.h>

#include "core/heap.h"

typedef struct kvox_text {
  kvox_heap *heap;
  char *bytes; /* always ended by 0 once something was added */
  size_t used, room;
  kvox_status status;
  bool comma; /* the next JSON member needs one before it */
} kvox_text;

void kvox_text_start(kvox_text *text, kvox_heap *heap);
void kvox_text_release(kvox_text *text);
void kvox_text_add(kvox_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* JSON. `name` is NULL inside a list. */
void kvox_json_open(kvox_text *text, const char *name, char bracket);
void kvox_json_close(kvox_text *text, char bracket);
void kvox_json_string(kvox_text *text, const char *name, const char *value);
void kvox_json_number(kvox_text *text, const char *name, double value);
void kvox_json_integer(kvox_text *text, const char *name, int64_t value);
void kvox_json_bool(kvox_text *text, const char *name, bool value);

/* Copies what fits into `out`, ended by 0 where size > 0, and returns the whole length. */
size_t kvox_text_copy(const char *text, char *out, size_t size);

#endif

/* kvox: what every verb is made of. The command sees public headers alone. */
#ifndef KVOX_TOOL_TOOL_H
#define KVOX_TOOL_TOOL_H

#include <cjson/cJSON.h>
#include "kvox/kvox.h"

#include "tool/options.h"

/* Exit statuses that others script against. */
enum { KVOX_TOOL_DONE = 0, KVOX_TOOL_FAILED = 1, KVOX_TOOL_USAGE = 2 };

typedef struct kvox_tool {
  const char *verb;
  const kvox_tool_common *common;
  kvox_context *context;
  cJSON *report; /* what is printed when the verb has succeeded */
  double started;
} kvox_tool;

typedef struct kvox_tool_verb {
  const char *name;
  const char *operands; /* as the usage line shows them */
  const char *summary;
  int least_operands, most_operands;
  const kvox_tool_option *options; /* beside the common ones; ended by a NULL name */
  size_t values_size;              /* a struct that begins with kvox_tool_common */
  int (*run)(kvox_tool *tool, const void *values);
} kvox_tool_verb;

extern const kvox_tool_verb kvox_tool_info;
extern const kvox_tool_verb kvox_tool_phantom;
extern const kvox_tool_verb kvox_tool_ct;
extern const kvox_tool_verb kvox_tool_mri;
extern const kvox_tool_verb kvox_tool_compare;
extern const kvox_tool_verb kvox_tool_bench;

/* Prints "kvox VERB: sentence" on standard error and returns `code`. */
int kvox_tool_refuse(const kvox_tool *tool, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* 0 for KVOX_OK; otherwise prints the library's sentence, led by `about` (a file or an option; NULL: none) where the
 * sentence does not name it, with the remedy that a user of the command has, and returns KVOX_TOOL_FAILED. */
int kvox_tool_check(const kvox_tool *tool, kvox_status status, const char *about);

/* The library's last sentence, without the function's name. */
const char *kvox_tool_last_sentence(void);

/* Prints a note on standard error, unless --quiet. */
void kvox_tool_note(const kvox_tool *tool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Seconds of the monotonic clock. */
double kvox_tool_now(void);

#endif

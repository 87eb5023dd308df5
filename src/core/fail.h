/* The one error path: a status is returned and the thread's sentence set, in one call. */
#ifndef KVOX_CORE_FAIL_H
#define KVOX_CORE_FAIL_H

#include <stdarg.h>

#include "kvox/base.h"

/* Longest sentence kept, its ending 0 included; longer ones are cut. */
enum { KVOX_SENTENCE_BYTES = 1024 };

kvox_status kvox_fail(kvox_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
kvox_status kvox_fail_va(kvox_status status, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* The thread's sentence, kept by what may fail one way and then succeed another: success leaves the sentence alone. */
typedef struct kvox_sentence {
  char text[KVOX_SENTENCE_BYTES];
} kvox_sentence;
kvox_sentence kvox_sentence_keep(void);
void kvox_sentence_put_back(const kvox_sentence *kept);

/* KVOX_ERROR_MEMORY_LIMIT, with both numbers of bytes. `name` opens the sentence. */
kvox_status kvox_fail_limit(const char *name, uint64_t limit, uint64_t least);

/* `return` from a function that has nothing to clean up. */
#define KVOX_TRY(call)                    \
  do {                                    \
    const kvox_status kvox_try_ = (call); \
    if (kvox_try_ != KVOX_OK) {           \
      return kvox_try_;                   \
    }                                     \
  } while (0)

/* `goto cleanup` with `status` set, from a function that has. */
#define KVOX_TRY_CLEANUP(call) \
  do {                         \
    status = (call);           \
    if (status != KVOX_OK) {   \
      goto cleanup;            \
    }                          \
  } while (0)

#define KVOX_REQUIRE(pointer)                                                      \
  do {                                                                             \
    if ((pointer) == NULL) {                                                       \
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: %s is NULL", __func__, #pointer); \
    }                                                                              \
  } while (0)

#endif

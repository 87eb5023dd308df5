/* Kvox: what a companion library (formats, bindings in C) needs of the inside to fail, allocate and log as Kvox does.
 */
#ifndef KVOX_EXTEND_H
#define KVOX_EXTEND_H

#include <kvox/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KVOX_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define KVOX_PRINTF(text, first)
#endif

/* Sets this thread's error sentence and returns `status`: `return kvox_extend_fail(KVOX_ERROR_IO, "...", ...);`.
 * Floating numbers go through kvox_extend_format so that no locale shows. */
KVOX_API kvox_status kvox_extend_fail(kvox_status status, const char *format, ...) KVOX_PRINTF(2, 3);

/* Memory from the context's allocator, aligned to 64 bytes, not cleared; NULL with the sentence set. Release takes
 * NULL. */
KVOX_API void *kvox_extend_allocate(kvox_context *context, uint64_t bytes);
KVOX_API void kvox_extend_release(kvox_context *context, void *memory);

/* One more hold on the context, for an object that allocates from it; kvox_context_destroy gives it up. */
KVOX_API kvox_context *kvox_extend_hold(kvox_context *context);

/*
 * Structs that grow. Load copies a caller's struct, of whatever version, over `known`, whose bytes hold the defaults
 * for members that the caller's lacks; `name` opens the sentence. Clear is what an init function does.
 */
KVOX_API kvox_status kvox_extend_load_options(void *known, size_t known_size, const void *given, const char *name);
KVOX_API void kvox_extend_clear_options(void *options, size_t struct_size);

KVOX_API void kvox_extend_log(kvox_context *context, int32_t level, const char *format, ...) KVOX_PRINTF(3, 4);

/* a * b; KVOX_ERROR_SIZE when it does not fit 63 bits or one is negative. */
KVOX_API kvox_status kvox_extend_multiply(int64_t a, int64_t b, int64_t *product);

/* Numbers without the locale. Format writes `digits` (1 to 17) significant digits, always ended by 0, and returns
 * `text`; parse reads one number and returns where it ended, or NULL where there is none. */
KVOX_API char *kvox_extend_format(double value, int32_t digits, char *text, size_t size);
KVOX_API const char *kvox_extend_parse(const char *text, double *value);

#ifdef __cplusplus
}
#endif

#endif

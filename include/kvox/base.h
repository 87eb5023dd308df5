/* Kvox: version, status codes, the error sentence. */
#ifndef KVOX_BASE_H
#define KVOX_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(KVOX_STATIC) || !defined(__GNUC__)
#define KVOX_API
#else
#define KVOX_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define KVOX_VERSION_MAJOR 0
#define KVOX_VERSION_MINOR 1
#define KVOX_VERSION_PATCH 0

/* The version of the library that runs, "major.minor.patch"; a constant string. */
KVOX_API const char *kvox_version(void);

/*
 * What a call came to. 0 is success; a number never changes its meaning. A caller that meets a number it does not
 * know treats it as a failure.
 */
typedef int32_t kvox_status;

enum {
  KVOX_OK = 0,
  KVOX_ERROR_ARGUMENT = 1,     /* an argument is wrong in itself: NULL, negative, out of its range */
  KVOX_ERROR_SIZE = 2,         /* sizes disagree, or a product of sizes does not fit 64 bits */
  KVOX_ERROR_MEMORY = 3,       /* the allocator gave nothing */
  KVOX_ERROR_MEMORY_LIMIT = 4, /* the work does not fit the memory limit; the sentence names the least that would do */
  KVOX_ERROR_DATA = 5,         /* samples that cannot be used: NaN, infinite, a flat field of zero */
  KVOX_ERROR_GEOMETRY = 6,     /* the geometry cannot give what was asked: an arc too short, rows outside */
  KVOX_ERROR_FORMAT = 7,       /* a file is not what its name says, is truncated or contradicts itself */
  KVOX_ERROR_IO = 8,           /* the operating system refused to open, read or write */
  KVOX_ERROR_UNSUPPORTED = 9,  /* well-formed, but not something this build does */
  KVOX_ERROR_DEVICE = 10,      /* no device, or a device failed */
  KVOX_ERROR_CANCELLED = 11,   /* the caller's progress function asked to stop */
  KVOX_ERROR_INTERNAL = 12     /* a fault of the library; please report it */
};

/* The name of a status ("ok", "wrong argument", ...); a constant string, also for numbers that mean nothing. */
KVOX_API const char *kvox_status_string(kvox_status status);

/*
 * This thread's last failure as one full sentence: which argument, its value, what would be right. The text belongs to
 * the thread and stays until the thread's next failure; successful calls and every destroy leave it alone. Empty before
 * the first failure. Never NULL. It never holds patient data: only names, sizes and numbers of arguments.
 */
KVOX_API const char *kvox_last_error(void);

#ifdef __cplusplus
}
#endif

#endif

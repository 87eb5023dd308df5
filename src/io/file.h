/* Files to read (or bytes in memory read like one), and files that appear whole or not at all. */
#ifndef KVOX_IO_FILE_H
#define KVOX_IO_FILE_H

#include <stdarg.h>
#include <stdbool.h>

#include "kvox/extend.h"

typedef struct kvox_io_file {
  kvox_context *context;
  const char *path; /* NULL: memory */
  const char *name; /* the path's last part: it opens every sentence */
  int descriptor;
  const unsigned char *bytes; /* of a file in memory */
  int64_t size;
  int64_t position;
} kvox_io_file;

/* Opens a regular file; `path` must live as long. */
kvox_status kvox_io_file_open(kvox_context *context, const char *path, kvox_io_file *file);
kvox_io_file kvox_io_file_in_memory(kvox_context *context, const char *name, const void *bytes, int64_t size);
void kvox_io_file_close(kvox_io_file *file);

/* All of `bytes`, or KVOX_ERROR_FORMAT where the file ends before. */
kvox_status kvox_io_file_read(kvox_io_file *file, void *out, int64_t bytes);

/* KVOX_ERROR_FORMAT beyond the end. */
kvox_status kvox_io_file_seek(kvox_io_file *file, int64_t position);

/* "name: sentence". */
kvox_status kvox_io_file_fail(const kvox_io_file *file, kvox_status status, const char *format, ...) KVOX_PRINTF(3, 4);

/* The last part of a path. */
const char *kvox_io_name(const char *path);

/* What the operating system meant by errno, in words that do not follow the locale. */
const char *kvox_io_system_reason(int error, char *text, size_t size);

/* ---- Writing ---- */

/* The bytes go to a file of another name beside `path`; the first failure sticks and is asked for at the end. */
typedef struct kvox_io_output {
  kvox_context *context;
  const char *path;
  const char *name;
  char *temporary; /* its path */
  unsigned char *buffer;
  int descriptor;
  size_t used;
  int64_t position; /* bytes given so far */
  kvox_status status;
} kvox_io_output;

kvox_status kvox_io_output_open(kvox_context *context, const char *path, kvox_io_output *output);
void kvox_io_output_write(kvox_io_output *output, const void *bytes, size_t count);
void kvox_io_output_print(kvox_io_output *output, const char *format, ...) KVOX_PRINTF(2, 3);

/* The shortest of 15 to 17 digits that reads back as the same number. */
void kvox_io_output_number(kvox_io_output *output, double value);

/* Bytes at any place, also such that were already given; reading back what was given, zeros where that fails. */
void kvox_io_output_patch(kvox_io_output *output, int64_t position, const void *bytes, size_t count);
void kvox_io_output_read_back(kvox_io_output *output, int64_t position, void *bytes, size_t count);

/* Cuts or extends the file. */
void kvox_io_output_resize(kvox_io_output *output, int64_t size);

/* Everything is in the temporary file, or the failure. Commit then gives it its name. */
kvox_status kvox_io_output_finish(kvox_io_output *output);
kvox_status kvox_io_output_commit(kvox_io_output *output);

/* Removes what was not committed and gives memory back; safe on a zeroed struct. */
void kvox_io_output_end(kvox_io_output *output);

/* kvox_io_output_write as kvox_io_blocks takes it. */
kvox_status kvox_io_output_take(void *output, const void *bytes, size_t count);

/* "name: sentence", and the failure sticks. */
kvox_status kvox_io_output_fail(kvox_io_output *output, kvox_status status, const char *format, ...) KVOX_PRINTF(3, 4);

#endif

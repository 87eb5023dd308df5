/* zlib streams: out of a file, and into one. Their memory is the context's. */
#ifndef KVOX_IO_DEFLATE_H
#define KVOX_IO_DEFLATE_H

#include <zlib.h>

#include "io/file.h"

/* Inflates the next `stored` bytes of the file (zlib or gzip) into exactly `bytes` bytes. */
kvox_status kvox_io_inflate(kvox_io_file *file, int64_t stored, void *out, int64_t bytes);

typedef struct kvox_io_deflater {
  z_stream stream;
  kvox_io_output *output;
  unsigned char *buffer;
} kvox_io_deflater;

kvox_status kvox_io_deflate_begin(kvox_io_deflater *deflater, kvox_io_output *output);

/* As kvox_io_blocks takes it; `deflater` is a kvox_io_deflater. */
kvox_status kvox_io_deflate_take(void *deflater, const void *bytes, size_t count);

/* Writes what is left. */
kvox_status kvox_io_deflate_finish(kvox_io_deflater *deflater);
void kvox_io_deflate_end(kvox_io_deflater *deflater);

#endif

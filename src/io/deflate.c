#include "io/deflate.h"

#include <inttypes.h>
#include <string.h>

#include "io/io.h"

enum { BUFFER_BYTES = 1 << 16 };

/* What one call of zlib is given at most: its counters are 32 bits wide. */
static const int64_t most_at_once = 1 << 30;

/* 15 bits of window, +32: zlib and gzip headers are told apart. */
enum { WINDOW_BITS_EITHER = 15 + 32 };

static voidpf allocate(voidpf context, uInt items, uInt size) {
  return kvox_extend_allocate(context, (uint64_t)items * size);
}

static void release(voidpf context, voidpf memory) { kvox_extend_release(context, memory); }

static kvox_status inflate_failure(const kvox_io_file *file, int code, const z_stream *stream) {
  if (code == Z_MEM_ERROR) {
    return kvox_extend_fail(KVOX_ERROR_MEMORY, "%.200s: out of memory for its compressed data", file->name);
  }
  return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its compressed data are broken: %s",
                           code == Z_NEED_DICT   ? "they need a dictionary"
                           : stream->msg != NULL ? stream->msg
                                                 : "they end too early");
}

/* One call of inflate with as much input and room as its counters hold. */
static kvox_status inflate_some(kvox_io_file *file, z_stream *stream, unsigned char *buffer, int64_t *stored,
                                bool *ended) {
  if (stream->avail_in == 0 && *stored > 0) {
    const int64_t some = *stored < BUFFER_BYTES ? *stored : BUFFER_BYTES;
    KVOX_TRY(kvox_io_file_read(file, buffer, some));
    *stored -= some;
    stream->next_in = buffer;
    stream->avail_in = (uInt)some;
  }
  const int code = inflate(stream, Z_NO_FLUSH);
  if (code != Z_OK && code != Z_STREAM_END) {
    return inflate_failure(file, code, stream);
  }
  *ended = code == Z_STREAM_END;
  return KVOX_OK;
}

static kvox_status inflate_all(kvox_io_file *file, z_stream *stream, unsigned char *buffer, int64_t stored,
                               unsigned char *out, int64_t bytes) {
  int64_t filled = 0;
  bool ended = false;
  while (!ended) {
    /* When all is there, room of one byte more shows whether the stream ends as well. */
    unsigned char beyond = 0;
    const int64_t left = bytes - filled;
    const uInt room = left == 0 ? 1 : (uInt)(left < most_at_once ? left : most_at_once);
    stream->next_out = left == 0 ? &beyond : out + filled;
    stream->avail_out = room;
    KVOX_TRY(inflate_some(file, stream, buffer, &stored, &ended));
    filled += room - stream->avail_out;
    if (filled > bytes) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                               "its compressed data hold more than the %" PRId64 " bytes its header promises", bytes);
    }
  }
  if (filled != bytes) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "its compressed data hold %" PRId64 " bytes, its header promises %" PRId64, filled, bytes);
  }
  return KVOX_OK;
}

kvox_status kvox_io_inflate(kvox_io_file *file, int64_t stored, void *out, int64_t bytes) {
  z_stream stream = {.zalloc = allocate, .zfree = release, .opaque = file->context};
  unsigned char *buffer = kvox_extend_allocate(file->context, BUFFER_BYTES);
  if (buffer == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = KVOX_ERROR_MEMORY;
  const int code = inflateInit2(&stream, WINDOW_BITS_EITHER);
  if (code == Z_OK) {
    status = inflate_all(file, &stream, buffer, stored, out, bytes);
    inflateEnd(&stream);
  } else {
    status = inflate_failure(file, code, &stream);
  }
  kvox_extend_release(file->context, buffer);
  return status;
}

kvox_status kvox_io_deflate_begin(kvox_io_deflater *deflater, kvox_io_output *output) {
  *deflater = (kvox_io_deflater){.output = output};
  deflater->buffer = kvox_extend_allocate(output->context, BUFFER_BYTES);
  if (deflater->buffer == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  deflater->stream.zalloc = allocate;
  deflater->stream.zfree = release;
  deflater->stream.opaque = output->context;
  if (deflateInit(&deflater->stream, Z_DEFAULT_COMPRESSION) != Z_OK) {
    kvox_extend_release(output->context, deflater->buffer);
    *deflater = (kvox_io_deflater){0};
    return kvox_extend_fail(KVOX_ERROR_MEMORY, "%.200s: out of memory for compressing", output->name);
  }
  return KVOX_OK;
}

static kvox_status deflate_some(kvox_io_deflater *deflater, int flush) {
  z_stream *stream = &deflater->stream;
  do {
    stream->next_out = deflater->buffer;
    stream->avail_out = BUFFER_BYTES;
    if (deflate(stream, flush) == Z_STREAM_ERROR) {
      return kvox_io_output_fail(deflater->output, KVOX_ERROR_INTERNAL, "zlib fails");
    }
    kvox_io_output_write(deflater->output, deflater->buffer, BUFFER_BYTES - stream->avail_out);
  } while (stream->avail_out == 0);
  return deflater->output->status;
}

kvox_status kvox_io_deflate_take(void *user, const void *bytes, size_t count) {
  kvox_io_deflater *deflater = user;
  const unsigned char *at = bytes;
  while (count > 0) {
    const size_t some = count < (size_t)most_at_once ? count : (size_t)most_at_once;
    /* zlib only reads from next_in; its type lacks the const unless ZLIB_CONST is set for all. */
    deflater->stream.next_in = (Bytef *)(uintptr_t)at;
    deflater->stream.avail_in = (uInt)some;
    KVOX_TRY(deflate_some(deflater, Z_NO_FLUSH));
    at += some;
    count -= some;
  }
  return KVOX_OK;
}

kvox_status kvox_io_deflate_finish(kvox_io_deflater *deflater) {
  deflater->stream.avail_in = 0;
  return deflate_some(deflater, Z_FINISH);
}

void kvox_io_deflate_end(kvox_io_deflater *deflater) {
  if (deflater->buffer != NULL) {
    deflateEnd(&deflater->stream);
    kvox_extend_release(deflater->output->context, deflater->buffer);
    deflater->buffer = NULL;
  }
}

/* Files that appear whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/io.h"

enum { BUFFER_BYTES = 1 << 16 };

/* Names tried before giving up; the second is needed only when two threads meet in one nanosecond. */
enum { MOST_NAMES = 100 };

kvox_status kvox_io_output_fail(kvox_io_output *output, kvox_status status, const char *format, ...) {
  if (output->status != KVOX_OK) {
    return output->status;
  }
  char text[768];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  output->status = kvox_extend_fail(status, "%.200s: %s", output->name, text);
  return output->status;
}

static kvox_status system_failure(kvox_io_output *output, int error) {
  char text[64];
  return kvox_io_output_fail(output, KVOX_ERROR_IO, "it cannot be written: %s",
                             kvox_io_system_reason(error, text, sizeof text));
}

/* A name that nobody has, in the same folder, so that the rename stays within one file system. */
static kvox_status make_temporary(kvox_io_output *output) {
  const size_t folder = (size_t)(output->name - output->path);
  const size_t room = folder + 64;
  output->temporary = kvox_extend_allocate(output->context, room);
  if (output->temporary == NULL) {
    output->status = KVOX_ERROR_MEMORY;
    return output->status;
  }
  memcpy(output->temporary, output->path, folder);
  for (int i = 0; i < MOST_NAMES; i++) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(output->temporary + folder, room - folder, ".kvox-%lx-%llx-%lx-%x.part", (unsigned long)getpid(),
             (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec, (unsigned)i);
    output->descriptor = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (output->descriptor >= 0) {
      return KVOX_OK;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  const int error = errno;
  kvox_extend_release(output->context, output->temporary);
  output->temporary = NULL;
  return system_failure(output, error);
}

kvox_status kvox_io_output_open(kvox_context *context, const char *path, kvox_io_output *output) {
  *output = (kvox_io_output){.context = context, .path = path, .name = kvox_io_name(path), .descriptor = -1};
  struct stat state;
  /* Who may read the file that is replaced may read the new one, nobody else. */
  const bool replaced = stat(path, &state) == 0;
  if (replaced && !S_ISREG(state.st_mode)) {
    return kvox_io_output_fail(output, KVOX_ERROR_IO, "it cannot be written: there is %s of that name",
                               S_ISDIR(state.st_mode) ? "a folder" : "a device or pipe");
  }
  output->buffer = kvox_extend_allocate(context, BUFFER_BYTES);
  if (output->buffer == NULL) {
    output->status = KVOX_ERROR_MEMORY;
    return output->status;
  }
  if (make_temporary(output) == KVOX_OK && replaced && fchmod(output->descriptor, state.st_mode & 07777) != 0) {
    system_failure(output, errno);
  }
  return output->status;
}

static void write_at(kvox_io_output *output, const unsigned char *bytes, size_t count, int64_t position) {
  while (count > 0 && output->status == KVOX_OK) {
    /* One call of at most 1 GiB: Linux stops at 2. */
    const ssize_t put = pwrite(output->descriptor, bytes, count < (1u << 30) ? count : (1u << 30), (off_t)position);
    if (put < 0 && errno != EINTR) {
      system_failure(output, errno);
    } else if (put > 0) {
      bytes += put;
      count -= (size_t)put;
      position += put;
    }
  }
}

static void flush(kvox_io_output *output) {
  write_at(output, output->buffer, output->used, output->position - (int64_t)output->used);
  output->used = 0;
}

void kvox_io_output_write(kvox_io_output *output, const void *bytes, size_t count) {
  if (output->status != KVOX_OK) {
    return;
  }
  if (count > BUFFER_BYTES - output->used) {
    flush(output);
  }
  if (count > BUFFER_BYTES) {
    write_at(output, bytes, count, output->position);
  } else {
    memcpy(output->buffer + output->used, bytes, count);
    output->used += count;
  }
  output->position += (int64_t)count;
}

kvox_status kvox_io_output_take(void *output, const void *bytes, size_t count) {
  kvox_io_output_write(output, bytes, count);
  return ((kvox_io_output *)output)->status;
}

void kvox_io_output_print(kvox_io_output *output, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof text) {
    kvox_io_output_fail(output, KVOX_ERROR_INTERNAL, "a line of its header is too long");
    return;
  }
  kvox_io_output_write(output, text, (size_t)length);
}

void kvox_io_output_number(kvox_io_output *output, double value) {
  char text[32];
  for (int32_t digits = 15; digits <= 17; digits++) {
    double back = 0;
    kvox_extend_format(value, digits, text, sizeof text);
    if (kvox_extend_parse(text, &back) != NULL && back == value) {
      break;
    }
  }
  kvox_io_output_write(output, text, strlen(text));
}

void kvox_io_output_patch(kvox_io_output *output, int64_t position, const void *bytes, size_t count) {
  flush(output);
  write_at(output, bytes, count, position);
}

void kvox_io_output_read_back(kvox_io_output *output, int64_t position, void *bytes, size_t count) {
  char *at = bytes;
  flush(output);
  while (count > 0) {
    const ssize_t got = pread(output->descriptor, at, count < (1u << 30) ? count : (1u << 30), (off_t)position);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      memset(at, 0, count);
      return;
    }
    at += got;
    position += got;
    count -= (size_t)got;
  }
}

void kvox_io_output_resize(kvox_io_output *output, int64_t size) {
  flush(output);
  if (output->status == KVOX_OK && ftruncate(output->descriptor, (off_t)size) != 0) {
    system_failure(output, errno);
  }
}

kvox_status kvox_io_output_finish(kvox_io_output *output) {
  flush(output);
  if (output->descriptor >= 0 && close(output->descriptor) != 0 && errno != EINTR) {
    system_failure(output, errno);
  }
  output->descriptor = -1;
  return output->status;
}

kvox_status kvox_io_output_commit(kvox_io_output *output) {
  if (kvox_io_output_finish(output) != KVOX_OK) {
    return output->status;
  }
  if (rename(output->temporary, output->path) != 0) {
    return system_failure(output, errno);
  }
  kvox_extend_release(output->context, output->temporary);
  output->temporary = NULL;
  return KVOX_OK;
}

void kvox_io_output_end(kvox_io_output *output) {
  if (output->context == NULL) {
    return;
  }
  if (output->descriptor >= 0) {
    close(output->descriptor);
  }
  if (output->temporary != NULL) {
    unlink(output->temporary);
    kvox_extend_release(output->context, output->temporary);
  }
  kvox_extend_release(output->context, output->buffer);
  *output = (kvox_io_output){.descriptor = -1};
}

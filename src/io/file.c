#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

/* One read or write system call moves at most this much (Linux stops at 2 GiB). */
static const int64_t most_at_once = INT64_C(1) << 30;

const char *kvox_io_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

const char *kvox_io_system_reason(int error, char *text, size_t size) {
  switch (error) {
    case ENOENT: return "there is no such file or folder";
    case EACCES:
    case EPERM: return "it is not permitted";
    case EROFS: return "the file system is read-only";
    case EISDIR: return "it is a folder";
    case ENOTDIR: return "a part of its path is no folder";
    case ENOSPC: return "no space is left";
    case EDQUOT: return "the disk quota is used up";
    case EFBIG: return "the file would be larger than is allowed";
    case ENAMETOOLONG: return "the name is too long";
    case EMFILE:
    case ENFILE: return "too many files are open";
    case ELOOP: return "its links go round in a circle";
    case EIO: return "the device failed";
    default: snprintf(text, size, "the operating system's error %d", error); return text;
  }
}

kvox_status kvox_io_file_fail(const kvox_io_file *file, kvox_status status, const char *format, ...) {
  char text[768];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return kvox_extend_fail(status, "%.200s: %s", file->name, text);
}

static kvox_status system_failure(const kvox_io_file *file, const char *what, int error) {
  char text[64];
  return kvox_io_file_fail(file, KVOX_ERROR_IO, "it cannot be %s: %s", what,
                           kvox_io_system_reason(error, text, sizeof text));
}

kvox_status kvox_io_file_open(kvox_context *context, const char *path, kvox_io_file *file) {
  *file = (kvox_io_file){.context = context, .path = path, .name = kvox_io_name(path), .descriptor = -1};
  /* Not blocking: a pipe without a writer would keep the caller here for ever. */
  file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->descriptor < 0) {
    return system_failure(file, "opened", errno);
  }
  struct stat state;
  kvox_status status = KVOX_OK;
  if (fstat(file->descriptor, &state) != 0) {
    status = system_failure(file, "examined", errno);
  } else if (S_ISDIR(state.st_mode)) {
    status = kvox_io_file_fail(file, KVOX_ERROR_IO, "it is a folder, must be a file");
  } else if (!S_ISREG(state.st_mode)) {
    status = kvox_io_file_fail(file, KVOX_ERROR_IO, "it is no regular file");
  }
  if (status != KVOX_OK) {
    kvox_io_file_close(file);
    return status;
  }
  file->size = (int64_t)state.st_size;
  return KVOX_OK;
}

kvox_io_file kvox_io_file_in_memory(kvox_context *context, const char *name, const void *bytes, int64_t size) {
  return (kvox_io_file){.context = context, .name = name, .descriptor = -1, .bytes = bytes, .size = size};
}

void kvox_io_file_close(kvox_io_file *file) {
  if (file->descriptor >= 0) {
    close(file->descriptor);
  }
  file->descriptor = -1;
}

kvox_status kvox_io_file_read(kvox_io_file *file, void *out, int64_t bytes) {
  if (bytes > file->size - file->position) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated: at byte %" PRId64 " it must have %" PRId64
                             " bytes more, it has %" PRId64,
                             file->position, bytes, file->size - file->position);
  }
  if (file->descriptor < 0) {
    memcpy(out, file->bytes + file->position, (size_t)bytes);
    file->position += bytes;
    return KVOX_OK;
  }
  char *to = out;
  while (bytes > 0) {
    const ssize_t got =
        pread(file->descriptor, to, (size_t)(bytes < most_at_once ? bytes : most_at_once), (off_t)file->position);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_failure(file, "read", errno);
    }
    if (got == 0) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it became shorter while it was read");
    }
    to += got;
    bytes -= got;
    file->position += got;
  }
  return KVOX_OK;
}

kvox_status kvox_io_file_seek(kvox_io_file *file, int64_t position) {
  if (position < 0 || position > file->size) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated: something must be at byte %" PRId64 ", it has %" PRId64 " bytes",
                             position, file->size);
  }
  file->position = position;
  return KVOX_OK;
}

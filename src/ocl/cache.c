/*
 * Built programs in a folder that the host names: KEY.kvoxcl, one file a program. Nothing else is written or read
 * there, and a file holds nothing but the program.
 */
#define _GNU_SOURCE /* mkostemp */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "ocl/program.h"

/* The last digit counts versions of this layout. All members are characters: the same on every machine. */
typedef struct kvox_ocl_header {
  char magic[8];
  char key[64];
  char sha256[64]; /* of the binary */
  char bytes[16];  /* of the binary, as hexadecimal digits */
} kvox_ocl_header;

static const char magic[9] = "KVOXCL01";

/* A program of a few kernels has some 10 KB to 10 MB. */
#define MOST_BYTES ((size_t)256 << 20)

static void make_header(kvox_ocl_header *header, const char *key, const unsigned char *binary, size_t bytes) {
  char text[65];
  kvox_hash hash;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, binary, bytes);
  kvox_hash_end(&hash, text);
  memcpy(header->magic, magic, sizeof header->magic);
  memcpy(header->key, key, sizeof header->key);
  memcpy(header->sha256, text, sizeof header->sha256);
  snprintf(text, sizeof text, "%016zx", bytes);
  memcpy(header->bytes, text, sizeof header->bytes);
}

/* FOLDER/KEY and an ending; NULL without memory. */
static char *make_path(kvox_heap *heap, const char *folder, const char *key, const char *ending) {
  const size_t room = strlen(folder) + 1 + strlen(key) + strlen(ending) + 1;
  char *path = kvox_allocate(heap, room);
  if (path != NULL) {
    snprintf(path, room, "%s/%s%s", folder, key, ending);
  }
  return path;
}

static bool read_all(int file, void *bytes, size_t count) {
  char *at = bytes;
  while (count > 0) {
    const ssize_t got = read(file, at, count);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) {
        continue;
      }
      return false;
    }
    at += got;
    count -= (size_t)got;
  }
  return true;
}

static bool write_all(int file, const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    const ssize_t put = write(file, at, count);
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    at += put;
    count -= (size_t)put;
  }
  return true;
}

/* The size of an open file that can be one of ours; 0 for others, so that a pipe or a device is never read. */
static size_t size_of(int file) {
  struct stat facts;
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= (off_t)sizeof(kvox_ocl_header) ||
      (uintmax_t)facts.st_size > MOST_BYTES) {
    return 0;
  }
  return (size_t)facts.st_size;
}

bool kvox_ocl_cache_read(kvox_heap *heap, const char *folder, const char *key, unsigned char **binary, size_t *bytes) {
  kvox_ocl_header there, right;
  unsigned char *made = NULL;
  bool good = false;
  char *path = make_path(heap, folder, key, ".kvoxcl");
  const int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
  const size_t size = file >= 0 ? size_of(file) : 0;
  if (size > 0 && (made = kvox_allocate(heap, size - sizeof there)) != NULL) {
    *bytes = size - sizeof there;
    if (read_all(file, &there, sizeof there) && read_all(file, made, *bytes)) {
      make_header(&right, key, made, *bytes);
      good = memcmp(&there, &right, sizeof there) == 0;
    }
  }
  if (file >= 0) {
    close(file);
  }
  if (good) {
    *binary = made;
  } else {
    kvox_release(heap, made);
  }
  kvox_release(heap, path);
  return good;
}

void kvox_ocl_cache_write(kvox_heap *heap, const char *folder, const char *key, const unsigned char *binary,
                          size_t bytes) {
  kvox_ocl_header header;
  char *path = make_path(heap, folder, key, ".kvoxcl");
  char *temporary = make_path(heap, folder, key, ".XXXXXX");
  bool good = false;
  if (path != NULL && temporary != NULL && bytes > 0 && bytes <= MOST_BYTES - sizeof header) {
    errno = 0;
    make_header(&header, key, binary, bytes);
    const int file = mkostemp(temporary, O_CLOEXEC);
    if (file >= 0) {
      good = write_all(file, &header, sizeof header) && write_all(file, binary, bytes);
      good = close(file) == 0 && good && rename(temporary, path) == 0;
      if (!good) {
        const int why = errno;
        unlink(temporary);
        errno = why;
      }
    }
  }
  if (!good) {
    kvox_log(heap, KVOX_LOG_WARNING, "a built OpenCL program could not be kept in %s (errno %d)", folder, errno);
  }
  kvox_release(heap, temporary);
  kvox_release(heap, path);
}

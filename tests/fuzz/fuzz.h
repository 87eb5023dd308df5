/* One input, read as a file in memory by one reader, with an allocator that judges what the reader asks for. */
#ifndef KVOX_TESTS_FUZZ_FUZZ_H
#define KVOX_TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct fuzz_heap {
  int64_t live; /* blocks */
  int64_t bytes, most_bytes;
} fuzz_heap;

/* The size stands before the block. */
enum { FUZZ_HEAD = 64 };

static inline void *fuzz_allocate(void *user, size_t bytes, size_t alignment) {
  fuzz_heap *heap = user;
  void *memory = NULL;
  if ((int64_t)bytes > heap->most_bytes - heap->bytes ||
      posix_memalign(&memory, alignment < FUZZ_HEAD ? FUZZ_HEAD : alignment, bytes + FUZZ_HEAD) != 0) {
    return NULL;
  }
  heap->live++;
  heap->bytes += (int64_t)bytes;
  memcpy(memory, &bytes, sizeof bytes);
  return (char *)memory + FUZZ_HEAD;
}

static inline void fuzz_release(void *user, void *memory) {
  fuzz_heap *heap = user;
  size_t bytes = 0;
  memcpy(&bytes, (char *)memory - FUZZ_HEAD, sizeof bytes);
  heap->live--;
  heap->bytes -= (int64_t)bytes;
  free((char *)memory - FUZZ_HEAD);
}

static inline void fuzz_demand(int good, const char *what) {
  if (!good) {
    fprintf(stderr, "%s; the sentence is \"%s\"\n", what, kvox_last_error());
    abort();
  }
}

/* Every sample can be read. */
static inline void fuzz_touch(const kvox_array *array) {
  int64_t bytes = array == NULL ? 0 : (int64_t)kvox_type_size(array->type);
  unsigned sum = 0;
  for (int32_t d = 0; bytes > 0 && d < array->rank; d++) {
    fuzz_demand(array->shape[d] >= 1, "a size is below 1");
    bytes *= array->shape[d];
  }
  /* Readers make arrays without gaps, in either order. */
  for (int64_t i = 0; i < bytes; i++) {
    sum += ((const unsigned char *)array->data)[i];
  }
  fuzz_demand(sum != UINT32_MAX, "");
}

/* A reader's one function for all that its format is read as. */
typedef kvox_status (*fuzz_load)(kvox_io_file *file);

static inline int fuzz_run(const uint8_t *bytes, size_t size, int64_t most_growth, fuzz_load load) {
  /* One context for all inputs: finding out about the CPU takes longer than most of them. */
  static fuzz_heap heap;
  static kvox_context *context;
  if (context == NULL) {
    kvox_context_options options;
    kvox_context_options_init(&options);
    options.allocate = fuzz_allocate;
    options.release = fuzz_release;
    options.allocator_user = &heap;
    options.threads = 1;
    heap.most_bytes = 1 << 20;
    fuzz_demand(kvox_context_create(&options, &context) == KVOX_OK, "no context");
  }
  const int64_t live = heap.live;
  /* What the bytes could honestly become, and a megabyte for the reader's own tables. */
  heap.most_bytes = (int64_t)size * most_growth + (1 << 20);
  /* A copy of just that size: a sanitizer sees a read beyond it. */
  uint8_t *copy = malloc(size > 0 ? size : 1);
  fuzz_demand(copy != NULL, "no memory for the input");
  memcpy(copy, bytes, size);
  kvox_io_file file = kvox_io_file_in_memory(context, "input", copy, (int64_t)size);
  const kvox_status status = load(&file);
  fuzz_demand(status != KVOX_ERROR_MEMORY && status != KVOX_ERROR_INTERNAL, "more memory than the file can need");
  fuzz_demand(status == KVOX_OK || strncmp(kvox_last_error(), "input", 5) == 0, "a failure without the file's name");
  fuzz_demand(heap.live == live, "memory is not given back");
  free(copy);
  return 0;
}

static inline kvox_status fuzz_load_volume(const kvox_io_format *format, kvox_io_file *file) {
  kvox_volume *volume = NULL;
  kvox_array array;
  file->position = 0;
  const kvox_status status = kvox_io_load_volume(format, file, &volume);
  if (status == KVOX_OK) {
    fuzz_demand(kvox_volume_array(volume, &array) == KVOX_OK, "a volume without samples");
    fuzz_touch(&array);
    fuzz_demand(strlen(kvox_volume_provenance(volume)) <= (size_t)file->size, "a provenance out of nothing");
  }
  kvox_volume_destroy(volume);
  return status;
}

static inline kvox_status fuzz_load_array(const kvox_io_format *format, kvox_io_file *file) {
  kvox_io_array *array = NULL;
  file->position = 0;
  const kvox_status status = kvox_io_load_array(format, file, &array);
  fuzz_touch(kvox_io_array_view(array));
  kvox_io_array_destroy(array);
  return status;
}

static inline kvox_status fuzz_load_scan(const kvox_io_format *format, kvox_io_file *file) {
  kvox_io_scan *scan = NULL;
  file->position = 0;
  const kvox_status status = kvox_io_load_scan(format, file, &scan);
  fuzz_touch(kvox_io_scan_projections(scan));
  fuzz_touch(kvox_io_scan_flat(scan));
  fuzz_touch(kvox_io_scan_dark(scan));
  kvox_io_scan_destroy(scan);
  return status;
}

#endif

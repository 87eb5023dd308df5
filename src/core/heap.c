#define _GNU_SOURCE /* madvise */
#include "core/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "core/fail.h"
#include "core/size.h"

/* A page of the larger kind, and the least block that is worth some. */
enum { LARGE_PAGE = 2 << 20, LARGE_BLOCK = 2 * LARGE_PAGE };

/* Large pages where the system has them for those who ask: loops that walk along columns wait less for addresses. */
static void *allocate_by_default(void *user, size_t bytes, size_t alignment) {
  (void)user;
  void *memory = NULL;
  if (posix_memalign(&memory, bytes < LARGE_BLOCK ? alignment : LARGE_PAGE, bytes) != 0) {
    return NULL;
  }
#ifdef MADV_HUGEPAGE
  if (bytes >= LARGE_BLOCK) {
    madvise(memory, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE); /* a wish: refusals do no harm */
  }
#endif
  return memory;
}

static void release_by_default(void *user, void *memory) {
  (void)user;
  free(memory);
}

static kvox_status out_of_memory(uint64_t bytes) {
  return kvox_fail(KVOX_ERROR_MEMORY, "out of memory: %" PRIu64 " bytes could not be allocated", bytes);
}

kvox_status kvox_heap_create(const kvox_context_options *options, kvox_heap **heap) {
  kvox_heap hooks = {.allocate = allocate_by_default, .release = release_by_default};
  if ((options->allocate == NULL) != (options->release == NULL)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: allocate and release must be given together, or neither");
  }
  if (options->allocate != NULL) {
    hooks.allocate = options->allocate;
    hooks.release = options->release;
    hooks.user = options->allocator_user;
  }
  hooks.log = options->log;
  hooks.log_user = options->log_user;

  kvox_heap *made = hooks.allocate(hooks.user, sizeof *made, KVOX_ALIGNMENT);
  if (made == NULL) {
    return out_of_memory(sizeof *made);
  }
  memcpy(made, &hooks, sizeof *made);
  atomic_init(&made->holders, 1);
  *heap = made;
  return KVOX_OK;
}

kvox_heap *kvox_heap_hold(kvox_heap *heap) {
  atomic_fetch_add_explicit(&heap->holders, 1, memory_order_relaxed);
  return heap;
}

void kvox_heap_drop(kvox_heap *heap) {
  if (heap != NULL && atomic_fetch_sub_explicit(&heap->holders, 1, memory_order_acq_rel) == 1) {
    heap->release(heap->user, heap);
  }
}

void *kvox_allocate(kvox_heap *heap, uint64_t bytes) {
  void *memory = NULL;
  if (bytes <= (uint64_t)INT64_MAX - KVOX_ALIGNMENT) {
    /* Whole lines, so that a vector load at the end of a block stays inside it. */
    const int64_t whole = kvox_round_up(kvox_max_i64((int64_t)bytes, 1), KVOX_ALIGNMENT);
    memory = heap->allocate(heap->user, (size_t)whole, KVOX_ALIGNMENT);
  }
  if (memory == NULL) {
    out_of_memory(bytes);
  }
  return memory;
}

void *kvox_allocate_zeros(kvox_heap *heap, uint64_t bytes) {
  void *memory = kvox_allocate(heap, bytes);
  if (memory != NULL) {
    memset(memory, 0, (size_t)bytes);
  }
  return memory;
}

void *kvox_allocate_array(kvox_heap *heap, int64_t count, size_t size) {
  int64_t bytes = 0;
  return kvox_allocate(heap, kvox_multiply(count, (int64_t)size, &bytes) ? (uint64_t)bytes : UINT64_MAX);
}

void kvox_release(kvox_heap *heap, void *memory) {
  if (memory != NULL) {
    heap->release(heap->user, memory);
  }
}

char *kvox_duplicate_text(kvox_heap *heap, const char *text) {
  const size_t bytes = strlen(text) + 1;
  char *copy = kvox_allocate(heap, bytes);
  if (copy != NULL) {
    memcpy(copy, text, bytes);
  }
  return copy;
}

void kvox_log(const kvox_heap *heap, int32_t level, const char *format, ...) {
  if (heap->log == NULL) {
    return;
  }
  char text[KVOX_SENTENCE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  heap->log(heap->log_user, level, text);
}

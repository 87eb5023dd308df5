/* The one allocator: the host's hooks or the C library, shared by a context and all that is made with it. */
#ifndef KVOX_CORE_HEAP_H
#define KVOX_CORE_HEAP_H

#include <stdatomic.h>
#include <stdint.h>

#include "kvox/context.h"

/* Every block is aligned for the widest vector and for a cache line. */
enum { KVOX_ALIGNMENT = 64 };

/* So many bytes that what follows them is aligned again. */
static inline uint64_t kvox_aligned(uint64_t bytes) {
  return (bytes + KVOX_ALIGNMENT - 1) / KVOX_ALIGNMENT * KVOX_ALIGNMENT;
}

typedef struct kvox_heap {
  kvox_allocate_function allocate;
  kvox_release_function release;
  void *user;
  kvox_log_function log;
  void *log_user;
  atomic_int holders;
} kvox_heap;

/* A heap with the hooks of the options (all may be NULL), held once. */
kvox_status kvox_heap_create(const kvox_context_options *options, kvox_heap **heap);
kvox_heap *kvox_heap_hold(kvox_heap *heap);
void kvox_heap_drop(kvox_heap *heap);

/* NULL with the sentence set when there is no memory; never NULL for 0 bytes. */
void *kvox_allocate(kvox_heap *heap, uint64_t bytes);
void *kvox_allocate_zeros(kvox_heap *heap, uint64_t bytes);

/* `count` elements of `size` bytes, for counts that callers give: NULL too where the product fits no memory. */
void *kvox_allocate_array(kvox_heap *heap, int64_t count, size_t size);

void kvox_release(kvox_heap *heap, void *memory);
char *kvox_duplicate_text(kvox_heap *heap, const char *text);

void kvox_log(const kvox_heap *heap, int32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

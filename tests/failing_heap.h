/* An allocator that counts its calls, knows its blocks, and fails at a chosen call: what a library does then. */
#ifndef KVOX_TESTS_FAILING_HEAP_H
#define KVOX_TESTS_FAILING_HEAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kvox/extend.h"
#include "test.h"

enum { FAILING_HEAP_MOST_BLOCKS = 4096 };

typedef struct failing_heap {
  int64_t calls;     /* of allocate, so far */
  int64_t fail_at;   /* this call gives nothing; 0: none */
  bool fail_after;   /* nor does any after it */
  int64_t live;      /* blocks out */
  int64_t strangers; /* blocks given back that were not out */
  int64_t elsewhere; /* calls of allocate from another thread than the one that made the heap */
  pthread_t owner;
  int64_t bytes; /* out */
  int64_t most_bytes;
  pthread_mutex_t lock;
  struct {
    void *memory;
    size_t bytes;
  } blocks[FAILING_HEAP_MOST_BLOCKS];
} failing_heap;

static inline void *failing_heap_allocate(void *user, size_t bytes, size_t alignment) {
  failing_heap *heap = user;
  void *memory = NULL;
  pthread_mutex_lock(&heap->lock);
  heap->calls++;
  heap->elsewhere += !pthread_equal(pthread_self(), heap->owner);
  const bool fails =
      heap->fail_at > 0 && (heap->calls == heap->fail_at || (heap->fail_after && heap->calls > heap->fail_at));
  if (!fails && heap->live < FAILING_HEAP_MOST_BLOCKS && posix_memalign(&memory, alignment, bytes) == 0) {
    memset(memory, 0xa5, bytes); /* nobody may count on zeros */
    heap->blocks[heap->live].memory = memory;
    heap->blocks[heap->live].bytes = bytes;
    heap->live++;
    heap->bytes += (int64_t)bytes;
    heap->most_bytes = heap->bytes > heap->most_bytes ? heap->bytes : heap->most_bytes;
  }
  pthread_mutex_unlock(&heap->lock);
  return memory;
}

static inline void failing_heap_release(void *user, void *memory) {
  failing_heap *heap = user;
  pthread_mutex_lock(&heap->lock);
  int64_t i = 0;
  while (i < heap->live && heap->blocks[i].memory != memory) {
    i++;
  }
  if (i == heap->live) {
    heap->strangers++;
  } else {
    heap->bytes -= (int64_t)heap->blocks[i].bytes;
    heap->blocks[i] = heap->blocks[--heap->live];
    free(memory);
  }
  pthread_mutex_unlock(&heap->lock);
}

static inline failing_heap *failing_heap_create(void) {
  failing_heap *heap = calloc(1, sizeof *heap);
  assert_non_null(heap);
  pthread_mutex_init(&heap->lock, NULL);
  heap->owner = pthread_self();
  return heap;
}

/* Every block came back once. */
static inline void failing_heap_destroy(failing_heap *heap) {
  assert_int_equal(heap->live, 0);
  assert_int_equal(heap->strangers, 0);
  assert_int_equal(heap->elsewhere, 0);
  pthread_mutex_destroy(&heap->lock);
  free(heap);
}

/* Options of a context that takes its memory from here. */
static inline kvox_context_options failing_heap_options(failing_heap *heap) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.allocate = failing_heap_allocate;
  options.release = failing_heap_release;
  options.allocator_user = heap;
  return options;
}

/* Makes a context with these options, does something, destroys all that it made; returns the first failure. */
typedef kvox_status (*failing_heap_scenario)(const kvox_context_options *options, void *data);

/*
 * Runs the scenario again and again, its first, second, ... allocation failing (that one alone, then all from there
 * on), until it succeeds. Each failure must be KVOX_ERROR_MEMORY with a sentence of its own, every block come back
 * once. Returns how many allocations the scenario makes.
 */
static inline int64_t failing_heap_try(failing_heap_scenario scenario, void *data) {
  int64_t allocations = 0;
  for (int64_t fail_at = 1; allocations == 0; fail_at++) {
    for (int after = 0; after < 2; after++) {
      failing_heap *heap = failing_heap_create();
      heap->fail_at = fail_at;
      heap->fail_after = after != 0;
      const kvox_context_options options = failing_heap_options(heap);
      kvox_extend_fail(KVOX_ERROR_INTERNAL, "an earlier failure");
      const kvox_status status = scenario(&options, data);
      if (heap->calls < fail_at) {
        assert_ok(status);
        allocations = fail_at - 1;
      } else if (status != KVOX_ERROR_MEMORY || strstr(kvox_last_error(), "memory") == NULL) {
        fail_msg("allocation %lld fails: the status is \"%s\", the sentence \"%s\"", (long long)fail_at,
                 kvox_status_string(status), kvox_last_error());
      }
      failing_heap_destroy(heap);
    }
  }
  return allocations;
}

#endif

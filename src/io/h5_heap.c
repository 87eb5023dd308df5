/* Global heaps: collections of numbered objects, in which texts and lists of variable length lie. */
#include <inttypes.h>

#include "io/h5.h"

enum { COLLECTION_HEAD = 16, OBJECT_HEAD = 16 };

/* Objects have numbers of 16 bits, so no sound collection has more of them. */
enum { MOST_OBJECTS = 1 << 16 };

/* From where the last search ended, as far as `end`; each object is filled up to 8 bytes. */
static kvox_status search(kvox_io_h5 *h5, kvox_io_h5_heap *heap, uint64_t number, uint64_t end, bool *found,
                          uint64_t *address, uint64_t *bytes) {
  unsigned char object[OBJECT_HEAD];
  *found = false;
  for (int n = 0; n < MOST_OBJECTS && heap->next < end && end - heap->next >= OBJECT_HEAD; n++) {
    KVOX_TRY(kvox_io_h5_get(h5, heap->collection + heap->next, object, sizeof object));
    const uint64_t index = kvox_io_h5_number(object, 2), size = kvox_io_h5_number(object + 8, 8);
    const uint64_t data = heap->next + OBJECT_HEAD;
    if (index == 0 || size > heap->size - data) {
      return KVOX_OK; /* the free space at the end, or nonsense */
    }
    heap->next = data + (size + 7) / 8 * 8;
    if (index == number) {
      *found = true;
      *address = heap->collection + data;
      *bytes = size;
      return KVOX_OK;
    }
  }
  return KVOX_OK;
}

static kvox_status enter(kvox_io_h5 *h5, kvox_io_h5_heap *heap, uint64_t collection) {
  unsigned char head[COLLECTION_HEAD];
  const uint64_t there = (uint64_t)(h5->file->size - h5->base);
  heap->size = 0;
  KVOX_TRY(kvox_io_h5_get_signed(h5, collection, "GCOL", head, sizeof head));
  const uint64_t size = kvox_io_h5_number(head + 8, 8);
  if (size < COLLECTION_HEAD || size > there - collection) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "it is truncated or broken: a heap at %" PRIu64 " has %" PRIu64 " bytes", collection,
                             size);
  }
  heap->collection = collection;
  heap->size = size;
  heap->next = COLLECTION_HEAD;
  return KVOX_OK;
}

kvox_status kvox_io_h5_heap_find(kvox_io_h5 *h5, kvox_io_h5_heap *heap, uint64_t collection, uint64_t number,
                                 uint64_t *address, uint64_t *bytes) {
  bool found = false;
  if (heap->size == 0 || heap->collection != collection) {
    KVOX_TRY(enter(h5, heap, collection));
  }
  const uint64_t begin = heap->next;
  KVOX_TRY(search(h5, heap, number, heap->size, &found, address, bytes));
  if (!found) {
    heap->next = COLLECTION_HEAD;
    KVOX_TRY(search(h5, heap, number, begin, &found, address, bytes));
  }
  return found ? KVOX_OK
               : kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                                   "it is broken: the heap at %" PRIu64 " has no object %" PRIu64, collection, number);
}

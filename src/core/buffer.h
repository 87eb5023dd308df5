/* Memory on a device: a table of functions and what they need, so that core holds no device code. */
#ifndef KVOX_CORE_BUFFER_H
#define KVOX_CORE_BUFFER_H

#include "core/heap.h"
#include "kvox/device.h"

typedef struct kvox_buffer_kind {
  void (*release)(kvox_buffer *buffer); /* its memory and its hold on the device; the struct is core's */
  /* One or both of the arrays lie in a buffer of this kind; types and shapes are equal, nothing overlaps. */
  kvox_status (*copy)(const kvox_array *from, const kvox_array *to);
  /* `host` comes described like `array` but for its data. */
  kvox_status (*map)(const kvox_array *array, int32_t access, kvox_array *host);
  kvox_status (*unmap)(const kvox_array *array, const kvox_array *host);
} kvox_buffer_kind;

struct kvox_buffer {
  const kvox_buffer_kind *kind;
  kvox_heap *heap;
  atomic_int holders;
  uint64_t bytes;
  void *device;      /* the kind's: a kvox_ocl */
  void *memory;      /* the kind's: a cl_mem */
  const void *whole; /* what tells memory apart: `memory`, or the larger memory that it is a part of, */
  uint64_t begin;    /* from this byte on */
};

/* `kind->release` is called by the last kvox_buffer_destroy, not when this fails. */
kvox_status kvox_buffer_make(kvox_heap *heap, const kvox_buffer_kind *kind, void *device, void *memory, uint64_t bytes,
                             kvox_buffer **buffer);
kvox_buffer *kvox_buffer_hold(kvox_buffer *buffer);

#endif

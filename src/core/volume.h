/* Volumes: a buffer with a frame. The buffer is a table of functions, so that devices can have their own. */
#ifndef KVOX_CORE_VOLUME_H
#define KVOX_CORE_VOLUME_H

#include "core/heap.h"
#include "kvox/volume.h"

typedef struct kvox_buffer_kind {
  const char *location; /* "host", ... */
  void (*release)(void *owner, void *memory);
} kvox_buffer_kind;

struct kvox_volume {
  kvox_heap *heap;
  const kvox_buffer_kind *kind;
  void *buffer_owner;
  void *buffer; /* NULL: the caller's memory */
  kvox_array array;
  kvox_grid grid;
  double *slice_origins_mm;
  char *provenance;
  int32_t unit;
};

kvox_status kvox_grid_check(const kvox_grid *grid, const char *name);
kvox_status kvox_volume_make(kvox_heap *heap, const kvox_array *wrapped, kvox_type type, const kvox_grid *grid,
                             kvox_volume **volume);

/* The frame, unit and origin of a result. Does not allocate when the provenance is the one it has. */
kvox_status kvox_volume_describe(kvox_volume *volume, const kvox_grid *grid, int32_t unit, const char *provenance);

#endif

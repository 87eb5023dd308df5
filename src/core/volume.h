/* Volumes: an array with a frame. */
#ifndef KVOX_CORE_VOLUME_H
#define KVOX_CORE_VOLUME_H

#include "core/heap.h"
#include "kvox/volume.h"

struct kvox_volume {
  kvox_heap *heap;
  void *owned;      /* NULL: the caller's memory, or a buffer's */
  kvox_array array; /* its buffer is held */
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

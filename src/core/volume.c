#include "core/volume.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/buffer.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"

/* How far an axis' length may be from 1: what direction cosines of DICOM files lose by being written as text. */
static const double axis_tolerance = 1e-4;

kvox_status kvox_grid_init(kvox_grid *grid, const int64_t size[3], const double spacing_mm[3],
                           const double center_mm[3]) {
  KVOX_REQUIRE(grid);
  KVOX_REQUIRE(size);
  KVOX_REQUIRE(spacing_mm);
  kvox_grid made = {.axes = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (int a = 0; a < 3; a++) {
    made.size[a] = size[a];
    made.spacing_mm[a] = spacing_mm[a];
    made.origin_mm[a] = (center_mm != NULL ? center_mm[a] : 0) - 0.5 * ((double)size[a] - 1) * spacing_mm[a];
  }
  KVOX_TRY(kvox_grid_check(&made, "kvox_grid_init"));
  *grid = made;
  return KVOX_OK;
}

kvox_status kvox_grid_check(const kvox_grid *grid, const char *name) {
  static const char axis_name[] = "xyz";
  char number[KVOX_NUMBER_BYTES];
  int64_t voxels = 1;
  for (int a = 0; a < 3; a++) {
    if (grid->size[a] < 1) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the %c size is %" PRId64 ", must be at least 1", name, axis_name[a],
                       grid->size[a]);
    }
    if (!kvox_multiply(voxels, grid->size[a], &voxels)) {
      return kvox_fail(KVOX_ERROR_SIZE, "%s: the grid has more than 2^63 - 1 voxels", name);
    }
    if (!(grid->spacing_mm[a] > 0) || !isfinite(grid->spacing_mm[a])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the %c spacing is %s, must be positive", name, axis_name[a],
                       kvox_number(grid->spacing_mm[a], number));
    }
    if (!isfinite(grid->origin_mm[a])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the %c origin is not finite", name, axis_name[a]);
    }
    const double length = sqrt(grid->axes[a][0] * grid->axes[a][0] + grid->axes[a][1] * grid->axes[a][1] +
                               grid->axes[a][2] * grid->axes[a][2]);
    if (!(fabs(length - 1) <= axis_tolerance)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the %c axis has length %s, must be a unit vector", name, axis_name[a],
                       kvox_number(length, number));
    }
  }
  return KVOX_OK;
}

kvox_status kvox_volume_make(kvox_heap *heap, const kvox_array *wrapped, kvox_type type, const kvox_grid *grid,
                             kvox_volume **volume) {
  KVOX_TRY(kvox_grid_check(grid, "volume"));
  const int64_t shape[3] = {grid->size[2], grid->size[1], grid->size[0]};
  if (wrapped != NULL) {
    KVOX_TRY(kvox_array_check_shape(wrapped, "volume", KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO, 3, shape));
  }
  kvox_volume *made = kvox_allocate_zeros(heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->heap = kvox_heap_hold(heap);
  made->grid = *grid;
  if (wrapped != NULL) {
    made->array = *wrapped;
    if (wrapped->buffer != NULL) {
      kvox_buffer_hold(wrapped->buffer);
    }
    *volume = made;
    return KVOX_OK;
  }

  char unknown = 0; /* the shape is judged before there is memory */
  kvox_status status = kvox_array_init(&made->array, &unknown, type, 3, shape);
  if (status == KVOX_OK) {
    made->owned = kvox_allocate_zeros(heap, (uint64_t)(made->array.strides[0] * shape[0]));
    made->array.data = made->owned;
    status = made->owned == NULL ? KVOX_ERROR_MEMORY : KVOX_OK;
  }
  if (status != KVOX_OK) {
    kvox_volume_destroy(made);
    return status;
  }
  *volume = made;
  return KVOX_OK;
}

void kvox_volume_destroy(kvox_volume *volume) {
  if (volume == NULL) {
    return;
  }
  kvox_heap *heap = volume->heap;
  kvox_release(heap, volume->owned);
  kvox_buffer_destroy(volume->array.buffer);
  kvox_release(heap, volume->slice_origins_mm);
  kvox_release(heap, volume->provenance);
  kvox_release(heap, volume);
  kvox_heap_drop(heap);
}

kvox_status kvox_volume_array(const kvox_volume *volume, kvox_array *array) {
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(array);
  *array = volume->array;
  return KVOX_OK;
}

kvox_status kvox_volume_grid(const kvox_volume *volume, kvox_grid *grid) {
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(grid);
  *grid = volume->grid;
  return KVOX_OK;
}

kvox_status kvox_volume_set_grid(kvox_volume *volume, const kvox_grid *grid) {
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(grid);
  KVOX_TRY(kvox_grid_check(grid, "kvox_volume_set_grid"));
  if (memcmp(grid->size, volume->grid.size, sizeof grid->size) != 0) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_volume_set_grid: the grid's size is not the volume's");
  }
  volume->grid = *grid;
  return KVOX_OK;
}

kvox_status kvox_volume_set_slice_origins(kvox_volume *volume, const double *origins_mm) {
  KVOX_REQUIRE(volume);
  double *copy = NULL;
  if (origins_mm != NULL) {
    const int64_t count = 3 * volume->grid.size[2];
    for (int64_t i = 0; i < count; i++) {
      if (!isfinite(origins_mm[i])) {
        return kvox_fail(KVOX_ERROR_ARGUMENT,
                         "kvox_volume_set_slice_origins: the origin of slice %" PRId64 " is not finite", i / 3);
      }
    }
    copy = kvox_allocate(volume->heap, (uint64_t)count * sizeof *copy);
    if (copy == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    memcpy(copy, origins_mm, (size_t)count * sizeof *copy);
  }
  kvox_release(volume->heap, volume->slice_origins_mm);
  volume->slice_origins_mm = copy;
  return KVOX_OK;
}

const double *kvox_volume_slice_origins(const kvox_volume *volume) {
  return volume != NULL ? volume->slice_origins_mm : NULL;
}

int32_t kvox_volume_unit(const kvox_volume *volume) { return volume != NULL ? volume->unit : KVOX_UNIT_ARBITRARY; }

kvox_status kvox_volume_set_unit(kvox_volume *volume, int32_t unit) {
  KVOX_REQUIRE(volume);
  if (unit < KVOX_UNIT_ARBITRARY || unit > KVOX_UNIT_PER_PIXEL) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_volume_set_unit: %" PRId32 " is no unit", unit);
  }
  volume->unit = unit;
  return KVOX_OK;
}

kvox_status kvox_volume_index_to_world(const kvox_volume *volume, const double index[3], double world_mm[3]) {
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(index);
  KVOX_REQUIRE(world_mm);
  const kvox_grid *g = &volume->grid;
  const double *origin = g->origin_mm;
  double along[3] = {index[0] * g->spacing_mm[0], index[1] * g->spacing_mm[1], index[2] * g->spacing_mm[2]};
  if (volume->slice_origins_mm != NULL) {
    if (!(index[2] >= 0 && index[2] < (double)g->size[2])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_volume_index_to_world: slice index is not between 0 and %" PRId64
                       ", and slices with origins of their own do not extend",
                       g->size[2] - 1);
    }
    origin = volume->slice_origins_mm + 3 * (int64_t)index[2];
    along[2] = 0;
  }
  for (int c = 0; c < 3; c++) {
    world_mm[c] = origin[c] + g->axes[0][c] * along[0] + g->axes[1][c] * along[1] + g->axes[2][c] * along[2];
  }
  return KVOX_OK;
}

const char *kvox_volume_provenance(const kvox_volume *volume) {
  return volume != NULL && volume->provenance != NULL ? volume->provenance : "";
}

kvox_status kvox_volume_set_provenance(kvox_volume *volume, const char *json) {
  KVOX_REQUIRE(volume);
  KVOX_REQUIRE(json);
  if (strcmp(kvox_volume_provenance(volume), json) == 0) {
    return KVOX_OK;
  }
  char *copy = kvox_duplicate_text(volume->heap, json);
  if (copy == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_release(volume->heap, volume->provenance);
  volume->provenance = copy;
  return KVOX_OK;
}

kvox_status kvox_volume_describe(kvox_volume *volume, const kvox_grid *grid, int32_t unit, const char *provenance) {
  KVOX_TRY(kvox_volume_set_provenance(volume, provenance));
  KVOX_TRY(kvox_volume_set_grid(volume, grid));
  if (volume->slice_origins_mm != NULL) {
    KVOX_TRY(kvox_volume_set_slice_origins(volume, NULL));
  }
  return kvox_volume_set_unit(volume, unit);
}

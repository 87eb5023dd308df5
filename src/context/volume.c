/* Volumes are core's; a context only lends its allocator. */
#include "core/volume.h"

#include "context/context.h"
#include "core/fail.h"

kvox_status kvox_volume_create(kvox_context *context, kvox_type type, const kvox_grid *grid, kvox_volume **volume) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(grid);
  KVOX_REQUIRE(volume);
  return kvox_volume_make(context->heap, NULL, type, grid, volume);
}

kvox_status kvox_volume_wrap(kvox_context *context, const kvox_array *array, const kvox_grid *grid,
                             kvox_volume **volume) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(array);
  KVOX_REQUIRE(grid);
  KVOX_REQUIRE(volume);
  return kvox_volume_make(context->heap, array, array->type, grid, volume);
}

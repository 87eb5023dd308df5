/* Memory on a context's device. */
#include "context/context.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/volume.h"

static kvox_status check_device(const kvox_context *context, const char *call) {
  if (context->ocl == NULL) {
    return kvox_fail(KVOX_ERROR_DEVICE, "%s: the context computes on the CPU (%s), so that it has no device", call,
                     context->backend_reason);
  }
  return KVOX_OK;
}

static kvox_status create_zeros(kvox_context *context, uint64_t bytes, const char *what, kvox_buffer **buffer) {
  kvox_buffer *made = NULL;
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, bytes, what, &made));
  kvox_status status = kvox_ocl_queue_take(context->ocl, &queue);
  if (status == KVOX_OK) {
    status = kvox_ocl_begin(queue);
  }
  if (status == KVOX_OK) {
    /* A buffer has whole words, whatever it was asked for. */
    kvox_ocl_fill(queue, made, 0, (bytes + 3) / 4 * 4, 0);
    status = kvox_ocl_finish(queue);
  }
  kvox_ocl_queue_give_back(queue);
  if (status != KVOX_OK) {
    kvox_buffer_destroy(made);
    return status;
  }
  *buffer = made;
  return KVOX_OK;
}

kvox_status kvox_buffer_create(kvox_context *context, uint64_t bytes, kvox_buffer **buffer) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(buffer);
  KVOX_TRY(check_device(context, "kvox_buffer_create"));
  return create_zeros(context, bytes, "kvox_buffer_create", buffer);
}

kvox_status kvox_buffer_wrap(kvox_context *context, void *cl_mem_handle, kvox_buffer **buffer) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(cl_mem_handle);
  KVOX_REQUIRE(buffer);
  KVOX_TRY(check_device(context, "kvox_buffer_wrap"));
  return kvox_ocl_buffer_wrap(context->ocl, cl_mem_handle, buffer);
}

kvox_status kvox_volume_create_device(kvox_context *context, kvox_type type, const kvox_grid *grid,
                                      kvox_volume **volume) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(grid);
  KVOX_REQUIRE(volume);
  KVOX_TRY(check_device(context, "kvox_volume_create_device"));
  KVOX_TRY(kvox_grid_check(grid, "kvox_volume_create_device"));
  const int64_t shape[3] = {grid->size[2], grid->size[1], grid->size[0]};
  kvox_array array;
  KVOX_TRY(kvox_array_dense(&array, "kvox_volume_create_device", NULL, type, 3, shape));
  KVOX_TRY(create_zeros(context, (uint64_t)(array.strides[0] * shape[0]), "kvox_volume_create_device", &array.buffer));
  const kvox_status status = kvox_volume_make(context->heap, &array, type, grid, volume);
  kvox_buffer_destroy(array.buffer); /* the volume has its own hold */
  return status;
}

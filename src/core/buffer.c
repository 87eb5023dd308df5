/* Memory on a device as the public API sees it; what touches the device is behind kvox_buffer_kind. */
#include "core/buffer.h"

#include <inttypes.h>

#include "core/array.h"
#include "core/copy.h"
#include "core/fail.h"
#include "core/size.h"

kvox_status kvox_buffer_make(kvox_heap *heap, const kvox_buffer_kind *kind, void *device, void *memory, uint64_t bytes,
                             kvox_buffer **buffer) {
  kvox_buffer *made = kvox_allocate_zeros(heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->kind = kind;
  made->heap = kvox_heap_hold(heap);
  atomic_init(&made->holders, 1);
  made->bytes = bytes;
  made->device = device;
  made->memory = memory;
  made->whole = memory;
  *buffer = made;
  return KVOX_OK;
}

kvox_buffer *kvox_buffer_hold(kvox_buffer *buffer) {
  atomic_fetch_add_explicit(&buffer->holders, 1, memory_order_relaxed);
  return buffer;
}

void kvox_buffer_destroy(kvox_buffer *buffer) {
  if (buffer != NULL && atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) == 1) {
    kvox_heap *heap = buffer->heap;
    buffer->kind->release(buffer);
    kvox_release(heap, buffer);
    kvox_heap_drop(heap);
  }
}

uint64_t kvox_buffer_bytes(const kvox_buffer *buffer) { return buffer != NULL ? buffer->bytes : 0; }

void *kvox_buffer_handle(const kvox_buffer *buffer) { return buffer != NULL ? buffer->memory : NULL; }

kvox_status kvox_array_init_buffer(kvox_array *array, kvox_buffer *buffer, uint64_t offset_bytes, kvox_type type,
                                   int32_t rank, const int64_t *shape) {
  KVOX_REQUIRE(array);
  KVOX_REQUIRE(buffer);
  KVOX_REQUIRE(shape);
  if (offset_bytes > buffer->bytes) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_array_init_buffer: offset %" PRIu64 " lies beyond the buffer of %" PRIu64 " bytes",
                     offset_bytes, buffer->bytes);
  }
  kvox_array made;
  KVOX_TRY(kvox_array_dense(&made, "kvox_array_init_buffer", (void *)(uintptr_t)offset_bytes, type, rank, shape));
  if (offset_bytes % kvox_type_size(type) != 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_array_init_buffer: offset %" PRIu64 " is no multiple of %zu, the size of %s", offset_bytes,
                     kvox_type_size(type), kvox_type_name(type));
  }
  made.buffer = buffer;
  KVOX_TRY(kvox_array_check(&made, "kvox_array_init_buffer", KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO));
  *array = made;
  return KVOX_OK;
}

kvox_status kvox_array_region(const kvox_array *array, const int64_t *begin, const int64_t *size, kvox_array *part) {
  KVOX_TRY(kvox_array_check(array, "kvox_array_region: array", KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO));
  KVOX_REQUIRE(begin);
  KVOX_REQUIRE(size);
  KVOX_REQUIRE(part);
  kvox_array made = *array;
  for (int32_t d = 0; d < array->rank; d++) {
    if (begin[d] < 0 || size[d] < 1 || begin[d] >= array->shape[d] || size[d] > array->shape[d] - begin[d]) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_array_region: %" PRId64 " elements from %" PRId64 " on are not within the %" PRId64
                       " of index %" PRId32,
                       size[d], begin[d], array->shape[d], d);
    }
    made.data = kvox_array_shifted(&made, begin[d] * array->strides[d]);
    made.shape[d] = size[d];
  }
  *part = made;
  return KVOX_OK;
}

kvox_status kvox_array_copy(const kvox_array *from, const kvox_array *to) {
  const uint32_t allowed = KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO;
  KVOX_TRY(kvox_array_check(from, "kvox_array_copy: from", allowed));
  KVOX_TRY(kvox_array_check(to, "kvox_array_copy: to", allowed));
  KVOX_TRY(kvox_array_check_shape(to, "kvox_array_copy: to", allowed, from->rank, from->shape));
  if (from->type != to->type) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_array_copy: from holds %s, to %s; a copy converts nothing",
                     kvox_type_name(from->type), kvox_type_name(to->type));
  }
  KVOX_TRY(kvox_array_check_result(to, "kvox_array_copy: to"));
  KVOX_TRY(kvox_array_check_apart(from, "kvox_array_copy: from", to, "to"));
  if (from->buffer == NULL && to->buffer == NULL) {
    kvox_copy_elements(from, to);
    return KVOX_OK;
  }
  if (from->buffer != NULL && to->buffer != NULL && from->buffer->device != to->buffer->device) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_array_copy: from and to lie on devices of two contexts; copy by way of the host's memory");
  }
  return (from->buffer != NULL ? from : to)->buffer->kind->copy(from, to);
}

kvox_status kvox_array_map(const kvox_array *array, int32_t access, kvox_array *host) {
  KVOX_TRY(kvox_array_check(array, "kvox_array_map: array", KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO));
  KVOX_REQUIRE(host);
  if (access < KVOX_MAP_READ || access > (KVOX_MAP_READ | KVOX_MAP_WRITE)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_array_map: access is %" PRId32 ", must be READ, WRITE or both", access);
  }
  kvox_array made = *array;
  if (array->buffer != NULL) {
    made.data = NULL;
    made.buffer = NULL;
    KVOX_TRY(array->buffer->kind->map(array, access, &made));
  }
  *host = made;
  return KVOX_OK;
}

kvox_status kvox_array_unmap(const kvox_array *array, const kvox_array *host) {
  KVOX_TRY(kvox_array_check(array, "kvox_array_unmap: array", KVOX_ALL_TYPES | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_array_check_shape(host, "kvox_array_unmap: host", KVOX_ALL_TYPES, array->rank, array->shape));
  return array->buffer != NULL ? array->buffer->kind->unmap(array, host) : KVOX_OK;
}

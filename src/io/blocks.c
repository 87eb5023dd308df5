/* A caller's array as a stream of bytes in C order. */
#include <inttypes.h>
#include <string.h>

#include "io/io.h"

/* Elements that lie apart are gathered into this much before they are handed on. */
enum { GATHER_BYTES = 4096 };

kvox_status kvox_io_check_array(const kvox_array *array, const char *name) {
  kvox_array judged;
  if (array != NULL && array->buffer != NULL) {
    return kvox_extend_fail(
        KVOX_ERROR_ARGUMENT,
        "%s: lies on an OpenCL device; this call reads the host's memory; copy it with kvox_array_copy", name);
  }
  if (array == NULL || array->data == NULL) {
    return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "%s: %s is NULL", name, array == NULL ? "the array" : "its data");
  }
  const kvox_status status = kvox_array_init(&judged, array->data, array->type, array->rank, array->shape);
  return status == KVOX_OK ? KVOX_OK : kvox_extend_fail(status, "%s: %s", name, kvox_last_error());
}

/* How many of the last indices lie dense together; *bytes is the size of one such block. */
static int32_t dense_indices(const kvox_array *array, int64_t *bytes) {
  int32_t count = 0;
  *bytes = (int64_t)kvox_type_size(array->type);
  while (count < array->rank) {
    const int32_t d = array->rank - 1 - count;
    if (array->shape[d] > 1 && array->strides[d] != *bytes) {
      break;
    }
    *bytes *= array->shape[d];
    count++;
  }
  return count;
}

/* The next index in C order over the first `outer` sizes; false after the last. */
static bool advance(const kvox_array *array, int32_t outer, int64_t *index, const char **at) {
  for (int32_t d = outer - 1; d >= 0; d--) {
    *at += array->strides[d];
    if (++index[d] < array->shape[d]) {
      return true;
    }
    *at -= array->strides[d] * array->shape[d];
    index[d] = 0;
  }
  return false;
}

kvox_status kvox_io_blocks(const kvox_array *array, kvox_io_take take, void *user) {
  int64_t index[KVOX_MAX_RANK] = {0};
  int64_t block = 0;
  const int32_t outer = array->rank - dense_indices(array, &block);
  const char *at = array->data;
  char gathered[GATHER_BYTES];
  size_t used = 0;
  do {
    if ((uint64_t)block > GATHER_BYTES / 2) {
      KVOX_TRY(take(user, at, (size_t)block));
      continue;
    }
    if (used + (size_t)block > sizeof gathered) {
      KVOX_TRY(take(user, gathered, used));
      used = 0;
    }
    memcpy(gathered + used, at, (size_t)block);
    used += (size_t)block;
  } while (advance(array, outer, index, &at));
  return used > 0 ? take(user, gathered, used) : KVOX_OK;
}

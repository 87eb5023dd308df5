#include "core/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/fail.h"
#include "core/size.h"

static const struct {
  const char *name;
  size_t size;
} types[] = {
    [KVOX_U8] = {"u8", 1},   [KVOX_I8] = {"i8", 1},   [KVOX_U16] = {"u16", 2}, [KVOX_I16] = {"i16", 2},
    [KVOX_U32] = {"u32", 4}, [KVOX_I32] = {"i32", 4}, [KVOX_F16] = {"f16", 2}, [KVOX_F32] = {"f32", 4},
    [KVOX_F64] = {"f64", 8}, [KVOX_C64] = {"c64", 8},
};

static bool is_type(kvox_type type) { return type >= KVOX_U8 && type <= KVOX_C64; }

size_t kvox_type_size(kvox_type type) { return is_type(type) ? types[type].size : 0; }

const char *kvox_type_name(kvox_type type) { return is_type(type) ? types[type].name : "?"; }

kvox_status kvox_array_dense(kvox_array *array, const char *name, void *data, kvox_type type, int32_t rank,
                             const int64_t *shape) {
  if (!is_type(type)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: %" PRId32 " is no element type", name, type);
  }
  if (rank < 1 || rank > KVOX_MAX_RANK) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 " is not between 1 and %d", name, rank, KVOX_MAX_RANK);
  }
  kvox_array made = {.data = data, .type = type, .rank = rank};
  int64_t stride = (int64_t)kvox_type_size(type);
  for (int32_t d = rank - 1; d >= 0; d--) {
    if (shape[d] < 1) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: shape[%" PRId32 "] is %" PRId64 ", must be at least 1", name, d,
                       shape[d]);
    }
    made.shape[d] = shape[d];
    made.strides[d] = stride;
    if (!kvox_multiply(stride, shape[d], &stride)) {
      return kvox_fail(KVOX_ERROR_SIZE, "%s: the array has more than 2^63 - 1 bytes", name);
    }
  }
  *array = made;
  return KVOX_OK;
}

kvox_status kvox_array_init(kvox_array *array, void *data, kvox_type type, int32_t rank, const int64_t *shape) {
  KVOX_REQUIRE(array);
  KVOX_REQUIRE(data);
  KVOX_REQUIRE(shape);
  return kvox_array_dense(array, "kvox_array_init", data, type, rank, shape);
}

bool kvox_array_extent(const kvox_array *array, int64_t *low, int64_t *high) {
  *low = 0;
  *high = (int64_t)kvox_type_size(array->type);
  for (int32_t d = 0; d < array->rank; d++) {
    int64_t span = 0;
    if (__builtin_mul_overflow(array->shape[d] - 1, array->strides[d], &span)) {
      return false;
    }
    if (!kvox_add(*(span < 0 ? low : high), span, span < 0 ? low : high)) {
      return false;
    }
  }
  return true;
}

/* Where an array lies: on a device only where the call takes that, and within its buffer. */
static kvox_status check_place(const kvox_array *array, const char *name, bool device_too) {
  int64_t low, high;
  if (!kvox_array_extent(array, &low, &high)) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: its strides span more than 2^63 - 1 bytes", name);
  }
  if (array->buffer == NULL) {
    return KVOX_OK;
  }
  if (!device_too) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "%s: lies on an OpenCL device; this call reads the host's memory; copy it with kvox_array_copy",
                     name);
  }
  const int64_t offset = (int64_t)(intptr_t)array->data;
  const uint64_t bytes = array->buffer->bytes;
  if (!kvox_add(low, offset, &low) || !kvox_add(high, offset, &high) || low < 0 || (uint64_t)high > bytes) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: from offset %" PRId64 " its elements leave the buffer of %" PRIu64 " bytes",
                     name, offset, bytes);
  }
  return KVOX_OK;
}

kvox_status kvox_array_check(const kvox_array *array, const char *name, uint32_t allowed) {
  if (array == NULL || (array->data == NULL && array->buffer == NULL)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: %s is NULL", name, array == NULL ? "the array" : "its data");
  }
  if (!is_type(array->type) || (allowed & KVOX_TYPE_BIT(array->type)) == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: element type %s (%" PRId32 ") cannot be used here", name,
                     kvox_type_name(array->type), array->type);
  }
  if (array->rank < 1 || array->rank > KVOX_MAX_RANK) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 " is not between 1 and %d", name, array->rank,
                     KVOX_MAX_RANK);
  }
  int64_t elements = 1;
  for (int32_t d = 0; d < array->rank; d++) {
    if (array->shape[d] < 1) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: shape[%" PRId32 "] is %" PRId64 ", must be at least 1", name, d,
                       array->shape[d]);
    }
    if (!kvox_multiply(elements, array->shape[d], &elements)) {
      return kvox_fail(KVOX_ERROR_SIZE, "%s: it has more than 2^63 - 1 elements", name);
    }
  }
  return check_place(array, name, (allowed & KVOX_ON_DEVICE_TOO) != 0);
}

static void shape_text(char *text, size_t size, int32_t rank, const int64_t *shape) {
  size_t used = 0;
  text[0] = '\0';
  for (int32_t d = 0; d < rank && used < size; d++) {
    used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, d == 0 ? "" : " x ", shape[d]);
  }
}

kvox_status kvox_array_check_shape(const kvox_array *array, const char *name, uint32_t allowed, int32_t rank,
                                   const int64_t *shape) {
  KVOX_TRY(kvox_array_check(array, name, allowed));
  if (array->rank != rank || memcmp(array->shape, shape, (size_t)rank * sizeof *shape) != 0) {
    char is[128], must[128];
    shape_text(is, sizeof is, array->rank, array->shape);
    shape_text(must, sizeof must, rank, shape);
    return kvox_fail(KVOX_ERROR_SIZE, "%s: its shape is %s, must be %s", name, is, must);
  }
  return KVOX_OK;
}

/* Unsigned: the least stride has no positive twin. */
static uint64_t step_of(const kvox_array *array, int32_t d) {
  const uint64_t stride = (uint64_t)array->strides[d];
  return array->strides[d] < 0 ? 0 - stride : stride;
}

kvox_status kvox_array_check_result(const kvox_array *array, const char *name) {
  for (int32_t d = 0; d < array->rank; d++) {
    /* What the indices with smaller steps reach, bytes of the element included. */
    uint64_t reach = kvox_type_size(array->type);
    for (int32_t e = 0; e < array->rank; e++) {
      const bool inner = step_of(array, e) < step_of(array, d) || (step_of(array, e) == step_of(array, d) && e > d);
      reach += inner ? (uint64_t)(array->shape[e] - 1) * step_of(array, e) : 0;
    }
    if (array->shape[d] > 1 && step_of(array, d) < reach) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "%s: elements share memory: index %" PRId32 " steps %" PRId64 " bytes over %" PRIu64
                       " that others take; a result needs memory of its own for each element",
                       name, d, array->strides[d], reach);
    }
  }
  return KVOX_OK;
}

bool kvox_array_rows_dense(const kvox_array *array) {
  const int32_t last = array->rank - 1;
  const uint64_t size = kvox_type_size(array->type);
  uint64_t offsets = (uint64_t)(uintptr_t)array->data;
  for (int32_t d = 0; d < last; d++) {
    offsets |= array->shape[d] > 1 ? (uint64_t)array->strides[d] : 0;
  }
  return (array->shape[last] == 1 || array->strides[last] == (int64_t)size) && offsets % size == 0;
}

kvox_status kvox_array_check_rows(const kvox_array *array, const char *name) {
  if (kvox_array_rows_dense(array)) {
    return KVOX_OK;
  }
  return kvox_fail(KVOX_ERROR_ARGUMENT,
                   "%s: rows must be dense and aligned: the last index must step %zu bytes (it steps %" PRId64
                   "), the address and all other steps must be multiples of that",
                   name, kvox_type_size(array->type), array->strides[array->rank - 1]);
}

/* Different buffers of a device may be parts of one memory: a host can wrap the same cl_mem twice, or parts of it. */
static const void *space_of(const kvox_array *array, int64_t *at) {
  *at = (int64_t)(intptr_t)array->data;
  if (array->buffer == NULL) {
    return NULL;
  }
  *at += (int64_t)array->buffer->begin;
  return array->buffer->whole;
}

bool kvox_array_is_same(const kvox_array *a, const kvox_array *b) {
  const size_t used = (size_t)a->rank * sizeof *a->shape;
  return a->data == b->data && a->buffer == b->buffer && a->type == b->type && a->rank == b->rank &&
         memcmp(a->shape, b->shape, used) == 0 && memcmp(a->strides, b->strides, used) == 0;
}

kvox_status kvox_array_check_apart(const kvox_array *a, const char *name_a, const kvox_array *b, const char *name_b) {
  int64_t low_a, high_a, low_b, high_b, at_a, at_b;
  if (!kvox_array_extent(a, &low_a, &high_a) || !kvox_array_extent(b, &low_b, &high_b)) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s, %s: their strides span more than 2^63 - 1 bytes", name_a, name_b);
  }
  if (space_of(a, &at_a) != space_of(b, &at_b)) {
    return KVOX_OK;
  }
  if (!kvox_add(low_a, at_a, &low_a) || !kvox_add(high_a, at_a, &high_a) || !kvox_add(low_b, at_b, &low_b) ||
      !kvox_add(high_b, at_b, &high_b)) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s, %s: their strides lead out of the address space", name_a, name_b);
  }
  if (low_a < high_b && low_b < high_a) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s and %s overlap in memory; the result needs memory of its own", name_a,
                     name_b);
  }
  return KVOX_OK;
}

int64_t kvox_array_elements(const kvox_array *array) {
  int64_t elements = 1;
  for (int32_t d = 0; d < array->rank; d++) {
    elements *= array->shape[d];
  }
  return elements;
}

void *kvox_array_row(const kvox_array *array, int64_t row) {
  char *at = array->data;
  for (int32_t d = array->rank - 2; d >= 0; d--) {
    at += row % array->shape[d] * array->strides[d];
    row /= array->shape[d];
  }
  return at;
}

static float half_to_float(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t fraction = half & 0x3ffu;
  if (exponent == 0) {
    /* Zero and subnormals: fraction * 2^-24, exact in float. */
    const float value = (float)fraction * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112u) << 23) | (fraction << 13);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Memory of any alignment, one element. */
#define READ(type, at)                        \
  (__extension__({                            \
    type element_;                            \
    memcpy(&element_, (at), sizeof element_); \
    element_;                                 \
  }))

double kvox_element(const void *at, kvox_type type) {
  switch (type) {
    case KVOX_U8: return READ(uint8_t, at);
    case KVOX_I8: return READ(int8_t, at);
    case KVOX_U16: return READ(uint16_t, at);
    case KVOX_I16: return READ(int16_t, at);
    case KVOX_U32: return READ(uint32_t, at);
    case KVOX_I32: return READ(int32_t, at);
    case KVOX_F16: return (double)half_to_float(READ(uint16_t, at));
    case KVOX_F32: return (double)READ(float, at);
    case KVOX_F64: return READ(double, at);
    default: return 0;
  }
}

void kvox_row_from_double(const double *values, int64_t count, kvox_type type, int64_t stride, void *row) {
  char *at = row;
  for (int64_t i = 0; i < count; i++, at += stride) {
    if (type == KVOX_F32) {
      const float rounded = (float)values[i];
      memcpy(at, &rounded, sizeof rounded);
    } else {
      memcpy(at, values + i, sizeof *values);
    }
  }
}

#define CONVERT(type)                                           \
  for (int64_t i = 0; i < count; i++) {                         \
    out[i] = (float)READ(type, (const char *)row + i * stride); \
  }                                                             \
  return

void kvox_row_to_float(const void *row, kvox_type type, int64_t stride, int64_t count, float *out) {
  if (type == KVOX_F32 && stride == (int64_t)sizeof *out) {
    memcpy(out, row, (size_t)count * sizeof *out);
    return;
  }
  switch (type) {
    case KVOX_U8: CONVERT(uint8_t);
    case KVOX_I8: CONVERT(int8_t);
    case KVOX_U16: CONVERT(uint16_t);
    case KVOX_I16: CONVERT(int16_t);
    case KVOX_U32: CONVERT(uint32_t);
    case KVOX_I32: CONVERT(int32_t);
    case KVOX_F32: CONVERT(float);
    case KVOX_F64: CONVERT(double);
    default:
      for (int64_t i = 0; i < count; i++) {
        out[i] = (float)kvox_element((const char *)row + i * stride, type);
      }
  }
}

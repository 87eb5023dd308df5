/* Checks of arrays, and rows of any type read as float. */
#ifndef KVOX_CORE_ARRAY_H
#define KVOX_CORE_ARRAY_H

#include <stdbool.h>

#include "kvox/array.h"

/* A set of types, for kvox_array_check. */
#define KVOX_TYPE_BIT(type) (1u << (type))
#define KVOX_REAL_TYPES                                                                                    \
  (KVOX_TYPE_BIT(KVOX_U8) | KVOX_TYPE_BIT(KVOX_I8) | KVOX_TYPE_BIT(KVOX_U16) | KVOX_TYPE_BIT(KVOX_I16) |   \
   KVOX_TYPE_BIT(KVOX_U32) | KVOX_TYPE_BIT(KVOX_I32) | KVOX_TYPE_BIT(KVOX_F16) | KVOX_TYPE_BIT(KVOX_F32) | \
   KVOX_TYPE_BIT(KVOX_F64))
#define KVOX_ALL_TYPES (KVOX_REAL_TYPES | KVOX_TYPE_BIT(KVOX_C64))

/* Beside types in a set: arrays on a device are taken too. Without it they are refused, since most calls read the
 * host's memory. */
#define KVOX_ON_DEVICE_TOO (1u << 31)

/* Not NULL, data not NULL, a type of the set, sizes of at least 1, every stride fits, in the host's memory or within
 * its buffer. `name` opens the sentence. */
kvox_status kvox_array_check(const kvox_array *array, const char *name, uint32_t types);

/* The same, and the shape is this. */
kvox_status kvox_array_check_shape(const kvox_array *array, const char *name, uint32_t types, int32_t rank,
                                   const int64_t *shape);

/* Every element has bytes of its own, so that the array can take a result: no stride steps within another's reach. */
kvox_status kvox_array_check_result(const kvox_array *array, const char *name);

/* Every row is an array of its type as C means it: the last index contiguous (an only element always is), aligned. */
bool kvox_array_rows_dense(const kvox_array *array);
kvox_status kvox_array_check_rows(const kvox_array *array, const char *name);

/* Fails when the two share a byte between their lowest and highest addresses, in the host's memory or a device's. */
kvox_status kvox_array_check_apart(const kvox_array *a, const char *name_a, const kvox_array *b, const char *name_b);

/* Two arrays of one shape have the same elements in the same places, so that a call may work in place. */
bool kvox_array_is_same(const kvox_array *a, const kvox_array *b);

/* kvox_array_init with a name for its sentences, whatever `data` is. */
kvox_status kvox_array_dense(kvox_array *array, const char *name, void *data, kvox_type type, int32_t rank,
                             const int64_t *shape);

/* The lowest and one past the highest byte of an array, relative to its data; false where they do not fit. */
bool kvox_array_extent(const kvox_array *array, int64_t *low, int64_t *high);

int64_t kvox_array_elements(const kvox_array *array);

/* `bytes` on from the data of an array, which may be an offset on a device. */
static inline void *kvox_array_shifted(const kvox_array *array, int64_t bytes) {
  return (void *)((uintptr_t)array->data + (uintptr_t)bytes);
}

/* The address of element (index...) given for the first `count` indices, the rest 0. */
static inline void *kvox_array_at(const kvox_array *array, int32_t count, const int64_t *index) {
  char *at = array->data;
  for (int32_t d = 0; d < count; d++) {
    at += index[d] * array->strides[d];
  }
  return at;
}

/* How many rows (runs along the last index) it has, and where row r of them begins, counted in C order. */
static inline int64_t kvox_array_row_count(const kvox_array *array) {
  return kvox_array_elements(array) / array->shape[array->rank - 1];
}
void *kvox_array_row(const kvox_array *array, int64_t row);

/* One element of a real type as double. */
double kvox_element(const void *at, kvox_type type);

/* `count` doubles to elements of f32 or f64, `stride` bytes apart. */
void kvox_row_from_double(const double *values, int64_t count, kvox_type type, int64_t stride, void *row);

/* `count` elements of a real type, `stride` bytes apart, as float. */
void kvox_row_to_float(const void *row, kvox_type type, int64_t stride, int64_t count, float *out);

#endif

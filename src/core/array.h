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

/* Not NULL, data not NULL, a type of the set, sizes of at least 1, every stride fits. `name` opens the sentence. */
kvox_status kvox_array_check(const kvox_array *array, const char *name, uint32_t types);

/* The same, and the shape is this. */
kvox_status kvox_array_check_shape(const kvox_array *array, const char *name, uint32_t types, int32_t rank,
                                   const int64_t *shape);

/* Every element has bytes of its own, so that the array can take a result: no stride steps within another's reach. */
kvox_status kvox_array_check_result(const kvox_array *array, const char *name);

/* Every row is an array of its type as C means it: the last index contiguous (an only element always is), aligned. */
bool kvox_array_rows_dense(const kvox_array *array);
kvox_status kvox_array_check_rows(const kvox_array *array, const char *name);

/* Fails when the two share a byte between their lowest and highest addresses. */
kvox_status kvox_array_check_apart(const kvox_array *a, const char *name_a, const kvox_array *b, const char *name_b);

int64_t kvox_array_elements(const kvox_array *array);

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

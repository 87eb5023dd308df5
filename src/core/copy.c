#include "core/copy.h"

#include <stdbool.h>
#include <string.h>

#include "core/array.h"

static void move_index(kvox_array *array, int32_t from, int32_t to) {
  array->shape[to] = array->shape[from];
  array->strides[to] = array->strides[from];
}

static void swap_indices(kvox_array *array, int32_t a, int32_t b) {
  const int64_t shape = array->shape[a], stride = array->strides[a];
  move_index(array, b, a);
  array->shape[b] = shape;
  array->strides[b] = stride;
}

static void turn_index(kvox_array *array, int32_t d) {
  array->data = kvox_array_shifted(array, (array->shape[d] - 1) * array->strides[d]);
  array->strides[d] = -array->strides[d];
}

/* Whether index d is the slower of the two. */
static bool slower(const kvox_array *lead, int32_t d, int32_t e) {
  const int64_t a = lead->strides[d], b = lead->strides[e];
  return b != 0 && (a == 0 || a > b);
}

void kvox_copy_order(kvox_array *lead, kvox_array *other) {
  int32_t rank = 0;
  for (int32_t d = 0; d < lead->rank; d++) {
    if (lead->shape[d] > 1) {
      move_index(lead, d, rank);
      move_index(other, d, rank);
      if (lead->strides[rank] < 0) {
        turn_index(lead, rank);
        turn_index(other, rank);
      }
      rank++;
    }
  }
  for (int32_t d = 1; d < rank; d++) {
    for (int32_t e = d; e > 0 && slower(lead, e, e - 1); e--) {
      swap_indices(lead, e, e - 1);
      swap_indices(other, e, e - 1);
    }
  }
  int32_t kept = 0;
  for (int32_t d = 1; d < rank; d++) {
    const int64_t count = lead->shape[d];
    if (lead->strides[kept] == count * lead->strides[d] && other->strides[kept] == count * other->strides[d]) {
      lead->shape[d] *= lead->shape[kept];
      other->shape[d] = lead->shape[d];
    } else {
      kept++;
    }
    move_index(lead, d, kept);
    move_index(other, d, kept);
  }
  if (rank == 0) {
    lead->shape[0] = other->shape[0] = 1;
    lead->strides[0] = other->strides[0] = (int64_t)kvox_type_size(lead->type);
  }
  lead->rank = other->rank = rank == 0 ? 1 : kept + 1;
}

#define COPY_RUN(type)                                        \
  do {                                                        \
    for (int64_t i = 0; i < count; i++) {                     \
      memcpy(to + i * step, from + i * stride, sizeof(type)); \
    }                                                         \
  } while (0)

/* Constant sizes, so that memcpy becomes a load and a store. */
static void copy_run(const char *from, int64_t stride, char *to, int64_t step, int64_t count, size_t size) {
  if (stride == (int64_t)size && step == (int64_t)size) {
    memcpy(to, from, (size_t)count * size);
    return;
  }
  switch (size) {
    case 1: COPY_RUN(uint8_t); return;
    case 2: COPY_RUN(uint16_t); return;
    case 4: COPY_RUN(uint32_t); return;
    default: COPY_RUN(uint64_t); return;
  }
}

void kvox_copy_elements(const kvox_array *from, const kvox_array *to) {
  kvox_array source = *from, target = *to;
  kvox_copy_order(&target, &source);
  const int32_t last = target.rank - 1;
  const int64_t runs = kvox_array_row_count(&target);
  for (int64_t r = 0; r < runs; r++) {
    copy_run(kvox_array_row(&source, r), source.strides[last], kvox_array_row(&target, r), target.strides[last],
             target.shape[last], kvox_type_size(target.type));
  }
}

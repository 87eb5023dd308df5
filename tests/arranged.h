/* Arrays of any arrangement in memory, for tests of what takes any strides. */
#ifndef KVOX_TESTS_ARRANGED_H
#define KVOX_TESTS_ARRANGED_H

#include "core/array.h"
#include "fixture.h"

/* A random arrangement of `shape` within `memory`: indices in any order, gaps, either direction. */
static inline kvox_array arranged(uint64_t *seed, char *memory, size_t bytes, kvox_type type, int32_t rank,
                                  const int64_t *shape) {
  kvox_array array = {.type = type, .rank = rank};
  bool placed[KVOX_MAX_RANK] = {false};
  int64_t step = (int64_t)kvox_type_size(type) * (random_bits(seed) % 3 == 0 ? 2 : 1);
  int64_t begin = 0;
  for (int32_t n = 0; n < rank; n++) {
    int32_t d = (int32_t)(random_bits(seed) % (uint64_t)rank);
    d = random_bits(seed) % 2 == 0 ? rank - 1 - n : d; /* often in C order */
    while (placed[d]) {
      d = (d + 1) % rank;
    }
    placed[d] = true;
    array.shape[d] = shape[d];
    array.strides[d] = step;
    if (random_bits(seed) % 4 == 0) {
      array.strides[d] = -step;
      begin += (shape[d] - 1) * step;
    }
    step = step * shape[d] + (int64_t)kvox_type_size(type) * (int64_t)(random_bits(seed) % 3);
  }
  assert_true((uint64_t)step <= bytes);
  array.data = memory + begin;
  return array;
}

static inline void assert_same_elements(const kvox_array *a, const kvox_array *b) {
  const int64_t count = kvox_array_elements(a);
  for (int64_t i = 0; i < count; i++) {
    int64_t index[KVOX_MAX_RANK], left = i;
    for (int32_t d = a->rank - 1; d >= 0; d--) {
      index[d] = left % a->shape[d];
      left /= a->shape[d];
    }
    assert_memory_equal(kvox_array_at(a, a->rank, index), kvox_array_at(b, b->rank, index), kvox_type_size(a->type));
  }
}

#endif

/* What the quality tests share. */
#ifndef KVOX_TESTS_QUALITY_SUPPORT_H
#define KVOX_TESTS_QUALITY_SUPPORT_H

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "kvox/kvox.h"

static const double pi = 3.14159265358979324;

static inline kvox_array image_of(void *data, kvox_type type, int64_t rows, int64_t columns) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, 2, (int64_t[]){rows, columns}));
  return array;
}

/* From 0 (not met) to 1. */
static inline double random_uniform(uint64_t *state) { return (double)((random_bits(state) >> 11) + 1) * 0x1p-53; }

/* Normal with deviation 1 (Box, Muller 1958). */
static inline double random_normal(uint64_t *state) {
  const double radius = sqrt(-2 * log(random_uniform(state)));
  return radius * cos(2 * pi * random_uniform(state));
}

#endif

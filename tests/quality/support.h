/* What the quality tests share. */
#ifndef KVOX_TESTS_QUALITY_SUPPORT_H
#define KVOX_TESTS_QUALITY_SUPPORT_H

#include <math.h>
#include <stdlib.h>

#include "kvox/kvox.h"
#include "test.h"

static const double pi = 3.14159265358979324;

static inline kvox_context *context_with_threads(int32_t threads) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = threads;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

static inline int set_up(void **state) {
  *state = context_with_threads(2);
  return 0;
}

static inline int tear_down(void **state) {
  kvox_context_destroy(*state);
  return 0;
}

static inline kvox_array image_of(void *data, kvox_type type, int64_t rows, int64_t columns) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, 2, (int64_t[]){rows, columns}));
  return array;
}

/* SplitMix64 (Steele, Lea, Flood 2014), from 0 (not met) to 1. */
static inline double random_uniform(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return (double)((z >> 11) + 1) * 0x1p-53;
}

/* Normal with deviation 1 (Box, Muller 1958). */
static inline double random_normal(uint64_t *state) {
  const double radius = sqrt(-2 * log(random_uniform(state)));
  return radius * cos(2 * pi * random_uniform(state));
}

#endif

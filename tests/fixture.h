/* What tests of several rooms share: a context of so many threads, and reproducible random numbers. */
#ifndef KVOX_TESTS_FIXTURE_H
#define KVOX_TESTS_FIXTURE_H

#include <stdbool.h>

#include "kvox/context.h"
#include "test.h"

static inline kvox_context *context_of_threads(int32_t threads) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = threads;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* A group of tests whose state is one context. */
static inline int set_up(void **state) {
  *state = context_of_threads(2);
  return 0;
}

/* Of such a group: devices build programs for each size, which takes longer than all else. */
static inline bool is_on_device(void **state) { return kvox_context_backend(*state) == KVOX_BACKEND_OPENCL; }

static inline int tear_down(void **state) {
  kvox_context_destroy(*state);
  return 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* From -1 to 1. */
static inline double random_signed(uint64_t *state) { return (double)(random_bits(state) >> 11) * 0x1p-52 - 1; }

#endif

/* Sizes are 64-bit and every product of them is checked. */
#ifndef KVOX_CORE_SIZE_H
#define KVOX_CORE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* False when a factor is negative or the product does not fit. */
static inline bool kvox_multiply(int64_t a, int64_t b, int64_t *product) {
  return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

static inline bool kvox_add(int64_t a, int64_t b, int64_t *sum) { return !__builtin_add_overflow(a, b, sum); }

static inline int64_t kvox_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t kvox_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

static inline int64_t kvox_divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The next multiple of `step` that is not below a. */
static inline int64_t kvox_round_up(int64_t a, int64_t step) { return kvox_divide_up(a, step) * step; }

/* `all` in parts of like size, so that none is a small rest: how large, at most `most`, a multiple of `step` else. */
static inline int64_t kvox_even_part(int64_t all, int64_t most, int64_t step) {
  return kvox_min_i64(most, kvox_round_up(kvox_divide_up(all, kvox_divide_up(all, most)), step));
}

#endif

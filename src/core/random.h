/* Random numbers that depend on a seed and a place alone: Philox4x32-10, a bijection of a 128-bit counter (Salmon,
 * Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). No state, so no order. */
#ifndef KVOX_CORE_RANDOM_H
#define KVOX_CORE_RANDOM_H

#include <stdint.h>

enum { KVOX_PHILOX_ROUNDS = 10 };

static inline void kvox_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < KVOX_PHILOX_ROUNDS; round++) {
    const uint64_t p = (uint64_t)0xd2511f53u * a, q = (uint64_t)0xcd9e8d57u * c;
    a = (uint32_t)(q >> 32) ^ b ^ k0;
    b = (uint32_t)q;
    c = (uint32_t)(p >> 32) ^ d ^ k1;
    d = (uint32_t)p;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/* Pair number `draw` of uniform numbers of place `index`: multiples of 2^-52 and a half, so that 0 and 1 are not met.
 */
static inline void kvox_random_pair(uint64_t seed, uint64_t index, uint32_t draw, double pair[2]) {
  const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), draw, 0};
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  uint32_t bits[4];
  kvox_philox(counter, key, bits);
  for (int i = 0; i < 2; i++) {
    const uint64_t whole = (uint64_t)bits[2 * i] << 32 | bits[2 * i + 1];
    pair[i] = ((double)(whole >> 12) + 0.5) * 0x1p-52;
  }
}

#endif

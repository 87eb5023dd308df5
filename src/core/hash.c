#include "core/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int bits) { return x >> bits | x << (32 - bits); }

static uint32_t big_endian(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void mix(kvox_hash *hash) {
  uint32_t w[64], s[8];
  for (int t = 0; t < 16; t++) {
    w[t] = big_endian(hash->block + 4 * t);
  }
  for (int t = 16; t < 64; t++) {
    const uint32_t a = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
    const uint32_t b = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + a + w[t - 7] + b;
  }
  memcpy(s, hash->state, sizeof s);
  for (int t = 0; t < 64; t++) {
    const uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    const uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + choice + constants[t] + w[t];
    const uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + majority;
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += one;
    s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) {
    hash->state[i] += s[i];
  }
}

void kvox_hash_start(kvox_hash *hash) {
  /* The same of the square roots of the first 8 primes (5.3.3). */
  *hash = (kvox_hash){
      .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void kvox_hash_add(kvox_hash *hash, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  while (count > 0) {
    const size_t used = (size_t)(hash->bytes % sizeof hash->block), room = sizeof hash->block - used;
    const size_t taken = count < room ? count : room;
    memcpy(hash->block + used, at, taken);
    hash->bytes += taken;
    at += taken;
    count -= taken;
    if (taken == room) {
      mix(hash);
    }
  }
}

void kvox_hash_end(kvox_hash *hash, char hex[65]) {
  static const unsigned char padding[64] = {0x80};
  const uint64_t bits = 8 * hash->bytes;
  const size_t used = (size_t)(hash->bytes % 64);
  unsigned char length[8];
  for (int i = 0; i < 8; i++) {
    length[i] = (unsigned char)(bits >> (56 - 8 * i));
  }
  kvox_hash_add(hash, padding, used < 56 ? 56 - used : 120 - used);
  kvox_hash_add(hash, length, sizeof length);
  for (int i = 0; i < 8; i++) {
    snprintf(hex + 8 * i, 9, "%08" PRIx32, hash->state[i]);
  }
}

static void add_elements(kvox_hash *hash, const kvox_array *array, int32_t depth, const char *at) {
  const size_t size = kvox_type_size(array->type);
  if (depth == array->rank - 1 && kvox_array_rows_dense(array)) {
    kvox_hash_add(hash, at, (size_t)array->shape[depth] * size);
    return;
  }
  for (int64_t i = 0; i < array->shape[depth]; i++) {
    const char *element = at + i * array->strides[depth];
    if (depth == array->rank - 1) {
      kvox_hash_add(hash, element, size);
    } else {
      add_elements(hash, array, depth + 1, element);
    }
  }
}

kvox_status kvox_array_sha256(const kvox_array *array, char hex[65]) {
  KVOX_REQUIRE(hex);
  KVOX_TRY(kvox_array_check(array, "kvox_array_sha256", KVOX_ALL_TYPES));
  char text[32];
  kvox_hash hash;
  kvox_hash_start(&hash);
  kvox_hash_add(&hash, kvox_type_name(array->type), strlen(kvox_type_name(array->type)));
  for (int32_t d = 0; d < array->rank; d++) {
    snprintf(text, sizeof text, " %" PRId64, array->shape[d]);
    kvox_hash_add(&hash, text, strlen(text));
  }
  kvox_hash_add(&hash, "\n", 1);
  add_elements(&hash, array, 0, array->data);
  kvox_hash_end(&hash, hex);
  return KVOX_OK;
}

/* SHA-256 (FIPS 180-4). */
#ifndef KVOX_CORE_HASH_H
#define KVOX_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct kvox_hash {
  uint32_t state[8];
  uint64_t bytes;
  unsigned char block[64]; /* the last bytes % 64 of them are those not yet mixed in */
} kvox_hash;

void kvox_hash_start(kvox_hash *hash);
void kvox_hash_add(kvox_hash *hash, const void *bytes, size_t count);
/* 64 digits and a 0. */
void kvox_hash_end(kvox_hash *hash, char hex[65]);

#endif

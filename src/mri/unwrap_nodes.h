/* What blocks of voxels and whole volumes share: pairs as words, nodes as union and find have them. */
#ifndef KVOX_MRI_UNWRAP_NODES_H
#define KVOX_MRI_UNWRAP_NODES_H

#include <math.h>
#include <string.h>

#include "mri/unwrap.h"

/* The bits of the largest float, infinity, without those that keys have no room for. */
enum { KVOX_UNWRAP_DROPPED_BITS = 5 };
#define KVOX_UNWRAP_MOST_KEY (UINT32_C(0x7f800000) >> KVOX_UNWRAP_DROPPED_BITS)

/*
 * A pair is one word: its key, less for what is more reliable, above its number. The key is above KVOX_UNWRAP_MOST_KEY
 * where one of the two is outside the mask: the sum of their reliabilities is then minus infinity or NaN.
 */
static inline uint32_t kvox_unwrap_key(float reliability) {
  uint32_t bits;
  memcpy(&bits, &reliability, sizeof bits);
  return KVOX_UNWRAP_MOST_KEY - (bits >> KVOX_UNWRAP_DROPPED_BITS);
}

/* What b must have on top of a. */
static inline int kvox_unwrap_step(float a, float b) {
  const double difference = (double)b - (double)a;
  return (difference < -0.5) - (difference > 0.5);
}

#define KVOX_UNWRAP_HALF ((int64_t)1 << (KVOX_UNWRAP_OFFSET_BITS - 1))

static inline int64_t kvox_unwrap_get(const kvox_unwrap_node *nodes, int64_t voxel) {
  return atomic_load_explicit(nodes + voxel, memory_order_relaxed);
}

static inline void kvox_unwrap_put(kvox_unwrap_node *nodes, int64_t voxel, int64_t node) {
  atomic_store_explicit(nodes + voxel, node, memory_order_relaxed);
}

static inline int64_t kvox_unwrap_parent(int64_t node) { return node >> KVOX_UNWRAP_OFFSET_BITS; }

static inline int64_t kvox_unwrap_offset(int64_t node) {
  return (node & (2 * KVOX_UNWRAP_HALF - 1)) - KVOX_UNWRAP_HALF;
}

static inline bool kvox_unwrap_fits(int64_t offset) { return offset >= -KVOX_UNWRAP_HALF && offset < KVOX_UNWRAP_HALF; }

static inline int64_t kvox_unwrap_pack(int64_t parent, int64_t offset) {
  return (parent << KVOX_UNWRAP_OFFSET_BITS) | (offset + KVOX_UNWRAP_HALF);
}

/* The root of a voxel's group, and the turns that the voxel has on top of it. Paths become shorter where that fits. */
static inline int64_t kvox_unwrap_find(kvox_unwrap_node *nodes, int64_t voxel, int64_t *offset) {
  int64_t root = voxel, total = 0, node;
  while ((node = kvox_unwrap_get(nodes, root)) >= 0) {
    total += kvox_unwrap_offset(node);
    root = kvox_unwrap_parent(node);
  }
  *offset = total;
  while ((node = kvox_unwrap_get(nodes, voxel)) >= 0 && kvox_unwrap_parent(node) != root && kvox_unwrap_fits(total)) {
    kvox_unwrap_put(nodes, voxel, kvox_unwrap_pack(root, total));
    total -= kvox_unwrap_offset(node);
    voxel = kvox_unwrap_parent(node);
  }
  return root;
}

/* Joins two groups where b must have `shift` on top of a. The larger one keeps its turns, the first of equal ones. */
static inline bool kvox_unwrap_link(kvox_unwrap_node *nodes, int64_t a, int64_t b, int64_t shift) {
  const int64_t node_a = kvox_unwrap_get(nodes, a), node_b = kvox_unwrap_get(nodes, b);
  if (!kvox_unwrap_fits(shift) || !kvox_unwrap_fits(-shift)) {
    return false;
  }
  const bool a_stays = node_a < node_b || (node_a == node_b && a < b);
  kvox_unwrap_put(nodes, a_stays ? a : b, node_a + node_b);
  kvox_unwrap_put(nodes, a_stays ? b : a, kvox_unwrap_pack(a_stays ? a : b, a_stays ? shift : -shift));
  return true;
}

/* Blocks: where they begin along an axis. */
static inline int64_t kvox_unwrap_begin(const kvox_unwrap *u, int axis, int64_t part) {
  return part * u->size[axis] / u->parts[axis];
}

/*
 * Joins the pairs of a block that are joined in the whole volume whatever lies around it, and marks those that may
 * be: bit a of `marks`, a byte a voxel, for edge a of it. Pairs of two blocks are marked all.
 */
void kvox_unwrap_join_block(kvox_unwrap *u, int64_t block, void *scratch, uint8_t *marks);
uint64_t kvox_unwrap_block_bytes(const kvox_unwrap *u);

#endif

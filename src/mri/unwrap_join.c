/*
 * Neighbours joined from the most reliable pair to the least, by union and find: in blocks as far as these can know,
 * side by side; then what they left over, which is little.
 */
#include "core/fail.h"
#include "mri/unwrap_nodes.h"

enum { HALF_KEY = KVOX_UNWRAP_KEY_BITS / 2, LOW_SHIFT = KVOX_UNWRAP_EDGE_BITS, HIGH_SHIFT = LOW_SHIFT + HALF_KEY };

/* What is joined is fetched so far ahead. */
enum { AHEAD = 12 };

/* Operations of a voxel in a block. */
enum { OPERATIONS = 256 };

/* Marks of voxels, where words are put in order afterwards. */
static uint8_t *marks_of(const kvox_unwrap *u) { return (uint8_t *)(void *)u->others; }

static kvox_status join_block(void *data, int64_t block, int32_t worker) {
  kvox_unwrap *u = data;
  kvox_unwrap_join_block(u, block, u->scratch + (uint64_t)worker * u->scratch_bytes, marks_of(u));
  return KVOX_OK;
}

/* The pairs that are marked, in the order of their numbers. */
static int64_t collect(kvox_unwrap *u) {
  const int64_t steps[3] = {1, u->size[0], u->size[0] * u->size[1]};
  const uint8_t *marks = marks_of(u);
  int64_t count = 0;
  for (int axis = 0; axis < 3; axis++) {
    for (int64_t v = 0; v < u->voxels; v++) {
      uint64_t eight;
      if (v % 8 == 0 && v + 8 <= u->voxels && (memcpy(&eight, marks + v, sizeof eight), eight == 0)) {
        v += 7;
        continue;
      }
      if (marks[v] >> axis & 1) {
        const uint32_t key = kvox_unwrap_key(u->reliability[v] + u->reliability[v + steps[axis]]);
        u->edges[count] = (uint64_t)key << KVOX_UNWRAP_EDGE_BITS | (uint64_t)(axis * u->voxels + v);
        count += key <= KVOX_UNWRAP_MOST_KEY;
      }
    }
  }
  return count;
}

/* By key, two halves of it; words of equal keys stay in the order of their numbers. */
static void sort(kvox_unwrap *u, int64_t count) {
  int64_t *low = u->counts, *high = low + KVOX_UNWRAP_BUCKETS;
  const uint64_t mask = (uint64_t)(KVOX_UNWRAP_BUCKETS - 1);
  memset(low, 0, (size_t)(2 * KVOX_UNWRAP_BUCKETS) * sizeof *low);
  for (int64_t i = 0; i < count; i++) {
    low[(u->edges[i] >> LOW_SHIFT) & mask]++;
    high[(u->edges[i] >> HIGH_SHIFT) & mask]++;
  }
  int64_t low_begin = 0, high_begin = 0;
  for (int64_t b = 0; b < KVOX_UNWRAP_BUCKETS; b++) {
    const int64_t in_low = low[b], in_high = high[b];
    low[b] = low_begin;
    high[b] = high_begin;
    low_begin += in_low;
    high_begin += in_high;
  }
  for (int64_t i = 0; i < count; i++) {
    u->others[low[(u->edges[i] >> LOW_SHIFT) & mask]++] = u->edges[i];
  }
  for (int64_t i = 0; i < count; i++) {
    u->edges[high[(u->others[i] >> HIGH_SHIFT) & mask]++] = u->others[i];
  }
}

/* The two voxels of a word. */
static inline int64_t first_of(const kvox_unwrap *u, uint64_t word, int64_t *second) {
  const int64_t edge = (int64_t)(word & ((UINT64_C(1) << KVOX_UNWRAP_EDGE_BITS) - 1));
  const int64_t axis = (edge >= u->voxels) + (edge >= 2 * u->voxels), first = edge - axis * u->voxels;
  *second = first + (axis == 0 ? 1 : axis == 1 ? u->size[0] : u->size[0] * u->size[1]);
  return first;
}

static void join(kvox_unwrap *u, int64_t a, int64_t b) {
  int64_t offset_a, offset_b;
  const int64_t root_a = kvox_unwrap_find(u->nodes, a, &offset_a), root_b = kvox_unwrap_find(u->nodes, b, &offset_b);
  if (root_a == root_b) {
    return;
  }
  const int step = kvox_unwrap_step(u->turns[a], u->turns[b]);
  if (!kvox_unwrap_link(u->nodes, root_a, root_b, offset_a + step - offset_b)) {
    atomic_store(&u->beyond, true);
  }
}

static void join_words(kvox_unwrap *u, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    int64_t second;
    if (i + AHEAD < count) {
      const int64_t first = first_of(u, u->edges[i + AHEAD], &second);
      __builtin_prefetch(u->nodes + first);
      __builtin_prefetch(u->nodes + second);
      __builtin_prefetch(u->turns + first);
      __builtin_prefetch(u->turns + second);
    }
    const int64_t first = first_of(u, u->edges[i], &second);
    join(u, first, second);
  }
}

kvox_status kvox_unwrap_join(kvox_unwrap *u, kvox_progress *progress) {
  KVOX_TRY(kvox_unwrap_each(u, u->parts[0] * u->parts[1] * u->parts[2], kvox_work(u->voxels, OPERATIONS), join_block, u,
                            progress));
  const int64_t count = collect(u);
  sort(u, count);
  join_words(u, count);
  return KVOX_OK;
}

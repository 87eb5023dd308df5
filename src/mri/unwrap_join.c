/*
 * Neighbours joined from the most reliable pair to the least, by union and find. Pairs come in rounds, as many as there
 * is room for: each round looks for the best ones among those whose voxels are not yet in one group (Osipov, Sanders,
 * Singler 2009, "The filter-Kruskal minimum spanning tree algorithm"), so that few of all pairs are ever sorted. The
 * order is total (reliability, then number), so that rounds change nothing.
 *
 * A pair is one word: its key, less for what is more reliable, above its number.
 */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/unwrap.h"

/* The bits of the largest float, infinity, without those that keys have no room for. */
enum { DROPPED_BITS = 5 };
#define MOST_KEY (UINT64_C(0x7f800000) >> DROPPED_BITS)
#define ALL_WORDS UINT64_MAX

enum { HALF_KEY = KVOX_UNWRAP_KEY_BITS / 2, LOW_SHIFT = KVOX_UNWRAP_EDGE_BITS, HIGH_SHIFT = LOW_SHIFT + HALF_KEY };

/* Words are looked for in as many voxels at once, and fetched so far ahead. */
enum { BLOCK = 256, AHEAD = 12 };

/* Words from `begin` on, below `end`. */
typedef struct window {
  uint64_t begin, end;
} window;

#define OFFSET_HALF ((int64_t)1 << (KVOX_UNWRAP_OFFSET_BITS - 1))

static int64_t parent_of(int64_t node) { return node >> KVOX_UNWRAP_OFFSET_BITS; }
static int64_t offset_of(int64_t node) { return (node & (2 * OFFSET_HALF - 1)) - OFFSET_HALF; }

static int64_t pack(kvox_unwrap *u, int64_t parent, int64_t offset) {
  if (offset < -OFFSET_HALF || offset >= OFFSET_HALF) {
    u->beyond = true;
    offset = 0;
  }
  return (parent << KVOX_UNWRAP_OFFSET_BITS) | (offset + OFFSET_HALF);
}

int64_t kvox_unwrap_find(kvox_unwrap *u, int64_t voxel, int64_t *offset) {
  int64_t root = voxel, total = 0;
  while (u->nodes[root] >= 0) {
    total += offset_of(u->nodes[root]);
    root = parent_of(u->nodes[root]);
  }
  *offset = total;
  while (u->nodes[voxel] >= 0 && parent_of(u->nodes[voxel]) != root) {
    const int64_t node = u->nodes[voxel];
    u->nodes[voxel] = pack(u, root, total);
    total -= offset_of(node);
    voxel = parent_of(node);
  }
  return root;
}

/* The larger group keeps its turns, the first one of equal ones. */
static void join(kvox_unwrap *u, int64_t a, int64_t b) {
  int64_t offset_a, offset_b;
  const int64_t root_a = kvox_unwrap_find(u, a, &offset_a), root_b = kvox_unwrap_find(u, b, &offset_b);
  if (root_a == root_b) {
    return;
  }
  /* What b must have on top of a, and so root b on top of root a. */
  const int64_t step = -(int64_t)rint((double)u->turns[b] - (double)u->turns[a]);
  const int64_t shift = offset_a + step - offset_b;
  const int64_t together = u->nodes[root_a] + u->nodes[root_b];
  if (u->nodes[root_a] < u->nodes[root_b] || (u->nodes[root_a] == u->nodes[root_b] && root_a < root_b)) {
    u->nodes[root_a] = together;
    u->nodes[root_b] = pack(u, root_a, shift);
  } else {
    u->nodes[root_b] = together;
    u->nodes[root_a] = pack(u, root_b, -shift);
  }
}

static uint64_t key_of(float reliability) {
  uint32_t bits;
  memcpy(&bits, &reliability, sizeof bits);
  return MOST_KEY - (bits >> DROPPED_BITS);
}

/* The words in a window of up to BLOCK voxels of one row, from `first` (x of y, z) on, whose ends are in two groups. */
static int64_t find_words(kvox_unwrap *u, const int64_t at[3], int64_t count, const window *in, bool all_apart,
                          uint64_t *out) {
  const int64_t *size = u->size, steps[3] = {1, size[0], size[0] * size[1]};
  const int64_t first = (at[2] * size[1] + at[1]) * size[0] + at[0];
  int64_t found = 0;
  for (int64_t v = first; v < first + count; v++) {
    int64_t root = -1, offset;
    if (isnan(u->turns[v])) {
      continue;
    }
    for (int64_t a = 0; a < 3; a++) {
      const int64_t next = v + steps[a];
      const bool there = a == 0 ? at[0] + v - first + 1 < size[0] : at[a] + 1 < size[a];
      if (!there || isnan(u->turns[next])) {
        continue;
      }
      const uint64_t key = key_of(u->reliability[v] + u->reliability[next]);
      const uint64_t word = (key << KVOX_UNWRAP_EDGE_BITS) | (uint64_t)(3 * v + a);
      if (word < in->begin || word >= in->end) {
        continue;
      }
      if (!all_apart) {
        root = root < 0 ? kvox_unwrap_find(u, v, &offset) : root;
        if (kvox_unwrap_find(u, next, &offset) == root) {
          continue;
        }
      }
      out[found++] = word;
    }
  }
  return found;
}

/* Tells all words of a window, in the order of their numbers, until `take` wants no more. */
typedef bool (*take_function)(kvox_unwrap *u, void *data, int64_t count, const uint64_t *words);

static void each_word(kvox_unwrap *u, const window *in, bool all_apart, take_function take, void *data) {
  uint64_t words[3 * BLOCK];
  int64_t at[3];
  for (at[2] = 0; at[2] < u->size[2]; at[2]++) {
    for (at[1] = 0; at[1] < u->size[1]; at[1]++) {
      for (at[0] = 0; at[0] < u->size[0]; at[0] += BLOCK) {
        const int64_t count = kvox_min_i64(BLOCK, u->size[0] - at[0]);
        if (!take(u, data, find_words(u, at, count, in, all_apart, words), words)) {
          return;
        }
      }
    }
  }
}

/* Counts by 13 bits of the key, from bit *data on. */
static bool count_words(kvox_unwrap *u, void *data, int64_t count, const uint64_t *words) {
  const int shift = *(const int *)data;
  for (int64_t i = 0; i < count; i++) {
    u->counts[(words[i] >> shift) & (uint64_t)(KVOX_UNWRAP_BUCKETS - 1)]++;
  }
  return true;
}

/*
 * Narrows a window to as many whole buckets of 13 bits as there is room for, or to the first that is not empty. Returns
 * how many words it holds then.
 */
static int64_t narrow(kvox_unwrap *u, window *in, bool all_apart, int shift, bool *last) {
  memset(u->counts, 0, (size_t)KVOX_UNWRAP_BUCKETS * sizeof *u->counts);
  each_word(u, in, all_apart, count_words, &shift);
  int64_t held = 0, bucket = 0;
  while (bucket < KVOX_UNWRAP_BUCKETS && (held == 0 || held + u->counts[bucket] <= u->room)) {
    held += u->counts[bucket++];
  }
  *last = bucket == KVOX_UNWRAP_BUCKETS;
  if (!*last) {
    const uint64_t above = shift == HIGH_SHIFT ? 0 : in->begin >> HIGH_SHIFT << HIGH_SHIFT;
    in->end = above + ((uint64_t)bucket << shift);
  }
  return held;
}

static bool keep_words(kvox_unwrap *u, void *data, int64_t count, const uint64_t *words) {
  int64_t *kept = data;
  const int64_t part = kvox_min_i64(count, u->room - *kept);
  memcpy(u->edges + *kept, words, (size_t)part * sizeof *words);
  *kept += part;
  return *kept < u->room;
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

static void join_words(kvox_unwrap *u, int64_t count) {
  const int64_t steps[3] = {1, u->size[0], u->size[0] * u->size[1]};
  const uint64_t mask = (UINT64_C(1) << KVOX_UNWRAP_EDGE_BITS) - 1;
  for (int64_t i = 0; i < count; i++) {
    if (i + AHEAD < count) {
      const int64_t edge = (int64_t)(u->edges[i + AHEAD] & mask), v = edge / 3, next = v + steps[edge % 3];
      __builtin_prefetch(u->nodes + v);
      __builtin_prefetch(u->nodes + next);
      __builtin_prefetch(u->turns + v);
      __builtin_prefetch(u->turns + next);
    }
    const int64_t edge = (int64_t)(u->edges[i] & mask), v = edge / 3;
    join(u, v, v + steps[edge % 3]);
  }
}

/* One round from in->begin on; moves that behind what was joined. */
static void round_from(kvox_unwrap *u, window *in, bool all_apart, bool *last) {
  window now = {in->begin, ALL_WORDS};
  int64_t held = narrow(u, &now, all_apart, HIGH_SHIFT, last);
  if (held > u->room) {
    /* One bucket alone is too much: its keys one by one. */
    bool bucket_ends;
    const uint64_t bucket = (now.end - 1) >> HIGH_SHIFT << HIGH_SHIFT;
    now.begin = now.begin > bucket ? now.begin : bucket;
    held = narrow(u, &now, all_apart, LOW_SHIFT, &bucket_ends);
    *last = false;
  }
  int64_t kept = 0;
  each_word(u, &now, all_apart, keep_words, &kept);
  in->begin = held > u->room ? u->edges[kept - 1] + 1 : now.end;
  sort(u, kept);
  join_words(u, kept);
}

kvox_status kvox_unwrap_join(kvox_unwrap *u, kvox_progress *progress, double begin, double end) {
  for (int64_t v = 0; v < u->voxels; v++) {
    u->nodes[v] = -1;
  }
  window rest = {0, ALL_WORDS};
  bool last = false;
  for (int64_t round = 0; !last; round++) {
    round_from(u, &rest, round == 0, &last);
    /* Nobody knows how many rounds there will be: each does half of what is left. */
    if (progress != NULL) {
      KVOX_TRY(kvox_progress_reach(progress, end - (end - begin) * ldexp(1, -(int)kvox_min_i64(round + 1, 60))));
    }
  }
  if (u->beyond) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "kvox_mri_unwrap: values run over more than 2^%d periods, which is more than it counts",
                     KVOX_UNWRAP_OFFSET_BITS - 1);
  }
  return KVOX_OK;
}

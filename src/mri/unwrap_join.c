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
#define MOST_KEY (UINT32_C(0x7f800000) >> DROPPED_BITS)
#define ALL_WORDS UINT64_MAX

enum { HALF_KEY = KVOX_UNWRAP_KEY_BITS / 2, LOW_SHIFT = KVOX_UNWRAP_EDGE_BITS, HIGH_SHIFT = LOW_SHIFT + HALF_KEY };

/* Words are looked for in so many voxels at once, and what they join is fetched so far ahead. */
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

/* Above MOST_KEY where one of the two is outside the mask: their sum is then minus infinity or NaN. */
static inline uint32_t key_of(float reliability) {
  uint32_t bits;
  memcpy(&bits, &reliability, sizeof bits);
  return MOST_KEY - (bits >> DROPPED_BITS);
}

/* Whether the two are known to be in one group. */
static bool in_one_group(kvox_unwrap *u, int64_t a, int64_t b) {
  const int64_t node_a = u->nodes[a], node_b = u->nodes[b];
  if (node_a >= 0 && node_b >= 0 && parent_of(node_a) == parent_of(node_b)) {
    return true;
  }
  int64_t offset;
  return kvox_unwrap_find(u, a, &offset) == kvox_unwrap_find(u, b, &offset);
}

/* What is looked for: words of a window; not all pairs are still apart. */
typedef struct search {
  window in;
  bool all_apart;
} search;

/* The words of `count` neighbours of voxels from `first` on, along one axis. */
static int64_t find_words(kvox_unwrap *u, int64_t axis, int64_t step, int64_t first, int64_t count, const search *s,
                          uint64_t *out) {
  const uint32_t low = (uint32_t)(s->in.begin >> LOW_SHIFT), high = (uint32_t)((s->in.end - 1) >> LOW_SHIFT);
  const uint32_t most = (high < MOST_KEY ? high : MOST_KEY) - low;
  const float *at = u->reliability + first;
  int32_t near[BLOCK];
  int64_t candidates = 0, found = 0;
  for (int32_t i = 0; i < (int32_t)count; i++) {
    near[candidates] = i;
    candidates += key_of(at[i] + at[i + step]) - low <= most;
  }
  for (int64_t c = 0; c < candidates; c++) {
    const int64_t v = first + near[c];
    const uint64_t key = key_of(u->reliability[v] + u->reliability[v + step]);
    const uint64_t word = (key << LOW_SHIFT) | (uint64_t)(axis * u->voxels + v);
    if (word >= s->in.begin && word < s->in.end && (s->all_apart || !in_one_group(u, v, v + step))) {
      out[found++] = word;
    }
  }
  return found;
}

/* Tells all words of a search, in the order of their numbers, until `take` wants no more. */
typedef bool (*take_function)(kvox_unwrap *u, void *data, int64_t count, const uint64_t *words);

static void each_word(kvox_unwrap *u, const search *s, take_function take, void *data) {
  const int64_t *size = u->size, steps[3] = {1, size[0], size[0] * size[1]};
  uint64_t words[BLOCK];
  for (int64_t axis = 0; axis < 3; axis++) {
    const int64_t width = axis == 0 ? size[0] - 1 : size[0];
    for (int64_t row = 0; row < size[1] * size[2]; row++) {
      if ((axis == 1 && row % size[1] == size[1] - 1) || (axis == 2 && row / size[1] == size[2] - 1)) {
        continue;
      }
      for (int64_t x = 0; x < width; x += BLOCK) {
        const int64_t count = kvox_min_i64(BLOCK, width - x);
        const int64_t found = find_words(u, axis, steps[axis], row * size[0] + x, count, s, words);
        if (!take(u, data, found, words)) {
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
static int64_t narrow(kvox_unwrap *u, search *s, int shift, bool *last) {
  memset(u->counts, 0, (size_t)KVOX_UNWRAP_BUCKETS * sizeof *u->counts);
  each_word(u, s, count_words, &shift);
  int64_t held = 0, bucket = 0;
  while (bucket < KVOX_UNWRAP_BUCKETS && (held == 0 || held + u->counts[bucket] <= u->room)) {
    held += u->counts[bucket++];
  }
  *last = bucket == KVOX_UNWRAP_BUCKETS;
  if (!*last) {
    const uint64_t above = shift == HIGH_SHIFT ? 0 : s->in.begin >> HIGH_SHIFT << HIGH_SHIFT;
    s->in.end = above + ((uint64_t)bucket << shift);
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

/* The two voxels of a word. */
static inline int64_t first_of(const kvox_unwrap *u, uint64_t word, int64_t *second) {
  const int64_t edge = (int64_t)(word & ((UINT64_C(1) << KVOX_UNWRAP_EDGE_BITS) - 1));
  const int64_t axis = (edge >= u->voxels) + (edge >= 2 * u->voxels), first = edge - axis * u->voxels;
  *second = first + (axis == 0 ? 1 : axis == 1 ? u->size[0] : u->size[0] * u->size[1]);
  return first;
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

/* One round from *begin on, which moves behind what was joined. */
static void round_from(kvox_unwrap *u, uint64_t *begin, bool all_apart, bool *last) {
  search now = {{*begin, ALL_WORDS}, all_apart};
  int64_t held = narrow(u, &now, HIGH_SHIFT, last);
  if (held > u->room) {
    /* One bucket alone is too much: its keys one by one. */
    const uint64_t bucket = (now.in.end - 1) >> HIGH_SHIFT << HIGH_SHIFT;
    now.in.begin = now.in.begin > bucket ? now.in.begin : bucket;
    held = narrow(u, &now, LOW_SHIFT, last);
    *last = false;
  }
  int64_t kept = 0;
  each_word(u, &now, keep_words, &kept);
  *begin = held > u->room ? u->edges[kept - 1] + 1 : now.in.end;
  sort(u, kept);
  join_words(u, kept);
}

kvox_status kvox_unwrap_join(kvox_unwrap *u, kvox_progress *progress, double begin, double end) {
  for (int64_t v = 0; v < u->voxels; v++) {
    u->nodes[v] = -1;
  }
  uint64_t rest = 0;
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

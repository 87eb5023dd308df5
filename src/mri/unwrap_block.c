/*
 * The pairs of one block, in a cache. The groups that join all neighbours of a volume, the most reliable pair first,
 * are its spanning forest of most reliable pairs (Kruskal), and pairs have a total order, so that there is one such
 * forest. What of it can be known from a block alone:
 *
 * - The best pair that leaves a group belongs to it, whatever groups there are besides (the cut property). A group is
 *   open as long as no pair of a voxel beyond the block was better than those which made it; the best pair of an open
 *   group with another one is joined. Where both are closed, a better pair elsewhere may lead from one to the other.
 * - Of these only such pairs may belong to it that belong to the block's own forest (the cycle property): few.
 *
 * So a second union and find, which knows no closed groups, goes through all pairs, and the first one through those
 * that it joins.
 */
#include "mri/unwrap_nodes.h"

/* Keys are sorted by so many digits of so many bits. */
enum { DIGITS = 3, DIGIT_BITS = 9, DIGIT_VALUES = 1 << DIGIT_BITS };
_Static_assert(DIGITS *DIGIT_BITS >= KVOX_UNWRAP_KEY_BITS, "digits hold a key");

/* A word here: key, the step of turns plus 1, the number among a block's own cells. */
enum { STEP_SHIFT = 24 };

/* Subtracted from the root of a closed group. */
static const int64_t closed = (int64_t)1 << 40;

/* Of a cell beyond the block. */
static const int32_t beyond = INT32_MIN;

/* A block with one cell more on either side, along axes that are cut. */
typedef struct block {
  int64_t begin[3], end[3]; /* in the volume */
  int32_t around[3], wide[3], cells, steps[3];
  int64_t volume_steps[3], open; /* voxels within the mask that are no group's yet */
  kvox_unwrap_node *nodes;
  int32_t *parents; /* of the second union and find: minus its size where it is a root */
  uint64_t *words, *others;
  uint32_t *counts; /* [digit][value] */
} block;

/* Cells beyond a block on one side. */
static int64_t around(const kvox_unwrap *u, int axis) { return u->parts[axis] > 1; }

static int64_t most_cells(const kvox_unwrap *u) {
  int64_t cells = 1;
  for (int a = 0; a < 3; a++) {
    cells *= kvox_divide_up(u->size[a], u->parts[a]) + 2 * around(u, a);
  }
  return kvox_round_up(cells, 16);
}

static int64_t most_words(const kvox_unwrap *u) {
  int64_t words = 0;
  for (int axis = 0; axis < 3; axis++) {
    int64_t along = 1;
    for (int a = 0; a < 3; a++) {
      along *= kvox_divide_up(u->size[a], u->parts[a]) + (a == axis ? 2 * around(u, a) - 1 : 0);
    }
    words += along;
  }
  return kvox_round_up(words, 8) + 8;
}

uint64_t kvox_unwrap_block_bytes(const kvox_unwrap *u) {
  const uint64_t cells = (uint64_t)most_cells(u), words = (uint64_t)most_words(u);
  return kvox_aligned(cells * (sizeof(kvox_unwrap_node) + sizeof(int32_t)) + 2 * words * sizeof(uint64_t) +
                      DIGITS * DIGIT_VALUES * sizeof(uint32_t));
}

static block block_at(const kvox_unwrap *u, int64_t index, void *scratch) {
  const int64_t at[3] = {index % u->parts[0], index / u->parts[0] % u->parts[1], index / (u->parts[0] * u->parts[1])};
  block b = {.steps = {1}, .volume_steps = {1, u->size[0], u->size[0] * u->size[1]}};
  for (int a = 0; a < 3; a++) {
    b.begin[a] = kvox_unwrap_begin(u, a, at[a]);
    b.end[a] = kvox_unwrap_begin(u, a, at[a] + 1);
    b.around[a] = (int32_t)around(u, a);
    b.wide[a] = (int32_t)(b.end[a] - b.begin[a]) + 2 * b.around[a];
  }
  b.steps[1] = b.wide[0];
  b.steps[2] = b.wide[0] * b.wide[1];
  b.cells = b.steps[2] * b.wide[2];
  b.nodes = scratch;
  b.parents = (int32_t *)(void *)(b.nodes + most_cells(u));
  b.words = (uint64_t *)(void *)(b.parents + most_cells(u));
  b.others = b.words + most_words(u);
  b.counts = (uint32_t *)(void *)(b.others + most_words(u));
  return b;
}

static int32_t cell_of(const block *b, int64_t x, int64_t y, int64_t z) {
  const int64_t at[3] = {x, y, z};
  int64_t cell = 0;
  for (int a = 0; a < 3; a++) {
    cell += (at[a] - b->begin[a] + b->around[a]) * b->steps[a];
  }
  return (int32_t)cell;
}

static int64_t voxel_of(const block *b, int64_t x, int64_t y, int64_t z) {
  return z * b->volume_steps[2] + y * b->volume_steps[1] + x;
}

static int64_t voxel_of_cell(const block *b, int32_t cell) {
  const int32_t row = cell / b->wide[0];
  return voxel_of(b, b->begin[0] + cell % b->wide[0] - b->around[0], b->begin[1] + row % b->wide[1] - b->around[1],
                  b->begin[2] + row / b->wide[1] - b->around[2]);
}

/* Every voxel a group of its own; pairs with the next block marked. */
static void begin_block(const kvox_unwrap *u, block *b, uint8_t *marks) {
  for (int32_t c = 0; c < b->cells; c++) {
    b->parents[c] = beyond;
  }
  b->open = 0;
  for (int64_t z = b->begin[2]; z < b->end[2]; z++) {
    for (int64_t y = b->begin[1]; y < b->end[1]; y++) {
      const int64_t voxel = voxel_of(b, b->begin[0], y, z), count = b->end[0] - b->begin[0];
      const int32_t cell = cell_of(b, b->begin[0], y, z);
      const int across = (y + 1 == b->end[1] && y + 1 < u->size[1]) << 1 | (z + 1 == b->end[2] && z + 1 < u->size[2])
                                                                               << 2;
      for (int64_t i = 0; i < count; i++) {
        b->parents[cell + i] = -1;
        kvox_unwrap_put(b->nodes, cell + i, -1);
        b->open += u->turns[voxel + i] == u->turns[voxel + i];
      }
      memset(marks + voxel, across, (size_t)count);
      marks[voxel + count - 1] |= b->end[0] < u->size[0];
    }
  }
}

/* Appends the pairs of `count` voxels from `voxel` on, which is cell `cell`, with their neighbours along an axis. */
static int64_t add_words(const kvox_unwrap *u, const block *b, int axis, int64_t voxel, int32_t cell, int64_t count,
                         int64_t words) {
  const float *reliability = u->reliability + voxel, *turns = u->turns + voxel;
  const int64_t step = b->volume_steps[axis];
  const uint64_t number = (uint64_t)(axis * b->cells + cell);
  for (int64_t i = 0; i < count; i++) {
    const uint32_t key = kvox_unwrap_key(reliability[i] + reliability[i + step]);
    const uint64_t turn = (uint64_t)(1 + kvox_unwrap_step(turns[i], turns[i + step]));
    b->words[words] = (uint64_t)key << KVOX_UNWRAP_EDGE_BITS | turn << STEP_SHIFT | (number + (uint64_t)i);
    words += key <= KVOX_UNWRAP_MOST_KEY;
  }
  return words;
}

/* All pairs of the block and those that leave it, in the order of their numbers in the volume. */
static int64_t find_words(const kvox_unwrap *u, const block *b) {
  int64_t words = 0;
  for (int axis = 0; axis < 3; axis++) {
    int64_t begin[3], end[3];
    for (int a = 0; a < 3; a++) {
      begin[a] = b->begin[a] - (a == axis && b->begin[a] > 0);
      end[a] = b->end[a] - (a == axis && b->end[a] == u->size[a]);
    }
    for (int64_t z = begin[2]; z < end[2]; z++) {
      for (int64_t y = begin[1]; y < end[1]; y++) {
        words =
            add_words(u, b, axis, voxel_of(b, begin[0], y, z), cell_of(b, begin[0], y, z), end[0] - begin[0], words);
      }
    }
  }
  return words;
}

/* By key; those of equal keys stay as they are. The result is b->words. */
static void sort_words(block *b, int64_t count) {
  memset(b->counts, 0, DIGITS * DIGIT_VALUES * sizeof *b->counts);
  for (int64_t i = 0; i < count; i++) {
    const uint64_t key = b->words[i] >> KVOX_UNWRAP_EDGE_BITS;
    for (int d = 0; d < DIGITS; d++) {
      b->counts[d * DIGIT_VALUES + (int)(key >> d * DIGIT_BITS & (DIGIT_VALUES - 1))]++;
    }
  }
  for (int d = 0; d < DIGITS; d++) {
    uint32_t *places = b->counts + d * DIGIT_VALUES, begin = 0;
    for (int v = 0; v < DIGIT_VALUES; v++) {
      const uint32_t here = places[v];
      places[v] = begin;
      begin += here;
    }
    const int shift = KVOX_UNWRAP_EDGE_BITS + d * DIGIT_BITS;
    for (int64_t i = 0; i < count; i++) {
      b->others[places[b->words[i] >> shift & (DIGIT_VALUES - 1)]++] = b->words[i];
    }
    uint64_t *sorted = b->others;
    b->others = b->words;
    b->words = sorted;
  }
}

static int32_t find_parent(int32_t *parents, int32_t cell) {
  int32_t parent = parents[cell];
  while (parent >= 0) {
    const int32_t above = parents[parent];
    parents[cell] = above >= 0 ? above : parent;
    cell = parent;
    parent = above;
  }
  return cell;
}

/* False where they are in one group already. */
static bool unite(int32_t *parents, int32_t a, int32_t b) {
  const int32_t root_a = find_parent(parents, a), root_b = find_parent(parents, b);
  if (root_a == root_b) {
    return false;
  }
  const bool a_stays = parents[root_a] <= parents[root_b];
  const int32_t stays = a_stays ? root_a : root_b, goes = a_stays ? root_b : root_a;
  parents[stays] += parents[goes];
  parents[goes] = stays;
  return true;
}

static void close_group(block *b, int32_t cell) {
  int64_t offset;
  const int64_t root = kvox_unwrap_find(b->nodes, cell, &offset), node = kvox_unwrap_get(b->nodes, root);
  kvox_unwrap_put(b->nodes, root, node > -closed ? node - closed : node);
}

/* Joins two groups, or marks the pair where both are closed. */
static void join_groups(block *b, int axis, int32_t first, int32_t second, int turn, uint8_t *marks) {
  int64_t offset_first, offset_second;
  const int64_t root_first = kvox_unwrap_find(b->nodes, first, &offset_first);
  const int64_t root_second = kvox_unwrap_find(b->nodes, second, &offset_second);
  if (kvox_unwrap_get(b->nodes, root_first) <= -closed && kvox_unwrap_get(b->nodes, root_second) <= -closed) {
    marks[voxel_of_cell(b, first)] |= (uint8_t)(1 << axis);
    return;
  }
  kvox_unwrap_link(b->nodes, root_first, root_second, offset_first + turn - offset_second);
}

static void join_words(block *b, int64_t count, uint8_t *marks) {
  int64_t apart = b->open - 1;
  for (int64_t i = 0; i < count && apart > 0; i++) {
    const int32_t number = (int32_t)(b->words[i] & ((UINT64_C(1) << STEP_SHIFT) - 1));
    const int axis = (number >= b->cells) + (number >= 2 * b->cells);
    const int32_t first = number - axis * b->cells, second = first + b->steps[axis];
    if (b->parents[first] == beyond) {
      close_group(b, second);
    } else if (b->parents[second] == beyond) {
      close_group(b, first);
    } else if (unite(b->parents, first, second)) {
      join_groups(b, axis, first, second, (int)(b->words[i] >> STEP_SHIFT & 3) - 1, marks);
      apart--;
    }
  }
}

/* The groups as the volume's. */
static void store_groups(kvox_unwrap *u, const block *b) {
  for (int64_t z = b->begin[2]; z < b->end[2]; z++) {
    for (int64_t y = b->begin[1]; y < b->end[1]; y++) {
      const int64_t voxel = voxel_of(b, b->begin[0], y, z), count = b->end[0] - b->begin[0];
      const int32_t cell = cell_of(b, b->begin[0], y, z);
      int64_t last = -1, root_voxel = 0;
      for (int64_t i = 0; i < count; i++) {
        int64_t offset, node = kvox_unwrap_get(b->nodes, cell + i);
        if (node < 0) {
          node += node <= -closed ? closed : 0;
        } else {
          const int64_t root = kvox_unwrap_find(b->nodes, cell + i, &offset);
          root_voxel = root == last ? root_voxel : voxel_of_cell(b, (int32_t)root);
          last = root;
          node = kvox_unwrap_pack(root_voxel, offset);
        }
        kvox_unwrap_put(u->nodes, voxel + i, node);
      }
    }
  }
}

void kvox_unwrap_join_block(kvox_unwrap *u, int64_t index, void *scratch, uint8_t *marks) {
  block b = block_at(u, index, scratch);
  begin_block(u, &b, marks);
  const int64_t count = find_words(u, &b);
  sort_words(&b, count);
  join_words(&b, count, marks);
  store_groups(u, &b);
}

/*
 * The multiple of each group: that which brings its median nearest to 0. Since turns lie within half a turn about 0,
 * the whole turns nearest to a voxel's value are its offset, and those nearest to the median are the median of offsets.
 *
 * Neighbours that were joined differ by at most one offset, so that a group has no more different ones than voxels:
 * bins for all groups together need no more room than the voxels, and counting takes linear time.
 */
#include "core/fail.h"
#include "mri/unwrap_nodes.h"

/* Voxels of a piece of work, operations of each. */
enum { PIECE = 16384, OPERATIONS = 16 };

typedef _Atomic int32_t limit;
typedef _Atomic int64_t bin;

/* The least offset of each root's group, and the greatest, which gives way to the bins. */
static limit *lows_of(const kvox_unwrap *u) { return (limit *)(void *)u->reliability; }
static limit *highs_of(const kvox_unwrap *u) { return (limit *)(void *)u->edges; }
static bin *bins_of(const kvox_unwrap *u) { return (bin *)(void *)u->edges; }

/* Of a group within the mask. */
static bool is_root(const kvox_unwrap *u, int64_t voxel) {
  return kvox_unwrap_get(u->nodes, voxel) < 0 && u->turns[voxel] == u->turns[voxel];
}

static int64_t end_of(const kvox_unwrap *u, int64_t piece) { return kvox_min_i64(u->voxels, (piece + 1) * PIECE); }

static kvox_status clear_piece(void *data, int64_t piece, int32_t worker) {
  (void)worker;
  kvox_unwrap *u = data;
  for (int64_t v = piece * PIECE; v < end_of(u, piece); v++) {
    if (kvox_unwrap_get(u->nodes, v) < 0) {
      atomic_store_explicit(lows_of(u) + v, 0, memory_order_relaxed);
      atomic_store_explicit(highs_of(u) + v, 0, memory_order_relaxed);
    }
  }
  return KVOX_OK;
}

static void widen(const kvox_unwrap *u, int64_t root, int64_t low, int64_t high) {
  int32_t at = atomic_load_explicit(lows_of(u) + root, memory_order_relaxed);
  while (low < at && !atomic_compare_exchange_weak(lows_of(u) + root, &at, (int32_t)low)) {
  }
  at = atomic_load_explicit(highs_of(u) + root, memory_order_relaxed);
  while (high > at && !atomic_compare_exchange_weak(highs_of(u) + root, &at, (int32_t)high)) {
  }
}

/* Afterwards every voxel's parent is its root. */
static kvox_status range_piece(void *data, int64_t piece, int32_t worker) {
  (void)worker;
  kvox_unwrap *u = data;
  int64_t last = -1, low = 0, high = 0;
  for (int64_t v = piece * PIECE; v < end_of(u, piece); v++) {
    int64_t offset;
    const int64_t root = kvox_unwrap_find(u->nodes, v, &offset);
    if (root != last) {
      if (last >= 0) {
        widen(u, last, low, high);
      }
      last = root;
      low = high = offset;
    }
    low = offset < low ? offset : low;
    high = offset > high ? offset : high;
    if (!kvox_unwrap_fits(offset)) {
      atomic_store(&u->beyond, true);
    }
  }
  widen(u, last, low, high);
  return KVOX_OK;
}

/* Returns where the bins end. */
static int64_t place_bins(kvox_unwrap *u) {
  int64_t begin = 0;
  for (int64_t v = 0; v < u->voxels; v++) {
    if (is_root(u, v)) {
      const int64_t count = (int64_t)highs_of(u)[v] - lows_of(u)[v] + 1;
      kvox_unwrap_put(u->nodes, v, -(1 + begin));
      begin += count;
    }
  }
  memset((void *)bins_of(u), 0, (size_t)begin * sizeof(bin));
  return begin;
}

static void count_in(const kvox_unwrap *u, int64_t place, int64_t count) {
  if (count > 0) {
    atomic_fetch_add_explicit(bins_of(u) + place, count, memory_order_relaxed);
  }
}

/* Runs of voxels of one bin count together. */
static kvox_status count_piece(void *data, int64_t piece, int32_t worker) {
  (void)worker;
  kvox_unwrap *u = data;
  int64_t last = INT64_MIN, place = 0, count = 0;
  for (int64_t v = piece * PIECE; v < end_of(u, piece); v++) {
    const int64_t node = kvox_unwrap_get(u->nodes, v);
    if (u->turns[v] != u->turns[v]) {
      continue;
    }
    if (node != last) {
      count_in(u, place, count);
      const int64_t root = node < 0 ? v : kvox_unwrap_parent(node), offset = node < 0 ? 0 : kvox_unwrap_offset(node);
      place = -1 - kvox_unwrap_get(u->nodes, root) + offset - lows_of(u)[root];
      last = node;
      count = 0;
    }
    count++;
  }
  count_in(u, place, count);
  return KVOX_OK;
}

/* The lower one of two in the middle. */
static int64_t median_of(const bin *bins, int64_t count) {
  int64_t voxels = 0, median = 0;
  for (int64_t b = 0; b < count; b++) {
    voxels += bins[b];
  }
  int64_t up_to = bins[0];
  while (up_to <= (voxels - 1) / 2) {
    up_to += bins[++median];
  }
  return median;
}

/* A group's bins end where those of the next root begin. */
static void find_medians(const kvox_unwrap *u, int64_t end) {
  for (int64_t v = u->voxels - 1; v >= 0; v--) {
    if (is_root(u, v)) {
      const int64_t begin = -1 - kvox_unwrap_get(u->nodes, v);
      lows_of(u)[v] += (int32_t)median_of(bins_of(u) + begin, end - begin);
      end = begin;
    }
  }
}

kvox_status kvox_unwrap_place(kvox_unwrap *u) {
  const int64_t pieces = kvox_divide_up(u->voxels, PIECE), work = kvox_work(u->voxels, OPERATIONS);
  KVOX_TRY(kvox_unwrap_each(u, pieces, work, clear_piece, u, NULL));
  KVOX_TRY(kvox_unwrap_each(u, pieces, work, range_piece, u, NULL));
  if (atomic_load(&u->beyond)) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "kvox_mri_unwrap: values run over more than 2^%d periods, which is more than it counts",
                     KVOX_UNWRAP_OFFSET_BITS - 1);
  }
  const int64_t end = place_bins(u);
  KVOX_TRY(kvox_unwrap_each(u, pieces, work, count_piece, u, NULL));
  find_medians(u, end);
  return KVOX_OK;
}

int64_t kvox_unwrap_added(const kvox_unwrap *u, int64_t voxel) {
  const int64_t node = kvox_unwrap_get(u->nodes, voxel);
  const int64_t root = node < 0 ? voxel : kvox_unwrap_parent(node);
  return (node < 0 ? 0 : kvox_unwrap_offset(node)) - lows_of(u)[root];
}

/*
 * The multiple of each group: that which brings its median nearest to 0. Since turns lie within half a turn about 0,
 * the whole turns nearest to a voxel's value are its offset, and those nearest to the median are the median of offsets.
 *
 * Neighbours that were joined differ by at most one offset, so that a group has no more different ones than voxels:
 * bins for all groups together need no more room than the voxels, and counting takes linear time.
 */
#include <math.h>
#include <string.h>

#include "mri/unwrap.h"

/* The least offset of each root's group, and the greatest, which gives way to the bins. */
static int32_t *lows_of(const kvox_unwrap *u) { return (int32_t *)(void *)u->reliability; }
static int32_t *highs_of(const kvox_unwrap *u) { return (int32_t *)(void *)u->edges; }
static int64_t *bins_of(const kvox_unwrap *u) { return (int64_t *)(void *)u->edges; }

static void find_ranges(kvox_unwrap *u, int32_t *low, int32_t *high) {
  memset(low, 0, (size_t)u->voxels * sizeof *low);
  memset(high, 0, (size_t)u->voxels * sizeof *high);
  for (int64_t v = 0; v < u->voxels; v++) {
    int64_t offset;
    const int64_t root = kvox_unwrap_find(u, v, &offset);
    low[root] = offset < low[root] ? (int32_t)offset : low[root];
    high[root] = offset > high[root] ? (int32_t)offset : high[root];
  }
}

static void place_bins(kvox_unwrap *u, const int32_t *low, const int32_t *high) {
  int64_t begin = 0;
  for (int64_t v = 0; v < u->voxels; v++) {
    if (u->nodes[v] < 0) {
      u->nodes[v] = -(1 + begin);
      begin += (int64_t)high[v] - low[v] + 1;
    }
  }
}

/* The lower one of two in the middle. */
static int64_t median_of(const int64_t *bins, int64_t count) {
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

void kvox_unwrap_place(kvox_unwrap *u) {
  int32_t *low = lows_of(u);
  find_ranges(u, low, highs_of(u));
  place_bins(u, low, highs_of(u));
  int64_t *bins = bins_of(u), used = 0;
  memset(bins, 0, (size_t)u->voxels * sizeof *bins);
  for (int64_t v = 0; v < u->voxels; v++) {
    int64_t offset;
    const int64_t root = kvox_unwrap_find(u, v, &offset), bin = -1 - u->nodes[root] + offset - low[root];
    bins[bin]++;
    used = kvox_max_i64(used, bin + 1);
  }
  /* A group's bins end where those of the next root begin. */
  int64_t end = used;
  for (int64_t v = u->voxels - 1; v >= 0; v--) {
    if (u->nodes[v] < 0) {
      const int64_t begin = -1 - u->nodes[v];
      low[v] += (int32_t)median_of(bins + begin, end - begin);
      end = begin;
    }
  }
}

int64_t kvox_unwrap_added(const kvox_unwrap *u, int64_t voxel) {
  const int32_t *median = lows_of(u);
  const int64_t node = u->nodes[voxel];
  /* Every voxel's parent is its root since find_ranges. */
  if (node < 0) {
    return -(int64_t)median[voxel];
  }
  const int64_t half = (int64_t)1 << (KVOX_UNWRAP_OFFSET_BITS - 1);
  return (node & (2 * half - 1)) - half - median[node >> KVOX_UNWRAP_OFFSET_BITS];
}

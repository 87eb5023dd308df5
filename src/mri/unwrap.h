/* Stage "unwrap": a volume or a slice of wrapped values, in turns of the period. */
#ifndef KVOX_MRI_UNWRAP_H
#define KVOX_MRI_UNWRAP_H

#include <stdbool.h>

#include "context/workspace.h"

/* Bits of a node's offset and of its parent, of an edge's key and number; voxels that these can tell. */
enum { KVOX_UNWRAP_OFFSET_BITS = 27, KVOX_UNWRAP_KEY_BITS = 26, KVOX_UNWRAP_EDGE_BITS = 38 };
#define KVOX_UNWRAP_MOST_VOXELS ((int64_t)1 << 36)

/* Buckets of a pass of the sort: half of a key. */
#define KVOX_UNWRAP_BUCKETS ((int64_t)1 << (KVOX_UNWRAP_KEY_BITS / 2))

/*
 * What is unwrapped together. Voxels are counted in C order; edge 3 v + a joins voxel v with its neighbour further
 * along axis a (0: x). A node is negative where its voxel is the root of its group: minus the group's size, and
 * afterwards minus (1 + where its bins begin). Else it holds its parent and how many turns it has on top of the
 * parent's.
 */
typedef struct kvox_unwrap {
  int64_t size[3], voxels; /* x, y, z */
  float *turns;            /* from -1/2 to 1/2; NaN outside the mask */
  float *reliability;      /* minus infinity outside the mask; then the least offset of each group */
  int64_t *nodes;
  uint64_t *edges, *others; /* to be joined next, `room` each; one after the other, for other uses too */
  int64_t room;
  int64_t *counts; /* KVOX_UNWRAP_BUCKETS, twice */
  bool beyond;     /* an offset did not fit its bits */
} kvox_unwrap;

/* What it takes, in bytes, and how it lies in a block of that. */
uint64_t kvox_unwrap_bytes(int64_t voxels);
void kvox_unwrap_lay(kvox_unwrap *u, void *block);

/* Reliabilities of a row along x, counted in C order of z, y. */
void kvox_unwrap_rate(const kvox_unwrap *u, int64_t row);

/* The root of a voxel's group, and the turns that the voxel has on top of it. */
int64_t kvox_unwrap_find(kvox_unwrap *u, int64_t voxel, int64_t *offset);

/* Joins all neighbours, the most reliable first. `progress` (may be NULL) goes from `begin` to `end`. */
kvox_status kvox_unwrap_join(kvox_unwrap *u, kvox_progress *progress, double begin, double end);

/* Gives each group its multiple: afterwards the turns to be added to a voxel are kvox_unwrap_added. */
void kvox_unwrap_place(kvox_unwrap *u);
int64_t kvox_unwrap_added(const kvox_unwrap *u, int64_t voxel);

#endif

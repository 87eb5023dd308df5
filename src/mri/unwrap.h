/* Stage "unwrap": a volume or a slice of wrapped values, in turns of the period. */
#ifndef KVOX_MRI_UNWRAP_H
#define KVOX_MRI_UNWRAP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "context/workspace.h"

/* Bits of a node's offset and of its parent, of an edge's key and number; voxels that these can tell. */
enum { KVOX_UNWRAP_OFFSET_BITS = 27, KVOX_UNWRAP_KEY_BITS = 26, KVOX_UNWRAP_EDGE_BITS = 38 };
#define KVOX_UNWRAP_MOST_VOXELS ((int64_t)1 << 36)

/* Buckets of a pass of the sort: half of a key. */
#define KVOX_UNWRAP_BUCKETS ((int64_t)1 << (KVOX_UNWRAP_KEY_BITS / 2))

/* Voxels that are joined together at most, before all: what they take fits the second cache. */
enum { KVOX_UNWRAP_BLOCK = 16384 };

/*
 * A voxel's place in its group. A node is negative where its voxel is the root of the group: minus the group's size.
 * Else it holds its parent and how many turns it has on top of the parent's. What several threads read and one writes
 * is right before and after, so that order between them does not matter.
 */
typedef _Atomic int64_t kvox_unwrap_node;

/*
 * What is unwrapped together. Voxels are counted in C order; edge a * voxels + v joins voxel v with its neighbour
 * further along axis a (0: x).
 */
typedef struct kvox_unwrap {
  int64_t size[3], voxels;     /* x, y, z */
  int64_t parts[3];            /* blocks along each axis */
  const kvox_threads *threads; /* NULL: the calling thread alone */
  float *turns;                /* from -1/2 to 1/2; NaN outside the mask */
  float *reliability;          /* minus infinity outside the mask; then the least offset of each group */
  kvox_unwrap_node *nodes;     /* afterwards of roots: minus (1 + where its bins begin) */
  uint64_t *edges, *others;    /* `room` each; one after the other, for other uses too */
  int64_t room;
  int64_t *counts; /* KVOX_UNWRAP_BUCKETS, twice */
  char *scratch;   /* for each worker */
  uint64_t scratch_bytes;
  atomic_bool beyond; /* an offset did not fit its bits */
} kvox_unwrap;

/* How a volume (its size, voxels) is cut into blocks; what it takes then, in bytes, and how that lies in memory. */
void kvox_unwrap_cut(kvox_unwrap *u);
uint64_t kvox_unwrap_bytes(const kvox_unwrap *u, int32_t workers);
void kvox_unwrap_lay(kvox_unwrap *u, void *block);

/* Runs body(data, 0 ... count - 1) on the threads of `u`. */
kvox_status kvox_unwrap_each(const kvox_unwrap *u, int64_t count, int64_t work, kvox_body body, void *data,
                             kvox_progress *progress);

/* Reliabilities of a row along x, counted in C order of z, y. */
void kvox_unwrap_rate(const kvox_unwrap *u, int64_t row);

/* Joins all neighbours, the most reliable first. */
kvox_status kvox_unwrap_join(kvox_unwrap *u, kvox_progress *progress);

/* Gives each group its multiple: afterwards the turns to be added to a voxel are kvox_unwrap_added. */
kvox_status kvox_unwrap_place(kvox_unwrap *u);
int64_t kvox_unwrap_added(const kvox_unwrap *u, int64_t voxel);

#endif

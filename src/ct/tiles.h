/*
 * How an execution is cut: slices into stacks of KVOX_STACK, views into blocks that fit the memory limit, the grid into
 * tiles. Shared by filtered back-projection and the matched pair. No cut changes a bit of the result.
 */
#ifndef KVOX_CT_TILES_H
#define KVOX_CT_TILES_H

#include "context/workspace.h"
#include "ct/fixed.h"
#include "ct/geometry.h"
#include "ct/rows.h"
#include "ct/stream_cut.h"

/* Where the scan meets the grid; both arrays are the heap's, to be released also after a failure. */
typedef struct kvox_ct_layout {
  kvox_ct_line *lines;       /* one a view */
  kvox_ct_row_place *places; /* one a slice */
  double slope;              /* the most columns from a pixel to the next along both axes together */
} kvox_ct_layout;

/* Of slices first_slice ... of the grid. KVOX_ERROR_GEOMETRY where voxels are too coarse to mean it. */
kvox_status kvox_ct_lay_out(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_grid *grid,
                            int64_t first_slice, int64_t slices, const char *name, kvox_ct_layout *layout);

typedef struct kvox_ct_tiles {
  kvox_context *context;
  const kvox_backproject_kernels *kernels;
  kvox_ct_line *lines;       /* one a view */
  kvox_fixed_line *fixed;    /* the same */
  kvox_ct_row_place *places; /* one a slice of the region: where it lies on the detector */
  int64_t views, columns;
  int64_t begin[3], size[3]; /* the region of the grid, in voxels */
  int64_t padding, width;    /* zeros either side of a view's columns; both together */
  int64_t lanes;             /* slices in a view's samples: KVOX_STACK, or 1 for a lone slice */
  int64_t block;             /* views at once; even */
  int32_t workers;
  uint64_t block_bytes, worker_bytes;
  kvox_ct_stream_cut stream; /* zeros: none */
} kvox_ct_tiles;

/* Slices that share a view's samples in an execution of so many: what a worker's rows must hold. */
int64_t kvox_ct_tiles_lanes(int64_t slices);

/* `filter_bytes` of scratch are wanted for each worker beside what the tiles need. `limit` 0: 64 MiB or the least. */
kvox_status kvox_ct_tiles_make(kvox_ct_tiles *tiles, kvox_context *context, const kvox_ct_geometry *geometry,
                               const kvox_grid *grid, const int64_t begin[3], const int64_t size[3],
                               uint64_t filter_bytes, uint64_t limit, const char *name);

/* Cuts the same for a stream: every stack of slices keeps its views. `raw_bytes` hold a view as it came. */
kvox_status kvox_ct_tiles_cut_stream(kvox_ct_tiles *tiles, int64_t window, uint64_t raw_bytes, uint64_t limit,
                                     const char *name);
void kvox_ct_tiles_drop(kvox_ct_tiles *tiles);
uint64_t kvox_ct_tiles_bytes(const kvox_ct_tiles *tiles);
uint64_t kvox_ct_tiles_workspace(const kvox_ct_tiles *tiles);

/* Slices begin ... begin + count - 1 of the region, `lanes` together, and views of one block, as an execution takes
 * them. */
typedef struct kvox_ct_part {
  int64_t slice, slices, lanes;
  int64_t view, views;
  void *block;           /* the views' samples */
  int64_t place, places; /* of a ring: where the first view lies, and how many views it holds; zeros: no ring */
} kvox_ct_part;

/* How many parts there are, and each of them in turn: all blocks of a stack, then the next stack. */
int64_t kvox_ct_tiles_parts(const kvox_ct_tiles *tiles);
kvox_ct_part kvox_ct_tiles_part(const kvox_ct_tiles *tiles, int64_t index, void *workspace_block);

/* The groups of slices, stacks and then lone ones; the part's views and block are the caller's to set. */
int64_t kvox_ct_tiles_groups(const kvox_ct_tiles *tiles);
kvox_ct_part kvox_ct_tiles_group(const kvox_ct_tiles *tiles, int64_t group);

/* The samples of the view at `index` of the part: column 0, lane 0. The paddings are the caller's to clear. */
float *kvox_ct_part_view(const kvox_ct_tiles *tiles, const kvox_ct_part *part, int64_t index);
void kvox_ct_part_clear_padding(const kvox_ct_tiles *tiles, const kvox_ct_part *part, int64_t index);
void *kvox_ct_worker_scratch(const kvox_ct_tiles *tiles, void *workspace_block, int32_t worker);

/* Back-projects the part into the slices of `volume` ([k, j, i] of the region's size, f32); the last part of a slice
 * multiplies by `scale` and adds `offset`. */
kvox_status kvox_ct_tiles_backproject(const kvox_ct_tiles *tiles, const kvox_ct_part *part, void *workspace_block,
                                      const kvox_array *volume, float scale, float offset, kvox_progress *progress);

/* Projects the part's slices of `volume` into its (cleared) views. */
kvox_status kvox_ct_tiles_project(const kvox_ct_tiles *tiles, const kvox_ct_part *part, void *workspace_block,
                                  const kvox_array *volume, kvox_progress *progress);

#endif

/*
 * The matched pair by rays (stage "rays") on the CPU. Views go in blocks [view][column][row]. Rays whose main axis is x
 * or y meet tiles of the grid turned over so that z is innermost: the projector takes one tile after the other and cuts
 * by views, its adjoint cuts by tiles. Then come the views that have rays along z, which meet slabs of slices as they
 * lie: the projector cuts by views, its adjoint by slabs. Tiles and slabs are those of the grid alone, views come in
 * their order: no cut, limit or number of threads changes a bit.
 */
#ifndef KVOX_CT_OPERATOR_RAYS_H
#define KVOX_CT_OPERATOR_RAYS_H

#include "ct/filter.h"
#include "ct/operator.h"
#include "ct/rays.h"

/* Rows, columns or slices that are turned over together. */
enum { KVOX_RAYS_GROUP = KVOX_STACK };

struct kvox_ct_operator_rays {
  kvox_context *context;
  const kvox_rays_kernels *kernels;
  const kvox_filter_kernels *turn;
  kvox_rays_view *views;
  int64_t *order; /* indices of the views that meet tiles, then of those that meet slabs; a view may be in both */
  int64_t view_count, tile_views, slab_views;
  int64_t size[3];
  double spacing_mm[3];
  int64_t rows, columns;
  int64_t side;           /* columns of voxels of a tile's side */
  int64_t step, row_step; /* floats of a column of voxels, of samples */
  int64_t block;          /* views at once */
  int32_t workers;
  uint64_t block_bytes, worker_bytes;
};

typedef struct kvox_rays_run {
  const kvox_ct_operator_rays *rays;
  kvox_workspace *workspace;
  const kvox_array *volume, *projections;
  bool slabs;           /* views of slabs, else of tiles */
  int64_t first, views; /* of the block, among those */
  int64_t tile;         /* of the projector */
} kvox_rays_run;

/* What of a worker's scratch is whose. */
typedef struct kvox_rays_scratch_parts {
  float *voxels; /* [side][side][step], KVOX_RAYS_GROUP - 1 columns more than a tile */
  float *turned; /* [longest run][KVOX_RAYS_GROUP]: columns, slices or rows of a view, a tile's row */
  float *rows;   /* [KVOX_RAYS_GROUP][longest row] */
  float *blend;
} kvox_rays_scratch_parts;

uint64_t kvox_ct_rays_worker_bytes(const kvox_ct_operator_rays *rays);
kvox_rays_scratch_parts kvox_ct_rays_scratch(const kvox_rays_run *run, int32_t worker);

/* Floats of a view's samples: whole groups of columns. */
int64_t kvox_ct_rays_view_floats(const kvox_ct_operator_rays *rays);

/* Of view `index` of the block. */
int64_t kvox_ct_rays_view_number(const kvox_rays_run *run, int64_t index);
float *kvox_ct_rays_samples(const kvox_rays_run *run, int64_t index);

float *kvox_ct_rays_volume_row(const kvox_rays_run *run, int64_t z, int64_t y);

/* Bodies of kvox_parallel over the views of the block: samples from the projections, turned over and times the length
 * from plane to plane; the other way; zeros. */
kvox_status kvox_ct_rays_take_view(void *run, int64_t index, int32_t worker);
kvox_status kvox_ct_rays_give_view(void *run, int64_t index, int32_t worker);
kvox_status kvox_ct_rays_clear_view(void *run, int64_t index, int32_t worker);

/* Row y of a tile from the volume; the whole tile to it. */
void kvox_ct_rays_load_row(const kvox_rays_run *run, const kvox_rays_tile *tile, int64_t y,
                           const kvox_rays_scratch_parts *scratch);
void kvox_ct_rays_store_tile(const kvox_rays_run *run, const kvox_rays_tile *tile,
                             const kvox_rays_scratch_parts *scratch);

/* Every ray of every view in voxels of the grid; a sentence where the grid cannot be met. `views` has room for all. */
kvox_status kvox_ct_rays_lay_out(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name,
                                 kvox_rays_view *views);

#endif

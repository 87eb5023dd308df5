/*
 * The matched pair by rays (stage "rays") on the CPU. Upright views go in blocks [view][column][row] with tiles of the
 * grid turned over so that z is innermost: the projector takes one tile after the other and cuts by views, its adjoint
 * cuts by tiles. Other views take one ray after the other: the projector cuts by rows, its adjoint by slabs of slices.
 * Tiles are those of the grid alone, views come in their order: no cut, limit or number of threads changes a bit.
 */
#ifndef KVOX_CT_OPERATOR_RAYS_H
#define KVOX_CT_OPERATOR_RAYS_H

#include "ct/filter.h"
#include "ct/operator.h"
#include "ct/rays.h"

struct kvox_ct_operator_rays {
  kvox_context *context;
  const kvox_rays_kernels *kernels;
  const kvox_filter_kernels *turn;
  kvox_rays_view *views;
  int64_t *order; /* indices of the upright views, then those of the others */
  int64_t view_count, upright;
  int64_t size[3];
  double spacing_mm[3];
  int64_t rows, columns;
  int64_t side;           /* columns of voxels of a tile's side */
  int64_t step, row_step; /* floats of a column of voxels, of samples */
  int64_t block;          /* views at once */
  int32_t workers;
  uint64_t block_bytes, worker_bytes;
};

/* Every ray of every view in voxels of the grid; a sentence where the grid cannot be met. `views` has room for all. */
kvox_status kvox_ct_rays_lay_out(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name,
                                 kvox_rays_view *views);

#endif

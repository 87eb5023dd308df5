/* The oracle: that of stage "cone", of which one voxel of a block is kept. */
#include "ct/thin.h"

static void add_voxel(const kvox_thin_tile *tile, int64_t x, int64_t y, int64_t slice, float *voxel) {
  float block[KVOX_CONE_BLOCK] = {0};
  const kvox_cone_tile one = {.views = tile->views,
                              .count = tile->count,
                              .columns = tile->columns,
                              .fan = tile->fan,
                              .row = tile->row,
                              .rows = tile->rows,
                              .step = tile->step,
                              .x = x,
                              .y = y,
                              .width = 1,
                              .height = 1,
                              .block = slice / KVOX_CONE_BLOCK,
                              .blocks = 1,
                              .voxels = block};
  block[slice % KVOX_CONE_BLOCK] = *voxel;
  kvox_cone_ref.backproject(&one);
  *voxel = block[slice % KVOX_CONE_BLOCK];
}

static void backproject(const kvox_thin_tile *tile) {
  float *row = tile->voxels;
  for (int64_t k = 0; k < tile->slices; k++) {
    for (int64_t y = 0; y < tile->height; y++, row += KVOX_THIN_WIDTH) {
      for (int64_t x = 0; x < tile->width; x++) {
        add_voxel(tile, tile->x + x, tile->y + y, tile->slice + k, row + x);
      }
    }
  }
}

const kvox_thin_kernels kvox_thin_ref = {backproject};

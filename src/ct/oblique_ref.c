/* The oracle: one voxel and one view at a time, coordinates in double, four samples. */
#include <math.h>

#include "ct/oblique.h"

static float sample(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t column, int64_t row) {
  const int64_t stored = row - tile->row;
  const int inside = column >= 0 && column < tile->columns && stored >= 0 && stored < tile->rows;
  return inside ? view->samples[column * tile->step + stored] : 0;
}

static double meet(const double m[4], int64_t x, int64_t y, int64_t k) {
  return m[0] * (double)x + m[1] * (double)y + m[2] * (double)k + m[3];
}

static float take(const kvox_oblique_tile *tile, const kvox_oblique_view *view, int64_t x, int64_t y, int64_t k) {
  const double depth = meet(view->depth, x, y, k);
  const double u = meet(view->column, x, y, k) / depth, v = meet(view->row, x, y, k) / depth;
  const double first = (double)(tile->row - 1), end = (double)(tile->row + tile->rows);
  if (!(u > -1 && u < (double)tile->columns && v > first && v < end)) {
    return 0;
  }
  const int64_t column = (int64_t)floor(u), row = (int64_t)floor(v);
  const float fu = (float)(u - floor(u)), fv = (float)(v - floor(v));
  const float low = (1 - fu) * sample(tile, view, column, row) + fu * sample(tile, view, column + 1, row);
  const float high = (1 - fu) * sample(tile, view, column, row + 1) + fu * sample(tile, view, column + 1, row + 1);
  return (float)(1 / (depth * depth)) * (low + fv * (high - low));
}

static void backproject(const kvox_oblique_tile *tile) {
  const int64_t first = tile->block * KVOX_OBLIQUE_BLOCK, run = tile->blocks * KVOX_OBLIQUE_BLOCK;
  float *voxel = tile->voxels;
  for (int64_t y = tile->y; y < tile->y + tile->height; y++) {
    for (int64_t x = tile->x; x < tile->x + tile->width; x++) {
      for (int64_t k = first; k < first + run; k++) {
        for (int64_t v = 0; v < tile->count; v++) {
          *voxel += take(tile, &tile->views[v], x, y, k);
        }
        voxel++;
      }
    }
  }
}

const kvox_oblique_kernels kvox_oblique_ref = {backproject};

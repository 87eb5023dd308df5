/* The oracle: one voxel and one view at a time, coordinates in double, four samples. */
#include <math.h>

#include "ct/thin.h"

static float sample(const kvox_thin_tile *tile, const kvox_cone_view *view, int64_t column, int64_t row) {
  const int64_t stored = row - tile->row;
  const int inside = column >= 0 && column < tile->columns && stored >= 0 && stored < tile->rows;
  return inside ? view->samples[stored * tile->step + column] : 0;
}

static float meet(const kvox_thin_tile *tile, const kvox_cone_view *view, int64_t x, int64_t y, int64_t k) {
  const double depth = view->da * (double)x + view->db * (double)y + view->dc;
  const double u = (view->ua * (double)x + view->ub * (double)y + view->uc) / depth;
  const double v = (view->va * (double)k + view->vb) / (tile->fan ? 1 : depth) + view->vc;
  if (!(u > -1 && u < (double)tile->columns)) {
    return 0;
  }
  const int64_t column = (int64_t)floor(u), row = (int64_t)floor(v);
  const float fu = (float)(u - floor(u)), fv = (float)(v - floor(v));
  const float low = (1 - fu) * sample(tile, view, column, row) + fu * sample(tile, view, column + 1, row);
  const float high = (1 - fu) * sample(tile, view, column, row + 1) + fu * sample(tile, view, column + 1, row + 1);
  return (float)(1 / (depth * depth)) * (low + fv * (high - low));
}

static void backproject(const kvox_thin_tile *tile) {
  float *row = tile->voxels;
  for (int64_t k = tile->slice; k < tile->slice + tile->slices; k++) {
    for (int64_t y = tile->y; y < tile->y + tile->height; y++, row += KVOX_THIN_WIDTH) {
      for (int64_t x = 0; x < tile->width; x++) {
        for (int64_t v = 0; v < tile->count; v++) {
          row[x] += meet(tile, &tile->views[v], tile->x + x, y, k);
        }
      }
    }
  }
}

const kvox_thin_kernels kvox_thin_ref = {backproject};

#include "ct/rays.h"

#include <math.h>

#include "core/size.h"
#include "cpu/level.h"

/* Most voxels between rows, or rows between voxels. */
#define MOST_APART (KVOX_RAYS_MOST_SLOPE * KVOX_RAYS_LEAST_SLOPE > 1 ? KVOX_RAYS_MOST_SLOPE : 1 / KVOX_RAYS_LEAST_SLOPE)

/* What a block reaches beyond a column where they are furthest apart, and what a vector reads behind that. */
#define REACH ((int64_t)((KVOX_RAYS_BLOCK + 2) * MOST_APART) + 64)

const kvox_rays_kernels *kvox_rays_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_rays, cpu_level); }

int64_t kvox_rays_scratch(int64_t step) { return step + 2 * REACH; }

kvox_ray kvox_rays_ray(const kvox_rays_view *view, const double spacing_mm[3], int64_t row, int64_t column) {
  const double r = (double)row, c = (double)column;
  kvox_ray ray = {.main = 0};
  double square = 0;
  for (int a = 0; a < 3; a++) {
    ray.from[a] = view->from[a] + c * view->from_column[a] + r * view->from_row[a];
    ray.along[a] = view->along[a] + c * view->along_column[a] + r * view->along_row[a];
    ray.main = fabs(ray.along[a]) > fabs(ray.along[ray.main]) ? a : ray.main;
    square += ray.along[a] * spacing_mm[a] * ray.along[a] * spacing_mm[a];
  }
  ray.plane_mm = sqrt(square) / fabs(ray.along[ray.main]);
  return ray;
}

/*
 * The ray of column c lies above the point (x, y) where (q - c from_column) x (along + c along_column) = 0, q being
 * from `from` to the point and x the cross product in the plane. One of the two products with c is zero for every beam:
 * a source does not move with the column, parallel rays do not turn.
 */
double kvox_rays_column_at(const kvox_rays_view *v, double x, double y) {
  const double qx = x - v->from[0], qy = y - v->from[1];
  const double across = qx * v->along[1] - qy * v->along[0];
  const double turn = qx * v->along_column[1] - qy * v->along_column[0];
  const double shift = v->from_column[0] * v->along[1] - v->from_column[1] * v->along[0];
  return across / (shift - turn);
}

void kvox_rays_columns(const kvox_rays_tile *tile, int64_t *begin, int64_t *end) {
  double low = INFINITY, high = -INFINITY;
  for (int corner = 0; corner < 4; corner++) {
    const double x = (double)(corner % 2 != 0 ? tile->x + tile->width : tile->x - 1);
    const double y = (double)(corner / 2 != 0 ? tile->y + tile->height : tile->y - 1);
    const double column = kvox_rays_column_at(tile->view, x, y);
    low = fmin(low, column);
    high = fmax(high, column);
  }
  /* One more on either side for the rounding; NaN and infinities stay within the detector. */
  const double most = (double)tile->columns;
  *begin = (int64_t)fmin(fmax(floor(low) - 1, 0), most);
  *end = (int64_t)fmin(fmax(ceil(high) + 2, (double)*begin), most);
}

#include "ct/rays.h"

#include <math.h>

#include "core/size.h"
#include "cpu/level.h"
#include "ct/vectors.h"

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

/* Whole numbers begin ... end - 1 of 0 ... count - 1 that lie between low and high, and one more on either side for the
 * rounding; NaN and infinities stay within them. */
static void whole_between(double low, double high, int64_t count, int64_t *begin, int64_t *end) {
  const double most = (double)count;
  *begin = (int64_t)fmin(fmax(floor(low) - 1, 0), most);
  *end = (int64_t)fmin(fmax(ceil(high) + 2, (double)*begin), most);
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
  whole_between(low, high, tile->columns, begin, end);
}

/* ---- Boxes ---- */

static bool is_zero(const double v[3]) { return v[0] == 0 && v[1] == 0 && v[2] == 0; }

/*
 * The ray of (c, r) that passes q, counted from `from`. Cone: q = t (along + c along_column + r along_row). Parallel:
 * q = c from_column + r from_row + t along. The part of a vector that goes along another is found by Cramer's rule.
 */
typedef struct finder {
  double column[3], row[3], along[3]; /* t, c t and r t, or t, c and r, are their products with q */
  bool cone;
} finder;

/* False for a fan, whose rows have a source each. */
static bool make_finder(const kvox_rays_view *v, finder *f) {
  f->cone = is_zero(v->from_column) && is_zero(v->from_row);
  if (!f->cone && !(is_zero(v->along_column) && is_zero(v->along_row))) {
    return false;
  }
  const double *column = f->cone ? v->along_column : v->from_column, *row = f->cone ? v->along_row : v->from_row;
  kvox_ct_cross(column, row, f->along);
  kvox_ct_cross(row, v->along, f->column);
  kvox_ct_cross(v->along, column, f->row);
  const double volume = kvox_ct_dot(v->along, f->along);
  for (int a = 0; a < 3; a++) {
    f->along[a] /= volume;
    f->column[a] /= volume;
    f->row[a] /= volume;
  }
  return true;
}

kvox_rays_shadow kvox_rays_shadow_of(const kvox_rays_box *box) {
  kvox_rays_shadow shadow = {0, box->rows, 0, box->columns};
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  finder f;
  if (!make_finder(box->view, &f)) {
    return shadow;
  }
  for (int corner = 0; corner < 8; corner++) {
    double q[3];
    for (int a = 0; a < 3; a++) {
      const int64_t at = box->begin[a] + ((corner >> a & 1) != 0 ? box->size[a] : -1);
      q[a] = (double)at - box->view->from[a];
    }
    const double depth = f.cone ? kvox_ct_dot(q, f.along) : 1;
    const double at[2] = {kvox_ct_dot(q, f.column) / depth, kvox_ct_dot(q, f.row) / depth};
    if (!(depth > 0 && isfinite(at[0]) && isfinite(at[1]))) {
      return shadow;
    }
    for (int i = 0; i < 2; i++) {
      low[i] = fmin(low[i], at[i]);
      high[i] = fmax(high[i], at[i]);
    }
  }
  whole_between(low[0], high[0], box->columns, &shadow.column_begin, &shadow.column_end);
  whole_between(low[1], high[1], box->rows, &shadow.row_begin, &shadow.row_end);
  return shadow;
}

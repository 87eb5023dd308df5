/* Rays of any geometry, counted in voxels of a grid. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "ct/operator_rays.h"
#include "ct/vectors.h"

/* Sources, detectors and steps farther from the grid than this, or steps smaller than its inverse, are a mistake in
 * units: places would lose the digits that interpolation needs. */
static const double most_voxels = 1e9;

static void to_voxels(const kvox_grid *grid, const double mm[3], double voxels[3]) {
  for (int a = 0; a < 3; a++) {
    voxels[a] = (mm[a] - grid->origin_mm[a]) / grid->spacing_mm[a];
  }
}

static void in_voxels(const kvox_grid *grid, const double mm[3], double voxels[3]) {
  for (int a = 0; a < 3; a++) {
    voxels[a] = mm[a] / grid->spacing_mm[a];
  }
}

/* Rows of a fan have a source each, at the height of their pixels. */
static void flatten(kvox_rays_view *rays, const double corner[3]) {
  rays->from[2] = corner[2];
  rays->from_column[2] = rays->along_column[2];
  rays->from_row[2] = rays->along_row[2];
  rays->along[2] = rays->along_column[2] = rays->along_row[2] = 0;
}

static void describe(const kvox_ct_geometry *g, const kvox_grid *grid, const kvox_ct_view *view, kvox_rays_view *rays) {
  double corner_mm[3], corner[3];
  kvox_ct_view_corner(view, g->rows, g->columns, corner_mm);
  to_voxels(grid, corner_mm, corner);
  *rays = (kvox_rays_view){.upright = false};
  if (g->beam == KVOX_CT_PARALLEL) {
    to_voxels(grid, corner_mm, rays->from);
    in_voxels(grid, view->column_step_mm, rays->from_column);
    in_voxels(grid, view->row_step_mm, rays->from_row);
    in_voxels(grid, view->source_mm, rays->along);
    return;
  }
  to_voxels(grid, view->source_mm, rays->from);
  in_voxels(grid, view->column_step_mm, rays->along_column);
  in_voxels(grid, view->row_step_mm, rays->along_row);
  for (int a = 0; a < 3; a++) {
    rays->along[a] = corner[a] - rays->from[a];
  }
  if (g->beam == KVOX_CT_FAN) {
    flatten(rays, corner);
  }
}

static bool fits(const kvox_rays_view *rays) {
  const double *vectors[] = {rays->from,  rays->from_column,  rays->from_row,
                             rays->along, rays->along_column, rays->along_row};
  for (int v = 0; v < 6; v++) {
    for (int a = 0; a < 3; a++) {
      if (!(fabs(vectors[v][a]) <= most_voxels)) {
        return false;
      }
    }
  }
  return fmax(fabs(rays->along[0]), fmax(fabs(rays->along[1]), fabs(rays->along[2]))) >= 1 / most_voxels;
}

/* Voxels from a row to the next where the ray of a column passes the point (x, y). */
static double slope_at(const kvox_rays_view *v, double x, double y) {
  const double c = kvox_rays_column_at(v, x, y);
  const double ax = v->along[0] + c * v->along_column[0], ay = v->along[1] + c * v->along_column[1];
  const double qx = x - v->from[0] - c * v->from_column[0], qy = y - v->from[1] - c * v->from_column[1];
  return v->from_row[2] + (qx * ax + qy * ay) / (ax * ax + ay * ay) * v->along_row[2];
}

/* Slopes are affine in x and y: their least and most are those of the corners of what a ray can meet. */
static bool slopes_fit(const kvox_rays_view *rays, const int64_t size[3]) {
  for (int corner = 0; corner < 4; corner++) {
    const double x = corner % 2 != 0 ? (double)size[0] : -1, y = corner / 2 != 0 ? (double)size[1] : -1;
    const double slope = fabs(slope_at(rays, x, y));
    /* NaN too. */
    if (!(slope >= KVOX_RAYS_LEAST_SLOPE && slope <= KVOX_RAYS_MOST_SLOPE)) {
      return false;
    }
  }
  return true;
}

/* The component along z is affine in the row. */
static bool no_ray_follows_z(const kvox_rays_view *rays, int64_t rows, int64_t columns) {
  static const double any[3] = {1, 1, 1};
  for (int64_t column = 0; column < columns; column++) {
    if (kvox_rays_ray(rays, any, 0, column).main == 2 || kvox_rays_ray(rays, any, rows - 1, column).main == 2) {
      return false;
    }
  }
  return true;
}

static bool is_upright(const kvox_rays_view *rays, const kvox_ct_geometry *g, const int64_t size[3]) {
  const bool stands =
      rays->from_row[0] == 0 && rays->from_row[1] == 0 && rays->along_row[0] == 0 && rays->along_row[1] == 0;
  return stands && slopes_fit(rays, size) && no_ray_follows_z(rays, g->rows, g->columns);
}

/* Whether |along[b]| is above |along[a]| for every ray: b + a and b - a, affine in column and row, keep one sign at the
 * detector's corners, by more than a rounding. */
static bool is_above(const kvox_rays_view *v, int b, int a, int64_t rows, int64_t columns) {
  static const double rounding = 1e-9;
  int above = 0, below = 0;
  for (int corner = 0; corner < 4; corner++) {
    const double c = (corner & 1) != 0 ? (double)(columns - 1) : 0, r = (corner & 2) != 0 ? (double)(rows - 1) : 0;
    const double of_a = v->along[a] + c * v->along_column[a] + r * v->along_row[a];
    const double of_b = v->along[b] + c * v->along_column[b] + r * v->along_row[b];
    const double least = (1 + rounding) * fabs(of_a);
    above += of_b > least ? 1 : 0;
    below += of_b < -least ? 1 : 0;
  }
  return above == 4 || below == 4;
}

static void find_axes(kvox_rays_view *v, int64_t rows, int64_t columns) {
  for (int a = 0; a < 3; a++) {
    v->axes[a] = !is_above(v, (a + 1) % 3, a, rows, columns) && !is_above(v, (a + 2) % 3, a, rows, columns);
  }
}

/* Whether the shadow of the grid and one voxel around it, as a box of columns and rows, touches the detector. */
static bool meets(const kvox_ct_geometry *g, const kvox_grid *grid, const kvox_ct_view *view) {
  double matrix[12], low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  const double last[2] = {(double)(g->columns - 1), (double)(g->rows - 1)};
  kvox_ct_view_matrix(view, g->beam == KVOX_CT_PARALLEL, g->rows, g->columns, matrix);
  for (int corner = 0; corner < 8; corner++) {
    double at[4] = {0, 0, 0, 1}, image[3];
    for (int a = 0; a < 3; a++) {
      at[a] = grid->origin_mm[a] + ((corner >> a & 1) != 0 ? (double)grid->size[a] : -1.0) * grid->spacing_mm[a];
    }
    for (int r = 0; r < 3; r++) {
      image[r] = kvox_ct_dot(matrix + 4 * r, at) + matrix[4 * r + 3];
    }
    image[0] /= image[2];
    image[1] /= image[2];
    if (g->beam == KVOX_CT_FAN) {
      image[1] = at[2] / g->row_pitch_mm + g->center_row_px;
    }
    for (int i = 0; i < 2; i++) {
      low[i] = fmin(low[i], image[i]);
      high[i] = fmax(high[i], image[i]);
    }
  }
  return high[0] >= 0 && low[0] <= last[0] && high[1] >= 0 && low[1] <= last[1];
}

kvox_status kvox_ct_rays_lay_out(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name,
                                 kvox_rays_view *views) {
  bool met = false;
  KVOX_TRY(kvox_ct_geometry_check_upright(grid, name));
  KVOX_TRY(kvox_ct_geometry_check_sources(geometry, grid, 1, name));
  for (int64_t v = 0; v < geometry->views; v++) {
    kvox_ct_view view;
    KVOX_TRY(kvox_ct_geometry_view(geometry, v, &view));
    describe(geometry, grid, &view, &views[v]);
    if (!fits(&views[v])) {
      return kvox_fail(KVOX_ERROR_GEOMETRY,
                       "%s: the source or the detector of view %" PRId64
                       " lies more than 10^9 voxels from the grid, or voxels are more than 10^9 mm wide; check the "
                       "units of spacing",
                       name, v);
    }
    views[v].upright = is_upright(&views[v], geometry, grid->size);
    find_axes(&views[v], geometry->rows, geometry->columns);
    met = met || meets(geometry, grid, &view);
  }
  return met ? KVOX_OK
             : kvox_fail(KVOX_ERROR_GEOMETRY,
                         "%s: no ray of any view meets the grid; check its origin and the units of spacing", name);
}

/* Views given by themselves: where their rays meet the grid, as stage "oblique" takes it. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/fdk.h"
#include "ct/orbit.h"
#include "ct/vectors.h"

/* Voxels so much coarser than rows or columns are a mistake in units. */
static const double most_slope = 1000;

static void exchange(double a[3], double b[3]) {
  double c[3];
  memcpy(c, a, sizeof c);
  memcpy(a, b, sizeof c);
  memcpy(b, c, sizeof c);
}

kvox_status kvox_ct_fdk_turn(kvox_ct_fdk *f, const char *name) {
  const kvox_ct_geometry *g = f->geometry;
  if (!kvox_ct_view_is_turned(&g->described[0])) {
    return KVOX_OK;
  }
  if (f->correction != NULL) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "%s: the detector's rows run along the axis z: correct its counts first, then reconstruct line "
                     "integrals",
                     name);
  }
  kvox_ct_view *views = kvox_allocate_array(f->context->heap, g->views, sizeof *views);
  if (views == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(views, g->described, (size_t)g->views * sizeof *views);
  for (int64_t v = 0; v < g->views; v++) {
    exchange(views[v].column_step_mm, views[v].row_step_mm);
  }
  const kvox_status status =
      kvox_ct_geometry_create_views(f->context, g->beam, g->columns, g->rows, views, g->views, &f->turned);
  kvox_release(f->context->heap, views);
  f->geometry = status == KVOX_OK ? f->turned : g;
  return status;
}

/* Columns and rows of the world's origin, by which the depth on the axis at the source's height is 1. */
static double unit_depth(const kvox_ct_view *view) {
  double normal[3];
  (void)kvox_ct_view_depth(view, normal);
  return -normal[0] * view->source_mm[0] - normal[1] * view->source_mm[1];
}

static void compose(const double m[4], const kvox_grid *grid, double scale, double out[4]) {
  out[3] = scale * (kvox_ct_dot(m, grid->origin_mm) + m[3]);
  for (int c = 0; c < 3; c++) {
    out[c] = scale * m[c] * grid->spacing_mm[c];
  }
}

static void meet_view(kvox_ct_fdk *f, const kvox_grid *grid, int64_t v) {
  const kvox_ct_geometry *g = f->geometry;
  const bool parallel = g->beam == KVOX_CT_PARALLEL;
  kvox_oblique_view *seen = &f->seen[v];
  double m[12];
  kvox_ct_view_matrix(&g->described[v], parallel, g->rows, g->columns, m);
  const double scale = parallel ? 1 : 1 / unit_depth(&g->described[v]);
  *seen = (kvox_oblique_view){.samples = NULL};
  compose(m, grid, scale, seen->column);
  compose(m + 4, grid, scale, seen->row);
  compose(m + 8, grid, scale, seen->depth);
  for (int c = 0; c < 4; c++) {
    seen->column[c] += (double)f->before * seen->depth[c];
  }
}

/* Column depth, row depth and depth at a corner of the box of voxels low ... high. */
static void meet_corner(const kvox_oblique_view *view, const double low[3], const double high[3], int corner,
                        double out[3]) {
  const double *const m[3] = {view->column, view->row, view->depth};
  for (int r = 0; r < 3; r++) {
    out[r] = m[r][3];
    for (int c = 0; c < 3; c++) {
      out[r] += m[r][c] * ((corner >> c & 1) != 0 ? high[c] : low[c]);
    }
  }
}

/* The region's voxels in x and y, `slices` of them along z. */
static void box_of(const kvox_ct_fdk *f, int64_t slice, int64_t slices, double low[3], double high[3]) {
  for (int c = 0; c < 2; c++) {
    low[c] = (double)f->begin[c];
    high[c] = (double)(f->begin[c] + f->size[c] - 1);
  }
  low[2] = (double)slice;
  high[2] = (double)(slice + slices - 1);
}

/* From a voxel to the next along x, y, z at the least depth, in rows or columns, measured from their middle. */
static double most_step(const double m[4], const double depth[4], double middle, double least_depth) {
  double most = 0;
  for (int c = 0; c < 3; c++) {
    most = fmax(most, fabs(m[c] - middle * depth[c]) / least_depth);
  }
  return most;
}

kvox_status kvox_ct_fdk_meet_views(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  const kvox_ct_geometry *g = f->geometry;
  const int64_t first = f->begin[2] / KVOX_OBLIQUE_BLOCK * KVOX_OBLIQUE_BLOCK;
  const int64_t end = kvox_round_up(f->begin[2] + f->size[2], KVOX_OBLIQUE_BLOCK);
  double low[3], high[3], met[3], step = 0;
  f->seen = kvox_allocate_array(f->context->heap, g->views, sizeof *f->seen);
  if (f->seen == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->least_depth = INFINITY;
  box_of(f, first, end - first, low, high);
  for (int64_t v = 0; v < g->views; v++) {
    double least = INFINITY;
    meet_view(f, r->grid, v);
    for (int corner = 0; corner < 8; corner++) {
      meet_corner(&f->seen[v], low, high, corner, met);
      least = fmin(least, met[2]);
      f->most_depth = fmax(f->most_depth, met[2]);
    }
    f->least_depth = fmin(f->least_depth, least);
    step = fmax(step, most_step(f->seen[v].column, f->seen[v].depth, 0.5 * (double)f->columns, least));
    step = fmax(step, most_step(f->seen[v].row, f->seen[v].depth, 0.5 * (double)g->rows, least));
  }
  if (!(f->least_depth > 0)) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: the region, or slices up to a multiple of 16 beside it, reach the source", r->name);
  }
  if (!(step <= most_slope)) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: voxels are more than a thousand rows or columns wide; check the units of spacing", r->name);
  }
  return KVOX_OK;
}

void kvox_ct_fdk_view_rows(const kvox_ct_fdk *f, int64_t slice, int64_t slices, int64_t *row, int64_t *rows) {
  double low[3], high[3], met[3], lowest = INFINITY, highest = -INFINITY;
  box_of(f, slice, slices, low, high);
  for (int64_t v = 0; v < f->geometry->views; v++) {
    for (int corner = 0; corner < 8; corner++) {
      meet_corner(&f->seen[v], low, high, corner, met);
      /* Not fmin and fmax, over which gcc 12 for AArch64 fails here (an internal error of its vectorizer). */
      const double place = met[1] / met[2];
      lowest = place < lowest ? place : lowest;
      highest = place > highest ? place : highest;
    }
  }
  const double end = (double)f->geometry->rows;
  const int64_t from = (int64_t)fmin(fmax(floor(lowest) - 1, 0), end - 1);
  const int64_t to = (int64_t)fmin(fmax(floor(highest) + 3, 1), end);
  *row = from;
  *rows = kvox_max_i64(to - from, 1);
}

void kvox_ct_fdk_extend_views(kvox_ct_fdk *f) {
  const kvox_ct_geometry *g = f->geometry;
  double before = 0, after = 0;
  for (int64_t v = 0; g->beam != KVOX_CT_PARALLEL && v < g->views; v++) {
    double m[12];
    kvox_ct_view_matrix(&g->described[v], false, g->rows, g->columns, m);
    const double more = 2 * m[3] / m[11] - (double)(g->columns - 1);
    before = fmax(before, -more - 1);
    after = fmax(after, more - 1);
  }
  /* Rounded numbers of whole columns; an axis farther aside is refused by what it leaves of the fan. */
  const double most = (double)g->columns, rounding = 1e-6;
  f->before = (int64_t)fmin(ceil(fmax(before - rounding, 0)), most);
  f->columns = g->columns + f->before + (int64_t)fmin(ceil(fmax(after - rounding, 0)), most);
}

/* ---- Weights ---- */

void kvox_ct_fdk_weigher_begin(const kvox_ct_fdk *fdk, int64_t view, float *scratch, kvox_ct_fdk_weigher *w) {
  const kvox_ct_geometry *g = fdk->geometry;
  const double pitch = kvox_ct_fdk_pitch_mm(fdk);
  double normal[3], corner[3];
  *w = (kvox_ct_fdk_weigher){.fdk = fdk, .view = &g->described[view], .node = -1};
  w->index = view;
  w->low = scratch;
  w->high = scratch + fdk->row_step;
  kvox_ct_view_corner(w->view, g->rows, g->columns, corner);
  const double *source = w->view->source_mm, *step = w->view->column_step_mm;
  const double distance = hypot(source[0], source[1]);
  if (g->beam == KVOX_CT_PARALLEL) {
    w->scale = pitch * distance * distance / fabs(source[0] * step[1] - source[1] * step[0]);
    return;
  }
  for (int c = 0; c < 3; c++) {
    w->corner[c] = corner[c] - source[c];
  }
  const double to_axis[2] = {-source[0] / distance, -source[1] / distance};
  /* What a step in angle moves the source across a ray: its way round the axis, and to or from it. */
  const double climb = kvox_ct_orbit_climb(&fdk->radius, g->angles_deg[view]) / distance;
  w->across[0] = to_axis[0] + climb * to_axis[1];
  w->across[1] = to_axis[1] - climb * to_axis[0];
  const double magnification = kvox_ct_view_depth(w->view, normal) / unit_depth(w->view);
  w->scale = pitch * distance * magnification * magnification;
}

void kvox_ct_fdk_weigh_node(const kvox_ct_fdk_weigher *w, int64_t row, float *rays) {
  const int64_t columns = w->fdk->geometry->columns;
  double ray[3];
  for (int64_t u = 0; u < columns; u++) {
    for (int c = 0; c < 3; c++) {
      ray[c] = w->corner[c] + (double)row * w->view->row_step_mm[c] + (double)u * w->view->column_step_mm[c];
    }
    const kvox_ct_orbit_ray at = kvox_ct_orbit_ray_of(w->fdk->geometry, w->index, ray);
    rays[u] = (float)kvox_ct_redundancy_weight(&w->fdk->redundancy, at.view_rad, at.fan_rad);
  }
}

static void find_nodes(kvox_ct_fdk_weigher *w, int64_t row) {
  const int64_t node = row / KVOX_FDK_NODE * KVOX_FDK_NODE;
  if (node == w->node) {
    return;
  }
  if (node == w->node + KVOX_FDK_NODE && w->node >= 0) {
    float *low = w->low;
    w->low = w->high;
    w->high = low;
  } else {
    kvox_ct_fdk_weigh_node(w, node, w->low);
  }
  kvox_ct_fdk_weigh_node(w, node + KVOX_FDK_NODE, w->high);
  w->node = node;
}

void kvox_ct_fdk_weigh_row(kvox_ct_fdk_weigher *w, int64_t row, float *weights) {
  const int64_t columns = w->fdk->geometry->columns;
  if (w->fdk->geometry->beam == KVOX_CT_PARALLEL) {
    for (int64_t u = 0; u < columns; u++) {
      weights[u] = (float)w->scale;
    }
    return;
  }
  double ray[3];
  const double *step = w->view->column_step_mm;
  for (int c = 0; c < 3; c++) {
    ray[c] = w->corner[c] + (double)row * w->view->row_step_mm[c];
  }
  find_nodes(w, row);
  /* What a step in angle moves the source across a ray, and the ray, in units of the least distance that the row has.
   */
  const double area = fabs(ray[0] * step[1] - ray[1] * step[0]), unit = area / hypot(step[0], step[1]);
  const float share = (float)(row % KVOX_FDK_NODE) / KVOX_FDK_NODE, scale = (float)(w->scale / area);
  const float first[3] = {(float)(ray[0] / unit), (float)(ray[1] / unit), (float)(ray[2] / unit)};
  const float d[3] = {(float)(step[0] / unit), (float)(step[1] / unit), (float)(step[2] / unit)};
  const float across_x = (float)w->across[0], across_y = (float)w->across[1];
  for (int64_t u = 0; u < columns; u++) {
    const float x = first[0] + (float)u * d[0], y = first[1] + (float)u * d[1], z = first[2] + (float)u * d[2];
    const float moved = x * across_x + y * across_y, rays = w->low[u] + share * (w->high[u] - w->low[u]);
    weights[u] = scale * rays * (moved / sqrtf(x * x + y * y + z * z));
  }
}

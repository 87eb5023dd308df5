/* True voxel averages: samples where a surface may cross, whole voxels everywhere else. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "core/volume.h"
#include "phantom/phantom.h"

enum { MOST_SAMPLES = 64 };

/* Voxels this close to a surface (in units of the shape) are sampled although it seems to miss them: far more than the
 * rounding of the test, far less than a voxel. */
static const double margin = 1e-9;

/* A shape seen from the grid. */
typedef struct view_of_shape {
  double step[3];    /* from a voxel of a row to the next, in units of the shape */
  double half[3][3]; /* from a voxel's middle to the middles of its faces */
  double half_mm[3][3];
  double reach; /* to its farthest corner */
  int32_t samples[3];
} view_of_shape;

/* The rise above a plane from a voxel's middle to the middles of its faces, in mm. */
typedef struct view_of_plane {
  double half[3];
} view_of_plane;

typedef struct filling {
  const kvox_phantom *phantom;
  const kvox_array *array;
  const kvox_grid *grid;
  const double *slice_origins_mm;
  view_of_shape *views;
  view_of_plane *plane_views;
  double *rows; /* one for each worker */
} filling;

static view_of_plane look_at_plane(const kvox_plane *plane, const kvox_grid *grid) {
  view_of_plane view;
  for (int a = 0; a < 3; a++) {
    view.half[a] = 0.5 * grid->spacing_mm[a] * kvox_dot3(plane->normal, grid->axes[a]);
  }
  return view;
}

static view_of_shape look_at_shape(const kvox_shape *shape, const view_of_plane *plane_views, const kvox_grid *grid,
                                   int32_t samples) {
  view_of_shape view = {.reach = 0};
  for (int a = 0; a < 3; a++) {
    for (int c = 0; c < 3; c++) {
      view.half_mm[a][c] = 0.5 * grid->spacing_mm[a] * grid->axes[a][c];
    }
    kvox_shape_turn(shape, view.half_mm[a], view.half[a]);
    bool changes = kvox_dot3(view.half[a], view.half[a]) > 0 || shape->bounds > 0;
    for (int32_t p = 0; p < shape->planes; p++) {
      changes |= plane_views[shape->first_plane + p].half[a] != 0;
    }
    view.samples[a] = changes ? samples : 1;
  }
  for (int c = 0; c < 3; c++) {
    view.step[c] = 2 * view.half[0][c];
  }
  for (int corner = 0; corner < 4; corner++) {
    double to_corner[3];
    for (int c = 0; c < 3; c++) {
      to_corner[c] = view.half[0][c] + ((corner & 1) != 0 ? -1 : 1) * view.half[1][c] +
                     ((corner & 2) != 0 ? -1 : 1) * view.half[2][c];
    }
    view.reach = fmax(view.reach, sqrt(kvox_dot3(to_corner, to_corner)));
  }
  return view;
}

/* Narrows it to where start + i step < bound. */
static kvox_span below(kvox_span s, double start, double step, double bound) {
  if (step > 0) {
    s.high = fmin(s.high, (bound - start) / step);
  } else if (step < 0) {
    s.low = fmax(s.low, (bound - start) / step);
  } else if (!(start < bound)) {
    return (kvox_span){1, 0};
  }
  return s;
}

/* A row of voxels seen by a shape. */
typedef struct row_of_shape {
  const kvox_shape *shape;
  const view_of_shape *view;
  const kvox_plane *planes;
  const view_of_plane *plane_views;
  const kvox_bound *bounds;
  double from_center[3]; /* of voxel 0, in mm */
  double start[3];       /* the same, in units of the shape */
} row_of_shape;

/* Finds the voxels that may touch the shape and those that lie wholly inside. */
static void find_spans(const row_of_shape *row, kvox_span *touched, kvox_span *inside) {
  const double reach = row->view->reach;
  *touched = kvox_span_in_ball(row->start, row->view->step, 1 + reach + margin);
  *inside = kvox_span_in_ball(row->start, row->view->step, 1 - reach - margin);
  for (int32_t p = 0; p < row->shape->planes; p++) {
    const double *half = row->plane_views[p].half;
    const double start = kvox_dot3(row->planes[p].normal, row->from_center), offset = row->planes[p].offset_mm;
    const double size = (1 + margin) * (fabs(half[0]) + fabs(half[1]) + fabs(half[2]));
    *touched = below(*touched, start, 2 * half[0], offset + size);
    *inside = below(*inside, start, 2 * half[0], offset - size);
  }
}

/* Whether the planes keep the point that lies `at` (each -1 to 1) in voxel i. */
static bool planes_keep(const row_of_shape *row, int64_t i, const double at[3]) {
  for (int32_t p = 0; p < row->shape->planes; p++) {
    const double *half = row->plane_views[p].half;
    const double height =
        kvox_dot3(row->planes[p].normal, row->from_center) + 2 * (double)i * half[0] + kvox_dot3(at, half);
    if (!(height < row->planes[p].offset_mm)) {
      return false;
    }
  }
  return true;
}

static bool bounds_keep(const row_of_shape *row, int64_t i, const double at[3]) {
  double point_mm[3];
  const double along[3] = {2 * (double)i + at[0], at[1], at[2]};
  for (int c = 0; c < 3 && row->shape->bounds > 0; c++) {
    point_mm[c] = row->shape->center_mm[c] + row->from_center[c];
    for (int a = 0; a < 3; a++) {
      point_mm[c] += along[a] * row->view->half_mm[a][c];
    }
  }
  for (int32_t b = 0; b < row->shape->bounds; b++) {
    if (!kvox_bound_holds(row->bounds + b, point_mm)) {
      return false;
    }
  }
  return true;
}

/* Bounds are convex: what holds all corners holds the voxel. */
static bool bounds_keep_all(const row_of_shape *row, int64_t i) {
  bool all = true;
  for (int corner = 0; corner < 8 && row->shape->bounds > 0 && all; corner++) {
    const double at[3] = {(corner & 1) != 0 ? -1 : 1, (corner & 2) != 0 ? -1 : 1, (corner & 4) != 0 ? -1 : 1};
    all = bounds_keep(row, i, at);
  }
  return all;
}

/* Where sample s of n lies in a voxel, from -1 to 1. */
static double midpoint(int32_t s, int32_t n) { return (double)(2 * s + 1) / (double)n - 1; }

/* How many of the samples of voxel i lie in the shape. */
static int32_t count_samples(const row_of_shape *row, int64_t i) {
  const view_of_shape *view = row->view;
  int32_t count = 0;
  for (int32_t s2 = 0; s2 < view->samples[2]; s2++) {
    for (int32_t s1 = 0; s1 < view->samples[1]; s1++) {
      double at[3] = {0, midpoint(s1, view->samples[1]), midpoint(s2, view->samples[2])};
      double line[3];
      for (int c = 0; c < 3; c++) {
        line[c] = row->start[c] + (double)i * view->step[c] + at[1] * view->half[1][c] + at[2] * view->half[2][c];
      }
      for (int32_t s0 = 0; s0 < view->samples[0]; s0++) {
        at[0] = midpoint(s0, view->samples[0]);
        const double u[3] = {line[0] + at[0] * view->half[0][0], line[1] + at[0] * view->half[0][1],
                             line[2] + at[0] * view->half[0][2]};
        if (kvox_dot3(u, u) <= 1 && planes_keep(row, i, at) && bounds_keep(row, i, at)) {
          count++;
        }
      }
    }
  }
  return count;
}

static void add_shape(const row_of_shape *row, int64_t count, double *values) {
  kvox_span touched, inside;
  find_spans(row, &touched, &inside);
  if (!(touched.low < touched.high)) {
    return;
  }
  const int64_t begin = kvox_index_up(touched.low - 1, count), end = kvox_index_up(touched.high + 1, count);
  const bool any = inside.low < inside.high;
  const int64_t whole_begin = any ? kvox_index_up(inside.low, count) : end;
  const int64_t whole_end = any ? kvox_index_up(inside.high, count) : end;
  const double density = row->shape->density;
  const double all = (double)row->view->samples[0] * row->view->samples[1] * row->view->samples[2];
  for (int64_t i = begin; i < end; i++) {
    if (i >= whole_begin && i < whole_end && bounds_keep_all(row, i)) {
      values[i] += density;
    } else {
      values[i] += density * ((double)count_samples(row, i) / all);
    }
  }
}

static kvox_status fill_row(void *data, int64_t index, int32_t worker) {
  const filling *f = data;
  const kvox_grid *grid = f->grid;
  const int64_t count = grid->size[0], j = index % grid->size[1], k = index / grid->size[1];
  const double *origin = f->slice_origins_mm != NULL ? f->slice_origins_mm + 3 * k : grid->origin_mm;
  const double along_j = (double)j * grid->spacing_mm[1];
  const double along_k = f->slice_origins_mm != NULL ? 0 : (double)k * grid->spacing_mm[2];
  double *values = f->rows + worker * count;
  memset(values, 0, (size_t)count * sizeof *values);
  for (int32_t s = 0; s < f->phantom->shape_count; s++) {
    const kvox_shape *shape = f->phantom->shapes + s;
    row_of_shape row = {.shape = shape,
                        .view = f->views + s,
                        .planes = shape->planes > 0 ? f->phantom->planes + shape->first_plane : NULL,
                        .plane_views = shape->planes > 0 ? f->plane_views + shape->first_plane : NULL,
                        .bounds = shape->bounds > 0 ? f->phantom->bounds + shape->first_bound : NULL};
    for (int c = 0; c < 3; c++) {
      row.from_center[c] = origin[c] + along_j * grid->axes[1][c] + along_k * grid->axes[2][c] - shape->center_mm[c];
    }
    kvox_shape_turn(shape, row.from_center, row.start);
    add_shape(&row, count, values);
  }
  const int64_t at[2] = {k, j};
  kvox_row_from_double(values, count, f->array->type, f->array->strides[2], kvox_array_at(f->array, 2, at));
  return KVOX_OK;
}

kvox_status kvox_phantom_fill(const kvox_phantom *phantom, int32_t samples, kvox_volume *volume) {
  KVOX_REQUIRE(phantom);
  KVOX_REQUIRE(volume);
  if (samples < 1 || samples > MOST_SAMPLES) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_fill: samples is %" PRId32 ", must be from 1 to %d", samples,
                     MOST_SAMPLES);
  }
  KVOX_TRY(
      kvox_array_check(&volume->array, "kvox_phantom_fill: volume", KVOX_TYPE_BIT(KVOX_F32) | KVOX_TYPE_BIT(KVOX_F64)));
  KVOX_TRY(kvox_array_check_result(&volume->array, "kvox_phantom_fill: volume"));
  const kvox_grid *grid = &volume->grid;
  kvox_heap *heap = phantom->context->heap;
  const kvox_threads *threads = &phantom->context->threads;
  const int64_t row_count = grid->size[1] * grid->size[2];
  const int64_t work = kvox_work(row_count, grid->size[0] + 64 * phantom->shape_count);
  const uint64_t workers = (uint64_t)kvox_workers(threads, row_count, work);

  kvox_status status = KVOX_ERROR_MEMORY;
  filling f = {.phantom = phantom,
               .array = &volume->array,
               .grid = grid,
               .slice_origins_mm = volume->slice_origins_mm,
               .views = kvox_allocate(heap, (uint64_t)phantom->shape_count * sizeof *f.views),
               .plane_views = kvox_allocate(heap, (uint64_t)phantom->plane_count * sizeof *f.plane_views),
               .rows = kvox_allocate(heap, workers * (uint64_t)grid->size[0] * sizeof *f.rows)};
  if (f.views == NULL || f.plane_views == NULL || f.rows == NULL) {
    goto cleanup;
  }
  for (int32_t p = 0; p < phantom->plane_count; p++) {
    f.plane_views[p] = look_at_plane(phantom->planes + p, grid);
  }
  for (int32_t s = 0; s < phantom->shape_count; s++) {
    f.views[s] = look_at_shape(phantom->shapes + s, f.plane_views, grid, samples);
  }
  status = kvox_parallel(threads, row_count, work, fill_row, &f, NULL);
cleanup:
  kvox_release(heap, f.rows);
  kvox_release(heap, f.plane_views);
  kvox_release(heap, f.views);
  return status;
}

#include "ct/operator_rays.h"

#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/correct.h"

/* Rows, columns or slices that are turned over together. */
enum { GROUP = KVOX_STACK };

static const char create_name[] = "kvox_ct_operator_create";

/* A tile's voxels stay in the second-level cache. Its side depends on the grid alone: cuts are part of the bits. */
static const int64_t tile_bytes = 1 << 20;
enum { LEAST_SIDE = 8 };

/* What of a worker's scratch is whose. */
typedef struct scratch {
  float *voxels; /* [side][side][step], GROUP - 1 columns more than a tile */
  float *turned; /* [longest run][GROUP]: columns, slices or rows of a view, a tile's row */
  float *rows;   /* [GROUP][longest row] */
  float *blend;
} scratch;

static int64_t longest_row(const kvox_ct_operator_rays *r) {
  return kvox_max_i64(kvox_round_up(r->columns, GROUP), KVOX_RAYS_SIDE);
}

static int64_t longest_run(const kvox_ct_operator_rays *r) {
  return kvox_max_i64(longest_row(r), kvox_max_i64(r->step, r->row_step));
}

static int64_t tile_floats(const kvox_ct_operator_rays *r) { return (r->side * r->side + GROUP) * r->step; }

static scratch take_scratch(const kvox_ct_operator_rays *r, void *workspace_block, int32_t worker) {
  scratch s = {.voxels =
                   (float *)(void *)((char *)workspace_block + r->block_bytes + (uint64_t)worker * r->worker_bytes)};
  s.turned = s.voxels + tile_floats(r);
  s.rows = s.turned + longest_run(r) * GROUP;
  s.blend = s.rows + longest_row(r) * GROUP;
  return s;
}

static uint64_t worker_bytes(const kvox_ct_operator_rays *r) {
  const int64_t floats = tile_floats(r) + (longest_run(r) + longest_row(r)) * GROUP +
                         kvox_rays_scratch(kvox_max_i64(r->step, r->row_step));
  return (uint64_t)kvox_round_up(floats * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

/* Floats of a view's samples: whole groups of columns. */
static int64_t view_floats(const kvox_ct_operator_rays *r) { return kvox_round_up(r->columns, GROUP) * r->row_step; }

static float *view_samples(const kvox_ct_operator_rays *r, void *workspace_block, int64_t index) {
  return (float *)workspace_block + index * view_floats(r);
}

/* ---- The plan ---- */

static kvox_status choose_cut(kvox_ct_operator_rays *r, uint64_t limit) {
  const uint64_t view_bytes = r->upright > 0 ? (uint64_t)view_floats(r) * sizeof(float) : 0;
  r->worker_bytes = r->upright > 0 ? worker_bytes(r) : 0;
  const uint64_t least = view_bytes + r->worker_bytes;
  const uint64_t allowed = limit != 0 ? limit : KVOX_USUAL_MEMORY > least ? KVOX_USUAL_MEMORY : least;
  if (allowed < least) {
    return kvox_fail_limit(create_name, allowed, least);
  }
  r->workers = r->context->threads.limit;
  while (r->workers > 1 && (uint64_t)r->workers * r->worker_bytes + view_bytes > allowed) {
    r->workers--;
  }
  if (r->upright == 0) {
    return KVOX_OK;
  }
  const uint64_t room = (allowed - (uint64_t)r->workers * r->worker_bytes) / view_bytes;
  r->block = kvox_even_part(r->upright, room < (uint64_t)r->upright ? (int64_t)room : r->upright, 1);
  r->block_bytes = (uint64_t)kvox_round_up(r->block * (int64_t)view_bytes, KVOX_ALIGNMENT);
  return KVOX_OK;
}

static void sort_views(kvox_ct_operator_rays *r) {
  for (int64_t v = 0; v < r->view_count; v++) {
    r->upright += r->views[v].upright ? 1 : 0;
  }
  int64_t upright = 0, other = r->upright;
  for (int64_t v = 0; v < r->view_count; v++) {
    r->order[r->views[v].upright ? upright++ : other++] = v;
  }
}

static kvox_status prepare(kvox_ct_operator_rays *r, const kvox_ct_geometry *g, const kvox_grid *grid, uint64_t limit) {
  int64_t samples = 0;
  r->views = kvox_allocate_array(r->context->heap, g->views, sizeof *r->views);
  r->order = kvox_allocate_array(r->context->heap, g->views, sizeof *r->order);
  if (r->views == NULL || r->order == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_ct_rays_lay_out(g, grid, create_name, r->views));
  /* Whole groups of them, in bytes and with tiles of voxels beside them, then fit 64 bits. */
  if (!kvox_multiply(g->columns + GROUP, g->rows + GROUP, &samples) || samples > INT64_MAX >> 10 ||
      grid->size[2] > INT64_MAX >> 20) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: a view has more than 2^53 samples, or the grid more than 2^43 slices",
                     create_name);
  }
  sort_views(r);
  r->step = kvox_round_up(r->size[2], KVOX_RAYS_BLOCK);
  r->row_step = kvox_round_up(r->rows, KVOX_RAYS_BLOCK);
  r->side = KVOX_RAYS_SIDE;
  while (r->side > LEAST_SIDE && r->side * r->side * r->step * (int64_t)sizeof(float) > tile_bytes) {
    r->side /= 2;
  }
  return choose_cut(r, limit);
}

static kvox_status make_way(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  kvox_context *context = operation->context;
  kvox_ct_operator_rays *r = kvox_allocate_zeros(context->heap, sizeof *r);
  if (r == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  operation->rays = r;
  r->context = context;
  r->kernels = kvox_rays_kernels_of(context->cpu_level);
  r->turn = kvox_filter_kernels_of(context->cpu_level);
  r->view_count = geometry->views;
  r->rows = geometry->rows;
  r->columns = geometry->columns;
  memcpy(r->size, operation->grid.size, sizeof r->size);
  memcpy(r->spacing_mm, operation->grid.spacing_mm, sizeof r->spacing_mm);
  return prepare(r, geometry, &operation->grid, operation->memory_limit);
}

static void drop_way(kvox_ct_operator *operation) {
  kvox_ct_operator_rays *r = operation->rays;
  if (r != NULL) {
    kvox_release(operation->context->heap, r->views);
    kvox_release(operation->context->heap, r->order);
    kvox_release(operation->context->heap, r);
    operation->rays = NULL;
  }
}

static uint64_t workspace_bytes(const kvox_ct_operator_rays *r) {
  return r->block_bytes + (uint64_t)r->workers * r->worker_bytes;
}

static void memory_way(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  const kvox_ct_operator_rays *r = operation->rays;
  memory->plan += sizeof *r + (uint64_t)r->view_count * (sizeof *r->views + sizeof *r->order);
  memory->workspace = workspace_bytes(r);
}

/* ---- An execution ---- */

typedef struct rays_run {
  const kvox_ct_operator_rays *rays;
  kvox_workspace *workspace;
  const kvox_array *volume, *projections;
  int64_t first, views; /* upright views of the block, in `order` */
  int64_t tile;         /* of the projector */
} rays_run;

static kvox_status each(const rays_run *run, int64_t count, int64_t work, kvox_body body, kvox_progress *progress) {
  kvox_threads threads = run->rays->context->threads;
  threads.limit = run->rays->workers;
  rays_run mine = *run;
  return kvox_parallel(&threads, count, work, body, &mine, progress);
}

static float *projection_row(const rays_run *run, int64_t view, int64_t row) {
  const int64_t index[2] = {view, row};
  return kvox_array_at(run->projections, 2, index);
}

static float *volume_row(const rays_run *run, int64_t z, int64_t y) {
  const int64_t index[2] = {z, y};
  return kvox_array_at(run->volume, 2, index);
}

/* The factor of a column's samples: its rays' length from plane to plane, sqrt(flat^2 + (rise + row up)^2). */
typedef struct plane_length {
  double flat_square, rise, up, inverse;
} plane_length;

static plane_length length_of_column(const kvox_ct_operator_rays *r, const kvox_rays_view *view, int64_t column) {
  const kvox_ray ray = kvox_rays_ray(view, r->spacing_mm, 0, column);
  const double x = ray.along[0] * r->spacing_mm[0], y = ray.along[1] * r->spacing_mm[1];
  return (plane_length){.flat_square = x * x + y * y,
                        .rise = ray.along[2] * r->spacing_mm[2],
                        .up = view->along_row[2] * r->spacing_mm[2],
                        .inverse = 1 / fabs(ray.along[ray.main])};
}

static float length_of_row(const plane_length *l, int64_t row) {
  const double up = l->rise + (double)row * l->up;
  return (float)(sqrt(l->flat_square + up * up) * l->inverse);
}

/* ---- Samples of upright views, turned over ---- */

/* GROUP rows of a view from `row` on; those behind the last are zeros. */
static kvox_status take_rows(const rays_run *run, int64_t view, int64_t row, const scratch *s) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t step = longest_row(r);
  for (int64_t i = 0; i < GROUP; i++) {
    float *to = s->rows + i * step;
    if (row + i >= r->rows) {
      memset(to, 0, (size_t)r->columns * sizeof *to);
      continue;
    }
    memcpy(to, projection_row(run, view, row + i), (size_t)r->columns * sizeof *to);
    if (!kvox_ct_correct_row(NULL, r->context->cpu_level, row + i, r->columns, to)) {
      return kvox_ct_not_finite("projections", view, row + i, r->columns, to);
    }
  }
  r->turn->interleave(s->rows, step, r->columns, s->turned);
  return KVOX_OK;
}

static kvox_status take_view(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t view = r->order[run->first + index];
  const scratch s = take_scratch(r, run->workspace->block, worker);
  float *samples = view_samples(r, run->workspace->block, index);
  for (int64_t row = 0; row < r->row_step; row += GROUP) {
    KVOX_TRY(take_rows(run, view, row, &s));
    for (int64_t column = 0; column < r->columns; column++) {
      memcpy(samples + column * r->row_step + row, s.turned + column * GROUP, GROUP * sizeof(float));
    }
  }
  for (int64_t column = 0; column < r->columns; column++) {
    const plane_length length = length_of_column(r, &r->views[view], column);
    for (int64_t row = 0; row < r->rows; row++) {
      samples[column * r->row_step + row] *= length_of_row(&length, row);
    }
  }
  return KVOX_OK;
}

static kvox_status give_view(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t view = r->order[run->first + index];
  const scratch s = take_scratch(r, run->workspace->block, worker);
  float *samples = view_samples(r, run->workspace->block, index);
  for (int64_t column = 0; column < r->columns; column += GROUP) {
    const int64_t count = kvox_min_i64(GROUP, r->columns - column);
    for (int64_t i = 0; i < count; i++) {
      const plane_length length = length_of_column(r, &r->views[view], column + i);
      for (int64_t row = 0; row < r->rows; row++) {
        samples[(column + i) * r->row_step + row] *= length_of_row(&length, row);
      }
    }
    r->turn->interleave(samples + column * r->row_step, r->row_step, r->rows, s.turned);
    for (int64_t row = 0; row < r->rows; row++) {
      memcpy(projection_row(run, view, row) + column, s.turned + row * GROUP, (size_t)count * sizeof(float));
    }
  }
  return KVOX_OK;
}

static kvox_status clear_view(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  (void)worker;
  memset(view_samples(run->rays, run->workspace->block, index), 0, (size_t)view_floats(run->rays) * sizeof(float));
  return KVOX_OK;
}

/* ---- Tiles of the volume, turned over ---- */

static int64_t tiles_across(const kvox_ct_operator_rays *r) { return kvox_divide_up(r->size[0], r->side); }
static int64_t tile_count(const kvox_ct_operator_rays *r) {
  return tiles_across(r) * kvox_divide_up(r->size[1], r->side);
}

static kvox_rays_tile place_tile(const rays_run *run, int64_t index, const scratch *s) {
  const kvox_ct_operator_rays *r = run->rays;
  kvox_rays_tile tile = {.rows = r->rows,
                         .columns = r->columns,
                         .x = index % tiles_across(r) * r->side,
                         .y = index / tiles_across(r) * r->side,
                         .voxels = s->voxels,
                         .step = r->step,
                         .row_step = r->row_step,
                         .scratch = s->blend};
  memcpy(tile.size, r->size, sizeof tile.size);
  tile.width = kvox_min_i64(r->side, r->size[0] - tile.x);
  tile.height = kvox_min_i64(r->side, r->size[1] - tile.y);
  return tile;
}

static void load_tile_row(const rays_run *run, const kvox_rays_tile *tile, int64_t y, const scratch *s) {
  const kvox_ct_operator_rays *r = run->rays;
  float *voxels = tile->voxels + y * tile->width * r->step;
  for (int64_t z = 0; z < r->step; z += GROUP) {
    for (int64_t k = 0; k < GROUP; k++) {
      float *to = s->rows + k * KVOX_RAYS_SIDE;
      if (z + k < r->size[2]) {
        memcpy(to, volume_row(run, z + k, tile->y + y) + tile->x, (size_t)tile->width * sizeof(float));
      } else {
        memset(to, 0, (size_t)tile->width * sizeof(float));
      }
    }
    r->turn->interleave(s->rows, KVOX_RAYS_SIDE, tile->width, s->turned);
    for (int64_t x = 0; x < tile->width; x++) {
      memcpy(voxels + x * r->step + z, s->turned + x * GROUP, GROUP * sizeof(float));
    }
  }
}

static void store_tile(const rays_run *run, const kvox_rays_tile *tile, const scratch *s) {
  const kvox_ct_operator_rays *r = run->rays;
  for (int64_t y = 0; y < tile->height; y++) {
    for (int64_t x = 0; x < tile->width; x += GROUP) {
      const int64_t count = kvox_min_i64(GROUP, tile->width - x);
      r->turn->interleave(tile->voxels + (y * tile->width + x) * r->step, r->step, r->size[2], s->turned);
      for (int64_t z = 0; z < r->size[2]; z++) {
        memcpy(volume_row(run, z, tile->y + y) + tile->x + x, s->turned + z * GROUP, (size_t)count * sizeof(float));
      }
    }
  }
}

/* Operations, for kvox_parallel. */
static int64_t tile_work(const kvox_ct_operator_rays *r, int64_t views) {
  return kvox_work(r->side * r->side * r->step, views);
}

/* ---- The pair of upright views ---- */

/* All load into the first worker's tile. */
static kvox_status load_row_of_tile(void *data, int64_t y, int32_t worker) {
  const rays_run *run = data;
  const scratch shared = take_scratch(run->rays, run->workspace->block, 0);
  const scratch mine = take_scratch(run->rays, run->workspace->block, worker);
  const kvox_rays_tile tile = place_tile(run, run->tile, &shared);
  load_tile_row(run, &tile, y, &mine);
  return KVOX_OK;
}

static kvox_status project_view(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const scratch shared = take_scratch(r, run->workspace->block, 0);
  kvox_rays_tile tile = place_tile(run, run->tile, &shared);
  tile.scratch = take_scratch(r, run->workspace->block, worker).blend;
  tile.view = &r->views[r->order[run->first + index]];
  tile.samples = view_samples(r, run->workspace->block, index);
  r->kernels->project_tile(&tile);
  return KVOX_OK;
}

static kvox_status project_block(rays_run *run, double begin, double end) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t count = tile_count(r), turning = kvox_work(run->views, 4 * view_floats(r));
  KVOX_TRY(each(run, run->views, turning, clear_view, NULL));
  for (run->tile = 0; run->tile < count; run->tile++) {
    const int64_t height = kvox_min_i64(r->side, r->size[1] - run->tile / tiles_across(r) * r->side);
    KVOX_TRY(each(run, height, tile_work(r, 1), load_row_of_tile, NULL));
    kvox_progress_next(&run->workspace->progress, begin + (end - begin) * (double)(run->tile + 1) / (double)count);
    KVOX_TRY(each(run, run->views, tile_work(r, run->views), project_view, &run->workspace->progress));
  }
  return each(run, run->views, turning, give_view, NULL);
}

static kvox_status backproject_tile(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const scratch s = take_scratch(r, run->workspace->block, worker);
  kvox_rays_tile tile = place_tile(run, index, &s);
  if (run->first == 0) {
    memset(tile.voxels, 0, (size_t)(tile.width * tile.height * r->step) * sizeof(float));
  }
  for (int64_t y = 0; run->first > 0 && y < tile.height; y++) {
    load_tile_row(run, &tile, y, &s);
  }
  for (int64_t v = 0; v < run->views; v++) {
    tile.view = &r->views[r->order[run->first + v]];
    tile.samples = view_samples(r, run->workspace->block, v);
    r->kernels->backproject_tile(&tile);
  }
  store_tile(run, &tile, &s);
  return KVOX_OK;
}

static kvox_status backproject_block(rays_run *run, double begin, double end) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t count = tile_count(r);
  (void)begin;
  KVOX_TRY(each(run, run->views, kvox_work(run->views, 4 * view_floats(r)), take_view, NULL));
  kvox_progress_next(&run->workspace->progress, end);
  return each(run, count, kvox_work(count, tile_work(r, run->views)), backproject_tile, &run->workspace->progress);
}

/* ---- The pair of other views ---- */

static kvox_rays_row row_of(const rays_run *run, int64_t view, int64_t row) {
  const kvox_ct_operator_rays *r = run->rays;
  kvox_rays_row job = {
      .view = &r->views[view],
      .spacing_mm = r->spacing_mm,
      .voxels = run->volume->data,
      .stride = {1, run->volume->strides[1] / (int64_t)sizeof(float), run->volume->strides[0] / (int64_t)sizeof(float)},
      .row = row,
      .columns = r->columns,
      .samples = projection_row(run, view, row)};
  memcpy(job.size, r->size, sizeof job.size);
  return job;
}

static kvox_status project_row(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const kvox_rays_row job = row_of(run, r->order[r->upright + index / r->rows], index % r->rows);
  (void)worker;
  r->kernels->project_row(&job);
  return KVOX_OK;
}

static kvox_status check_row(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t view = r->order[r->upright + index / r->rows], row = index % r->rows;
  float *samples = projection_row(run, view, row);
  (void)worker;
  return kvox_ct_correct_row(NULL, r->context->cpu_level, row, r->columns, samples)
             ? KVOX_OK
             : kvox_ct_not_finite("projections", view, row, r->columns, samples);
}

/* Slices of a slab: enough slabs for an even end. */
static int64_t slab_slices(const kvox_ct_operator_rays *r) {
  return kvox_divide_up(r->size[2], kvox_min_i64(r->size[2], 4 * (int64_t)r->workers));
}

static kvox_status backproject_slab(void *data, int64_t index, int32_t worker) {
  const rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t begin = index * slab_slices(r), end = kvox_min_i64(begin + slab_slices(r), r->size[2]);
  (void)worker;
  for (int64_t z = begin; r->upright == 0 && z < end; z++) {
    for (int64_t y = 0; y < r->size[1]; y++) {
      memset(volume_row(run, z, y), 0, (size_t)r->size[0] * sizeof(float));
    }
  }
  for (int64_t v = r->upright; v < r->view_count; v++) {
    for (int64_t row = 0; row < r->rows; row++) {
      kvox_rays_row job = row_of(run, r->order[v], row);
      job.z_begin = begin;
      job.z_end = end;
      r->kernels->backproject_row(&job);
    }
  }
  return KVOX_OK;
}

static int64_t rows_of_others(const kvox_ct_operator_rays *r) { return kvox_work(r->view_count - r->upright, r->rows); }

static int64_t work_of_others(const kvox_ct_operator_rays *r) {
  return kvox_work(kvox_work(rows_of_others(r), r->columns), r->size[0] + r->size[1]);
}

static kvox_status project_others(rays_run *run) {
  return each(run, rows_of_others(run->rays), work_of_others(run->rays), project_row, &run->workspace->progress);
}

static kvox_status backproject_others(rays_run *run) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t slabs = kvox_divide_up(r->size[2], slab_slices(r));
  return each(run, slabs, work_of_others(r), backproject_slab, &run->workspace->progress);
}

/* ---- Both ---- */

typedef struct side {
  kvox_status (*block)(rays_run *run, double begin, double end);
  kvox_status (*others)(rays_run *run);
} side;

static kvox_status execute(rays_run *run, const side *s) {
  const kvox_ct_operator_rays *r = run->rays;
  const double per_view = 1 / (double)r->view_count;
  for (run->first = 0; run->first < r->upright; run->first += run->views) {
    run->views = kvox_min_i64(r->block, r->upright - run->first);
    KVOX_TRY(s->block(run, (double)run->first * per_view, (double)(run->first + run->views) * per_view));
  }
  if (r->upright < r->view_count) {
    kvox_progress_next(&run->workspace->progress, 1);
    KVOX_TRY(s->others(run));
  }
  return KVOX_OK;
}

static kvox_status project_way(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_array *volume,
                               const kvox_array *projections) {
  static const side project = {project_block, project_others};
  rays_run run = {.rays = operation->rays, .workspace = workspace, .volume = volume, .projections = projections};
  KVOX_TRY(kvox_workspace_begin(workspace, workspace_bytes(run.rays)));
  const double begin = kvox_now();
  KVOX_TRY(execute(&run, &project));
  kvox_workspace_add(workspace, "project", kvox_now() - begin);
  return KVOX_OK;
}

static kvox_status backproject_way(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                   const kvox_array *volume, const kvox_array *projections) {
  static const side backproject = {backproject_block, backproject_others};
  const kvox_ct_operator_rays *r = operation->rays;
  rays_run run = {.rays = r, .workspace = workspace, .volume = volume, .projections = projections};
  KVOX_TRY(kvox_workspace_begin(workspace, workspace_bytes(r)));
  const double begin = kvox_now();
  KVOX_TRY(each(&run, rows_of_others(r), kvox_work(rows_of_others(r), r->columns), check_row, NULL));
  KVOX_TRY(execute(&run, &backproject));
  kvox_workspace_add(workspace, "backproject", kvox_now() - begin);
  return KVOX_OK;
}

const kvox_ct_operator_way kvox_ct_operator_rays_way = {.on_device = false,
                                                        .joseph = true,
                                                        .make = make_way,
                                                        .drop = drop_way,
                                                        .memory = memory_way,
                                                        .project = project_way,
                                                        .backproject = backproject_way};

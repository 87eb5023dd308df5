#include "ct/operator_rays.h"

#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"

static const char create_name[] = "kvox_ct_operator_create";

/* A tile's voxels stay in the second-level cache. Its side depends on the grid alone: cuts are part of the bits. */
static const int64_t tile_bytes = 1 << 20;
enum { LEAST_SIDE = 8 };

/* Slices of a slab, which is cut along y too where more voxels than an index counts lie in a slice. */
enum { SLAB = 16 };
static const int64_t most_in_slice = 1 << 30;

/* Voxels of boxes along an axis, and rows: places are floats, and whole numbers of 32 bits. */
enum { most_along_axis = 1 << 24 };

/* ---- The plan ---- */

static kvox_status choose_cut(kvox_ct_operator_rays *r, uint64_t limit) {
  const uint64_t view_bytes = (uint64_t)kvox_ct_rays_view_floats(r) * sizeof(float);
  r->worker_bytes = kvox_ct_rays_worker_bytes(r);
  const uint64_t least = view_bytes + r->worker_bytes;
  const uint64_t allowed = limit != 0 ? limit : KVOX_USUAL_MEMORY > least ? KVOX_USUAL_MEMORY : least;
  if (allowed < least) {
    return kvox_fail_limit(create_name, allowed, least);
  }
  r->workers = r->context->threads.limit;
  while (r->workers > 1 && (uint64_t)r->workers * r->worker_bytes + view_bytes > allowed) {
    r->workers--;
  }
  const int64_t views = kvox_max_i64(r->tile_views, r->slab_views);
  const uint64_t room = (allowed - (uint64_t)r->workers * r->worker_bytes) / view_bytes;
  r->block = kvox_even_part(views, room < (uint64_t)views ? (int64_t)room : views, 1);
  r->block_bytes = (uint64_t)kvox_round_up(r->block * (int64_t)view_bytes, KVOX_ALIGNMENT);
  return KVOX_OK;
}

static bool meets_tiles(const kvox_rays_view *view) { return view->upright || view->axes[0] || view->axes[1]; }

static bool meets_slabs(const kvox_rays_view *view) { return !view->upright && view->axes[2]; }

static void sort_views(kvox_ct_operator_rays *r) {
  for (int64_t v = 0; v < r->view_count; v++) {
    if (meets_tiles(&r->views[v])) {
      r->order[r->tile_views++] = v;
    }
  }
  for (int64_t v = 0; v < r->view_count; v++) {
    if (meets_slabs(&r->views[v])) {
      r->order[r->tile_views + r->slab_views++] = v;
    }
  }
}

/* What places in boxes are counted in. */
static kvox_status check_size(const kvox_ct_operator_rays *r) {
  const int64_t most = kvox_max_i64(kvox_max_i64(r->size[0], r->size[1]), kvox_max_i64(r->size[2], r->rows));
  bool all_upright = true;
  for (int64_t v = 0; v < r->view_count; v++) {
    all_upright = all_upright && r->views[v].upright;
  }
  return all_upright || most < most_along_axis
             ? KVOX_OK
             : kvox_fail(KVOX_ERROR_SIZE,
                         "%s: %" PRId64
                         " voxels along an axis, or rows; views whose rows do not follow z take less than %d",
                         create_name, most, most_along_axis);
}

static kvox_status prepare(kvox_ct_operator_rays *r, const kvox_ct_geometry *g, const kvox_grid *grid, uint64_t limit) {
  int64_t samples = 0;
  r->views = kvox_allocate_array(r->context->heap, g->views, sizeof *r->views);
  r->order = kvox_allocate_array(r->context->heap, 2 * g->views, sizeof *r->order);
  if (r->views == NULL || r->order == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_ct_rays_lay_out(g, grid, create_name, r->views));
  /* Whole groups of them, in bytes and with tiles of voxels beside them, then fit 64 bits. */
  if (!kvox_multiply(g->columns + KVOX_RAYS_GROUP, g->rows + KVOX_RAYS_GROUP, &samples) || samples > INT64_MAX >> 10 ||
      grid->size[2] > INT64_MAX >> 20) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: a view has more than 2^53 samples, or the grid more than 2^43 slices",
                     create_name);
  }
  KVOX_TRY(check_size(r));
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
  memory->plan += sizeof *r + (uint64_t)r->view_count * (sizeof *r->views + 2 * sizeof *r->order);
  memory->workspace = workspace_bytes(r);
}

/* ---- An execution ---- */

static kvox_status each(const kvox_rays_run *run, int64_t count, int64_t work, kvox_body body,
                        kvox_progress *progress) {
  kvox_threads threads = run->rays->context->threads;
  threads.limit = run->rays->workers;
  kvox_rays_run mine = *run;
  return kvox_parallel(&threads, count, work, body, &mine, progress);
}

/* Operations, for kvox_parallel. */
static int64_t turning_work(const kvox_rays_run *run) {
  return kvox_work(run->views, 4 * kvox_ct_rays_view_floats(run->rays));
}
static int64_t tile_work(const kvox_ct_operator_rays *r, int64_t views) {
  return kvox_work(r->side * r->side * r->step, views);
}
static int64_t slab_work(const kvox_rays_run *run) {
  return kvox_work(kvox_work(run->views, kvox_ct_rays_view_floats(run->rays)), run->rays->size[2]);
}

/* ---- Tiles ---- */

static int64_t tiles_across(const kvox_ct_operator_rays *r) { return kvox_divide_up(r->size[0], r->side); }
static int64_t tile_count(const kvox_ct_operator_rays *r) {
  return tiles_across(r) * kvox_divide_up(r->size[1], r->side);
}

static kvox_rays_tile place_tile(const kvox_rays_run *run, int64_t index, const kvox_rays_scratch_parts *s) {
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

/* The same for views of any direction. Behind the last slice lie zeros: a lone one has a neighbour. */
static kvox_rays_box box_of(const kvox_rays_tile *tile) {
  return (kvox_rays_box){.view = tile->view,
                         .rows = tile->rows,
                         .columns = tile->columns,
                         .begin = {tile->x, tile->y, 0},
                         .size = {tile->width, tile->height, kvox_max_i64(tile->size[2], 2)},
                         .voxels = tile->voxels,
                         .stride = {tile->step, tile->width * tile->step, 1},
                         .samples = tile->samples,
                         .row_step = tile->row_step};
}

static void project_into(const kvox_ct_operator_rays *r, const kvox_rays_tile *tile) {
  if (tile->view->upright) {
    r->kernels->project_tile(tile);
    return;
  }
  const kvox_rays_box box = box_of(tile);
  r->kernels->project_box(&box);
}

static void backproject_into(const kvox_ct_operator_rays *r, const kvox_rays_tile *tile) {
  if (tile->view->upright) {
    r->kernels->backproject_tile(tile);
    return;
  }
  const kvox_rays_box box = box_of(tile);
  r->kernels->backproject_box(&box);
}

/* All load into the first worker's tile. */
static kvox_status load_row_of_tile(void *data, int64_t y, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_rays_scratch_parts shared = kvox_ct_rays_scratch(run, 0), mine = kvox_ct_rays_scratch(run, worker);
  const kvox_rays_tile tile = place_tile(run, run->tile, &shared);
  kvox_ct_rays_load_row(run, &tile, y, &mine);
  return KVOX_OK;
}

static kvox_status project_view(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const kvox_rays_scratch_parts shared = kvox_ct_rays_scratch(run, 0);
  kvox_rays_tile tile = place_tile(run, run->tile, &shared);
  tile.scratch = kvox_ct_rays_scratch(run, worker).blend;
  tile.view = &r->views[kvox_ct_rays_view_number(run, index)];
  tile.samples = kvox_ct_rays_samples(run, index);
  project_into(r, &tile);
  return KVOX_OK;
}

static kvox_status project_tiles(kvox_rays_run *run, double begin, double end) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t count = tile_count(r);
  KVOX_TRY(each(run, run->views, turning_work(run), kvox_ct_rays_clear_view, NULL));
  for (run->tile = 0; run->tile < count; run->tile++) {
    const int64_t height = kvox_min_i64(r->side, r->size[1] - run->tile / tiles_across(r) * r->side);
    KVOX_TRY(each(run, height, tile_work(r, 1), load_row_of_tile, NULL));
    kvox_progress_next(&run->workspace->progress, begin + (end - begin) * (double)(run->tile + 1) / (double)count);
    KVOX_TRY(each(run, run->views, tile_work(r, run->views), project_view, &run->workspace->progress));
  }
  return each(run, run->views, turning_work(run), kvox_ct_rays_give_view, NULL);
}

static kvox_status backproject_tile(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const kvox_rays_scratch_parts s = kvox_ct_rays_scratch(run, worker);
  kvox_rays_tile tile = place_tile(run, index, &s);
  if (run->first == 0) {
    memset(tile.voxels, 0, (size_t)(tile.width * tile.height * r->step) * sizeof(float));
  }
  for (int64_t y = 0; run->first > 0 && y < tile.height; y++) {
    kvox_ct_rays_load_row(run, &tile, y, &s);
  }
  for (int64_t v = 0; v < run->views; v++) {
    tile.view = &r->views[kvox_ct_rays_view_number(run, v)];
    tile.samples = kvox_ct_rays_samples(run, v);
    backproject_into(r, &tile);
  }
  kvox_ct_rays_store_tile(run, &tile, &s);
  return KVOX_OK;
}

static kvox_status backproject_tiles(kvox_rays_run *run, double begin, double end) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t count = tile_count(r);
  (void)begin;
  KVOX_TRY(each(run, run->views, turning_work(run), kvox_ct_rays_take_view, NULL));
  kvox_progress_next(&run->workspace->progress, end);
  return each(run, count, kvox_work(count, tile_work(r, run->views)), backproject_tile, &run->workspace->progress);
}

/* ---- Slabs ---- */

static int64_t slab_rows(const kvox_rays_run *run) {
  const int64_t stride = run->volume->strides[1] / (int64_t)sizeof(float);
  return kvox_min_i64(run->rays->size[1], kvox_max_i64(most_in_slice / stride, 1));
}

static int64_t slabs_along_y(const kvox_rays_run *run) { return kvox_divide_up(run->rays->size[1], slab_rows(run)); }

static int64_t slab_count(const kvox_rays_run *run) {
  return kvox_divide_up(run->rays->size[2], SLAB) * slabs_along_y(run);
}

static kvox_rays_box place_slab(const kvox_rays_run *run, int64_t index) {
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t along_y = slabs_along_y(run), z = index / along_y * SLAB, y = index % along_y * slab_rows(run);
  const int64_t *strides = run->volume->strides, unit = sizeof(float);
  return (kvox_rays_box){
      .rows = r->rows,
      .columns = r->columns,
      .begin = {0, y, z},
      .size = {r->size[0], kvox_min_i64(slab_rows(run), r->size[1] - y), kvox_min_i64(SLAB, r->size[2] - z)},
      .voxels = kvox_ct_rays_volume_row(run, z, y),
      .stride = {1, strides[1] / unit, strides[0] / unit},
      .along_z = true,
      .row_step = r->row_step};
}

static kvox_status project_view_of_slabs(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  const int64_t count = slab_count(run);
  KVOX_TRY(kvox_ct_rays_clear_view(data, index, worker));
  for (int64_t slab = 0; slab < count; slab++) {
    kvox_rays_box box = place_slab(run, slab);
    box.view = &r->views[kvox_ct_rays_view_number(run, index)];
    box.samples = kvox_ct_rays_samples(run, index);
    r->kernels->project_box(&box);
  }
  return kvox_ct_rays_give_view(data, index, worker);
}

static kvox_status project_slabs(kvox_rays_run *run, double begin, double end) {
  (void)begin;
  kvox_progress_next(&run->workspace->progress, end);
  return each(run, run->views, slab_work(run), project_view_of_slabs, &run->workspace->progress);
}

static kvox_status backproject_slab(void *data, int64_t index, int32_t worker) {
  const kvox_rays_run *run = data;
  const kvox_ct_operator_rays *r = run->rays;
  kvox_rays_box box = place_slab(run, index);
  (void)worker;
  const bool fresh = r->tile_views == 0 && run->first == 0;
  for (int64_t z = 0; fresh && z < box.size[2]; z++) {
    for (int64_t y = 0; y < box.size[1]; y++) {
      memset(kvox_ct_rays_volume_row(run, box.begin[2] + z, box.begin[1] + y), 0, (size_t)r->size[0] * sizeof(float));
    }
  }
  for (int64_t v = 0; v < run->views; v++) {
    box.view = &r->views[kvox_ct_rays_view_number(run, v)];
    box.samples = kvox_ct_rays_samples(run, v);
    r->kernels->backproject_box(&box);
  }
  return KVOX_OK;
}

static kvox_status backproject_slabs(kvox_rays_run *run, double begin, double end) {
  (void)begin;
  KVOX_TRY(each(run, run->views, turning_work(run), kvox_ct_rays_take_view, NULL));
  kvox_progress_next(&run->workspace->progress, end);
  return each(run, slab_count(run), slab_work(run), backproject_slab, &run->workspace->progress);
}

/* ---- Both ---- */

/* A block of views, whose part of the whole is begin ... end. */
typedef kvox_status (*block_work)(kvox_rays_run *run, double begin, double end);

/* First all views that meet tiles, then all that meet slabs. */
static kvox_status execute(kvox_rays_run *run, block_work tiles, block_work slabs) {
  const kvox_ct_operator_rays *r = run->rays;
  const double part = 1 / (double)(r->tile_views + r->slab_views);
  for (int kind = 0; kind < 2; kind++) {
    const int64_t views = kind == 0 ? r->tile_views : r->slab_views, before = kind == 0 ? 0 : r->tile_views;
    run->slabs = kind != 0;
    for (run->first = 0; run->first < views; run->first += run->views) {
      run->views = kvox_min_i64(r->block, views - run->first);
      const double begin = (double)(before + run->first) * part;
      KVOX_TRY((run->slabs ? slabs : tiles)(run, begin, begin + (double)run->views * part));
    }
  }
  return KVOX_OK;
}

static kvox_status project_way(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_array *volume,
                               const kvox_array *projections) {
  kvox_rays_run run = {.rays = operation->rays, .workspace = workspace, .volume = volume, .projections = projections};
  KVOX_TRY(kvox_workspace_begin(workspace, workspace_bytes(run.rays)));
  const double begin = kvox_now();
  KVOX_TRY(execute(&run, project_tiles, project_slabs));
  kvox_workspace_add(workspace, "project", kvox_now() - begin);
  return KVOX_OK;
}

static kvox_status backproject_way(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                   const kvox_array *volume, const kvox_array *projections) {
  kvox_rays_run run = {.rays = operation->rays, .workspace = workspace, .volume = volume, .projections = projections};
  KVOX_TRY(kvox_workspace_begin(workspace, workspace_bytes(run.rays)));
  const double begin = kvox_now();
  KVOX_TRY(execute(&run, backproject_tiles, backproject_slabs));
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

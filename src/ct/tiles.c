#include "ct/tiles.h"

#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"

/* A stack of fewer slices is quicker one by one: a lone slice costs a sixth of what a full stack does. */
enum { LEAST_STACK = 7 };

/* Views that a tile hands to the kernels at once: a whole number of their passes. */
enum { TILE_VIEWS = 64 };

typedef struct tile_scratch {
  float pixels[KVOX_TILE * KVOX_TILE * KVOX_STACK];
  kvox_tile_view views[TILE_VIEWS];
} tile_scratch;

/* Voxels so much coarser than columns that a tile spans this many are a mistake in units. */
static const double most_slope = 1e6;

kvox_status kvox_ct_lay_out(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_grid *grid,
                            int64_t first_slice, int64_t slices, const char *name, kvox_ct_layout *layout) {
  *layout = (kvox_ct_layout){.lines = kvox_allocate_array(context->heap, geometry->views, sizeof *layout->lines),
                             .places = kvox_allocate_array(context->heap, slices, sizeof *layout->places)};
  if (layout->lines == NULL || layout->places == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < geometry->views; v++) {
    layout->lines[v] = kvox_ct_geometry_line(geometry, v, grid);
    const double here = fabs(layout->lines[v].a) + fabs(layout->lines[v].b);
    /* NaN too: where a pitch is so small that its inverse is infinite. */
    if (!(here <= most_slope)) {
      return kvox_fail(KVOX_ERROR_GEOMETRY,
                       "%s: a voxel is more than a million columns wide; check the units of spacing", name);
    }
    layout->slope = fmax(layout->slope, here);
  }
  for (int64_t k = 0; k < slices; k++) {
    layout->places[k] = kvox_ct_row_at(kvox_ct_geometry_row(geometry, grid, first_slice + k), geometry->rows);
  }
  return KVOX_OK;
}

/* The vector kernels' places; the oracle takes the lines themselves. */
static kvox_status fix_lines(kvox_ct_tiles *t, const char *name) {
  const int64_t end[2] = {t->begin[0] + t->size[0], t->begin[1] + t->size[1]};
  t->fixed = kvox_allocate_array(t->context->heap, t->views, sizeof *t->fixed);
  if (t->fixed == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < t->views; v++) {
    if (!kvox_fixed_line_make(&t->lines[v], end, &t->fixed[v])) {
      return kvox_fixed_line_fail(name, v);
    }
  }
  return KVOX_OK;
}

static kvox_status choose_cut(kvox_ct_tiles *t, uint64_t limit, const char *name) {
  const int64_t view_bytes = t->width * t->lanes * (int64_t)sizeof(float);
  const int64_t all = t->views + t->views % 2;
  const uint64_t least = (uint64_t)(2 * view_bytes) + t->worker_bytes;
  const uint64_t allowed = limit != 0 ? limit : KVOX_USUAL_MEMORY > least ? KVOX_USUAL_MEMORY : least;
  if (allowed < least) {
    return kvox_fail_limit(name, allowed, least);
  }
  t->workers = t->context->threads.limit;
  while (t->workers > 1 && (uint64_t)t->workers * t->worker_bytes + (uint64_t)(2 * view_bytes) > allowed) {
    t->workers--;
  }
  const uint64_t room = (allowed - (uint64_t)t->workers * t->worker_bytes) / (uint64_t)view_bytes;
  const int64_t most = room < (uint64_t)all ? (int64_t)(room - room % 2) : all;
  t->block = kvox_even_part(all, most, 2);
  t->block_bytes = (uint64_t)kvox_round_up(t->block * view_bytes, KVOX_ALIGNMENT);
  return KVOX_OK;
}

int64_t kvox_ct_tiles_lanes(int64_t slices) { return slices < LEAST_STACK ? 1 : KVOX_STACK; }

kvox_status kvox_ct_tiles_make(kvox_ct_tiles *tiles, kvox_context *context, const kvox_ct_geometry *geometry,
                               const kvox_grid *grid, const int64_t begin[3], const int64_t size[3],
                               uint64_t filter_bytes, uint64_t limit, const char *name) {
  kvox_ct_layout layout;
  *tiles = (kvox_ct_tiles){.context = kvox_context_hold(context),
                           .kernels = kvox_backproject_kernels_of(context->cpu_level),
                           .views = geometry->views,
                           .columns = geometry->columns};
  memcpy(tiles->begin, begin, sizeof tiles->begin);
  memcpy(tiles->size, size, sizeof tiles->size);
  const kvox_status status = kvox_ct_lay_out(context, geometry, grid, begin[2], size[2], name, &layout);
  tiles->lines = layout.lines;
  tiles->places = layout.places;
  if (status != KVOX_OK) {
    return status;
  }
  KVOX_TRY(fix_lines(tiles, name));
  tiles->padding = kvox_round_up(kvox_backproject_padding(layout.slope), KVOX_STACK);
  tiles->width = kvox_round_up(tiles->columns + 2 * tiles->padding, KVOX_STACK);
  tiles->lanes = kvox_ct_tiles_lanes(size[2]);
  const uint64_t tile_bytes = (uint64_t)kvox_round_up((int64_t)sizeof(tile_scratch), KVOX_ALIGNMENT);
  tiles->worker_bytes = filter_bytes > tile_bytes ? filter_bytes : tile_bytes;
  return choose_cut(tiles, limit, name);
}

void kvox_ct_tiles_drop(kvox_ct_tiles *tiles) {
  if (tiles->context != NULL) {
    kvox_release(tiles->context->heap, tiles->lines);
    kvox_release(tiles->context->heap, tiles->fixed);
    kvox_release(tiles->context->heap, tiles->places);
    kvox_context_destroy(tiles->context);
  }
}

uint64_t kvox_ct_tiles_bytes(const kvox_ct_tiles *tiles) {
  return (uint64_t)tiles->views * (sizeof *tiles->lines + sizeof *tiles->fixed) +
         (uint64_t)tiles->size[2] * sizeof *tiles->places;
}

uint64_t kvox_ct_tiles_workspace(const kvox_ct_tiles *tiles) {
  return tiles->block_bytes + (uint64_t)tiles->workers * tiles->worker_bytes;
}

/* Whole stacks first; a rest that is too small for one goes slice by slice. */
static int64_t stacks(const kvox_ct_tiles *t) {
  if (t->lanes == 1) {
    return 0;
  }
  const int64_t rest = t->size[2] % KVOX_STACK;
  return t->size[2] / KVOX_STACK + (rest >= LEAST_STACK ? 1 : 0);
}

static int64_t lone_slices(const kvox_ct_tiles *t) { return kvox_max_i64(t->size[2] - stacks(t) * KVOX_STACK, 0); }

static int64_t blocks(const kvox_ct_tiles *t) { return kvox_divide_up(t->views, t->block); }

int64_t kvox_ct_tiles_groups(const kvox_ct_tiles *tiles) { return stacks(tiles) + lone_slices(tiles); }

int64_t kvox_ct_tiles_parts(const kvox_ct_tiles *tiles) { return kvox_ct_tiles_groups(tiles) * blocks(tiles); }

kvox_ct_part kvox_ct_tiles_part(const kvox_ct_tiles *tiles, int64_t index, void *workspace_block) {
  kvox_ct_part part = kvox_ct_tiles_group(tiles, index / blocks(tiles));
  part.view = index % blocks(tiles) * tiles->block;
  part.views = kvox_min_i64(tiles->block, tiles->views - part.view);
  part.block = workspace_block;
  return part;
}

kvox_ct_part kvox_ct_tiles_group(const kvox_ct_tiles *tiles, int64_t group) {
  kvox_ct_part part = {0};
  if (group < stacks(tiles)) {
    part.slice = group * KVOX_STACK;
    part.lanes = KVOX_STACK;
    part.slices = kvox_min_i64(KVOX_STACK, tiles->size[2] - part.slice);
  } else {
    part.slice = stacks(tiles) * KVOX_STACK + (group - stacks(tiles));
    part.lanes = part.slices = 1;
  }
  return part;
}

float *kvox_ct_part_view(const kvox_ct_tiles *tiles, const kvox_ct_part *part, int64_t index) {
  const int64_t place = kvox_ct_ring_place(part->place, index, part->places);
  return (float *)part->block + (place * tiles->width + tiles->padding) * part->lanes;
}

void kvox_ct_part_clear_padding(const kvox_ct_tiles *tiles, const kvox_ct_part *part, int64_t index) {
  float *view = kvox_ct_part_view(tiles, part, index);
  const int64_t after = tiles->width - tiles->padding - tiles->columns;
  memset(view - tiles->padding * part->lanes, 0, (size_t)(tiles->padding * part->lanes) * sizeof *view);
  memset(view + tiles->columns * part->lanes, 0, (size_t)(after * part->lanes) * sizeof *view);
}

void *kvox_ct_worker_scratch(const kvox_ct_tiles *tiles, void *workspace_block, int32_t worker) {
  return (char *)workspace_block + tiles->block_bytes + (uint64_t)worker * tiles->worker_bytes;
}

kvox_status kvox_ct_tiles_cut_stream(kvox_ct_tiles *tiles, int64_t window, uint64_t raw_bytes, uint64_t limit,
                                     const char *name) {
  const int64_t lanes = stacks(tiles) * KVOX_STACK + lone_slices(tiles);
  int64_t floats = 0;
  if (!kvox_multiply(lanes, tiles->width, &floats) || floats > INT64_MAX / 64) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: a view has more than 2^57 samples", name);
  }
  const kvox_ct_stream_need need = {.window = window,
                                    .views = tiles->views,
                                    .view_bytes = (uint64_t)floats * sizeof(float),
                                    .raw_bytes = raw_bytes,
                                    .worker_bytes = tiles->worker_bytes,
                                    .workers = tiles->context->threads.limit,
                                    .limit = limit,
                                    .usual = KVOX_USUAL_MEMORY,
                                    .name = name};
  KVOX_TRY(kvox_ct_stream_cut_make(&need, &tiles->stream));
  tiles->workers = tiles->stream.workers;
  tiles->block = tiles->stream.block;
  tiles->block_bytes = tiles->stream.block_bytes;
  return KVOX_OK;
}

typedef struct tile_job {
  const kvox_ct_tiles *tiles;
  const kvox_ct_part *part;
  void *workspace_block;
  const kvox_array *volume;
  float scale, offset;
  int64_t chunk; /* views of a projection's piece */
} tile_job;

/* Tiles that the region touches along an axis. */
static int64_t first_tile(const kvox_ct_tiles *t, int axis) { return t->begin[axis] / KVOX_TILE; }
static int64_t tile_count(const kvox_ct_tiles *t, int axis) {
  return kvox_divide_up(t->begin[axis] + t->size[axis], KVOX_TILE) - first_tile(t, axis);
}

/* The tile's corner in voxels of the grid, and what of it the region holds. */
static void place_tile(const kvox_ct_tiles *t, int64_t index, int64_t corner[2], kvox_tile *tile) {
  const int64_t across = tile_count(t, 0);
  corner[0] = (first_tile(t, 0) + index % across) * KVOX_TILE;
  corner[1] = (first_tile(t, 1) + index / across) * KVOX_TILE;
  tile->x_begin = (int32_t)kvox_max_i64(t->begin[0] - corner[0], 0);
  tile->y_begin = (int32_t)kvox_max_i64(t->begin[1] - corner[1], 0);
  tile->x_end = (int32_t)kvox_min_i64(t->begin[0] + t->size[0] - corner[0], KVOX_TILE);
  tile->y_end = (int32_t)kvox_min_i64(t->begin[1] + t->size[1] - corner[1], KVOX_TILE);
}

/* The views that meet the tile at all, as it sees them. Views left out give exact zeros, whatever floats round to. */
static int64_t see_views(const kvox_ct_tiles *t, const kvox_ct_part *part, int64_t begin, int64_t count,
                         const int64_t corner[2], kvox_tile_view *views) {
  int64_t seen = 0;
  for (int64_t v = begin; v < begin + count; v++) {
    const kvox_ct_line line = t->lines[part->view + v];
    const kvox_fixed_place place = kvox_fixed_line_place(&t->fixed[part->view + v], corner);
    if (!kvox_fixed_place_meets(&place, t->columns)) {
      continue;
    }
    const double s = line.a * (double)corner[0] + line.b * (double)corner[1] + line.c;
    views[seen++] = (kvox_tile_view){.a = (float)line.a,
                                     .b = (float)line.b,
                                     .base = place.base,
                                     .exact_base = s - (double)place.column,
                                     .exact_a = line.a,
                                     .exact_b = line.b,
                                     .row = kvox_ct_part_view(t, part, v) + place.column * part->lanes};
  }
  return seen;
}

/* The address of the volume's voxel at the tile's pixel (0, y), which may lie before the row. */
static float *volume_row(const tile_job *job, int64_t lane, const int64_t corner[2], int32_t x, int32_t y) {
  const kvox_ct_tiles *t = job->tiles;
  const int64_t index[3] = {job->part->slice + lane, corner[1] + y - t->begin[1], corner[0] + x - t->begin[0]};
  return kvox_array_at(job->volume, 3, index);
}

static void load_pixels(const tile_job *job, const int64_t corner[2], const kvox_tile *tile) {
  const int64_t lanes = job->part->lanes;
  memset(tile->pixels, 0, (size_t)(KVOX_TILE * KVOX_TILE * lanes) * sizeof *tile->pixels);
  for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
    for (int64_t k = 0; k < job->part->slices; k++) {
      const float *row = volume_row(job, k, corner, tile->x_begin, y);
      float *pixel = tile->pixels + (y * KVOX_TILE + tile->x_begin) * lanes + k;
      for (int32_t x = 0; x < tile->x_end - tile->x_begin; x++) {
        pixel[x * lanes] = row[x];
      }
    }
  }
}

static void store_pixels(const tile_job *job, const int64_t corner[2], const kvox_tile *tile) {
  const int64_t lanes = job->part->lanes;
  const bool last = job->part->view + job->part->views == job->tiles->views;
  const float scale = last ? job->scale : 1, offset = last ? job->offset : 0;
  for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
    for (int64_t k = 0; k < job->part->slices; k++) {
      float *row = volume_row(job, k, corner, tile->x_begin, y);
      const float *pixel = tile->pixels + (y * KVOX_TILE + tile->x_begin) * lanes + k;
      for (int32_t x = 0; x < tile->x_end - tile->x_begin; x++) {
        row[x] = scale * pixel[x * lanes] + offset;
      }
    }
  }
}

static kvox_status backproject_tile(void *data, int64_t index, int32_t worker) {
  const tile_job *job = data;
  const kvox_ct_tiles *t = job->tiles;
  tile_scratch *scratch = kvox_ct_worker_scratch(t, job->workspace_block, worker);
  kvox_tile tile = {.views = scratch->views, .pixels = scratch->pixels};
  int64_t corner[2];
  place_tile(t, index, corner, &tile);
  if (job->part->view > 0) {
    load_pixels(job, corner, &tile);
  } else {
    memset(tile.pixels, 0, (size_t)(KVOX_TILE * KVOX_TILE * job->part->lanes) * sizeof *tile.pixels);
  }
  for (int64_t v = 0; v < job->part->views; v += TILE_VIEWS) {
    const int64_t count = kvox_min_i64(TILE_VIEWS, job->part->views - v);
    tile.count = see_views(t, job->part, v, count, corner, scratch->views);
    (job->part->lanes == 1 ? t->kernels->slice : t->kernels->stack)(&tile);
  }
  store_pixels(job, corner, &tile);
  return KVOX_OK;
}

static int64_t part_work(const kvox_ct_tiles *t, const kvox_ct_part *part) {
  return kvox_work(kvox_work(t->size[0], t->size[1]), kvox_work(part->views, part->lanes));
}

/* The tiles' own number of workers bounds the loop: their scratch is what the plan counted. */
static kvox_threads tile_threads(const kvox_ct_tiles *t) {
  kvox_threads threads = t->context->threads;
  threads.limit = t->workers;
  return threads;
}

kvox_status kvox_ct_tiles_backproject(const kvox_ct_tiles *tiles, const kvox_ct_part *part, void *workspace_block,
                                      const kvox_array *volume, float scale, float offset, kvox_progress *progress) {
  tile_job job = {.tiles = tiles,
                  .part = part,
                  .workspace_block = workspace_block,
                  .volume = volume,
                  .scale = scale,
                  .offset = offset};
  const kvox_threads threads = tile_threads(tiles);
  return kvox_parallel(&threads, tile_count(tiles, 0) * tile_count(tiles, 1), part_work(tiles, part), backproject_tile,
                       &job, progress);
}

/* A piece of a projection is a run of views: nobody else writes to them. */
static kvox_status project_views(void *data, int64_t index, int32_t worker) {
  const tile_job *job = data;
  const kvox_ct_tiles *t = job->tiles;
  tile_scratch *scratch = kvox_ct_worker_scratch(t, job->workspace_block, worker);
  kvox_tile tile = {.views = scratch->views, .pixels = scratch->pixels};
  const int64_t begin = index * job->chunk, end = kvox_min_i64(begin + job->chunk, job->part->views);
  const int64_t count = tile_count(t, 0) * tile_count(t, 1);
  for (int64_t n = 0; n < count; n++) {
    int64_t corner[2];
    place_tile(t, n, corner, &tile);
    load_pixels(job, corner, &tile);
    for (int64_t v = begin; v < end; v += TILE_VIEWS) {
      tile.count = see_views(t, job->part, v, kvox_min_i64(TILE_VIEWS, end - v), corner, scratch->views);
      (job->part->lanes == 1 ? t->kernels->project_slice : t->kernels->project_stack)(&tile);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_tiles_project(const kvox_ct_tiles *tiles, const kvox_ct_part *part, void *workspace_block,
                                  const kvox_array *volume, kvox_progress *progress) {
  tile_job job = {.tiles = tiles, .part = part, .workspace_block = workspace_block, .volume = volume};
  /* Every piece reads the whole slice: few large pieces, yet enough for an even end. */
  job.chunk = kvox_max_i64(kvox_divide_up(part->views, 4 * (int64_t)tiles->workers), 1);
  const kvox_threads threads = tile_threads(tiles);
  return kvox_parallel(&threads, kvox_divide_up(part->views, job.chunk), part_work(tiles, part), project_views, &job,
                       progress);
}

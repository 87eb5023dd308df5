/* The plan: where views meet the grid, and how an execution is cut. */
#include "ct/fdk.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "ct/angles.h"

/* Voxels so much coarser than rows or columns, or so far beside the detector, are a mistake in units. */
static const double most_slope = 1000, most_row = 1e9;

/* A slab's voxels are read and written once for every block of views: with fewer views than this, thinner slabs are
 * quicker although neighbours filter some rows twice. */
enum { LEAST_VIEWS = 20 };

/* Of an execution and its plan where nobody sets a limit: twice as many views in a block, half as many passes over the
 * volume. A plan has some numbers a view and column, seldom a MiB; its text and the threads' own need little. */
static const uint64_t usual_memory = (uint64_t)128 << 20, usual_plan = (uint64_t)2 << 20, text = (uint64_t)64 << 10;

/* Blocks of a tile: its voxels (1 MiB) stay in the second-level cache. */
enum { MOST_CHUNK = 16 };

/* Cuts that are weighed against one another; grids of 16 thousand slices are tried down to a chunk. */
enum { MOST_SLABS = 64 };

/* With more slices blocks along z are quicker: measured. */
enum { MOST_THIN_CONE = 8, MOST_THIN_FAN = 16 };

/* The part of an execution that is filtering; what it takes of the time is near this. */
static const double filter_share = 0.25;

static void meet_view(kvox_ct_fdk *f, const kvox_grid *grid, int64_t v) {
  const kvox_ct_geometry *g = f->geometry;
  const double *o = grid->origin_mm, *d = grid->spacing_mm;
  const double per_mm = 1 / g->source_to_axis_mm, magnification = kvox_ct_geometry_magnification(g);
  const double columns = magnification / g->column_pitch_mm;
  const double rows = (g->beam == KVOX_CT_CONE ? magnification : 1) / g->row_pitch_mm;
  double c, s;
  kvox_ct_cos_sin_deg(g->angles_deg[v], &c, &s);
  kvox_cone_view *view = &f->views[v];
  *view = (kvox_cone_view){.da = -s * d[0] * per_mm, .db = c * d[1] * per_mm};
  view->dc = 1 + (c * o[1] - s * o[0]) * per_mm;
  const double center = g->center_column_px + (double)f->before;
  view->ua = c * d[0] * columns + center * view->da;
  view->ub = s * d[1] * columns + center * view->db;
  view->uc = (c * o[0] + s * o[1]) * columns + center * view->dc;
  view->va = d[2] * rows;
  view->vb = o[2] * rows;
  view->vc = g->center_row_px;
}

/* What is filtered reaches beyond the shorter side of a detector beside the axis; a whole column counts. */
static void extend_columns(kvox_ct_fdk *f) {
  const kvox_ct_geometry *g = f->geometry;
  const double more = 2 * g->center_column_px - (double)(g->columns - 1);
  const int64_t extra = (int64_t)ceil(fmax(fabs(more) - 1, 0));
  f->columns = g->columns + extra;
  f->before = more < 0 ? extra : 0;
}

static kvox_status make_fan(kvox_ct_fdk *f) {
  const kvox_ct_geometry *g = f->geometry;
  const double per_px = g->column_pitch_mm / g->source_to_detector_mm;
  f->fan_rad = kvox_allocate_array(f->context->heap, g->columns, sizeof *f->fan_rad);
  for (int64_t u = 0; f->fan_rad != NULL && u < g->columns; u++) {
    f->fan_rad[u] = atan(((double)u - g->center_column_px) * per_px);
  }
  return f->fan_rad != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
}

/* Depths and slopes of the region's columns of voxels. */
static kvox_status meet_grid(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  const kvox_ct_geometry *g = f->geometry;
  f->views = kvox_allocate_array(f->context->heap, g->views, sizeof *f->views);
  if (f->views == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->least_depth = INFINITY;
  for (int64_t v = 0; v < g->views; v++) {
    const kvox_cone_view *view = &f->views[v];
    meet_view(f, r->grid, v);
    for (int corner = 0; corner < 4; corner++) {
      const double x = (double)(f->begin[0] + (corner % 2 != 0 ? f->size[0] - 1 : 0));
      const double y = (double)(f->begin[1] + (corner / 2 != 0 ? f->size[1] - 1 : 0));
      const double depth = view->da * x + view->db * y + view->dc;
      f->least_depth = fmin(f->least_depth, depth);
      f->most_depth = fmax(f->most_depth, depth);
    }
  }
  if (!(f->least_depth > 0)) {
    return kvox_fail(KVOX_ERROR_GEOMETRY, "%s: the region reaches the source", r->name);
  }
  const kvox_cone_view *view = &f->views[0];
  const double nearest = g->beam == KVOX_CT_CONE ? f->least_depth : 1;
  f->slope = view->va / nearest;
  const double columns = kvox_ct_geometry_magnification(g) / (g->column_pitch_mm * f->least_depth);
  const double across = fmax(r->grid->spacing_mm[0], r->grid->spacing_mm[1]) * columns;
  const double whole = view->va * (double)r->grid->size[2];
  const double farthest = fmax(fabs(view->vb), fabs(view->vb + whole)) / nearest;
  if (!(f->slope <= most_slope && across <= most_slope && farthest + fabs(view->vc) <= most_row)) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: voxels are more than a thousand rows or columns wide, or lie 10^9 rows beside the detector; "
                     "check the units of spacing",
                     r->name);
  }
  const double most = farthest + fabs(view->vc) + (whole + KVOX_CONE_BLOCK * view->va) / nearest;
  const int64_t floats = (f->columns + KVOX_CONE_BLOCK) * (g->rows + KVOX_CONE_BLOCK);
  const int64_t slices = g->beam == KVOX_CT_CONE ? MOST_THIN_CONE : MOST_THIN_FAN;
  f->thin = f->size[2] <= slices && most < KVOX_THIN_MOST_ROWS && floats <= INT32_MAX;
  return KVOX_OK;
}

void kvox_ct_fdk_rows(const kvox_ct_fdk *f, int64_t slice, int64_t slices, int64_t *row, int64_t *rows) {
  if (f->seen != NULL) {
    kvox_ct_fdk_view_rows(f, slice, slices, row, rows);
    return;
  }
  const kvox_cone_view *view = &f->views[0];
  const bool cone = f->geometry->beam == KVOX_CT_CONE;
  const double first = view->va * (double)slice + view->vb;
  const double last = view->va * (double)(slice + slices - 1) + view->vb;
  const double lowest = (cone ? first / (first < 0 ? f->least_depth : f->most_depth) : first) + view->vc;
  const double highest = (cone ? last / (last > 0 ? f->least_depth : f->most_depth) : last) + view->vc;
  /* Half a row beyond the first and last plane of a fan belongs to them: they are there twice. */
  const double begin = cone ? 0 : -1, end = (double)f->geometry->rows + (cone ? 0 : 1);
  const int64_t from = (int64_t)fmin(fmax(floor(lowest) - 1, begin), end - 1);
  const int64_t to = (int64_t)fmin(fmax(floor(highest) + 3, begin + 1), end);
  *row = from;
  *rows = kvox_max_i64(to - from, 1);
}

/* Blocks of the grid that the region touches along z. */
static int64_t first_block(const kvox_ct_fdk *f) { return f->begin[2] / KVOX_CONE_BLOCK; }
static int64_t block_count(const kvox_ct_fdk *f) {
  return kvox_divide_up(f->begin[2] + f->size[2], KVOX_CONE_BLOCK) - first_block(f);
}

/* Rows that blocks of the region see: all 16 slices of each, or those of a thin region. */
static void block_rows(const kvox_ct_fdk *f, int64_t block, int64_t blocks, int64_t *row, int64_t *rows) {
  const int64_t slice = f->thin ? f->begin[2] : block * KVOX_CONE_BLOCK;
  kvox_ct_fdk_rows(f, slice, f->thin ? f->size[2] : blocks * KVOX_CONE_BLOCK, row, rows);
}

static void set_slab(kvox_ct_fdk *f, int64_t asked) {
  int64_t most = 0;
  const int64_t end = first_block(f) + block_count(f), slab = f->thin ? block_count(f) : asked;
  for (int64_t block = first_block(f); block < end; block += slab) {
    int64_t row, rows;
    block_rows(f, block, kvox_min_i64(slab, end - block), &row, &rows);
    most = kvox_max_i64(most, rows);
  }
  /* An odd number of cache lines: neighbouring columns then begin in different sets of the caches. */
  const int64_t lines = kvox_divide_up(most + KVOX_CONE_GAP, KVOX_CONE_BLOCK);
  f->step = (lines + (lines % 2 == 0 ? 1 : 0)) * KVOX_CONE_BLOCK;
  if (f->thin) {
    f->step = kvox_round_up(f->columns + 1, KVOX_CONE_BLOCK);
    f->thin_rows = most + KVOX_THIN_ZERO_ROWS;
  }
  f->slab = slab;
  const int64_t chunks = kvox_divide_up(slab, MOST_CHUNK);
  f->chunk = kvox_divide_up(slab, chunks);
  const uint64_t tile = kvox_ct_fdk_tile_scratch(f), filter = kvox_ct_fdk_filter_scratch(f);
  f->worker_bytes = tile > filter ? tile : filter;
}

static uint64_t view_bytes(const kvox_ct_fdk *f) { return (uint64_t)kvox_ct_fdk_view_floats(f) * sizeof(float); }

/* Views and workers that `allowed` bytes have room for with the slab as it is; fewer workers before fewer than two
 * views. */
static int64_t views_within(kvox_ct_fdk *f, uint64_t allowed) {
  f->workers = f->context->threads.limit;
  while (f->workers > 1 && (uint64_t)f->workers * f->worker_bytes + 2 * view_bytes(f) > allowed) {
    f->workers--;
  }
  const uint64_t scratch = (uint64_t)f->workers * f->worker_bytes;
  return scratch > allowed ? 0 : (int64_t)((allowed - scratch) / view_bytes(f) / 2 * 2);
}

static uint64_t usual_workspace(const kvox_ct_fdk *f) {
  const uint64_t plan = kvox_ct_fdk_bytes(f) + text;
  return usual_memory - (plan <= usual_plan ? usual_plan : plan <= usual_memory ? plan : usual_memory);
}

/* Samples that are filtered and voxels that are read and written, which cost about as much. Of more slabs more rows are
 * filtered twice, but more views find room at once, so that the volume is gone over less often. */
static double work_of_cut(const kvox_ct_fdk *f, int64_t views) {
  const kvox_ct_geometry *g = f->geometry;
  const int64_t end = first_block(f) + block_count(f);
  int64_t row, rows, all_rows = 0;
  for (int64_t block = first_block(f); block < end; block += f->slab) {
    block_rows(f, block, kvox_min_i64(f->slab, end - block), &row, &rows);
    all_rows += rows;
  }
  const double voxels = (double)f->size[0] * (double)f->size[1] * (double)f->size[2];
  return (double)g->views * (double)all_rows * (double)g->columns +
         voxels * (double)kvox_divide_up(g->views, kvox_max_i64(views, 1));
}

static kvox_status choose_cut(kvox_ct_fdk *f, uint64_t limit, const char *name) {
  const int64_t all = f->geometry->views + f->geometry->views % 2;
  int64_t slab = block_count(f);
  set_slab(f, 1);
  const uint64_t least = 2 * view_bytes(f) + f->worker_bytes;
  const uint64_t usual = usual_workspace(f), allowed = limit != 0 ? limit : usual > least ? usual : least;
  if (allowed < least) {
    return kvox_fail_limit(name, allowed, least);
  }
  int64_t views = 0, best = 0;
  double least_work = INFINITY;
  for (int64_t slabs = 1; best == 0 || (slab > MOST_CHUNK && slabs <= MOST_SLABS); slabs++) {
    slab = kvox_divide_up(block_count(f), slabs);
    set_slab(f, slab);
    views = views_within(f, allowed);
    if ((views >= kvox_min_i64(all, LEAST_VIEWS) || slab == 1) && work_of_cut(f, views) < least_work) {
      least_work = work_of_cut(f, views);
      best = slab;
    }
  }
  set_slab(f, best);
  views = views_within(f, allowed);
  f->block = kvox_even_part(all, kvox_min_i64(views, all), 2);
  f->block_bytes = (uint64_t)kvox_round_up(f->block * (int64_t)view_bytes(f), KVOX_ALIGNMENT);
  return KVOX_OK;
}

/* One slab: rows that another would need are gone. */
static kvox_status choose_stream(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  set_slab(f, block_count(f));
  kvox_ct_stream_need need = {.window = r->stream_window, .views = f->geometry->views, .view_bytes = view_bytes(f)};
  need.raw_bytes = (uint64_t)(f->geometry->rows * f->geometry->columns) * sizeof(float);
  need.worker_bytes = f->worker_bytes;
  need.workers = f->context->threads.limit;
  need.limit = r->memory_limit;
  need.usual = usual_workspace(f);
  need.name = r->name;
  KVOX_TRY(kvox_ct_stream_cut_make(&need, &f->stream));
  f->workers = f->stream.workers;
  f->block = f->stream.block;
  f->block_bytes = f->stream.block_bytes;
  return KVOX_OK;
}

/* Of views given by themselves. */
static kvox_status scan_views(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  KVOX_TRY(kvox_ct_fdk_turn(f, r->name));
  if (f->geometry->beam != KVOX_CT_PARALLEL) {
    KVOX_TRY(kvox_ct_redundancy_make(f->geometry, r->name, &f->redundancy));
    f->radius = kvox_ct_orbit_radius_of(f->geometry);
  }
  kvox_ct_fdk_extend_views(f);
  const int64_t rows = f->geometry->rows + 6 * KVOX_CONE_BLOCK;
  if (f->columns >= KVOX_OBLIQUE_MOST || rows >= KVOX_OBLIQUE_MOST || (f->columns + 2) * rows > INT32_MAX) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "%s: views given by themselves may have 2^31 pixels each", r->name);
  }
  return kvox_ct_fdk_meet_views(f, r);
}

static kvox_status scan(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  int64_t floats = 0;
  if (f->geometry->described != NULL) {
    return scan_views(f, r);
  }
  KVOX_TRY(kvox_ct_redundancy_make(f->geometry, r->name, &f->redundancy));
  extend_columns(f);
  if (!kvox_multiply(f->columns + 2, f->geometry->rows + 6 * KVOX_CONE_BLOCK, &floats) || floats > INT64_MAX / 64) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: a view has more than 2^57 samples", r->name);
  }
  KVOX_TRY(make_fan(f));
  return meet_grid(f, r);
}

double kvox_ct_fdk_pitch_mm(const kvox_ct_fdk *f) {
  return f->geometry->column_pitch_mm / kvox_ct_geometry_magnification(f->geometry);
}

kvox_status kvox_ct_fdk_scan(const kvox_ct_fdk_request *request, kvox_ct_fdk **fdk) {
  kvox_ct_fdk *f = kvox_allocate_zeros(request->context->heap, sizeof *f);
  if (f == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->context = kvox_context_hold(request->context);
  f->geometry = request->geometry;
  f->correction = request->correction;
  f->kernels = kvox_cone_kernels_of(f->context->cpu_level);
  f->scale = request->scale;
  f->offset = request->offset;
  memcpy(f->begin, request->begin, sizeof f->begin);
  memcpy(f->size, request->size, sizeof f->size);
  const kvox_status status = scan(f, request);
  if (status != KVOX_OK) {
    kvox_ct_fdk_drop(f);
    return status;
  }
  *fdk = f;
  return KVOX_OK;
}

static kvox_status prepare(kvox_ct_fdk *f, const kvox_ct_fdk_request *r) {
  f->row_step = kvox_round_up(f->columns, KVOX_STACK);
  KVOX_TRY(kvox_ct_filter_make(f->context, f->columns, kvox_ct_fdk_pitch_mm(f), r->filter, &f->filter));
  return r->stream_window > 0 ? choose_stream(f, r) : choose_cut(f, r->memory_limit, r->name);
}

kvox_status kvox_ct_fdk_make(const kvox_ct_fdk_request *request, kvox_ct_fdk **fdk) {
  kvox_ct_fdk *f = NULL;
  KVOX_TRY(kvox_ct_fdk_scan(request, &f));
  const kvox_status status = prepare(f, request);
  if (status != KVOX_OK) {
    kvox_ct_fdk_drop(f);
    return status;
  }
  *fdk = f;
  return KVOX_OK;
}

void kvox_ct_fdk_drop(kvox_ct_fdk *fdk) {
  if (fdk == NULL) {
    return;
  }
  kvox_context *context = fdk->context;
  kvox_ct_filter_drop(fdk->filter);
  kvox_release(context->heap, fdk->views);
  kvox_release(context->heap, fdk->seen);
  kvox_ct_geometry_destroy(fdk->turned);
  kvox_release(context->heap, fdk->fan_rad);
  kvox_release(context->heap, fdk);
  kvox_context_destroy(context);
}

static uint64_t circle_bytes(const kvox_ct_fdk *f) {
  return (uint64_t)f->geometry->views * sizeof *f->views + (uint64_t)f->geometry->columns * sizeof *f->fan_rad;
}

/* A geometry that was turned is a description and an angle and a weight for each view. */
static uint64_t views_bytes(const kvox_ct_fdk *f) {
  const uint64_t turned = f->turned != NULL ? sizeof *f->turned->described + 2 * sizeof(double) : 0;
  return (uint64_t)f->geometry->views * (sizeof *f->seen + turned) + (f->turned != NULL ? sizeof *f->turned : 0);
}

uint64_t kvox_ct_fdk_bytes(const kvox_ct_fdk *fdk) {
  return sizeof *fdk + (fdk->filter != NULL ? fdk->filter->bytes : 0) +
         (fdk->seen != NULL ? views_bytes(fdk) : circle_bytes(fdk));
}

uint64_t kvox_ct_fdk_workspace(const kvox_ct_fdk *fdk) {
  return fdk->block_bytes + (uint64_t)fdk->workers * fdk->worker_bytes;
}

int64_t kvox_ct_fdk_slabs(const kvox_ct_fdk *fdk) { return kvox_divide_up(block_count(fdk), fdk->slab); }

kvox_ct_fdk_part kvox_ct_fdk_slab(const kvox_ct_fdk *fdk, int64_t index) {
  const int64_t before = index * fdk->slab;
  kvox_ct_fdk_part part = {.first_block = first_block(fdk) + before,
                           .blocks = kvox_min_i64(fdk->slab, block_count(fdk) - before)};
  block_rows(fdk, part.first_block, part.blocks, &part.row, &part.rows);
  return part;
}

kvox_status kvox_ct_fdk_execute(const kvox_ct_fdk *fdk, kvox_workspace *workspace, const kvox_array *projections,
                                const kvox_array *volume) {
  KVOX_TRY(kvox_workspace_begin(workspace, kvox_ct_fdk_workspace(fdk)));
  const int64_t views = fdk->geometry->views, per_slab = kvox_divide_up(views, fdk->block);
  const int64_t parts = kvox_ct_fdk_slabs(fdk) * per_slab;
  const kvox_ct_rows rows = {.projections = projections,
                             .correction = fdk->correction,
                             .cpu_level = fdk->context->cpu_level,
                             .turned = fdk->turned != NULL};
  for (int64_t n = 0; n < parts; n++) {
    kvox_ct_fdk_part part = kvox_ct_fdk_slab(fdk, n / per_slab);
    part.view = n % per_slab * fdk->block;
    part.views = kvox_min_i64(fdk->block, views - part.view);
    part.samples = workspace->block;
    const double begin = kvox_now();
    kvox_progress_next(&workspace->progress, ((double)n + filter_share) / (double)parts);
    KVOX_TRY(kvox_ct_fdk_filter(fdk, &part, workspace, &rows));
    const double middle = kvox_now();
    kvox_workspace_add(workspace, "filter", middle - begin);
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(kvox_ct_fdk_backproject(fdk, &part, workspace, volume));
    kvox_workspace_add(workspace, "backproject", kvox_now() - middle);
  }
  return KVOX_OK;
}

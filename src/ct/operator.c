/* The matched pair: the tiles' projector and its transpose, with one scale. */
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "core/volume.h"
#include "ct/filter.h"
#include "ct/provenance.h"
#include "ct/tiles.h"

struct kvox_ct_operator {
  kvox_context *context;
  kvox_ct_tiles tiles;
  kvox_grid grid;
  const kvox_filter_kernels *rows;
  int64_t shape[3];
  int64_t row_step;
  int32_t unit;
  float scale;
  char *provenance;
};

/* Voxel volume over pixel area: what a projection collects is what the volume holds. One slice on one row is a plane,
 * whose thickness has no say. */
static double mass_scale(const kvox_ct_geometry *g, const kvox_grid *grid) {
  const double area = grid->spacing_mm[0] * grid->spacing_mm[1] / g->column_pitch_mm;
  return g->rows == 1 && grid->size[2] == 1 ? area : area * grid->spacing_mm[2] / g->row_pitch_mm;
}

static kvox_status write_provenance(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  kvox_text json;
  kvox_ct_provenance_open(&json, operation->context, geometry, "matched back-projection, parallel beam");
  kvox_json_number(&json, "scale", (double)operation->scale);
  operation->provenance = kvox_ct_provenance_close(&json, &operation->grid);
  return json.status;
}

void kvox_ct_operator_options_init_sized(kvox_ct_operator_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status fill_operator(kvox_ct_operator *made, const kvox_ct_geometry *geometry,
                                 const kvox_ct_operator_options *options) {
  static const char name[] = "kvox_ct_operator_create";
  static const int64_t whole[3] = {0, 0, 0};
  KVOX_TRY(options->grid != NULL ? kvox_grid_check(options->grid, name)
                                 : kvox_ct_geometry_default_grid(geometry, &made->grid));
  if (options->grid != NULL) {
    made->grid = *options->grid;
  }
  KVOX_TRY(kvox_ct_geometry_check_grid(geometry, &made->grid, name));
  made->rows = kvox_filter_kernels_of(made->context->cpu_level);
  made->row_step = kvox_round_up(geometry->columns, KVOX_STACK);
  made->unit = geometry->pitch_known ? KVOX_UNIT_PER_MM : KVOX_UNIT_PER_PIXEL;
  made->scale = (float)mass_scale(geometry, &made->grid);
  kvox_ct_geometry_shape(geometry, made->shape);
  /* A row between two rows, and one of every lane. */
  const int64_t rows = kvox_ct_tiles_lanes(made->grid.size[2]) + 1;
  const uint64_t scratch = (uint64_t)(rows * made->row_step) * sizeof(float);
  const uint64_t limit = options->memory_limit != 0 ? options->memory_limit : made->context->memory_limit;
  KVOX_TRY(kvox_ct_tiles_make(&made->tiles, made->context, geometry, &made->grid, whole, made->grid.size, scratch,
                              limit, name));
  return write_provenance(made, geometry);
}

kvox_status kvox_ct_operator_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                    const kvox_ct_operator_options *options, kvox_ct_operator **operation) {
  kvox_ct_operator_options o = {.struct_size = sizeof o};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(operation);
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_operator_options"));
  }
  kvox_ct_operator *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  const kvox_status status = fill_operator(made, geometry, &o);
  if (status != KVOX_OK) {
    kvox_ct_operator_destroy(made);
    return status;
  }
  *operation = made;
  return KVOX_OK;
}

void kvox_ct_operator_destroy(kvox_ct_operator *operation) {
  if (operation == NULL) {
    return;
  }
  kvox_context *context = operation->context;
  kvox_ct_tiles_drop(&operation->tiles);
  kvox_release(context->heap, operation->provenance);
  kvox_release(context->heap, operation);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_operator_memory(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){
      .plan = sizeof *operation + kvox_ct_tiles_bytes(&operation->tiles) + strlen(operation->provenance) + 1,
      .workspace = kvox_ct_tiles_workspace(&operation->tiles)};
  return KVOX_OK;
}

kvox_status kvox_ct_operator_grid(const kvox_ct_operator *operation, kvox_grid *grid) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(grid);
  *grid = operation->grid;
  return KVOX_OK;
}

typedef struct view_job {
  const kvox_ct_operator *operation;
  const kvox_ct_part *part;
  void *workspace_block;
  const kvox_array *projections;
} view_job;

static float *projection_row(const view_job *job, int64_t view, int64_t row) {
  const int64_t index[2] = {job->part->view + view, row};
  return kvox_array_at(job->projections, 2, index);
}

/* One view of the part's slices, read from the projections. */
static kvox_status take_view(void *data, int64_t view, int32_t worker) {
  const view_job *job = data;
  const kvox_ct_operator *o = job->operation;
  const kvox_ct_part *part = job->part;
  float *spare = kvox_ct_worker_scratch(&o->tiles, job->workspace_block, worker), *rows = spare + o->row_step;
  const kvox_ct_rows source = {job->projections, NULL, o->context->cpu_level};
  float *samples = kvox_ct_part_view(&o->tiles, part, view);
  memset(rows, 0, (size_t)(part->lanes * o->row_step) * sizeof *rows);
  for (int64_t k = 0; k < part->slices; k++) {
    KVOX_TRY(
        kvox_ct_rows_load(&source, part->view + view, o->tiles.places[part->slice + k], rows + k * o->row_step, spare));
  }
  kvox_ct_part_clear_padding(&o->tiles, part, view);
  if (part->lanes == 1) {
    memcpy(samples, rows, (size_t)o->tiles.columns * sizeof *samples);
  } else {
    o->rows->interleave(rows, o->row_step, o->tiles.columns, samples);
  }
  return KVOX_OK;
}

static kvox_status clear_view(void *data, int64_t view, int32_t worker) {
  const view_job *job = data;
  const kvox_ct_tiles *t = &job->operation->tiles;
  (void)worker;
  float *samples = kvox_ct_part_view(t, job->part, view) - t->padding * job->part->lanes;
  memset(samples, 0, (size_t)(t->width * job->part->lanes) * sizeof *samples);
  return KVOX_OK;
}

/* One view of the part's slices, added to the rows they lie on: the transpose of what take_view reads. */
static kvox_status give_view(void *data, int64_t view, int32_t worker) {
  const view_job *job = data;
  const kvox_ct_operator *o = job->operation;
  const int64_t lanes = job->part->lanes;
  const float *samples = kvox_ct_part_view(&o->tiles, job->part, view);
  (void)worker;
  for (int64_t k = 0; k < job->part->slices; k++) {
    const kvox_ct_row_place place = o->tiles.places[job->part->slice + k];
    float *row = projection_row(job, view, place.row);
    const float upper = o->scale * place.fraction, lower = o->scale - upper;
    for (int64_t i = 0; i < o->tiles.columns; i++) {
      row[i] += lower * samples[i * lanes + k];
    }
    if (place.fraction > 0) {
      row = projection_row(job, view, place.row + 1);
      for (int64_t i = 0; i < o->tiles.columns; i++) {
        row[i] += upper * samples[i * lanes + k];
      }
    }
  }
  return KVOX_OK;
}

static kvox_status each_view(const view_job *job, kvox_body body) {
  kvox_threads threads = job->operation->context->threads;
  threads.limit = job->operation->tiles.workers;
  view_job mine = *job;
  const int64_t work = job->part->views * job->part->lanes * job->operation->tiles.width;
  return kvox_parallel(&threads, job->part->views, work, body, &mine, NULL);
}

static void clear_rows(const kvox_ct_operator *o, const kvox_array *projections) {
  for (int64_t view = 0; view < o->shape[0]; view++) {
    for (int64_t row = 0; row < o->shape[1]; row++) {
      const int64_t index[2] = {view, row};
      memset(kvox_array_at(projections, 2, index), 0, (size_t)o->shape[2] * sizeof(float));
    }
  }
}

static kvox_status project(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                           const kvox_array *projections) {
  const int64_t parts = kvox_ct_tiles_parts(&o->tiles);
  clear_rows(o, projections);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&o->tiles, n, workspace->block);
    const view_job job = {o, &part, workspace->block, projections};
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(each_view(&job, clear_view));
    KVOX_TRY(kvox_ct_tiles_project(&o->tiles, &part, workspace->block, volume, &workspace->progress));
    KVOX_TRY(each_view(&job, give_view));
  }
  return KVOX_OK;
}

static kvox_status backproject(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                               const kvox_array *projections) {
  const int64_t parts = kvox_ct_tiles_parts(&o->tiles);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&o->tiles, n, workspace->block);
    const view_job job = {o, &part, workspace->block, projections};
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(each_view(&job, take_view));
    KVOX_TRY(kvox_ct_tiles_backproject(&o->tiles, &part, workspace->block, volume, o->scale, 0, &workspace->progress));
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_ct_operator *o, const kvox_array *volume, const kvox_array *projections) {
  const int64_t shape[3] = {o->grid.size[2], o->grid.size[1], o->grid.size[0]};
  KVOX_TRY(kvox_array_check_shape(volume, "volume", KVOX_TYPE_BIT(KVOX_F32), 3, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_TYPE_BIT(KVOX_F32), 3, o->shape));
  KVOX_TRY(kvox_array_check_rows(volume, "volume"));
  KVOX_TRY(kvox_array_check_rows(projections, "projections"));
  return kvox_array_check_apart(projections, "projections", volume, "volume");
}

typedef kvox_status (*operator_side)(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                                     const kvox_array *projections);

static kvox_status run(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                       const kvox_array *projections, const char *stage, operator_side side) {
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(o->context, workspace, &taken));
  const double begin = kvox_now();
  kvox_status status = kvox_workspace_begin(taken, kvox_ct_tiles_workspace(&o->tiles));
  if (status == KVOX_OK) {
    status = side(o, taken, volume, projections);
    kvox_workspace_add(taken, stage, kvox_now() - begin);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_ct_project(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_volume *volume,
                            const kvox_array *projections) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(volume);
  KVOX_TRY(check(operation, &volume->array, projections));
  KVOX_TRY(kvox_array_check_result(projections, "projections"));
  return run(operation, workspace, &volume->array, projections, "project", project);
}

kvox_status kvox_ct_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                const kvox_array *projections, kvox_volume *volume) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(volume);
  KVOX_TRY(check(operation, &volume->array, projections));
  KVOX_TRY(kvox_array_check_result(&volume->array, "volume"));
  KVOX_TRY(run(operation, workspace, &volume->array, projections, "backproject", backproject));
  return kvox_volume_describe(volume, &operation->grid, operation->unit, operation->provenance);
}

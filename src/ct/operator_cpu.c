/* The matched pair on the CPU: the tiles' projector and its transpose. */
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/operator.h"

static kvox_status make_way(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  static const int64_t whole[3] = {0, 0, 0};
  kvox_ct_operator_cpu *cpu = &operation->cpu;
  cpu->rows = kvox_filter_kernels_of(operation->context->cpu_level);
  cpu->row_step = kvox_round_up(geometry->columns, KVOX_STACK);
  /* A row between two rows, and one of every lane. */
  const int64_t rows = kvox_ct_tiles_lanes(operation->grid.size[2]) + 1;
  const uint64_t scratch = (uint64_t)(rows * cpu->row_step) * sizeof(float);
  return kvox_ct_tiles_make(&cpu->tiles, operation->context, geometry, &operation->grid, whole, operation->grid.size,
                            scratch, operation->memory_limit, "kvox_ct_operator_create");
}

static void drop_way(kvox_ct_operator *operation) { kvox_ct_tiles_drop(&operation->cpu.tiles); }

static void memory_way(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  memory->plan += kvox_ct_tiles_bytes(&operation->cpu.tiles);
  memory->workspace = kvox_ct_tiles_workspace(&operation->cpu.tiles);
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
  float *spare = kvox_ct_worker_scratch(&o->cpu.tiles, job->workspace_block, worker), *rows = spare + o->cpu.row_step;
  const kvox_ct_rows source = {.projections = job->projections, .cpu_level = o->context->cpu_level};
  float *samples = kvox_ct_part_view(&o->cpu.tiles, part, view);
  memset(rows, 0, (size_t)(part->lanes * o->cpu.row_step) * sizeof *rows);
  for (int64_t k = 0; k < part->slices; k++) {
    KVOX_TRY(kvox_ct_rows_load(&source, part->view + view, o->cpu.tiles.places[part->slice + k],
                               rows + k * o->cpu.row_step, spare));
  }
  kvox_ct_part_clear_padding(&o->cpu.tiles, part, view);
  if (part->lanes == 1) {
    memcpy(samples, rows, (size_t)o->cpu.tiles.columns * sizeof *samples);
  } else {
    o->cpu.rows->interleave(rows, o->cpu.row_step, o->cpu.tiles.columns, samples);
  }
  return KVOX_OK;
}

static kvox_status clear_view(void *data, int64_t view, int32_t worker) {
  const view_job *job = data;
  const kvox_ct_tiles *t = &job->operation->cpu.tiles;
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
  const float *samples = kvox_ct_part_view(&o->cpu.tiles, job->part, view);
  (void)worker;
  for (int64_t k = 0; k < job->part->slices; k++) {
    const kvox_ct_row_place place = o->cpu.tiles.places[job->part->slice + k];
    float *row = projection_row(job, view, place.row);
    const float upper = o->scale * place.fraction, lower = o->scale - upper;
    for (int64_t i = 0; i < o->cpu.tiles.columns; i++) {
      row[i] += lower * samples[i * lanes + k];
    }
    if (place.fraction > 0) {
      row = projection_row(job, view, place.row + 1);
      for (int64_t i = 0; i < o->cpu.tiles.columns; i++) {
        row[i] += upper * samples[i * lanes + k];
      }
    }
  }
  return KVOX_OK;
}

static kvox_status each_view(const view_job *job, kvox_body body) {
  kvox_threads threads = job->operation->context->threads;
  threads.limit = job->operation->cpu.tiles.workers;
  view_job mine = *job;
  const int64_t work = job->part->views * job->part->lanes * job->operation->cpu.tiles.width;
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

static kvox_status project_way(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_array *volume,
                               const kvox_array *projections) {
  const kvox_ct_operator *o = operation;
  KVOX_TRY(kvox_workspace_begin(workspace, kvox_ct_tiles_workspace(&o->cpu.tiles)));
  const double begin = kvox_now();
  const int64_t parts = kvox_ct_tiles_parts(&o->cpu.tiles);
  clear_rows(o, projections);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&o->cpu.tiles, n, workspace->block);
    const view_job job = {o, &part, workspace->block, projections};
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(each_view(&job, clear_view));
    KVOX_TRY(kvox_ct_tiles_project(&o->cpu.tiles, &part, workspace->block, volume, &workspace->progress));
    KVOX_TRY(each_view(&job, give_view));
  }
  kvox_workspace_add(workspace, "project", kvox_now() - begin);
  return KVOX_OK;
}

static kvox_status backproject_way(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                   const kvox_array *volume, const kvox_array *projections) {
  const kvox_ct_operator *o = operation;
  KVOX_TRY(kvox_workspace_begin(workspace, kvox_ct_tiles_workspace(&o->cpu.tiles)));
  const double begin = kvox_now();
  const int64_t parts = kvox_ct_tiles_parts(&o->cpu.tiles);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&o->cpu.tiles, n, workspace->block);
    const view_job job = {o, &part, workspace->block, projections};
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(each_view(&job, take_view));
    KVOX_TRY(
        kvox_ct_tiles_backproject(&o->cpu.tiles, &part, workspace->block, volume, o->scale, 0, &workspace->progress));
  }
  kvox_workspace_add(workspace, "backproject", kvox_now() - begin);
  return KVOX_OK;
}

const kvox_ct_operator_way kvox_ct_operator_cpu_way = {.on_device = false,
                                                       .joseph = false,
                                                       .make = make_way,
                                                       .drop = drop_way,
                                                       .memory = memory_way,
                                                       .project = project_way,
                                                       .backproject = backproject_way};

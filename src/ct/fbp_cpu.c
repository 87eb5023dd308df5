/* Filtered back-projection on the CPU: rows corrected and filtered into blocks of views, blocks into tiles. */
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/fbp.h"

/* The part of an execution that is filtering; what it takes of the time is near this. */
static const double filter_share = 0.2;

/* Pairs of rows that a worker holds: of all lanes, or of two pairs of views, which are filtered together. */
static int64_t pairs_of(int64_t lanes) { return kvox_max_i64(lanes, KVOX_FILTER_PAIRS); }

/* Scratch of a worker that filters: the transforms, a row between two rows, and its pairs. */
static uint64_t filter_scratch(const kvox_ct_fbp_plan *plan, int64_t slices) {
  const int64_t rows = 2 * pairs_of(kvox_ct_tiles_lanes(slices)) + 1;
  return kvox_ct_filter_scratch(plan->cpu.filter) + (uint64_t)(rows * plan->cpu.row_step) * sizeof(float);
}

kvox_status kvox_ct_fbp_cpu_make(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *options) {
  kvox_ct_fbp_cpu *cpu = &plan->cpu;
  cpu->row_step = kvox_round_up(plan->geometry->columns, KVOX_STACK);
  KVOX_TRY(kvox_ct_filter_make(plan->context, plan->geometry->columns, plan->geometry->column_pitch_mm, options,
                               &cpu->filter));
  plan->transform_length = cpu->filter->length;
  static const char name[] = "kvox_ct_fbp_plan_create";
  const kvox_ct_geometry *g = plan->geometry;
  const bool stream = plan->stream_window > 0;
  KVOX_TRY(kvox_ct_tiles_make(&cpu->tiles, plan->context, g, &plan->grid, plan->begin, plan->size,
                              filter_scratch(plan, plan->size[2]), stream ? 0 : plan->memory_limit, name));
  const uint64_t raw_bytes = (uint64_t)(g->rows * g->columns) * sizeof(float);
  return stream ? kvox_ct_tiles_cut_stream(&cpu->tiles, plan->stream_window, raw_bytes, plan->memory_limit, name)
                : KVOX_OK;
}

void kvox_ct_fbp_cpu_drop(kvox_ct_fbp_plan *plan) {
  kvox_ct_filter_drop(plan->cpu.filter);
  kvox_ct_tiles_drop(&plan->cpu.tiles);
}

void kvox_ct_fbp_cpu_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory) {
  memory->plan += plan->cpu.filter->bytes + kvox_ct_tiles_bytes(&plan->cpu.tiles);
  memory->workspace = kvox_ct_tiles_workspace(&plan->cpu.tiles);
}

typedef struct filter_job {
  const kvox_ct_fbp_plan *plan;
  const kvox_ct_part *part;
  void *workspace_block;
  kvox_ct_rows rows;
} filter_job;

/* One slice of the views `view`, view + 1, loaded into the rows a and b. */
static kvox_status load_pair(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part, const kvox_ct_rows *rows,
                             int64_t view, int64_t slice, float *spare, float *a, float *b, kvox_filter_pair *pair) {
  const kvox_ct_row_place place = plan->cpu.tiles.places[part->slice + slice];
  const double *weights = plan->geometry->weights_rad + part->view + view;
  *pair = (kvox_filter_pair){.a = a, .weight_a = (float)weights[0], .out_a = a};
  KVOX_TRY(kvox_ct_rows_load(rows, part->view + view, place, a, spare));
  if (view + 1 < part->views) {
    pair->b = pair->out_b = b;
    pair->weight_b = (float)weights[1];
    KVOX_TRY(kvox_ct_rows_load(rows, part->view + view + 1, place, b, spare));
  }
  return KVOX_OK;
}

static void put_view(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part, int64_t view, float *rows) {
  const int64_t step = plan->cpu.row_step, columns = plan->cpu.tiles.columns;
  float *samples = kvox_ct_part_view(&plan->cpu.tiles, part, view);
  kvox_ct_part_clear_padding(&plan->cpu.tiles, part, view);
  if (part->lanes == 1) {
    memcpy(samples, rows, (size_t)columns * sizeof *samples);
    return;
  }
  memset(rows + part->slices * step, 0, (size_t)((part->lanes - part->slices) * step) * sizeof *rows);
  plan->cpu.filter->kernels->interleave(rows, step, columns, samples);
}

static int64_t views_at_once(const kvox_ct_part *part) { return part->lanes == 1 ? 2 * KVOX_FILTER_PAIRS : 2; }

kvox_status kvox_ct_fbp_cpu_filter_views(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part,
                                         const kvox_ct_rows *rows, int64_t first, int64_t views, void *memory) {
  const int64_t step = plan->cpu.row_step, slices = part->slices;
  const int64_t pairs = kvox_divide_up(views, 2) * slices;
  float *spare = memory, *a = spare + step, *b = a + pairs_of(part->lanes) * step;
  void *scratch = b + pairs_of(part->lanes) * step;
  kvox_filter_pair waiting[KVOX_FILTER_PAIRS];
  int32_t count = 0;
  for (int64_t n = 0; n < pairs; n++) {
    KVOX_TRY(load_pair(plan, part, rows, first + 2 * (n / slices), n % slices, spare, a + n * step, b + n * step,
                       &waiting[count++]));
    if (count == KVOX_FILTER_PAIRS || n + 1 == pairs) {
      kvox_ct_filter_pairs(plan->cpu.filter, scratch, waiting, count);
      count = 0;
    }
  }
  for (int64_t n = 0; n < views; n++) {
    put_view(plan, part, first + n, (n % 2 == 0 ? a : b) + n / 2 * slices * step);
  }
  return KVOX_OK;
}

static kvox_status filter_views(void *data, int64_t index, int32_t worker) {
  const filter_job *job = data;
  void *memory = kvox_ct_worker_scratch(&job->plan->cpu.tiles, job->workspace_block, worker);
  const int64_t most = views_at_once(job->part), first = index * most;
  return kvox_ct_fbp_cpu_filter_views(job->plan, job->part, &job->rows, first,
                                      kvox_min_i64(most, job->part->views - first), memory);
}

int64_t kvox_ct_fbp_cpu_filter_work(const kvox_ct_fbp_plan *plan, int64_t views, int64_t slices) {
  /* A transform costs some fifty operations a sample. */
  return kvox_work(kvox_work(50 * views, slices), plan->cpu.filter->length);
}

static kvox_status filter_part(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part, kvox_workspace *workspace,
                               const kvox_array *projections) {
  filter_job job = {.plan = plan, .part = part, .workspace_block = workspace->block};
  job.rows =
      (kvox_ct_rows){.projections = projections, .correction = plan->correction, .cpu_level = plan->context->cpu_level};
  kvox_threads threads = plan->context->threads;
  threads.limit = plan->cpu.tiles.workers;
  const int64_t work = kvox_ct_fbp_cpu_filter_work(plan, part->views, part->slices);
  return kvox_parallel(&threads, kvox_divide_up(part->views, views_at_once(part)), work, filter_views, &job,
                       &workspace->progress);
}

kvox_status kvox_ct_fbp_cpu_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                    const kvox_array *projections, const kvox_array *volume) {
  KVOX_TRY(kvox_workspace_begin(workspace, kvox_ct_tiles_workspace(&plan->cpu.tiles)));
  const int64_t parts = kvox_ct_tiles_parts(&plan->cpu.tiles);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&plan->cpu.tiles, n, workspace->block);
    const double begin = kvox_now();
    kvox_progress_next(&workspace->progress, ((double)n + filter_share) / (double)parts);
    KVOX_TRY(filter_part(plan, &part, workspace, projections));
    const double middle = kvox_now();
    kvox_workspace_add(workspace, "filter", middle - begin);
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(kvox_ct_tiles_backproject(&plan->cpu.tiles, &part, workspace->block, volume, plan->scale, plan->offset,
                                       &workspace->progress));
    kvox_workspace_add(workspace, "backproject", kvox_now() - middle);
  }
  return KVOX_OK;
}

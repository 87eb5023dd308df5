/* Filtered back-projection of a parallel beam: rows corrected and filtered into blocks of views, blocks into tiles. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "core/volume.h"
#include "ct/filter.h"
#include "ct/provenance.h"
#include "ct/tiles.h"

struct kvox_ct_fbp_plan {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_ct_correction *correction;
  kvox_ct_filter *filter;
  kvox_ct_tiles tiles;
  kvox_grid result;
  int64_t row_step; /* floats of a row of scratch */
  float scale, offset;
  int32_t unit;
  char *provenance;
};

/* The part of an execution that is filtering; what it takes of the time is near this. */
static const double filter_share = 0.2;

void kvox_ct_fbp_options_init_sized(kvox_ct_fbp_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status check_region(const kvox_ct_fbp_options *o, const kvox_grid *grid, int64_t size[3]) {
  const bool whole = o->region_size[0] == 0 && o->region_size[1] == 0 && o->region_size[2] == 0;
  for (int a = 0; a < 3; a++) {
    size[a] = whole ? grid->size[a] : o->region_size[a];
    if (whole ? o->region_begin[a] != 0
              : size[a] < 1 || o->region_begin[a] < 0 || o->region_begin[a] > grid->size[a] - size[a]) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_ct_fbp_plan_create: the region begins at %" PRId64 " and has %" PRId64
                       " voxels along %c, the grid has %" PRId64,
                       o->region_begin[a], size[a], "xyz"[a], grid -> size[a]);
    }
  }
  return KVOX_OK;
}

static kvox_status choose_unit(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o) {
  char water[KVOX_NUMBER_BYTES], air[KVOX_NUMBER_BYTES];
  plan->scale = 1;
  plan->unit = plan->geometry->pitch_known ? KVOX_UNIT_PER_MM : KVOX_UNIT_PER_PIXEL;
  if (!o->hounsfield) {
    return KVOX_OK;
  }
  if (!plan->geometry->pitch_known) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "HU were asked for, but the column pitch is not known: attenuation is in 1/pixel then");
  }
  const double span = o->mu_water_per_mm - o->mu_air_per_mm;
  if (!isfinite(span) || !(span > 0) || o->mu_air_per_mm < 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "HU: mu of water is %s and of air %s per mm; water's must be the greater",
                     kvox_number(o->mu_water_per_mm, water), kvox_number(o->mu_air_per_mm, air));
  }
  plan->unit = KVOX_UNIT_HU;
  plan->scale = (float)(1000 / span);
  plan->offset = (float)(-1000 * o->mu_water_per_mm / span);
  if (!isfinite(plan->scale) || !isfinite(plan->offset)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "HU: mu of water, %s per mm, is so near to that of air, %s, that HU overflow",
                     kvox_number(o->mu_water_per_mm, water), kvox_number(o->mu_air_per_mm, air));
  }
  return KVOX_OK;
}

static kvox_status write_provenance(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o,
                                    const kvox_ct_filter_options *f) {
  kvox_text json;
  kvox_ct_provenance_open(&json, plan->context, plan->geometry, "filtered back-projection, parallel beam");
  kvox_json_string(&json, "window", kvox_ct_window_name(f->window));
  kvox_json_number(&json, "cutoff", f->cutoff > 0 ? f->cutoff : 1);
  kvox_json_integer(&json, "transform_length", plan->filter->length);
  kvox_json_bool(&json, "corrected_counts", plan->correction != NULL);
  kvox_json_bool(&json, "hounsfield", o->hounsfield != 0);
  if (o->hounsfield) {
    kvox_json_number(&json, "mu_water_per_mm", o->mu_water_per_mm);
    kvox_json_number(&json, "mu_air_per_mm", o->mu_air_per_mm);
  }
  plan->provenance = kvox_ct_provenance_close(&json, &plan->result);
  return json.status;
}

/* Scratch of a worker that filters: the transforms, a row between two rows, and two views of every lane. */
static uint64_t filter_scratch(const kvox_ct_fbp_plan *plan, int64_t slices) {
  const int64_t lanes = kvox_ct_tiles_lanes(slices);
  return kvox_ct_filter_scratch(plan->filter) + (uint64_t)((2 * lanes + 1) * plan->row_step) * sizeof(float);
}

static kvox_status fill_plan(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o, const kvox_ct_filter_options *f) {
  kvox_grid grid;
  int64_t size[3];
  if (o->grid != NULL) {
    grid = *o->grid;
    KVOX_TRY(kvox_grid_check(&grid, "kvox_ct_fbp_plan_create"));
  } else {
    KVOX_TRY(kvox_ct_geometry_default_grid(plan->geometry, &grid));
  }
  KVOX_TRY(check_region(o, &grid, size));
  plan->result = grid;
  for (int a = 0; a < 3; a++) {
    plan->result.origin_mm[a] += (double)o->region_begin[a] * grid.spacing_mm[a];
    plan->result.size[a] = size[a];
  }
  KVOX_TRY(kvox_grid_check(&plan->result, "kvox_ct_fbp_plan_create: the region"));
  KVOX_TRY(kvox_ct_geometry_check_grid(plan->geometry, &plan->result, "kvox_ct_fbp_plan_create"));
  if (!o->allow_short_arc) {
    KVOX_TRY(kvox_ct_geometry_check_arc(plan->geometry, "kvox_ct_fbp_plan_create"));
  }
  KVOX_TRY(choose_unit(plan, o));
  KVOX_TRY(kvox_ct_correction_check(f->correction, plan->geometry->rows, plan->geometry->columns));
  plan->correction = kvox_ct_correction_hold(f->correction);
  plan->row_step = kvox_round_up(plan->geometry->columns, KVOX_STACK);
  KVOX_TRY(kvox_ct_filter_make(plan->context, plan->geometry, f, &plan->filter));
  const uint64_t limit = o->memory_limit != 0 ? o->memory_limit : plan->context->memory_limit;
  KVOX_TRY(kvox_ct_tiles_make(&plan->tiles, plan->context, plan->geometry, &grid, o->region_begin, size,
                              filter_scratch(plan, size[2]), limit, "kvox_ct_fbp_plan_create"));
  return write_provenance(plan, o, f);
}

kvox_status kvox_ct_fbp_plan_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                    const kvox_ct_fbp_options *options, kvox_ct_fbp_plan **plan) {
  kvox_ct_fbp_options o = {.struct_size = sizeof o};
  kvox_ct_filter_options f = {.struct_size = sizeof f};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(plan);
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_fbp_options"));
  }
  if (o.filter != NULL) {
    KVOX_TRY(kvox_options_load(&f, sizeof f, o.filter, "kvox_ct_filter_options"));
  }
  kvox_ct_fbp_plan *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->geometry = kvox_ct_geometry_hold(geometry);
  const kvox_status status = fill_plan(made, &o, &f);
  if (status != KVOX_OK) {
    kvox_ct_fbp_plan_destroy(made);
    return status;
  }
  *plan = made;
  return KVOX_OK;
}

void kvox_ct_fbp_plan_destroy(kvox_ct_fbp_plan *plan) {
  if (plan == NULL) {
    return;
  }
  kvox_context *context = plan->context;
  kvox_ct_filter_drop(plan->filter);
  kvox_ct_tiles_drop(&plan->tiles);
  kvox_ct_correction_destroy(plan->correction);
  kvox_ct_geometry_destroy(plan->geometry);
  kvox_release(context->heap, plan->provenance);
  kvox_release(context->heap, plan);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_fbp_plan_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){
      .plan = sizeof *plan + plan->filter->bytes + kvox_ct_tiles_bytes(&plan->tiles) + strlen(plan->provenance) + 1,
      .workspace = kvox_ct_tiles_workspace(&plan->tiles)};
  return KVOX_OK;
}

kvox_status kvox_ct_fbp_plan_grid(const kvox_ct_fbp_plan *plan, kvox_grid *grid) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(grid);
  *grid = plan->result;
  return KVOX_OK;
}

const char *kvox_ct_fbp_plan_provenance(const kvox_ct_fbp_plan *plan) { return plan != NULL ? plan->provenance : ""; }

typedef struct filter_job {
  const kvox_ct_fbp_plan *plan;
  const kvox_ct_part *part;
  void *workspace_block;
  kvox_ct_rows rows;
} filter_job;

/* One pair of views of every slice of the part, filtered, weighted and put where the tiles read them. */
static kvox_status filter_views(void *data, int64_t index, int32_t worker) {
  const filter_job *job = data;
  const kvox_ct_fbp_plan *plan = job->plan;
  const kvox_ct_part *part = job->part;
  const int64_t step = plan->row_step, first = 2 * index, columns = plan->tiles.columns;
  const bool pair = first + 1 < part->views;
  const double *weights = plan->geometry->weights_rad + part->view + first;
  float *spare = kvox_ct_worker_scratch(&plan->tiles, job->workspace_block, worker);
  float *a = spare + step, *b = a + part->lanes * step;
  void *scratch = b + part->lanes * step;

  for (int64_t k = 0; k < part->slices; k++) {
    const kvox_ct_row_place place = plan->tiles.places[part->slice + k];
    float *row_a = a + k * step, *row_b = pair ? b + k * step : NULL;
    KVOX_TRY(kvox_ct_rows_load(&job->rows, part->view + first, place, row_a, spare));
    if (pair) {
      KVOX_TRY(kvox_ct_rows_load(&job->rows, part->view + first + 1, place, row_b, spare));
    }
    kvox_ct_filter_pair(plan->filter, scratch, row_a, row_b, (float)weights[0], pair ? (float)weights[1] : 0, row_a,
                        row_b);
  }
  for (int64_t n = 0; n < (pair ? 2 : 1); n++) {
    float *rows = n == 0 ? a : b;
    float *view = kvox_ct_part_view(&plan->tiles, part, first + n);
    kvox_ct_part_clear_padding(&plan->tiles, part, first + n);
    if (part->lanes == 1) {
      memcpy(view, rows, (size_t)columns * sizeof *view);
      continue;
    }
    memset(rows + part->slices * step, 0, (size_t)((part->lanes - part->slices) * step) * sizeof *rows);
    plan->filter->kernels->interleave(rows, step, columns, view);
  }
  return KVOX_OK;
}

static kvox_status filter_part(const kvox_ct_fbp_plan *plan, const kvox_ct_part *part, kvox_workspace *workspace,
                               const kvox_array *projections) {
  filter_job job = {.plan = plan, .part = part, .workspace_block = workspace->block};
  job.rows = (kvox_ct_rows){projections, plan->correction, plan->context->cpu_level};
  kvox_threads threads = plan->context->threads;
  threads.limit = plan->tiles.workers;
  /* A transform costs some fifty operations a sample. */
  const int64_t work = kvox_work(50 * part->views * part->slices, plan->filter->length);
  return kvox_parallel(&threads, kvox_divide_up(part->views, 2), work, filter_views, &job, &workspace->progress);
}

static kvox_status execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_array *projections,
                           const kvox_array *volume) {
  KVOX_TRY(kvox_workspace_begin(workspace, kvox_ct_tiles_workspace(&plan->tiles)));
  const int64_t parts = kvox_ct_tiles_parts(&plan->tiles);
  for (int64_t n = 0; n < parts; n++) {
    const kvox_ct_part part = kvox_ct_tiles_part(&plan->tiles, n, workspace->block);
    const double begin = kvox_now();
    kvox_progress_next(&workspace->progress, ((double)n + filter_share) / (double)parts);
    KVOX_TRY(filter_part(plan, &part, workspace, projections));
    const double middle = kvox_now();
    kvox_workspace_add(workspace, "filter", middle - begin);
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)parts);
    KVOX_TRY(kvox_ct_tiles_backproject(&plan->tiles, &part, workspace->block, volume, plan->scale, plan->offset,
                                       &workspace->progress));
    kvox_workspace_add(workspace, "backproject", kvox_now() - middle);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_fbp_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_array *projections,
                                kvox_volume *volume) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(volume);
  const kvox_ct_geometry *g = plan->geometry;
  const int64_t input[3] = {g->views, g->rows, g->columns};
  const int64_t output[3] = {plan->result.size[2], plan->result.size[1], plan->result.size[0]};
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES, 3, input));
  KVOX_TRY(kvox_array_check_shape(&volume->array, "volume", KVOX_TYPE_BIT(KVOX_F32), 3, output));
  KVOX_TRY(kvox_array_check_result(&volume->array, "volume"));
  KVOX_TRY(kvox_array_check_apart(projections, "projections", &volume->array, "volume"));
  KVOX_TRY(kvox_array_check_rows(&volume->array, "volume"));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(plan->context, workspace, &taken));
  kvox_status status = execute(plan, taken, projections, &volume->array);
  if (status == KVOX_OK) {
    status = kvox_volume_describe(volume, &plan->result, plan->unit, plan->provenance);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

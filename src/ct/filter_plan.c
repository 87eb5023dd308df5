/* The filter as a stage of its own. */
#include "ct/filter_plan.h"

#include <string.h>

#include "context/workspace.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/size.h"
#include "ct/rows.h"

static const char create_name[] = "kvox_ct_filter_plan_create";

/* Scratch of a worker: the transforms and their rows. */
static uint64_t worker_bytes(const kvox_ct_filter_plan *plan) {
  return kvox_ct_filter_scratch(plan->filter) + 2 * KVOX_FILTER_PAIRS * (uint64_t)plan->row_step * sizeof(float);
}

static kvox_status choose_workers(kvox_ct_filter_plan *plan, uint64_t limit) {
  const uint64_t each = worker_bytes(plan);
  plan->workers = plan->context->threads.limit;
  if (limit != 0 && limit < each) {
    return kvox_fail_limit(create_name, limit, each);
  }
  if (limit != 0 && limit / each < (uint64_t)plan->workers) {
    plan->workers = (int32_t)(limit / each);
  }
  return KVOX_OK;
}

static kvox_status make_on_cpu(kvox_ct_filter_plan *plan, const kvox_ct_filter_options *options) {
  plan->row_step = kvox_round_up(plan->geometry->columns, KVOX_STACK);
  KVOX_TRY(kvox_ct_filter_make(plan->context, plan->geometry->columns, plan->geometry->column_pitch_mm, options,
                               &plan->filter));
  return choose_workers(plan, plan->memory_limit);
}

/* On the context's device where it has one, else on the CPU. */
static kvox_status make_way(kvox_ct_filter_plan *plan, const kvox_ct_filter_options *options) {
  if (plan->context->ocl != NULL) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = kvox_ct_filter_ocl_make(plan, options);
    if (status == KVOX_OK || !kvox_context_falls_back(plan->context, status, create_name, &before)) {
      return status;
    }
    kvox_ct_filter_ocl_drop(plan);
  }
  return make_on_cpu(plan, options);
}

kvox_status kvox_ct_filter_plan_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                       const kvox_ct_filter_options *options, kvox_ct_filter_plan **plan) {
  kvox_ct_filter_options o = {.struct_size = sizeof o};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(plan);
  KVOX_TRY(kvox_ct_geometry_check_parallel(geometry, "kvox_ct_filter_plan_create"));
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_filter_options"));
  }
  KVOX_TRY(kvox_ct_correction_check(o.correction, geometry->rows, geometry->columns));
  kvox_ct_filter_plan *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->geometry = kvox_ct_geometry_hold(geometry);
  made->correction = kvox_ct_correction_hold(o.correction);
  made->memory_limit = o.memory_limit != 0 ? o.memory_limit : context->memory_limit;
  kvox_ct_geometry_shape(geometry, made->shape);
  const kvox_status status = make_way(made, &o);
  if (status != KVOX_OK) {
    kvox_ct_filter_plan_destroy(made);
    return status;
  }
  *plan = made;
  return KVOX_OK;
}

void kvox_ct_filter_plan_destroy(kvox_ct_filter_plan *plan) {
  if (plan == NULL) {
    return;
  }
  kvox_context *context = plan->context;
  kvox_ct_filter_ocl_drop(plan);
  kvox_ct_filter_drop(plan->filter);
  kvox_ct_correction_destroy(plan->correction);
  kvox_ct_geometry_destroy(plan->geometry);
  kvox_release(context->heap, plan);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_filter_plan_memory(const kvox_ct_filter_plan *plan, kvox_memory_use *memory) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(memory);
  if (plan->device != NULL) {
    *memory = (kvox_memory_use){.plan = sizeof *plan};
    kvox_ct_filter_ocl_memory(plan, memory);
    return KVOX_OK;
  }
  *memory = (kvox_memory_use){.plan = sizeof *plan + plan->filter->bytes,
                              .workspace = (uint64_t)plan->workers * worker_bytes(plan)};
  return KVOX_OK;
}

typedef struct filter_job {
  const kvox_ct_filter_plan *plan;
  kvox_ct_rows rows;
  const kvox_array *filtered;
  char *scratch;
  int64_t pairs;
} filter_job;

/* One row of two views, loaded into a row of each. */
static kvox_status load_pair(const filter_job *job, int64_t index, float *a, float *b, kvox_filter_pair *pair) {
  const int64_t rows = job->plan->shape[1], view = 2 * (index / rows);
  const int64_t at_a[2] = {view, index % rows}, at_b[2] = {view + 1, index % rows};
  const kvox_ct_row_place place = {.row = index % rows};
  *pair = (kvox_filter_pair){.a = a, .weight_a = 1, .weight_b = 1, .out_a = kvox_array_at(job->filtered, 2, at_a)};
  KVOX_TRY(kvox_ct_rows_load(&job->rows, view, place, a, NULL));
  if (view + 1 < job->plan->shape[0]) {
    pair->b = b;
    pair->out_b = kvox_array_at(job->filtered, 2, at_b);
    KVOX_TRY(kvox_ct_rows_load(&job->rows, view + 1, place, b, NULL));
  }
  return KVOX_OK;
}

static kvox_status filter_pairs(void *data, int64_t index, int32_t worker) {
  const filter_job *job = data;
  const kvox_ct_filter_plan *plan = job->plan;
  float *rows = (float *)(void *)(job->scratch + (uint64_t)worker * worker_bytes(plan));
  void *scratch = rows + 2 * KVOX_FILTER_PAIRS * plan->row_step;
  const int64_t first = index * KVOX_FILTER_PAIRS;
  const int32_t count = (int32_t)kvox_min_i64(KVOX_FILTER_PAIRS, job->pairs - first);
  kvox_filter_pair pairs[KVOX_FILTER_PAIRS];
  for (int32_t n = 0; n < count; n++) {
    float *a = rows + 2 * n * plan->row_step;
    KVOX_TRY(load_pair(job, first + n, a, a + plan->row_step, &pairs[n]));
  }
  kvox_ct_filter_pairs(plan->filter, scratch, pairs, count);
  return KVOX_OK;
}

static kvox_status execute_on_cpu(const kvox_ct_filter_plan *plan, kvox_workspace *workspace,
                                  const kvox_array *projections, const kvox_array *filtered) {
  const double begin = kvox_now();
  KVOX_TRY(kvox_workspace_begin(workspace, (uint64_t)plan->workers * worker_bytes(plan)));
  filter_job job = {.plan = plan, .filtered = filtered, .scratch = workspace->block};
  job.rows =
      (kvox_ct_rows){.projections = projections, .correction = plan->correction, .cpu_level = plan->context->cpu_level};
  kvox_threads threads = plan->context->threads;
  threads.limit = plan->workers;
  job.pairs = kvox_divide_up(plan->shape[0], 2) * plan->shape[1];
  const int64_t work = kvox_work(job.pairs, 100 * plan->filter->length);
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&threads, kvox_divide_up(job.pairs, KVOX_FILTER_PAIRS), work, filter_pairs,
                                           &job, &workspace->progress);
  kvox_workspace_add(workspace, "filter", kvox_now() - begin);
  return status;
}

kvox_status kvox_ct_filter_execute(const kvox_ct_filter_plan *plan, kvox_workspace *workspace,
                                   const kvox_array *projections, const kvox_array *filtered) {
  static const uint32_t floats = KVOX_TYPE_BIT(KVOX_F32) | KVOX_ON_DEVICE_TOO;
  KVOX_REQUIRE(plan);
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES | KVOX_ON_DEVICE_TOO, 3, plan->shape));
  KVOX_TRY(kvox_array_check_shape(filtered, "filtered", floats, 3, plan->shape));
  KVOX_TRY(kvox_array_check_result(filtered, "filtered"));
  KVOX_TRY(kvox_array_check_apart(projections, "projections", filtered, "filtered"));
  KVOX_TRY(kvox_array_check_rows(filtered, "filtered"));
  kvox_ocl *ocl = plan->device != NULL ? plan->context->ocl : NULL;
  KVOX_TRY(kvox_ocl_check_place(ocl, projections, "projections"));
  KVOX_TRY(kvox_ocl_check_place(ocl, filtered, "filtered"));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(plan->context, workspace, &taken));
  const kvox_status status =
      (ocl != NULL ? kvox_ct_filter_ocl_execute : execute_on_cpu)(plan, taken, projections, filtered);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

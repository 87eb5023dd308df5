/* The filter as a stage of its own, on a device. */
#include <string.h>

#include "context/pool.h"
#include "context/workspace.h"
#include "core/array.h"
#include "core/fail.h"
#include "ct/chunks.h"
#include "ct/filter_plan.h"

struct kvox_ct_filter_device {
  kvox_ct_chunks chunks;
  kvox_ct_row_place *places; /* every row is a slice */
  kvox_ct_filter_options options;
  double *response; /* what options.response points to */
  kvox_pool pool;
  uint64_t bytes; /* on the device, of one execution */
};

typedef struct filter_state {
  kvox_pooled pooled;
  kvox_ct_chunk_state chunk;
  kvox_ct_ocl_filter *filter;
} filter_state;

static void drop_state(const kvox_ct_filter_plan *plan, filter_state *state) {
  kvox_ct_chunk_state_drop(&state->chunk);
  kvox_ct_ocl_filter_destroy(state->filter);
  kvox_release(plan->context->heap, state);
}

static kvox_status make_state(const kvox_ct_filter_plan *plan, filter_state **state) {
  const kvox_ct_filter_device *device = plan->device;
  const kvox_ct_chunks *chunks = &device->chunks;
  filter_state *made = kvox_allocate_zeros(plan->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(plan->geometry);
  kvox_status status = kvox_ct_chunk_state_fill(&made->chunk, chunks, plan->correction);
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_filter_create(plan->context, &scan, &device->options, device->places, plan->shape[1],
                                       chunks->views, chunks->rows, 1, &made->filter);
  }
  if (status != KVOX_OK) {
    drop_state(plan, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

static kvox_status need(const void *data, const kvox_ct_chunks *chunks, uint64_t *bytes) {
  const kvox_ct_filter_plan *plan = data;
  const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(plan->geometry);
  KVOX_TRY(kvox_ct_ocl_filter_need(plan->context, &scan, plan->shape[1], chunks->views, chunks->rows, bytes));
  *bytes += kvox_ct_ocl_correct_need(plan->correction);
  return KVOX_OK;
}

static kvox_status place_rows(const kvox_ct_filter_plan *plan) {
  kvox_ct_filter_device *device = plan->device;
  device->places = kvox_allocate_array(plan->context->heap, plan->shape[1], sizeof *device->places);
  if (device->places == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t row = 0; row < plan->shape[1]; row++) {
    device->places[row] = (kvox_ct_row_place){.row = row};
  }
  return KVOX_OK;
}

kvox_status kvox_ct_filter_ocl_make(kvox_ct_filter_plan *plan, const kvox_ct_filter_options *options) {
  filter_state *first = NULL;
  kvox_ct_filter_device *device = kvox_allocate_zeros(plan->context->heap, sizeof *device);
  if (device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  plan->device = device;
  kvox_pool_open(&device->pool);
  KVOX_TRY(kvox_ct_filter_options_keep(plan->context->heap, options, &device->options, &device->response));
  KVOX_TRY(place_rows(plan));
  KVOX_TRY(kvox_ct_chunks_choose(&device->chunks, plan->context, plan->shape, 2, plan->memory_limit,
                                 "kvox_ct_filter_plan_create", need, plan, &device->bytes));
  KVOX_TRY(make_state(plan, &first));
  kvox_pool_give(&device->pool, &first->pooled);
  return KVOX_OK;
}

void kvox_ct_filter_ocl_drop(kvox_ct_filter_plan *plan) {
  kvox_ct_filter_device *device = plan->device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(plan, (filter_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_release(plan->context->heap, device->places);
  kvox_release(plan->context->heap, device->response);
  kvox_release(plan->context->heap, device);
  plan->device = NULL;
}

void kvox_ct_filter_ocl_memory(const kvox_ct_filter_plan *plan, kvox_memory_use *memory) {
  const kvox_ct_filter_device *device = plan->device;
  memory->plan += sizeof *device + sizeof(filter_state) + (uint64_t)plan->shape[1] * sizeof *device->places;
  memory->device = device->bytes;
}

/* Filtered rows go where they belong, or come down through the staging buffer, whose samples were read. */
static kvox_status filter_chunk(void *data, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut, const kvox_array *out) {
  const filter_state *state = data;
  kvox_array staged = *out;
  if (out->buffer == NULL) {
    KVOX_TRY(kvox_array_dense(&staged, "filtered", NULL, KVOX_F32, 3, out->shape));
    staged.buffer = state->chunk.staging;
  }
  kvox_ocl_stage(queue, "filter");
  KVOX_TRY(kvox_ct_ocl_filter_store(state->filter, queue, cut, state->chunk.lines, &staged));
  if (out->buffer != NULL) {
    return KVOX_OK;
  }
  kvox_ocl_stage(queue, "download");
  return kvox_ocl_copy(queue, &staged, out, false);
}

kvox_status kvox_ct_filter_ocl_execute(const kvox_ct_filter_plan *plan, kvox_workspace *workspace,
                                       const kvox_array *projections, const kvox_array *filtered) {
  kvox_ct_filter_device *device = plan->device;
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  filter_state *state = (filter_state *)kvox_pool_take(&device->pool);
  if (state == NULL) {
    KVOX_TRY(make_state(plan, &state));
  }
  kvox_status status = kvox_ocl_queue_take(plan->context->ocl, &queue);
  if (status == KVOX_OK) {
    status = kvox_ct_chunks_run(&state->chunk, queue, projections, "projections", filtered, filter_chunk, state,
                                &workspace->progress);
    kvox_workspace_add_queue(workspace, queue);
    kvox_ocl_queue_give_back(queue);
  }
  kvox_pool_give(&device->pool, &state->pooled);
  return status;
}

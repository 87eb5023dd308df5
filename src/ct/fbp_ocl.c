/* Filtered back-projection on a device: see ocl.h for what an execution consists of. */
#include "context/pool.h"
#include "context/workspace.h"
#include "core/array.h"
#include "core/fail.h"
#include "ct/fbp.h"
#include "ct/fdk_ocl.h"
#include "ct/upload.h"

struct kvox_ct_fbp_device {
  kvox_ct_fdk *fdk; /* fan, cone and views given by themselves; NULL: a parallel beam */
  kvox_ct_slabs slabs;
  kvox_ct_correction *correction; /* of the rows that slices lie on */
  kvox_ct_filter_options filter;
  double *response; /* what filter.response points to */
  kvox_pool pool;
  uint64_t bytes; /* on the device, of one execution */
};

typedef struct fbp_state {
  kvox_pooled pooled;
  kvox_ct_upload upload;
  kvox_ct_ocl_filter *filter;
  kvox_ct_ocl_backproject *backproject;
  kvox_ct_ocl_fdk *fdk; /* in the place of both */
  kvox_buffer *block, *slab;
} fbp_state;

static kvox_status need_of_state(const void *data, const kvox_ct_slabs *slabs, kvox_ct_need *need) {
  const kvox_ct_fbp_plan *plan = data;
  if (slabs->fdk != NULL) {
    KVOX_TRY(kvox_ct_ocl_fdk_need(slabs, need));
  } else {
    const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(plan->geometry);
    uint64_t filter = 0;
    KVOX_TRY(kvox_ct_ocl_filter_need(plan->context, &scan, slabs->size[2], slabs->chunk, slabs->slab, &filter));
    kvox_ct_need_buffer(need, filter);
    kvox_ct_need_buffer(need, kvox_ct_ocl_backproject_need(slabs->views));
  }
  kvox_ct_need_buffer(need, kvox_ct_slabs_block_bytes(slabs));
  kvox_ct_need_buffer(need, kvox_ct_slabs_slab_bytes(slabs));
  kvox_ct_upload_need(slabs, plan->device->correction, need);
  return KVOX_OK;
}

static void drop_state(const kvox_ct_fbp_plan *plan, fbp_state *state) {
  kvox_ct_upload_drop(&state->upload);
  kvox_ct_ocl_filter_destroy(state->filter);
  kvox_ct_ocl_backproject_destroy(state->backproject);
  kvox_ct_ocl_fdk_destroy(state->fdk);
  kvox_buffer_destroy(state->block);
  kvox_buffer_destroy(state->slab);
  kvox_release(plan->context->heap, state);
}

static kvox_status fill_state(const kvox_ct_fbp_plan *plan, fbp_state *state) {
  const kvox_ct_fbp_device *device = plan->device;
  const kvox_ct_slabs *s = &device->slabs;
  kvox_context *context = plan->context;
  KVOX_TRY(kvox_ct_upload_create(s, device->correction, &state->upload));
  if (device->fdk != NULL) {
    KVOX_TRY(kvox_ct_ocl_fdk_create(s, &device->filter, &state->fdk));
  } else {
    const kvox_ct_ocl_scan scan = kvox_ct_ocl_scan_of(plan->geometry);
    KVOX_TRY(kvox_ct_ocl_filter_create(context, &scan, &device->filter, s->places, s->size[2], s->chunk, s->slab,
                                       s->lanes, &state->filter));
    KVOX_TRY(kvox_ct_ocl_backproject_create(context, s->lines, s->views, s->columns, s->begin, s->size, s->lanes,
                                            &state->backproject));
  }
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, kvox_ct_slabs_block_bytes(s), "filtered views", &state->block));
  return kvox_ocl_buffer_create(context->ocl, kvox_ct_slabs_slab_bytes(s), "slices", &state->slab);
}

static kvox_status make_state(const kvox_ct_fbp_plan *plan, fbp_state **state) {
  fbp_state *made = kvox_allocate_zeros(plan->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->upload.slabs = &plan->device->slabs;
  const kvox_status status = fill_state(plan, made);
  if (status != KVOX_OK) {
    drop_state(plan, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

static kvox_status lay_out(kvox_ct_fbp_plan *plan, const kvox_ct_fdk_request *diverging) {
  kvox_ct_fbp_device *device = plan->device;
  if (diverging == NULL) {
    return kvox_ct_slabs_lay_out(&device->slabs, plan->context, plan->geometry, &plan->grid, plan->begin, plan->size,
                                 "kvox_ct_fbp_plan_create");
  }
  KVOX_TRY(kvox_ct_fdk_scan(diverging, &device->fdk));
  if (device->fdk->turned != NULL) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "OpenCL: the detector's rows run along the axis z");
  }
  return kvox_ct_slabs_lay_out_diverging(&device->slabs, plan->context, device->fdk);
}

kvox_status kvox_ct_fbp_ocl_make(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *options,
                                 const kvox_ct_fdk_request *diverging) {
  fbp_state *first = NULL;
  kvox_ct_fbp_device *device = kvox_allocate_zeros(plan->context->heap, sizeof *device);
  if (device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  plan->device = device;
  kvox_pool_open(&device->pool);
  KVOX_TRY(kvox_ct_filter_options_keep(plan->context->heap, options, &device->filter, &device->response));
  KVOX_TRY(lay_out(plan, diverging));
  KVOX_TRY(kvox_ct_correction_take_rows(plan->correction, device->slabs.detector_rows, device->slabs.rows,
                                        &device->correction));
  KVOX_TRY(kvox_ct_slabs_choose(&device->slabs, plan->memory_limit, "kvox_ct_fbp_plan_create", need_of_state, plan,
                                &device->bytes));
  KVOX_TRY(make_state(plan, &first));
  plan->transform_length =
      device->fdk != NULL ? kvox_ct_ocl_fdk_length(first->fdk) : kvox_ct_ocl_filter_length(first->filter);
  kvox_pool_give(&device->pool, &first->pooled);
  return KVOX_OK;
}

void kvox_ct_fbp_ocl_drop(kvox_ct_fbp_plan *plan) {
  kvox_ct_fbp_device *device = plan->device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(plan, (fbp_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_ct_slabs_drop(&device->slabs);
  kvox_ct_fdk_drop(device->fdk);
  kvox_ct_correction_destroy(device->correction);
  kvox_release(plan->context->heap, device->response);
  kvox_release(plan->context->heap, device);
  plan->device = NULL;
}

void kvox_ct_fbp_ocl_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory) {
  const kvox_ct_fbp_device *device = plan->device;
  memory->plan += sizeof *device + sizeof(fbp_state) + kvox_ct_slabs_bytes(&device->slabs);
  if (device->fdk != NULL) {
    memory->plan += kvox_ct_fdk_bytes(device->fdk);
    memory->plan += device->fdk->seen != NULL ? kvox_ct_ocl_weigh_views_bytes(&device->slabs) : 0;
  }
  if (device->correction != plan->correction) {
    memory->plan += kvox_ct_correction_bytes(device->correction);
  }
  memory->device = device->bytes;
}

typedef struct fbp_run {
  const kvox_ct_fbp_plan *plan;
  fbp_state *state;
  kvox_ocl_queue *queue;
  kvox_progress *progress;
  const kvox_array *projections, *volume;
  int64_t flag;      /* the next chunk's */
  int64_t all, done; /* views filtered and back-projected, by what that costs */
} fbp_run;

/* What a view costs, as parts of the whole. */
enum { FILTER_COST = 1, BACKPROJECT_COST = 4 };

/* Lets the device come along, and the host cancel. */
static kvox_status advance(fbp_run *run, int64_t cost) {
  run->done += cost;
  KVOX_TRY(kvox_ocl_mark(run->queue));
  return run->done < run->all ? kvox_progress_reach(run->progress, (double)run->done / (double)run->all) : KVOX_OK;
}

/* The views of a block, filtered. */
static kvox_status filter_block(fbp_run *run, const kvox_ct_ocl_cut *block) {
  fbp_state *state = run->state;
  const int64_t chunk = kvox_ct_slabs_chunk(&run->plan->device->slabs, run->projections->type);
  for (int64_t view = 0; view < block->views; view += chunk) {
    const kvox_ct_ocl_cut cut = kvox_ct_slabs_part(block, view, chunk);
    KVOX_TRY(kvox_ct_upload_run(&state->upload, run->queue, &cut, run->projections, run->flag++));
    kvox_ocl_stage(run->queue, "filter");
    KVOX_TRY(state->fdk != NULL
                 ? kvox_ct_ocl_fdk_filter(state->fdk, run->queue, &cut, state->upload.lines, state->block)
                 : kvox_ct_ocl_filter_run(state->filter, run->queue, &cut, state->upload.lines, true, state->block));
    KVOX_TRY(advance(run, FILTER_COST * cut.views));
  }
  return KVOX_OK;
}

static kvox_status backproject_block(fbp_run *run, const kvox_ct_ocl_cut *block, const kvox_array *slab) {
  const kvox_ct_fbp_plan *plan = run->plan;
  const int64_t pass = kvox_ct_slabs_pass(&plan->device->slabs);
  kvox_ocl_stage(run->queue, "backproject");
  for (int64_t view = 0; view < block->views; view += pass) {
    const kvox_ct_ocl_cut cut = kvox_ct_slabs_part(block, view, pass);
    KVOX_TRY(run->state->fdk != NULL ? kvox_ct_ocl_fdk_backproject(run->state->fdk, run->queue, &cut, run->state->block,
                                                                   slab, plan->scale, plan->offset)
                                     : kvox_ct_ocl_backproject_run(run->state->backproject, run->queue, &cut,
                                                                   run->state->block, slab, plan->scale, plan->offset));
    KVOX_TRY(advance(run, BACKPROJECT_COST * cut.views));
  }
  return KVOX_OK;
}

/* All views into one slab, in the caller's volume where that is on the device. */
static kvox_status reconstruct_slab(fbp_run *run, int64_t index) {
  const kvox_ct_fbp_plan *plan = run->plan;
  const kvox_ct_slabs *slabs = &plan->device->slabs;
  kvox_array part, slab;
  kvox_ct_ocl_cut cut = kvox_ct_slabs_cut(slabs, index, 0);
  KVOX_TRY(kvox_ct_slabs_slices(&cut, run->volume, &part));
  slab = part.buffer != NULL
             ? part
             : kvox_ct_slabs_array(run->state->slab, KVOX_F32, cut.slices, plan->size[1], plan->size[0]);
  for (int64_t block = 0; block < kvox_ct_slabs_blocks(slabs); block++) {
    cut = kvox_ct_slabs_cut(slabs, index, block);
    KVOX_TRY(filter_block(run, &cut));
    KVOX_TRY(backproject_block(run, &cut, &slab));
  }
  if (part.buffer == NULL) {
    kvox_ocl_stage(run->queue, "download");
    return kvox_ocl_copy(run->queue, &slab, &part, false);
  }
  return KVOX_OK;
}

static kvox_status reconstruct(void *data, kvox_ocl_queue *queue) {
  fbp_run *run = data;
  run->queue = queue;
  const int64_t slabs = kvox_ct_slabs_count(&run->plan->device->slabs);
  kvox_ocl_stage(run->queue, "upload");
  KVOX_TRY(kvox_ct_upload_begin(&run->state->upload, run->queue));
  for (int64_t slab = 0; slab < slabs; slab++) {
    KVOX_TRY(reconstruct_slab(run, slab));
  }
  return kvox_ct_upload_check(&run->state->upload, run->queue, run->projections->type);
}

kvox_status kvox_ct_fbp_ocl_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace,
                                    const kvox_array *projections, const kvox_array *volume) {
  kvox_ct_fbp_device *device = plan->device;
  fbp_run run = {.plan = plan, .projections = projections, .volume = volume, .progress = &workspace->progress};
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  run.all = (FILTER_COST + BACKPROJECT_COST) * kvox_ct_slabs_count(&device->slabs) * device->slabs.views;
  run.state = (fbp_state *)kvox_pool_take(&device->pool);
  if (run.state == NULL) {
    KVOX_TRY(make_state(plan, &run.state));
  }
  const kvox_status status = kvox_execute_on_queue(plan->context, workspace, reconstruct, &run);
  kvox_pool_give(&device->pool, &run.state->pooled);
  return status;
}

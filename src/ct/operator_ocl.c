/* The matched pair on a device. */
#include "context/pool.h"
#include "context/workspace.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/operator.h"
#include "ct/upload.h"

struct kvox_ct_operator_device {
  kvox_ct_slabs slabs;
  kvox_pool pool;
  uint64_t bytes; /* on the device, of one execution */
};

typedef struct operator_state {
  kvox_pooled pooled;
  kvox_ct_upload upload;
  kvox_ct_ocl_rows *rows;
  kvox_ct_ocl_backproject *backproject;
  kvox_ct_ocl_project *project;
  kvox_buffer *block, *slab;
  kvox_buffer *projections; /* a block of views, all rows: what the host's projections are made in */
} operator_state;

static uint64_t projections_bytes(const kvox_ct_operator *o, const kvox_ct_slabs *slabs) {
  return (uint64_t)kvox_work(kvox_work(slabs->block, o->shape[1]), o->shape[2] * (int64_t)sizeof(float));
}

static kvox_status need_of_state(const void *data, const kvox_ct_slabs *slabs, kvox_ct_need *need) {
  const kvox_ct_operator *o = data;
  kvox_ct_upload_need(slabs, NULL, need);
  kvox_ct_need_buffer(need, kvox_ct_ocl_rows_need(slabs->size[2], slabs->rows));
  kvox_ct_need_buffer(need, kvox_ct_ocl_backproject_need(slabs->views));
  kvox_ct_need_buffer(need, kvox_ct_ocl_project_need(slabs->views, slabs->size, slabs->lanes));
  kvox_ct_need_buffer(need, kvox_ct_slabs_block_bytes(slabs));
  kvox_ct_need_buffer(need, kvox_ct_slabs_slab_bytes(slabs));
  kvox_ct_need_buffer(need, projections_bytes(o, slabs));
  return KVOX_OK;
}

static void drop_state(const kvox_ct_operator *o, operator_state *state) {
  kvox_ct_upload_drop(&state->upload);
  kvox_ct_ocl_rows_destroy(state->rows);
  kvox_ct_ocl_backproject_destroy(state->backproject);
  kvox_ct_ocl_project_destroy(state->project);
  kvox_buffer_destroy(state->block);
  kvox_buffer_destroy(state->slab);
  kvox_buffer_destroy(state->projections);
  kvox_release(o->context->heap, state);
}

static kvox_status fill_state(const kvox_ct_operator *o, operator_state *state) {
  const kvox_ct_slabs *s = &o->device->slabs;
  kvox_context *context = o->context;
  KVOX_TRY(kvox_ct_upload_create(s, NULL, &state->upload));
  KVOX_TRY(kvox_ct_ocl_rows_create(context, s->places, s->size[2], s->detector_rows, s->rows, s->columns, s->lanes,
                                   &state->rows));
  KVOX_TRY(kvox_ct_ocl_backproject_create(context, s->lines, s->views, s->columns, s->begin, s->size, s->lanes,
                                          &state->backproject));
  KVOX_TRY(kvox_ct_ocl_project_create(context, s->lines, s->views, s->columns, s->begin, s->size, s->lanes,
                                      &state->project));
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, kvox_ct_slabs_block_bytes(s), "views", &state->block));
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, kvox_ct_slabs_slab_bytes(s), "slices", &state->slab));
  return kvox_ocl_buffer_create(context->ocl, projections_bytes(o, s), "projections", &state->projections);
}

static kvox_status make_state(const kvox_ct_operator *o, operator_state **state) {
  operator_state *made = kvox_allocate_zeros(o->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->upload.slabs = &o->device->slabs;
  const kvox_status status = fill_state(o, made);
  if (status != KVOX_OK) {
    drop_state(o, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

static kvox_status make_way(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  static const char name[] = "kvox_ct_operator_create";
  static const int64_t whole[3] = {0, 0, 0};
  const kvox_grid *grid = &operation->grid;
  operator_state *first = NULL;
  kvox_ct_operator_device *device = kvox_allocate_zeros(operation->context->heap, sizeof *device);
  if (device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  operation->device = device;
  kvox_pool_open(&device->pool);
  KVOX_TRY(kvox_ct_slabs_lay_out(&device->slabs, operation->context, geometry, grid, whole, grid->size, name));
  KVOX_TRY(
      kvox_ct_slabs_choose(&device->slabs, operation->memory_limit, name, need_of_state, operation, &device->bytes));
  KVOX_TRY(make_state(operation, &first));
  kvox_pool_give(&device->pool, &first->pooled);
  return KVOX_OK;
}

static void drop_way(kvox_ct_operator *operation) {
  kvox_ct_operator_device *device = operation->device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(operation, (operator_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_ct_slabs_drop(&device->slabs);
  kvox_release(operation->context->heap, device);
  operation->device = NULL;
}

static void memory_way(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  const kvox_ct_operator_device *device = operation->device;
  memory->plan += sizeof *device + sizeof(operator_state) + kvox_ct_slabs_bytes(&device->slabs);
  memory->device = device->bytes;
}

typedef struct operator_run {
  const kvox_ct_operator *operation;
  operator_state *state;
  kvox_ocl_queue *queue;
  kvox_progress *progress;
  const kvox_array *volume, *projections;
  int64_t all, done; /* views of slabs */
} operator_run;

/* Lets the device come along, and the host cancel. */
static kvox_status advance(operator_run *run, int64_t views) {
  run->done += views;
  KVOX_TRY(kvox_ocl_mark(run->queue));
  return run->done < run->all ? kvox_progress_reach(run->progress, (double)run->done / (double)run->all) : KVOX_OK;
}

/* The cut's slices as they lie on the device: the caller's, or the state's, `part` being the caller's. */
static kvox_status find_slab(const operator_run *run, const kvox_ct_ocl_cut *cut, kvox_array *part, kvox_array *slab) {
  KVOX_TRY(kvox_ct_slabs_slices(cut, run->volume, part));
  *slab = part->buffer != NULL
              ? *part
              : kvox_ct_slabs_array(run->state->slab, KVOX_F32, part->shape[0], part->shape[1], part->shape[2]);
  return KVOX_OK;
}

/* Adds what one slab gives to a block of views. */
static kvox_status project_slab(operator_run *run, const kvox_ct_ocl_cut *block, bool upload,
                                const kvox_array *projections) {
  operator_state *state = run->state;
  const int64_t pass = kvox_ct_slabs_pass(&run->operation->device->slabs);
  kvox_array part, slab;
  KVOX_TRY(find_slab(run, block, &part, &slab));
  if (part.buffer == NULL && upload) {
    kvox_ocl_stage(run->queue, "upload");
    KVOX_TRY(kvox_ocl_copy(run->queue, &part, &slab, false));
  }
  kvox_ocl_stage(run->queue, "project");
  for (int64_t view = 0; view < block->views; view += pass) {
    const kvox_ct_ocl_cut cut = kvox_ct_slabs_part(block, view, pass);
    KVOX_TRY(kvox_ct_ocl_project_run(state->project, run->queue, &cut, &slab, state->block));
    KVOX_TRY(advance(run, cut.views));
  }
  return kvox_ct_ocl_rows_give(state->rows, run->queue, block, state->block, run->operation->scale, projections);
}

/* Blocks of views outside, so that each comes down once; a volume of one slab goes up once. */
static kvox_status project(void *data, kvox_ocl_queue *queue) {
  operator_run *run = data;
  run->queue = queue;
  const kvox_ct_operator *o = run->operation;
  const kvox_ct_slabs *slabs = &o->device->slabs;
  const int64_t count = kvox_ct_slabs_count(slabs), blocks = kvox_ct_slabs_blocks(slabs);
  for (int64_t block = 0; block < blocks; block++) {
    const kvox_ct_ocl_cut views = kvox_ct_slabs_cut(slabs, 0, block);
    const int64_t begin[3] = {views.view, 0, 0}, size[3] = {views.views, o->shape[1], o->shape[2]};
    kvox_array part, projections;
    KVOX_TRY(kvox_array_region(run->projections, begin, size, &part));
    projections =
        part.buffer != NULL ? part : kvox_ct_slabs_array(run->state->projections, KVOX_F32, size[0], size[1], size[2]);
    kvox_ocl_stage(run->queue, "project");
    KVOX_TRY(kvox_ct_ocl_rows_clear(run->state->rows, run->queue, &projections));
    for (int64_t slab = 0; slab < count; slab++) {
      const kvox_ct_ocl_cut cut = kvox_ct_slabs_cut(slabs, slab, block);
      KVOX_TRY(project_slab(run, &cut, block == 0 || count > 1, &projections));
    }
    if (part.buffer == NULL) {
      kvox_ocl_stage(run->queue, "download");
      KVOX_TRY(kvox_ocl_copy(run->queue, &projections, &part, false));
    }
  }
  return KVOX_OK;
}

/* A block of views as lanes of the slab's slices. */
static kvox_status take_block(operator_run *run, const kvox_ct_ocl_cut *block, int64_t *flag) {
  operator_state *state = run->state;
  const int64_t chunk = kvox_ct_slabs_chunk(&run->operation->device->slabs, KVOX_F32);
  for (int64_t view = 0; view < block->views; view += chunk, ++*flag) {
    const kvox_ct_ocl_cut cut = kvox_ct_slabs_part(block, view, chunk);
    KVOX_TRY(kvox_ct_upload_run(&state->upload, run->queue, &cut, run->projections, *flag));
    KVOX_TRY(kvox_ct_ocl_rows_take(state->rows, run->queue, &cut, state->upload.lines, state->block));
  }
  return KVOX_OK;
}

static kvox_status backproject_block(operator_run *run, const kvox_ct_ocl_cut *block, const kvox_array *slab) {
  const kvox_ct_operator *o = run->operation;
  const int64_t pass = kvox_ct_slabs_pass(&o->device->slabs);
  kvox_ocl_stage(run->queue, "backproject");
  for (int64_t view = 0; view < block->views; view += pass) {
    const kvox_ct_ocl_cut cut = kvox_ct_slabs_part(block, view, pass);
    KVOX_TRY(
        kvox_ct_ocl_backproject_run(run->state->backproject, run->queue, &cut, run->state->block, slab, o->scale, 0));
    KVOX_TRY(advance(run, cut.views));
  }
  return KVOX_OK;
}

static kvox_status backproject(void *data, kvox_ocl_queue *queue) {
  operator_run *run = data;
  run->queue = queue;
  const kvox_ct_slabs *slabs = &run->operation->device->slabs;
  operator_state *state = run->state;
  int64_t flag = 0;
  kvox_ocl_stage(run->queue, "upload");
  KVOX_TRY(kvox_ct_upload_begin(&state->upload, run->queue));
  for (int64_t n = 0; n < kvox_ct_slabs_count(slabs); n++) {
    kvox_ct_ocl_cut cut = kvox_ct_slabs_cut(slabs, n, 0);
    kvox_array part, slab;
    KVOX_TRY(find_slab(run, &cut, &part, &slab));
    for (int64_t block = 0; block < kvox_ct_slabs_blocks(slabs); block++) {
      cut = kvox_ct_slabs_cut(slabs, n, block);
      KVOX_TRY(take_block(run, &cut, &flag));
      KVOX_TRY(backproject_block(run, &cut, &slab));
    }
    if (part.buffer == NULL) {
      kvox_ocl_stage(run->queue, "download");
      KVOX_TRY(kvox_ocl_copy(run->queue, &slab, &part, false));
    }
  }
  return kvox_ct_upload_check(&state->upload, run->queue, KVOX_F32);
}

static kvox_status execute(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                           const kvox_array *projections, kvox_commands side) {
  kvox_ct_operator_device *device = o->device;
  operator_run run = {.operation = o, .volume = volume, .projections = projections, .progress = &workspace->progress};
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  run.all = kvox_ct_slabs_count(&device->slabs) * device->slabs.views;
  run.state = (operator_state *)kvox_pool_take(&device->pool);
  if (run.state == NULL) {
    KVOX_TRY(make_state(o, &run.state));
  }
  const kvox_status status = kvox_execute_on_queue(o->context, workspace, side, &run);
  kvox_pool_give(&device->pool, &run.state->pooled);
  return status;
}

static kvox_status project_way(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_array *volume,
                               const kvox_array *projections) {
  return execute(operation, workspace, volume, projections, project);
}

static kvox_status backproject_way(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                   const kvox_array *volume, const kvox_array *projections) {
  return execute(operation, workspace, volume, projections, backproject);
}

const kvox_ct_operator_way kvox_ct_operator_ocl_way = {.on_device = true,
                                                       .joseph = false,
                                                       .make = make_way,
                                                       .drop = drop_way,
                                                       .memory = memory_way,
                                                       .project = project_way,
                                                       .backproject = backproject_way};

/*
 * The matched pair by rays on a device: views come and go by as many as the memory limit holds tables of, and where it
 * does not hold the volume, slabs of slices too. The adjoint takes all views for each slab; the projector all slabs for
 * each block of views. Views come in their order, slabs end where the sums do: no cut changes a bit.
 */
#include <inttypes.h>
#include <string.h>

#include "context/pool.h"
#include "context/workspace.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/operator_rays.h"
#include "ct/rays_ocl.h"
#include "ct/slabs.h"

static const char create_name[] = "kvox_ct_operator_create";

struct kvox_ct_operator_rays_device {
  kvox_ct_geometry *geometry;
  kvox_ct_ocl_rays_view *views;
  kvox_pool pool;
  int64_t chunk;  /* views at once */
  int64_t slab;   /* slices at once */
  uint64_t bytes; /* on the device, of one execution */
};

typedef struct rays_state {
  kvox_pooled pooled;
  kvox_ct_ocl_rays *rays;
  kvox_ct_ocl_correct *convert;
  kvox_buffer *slab, *staging, *samples, *flags;
  uint32_t *found; /* the flags as the host reads them: one a chunk */
} rays_state;

static int64_t chunks_of(const kvox_ct_operator *o) { return kvox_divide_up(o->shape[0], o->rays_device->chunk); }

static uint64_t flags_bytes(const kvox_ct_operator *o) { return (uint64_t)chunks_of(o) * sizeof(uint32_t); }

static uint64_t samples_bytes(const kvox_ct_operator *o) {
  return (uint64_t)kvox_work(kvox_work(o->rays_device->chunk, o->shape[1]), o->shape[2] * (int64_t)sizeof(float));
}

static uint64_t slab_bytes(const kvox_ct_operator *o) {
  const int64_t *size = o->grid.size;
  return (uint64_t)kvox_work(kvox_work(size[0], size[1]), kvox_work(o->rays_device->slab, sizeof(float)));
}

/* ---- What an execution holds ---- */

static void drop_state(const kvox_ct_operator *o, rays_state *state) {
  kvox_ct_ocl_rays_destroy(state->rays);
  kvox_ct_ocl_correct_destroy(state->convert);
  kvox_buffer_destroy(state->slab);
  kvox_buffer_destroy(state->staging);
  kvox_buffer_destroy(state->samples);
  kvox_buffer_destroy(state->flags);
  kvox_release(o->context->heap, state->found);
  kvox_release(o->context->heap, state);
}

static kvox_status fill_state(const kvox_ct_operator *o, rays_state *state) {
  const kvox_ct_operator_rays_device *device = o->rays_device;
  kvox_context *context = o->context;
  state->found = kvox_allocate(context->heap, flags_bytes(o));
  if (state->found == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_ct_ocl_rays_create(context, device->geometry, &o->grid, device->views, device->chunk, &state->rays));
  KVOX_TRY(kvox_ct_ocl_correct_create(context, NULL, &state->convert));
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, slab_bytes(o), "slab", &state->slab));
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, samples_bytes(o), "projections", &state->staging));
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, samples_bytes(o), "line integrals", &state->samples));
  return kvox_ocl_buffer_create(context->ocl, flags_bytes(o), "flags", &state->flags);
}

static kvox_status make_state(const kvox_ct_operator *o, rays_state **state) {
  rays_state *made = kvox_allocate_zeros(o->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_status status = fill_state(o, made);
  if (status != KVOX_OK) {
    drop_state(o, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

/* ---- The plan ---- */

static void add_needs(const kvox_ct_operator *o, kvox_ct_need *need) {
  kvox_ct_need_buffer(need, kvox_ct_ocl_rays_views_need(o->shape[0]));
  kvox_ct_need_buffer(need, kvox_ct_ocl_rays_need(o->rays_device->chunk, o->shape[1], o->shape[2]));
  kvox_ct_need_buffer(need, kvox_ct_ocl_correct_need(NULL));
  kvox_ct_need_buffer(need, slab_bytes(o));
  kvox_ct_need_buffer(need, samples_bytes(o));
  kvox_ct_need_buffer(need, samples_bytes(o));
  kvox_ct_need_buffer(need, flags_bytes(o));
}

/* Views are cut down to so many before the volume is: each cut of it reads all samples, or all of it, once more. */
enum { FEW_VIEWS = 8 };

/* Whether this cut fits, with samples whose numbers fit 31 bits. */
static bool fits(const kvox_ct_operator *o, uint64_t allowed, kvox_ct_need *need) {
  const kvox_device_info *info = kvox_ocl_info(o->context->ocl);
  *need = (kvox_ct_need){0};
  add_needs(o, need);
  o->rays_device->bytes = need->bytes;
  return need->bytes <= allowed && need->largest <= info->largest_buffer_bytes &&
         samples_bytes(o) / sizeof(float) < INT32_MAX;
}

/* The next smaller cut: there is one while more than a view, or than the least slab, is taken at once. */
static void cut_further(const kvox_ct_operator *o) {
  kvox_ct_operator_rays_device *device = o->rays_device;
  if (device->chunk <= FEW_VIEWS && device->slab > KVOX_RAYS_OCL_SLICES) {
    device->slab = kvox_round_up(kvox_divide_up(device->slab, 2), KVOX_RAYS_OCL_SLICES);
    device->chunk = o->shape[0];
    return;
  }
  device->chunk = kvox_divide_up(device->chunk, 2);
}

/* As much of the volume and as many views at once as the limit holds. */
static kvox_status choose_cut(kvox_ct_operator *o) {
  kvox_ct_operator_rays_device *device = o->rays_device;
  const kvox_device_info *info = kvox_ocl_info(o->context->ocl);
  const uint64_t allowed = o->memory_limit != 0 ? o->memory_limit : kvox_ocl_usual_memory(o->context->ocl);
  kvox_ct_need need;
  device->chunk = o->shape[0];
  device->slab = o->grid.size[2];
  while (!fits(o, allowed, &need)) {
    if (device->chunk > 1 || device->slab > KVOX_RAYS_OCL_SLICES) {
      cut_further(o);
      continue;
    }
    if (need.bytes > allowed && o->memory_limit != 0) {
      return kvox_fail_limit(create_name, allowed, need.bytes);
    }
    if (need.bytes <= allowed || need.largest > info->largest_buffer_bytes) {
      return kvox_fail(KVOX_ERROR_DEVICE,
                       "%s: %d slices of the volume, or the rays of one view, need a buffer of %" PRIu64
                       " bytes, %s has at most %" PRIu64,
                       create_name, KVOX_RAYS_OCL_SLICES, need.largest, info->name, info->largest_buffer_bytes);
    }
    return KVOX_OK; /* the least there is, where nobody set a limit */
  }
  return KVOX_OK;
}

static kvox_status check_counts(const kvox_ct_operator *o) {
  int64_t most = o->shape[0];
  for (int a = 0; a < 3; a++) {
    most = kvox_max_i64(most, kvox_max_i64(o->shape[a], o->grid.size[a]));
  }
  return most < 1 << 20 ? KVOX_OK
                        : kvox_fail(KVOX_ERROR_UNSUPPORTED,
                                    "OpenCL: %" PRId64
                                    " views, rows, columns or voxels along an axis; rays on a device "
                                    "take less than 2^20",
                                    most);
}

static kvox_status describe_views(kvox_ct_operator *o, const kvox_ct_geometry *geometry) {
  kvox_heap *heap = o->context->heap;
  kvox_rays_view *rays = kvox_allocate_array(heap, geometry->views, sizeof *rays);
  o->rays_device->views = kvox_allocate_array(heap, geometry->views, sizeof *o->rays_device->views);
  kvox_status status = rays != NULL && o->rays_device->views != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    status = kvox_ct_rays_lay_out(geometry, &o->grid, create_name, rays);
  }
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_rays_describe(geometry, &o->grid, rays, o->rays_device->views);
  }
  kvox_release(heap, rays);
  return status;
}

static kvox_status make_way(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  rays_state *first = NULL;
  kvox_ct_operator_rays_device *device = kvox_allocate_zeros(operation->context->heap, sizeof *device);
  if (device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  operation->rays_device = device;
  device->geometry = kvox_ct_geometry_hold(geometry);
  kvox_pool_open(&device->pool);
  KVOX_TRY(check_counts(operation));
  KVOX_TRY(describe_views(operation, geometry));
  KVOX_TRY(choose_cut(operation));
  KVOX_TRY(make_state(operation, &first));
  kvox_pool_give(&device->pool, &first->pooled);
  return KVOX_OK;
}

static void drop_way(kvox_ct_operator *operation) {
  kvox_ct_operator_rays_device *device = operation->rays_device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(operation, (rays_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_ct_geometry_destroy(device->geometry);
  kvox_release(operation->context->heap, device->views);
  kvox_release(operation->context->heap, device);
  operation->rays_device = NULL;
}

static void memory_way(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  const kvox_ct_operator_rays_device *device = operation->rays_device;
  memory->plan += sizeof *device + sizeof(rays_state) + flags_bytes(operation) +
                  (uint64_t)operation->shape[0] * sizeof *device->views;
  memory->device = device->bytes;
}

/* ---- An execution ---- */

typedef struct rays_run {
  const kvox_ct_operator *operation;
  rays_state *state;
  kvox_ocl_queue *queue;
  kvox_progress *progress;
  const kvox_array *volume, *projections;
  double done; /* of the whole */
} rays_run;

/* Slices of a slab: all of a volume that lies on the device. */
static int64_t slab_slices(const rays_run *run) {
  return run->volume->buffer != NULL ? run->operation->grid.size[2] : run->operation->rays_device->slab;
}

/* The slab from slice `begin` on, of the caller's volume and as it lies on the device. */
static kvox_status slab_of(const rays_run *run, int64_t begin, kvox_array *part, kvox_ct_ocl_rays_slab *slab) {
  const int64_t *size = run->operation->grid.size;
  const int64_t slices = kvox_min_i64(slab_slices(run), size[2] - begin);
  const int64_t at[3] = {begin, 0, 0}, shape[3] = {slices, size[1], size[0]};
  KVOX_TRY(kvox_array_region(run->volume, at, shape, part));
  slab->begin = begin;
  slab->volume =
      part->buffer != NULL ? *part : kvox_ct_slabs_array(run->state->slab, KVOX_F32, slices, size[1], size[0]);
  return KVOX_OK;
}

/* Views first ... first + count - 1 of the caller's projections, and as they lie side by side in `buffer`. */
static kvox_status part_of(const rays_run *run, int64_t first, int64_t count, kvox_buffer *buffer, kvox_array *part,
                           kvox_array *dense) {
  const int64_t *shape = run->operation->shape;
  const int64_t begin[3] = {first, 0, 0}, size[3] = {count, shape[1], shape[2]};
  *dense = kvox_ct_slabs_array(buffer, KVOX_F32, count, shape[1], shape[2]);
  return kvox_array_region(run->projections, begin, size, part);
}

/* A block of views of a slab is done. */
static kvox_status advance(rays_run *run, int64_t views, int64_t slices) {
  const double all = (double)run->operation->shape[0] * (double)run->operation->grid.size[2];
  KVOX_TRY(kvox_ocl_mark(run->queue));
  run->done += (double)views * (double)slices / all;
  return run->done < 1 - 0.5 / all ? kvox_progress_reach(run->progress, run->done) : KVOX_OK;
}

/* One slab for views that are laid, or were for the slab before. */
static kvox_status project_slab(rays_run *run, int64_t views, int64_t begin, bool is_there) {
  kvox_array part;
  kvox_ct_ocl_rays_slab slab;
  KVOX_TRY(slab_of(run, begin, &part, &slab));
  if (part.buffer == NULL && !is_there) {
    kvox_ocl_stage(run->queue, "upload");
    KVOX_TRY(kvox_ocl_copy(run->queue, &part, &slab.volume, false));
  }
  kvox_ocl_stage(run->queue, "project");
  KVOX_TRY(kvox_ct_ocl_rays_project(run->state->rays, run->queue, &slab, run->state->samples));
  return advance(run, views, slab.volume.shape[0]);
}

static kvox_status project(void *data, kvox_ocl_queue *queue) {
  rays_run *run = data;
  run->queue = queue;
  const kvox_ct_operator *o = run->operation;
  rays_state *state = run->state;
  const int64_t step = slab_slices(run), slices = o->grid.size[2];
  for (int64_t first = 0, count; first < o->shape[0]; first += count) {
    kvox_array part, samples;
    count = kvox_min_i64(o->rays_device->chunk, o->shape[0] - first);
    KVOX_TRY(part_of(run, first, count, state->samples, &part, &samples));
    kvox_ocl_stage(run->queue, "project");
    KVOX_TRY(kvox_ct_ocl_rays_lay(state->rays, run->queue, first, count));
    for (int64_t begin = 0; begin < slices; begin += step) {
      KVOX_TRY(project_slab(run, count, begin, first > 0 && step >= slices));
    }
    kvox_ocl_stage(run->queue, "download");
    KVOX_TRY(kvox_ocl_copy(run->queue, &samples, &part, false));
  }
  return KVOX_OK;
}

static kvox_status check_finite(const rays_run *run) {
  const kvox_ct_operator *o = run->operation;
  const int64_t rows = o->shape[1], columns = o->shape[2];
  KVOX_TRY(kvox_ocl_read(run->queue, run->state->flags, 0, run->state->found, flags_bytes(o)));
  for (int64_t chunk = 0; chunk < chunks_of(o); chunk++) {
    const int64_t at = run->state->found[chunk];
    if (at != UINT32_MAX) {
      return kvox_ct_not_finite_at("projections", chunk * o->rays_device->chunk + at / (columns * rows),
                                   at / columns % rows, at % columns);
    }
  }
  return KVOX_OK;
}

/* Views first ... first + count - 1 as line integrals and tables of rays on the device. */
static kvox_status take_views(rays_run *run, int64_t first, int64_t count) {
  rays_state *state = run->state;
  kvox_array part, staged;
  KVOX_TRY(part_of(run, first, count, state->staging, &part, &staged));
  kvox_ocl_stage(run->queue, "upload");
  if (part.buffer == NULL) {
    KVOX_TRY(kvox_ocl_copy(run->queue, &part, &staged, false));
    part = staged;
  }
  KVOX_TRY(kvox_ct_ocl_correct_run(state->convert, run->queue, &part, 0, state->samples, state->flags,
                                   first / run->operation->rays_device->chunk));
  kvox_ocl_stage(run->queue, "backproject");
  return kvox_ct_ocl_rays_lay(state->rays, run->queue, first, count);
}

static kvox_status backproject_slab(rays_run *run, int64_t begin) {
  const kvox_ct_operator *o = run->operation;
  const int64_t chunk = o->rays_device->chunk, views = o->shape[0];
  kvox_array part;
  kvox_ct_ocl_rays_slab slab;
  KVOX_TRY(slab_of(run, begin, &part, &slab));
  for (int64_t first = 0, count; first < views; first += count) {
    count = kvox_min_i64(chunk, views - first);
    /* All of them at once stay for the next slab. */
    if (begin == 0 || count < views) {
      KVOX_TRY(take_views(run, first, count));
    }
    kvox_ocl_stage(run->queue, "backproject");
    KVOX_TRY(kvox_ct_ocl_rays_backproject(run->state->rays, run->queue, run->state->samples, first == 0, &slab));
    KVOX_TRY(advance(run, count, slab.volume.shape[0]));
  }
  if (part.buffer == NULL) {
    kvox_ocl_stage(run->queue, "download");
    KVOX_TRY(kvox_ocl_copy(run->queue, &slab.volume, &part, false));
  }
  return KVOX_OK;
}

static kvox_status backproject(void *data, kvox_ocl_queue *queue) {
  rays_run *run = data;
  run->queue = queue;
  const kvox_ct_operator *o = run->operation;
  KVOX_TRY(kvox_ocl_fill(run->queue, run->state->flags, 0, flags_bytes(o), UINT32_MAX));
  for (int64_t begin = 0; begin < o->grid.size[2]; begin += slab_slices(run)) {
    KVOX_TRY(backproject_slab(run, begin));
  }
  return check_finite(run);
}

static kvox_status execute(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                           const kvox_array *projections, kvox_commands side) {
  kvox_ct_operator_rays_device *device = o->rays_device;
  rays_run run = {.operation = o, .volume = volume, .projections = projections, .progress = &workspace->progress};
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  run.state = (rays_state *)kvox_pool_take(&device->pool);
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

const kvox_ct_operator_way kvox_ct_operator_rays_ocl_way = {.on_device = true,
                                                            .joseph = true,
                                                            .make = make_way,
                                                            .drop = drop_way,
                                                            .memory = memory_way,
                                                            .project = project_way,
                                                            .backproject = backproject_way};

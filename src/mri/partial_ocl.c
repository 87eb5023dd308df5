/* Partial Fourier on a device: several volumes go there, all iterations, and come back; see kernels/mri_partial.cl. */
#include "mri/partial_ocl.h"

#include <math.h>
#include <string.h>

#include "context/pool.h"
#include "core/array.h"
#include "core/fail.h"
#include "mri/fourier_ocl.h"

enum { COMPLEX = 2 * sizeof(float) };

/* So many bytes of each of three arrays keep a GPU busy; a CPU gains nothing by more than its caches hold. */
static const int64_t batch_bytes = (int64_t)16 << 20, cpu_batch_bytes = (int64_t)512 << 10;

struct kvox_partial_device {
  int64_t items;  /* volumes at once */
  uint64_t bytes; /* on the device, of one execution */
  kvox_pool pool;
};

typedef struct partial_state {
  kvox_pooled pooled;
  kvox_partial_stage stage;
} partial_state;

/* ---- Plan ---- */

kvox_status kvox_partial_ocl_leave(const kvox_mri_partial *p, int64_t transforms, uint64_t *limit) {
  const uint64_t all = p->context->memory_limit, own = kvox_partial_stage_bytes(p, 1);
  *limit = 0;
  if (all == 0) {
    return KVOX_OK;
  }
  *limit = all > own ? (all - own) / (uint64_t)transforms : 0;
  return *limit > 0 ? KVOX_OK : kvox_fail_limit("kvox_mri_partial_create", all, own);
}

static kvox_status choose_items(const kvox_mri_partial *p, struct kvox_partial_device *device) {
  const kvox_device_info *info = kvox_ocl_info(p->context->ocl);
  const uint64_t limit = p->context->memory_limit,
                 allowed = limit != 0 ? limit : kvox_ocl_usual_memory(p->context->ocl);
  const int64_t batch = info->type == KVOX_DEVICE_CPU ? cpu_batch_bytes : batch_bytes;
  const int64_t volume = kvox_work(p->samples, COMPLEX);
  int64_t items = kvox_min_i64(kvox_max_i64(batch / volume, 1), KVOX_PARTIAL_MOST_ITEMS);
  while (items > 1 && kvox_partial_stage_bytes(p, items) + p->device_bytes > allowed) {
    items--;
  }
  if ((uint64_t)kvox_work(volume, items) > info->largest_buffer_bytes || kvox_work(p->samples, items) >= UINT32_MAX) {
    return kvox_fail(KVOX_ERROR_DEVICE, "kvox_mri_partial_create: a volume is beyond a buffer of %s", info->name);
  }
  device->items = items;
  device->bytes = kvox_partial_stage_bytes(p, items);
  return limit != 0 && device->bytes + p->device_bytes > limit
             ? kvox_fail_limit("kvox_mri_partial_create", limit, device->bytes + p->device_bytes)
             : KVOX_OK;
}

/* ---- State ---- */

static void drop_state(kvox_context *context, partial_state *state) {
  kvox_partial_stage_drop(&state->stage);
  kvox_release(context->heap, state);
}

static kvox_status take_state(const kvox_mri_partial *p, partial_state **state) {
  *state = (partial_state *)kvox_pool_take(&p->device->pool);
  if (*state != NULL) {
    return KVOX_OK;
  }
  partial_state *made = kvox_allocate_zeros(p->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_status status = kvox_partial_stage_make(p, p->device->items, &made->stage);
  if (status != KVOX_OK) {
    drop_state(p->context, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

kvox_status kvox_partial_ocl_make(kvox_mri_partial *p) {
  partial_state *first = NULL;
  p->device = kvox_allocate_zeros(p->context->heap, sizeof *p->device);
  if (p->device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_pool_open(&p->device->pool);
  KVOX_TRY(choose_items(p, p->device));
  KVOX_TRY(take_state(p, &first));
  kvox_pool_give(&p->device->pool, &first->pooled);
  return KVOX_OK;
}

void kvox_partial_ocl_drop(kvox_mri_partial *p) {
  if (p->device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&p->device->pool)) != NULL;) {
    drop_state(p->context, (partial_state *)state);
  }
  kvox_pool_close(&p->device->pool);
  kvox_release(p->context->heap, p->device);
  p->device = NULL;
}

void kvox_partial_ocl_memory(const kvox_mri_partial *p, kvox_memory_use *memory) {
  memory->plan += sizeof *p->device + sizeof(partial_state) + kvox_partial_stage_host_bytes(p, p->device->items);
  memory->device += p->device->bytes;
}

/* An execution, and what it has at work. */
typedef struct partial_run {
  const kvox_mri_partial *plan;
  kvox_partial_stage *stage;
  kvox_progress *progress;
  const kvox_array *kspace, *out;
  bool keep_kspace;
  double reached, step; /* of the whole, and a transform's share */
} partial_run;

/* ---- Methods: as homodyne.c and pocs.c have them ---- */

static kvox_status transform(partial_run *r, const kvox_mri_fourier *fourier, bool to_image, kvox_buffer *buffer) {
  if (fourier == NULL) {
    return KVOX_OK;
  }
  const kvox_array volumes = kvox_partial_volumes(r->stage, buffer);
  KVOX_TRY(kvox_fourier_ocl_enqueue(fourier, to_image, "kvox_mri_partial", r->stage->queue, &volumes, &volumes));
  kvox_ocl_stage(r->stage->queue, "partial");
  r->reached += r->step * (double)r->stage->count;
  return kvox_progress_reach(r->progress, fmin(r->reached, 1));
}

static kvox_status find_phase(partial_run *r) {
  KVOX_TRY(kvox_partial_scale_there(r->stage, KVOX_PARTIAL_SMOOTH, r->stage->phasor));
  KVOX_TRY(transform(r, r->plan->along, true, r->stage->phasor));
  return kvox_partial_normalise_there(r->stage);
}

static kvox_status homodyne(partial_run *r) {
  KVOX_TRY(find_phase(r));
  KVOX_TRY(kvox_partial_scale_there(r->stage, KVOX_PARTIAL_WEIGHTS, r->stage->image));
  KVOX_TRY(transform(r, r->plan->along, true, r->stage->image));
  return kvox_partial_onto_phase_there(r->stage);
}

static kvox_status project(partial_run *r) {
  KVOX_TRY(transform(r, r->plan->along, true, r->stage->image));
  KVOX_TRY(kvox_partial_onto_phase_there(r->stage));
  return transform(r, r->plan->along, false, r->stage->image);
}

/* Volumes that are done wait, as they are, for the others. */
static kvox_status pocs(partial_run *r) {
  const kvox_mri_partial *plan = r->plan;
  const kvox_array measured = kvox_partial_volumes(r->stage, r->stage->measured),
                   image = kvox_partial_volumes(r->stage, r->stage->image);
  const uint32_t all = UINT32_MAX >> (KVOX_PARTIAL_MOST_ITEMS - r->stage->count);
  double least[KVOX_PARTIAL_MOST_ITEMS], change[KVOX_PARTIAL_MOST_ITEMS];
  uint32_t done = 0;
  KVOX_TRY(find_phase(r));
  KVOX_TRY(kvox_partial_energy_there(r->stage));
  KVOX_TRY(kvox_partial_read_sums_there(r->stage, least));
  KVOX_TRY(kvox_ocl_copy(r->stage->queue, &measured, &image, false));
  for (int64_t n = 0; n < plan->options.iterations && done != all; n++) {
    KVOX_TRY(project(r));
    KVOX_TRY(kvox_partial_restore_there(r->stage, done));
    KVOX_TRY(kvox_partial_read_sums_there(r->stage, change));
    for (int64_t i = 0; i < r->stage->count; i++) {
      const bool is_done = change[i] <= plan->options.tolerance * plan->options.tolerance * least[i];
      done |= (uint32_t)is_done << i;
    }
  }
  if (plan->options.transition > 0) {
    KVOX_TRY(project(r));
    return kvox_partial_blend_there(r->stage);
  }
  return KVOX_OK;
}

static kvox_status find(partial_run *r) {
  const kvox_mri_partial *p = r->plan;
  const bool iterates = p->along != NULL && p->options.method == KVOX_MRI_POCS;
  KVOX_TRY(transform(r, p->others, true, r->stage->measured));
  if (p->along == NULL) {
    const kvox_array measured = kvox_partial_volumes(r->stage, r->stage->measured),
                     image = kvox_partial_volumes(r->stage, r->stage->image);
    KVOX_TRY(kvox_ocl_copy(r->stage->queue, &measured, &image, false));
  } else {
    KVOX_TRY(iterates ? pocs(r) : homodyne(r));
    if (iterates != r->keep_kspace) { /* POCS ends in k-space, homodyne in the image */
      KVOX_TRY(transform(r, p->along, !r->keep_kspace, r->stage->image));
    }
  }
  return r->keep_kspace ? transform(r, p->others, false, r->stage->image) : KVOX_OK;
}

/* ---- Volumes ---- */

/* `count` volumes from `coil` on of the last leading axis, [coil, z, y, x]. */
static kvox_array part_of(const kvox_array *a, int64_t outer, int64_t coil, int64_t count) {
  const int32_t first = a->rank - 3;
  kvox_array part = {.type = a->type, .rank = 4, .shape = {count}, .buffer = a->buffer};
  int64_t offset = first > 0 ? coil * a->strides[first - 1] : 0;
  for (int32_t d = first - 2; d >= 0; d--) {
    offset += outer % a->shape[d] * a->strides[d];
    outer /= a->shape[d];
  }
  part.strides[0] = first > 0 ? a->strides[first - 1] : COMPLEX;
  memcpy(part.shape + 1, a->shape + first, 3 * sizeof *part.shape);
  memcpy(part.strides + 1, a->strides + first, 3 * sizeof *part.strides);
  part.data = kvox_array_shifted(a, offset);
  return part;
}

/* Brought to the device and judged; volumes are counted from `first` on. */
static kvox_status read_volumes(const partial_run *r, const kvox_array *from, int64_t first) {
  uint32_t bad = UINT32_MAX;
  kvox_array there = *from;
  if (!kvox_mri_ocl_reaches(from)) {
    there = kvox_partial_volumes(r->stage, r->stage->image);
    kvox_ocl_stage(r->stage->queue, "upload");
    KVOX_TRY(kvox_ocl_copy(r->stage->queue, from, &there, false));
    kvox_ocl_stage(r->stage->queue, "partial");
  }
  KVOX_TRY(kvox_partial_load_there(r->stage, &there));
  KVOX_TRY(kvox_ocl_read(r->stage->queue, r->stage->flag, 0, &bad, sizeof bad));
  return bad == UINT32_MAX ? KVOX_OK
                           : kvox_mri_not_finite("kvox_mri_partial: kspace", r->kspace, first + bad / r->stage->samples,
                                                 0, bad % r->stage->samples);
}

static kvox_status write_volumes(const partial_run *r, const kvox_array *to) {
  if (kvox_mri_ocl_reaches(to)) {
    return kvox_partial_store_there(r->stage, to);
  }
  const kvox_array image = kvox_partial_volumes(r->stage, r->stage->image);
  kvox_ocl_stage(r->stage->queue, "download");
  const kvox_status status = kvox_ocl_copy(r->stage->queue, &image, to, true);
  kvox_ocl_stage(r->stage->queue, "partial");
  return status;
}

static kvox_status run_all(void *data, kvox_ocl_queue *queue) {
  partial_run *r = data;
  const int64_t volumes = kvox_mri_volumes(r->kspace), coils = r->kspace->rank > 3 ? kvox_mri_coils_of(r->kspace) : 1;
  r->stage->queue = queue;
  kvox_ocl_stage(queue, "partial");
  for (int64_t v = 0; v < volumes; v += r->stage->count) {
    const int64_t coil = v % coils;
    r->stage->count = kvox_min_i64(r->plan->device->items, coils - coil);
    r->reached = fmax(r->reached, (double)v / (double)volumes);
    const kvox_array in = part_of(r->kspace, v / coils, coil, r->stage->count),
                     out = part_of(r->out, v / coils, coil, r->stage->count);
    KVOX_TRY(read_volumes(r, &in, v));
    KVOX_TRY(find(r));
    KVOX_TRY(write_volumes(r, &out));
  }
  return KVOX_OK;
}

kvox_status kvox_partial_ocl_run(const kvox_mri_partial *p, kvox_workspace *workspace, const kvox_array *kspace,
                                 const kvox_array *out, bool keep_kspace) {
  partial_run run = {
      .plan = p, .progress = &workspace->progress, .kspace = kspace, .out = out, .keep_kspace = keep_kspace};
  run.step = 1.0 / ((double)kvox_mri_volumes(kspace) * (double)kvox_partial_transforms(p));
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  kvox_progress_next(&workspace->progress, 1);
  partial_state *state = NULL;
  KVOX_TRY(take_state(p, &state));
  run.stage = &state->stage;
  const kvox_status status = kvox_execute_on_queue(p->context, workspace, run_all, &run);
  kvox_pool_give(&p->device->pool, &state->pooled);
  return status;
}

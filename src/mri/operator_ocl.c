/* Chains of parts on a device, in one queue. */
#include "mri/operator_ocl.h"

#include "context/pool.h"
#include "core/fail.h"
#include "mri/pieces.h"

struct kvox_mri_operator_device {
  kvox_pool pool;
};

/* What one execution has there. */
typedef struct operator_state {
  kvox_pooled pooled;
  kvox_buffer *between[KVOX_MRI_BUFFERS];
  kvox_buffer *ends[2]; /* in the operator's shapes in and out: of arrays that kernels do not reach, made when met */
  kvox_buffer *flags;   /* KVOX_MRI_LEAF_FLAGS a step */
  uint32_t *found;
  kvox_ocl_kernel *kernels[KVOX_MRI_LEAF_KERNELS];
} operator_state;

static void drop_state(const kvox_mri_operator *o, operator_state *state) {
  for (int i = 0; i < 2; i++) {
    kvox_buffer_destroy(state->between[i]);
    kvox_buffer_destroy(state->ends[i]);
  }
  for (int i = 0; i < KVOX_MRI_LEAF_KERNELS; i++) {
    kvox_ocl_kernel_destroy(state->kernels[i]);
  }
  kvox_buffer_destroy(state->flags);
  kvox_release(o->context->heap, state->found);
  kvox_release(o->context->heap, state);
}

static uint64_t flags_bytes(const kvox_mri_operator *o) {
  return (uint64_t)(o->count * KVOX_MRI_LEAF_FLAGS) * sizeof(uint32_t);
}

static uint64_t between_bytes(const kvox_mri_operator *o, int buffer) {
  const uint64_t forward = o->routes[0].buffers[buffer], adjoint = o->routes[1].buffers[buffer];
  return forward > adjoint ? forward : adjoint;
}

static uint64_t end_bytes(const kvox_mri_operator *o, int end) {
  const kvox_mri_shape *shape = end == 0 ? &o->in : &o->out;
  uint64_t bytes = 2 * sizeof(float);
  for (int32_t d = 0; d < shape->rank; d++) {
    bytes *= (uint64_t)shape->sizes[d];
  }
  return bytes;
}

static kvox_status fill_state(const kvox_mri_operator *o, operator_state *state) {
  kvox_ocl *ocl = o->context->ocl;
  for (int i = 0; i < KVOX_MRI_LEAF_KERNELS; i++) {
    KVOX_TRY(kvox_ocl_kernel_get(ocl, "mri_operator", "", kvox_mri_leaf_kernel_names[i], &state->kernels[i]));
  }
  for (int i = 0; i < KVOX_MRI_BUFFERS; i++) {
    if (between_bytes(o, i) > 0) {
      KVOX_TRY(kvox_ocl_buffer_create(ocl, between_bytes(o, i), "samples between parts", &state->between[i]));
    }
  }
  state->found = kvox_allocate(o->context->heap, flags_bytes(o));
  return state->found != NULL ? kvox_ocl_buffer_create(ocl, flags_bytes(o), "flags", &state->flags) : KVOX_ERROR_MEMORY;
}

static kvox_status take_state(const kvox_mri_operator *o, operator_state **state) {
  operator_state *taken = (operator_state *)kvox_pool_take(&o->device->pool);
  if (taken == NULL) {
    taken = kvox_allocate_zeros(o->context->heap, sizeof *taken);
    if (taken == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    const kvox_status status = fill_state(o, taken);
    if (status != KVOX_OK) {
      drop_state(o, taken);
      return status;
    }
  }
  *state = taken;
  return KVOX_OK;
}

kvox_status kvox_mri_operator_ocl_make(kvox_mri_operator *operation) {
  bool all = true, on_cpu = true;
  for (int64_t n = 0; n < operation->count; n++) {
    all = all && operation->steps[n].leaf->there != NULL;
    on_cpu = on_cpu && !operation->steps[n].leaf->only_there;
  }
  if (!all) {
    return on_cpu ? KVOX_OK
                  : kvox_fail(KVOX_ERROR_DEVICE,
                              "kvox_mri_operator_compose: a part could not be made on the device, and another one has "
                              "its factors there");
  }
  operation->device = kvox_allocate_zeros(operation->context->heap, sizeof *operation->device);
  if (operation->device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_pool_open(&operation->device->pool);
  const uint64_t limit = operation->context->memory_limit,
                 least = between_bytes(operation, 0) + between_bytes(operation, 1) + flags_bytes(operation);
  return limit != 0 && least > limit ? kvox_fail_limit("kvox_mri_operator", limit, least) : KVOX_OK;
}

void kvox_mri_operator_ocl_drop(kvox_mri_operator *operation) {
  struct kvox_mri_operator_device *device = operation->device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(operation, (operator_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_release(operation->context->heap, device);
  operation->device = NULL;
}

uint64_t kvox_mri_operator_ocl_bytes(const kvox_mri_operator *operation) {
  return between_bytes(operation, 0) + between_bytes(operation, 1) + end_bytes(operation, 0) + end_bytes(operation, 1) +
         flags_bytes(operation);
}

/* ---- Execution ---- */

typedef struct chain_run {
  const kvox_mri_operator *operation;
  operator_state *state;
  bool adjoint;
  kvox_progress *progress;
  const kvox_array *in, *out;
  kvox_array from, to; /* where kernels reach them */
} chain_run;

static kvox_status reach(const chain_run *r, const kvox_array *array, int end, kvox_array *reached) {
  if (kvox_mri_ocl_reaches(array)) {
    *reached = *array;
    return KVOX_OK;
  }
  kvox_buffer **buffer = &r->state->ends[end];
  if (*buffer == NULL) {
    KVOX_TRY(kvox_ocl_buffer_create(r->operation->context->ocl, end_bytes(r->operation, end), "samples of an operator",
                                    buffer));
  }
  KVOX_TRY(kvox_array_dense(reached, "kvox_mri_operator", NULL, KVOX_C64, array->rank, array->shape));
  reached->buffer = *buffer;
  return KVOX_OK;
}

static const kvox_mri_step *step_at(const chain_run *r, int64_t n) {
  const kvox_mri_operator *o = r->operation;
  return o->steps + (r->adjoint ? o->count - 1 - n : n);
}

static kvox_status run_steps(chain_run *r, kvox_ocl_queue *queue) {
  const kvox_mri_operator *o = r->operation;
  kvox_mri_leaf_run_there there = {.queue = queue, .kernels = r->state->kernels, .flags = r->state->flags};
  kvox_array from = r->from;
  for (int64_t n = 0; n < o->count; n++) {
    const kvox_mri_step *step = step_at(r, n);
    const kvox_mri_shape *shape = kvox_mri_step_out(step, r->adjoint);
    const int32_t to_buffer = step->to[r->adjoint];
    kvox_array to = r->to;
    if (to_buffer != KVOX_MRI_TO_OUT) {
      KVOX_TRY(kvox_array_dense(&to, "kvox_mri_operator", NULL, KVOX_C64, shape->rank, shape->sizes));
      to.buffer = r->state->between[to_buffer];
    }
    there.flag = n;
    KVOX_TRY(kvox_mri_leaf_ocl_apply(step->leaf, step->adjoint != r->adjoint, &there, &from, &to));
    if (n + 1 < o->count) {
      KVOX_TRY(kvox_progress_reach(r->progress, (double)(n + 1) / (double)o->count));
    }
    from = to;
  }
  return KVOX_OK;
}

static kvox_status run_chain(void *data, kvox_ocl_queue *queue) {
  chain_run *r = data;
  const kvox_mri_operator *o = r->operation;
  operator_state *state = r->state;
  KVOX_TRY(kvox_ocl_fill(queue, state->flags, 0, flags_bytes(o), UINT32_MAX));
  if (r->from.buffer != r->in->buffer) {
    kvox_ocl_stage(queue, "upload");
    KVOX_TRY(kvox_ocl_copy(queue, r->in, &r->from, false));
  }
  KVOX_TRY(run_steps(r, queue));
  if (r->to.buffer != r->out->buffer) {
    kvox_ocl_stage(queue, "download");
    KVOX_TRY(kvox_ocl_copy(queue, &r->to, r->out, false));
  }
  KVOX_TRY(kvox_ocl_read(queue, state->flags, 0, state->found, flags_bytes(o)));
  for (int64_t n = 0; n < o->count; n++) {
    const kvox_mri_step *step = step_at(r, n);
    KVOX_TRY(kvox_mri_leaf_ocl_check(step->leaf, step->adjoint != r->adjoint, state->found + n * KVOX_MRI_LEAF_FLAGS));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_operator_ocl_run(const kvox_mri_operator *operation, bool adjoint, kvox_workspace *workspace,
                                      const kvox_array *in, const kvox_array *out) {
  chain_run run = {.operation = operation, .adjoint = adjoint, .progress = &workspace->progress, .in = in, .out = out};
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  kvox_progress_next(&workspace->progress, 1);
  KVOX_TRY(take_state(operation, &run.state));
  kvox_status status = reach(&run, in, adjoint, &run.from);
  if (status == KVOX_OK) {
    status = reach(&run, out, !adjoint, &run.to);
  }
  if (status == KVOX_OK) {
    status = kvox_execute_on_queue(operation->context, workspace, run_chain, &run);
  }
  kvox_pool_give(&operation->device->pool, &run.state->pooled);
  return status;
}

#include "mri/operator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "mri/operator_ocl.h"

static const char compose_name[] = "kvox_mri_operator_compose";

kvox_status kvox_mri_shape_make(const char *name, int32_t rank, const int64_t *sizes, kvox_mri_shape *shape) {
  kvox_array array; /* to be judged alone */
  KVOX_TRY(kvox_array_dense(&array, name, NULL, KVOX_C64, rank, sizes));
  *shape = (kvox_mri_shape){.rank = rank};
  memcpy(shape->sizes, sizes, (size_t)rank * sizeof *sizes);
  return KVOX_OK;
}

/* ---- Parts ---- */

kvox_status kvox_mri_leaf_start(kvox_context *context, const kvox_mri_leaf_way *way, uint64_t own_bytes,
                                kvox_mri_leaf **leaf) {
  kvox_mri_leaf *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->way = way;
  made->context = kvox_context_hold(context);
  atomic_init(&made->holders, 1);
  made->own = kvox_allocate_zeros(context->heap, own_bytes);
  made->bytes = sizeof *made + own_bytes;
  if (made->own == NULL) {
    kvox_mri_leaf_drop(made);
    return KVOX_ERROR_MEMORY;
  }
  *leaf = made;
  return KVOX_OK;
}

static kvox_mri_leaf *hold(kvox_mri_leaf *leaf) {
  atomic_fetch_add_explicit(&leaf->holders, 1, memory_order_relaxed);
  return leaf;
}

void kvox_mri_leaf_drop(kvox_mri_leaf *leaf) {
  if (leaf == NULL || atomic_fetch_sub_explicit(&leaf->holders, 1, memory_order_acq_rel) > 1) {
    return;
  }
  kvox_context *context = leaf->context;
  kvox_mri_leaf_ocl_drop(leaf);
  if (leaf->own != NULL && leaf->way->drop != NULL) {
    leaf->way->drop(leaf);
  }
  kvox_release(context->heap, leaf->own);
  kvox_release(context->heap, leaf);
  kvox_context_destroy(context);
}

/* ---- Chains ---- */

static uint64_t bytes_of(const kvox_mri_shape *shape) {
  uint64_t bytes = 2 * sizeof(float);
  for (int32_t d = 0; d < shape->rank; d++) {
    bytes *= (uint64_t)shape->sizes[d];
  }
  return kvox_aligned(bytes);
}

/* The step that is the nth of a run. */
static kvox_mri_step *step_at(const kvox_mri_operator *operation, bool adjoint, int64_t n) {
  return operation->steps + (adjoint ? operation->count - 1 - n : n);
}

/*
 * Where results between steps go, from the last step back: what the next one works on in place lies where that one's
 * result shall be, anything else in the buffer that the next one does not write to.
 */
static kvox_status plan_route(kvox_mri_operator *operation, bool adjoint) {
  kvox_mri_route *route = &operation->routes[adjoint];
  step_at(operation, adjoint, operation->count - 1)->to[adjoint] = KVOX_MRI_TO_OUT;
  for (int64_t n = operation->count - 1; n >= 0; n--) {
    kvox_mri_step *step = step_at(operation, adjoint, n);
    route->scratch = step->leaf->scratch > route->scratch ? step->leaf->scratch : route->scratch;
    if (n + 1 < operation->count) {
      const kvox_mri_step *next = step_at(operation, adjoint, n + 1);
      const int32_t other = next->to[adjoint] == 0 ? 1 : 0;
      step->to[adjoint] = next->leaf->in_place ? next->to[adjoint] : other;
    }
    if (step->to[adjoint] != KVOX_MRI_TO_OUT) {
      const uint64_t bytes = bytes_of(kvox_mri_step_out(step, adjoint));
      uint64_t *buffer = &route->buffers[step->to[adjoint]];
      *buffer = bytes > *buffer ? bytes : *buffer;
    }
  }
  if (__builtin_add_overflow(route->buffers[0], route->buffers[1], &route->bytes) ||
      __builtin_add_overflow(route->bytes, route->scratch, &route->bytes)) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: the arrays in between have more than 2^64 - 1 bytes", compose_name);
  }
  const uint64_t limit = operation->context->memory_limit;
  return limit != 0 && route->bytes > limit ? kvox_fail_limit("kvox_mri_operator", limit, route->bytes) : KVOX_OK;
}

static kvox_status start(kvox_context *context, int64_t count, kvox_mri_operator **operation) {
  kvox_mri_operator *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->steps = kvox_allocate_array(context->heap, count, sizeof *made->steps);
  if (made->steps == NULL) {
    kvox_mri_operator_destroy(made);
    return KVOX_ERROR_MEMORY;
  }
  *operation = made;
  return KVOX_OK;
}

static void add(kvox_mri_operator *operation, const kvox_mri_step *step, bool adjoint) {
  operation->steps[operation->count++] = (kvox_mri_step){.leaf = hold(step->leaf), .adjoint = step->adjoint != adjoint};
}

static kvox_status finish(kvox_mri_operator *made, kvox_mri_operator **operation) {
  made->in = *kvox_mri_step_in(made->steps, false);
  made->out = *kvox_mri_step_out(made->steps + made->count - 1, false);
  kvox_status status = plan_route(made, false);
  if (status == KVOX_OK) {
    status = plan_route(made, true);
  }
  if (status == KVOX_OK) {
    status = kvox_mri_operator_ocl_make(made);
  }
  if (status != KVOX_OK) {
    kvox_mri_operator_destroy(made);
    return status;
  }
  *operation = made;
  return KVOX_OK;
}

void kvox_mri_operator_destroy(kvox_mri_operator *operation) {
  if (operation == NULL) {
    return;
  }
  kvox_context *context = operation->context;
  kvox_mri_operator_ocl_drop(operation);
  for (int64_t n = 0; n < operation->count; n++) {
    kvox_mri_leaf_drop(operation->steps[n].leaf);
  }
  kvox_release(context->heap, operation->steps);
  kvox_release(context->heap, operation);
  kvox_context_destroy(context);
}

kvox_status kvox_mri_operator_of_leaf(kvox_status status, kvox_mri_leaf *leaf, kvox_mri_operator **operation) {
  kvox_mri_operator *made = NULL;
  if (status == KVOX_OK) {
    status = start(leaf->context, 1, &made);
  }
  if (status == KVOX_OK) {
    const kvox_mri_step step = {.leaf = leaf};
    add(made, &step, false);
    status = finish(made, operation);
  }
  kvox_mri_leaf_drop(leaf);
  return status;
}

static void shape_text(const kvox_mri_shape *shape, char *text, size_t size) {
  size_t used = 0;
  for (int32_t d = 0; d < shape->rank && used < size; d++) {
    used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, d == 0 ? "" : " x ", shape->sizes[d]);
  }
}

static kvox_status check_composed(const kvox_mri_operator *outer, const kvox_mri_operator *inner) {
  if (outer->context != inner->context) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: outer and inner are of different contexts", compose_name);
  }
  if (memcmp(&outer->in, &inner->out, sizeof outer->in) != 0) {
    char takes[192], gives[192];
    shape_text(&outer->in, takes, sizeof takes);
    shape_text(&inner->out, gives, sizeof gives);
    return kvox_fail(KVOX_ERROR_SIZE, "%s: inner gives %s, outer takes %s", compose_name, gives, takes);
  }
  return KVOX_OK;
}

kvox_status kvox_mri_operator_compose(const kvox_mri_operator *outer, const kvox_mri_operator *inner,
                                      kvox_mri_operator **operation) {
  KVOX_REQUIRE(outer);
  KVOX_REQUIRE(inner);
  KVOX_REQUIRE(operation);
  KVOX_TRY(check_composed(outer, inner));
  kvox_mri_operator *made = NULL;
  KVOX_TRY(start(outer->context, outer->count + inner->count, &made));
  for (int64_t n = 0; n < inner->count; n++) {
    add(made, inner->steps + n, false);
  }
  for (int64_t n = 0; n < outer->count; n++) {
    add(made, outer->steps + n, false);
  }
  return finish(made, operation);
}

kvox_status kvox_mri_operator_create_adjoint(const kvox_mri_operator *of, kvox_mri_operator **operation) {
  KVOX_REQUIRE(of);
  KVOX_REQUIRE(operation);
  kvox_mri_operator *made = NULL;
  KVOX_TRY(start(of->context, of->count, &made));
  for (int64_t n = of->count - 1; n >= 0; n--) {
    add(made, of->steps + n, true);
  }
  return finish(made, operation);
}

kvox_status kvox_mri_operator_shape(const kvox_mri_operator *operation, int32_t *in_rank, int64_t *in,
                                    int32_t *out_rank, int64_t *out) {
  KVOX_REQUIRE(operation);
  if (in_rank != NULL) {
    *in_rank = operation->in.rank;
  }
  if (in != NULL) {
    memcpy(in, operation->in.sizes, sizeof operation->in.sizes);
  }
  if (out_rank != NULL) {
    *out_rank = operation->out.rank;
  }
  if (out != NULL) {
    memcpy(out, operation->out.sizes, sizeof operation->out.sizes);
  }
  return KVOX_OK;
}

static bool met_before(const kvox_mri_operator *operation, int64_t step) {
  for (int64_t n = 0; n < step; n++) {
    if (operation->steps[n].leaf == operation->steps[step].leaf) {
      return true;
    }
  }
  return false;
}

kvox_status kvox_mri_operator_memory(const kvox_mri_operator *operation, kvox_memory_use *memory) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(memory);
  const uint64_t forward = operation->routes[0].bytes, adjoint = operation->routes[1].bytes;
  *memory = (kvox_memory_use){.plan = sizeof *operation + (uint64_t)operation->count * sizeof *operation->steps,
                              .workspace = forward > adjoint ? forward : adjoint};
  for (int64_t n = 0; n < operation->count; n++) {
    if (!met_before(operation, n)) {
      memory->plan += operation->steps[n].leaf->bytes;
      memory->device += operation->steps[n].leaf->device;
    }
  }
  if (operation->device != NULL) {
    memory->workspace = 0;
    memory->device += kvox_mri_operator_ocl_bytes(operation);
  }
  return KVOX_OK;
}

/* ---- Use ---- */

/* All steps, inside an execution that has begun. */
static kvox_status run_steps(const kvox_mri_operator *operation, bool adjoint, kvox_workspace *workspace,
                             const kvox_array *in, const kvox_array *out) {
  const kvox_mri_route *route = &operation->routes[adjoint];
  const uint64_t scratch_at = route->buffers[0] + route->buffers[1];
  kvox_array from = *in;
  for (int64_t n = 0; n < operation->count; n++) {
    const kvox_mri_step *step = step_at(operation, adjoint, n);
    const kvox_mri_shape *shape = kvox_mri_step_out(step, adjoint);
    kvox_array to = *out;
    if (step->to[adjoint] != KVOX_MRI_TO_OUT) {
      char *buffer = (char *)workspace->block + (step->to[adjoint] == 0 ? 0 : route->buffers[0]);
      KVOX_TRY(kvox_array_dense(&to, "kvox_mri_operator", buffer, KVOX_C64, shape->rank, shape->sizes));
    }
    kvox_workspace part;
    kvox_progress_next(&workspace->progress, (double)(n + 1) / (double)operation->count);
    kvox_workspace_enter(workspace, scratch_at, route->scratch, &part);
    const kvox_status status = step->leaf->way->apply(step->leaf, step->adjoint != adjoint, &part, &from, &to);
    kvox_workspace_leave(&part);
    KVOX_TRY(status);
    from = to;
  }
  return KVOX_OK;
}

static kvox_status run(const kvox_mri_operator *operation, bool adjoint, kvox_workspace *workspace,
                       const kvox_array *in, const kvox_array *out) {
  static const uint32_t type = KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO;
  const kvox_ocl *ocl = operation->device != NULL ? operation->context->ocl : NULL;
  const kvox_mri_shape *takes = adjoint ? &operation->out : &operation->in;
  const kvox_mri_shape *gives = adjoint ? &operation->in : &operation->out;
  const char *in_name = adjoint ? "kvox_mri_operator_adjoint: in" : "kvox_mri_operator_forward: in";
  const char *out_name = adjoint ? "kvox_mri_operator_adjoint: out" : "kvox_mri_operator_forward: out";
  KVOX_TRY(kvox_array_check_shape(in, in_name, type, takes->rank, takes->sizes));
  KVOX_TRY(kvox_array_check_shape(out, out_name, type, gives->rank, gives->sizes));
  KVOX_TRY(kvox_ocl_check_place(ocl, in, in_name));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, out_name));
  KVOX_TRY(kvox_array_check_result(out, out_name));
  KVOX_TRY(kvox_array_check_apart(in, in_name, out, out_name));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(operation->context, workspace, &taken));
  kvox_status status = KVOX_OK;
  if (operation->device != NULL) {
    status = kvox_mri_operator_ocl_run(operation, adjoint, taken, in, out);
  } else {
    status = kvox_workspace_begin(taken, operation->routes[adjoint].bytes);
    status = status == KVOX_OK ? run_steps(operation, adjoint, taken, in, out) : status;
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_operator_forward(const kvox_mri_operator *operation, kvox_workspace *workspace,
                                      const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(operation);
  return run(operation, false, workspace, in, out);
}

kvox_status kvox_mri_operator_adjoint(const kvox_mri_operator *operation, kvox_workspace *workspace,
                                      const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(operation);
  return run(operation, true, workspace, in, out);
}

/* Parts of operators on a device: see kernels/mri_operator.cl. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/fail.h"
#include "mri/fourier_ocl.h"
#include "mri/operator_ocl.h"
#include "mri/pieces.h"

const char *const kvox_mri_leaf_kernel_names[KVOX_MRI_LEAF_KERNELS] = {"multiply", "turn",    "add_coils", "keep",
                                                                       "gather",   "scatter", "crop"};

enum { MOST_AXES = 8 };
_Static_assert(KVOX_MAX_RANK == MOST_AXES, "the walk of kernels/mri_operator.cl");

/* As in kernels/mri_operator.cl. */
typedef struct walk {
  int64_t rank;
  int64_t size[MOST_AXES], in[MOST_AXES], out[MOST_AXES], table[MOST_AXES];
  int64_t in_begin, out_begin, table_begin;
} walk;

typedef struct box {
  int64_t count[MOST_AXES];
} box;

typedef enum leaf_kind { FOURIER, MULTIPLY, TURN, COILS, KEEP, GATHER, CROP } leaf_kind;

struct kvox_mri_leaf_there {
  leaf_kind kind;
  const kvox_mri_fourier *fourier;                         /* the part's own */
  kvox_array table;                                        /* factors, maps, mask, places: in a buffer that is held */
  int64_t count[MOST_AXES], in[MOST_AXES], out[MOST_AXES]; /* of boxes */
};

static const char *const stages[] = {"fourier", "modulation", "modulation", "coils", "sampling", "sampling", "crop"};

/* ---- Making them ---- */

static kvox_status start(kvox_mri_leaf *leaf, leaf_kind kind) {
  leaf->there = kvox_allocate_zeros(leaf->context->heap, sizeof *leaf->there);
  if (leaf->there == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  leaf->there->kind = kind;
  leaf->bytes += sizeof *leaf->there;
  return KVOX_OK;
}

void kvox_mri_leaf_ocl_drop(kvox_mri_leaf *leaf) {
  if (leaf->there != NULL) {
    kvox_buffer_destroy(leaf->there->table.buffer);
    kvox_release(leaf->context->heap, leaf->there);
    leaf->there = NULL;
  }
}

kvox_status kvox_mri_leaf_ocl_settle(kvox_mri_leaf *leaf, kvox_status status, bool on_host,
                                     const kvox_sentence *before) {
  if (status == KVOX_OK || !on_host ||
      !kvox_context_falls_back(leaf->context, status, "kvox_mri_operator_create", before)) {
    return status;
  }
  kvox_mri_leaf_ocl_drop(leaf);
  return KVOX_OK;
}

/* The array itself where kernels reach it, else a copy. */
static kvox_status keep_table(kvox_mri_leaf *leaf, const char *what, const kvox_array *array) {
  kvox_array *table = &leaf->there->table;
  if (kvox_mri_ocl_reaches(array)) {
    *table = *array;
    kvox_buffer_hold(array->buffer);
    return KVOX_OK;
  }
  kvox_array dense;
  KVOX_TRY(kvox_array_dense(&dense, what, NULL, array->type, array->rank, array->shape));
  const uint64_t bytes = (uint64_t)kvox_array_elements(array) * kvox_type_size(array->type);
  KVOX_TRY(kvox_ocl_buffer_create(leaf->context->ocl, bytes, what, &dense.buffer));
  *table = dense;
  leaf->device += bytes;
  return kvox_array_copy(array, table);
}

kvox_status kvox_mri_leaf_ocl_fourier(kvox_mri_leaf *leaf, const kvox_mri_fourier *fourier) {
  if (fourier->device == NULL) {
    return KVOX_OK; /* it fell back */
  }
  KVOX_TRY(start(leaf, FOURIER));
  leaf->there->fourier = fourier;
  return KVOX_OK;
}

kvox_status kvox_mri_leaf_ocl_multiply(kvox_mri_leaf *leaf, const kvox_array *factors) {
  KVOX_TRY(start(leaf, MULTIPLY));
  return keep_table(leaf, "factors of an operator", factors);
}

kvox_status kvox_mri_leaf_ocl_turn(kvox_mri_leaf *leaf, const float *factors) {
  int64_t count = 0;
  for (int32_t d = 0; d < leaf->in.rank; d++) {
    count += leaf->in.sizes[d];
  }
  kvox_array table;
  KVOX_TRY(start(leaf, TURN));
  KVOX_TRY(kvox_array_dense(&table, "factors", (void *)(uintptr_t)factors, KVOX_C64, 1, &count));
  return keep_table(leaf, "factors of axes", &table);
}

kvox_status kvox_mri_leaf_ocl_coils(kvox_mri_leaf *leaf, const kvox_array *maps) {
  KVOX_TRY(start(leaf, COILS));
  return keep_table(leaf, "maps of coils", maps);
}

kvox_status kvox_mri_leaf_ocl_keep(kvox_mri_leaf *leaf, const kvox_array *mask) {
  KVOX_TRY(start(leaf, KEEP));
  return keep_table(leaf, "mask of samples", mask);
}

kvox_status kvox_mri_leaf_ocl_gather(kvox_mri_leaf *leaf, const kvox_mri_shape *mask, const int32_t *places) {
  kvox_array table;
  KVOX_TRY(start(leaf, GATHER));
  KVOX_TRY(kvox_array_dense(&table, "places", (void *)(uintptr_t)places, KVOX_I32, mask->rank, mask->sizes));
  return keep_table(leaf, "places of samples", &table);
}

kvox_status kvox_mri_leaf_ocl_crop(kvox_mri_leaf *leaf, const int64_t *count, const int64_t *in, const int64_t *out) {
  KVOX_TRY(start(leaf, CROP));
  const size_t bytes = (size_t)leaf->in.rank * sizeof *count;
  memcpy(leaf->there->count, count, bytes);
  memcpy(leaf->there->in, in, bytes);
  memcpy(leaf->there->out, out, bytes);
  return KVOX_OK;
}

/* ---- Walks ---- */

static int64_t element_of(const kvox_array *array) { return (int64_t)kvox_type_size(array->type); }

static int64_t begin_of(const kvox_array *array) { return (int64_t)(intptr_t)array->data / element_of(array); }

/* Steps over the last axes of an index space of `rank`; axes of size 1 do not step, nor do those that it lacks. */
static void step_over(const kvox_array *array, int64_t rank, int64_t steps[MOST_AXES]) {
  for (int32_t d = 0; d < array->rank; d++) {
    steps[rank - array->rank + d] = array->shape[d] == 1 ? 0 : array->strides[d] / element_of(array);
  }
}

/* Of a space with these sizes, in which both arrays have all axes. */
static walk walk_over(const kvox_mri_shape *space, const kvox_array *in, const kvox_array *out) {
  walk w = {.rank = space->rank, .in_begin = begin_of(in), .out_begin = begin_of(out)};
  memcpy(w.size, space->sizes, (size_t)space->rank * sizeof *w.size);
  step_over(in, w.rank, w.in);
  step_over(out, w.rank, w.out);
  return w;
}

/* Axes that are one run in all three become one. */
static walk merge(const walk *w) {
  walk merged = *w;
  int64_t n = 0; /* axes from the last on: turned round at the end */
  walk back = *w;
  for (int64_t d = w->rank - 1; d >= 0; d--) {
    if (n > 0 && back.size[n - 1] == 1) {
      n--;
    } else if (n > 0) {
      const int64_t size = back.size[n - 1];
      const bool one = w->in[d] == size * back.in[n - 1] && w->out[d] == size * back.out[n - 1] &&
                       w->table[d] == size * back.table[n - 1];
      if (one || w->size[d] == 1) {
        back.size[n - 1] *= w->size[d];
        continue;
      }
    }
    back.size[n] = w->size[d];
    back.in[n] = w->in[d];
    back.out[n] = w->out[d];
    back.table[n] = w->table[d];
    n++;
  }
  merged.rank = n;
  for (int64_t d = 0; d < n; d++) {
    merged.size[d] = back.size[n - 1 - d];
    merged.in[d] = back.in[n - 1 - d];
    merged.out[d] = back.out[n - 1 - d];
    merged.table[d] = back.table[n - 1 - d];
  }
  return merged;
}

static kvox_ocl_range range_of(const walk *w, const kvox_ocl_kernel *kernel) {
  kvox_mri_ocl_box sizes = {w->size[w->rank - 1], 1, 1};
  for (int64_t d = 0; d < w->rank - 1; d++) {
    sizes.y *= w->size[d];
  }
  return kvox_mri_ocl_range(&sizes, kernel);
}

/* ---- Running them ---- */

/* multiply and turn. */
static kvox_status run_product(const kvox_mri_leaf_run_there *r, int kernel, bool adjoint, const walk *w,
                               const kvox_array *in, const kvox_array *out, const kvox_buffer *table) {
  const kvox_ocl_range range = range_of(w, r->kernels[kernel]);
  const int32_t conjugated = adjoint;
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_BUFFER(out->buffer), KVOX_OCL_VALUE(*w),     KVOX_OCL_BUFFER(table),
      KVOX_OCL_VALUE(conjugated),  KVOX_OCL_BUFFER(r->flags),    KVOX_OCL_VALUE(r->flag)};
  return kvox_ocl_run(r->queue, r->kernels[kernel], &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status apply_turn(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *r,
                              const kvox_array *in, const kvox_array *out) {
  walk w = walk_over(&leaf->in, in, out);
  for (int64_t d = 0, at = 0; d < w.rank; d++) {
    w.table[d] = at;
    at += w.size[d];
  }
  return run_product(r, KVOX_MRI_LEAF_TURN, adjoint, &w, in, out, leaf->there->table.buffer);
}

/* The place in a space with an axis of coils before the last three, without it. */
static void drop_coils(walk *w) {
  for (int64_t d = w->rank - 4; d < w->rank - 1; d++) {
    w->size[d] = w->size[d + 1];
    w->in[d] = w->in[d + 1];
    w->out[d] = w->out[d + 1];
    w->table[d] = w->table[d + 1];
  }
  w->rank--;
}

static kvox_status apply_coils(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *r,
                               const kvox_array *in, const kvox_array *out) {
  const kvox_array *maps = &leaf->there->table;
  kvox_array image = adjoint ? *out : *in; /* with an axis of coils, that are all the same */
  memmove(image.shape + image.rank - 2, image.shape + image.rank - 3, 3 * sizeof *image.shape);
  memmove(image.strides + image.rank - 2, image.strides + image.rank - 3, 3 * sizeof *image.strides);
  image.shape[image.rank - 3] = 1;
  image.rank++;
  walk w = walk_over(&leaf->out, adjoint ? in : &image, adjoint ? &image : out);
  step_over(maps, w.rank, w.table);
  w.table_begin = begin_of(maps);
  if (!adjoint) {
    w = merge(&w);
    return run_product(r, KVOX_MRI_LEAF_MULTIPLY, false, &w, in, out, maps->buffer);
  }
  const int64_t coils = maps->shape[0], in_step = w.in[w.rank - 4], map_step = w.table[w.rank - 4];
  drop_coils(&w);
  w = merge(&w);
  const kvox_ocl_range range = range_of(&w, r->kernels[KVOX_MRI_LEAF_ADD_COILS]);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(in->buffer),   KVOX_OCL_BUFFER(out->buffer), KVOX_OCL_VALUE(w),
      KVOX_OCL_BUFFER(maps->buffer), KVOX_OCL_VALUE(coils),        KVOX_OCL_VALUE(in_step),
      KVOX_OCL_VALUE(map_step),      KVOX_OCL_BUFFER(r->flags),    KVOX_OCL_VALUE(r->flag)};
  return kvox_ocl_run(r->queue, r->kernels[KVOX_MRI_LEAF_ADD_COILS], &range, arguments,
                      sizeof arguments / sizeof *arguments);
}

/* A list as an array of the full shape's axes, whose masked ones do not step. */
static kvox_array spread(const kvox_mri_leaf *leaf, const kvox_array *list) {
  const int32_t leading = list->rank - 1;
  kvox_array array = *list;
  array.rank = leaf->in.rank;
  for (int32_t d = leading; d < array.rank; d++) {
    array.shape[d] = 1;
  }
  return array;
}

static kvox_status apply_sampling(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *r,
                                  const kvox_array *in, const kvox_array *out) {
  const kvox_array *table = &leaf->there->table;
  const bool listed = leaf->there->kind == GATHER;
  const kvox_array *list = adjoint ? in : out;
  const kvox_array from = listed && adjoint ? spread(leaf, in) : *in,
                   to = listed && !adjoint ? spread(leaf, out) : *out;
  const int64_t list_step = list->strides[list->rank - 1] / element_of(list);
  walk w = walk_over(&leaf->in, &from, &to);
  step_over(table, w.rank, w.table);
  w.table_begin = begin_of(table);
  w = merge(&w);
  const int which = !listed ? KVOX_MRI_LEAF_KEEP : adjoint ? KVOX_MRI_LEAF_SCATTER : KVOX_MRI_LEAF_GATHER;
  const kvox_ocl_range range = range_of(&w, r->kernels[which]);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_BUFFER(out->buffer), KVOX_OCL_VALUE(w),
                                         KVOX_OCL_BUFFER(table->buffer), KVOX_OCL_VALUE(list_step)};
  return kvox_ocl_run(r->queue, r->kernels[which], &range, arguments, listed ? 5 : 4);
}

static kvox_status apply_crop(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *r,
                              const kvox_array *in, const kvox_array *out) {
  const struct kvox_mri_leaf_there *there = leaf->there;
  const int64_t *from = adjoint ? there->out : there->in, *to = adjoint ? there->in : there->out;
  walk w = walk_over(adjoint ? &leaf->in : &leaf->out, in, out);
  box b = {{0}};
  for (int64_t d = 0; d < w.rank; d++) {
    b.count[d] = there->count[d];
    w.table[d] = to[d];
    w.in_begin += (from[d] - to[d]) * w.in[d];
  }
  kvox_ocl_kernel *kernel = r->kernels[KVOX_MRI_LEAF_CROP];
  const kvox_ocl_range range = range_of(&w, kernel);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_BUFFER(out->buffer), KVOX_OCL_VALUE(w),
                                         KVOX_OCL_VALUE(b)};
  return kvox_ocl_run(r->queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_mri_leaf_ocl_apply(const kvox_mri_leaf *leaf, bool adjoint, const kvox_mri_leaf_run_there *run,
                                    const kvox_array *in, const kvox_array *out) {
  const struct kvox_mri_leaf_there *there = leaf->there;
  kvox_ocl_stage(run->queue, stages[there->kind]);
  switch (there->kind) {
    case FOURIER:
      return kvox_fourier_ocl_enqueue(there->fourier, adjoint, "kvox_mri_operator (fourier)", run->queue, in, out);
    case TURN: return apply_turn(leaf, adjoint, run, in, out);
    case COILS: return apply_coils(leaf, adjoint, run, in, out);
    case KEEP:
    case GATHER: return apply_sampling(leaf, adjoint, run, in, out);
    case CROP: return apply_crop(leaf, adjoint, run, in, out);
    default: break;
  }
  walk w = walk_over(&leaf->in, in, out);
  step_over(&there->table, w.rank, w.table);
  w.table_begin = begin_of(&there->table);
  w = merge(&w);
  return run_product(run, KVOX_MRI_LEAF_MULTIPLY, adjoint, &w, in, out, there->table.buffer);
}

kvox_status kvox_mri_leaf_ocl_check(const kvox_mri_leaf *leaf, bool adjoint,
                                    const uint32_t found[KVOX_MRI_LEAF_FLAGS]) {
  const bool finite = found[0] == UINT32_MAX;
  if (finite && found[1] == UINT32_MAX) {
    return KVOX_OK;
  }
  const kvox_mri_shape *space = leaf->there->kind == COILS && !adjoint ? &leaf->out : &leaf->in;
  char text[192];
  size_t used = 0;
  int64_t index[MOST_AXES], number = found[finite ? 1 : 0];
  for (int32_t d = space->rank - 1; d >= 0; d--) {
    index[d] = number % space->sizes[d];
    number /= space->sizes[d];
  }
  for (int32_t d = 0; d < space->rank && used < sizeof text; d++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, d == 0 ? "" : ", ", index[d]);
  }
  return kvox_fail(KVOX_ERROR_DATA, "kvox_mri_operator (%s): the sample at index (%s) is %s", stages[leaf->there->kind],
                   text, finite ? "so large that products leave the range of 32-bit floats" : "NaN or infinite");
}

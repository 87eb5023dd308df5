/* Sampling as a part of operators: what was not taken becomes 0, or is left out. */
#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "mri/operator_ocl.h"

/* Samples [begin, end) of a row were taken. */
typedef struct span {
  int64_t begin, end;
} span;

/* Spans of each row of the axes that the mask has. */
typedef struct sampling_part {
  bool gather;
  kvox_mri_shape mask; /* those axes, sizes of the operator's shape */
  int64_t rows;        /* of the mask */
  span *spans;
  int64_t *first;  /* span of each row, and the number of all */
  int64_t *before; /* samples taken before each row, and all */
} sampling_part;

typedef struct sampling_job {
  const sampling_part *part;
  const kvox_array *full, *other; /* of the operator's shape; the zeroed or gathered one */
  bool adjoint;
} sampling_job;

static int64_t columns_of(const sampling_part *part) { return part->mask.sizes[part->mask.rank - 1]; }

/* Leaves what is in the spans, clears the rest. */
static kvox_status zero_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const sampling_job *job = data;
  const sampling_part *part = job->part;
  const int64_t columns = columns_of(part), masked = row % part->rows;
  const kvox_array *in = job->adjoint ? job->other : job->full, *out = job->adjoint ? job->full : job->other;
  const int64_t in_step = in->strides[in->rank - 1], out_step = out->strides[out->rank - 1];
  const char *from = kvox_array_row(in, row);
  char *to = kvox_array_row(out, row);
  int64_t done = 0;
  for (int64_t s = part->first[masked]; s < part->first[masked + 1]; s++) {
    const span *taken = part->spans + s;
    kvox_mri_zero_run(taken->begin - done, to + done * out_step, out_step);
    if (from != to) {
      kvox_mri_copy_run(taken->end - taken->begin, from + taken->begin * in_step, in_step, to + taken->begin * out_step,
                        out_step);
    }
    done = taken->end;
  }
  kvox_mri_zero_run(columns - done, to + done * out_step, out_step);
  return KVOX_OK;
}

/* Between a row of the full array and its place in the list of samples. */
static kvox_status gather_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const sampling_job *job = data;
  const sampling_part *part = job->part;
  const int64_t columns = columns_of(part), masked = row % part->rows;
  const int64_t full_step = job->full->strides[job->full->rank - 1];
  const int64_t list_step = job->other->strides[job->other->rank - 1];
  char *full = kvox_array_row(job->full, row);
  char *list = (char *)kvox_array_row(job->other, row / part->rows) + part->before[masked] * list_step;
  int64_t done = 0;
  for (int64_t s = part->first[masked]; s < part->first[masked + 1]; s++) {
    const span *taken = part->spans + s;
    const int64_t count = taken->end - taken->begin;
    if (job->adjoint) {
      kvox_mri_zero_run(taken->begin - done, full + done * full_step, full_step);
      kvox_mri_copy_run(count, list, list_step, full + taken->begin * full_step, full_step);
    } else {
      kvox_mri_copy_run(count, full + taken->begin * full_step, full_step, list, list_step);
    }
    list += count * list_step;
    done = taken->end;
  }
  if (job->adjoint) {
    kvox_mri_zero_run(columns - done, full + done * full_step, full_step);
  }
  return KVOX_OK;
}

static kvox_status apply(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                         const kvox_array *out) {
  const sampling_part *part = leaf->own;
  sampling_job job = {.part = part, .full = adjoint ? out : in, .other = adjoint ? in : out, .adjoint = adjoint};
  return kvox_mri_leaf_run(leaf, workspace, "sampling", kvox_array_row_count(job.full), kvox_array_elements(job.full),
                           part->gather ? gather_row : zero_row, &job);
}

static void drop(kvox_mri_leaf *leaf) {
  sampling_part *part = leaf->own;
  kvox_heap *heap = leaf->context->heap;
  kvox_release(heap, part->spans);
  kvox_release(heap, part->first);
  kvox_release(heap, part->before);
}

static const kvox_mri_leaf_way sampling_way = {.apply = apply, .drop = drop};

/* Finds the spans of each row: counts them first (`spans` NULL), then writes them down. */
static void find_spans(sampling_part *part, const kvox_array *mask, span *spans) {
  const int32_t last = mask->rank - 1;
  const int64_t columns = columns_of(part), step = mask->shape[last] == 1 ? 0 : mask->strides[last];
  int64_t count = 0, samples = 0;
  for (int64_t row = 0; row < part->rows; row++) {
    const uint8_t *at = kvox_array_row(mask, kvox_mri_row_of(&part->mask, row, mask->rank, mask->shape));
    part->first[row] = count;
    part->before[row] = samples;
    for (int64_t i = 0; i < columns; i++) {
      const bool taken = at[i * step] != 0, before = i > 0 && at[(i - 1) * step] != 0;
      if (taken && !before) {
        count++;
        if (spans != NULL) {
          spans[count - 1].begin = i;
        }
      }
      if (taken && spans != NULL) {
        spans[count - 1].end = i + 1;
      }
      samples += taken;
    }
  }
  part->first[part->rows] = count;
  part->before[part->rows] = samples;
}

static kvox_status read_mask(kvox_mri_leaf *leaf, const kvox_array *mask) {
  sampling_part *part = leaf->own;
  kvox_heap *heap = leaf->context->heap;
  part->rows = 1;
  part->mask = (kvox_mri_shape){.rank = mask->rank};
  for (int32_t d = 0; d < mask->rank; d++) {
    part->mask.sizes[d] = leaf->in.sizes[leaf->in.rank - mask->rank + d];
    part->rows *= d + 1 < mask->rank ? part->mask.sizes[d] : 1;
  }
  part->first = kvox_allocate_array(heap, part->rows + 1, sizeof *part->first);
  part->before = kvox_allocate_array(heap, part->rows + 1, sizeof *part->before);
  if (part->first == NULL || part->before == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  find_spans(part, mask, NULL);
  const int64_t count = part->first[part->rows];
  part->spans = kvox_allocate_array(heap, count, sizeof *part->spans);
  if (part->spans == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  find_spans(part, mask, part->spans);
  leaf->bytes += (uint64_t)(part->rows + 1) * 2 * sizeof *part->first + (uint64_t)count * sizeof *part->spans;
  return KVOX_OK;
}

/* The number of each sample that was taken, -1 of the others. */
static kvox_status gather_there(kvox_mri_leaf *leaf) {
  const sampling_part *part = leaf->own;
  kvox_heap *heap = leaf->context->heap;
  const int64_t columns = columns_of(part), count = part->rows * columns;
  if (part->before[part->rows] > INT32_MAX) {
    return kvox_fail(
        KVOX_ERROR_UNSUPPORTED,
        "kvox_mri_operator_create_gather: more than 2^31 - 1 samples are taken; a device counts no further");
  }
  int32_t *places = kvox_allocate_array(heap, count, sizeof *places);
  if (places == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memset(places, 0xff, (size_t)count * sizeof *places);
  for (int64_t row = 0; row < part->rows; row++) {
    int64_t number = part->before[row];
    for (int64_t s = part->first[row]; s < part->first[row + 1]; s++) {
      for (int64_t i = part->spans[s].begin; i < part->spans[s].end; i++) {
        places[row * columns + i] = (int32_t)number++;
      }
    }
  }
  const kvox_status status = kvox_mri_leaf_ocl_gather(leaf, &part->mask, places);
  kvox_release(heap, places);
  return status;
}

static kvox_status make_there(kvox_mri_leaf *leaf, const kvox_array *mask) {
  if (leaf->context->ocl == NULL) {
    return KVOX_OK;
  }
  const sampling_part *part = leaf->own;
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = part->gather ? gather_there(leaf) : kvox_mri_leaf_ocl_keep(leaf, mask);
  return kvox_mri_leaf_ocl_settle(leaf, status, true, &before);
}

static kvox_status make(kvox_mri_leaf *leaf, const char *name, const char *mask_name, int32_t rank,
                        const int64_t *shape, const kvox_array *mask) {
  sampling_part *part = leaf->own;
  KVOX_TRY(kvox_mri_shape_make(name, rank, shape, &leaf->in));
  KVOX_TRY(kvox_mri_check_last_axes(mask_name, mask, KVOX_TYPE_BIT(KVOX_U8), &leaf->in));
  KVOX_TRY(read_mask(leaf, mask));
  leaf->out = leaf->in;
  leaf->in_place = !part->gather;
  if (part->gather) {
    const int32_t leading = rank - mask->rank;
    const int64_t samples = part->before[part->rows];
    if (samples == 0) {
      return kvox_fail(KVOX_ERROR_DATA, "%s: takes no sample", mask_name);
    }
    memset(leaf->out.sizes + leading, 0, (size_t)(KVOX_MAX_RANK - leading) * sizeof *leaf->out.sizes);
    leaf->out.sizes[leading] = samples;
    leaf->out.rank = leading + 1;
  }
  return make_there(leaf, mask);
}

static kvox_status create(kvox_context *context, bool gather, const char *name, const char *mask_name, int32_t rank,
                          const int64_t *shape, const kvox_array *mask, kvox_mri_operator **operation) {
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(kvox_mri_leaf_start(context, &sampling_way, sizeof(sampling_part), &leaf));
  ((sampling_part *)leaf->own)->gather = gather;
  return kvox_mri_operator_of_leaf(make(leaf, name, mask_name, rank, shape, mask), leaf, operation);
}

kvox_status kvox_mri_operator_create_sampling(kvox_context *context, int32_t rank, const int64_t *shape,
                                              const kvox_array *mask, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(operation);
  return create(context, false, "kvox_mri_operator_create_sampling", "kvox_mri_operator_create_sampling: mask", rank,
                shape, mask, operation);
}

kvox_status kvox_mri_operator_create_gather(kvox_context *context, int32_t rank, const int64_t *shape,
                                            const kvox_array *mask, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(operation);
  return create(context, true, "kvox_mri_operator_create_gather", "kvox_mri_operator_create_gather: mask", rank, shape,
                mask, operation);
}

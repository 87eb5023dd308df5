/* Cropping and zero-padding as a part of operators: middles lie on middles. */
#include <inttypes.h>

#include "core/fail.h"
#include "mri/operator_ocl.h"

/* Where an array of one shape lies in one of another: `count` samples from these on are those of both. */
typedef struct crop_part {
  int64_t count[KVOX_MAX_RANK], in[KVOX_MAX_RANK], out[KVOX_MAX_RANK];
} crop_part;

typedef struct crop_job {
  const kvox_array *in, *out;
  const int64_t *count, *from, *to;
} crop_job;

static kvox_status crop_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const crop_job *job = data;
  const kvox_array *in = job->in, *out = job->out;
  const int32_t last = out->rank - 1;
  const int64_t in_step = in->strides[last], out_step = out->strides[last];
  char *to = kvox_array_row(out, row);
  const char *from = in->data;
  for (int32_t d = last - 1; d >= 0; d--) {
    const int64_t at = row % out->shape[d] - job->to[d];
    if (at < 0 || at >= job->count[d]) {
      kvox_mri_zero_run(out->shape[last], to, out_step);
      return KVOX_OK;
    }
    from += (at + job->from[d]) * in->strides[d];
    row /= out->shape[d];
  }
  const int64_t begin = job->to[last], count = job->count[last];
  kvox_mri_zero_run(begin, to, out_step);
  kvox_mri_copy_run(count, from + job->from[last] * in_step, in_step, to + begin * out_step, out_step);
  const int64_t after = out->shape[last] - begin - count;
  if (after > 0) { /* the stride of one element may be any number, and leave memory */
    kvox_mri_zero_run(after, to + (begin + count) * out_step, out_step);
  }
  return KVOX_OK;
}

static kvox_status apply(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                         const kvox_array *out) {
  const crop_part *part = leaf->own;
  crop_job job = {.in = in,
                  .out = out,
                  .count = part->count,
                  .from = adjoint ? part->out : part->in,
                  .to = adjoint ? part->in : part->out};
  return kvox_mri_leaf_run(leaf, workspace, "crop", kvox_array_row_count(out), kvox_array_elements(out), crop_row,
                           &job);
}

static const kvox_mri_leaf_way crop_way = {.apply = apply};

static kvox_status make(kvox_mri_leaf *leaf, int32_t rank, const int64_t *from, const int64_t *to) {
  crop_part *part = leaf->own;
  KVOX_TRY(kvox_mri_shape_make("kvox_mri_operator_create_crop: from", rank, from, &leaf->in));
  KVOX_TRY(kvox_mri_shape_make("kvox_mri_operator_create_crop: to", rank, to, &leaf->out));
  for (int32_t d = 0; d < rank; d++) {
    const int64_t shift = from[d] / 2 - to[d] / 2;
    part->count[d] = kvox_min_i64(from[d], to[d]);
    part->in[d] = kvox_max_i64(shift, 0);
    part->out[d] = kvox_max_i64(-shift, 0);
  }
  if (leaf->context->ocl == NULL) {
    return KVOX_OK;
  }
  const kvox_sentence before = kvox_sentence_keep();
  return kvox_mri_leaf_ocl_settle(leaf, kvox_mri_leaf_ocl_crop(leaf, part->count, part->in, part->out), true, &before);
}

kvox_status kvox_mri_operator_create_crop(kvox_context *context, int32_t rank, const int64_t *from, const int64_t *to,
                                          kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(from);
  KVOX_REQUIRE(to);
  KVOX_REQUIRE(operation);
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(kvox_mri_leaf_start(context, &crop_way, sizeof(crop_part), &leaf));
  return kvox_mri_operator_of_leaf(make(leaf, rank, from, to), leaf, operation);
}

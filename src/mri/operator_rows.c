/* What the parts of operators share: rows of arrays, and their checks. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "cpu/level.h"
#include "mri/operator.h"

enum { SAMPLE_BYTES = 2 * sizeof(float) };

const kvox_product_kernels *kvox_product_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_product, cpu_level); }

kvox_status kvox_mri_leaf_run(const kvox_mri_leaf *leaf, kvox_workspace *workspace, const char *stage, int64_t count,
                              int64_t work, kvox_body body, void *data) {
  KVOX_TRY(kvox_workspace_begin(workspace, leaf->scratch));
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&leaf->context->threads, count, work, body, data, &workspace->progress);
  kvox_workspace_add(workspace, stage, kvox_now() - begin);
  return status;
}

int64_t kvox_mri_row_of(const kvox_mri_shape *shape, int64_t row, int32_t rank, const int64_t *sizes) {
  int64_t smaller = 0, step = 1;
  for (int32_t d = 1; d < rank; d++) {
    const int64_t size = shape->sizes[shape->rank - 1 - d], own = sizes[rank - 1 - d];
    smaller += own == 1 ? 0 : row % size * step;
    step *= own;
    row /= size;
  }
  return smaller;
}

kvox_status kvox_mri_check_last_axes(const char *name, const kvox_array *array, uint32_t types,
                                     const kvox_mri_shape *shape) {
  KVOX_TRY(kvox_array_check(array, name, types));
  if (array->rank > shape->rank) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: rank %" PRId32 ", must be at most %" PRId32 ", that of the operator's shape",
                     name, array->rank, shape->rank);
  }
  for (int32_t d = 1; d <= array->rank; d++) {
    const int64_t size = array->shape[array->rank - d], must = shape->sizes[shape->rank - d];
    if (size != must && size != 1) {
      return kvox_fail(KVOX_ERROR_SIZE, "%s: shape[%" PRId32 "] is %" PRId64 ", must be %" PRId64 " or 1", name,
                       array->rank - d, size, must);
    }
  }
  return KVOX_OK;
}

void kvox_mri_copy_run(int64_t count, const char *from, int64_t from_step, char *to, int64_t to_step) {
  if (from_step == SAMPLE_BYTES && to_step == SAMPLE_BYTES) {
    memcpy(to, from, (size_t)count * SAMPLE_BYTES);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    memcpy(to + i * to_step, from + i * from_step, SAMPLE_BYTES);
  }
}

void kvox_mri_zero_run(int64_t count, char *to, int64_t step) {
  if (step == SAMPLE_BYTES) {
    memset(to, 0, (size_t)count * SAMPLE_BYTES);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    memset(to + i * step, 0, SAMPLE_BYTES);
  }
}

/* The first element of a row that is not finite, the largest one where all are; its size in `largest`. */
static int64_t find_worst(const kvox_array *array, int64_t row, float *largest) {
  const int32_t last = array->rank - 1;
  const char *at = kvox_array_row(array, row);
  int64_t worst = 0;
  *largest = -1;
  for (int64_t i = 0; i < array->shape[last]; i++) {
    float z[2];
    memcpy(z, at + i * array->strides[last], sizeof z);
    const float size = isfinite(z[0]) && isfinite(z[1]) ? fmaxf(fabsf(z[0]), fabsf(z[1])) : INFINITY;
    if (size > *largest) {
      *largest = size;
      worst = i;
    }
  }
  return worst;
}

static kvox_status fail_at(const char *name, const kvox_array *array, int64_t row, int64_t column, const char *why) {
  int64_t index[KVOX_MAX_RANK];
  const int32_t rank = array->rank;
  index[rank - 1] = column;
  for (int32_t d = rank - 2; d >= 0; d--) {
    index[d] = row % array->shape[d];
    row /= array->shape[d];
  }
  char text[192];
  size_t used = 0;
  for (int32_t d = 0; d < rank && used < sizeof text; d++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, d == 0 ? "" : ", ", index[d]);
  }
  return kvox_fail(KVOX_ERROR_DATA, "%s: the sample at index (%s) is %s", name, text, why);
}

kvox_status kvox_mri_row_not_finite(const kvox_array *in, int64_t row) {
  float largest;
  const int64_t worst = find_worst(in, row, &largest);
  return fail_at("kvox_mri_operator", in, row, worst,
                 isinf(largest) ? "NaN or infinite" : "so large that products leave the range of 32-bit floats");
}

typedef struct finite_job {
  const char *name;
  const kvox_array *array;
} finite_job;

static kvox_status check_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const finite_job *job = data;
  float largest;
  const int64_t worst = find_worst(job->array, row, &largest);
  return isinf(largest) ? fail_at(job->name, job->array, row, worst, "NaN or infinite") : KVOX_OK;
}

kvox_status kvox_mri_check_finite(const kvox_context *context, const char *name, const kvox_array *array) {
  finite_job job = {.name = name, .array = array};
  return kvox_parallel(&context->threads, kvox_array_row_count(array), kvox_work(kvox_array_elements(array), 2),
                       check_row, &job, NULL);
}

/* Products with known factors as parts of operators: an array of them, a linear phase, one number. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/turn.h"
#include "mri/fourier.h"
#include "mri/operator_ocl.h"

/* Samples that are handled at once where they do not lie densely. */
enum { TILE = 256, OPERATIONS = 8 };

/* A row's factors are a table times a number; either may be absent (NULL, false). */
typedef struct row_factors {
  const char *table; /* c64, table_step bytes apart */
  int64_t table_step;
  bool scaled;
  float scale[2];
} row_factors;

typedef struct modulation_part {
  const kvox_product_kernels *kernels;
  kvox_array factors; /* of an array; data NULL: none */
  double *ramps;      /* of a linear phase: exp(...) along each axis but the last [index][real, imaginary] */
  float *ramp;        /* along the last one */
  double number[2];   /* of one number */
} modulation_part;

typedef struct modulation_job {
  const modulation_part *part;
  const kvox_mri_shape *shape;
  const kvox_array *in, *out;
  bool adjoint;
} modulation_job;

static row_factors factors_of(const modulation_job *job, int64_t row) {
  const modulation_part *part = job->part;
  const kvox_mri_shape *shape = job->shape;
  row_factors f = {.scaled = true};
  double re = part->number[0], im = part->number[1];
  if (part->factors.data != NULL) {
    const kvox_array *array = &part->factors;
    const int32_t last = array->rank - 1;
    const char *at = kvox_array_row(array, kvox_mri_row_of(shape, row, array->rank, array->shape));
    if (array->shape[last] > 1 || shape->sizes[shape->rank - 1] == 1) {
      return (row_factors){.table = at, .table_step = array->strides[last]};
    }
    memcpy(f.scale, at, sizeof f.scale);
    return f;
  }
  if (part->ramp != NULL) {
    f.table = (const char *)part->ramp;
    f.table_step = 2 * sizeof(float);
    const double *ramp = part->ramps;
    for (int32_t d = shape->rank - 2; d >= 0; d--) {
      const double *turn = ramp + 2 * (row % shape->sizes[d]), before = re;
      re = re * turn[0] - im * turn[1];
      im = before * turn[1] + im * turn[0];
      ramp += 2 * shape->sizes[d];
      row /= shape->sizes[d];
    }
  }
  f.scale[0] = (float)re;
  f.scale[1] = (float)im;
  return f;
}

/* `count` samples from `begin` on, dense. */
static bool multiply(const modulation_job *job, const row_factors *f, int64_t begin, int64_t count, const float *in,
                     float *out) {
  const kvox_product_kernels *kernels = job->part->kernels;
  bool finite = true;
  if (f->table != NULL) {
    const char *at = f->table + begin * f->table_step;
    float loose[2 * TILE];
    for (int64_t done = 0; done < count; done += TILE) {
      const int64_t part = kvox_min_i64(TILE, count - done);
      const bool dense = f->table_step == 2 * sizeof(float) && (uintptr_t)at % sizeof(float) == 0;
      if (!dense) {
        kvox_mri_copy_run(part, at + done * f->table_step, f->table_step, (char *)loose, 2 * sizeof(float));
      }
      const float *table = dense ? (const float *)(const void *)at + 2 * done : loose;
      finite = (job->adjoint ? kernels->multiply_conjugate : kernels->multiply)(part, table, in + 2 * done,
                                                                                out + 2 * done) &&
               finite;
    }
    in = out;
  }
  if (f->scaled) {
    const float scale[2] = {f->scale[0], job->adjoint ? -f->scale[1] : f->scale[1]};
    finite = kernels->scale(count, scale, in, out) && finite;
  }
  return finite;
}

static kvox_status multiply_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const modulation_job *job = data;
  const kvox_array *in = job->in, *out = job->out;
  const int32_t last = in->rank - 1;
  const int64_t columns = in->shape[last];
  const row_factors f = factors_of(job, row);
  char *from = kvox_array_row(in, row), *to = kvox_array_row(out, row);
  bool finite = true;
  if (kvox_array_rows_dense(in) && kvox_array_rows_dense(out)) {
    finite = multiply(job, &f, 0, columns, (const float *)(void *)from, (float *)(void *)to);
  } else {
    float tile[2 * TILE];
    for (int64_t begin = 0; begin < columns; begin += TILE) {
      const int64_t count = kvox_min_i64(TILE, columns - begin);
      kvox_mri_copy_run(count, from + begin * in->strides[last], in->strides[last], (char *)tile, 2 * sizeof(float));
      finite = multiply(job, &f, begin, count, tile, tile) && finite;
      kvox_mri_copy_run(count, (const char *)tile, 2 * sizeof(float), to + begin * out->strides[last],
                        out->strides[last]);
    }
  }
  return finite ? KVOX_OK : kvox_mri_row_not_finite(in, row);
}

static kvox_status apply(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                         const kvox_array *out) {
  modulation_job job = {.part = leaf->own, .shape = &leaf->in, .in = in, .out = out, .adjoint = adjoint};
  return kvox_mri_leaf_run(leaf, workspace, "modulation", kvox_array_row_count(in),
                           kvox_work(kvox_array_elements(in), OPERATIONS), multiply_row, &job);
}

static void drop(kvox_mri_leaf *leaf) {
  modulation_part *part = leaf->own;
  kvox_release(leaf->context->heap, part->ramps);
  kvox_release(leaf->context->heap, part->ramp);
}

static const kvox_mri_leaf_way modulation_way = {.apply = apply, .drop = drop};

/* A part that leaves all samples as they are. */
static kvox_status start(kvox_context *context, const char *name, int32_t rank, const int64_t *shape,
                         kvox_mri_leaf **leaf) {
  kvox_mri_shape checked;
  KVOX_TRY(kvox_mri_shape_make(name, rank, shape, &checked));
  KVOX_TRY(kvox_mri_leaf_start(context, &modulation_way, sizeof(modulation_part), leaf));
  modulation_part *part = (*leaf)->own;
  (*leaf)->in = (*leaf)->out = checked;
  (*leaf)->in_place = true;
  part->kernels = kvox_product_kernels_of(context->cpu_level);
  part->number[0] = 1;
  return KVOX_OK;
}

static kvox_status multiply_there(kvox_mri_leaf *leaf, const kvox_array *factors) {
  leaf->only_there = factors->buffer != NULL;
  if (leaf->context->ocl == NULL) {
    return KVOX_OK;
  }
  const kvox_sentence before = kvox_sentence_keep();
  return kvox_mri_leaf_ocl_settle(leaf, kvox_mri_leaf_ocl_multiply(leaf, factors), factors->buffer == NULL, &before);
}

kvox_status kvox_mri_operator_create_modulation(kvox_context *context, int32_t rank, const int64_t *shape,
                                                const kvox_array *factors, kvox_mri_operator **operation) {
  static const char factors_name[] = "kvox_mri_operator_create_modulation: factors";
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(operation);
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(start(context, "kvox_mri_operator_create_modulation", rank, shape, &leaf));
  kvox_status status =
      kvox_mri_check_last_axes(factors_name, factors, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO, &leaf->in);
  if (status == KVOX_OK) {
    status = kvox_ocl_check_place(context->ocl, factors, factors_name);
  }
  if (status == KVOX_OK) {
    ((modulation_part *)leaf->own)->factors = *factors;
    status = factors->buffer == NULL ? kvox_mri_check_finite(context, factors_name, factors) : KVOX_OK;
  }
  if (status == KVOX_OK) {
    status = multiply_there(leaf, factors);
  }
  return kvox_mri_operator_of_leaf(status, leaf, operation);
}

static void turn(double shift, int64_t index, int64_t size, double out[2]) {
  kvox_turn(shift * (double)(index - size / 2) / (double)size, out);
}

static kvox_status turn_there(kvox_mri_leaf *leaf, const double *shift) {
  const kvox_mri_shape *shape = &leaf->in;
  kvox_heap *heap = leaf->context->heap;
  if (leaf->context->ocl == NULL) {
    return KVOX_OK;
  }
  int64_t count = 0;
  for (int32_t d = 0; d < shape->rank; d++) {
    count += shape->sizes[d];
  }
  float *factors = kvox_allocate_array(heap, 2 * count, sizeof *factors), *at = factors;
  if (factors == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int32_t d = 0; d < shape->rank; d++) {
    for (int64_t i = 0; i < shape->sizes[d]; i++, at += 2) {
      double value[2];
      turn(shift[d], i, shape->sizes[d], value);
      at[0] = (float)value[0];
      at[1] = (float)value[1];
    }
  }
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = kvox_mri_leaf_ocl_settle(leaf, kvox_mri_leaf_ocl_turn(leaf, factors), true, &before);
  kvox_release(heap, factors);
  return status;
}

static kvox_status make_ramps(kvox_mri_leaf *leaf, const double *shift) {
  modulation_part *part = leaf->own;
  const kvox_mri_shape *shape = &leaf->in;
  const int32_t last = shape->rank - 1;
  int64_t count = 0;
  for (int32_t d = 0; d < shape->rank; d++) {
    if (!(fabs(shift[d]) <= KVOX_MRI_MOST_SHIFT)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_mri_operator_create_phase_ramp: shift[%" PRId32 "] is not finite or beyond 1e15", d);
    }
    count += d < last ? shape->sizes[d] : 0; /* a sum of sizes is below their product's bytes */
  }
  part->ramps = kvox_allocate_array(leaf->context->heap, 2 * count, sizeof *part->ramps);
  part->ramp = kvox_allocate_array(leaf->context->heap, 2 * shape->sizes[last], sizeof *part->ramp);
  if (part->ramps == NULL || part->ramp == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  double *at = part->ramps;
  for (int32_t d = last - 1; d >= 0; d--) {
    for (int64_t i = 0; i < shape->sizes[d]; i++, at += 2) {
      turn(shift[d], i, shape->sizes[d], at);
    }
  }
  for (int64_t i = 0; i < shape->sizes[last]; i++) {
    double value[2];
    turn(shift[last], i, shape->sizes[last], value);
    part->ramp[2 * i] = (float)value[0];
    part->ramp[2 * i + 1] = (float)value[1];
  }
  leaf->bytes += (uint64_t)(2 * count) * sizeof *part->ramps;
  leaf->bytes += (uint64_t)(2 * shape->sizes[last]) * sizeof *part->ramp;
  return turn_there(leaf, shift);
}

kvox_status kvox_mri_operator_create_phase_ramp(kvox_context *context, int32_t rank, const int64_t *shape,
                                                const double *shift, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(shift);
  KVOX_REQUIRE(operation);
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(start(context, "kvox_mri_operator_create_phase_ramp", rank, shape, &leaf));
  return kvox_mri_operator_of_leaf(make_ramps(leaf, shift), leaf, operation);
}

kvox_status kvox_mri_operator_create_scale(kvox_context *context, int32_t rank, const int64_t *shape, double real,
                                           double imaginary, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(shape);
  KVOX_REQUIRE(operation);
  if (!isfinite((float)real) || !isfinite((float)imaginary)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_operator_create_scale: the number must be finite as floats");
  }
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(start(context, "kvox_mri_operator_create_scale", rank, shape, &leaf));
  modulation_part *part = leaf->own;
  part->number[0] = real;
  part->number[1] = imaginary;
  float number[2] = {(float)real, (float)imaginary};
  kvox_array factor;
  kvox_status status = kvox_array_dense(&factor, "number", number, KVOX_C64, 1, (const int64_t[]){1});
  status = status == KVOX_OK ? multiply_there(leaf, &factor) : status;
  return kvox_mri_operator_of_leaf(status, leaf, operation);
}

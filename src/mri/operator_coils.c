/* What coils see, as a part of operators: images times maps; and back, the sum of coils times conj(maps). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/operator_ocl.h"
#include "mri/tiles.h"

enum { MOST_LEADING = KVOX_MAX_RANK - 4, OPERATIONS = 8 };

static const char maps_name[] = "kvox_mri_operator_create_coils: maps";

typedef struct coils_part {
  kvox_array maps; /* [coil, z, y, x] */
  int64_t coils;
  const kvox_product_kernels *kernels;
} coils_part;

typedef struct coils_job {
  const coils_part *part;
  const kvox_array *image, *coils;
  bool image_dense, coils_dense, maps_dense; /* volumes of them */
} coils_job;

/* Whether the last three axes lie as in C, and floats where floats may. */
static bool volumes_dense(const kvox_array *array) {
  if (!kvox_array_rows_dense(array)) {
    return false;
  }
  int64_t step = 2 * sizeof(float);
  for (int32_t d = array->rank - 1; d >= array->rank - 3; d--) {
    if (array->shape[d] > 1 && array->strides[d] != step) {
      return false;
    }
    step *= array->shape[d];
  }
  return true;
}

/* Samples of a tile: where they lie, or read into `loose`. */
static const float *see(const kvox_array *array, bool dense, int64_t volume, const kvox_mri_tile *at, float *loose) {
  if (dense) {
    return (const float *)kvox_mri_volume(array, volume) + 2 * at->begin;
  }
  kvox_mri_read(array, volume, at->begin, at->count, loose);
  return loose;
}

/* Where the result of a tile goes first. */
static float *place(const kvox_array *array, bool dense, int64_t volume, const kvox_mri_tile *at, float *loose) {
  return dense ? (float *)kvox_mri_volume(array, volume) + 2 * at->begin : loose;
}

static void put(const kvox_array *array, bool dense, int64_t volume, const kvox_mri_tile *at, const float *loose) {
  if (!dense) {
    kvox_mri_write(array, volume, at->begin, at->count, loose);
  }
}

/* Names the first sample of a tile that is not finite, or else the largest one, whose products are too large. */
static kvox_status not_finite(const coils_job *job, const kvox_array *in, const kvox_mri_tile *at) {
  const int64_t coils = in == job->coils ? job->part->coils : 1;
  int64_t coil = 0, sample = 0;
  float row[2 * KVOX_MRI_TILE], largest = -1;
  for (int64_t c = 0; c < coils; c++) {
    kvox_mri_read(in, at->volume * coils + c, at->begin, at->count, row);
    for (int64_t n = 0; n < at->count; n++) {
      const bool finite = isfinite(row[2 * n]) && isfinite(row[2 * n + 1]);
      const float size = finite ? fmaxf(fabsf(row[2 * n]), fabsf(row[2 * n + 1])) : INFINITY;
      if (size > largest) {
        largest = size;
        coil = c;
        sample = n;
      }
    }
  }
  return kvox_mri_not_finite("kvox_mri_operator (coils)", in, at->volume, coil, at->begin + sample);
}

static kvox_status forward_tile(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const coils_job *job = data;
  const coils_part *part = job->part;
  const kvox_mri_tile at = kvox_mri_tile_at(job->image, index);
  float image[2 * KVOX_MRI_TILE], map[2 * KVOX_MRI_TILE], product[2 * KVOX_MRI_TILE];
  const float *in = see(job->image, job->image_dense, at.volume, &at, image);
  for (int64_t c = 0; c < part->coils; c++) {
    const int64_t volume = at.volume * part->coils + c;
    const float *factors = see(&part->maps, job->maps_dense, c, &at, map);
    float *out = place(job->coils, job->coils_dense, volume, &at, product);
    if (!part->kernels->multiply(at.count, factors, in, out)) {
      return not_finite(job, job->image, &at);
    }
    put(job->coils, job->coils_dense, volume, &at, out);
  }
  return KVOX_OK;
}

static kvox_status adjoint_tile(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const coils_job *job = data;
  const coils_part *part = job->part;
  const kvox_mri_tile at = kvox_mri_tile_at(job->image, index);
  float coil[2 * KVOX_MRI_TILE], map[2 * KVOX_MRI_TILE], sums[2 * KVOX_MRI_TILE];
  bool finite = true;
  for (int64_t c = 0; c < part->coils; c++) {
    const float *in = see(job->coils, job->coils_dense, at.volume * part->coils + c, &at, coil);
    const float *factors = see(&part->maps, job->maps_dense, c, &at, map);
    /* What is not finite once stays so. */
    finite = c == 0 ? part->kernels->multiply_conjugate(at.count, factors, in, sums)
                    : part->kernels->add_conjugate(at.count, factors, in, sums);
  }
  if (!finite) {
    return not_finite(job, job->coils, &at);
  }
  kvox_mri_write(job->image, at.volume, at.begin, at.count, sums);
  return KVOX_OK;
}

static kvox_status apply(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                         const kvox_array *out) {
  const coils_part *part = leaf->own;
  coils_job job = {.part = part, .image = adjoint ? out : in, .coils = adjoint ? in : out};
  job.image_dense = volumes_dense(job.image);
  job.coils_dense = volumes_dense(job.coils);
  job.maps_dense = volumes_dense(&part->maps);
  const int64_t tiles = kvox_mri_volumes(job.image) * kvox_mri_tiles_of_volume(job.image);
  return kvox_mri_leaf_run(leaf, workspace, "coils", tiles, kvox_work(kvox_array_elements(job.coils), OPERATIONS),
                           adjoint ? adjoint_tile : forward_tile, &job);
}

static const kvox_mri_leaf_way coils_way = {.apply = apply};

static kvox_status make(kvox_mri_leaf *leaf, const kvox_array *maps, int32_t leading, const int64_t *sizes) {
  static const char name[] = "kvox_mri_operator_create_coils";
  coils_part *part = leaf->own;
  int64_t image[KVOX_MAX_RANK], coils[KVOX_MAX_RANK];
  for (int32_t d = 0; d < leading; d++) {
    image[d] = coils[d] = sizes[d];
  }
  memcpy(coils + leading, maps->shape, 4 * sizeof *coils);
  memcpy(image + leading, maps->shape + 1, 3 * sizeof *image);
  KVOX_TRY(kvox_mri_shape_make(name, leading + 3, image, &leaf->in));
  KVOX_TRY(kvox_mri_shape_make(name, leading + 4, coils, &leaf->out));
  part->maps = *maps;
  part->coils = maps->shape[0];
  part->kernels = kvox_product_kernels_of(leaf->context->cpu_level);
  if (maps->buffer == NULL) {
    KVOX_TRY(kvox_mri_check_finite(leaf->context, maps_name, maps));
  }
  leaf->only_there = maps->buffer != NULL;
  if (leaf->context->ocl == NULL) {
    return KVOX_OK;
  }
  const kvox_sentence before = kvox_sentence_keep();
  return kvox_mri_leaf_ocl_settle(leaf, kvox_mri_leaf_ocl_coils(leaf, maps), maps->buffer == NULL, &before);
}

kvox_status kvox_mri_operator_create_coils(kvox_context *context, const kvox_array *maps, int32_t leading,
                                           const int64_t *sizes, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(operation);
  KVOX_TRY(kvox_array_check(maps, maps_name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(context->ocl, maps, maps_name));
  if (maps->rank != 4) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be 4: [coil, z, y, x]", maps_name, maps->rank);
  }
  if (leading < 0 || leading > MOST_LEADING || (leading > 0 && sizes == NULL)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_operator_create_coils: leading is %" PRId32 ", must be from 0 to %d, and sizes not NULL",
                     leading, MOST_LEADING);
  }
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(kvox_mri_leaf_start(context, &coils_way, sizeof(coils_part), &leaf));
  return kvox_mri_operator_of_leaf(make(leaf, maps, leading, sizes), leaf, operation);
}

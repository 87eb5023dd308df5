#include "mri/tiles.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"

kvox_status kvox_mri_check_coils(const kvox_array *array, const char *name) {
  KVOX_TRY(kvox_array_check(array, name, KVOX_TYPE_BIT(KVOX_C64)));
  return kvox_mri_check_coils_on(NULL, array, name);
}

kvox_status kvox_mri_check_coils_on(const kvox_ocl *ocl, const kvox_array *array, const char *name) {
  KVOX_TRY(kvox_array_check(array, name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(ocl, array, name));
  if (array->rank < 4) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be at least 4: [.., coil, z, y, x]", name,
                     array->rank);
  }
  return KVOX_OK;
}

kvox_status kvox_mri_check_combined(const kvox_ocl *ocl, const kvox_array *combined, const char *name, kvox_type type,
                                    const kvox_array *images) {
  int64_t shape[KVOX_MAX_RANK] = {0};
  const int32_t rank = images->rank - 1;
  memcpy(shape, images->shape, sizeof *shape * (size_t)(rank - 3));
  memcpy(shape + rank - 3, images->shape + rank - 2, sizeof *shape * 3);
  KVOX_TRY(kvox_array_check_shape(combined, name, KVOX_TYPE_BIT(type) | KVOX_ON_DEVICE_TOO, rank, shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, combined, name));
  return kvox_array_check_result(combined, name);
}

int64_t kvox_mri_volume_samples(const kvox_array *array) {
  const int64_t *shape = array->shape + array->rank - 3;
  return shape[0] * shape[1] * shape[2];
}

int64_t kvox_mri_volumes(const kvox_array *array) {
  return kvox_array_elements(array) / kvox_mri_volume_samples(array);
}

void *kvox_mri_volume(const kvox_array *array, int64_t index) {
  char *at = array->data;
  for (int32_t d = array->rank - 4; d >= 0; d--) {
    at += index % array->shape[d] * array->strides[d];
    index /= array->shape[d];
  }
  return at;
}

kvox_array kvox_mri_with_volume(const kvox_array *array) {
  kvox_array copy = *array;
  while (copy.rank < 3) {
    memmove(copy.shape + 1, copy.shape, (size_t)copy.rank * sizeof *copy.shape);
    memmove(copy.strides + 1, copy.strides, (size_t)copy.rank * sizeof *copy.strides);
    copy.shape[0] = 1;
    copy.strides[0] = 0;
    copy.rank++;
  }
  return copy;
}

/* Copies samples of one row between the array and dense memory. */
typedef void (*run_function)(char *at, int64_t stride, int64_t count, size_t size, char *dense);

static void read_run(char *at, int64_t stride, int64_t count, size_t size, char *dense) {
  if (stride == (int64_t)size) {
    memcpy(dense, at, (size_t)count * size);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    memcpy(dense + (size_t)i * size, at + i * stride, size);
  }
}

static void write_run(char *at, int64_t stride, int64_t count, size_t size, char *dense) {
  if (stride == (int64_t)size) {
    memcpy(at, dense, (size_t)count * size);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    memcpy(at + i * stride, dense + (size_t)i * size, size);
  }
}

static void each_run(const kvox_array *array, int64_t volume, int64_t begin, int64_t count, char *dense,
                     run_function run) {
  const int64_t *shape = array->shape + array->rank - 3, *strides = array->strides + array->rank - 3;
  const size_t size = kvox_type_size(array->type);
  char *first = kvox_mri_volume(array, volume);
  int64_t row = begin / shape[2], x = begin % shape[2];
  while (count > 0) {
    const int64_t part = kvox_min_i64(count, shape[2] - x);
    run(first + row / shape[1] * strides[0] + row % shape[1] * strides[1] + x * strides[2], strides[2], part, size,
        dense);
    dense += (size_t)part * size;
    count -= part;
    row++;
    x = 0;
  }
}

void kvox_mri_read(const kvox_array *array, int64_t volume, int64_t begin, int64_t count, void *samples) {
  each_run(array, volume, begin, count, samples, read_run);
}

void kvox_mri_write(const kvox_array *array, int64_t volume, int64_t begin, int64_t count, const void *samples) {
  each_run(array, volume, begin, count, (char *)(uintptr_t)samples, write_run);
}

void kvox_mri_read_tile(const kvox_array *array, int64_t volume, int64_t coils, int64_t begin, int64_t count,
                        float *tile) {
  const int64_t padded = kvox_round_up(count, KVOX_MRI_STEP);
  for (int64_t c = 0; c < coils; c++) {
    float *row = tile + c * KVOX_MRI_TILE_ROW;
    kvox_mri_read(array, volume + c, begin, count, row);
    memset(row + 2 * count, 0, (size_t)(2 * (padded - count)) * sizeof *row);
  }
}

void kvox_mri_write_tile(const kvox_array *array, int64_t volume, int64_t coils, int64_t begin, int64_t count,
                         const float *tile) {
  for (int64_t c = 0; c < coils; c++) {
    kvox_mri_write(array, volume + c, begin, count, tile + c * KVOX_MRI_TILE_ROW);
  }
}

kvox_status kvox_mri_not_finite(const char *name, const kvox_array *array, int64_t volume, int64_t coil,
                                int64_t sample) {
  const int64_t *shape = array->shape + array->rank - 3;
  return kvox_fail(KVOX_ERROR_DATA,
                   "%s: the sample of volume %" PRId64 ", coil %" PRId64 " at z %" PRId64 ", y %" PRId64 ", x %" PRId64
                   " is NaN, infinite or out of the range of 32-bit floats",
                   name, volume, coil, sample / (shape[1] * shape[2]), sample / shape[2] % shape[1], sample % shape[2]);
}

kvox_status kvox_mri_tile_not_finite(const char *name, const kvox_array *array, const kvox_mri_tile *at, int64_t coils,
                                     const float *tile) {
  int64_t coil = 0, sample = 0;
  float largest = -1;
  for (int64_t c = 0; c < coils; c++) {
    const float *row = tile + c * KVOX_MRI_TILE_ROW;
    for (int64_t i = 0; i < at->count; i++) {
      const float size = fmaxf(fabsf(row[2 * i]), fabsf(row[2 * i + 1]));
      if (!isfinite(row[2 * i]) || !isfinite(row[2 * i + 1])) {
        return kvox_mri_not_finite(name, array, at->volume, c, at->begin + i);
      }
      if (size > largest) {
        largest = size;
        coil = c;
        sample = i;
      }
    }
  }
  return kvox_mri_not_finite(name, array, at->volume, coil, at->begin + sample);
}

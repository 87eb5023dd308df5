#include "phantom/coils.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "core/turn.h"
#include "core/volume.h"
#include "phantom/shape.h"

kvox_status kvox_phantom_coils_start(kvox_context *context, int64_t coils, int64_t terms, kvox_phantom_coils **made) {
  kvox_phantom_coils *start = kvox_allocate_zeros(context->heap, sizeof *start);
  if (start == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  start->context = kvox_context_hold(context);
  start->count = coils;
  start->terms = terms;
  start->frequencies = kvox_allocate_zeros(context->heap, (uint64_t)(3 * terms) * sizeof *start->frequencies);
  start->weights = kvox_allocate_zeros(context->heap, (uint64_t)(2 * coils * terms) * sizeof *start->weights);
  if (start->frequencies == NULL || start->weights == NULL) {
    kvox_phantom_coils_destroy(start);
    return KVOX_ERROR_MEMORY;
  }
  *made = start;
  return KVOX_OK;
}

void kvox_phantom_coils_destroy(kvox_phantom_coils *coils) {
  if (coils == NULL) {
    return;
  }
  kvox_context *context = coils->context;
  kvox_release(context->heap, coils->frequencies);
  kvox_release(context->heap, coils->weights);
  kvox_release(context->heap, coils);
  kvox_context_destroy(context);
}

int64_t kvox_phantom_coils_count(const kvox_phantom_coils *coils) { return coils != NULL ? coils->count : 0; }

static kvox_status check_count(const char *what, int64_t count) {
  if (count < 1 || count > KVOX_PHANTOM_MOST_COILS) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_coils_create: %s is %" PRId64 ", must be from 1 to %d", what,
                     count, KVOX_PHANTOM_MOST_COILS);
  }
  return KVOX_OK;
}

static kvox_status check_finite(const char *what, const double *values, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(values[i])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_coils_create: number %" PRId64 " of %s is not finite", i,
                       what);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_coils_create(kvox_context *context, int64_t coils, int64_t terms, const double *frequencies,
                                      const double *weights, kvox_phantom_coils **made) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(frequencies);
  KVOX_REQUIRE(weights);
  KVOX_REQUIRE(made);
  KVOX_TRY(check_count("coils", coils));
  KVOX_TRY(check_count("terms", terms));
  KVOX_TRY(check_finite("frequencies", frequencies, 3 * terms));
  KVOX_TRY(check_finite("weights", weights, 2 * coils * terms));
  kvox_phantom_coils *start = NULL;
  KVOX_TRY(kvox_phantom_coils_start(context, coils, terms, &start));
  memcpy(start->frequencies, frequencies, (size_t)(3 * terms) * sizeof *frequencies);
  memcpy(start->weights, weights, (size_t)(2 * coils * terms) * sizeof *weights);
  *made = start;
  return KVOX_OK;
}

void kvox_grid_middle(const kvox_grid *grid, double middle_mm[3]) {
  for (int c = 0; c < 3; c++) {
    middle_mm[c] = grid->origin_mm[c];
    for (int a = 0; a < 3; a++) {
      middle_mm[c] += grid->axes[a][c] * grid->spacing_mm[a] * (double)(grid->size[a] / 2);
    }
  }
}

/* ---- Maps on a grid ---- */

typedef struct maps_job {
  const kvox_phantom_coils *coils;
  const kvox_grid *grid;
  const kvox_array *maps;
  double *steps;   /* exp(2 pi i f . (voxel x - voxel 0)): [term][x][real, imaginary] */
  double *scratch; /* for each worker: a row */
} maps_job;

static kvox_status map_row(void *data, int64_t row, int32_t worker) {
  const maps_job *job = data;
  const kvox_phantom_coils *coils = job->coils;
  const kvox_grid *grid = job->grid;
  const int64_t columns = grid->size[0], rows = grid->size[1];
  const int64_t volume = rows * grid->size[2], coil = row / volume, j = row % rows, k = row / rows % grid->size[2];
  double *sums = job->scratch + worker * 2 * columns, at[3];
  for (int c = 0; c < 3; c++) {
    at[c] = grid->origin_mm[c] + (double)j * grid->spacing_mm[1] * grid->axes[1][c] +
            (double)k * grid->spacing_mm[2] * grid->axes[2][c];
  }
  memset(sums, 0, (size_t)(2 * columns) * sizeof *sums);
  for (int64_t t = 0; t < coils->terms; t++) {
    const double *weight = coils->weights + 2 * (coil * coils->terms + t), *step = job->steps + 2 * t * columns;
    double phase[2];
    kvox_turn(kvox_dot3(coils->frequencies + 3 * t, at), phase);
    const double re = weight[0] * phase[0] - weight[1] * phase[1], im = weight[0] * phase[1] + weight[1] * phase[0];
    for (int64_t i = 0; i < columns; i++) {
      sums[2 * i] += re * step[2 * i] - im * step[2 * i + 1];
      sums[2 * i + 1] += re * step[2 * i + 1] + im * step[2 * i];
    }
  }
  const int64_t index[3] = {coil, k, j};
  char *out = kvox_array_at(job->maps, 3, index);
  for (int64_t i = 0; i < columns; i++) {
    const float value[2] = {(float)sums[2 * i], (float)sums[2 * i + 1]};
    if (!isfinite(value[0]) || !isfinite(value[1])) {
      return kvox_fail(KVOX_ERROR_DATA, "kvox_phantom_coil_maps: a sensitivity is out of the range of 32-bit floats");
    }
    memcpy(out + i * job->maps->strides[3], value, sizeof value);
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_coil_maps(const kvox_phantom_coils *coils, const kvox_grid *grid, const kvox_array *maps) {
  static const char name[] = "kvox_phantom_coil_maps: maps";
  KVOX_REQUIRE(coils);
  KVOX_REQUIRE(grid);
  KVOX_TRY(kvox_grid_check(grid, "kvox_phantom_coil_maps: grid"));
  const int64_t columns = grid->size[0], shape[4] = {coils->count, grid->size[2], grid->size[1], columns};
  KVOX_TRY(kvox_array_check_shape(maps, name, KVOX_TYPE_BIT(KVOX_C64), 4, shape));
  KVOX_TRY(kvox_array_check_result(maps, name));
  kvox_heap *heap = coils->context->heap;
  const int64_t rows = kvox_array_row_count(maps), work = kvox_work(kvox_array_elements(maps), 4 * coils->terms);
  const int64_t workers = kvox_workers(&coils->context->threads, rows, work);
  maps_job job = {.coils = coils,
                  .grid = grid,
                  .maps = maps,
                  .steps = kvox_allocate_array(heap, columns, (size_t)(2 * coils->terms) * sizeof *job.steps),
                  .scratch = kvox_allocate_array(heap, columns, (size_t)(2 * workers) * sizeof *job.scratch)};
  kvox_status status = KVOX_ERROR_MEMORY;
  if (job.steps != NULL && job.scratch != NULL) {
    for (int64_t t = 0; t < coils->terms; t++) {
      const double along = kvox_dot3(coils->frequencies + 3 * t, grid->axes[0]) * grid->spacing_mm[0];
      for (int64_t i = 0; i < columns; i++) {
        kvox_turn(along * (double)i, job.steps + 2 * (t * columns + i));
      }
    }
    status = kvox_parallel(&coils->context->threads, rows, work, map_row, &job, NULL);
  }
  kvox_release(heap, job.scratch);
  kvox_release(heap, job.steps);
  return status;
}

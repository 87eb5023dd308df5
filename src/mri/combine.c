#include "mri/combine.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "cpu/level.h"
#include "kvox/mri_coils.h"
#include "mri/ocl.h"

const kvox_combine_kernels *kvox_combine_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_combine, cpu_level); }

/* Operations of one sample of one coil. */
enum { OPERATIONS = 8 };

typedef struct combine_job {
  const kvox_combine_kernels *kernels;
  const kvox_array *images, *magnitude;
  int64_t coils;
} combine_job;

static kvox_status not_finite(const combine_job *job, const kvox_mri_tile *at, float *row) {
  for (int64_t c = 0; c < job->coils; c++) {
    kvox_mri_read(job->images, at->volume * job->coils + c, at->begin, at->count, row);
    for (int64_t n = 0; n < at->count; n++) {
      /* What the sum cannot hold: NaN, infinity, or so large that its square is. */
      if (!(row[2 * n] * row[2 * n] + row[2 * n + 1] * row[2 * n + 1] < INFINITY)) {
        return kvox_mri_not_finite("kvox_mri_root_sum_of_squares", job->images, at->volume, c, at->begin + n);
      }
    }
  }
  return kvox_fail(KVOX_ERROR_DATA,
                   "kvox_mri_root_sum_of_squares: a sum of squares is out of the range of 32-bit floats");
}

static kvox_status combine_tile(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const combine_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(job->images, index);
  float row[2 * KVOX_MRI_TILE], sums[KVOX_MRI_TILE];
  memset(sums, 0, sizeof sums);
  memset(row, 0, sizeof row);
  for (int64_t c = 0; c < job->coils; c++) {
    kvox_mri_read(job->images, at.volume * job->coils + c, at.begin, at.count, row);
    job->kernels->add_squares(at.padded, row, sums);
  }
  if (!job->kernels->roots(at.padded, sums)) {
    return not_finite(job, &at, row);
  }
  kvox_mri_write(job->magnitude, at.volume, at.begin, at.count, sums);
  return KVOX_OK;
}

static kvox_status combine_on_cpu(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                  const kvox_array *magnitude) {
  combine_job job = {.kernels = kvox_combine_kernels_of(context->cpu_level),
                     .images = images,
                     .magnitude = magnitude,
                     .coils = kvox_mri_coils_of(images)};
  const int64_t tiles = kvox_mri_volumes(magnitude) * kvox_mri_tiles_of_volume(magnitude);
  const int64_t work = kvox_work(kvox_array_elements(images), OPERATIONS);
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, combine_tile, &job, &workspace->progress);
  kvox_workspace_add(workspace, "combine", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_root_sum_of_squares(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                         const kvox_array *magnitude) {
  KVOX_REQUIRE(context);
  KVOX_TRY(kvox_mri_check_coils_on(context->ocl, images, "kvox_mri_root_sum_of_squares: images"));
  KVOX_TRY(
      kvox_mri_check_combined(context->ocl, magnitude, "kvox_mri_root_sum_of_squares: magnitude", KVOX_F32, images));
  KVOX_TRY(kvox_array_check_apart(images, "images", magnitude, "magnitude"));
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = context->ocl == NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_root_sum_of_squares_on_device(context, taken, images, magnitude, &on_cpu);
  }
  if (on_cpu) {
    status = combine_on_cpu(context, taken, images, magnitude);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

/* Images over their root sum of squares. */
#include <string.h>

#include "core/fail.h"
#include "kvox/mri_coils.h"
#include "mri/combine.h"
#include "mri/maps.h"

typedef struct relative_job {
  const kvox_combine_kernels *kernels;
  const kvox_array *images, *maps;
  int64_t coils;
  float *scratch; /* for each worker: a tile */
} relative_job;

/* Plain C: a division beside each read and write. */
static void divide_by(int64_t count, const float *roots, float *row) {
  for (int64_t n = 0; n < count; n++) {
    const float root = roots[n];
    row[2 * n] = root > 0 ? row[2 * n] / root : 0;
    row[2 * n + 1] = root > 0 ? row[2 * n + 1] / root : 0;
  }
}

static kvox_status divide_tile(void *data, int64_t index, int32_t worker) {
  const relative_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(job->images, index);
  float *tile = job->scratch + worker * job->coils * KVOX_MRI_TILE_ROW, roots[KVOX_MRI_TILE];
  kvox_mri_read_tile(job->images, at.volume * job->coils, job->coils, at.begin, at.count, tile);
  memset(roots, 0, sizeof roots);
  for (int64_t c = 0; c < job->coils; c++) {
    job->kernels->add_squares(at.padded, tile + c * KVOX_MRI_TILE_ROW, roots);
  }
  if (!job->kernels->roots(at.padded, roots)) {
    return kvox_mri_tile_not_finite("kvox_mri_relative_maps", job->images, &at, job->coils, tile);
  }
  for (int64_t c = 0; c < job->coils; c++) {
    divide_by(at.count, roots, tile + c * KVOX_MRI_TILE_ROW);
  }
  kvox_mri_write_tile(job->maps, at.volume * job->coils, job->coils, at.begin, at.count, tile);
  return KVOX_OK;
}

kvox_status kvox_mri_relative_maps(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                                   const kvox_array *maps) {
  enum { OPERATIONS = 12 }; /* of a sample */
  KVOX_REQUIRE(context);
  KVOX_TRY(kvox_mri_check_maps(NULL, "kvox_mri_relative_maps: images", images, "kvox_mri_relative_maps: maps", maps));
  relative_job job = {.kernels = kvox_combine_kernels_of(context->cpu_level),
                      .images = images,
                      .maps = maps,
                      .coils = kvox_mri_coils_of(images)};
  const int64_t tiles = kvox_mri_volumes(images) / job.coils * kvox_mri_tiles_of_volume(images);
  const int64_t work = kvox_work(kvox_array_elements(images), OPERATIONS);
  const int64_t workers = kvox_workers(&context->threads, tiles, work);
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  kvox_status status =
      kvox_workspace_begin(taken, (uint64_t)(workers * job.coils * KVOX_MRI_TILE_ROW) * sizeof *job.scratch);
  if (status == KVOX_OK) {
    job.scratch = taken->block;
    const double begin = kvox_now();
    kvox_progress_next(&taken->progress, 1);
    status = kvox_parallel(&context->threads, tiles, work, divide_tile, &job, &taken->progress);
    kvox_workspace_add(taken, "maps", kvox_now() - begin);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

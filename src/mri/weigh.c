/* The combination by sensitivities (Roemer et al. 1990): of whitened images x and maps s, s^H x / s^H s. */
#include <string.h>

#include "core/fail.h"
#include "kvox/mri_coils.h"
#include "mri/combine.h"
#include "mri/noise.h"
#include "mri/ocl.h"

typedef struct weigh_job {
  const kvox_combine_kernels *kernels;
  kvox_mri_loader images, maps;
  bool same_maps; /* for all volumes */
  const kvox_array *combined;
  float *scratch; /* for each worker: that of both loaders */
} weigh_job;

static kvox_status weigh_tile(void *data, int64_t index, int32_t worker) {
  const weigh_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(job->images.array, index);
  kvox_mri_tile maps_at = at;
  maps_at.volume = job->same_maps ? 0 : at.volume;
  const int64_t floats = kvox_mri_loader_floats(&job->images);
  float *scratch = job->scratch + worker * 2 * floats, *images = NULL, *maps = NULL;
  KVOX_TRY(kvox_mri_load(&job->images, &at, scratch, &images));
  KVOX_TRY(kvox_mri_load(&job->maps, &maps_at, scratch + floats, &maps));
  float sums[2 * KVOX_MRI_TILE], norms[KVOX_MRI_TILE], out[2 * KVOX_MRI_TILE];
  memset(sums, 0, sizeof sums);
  memset(norms, 0, sizeof norms);
  for (int64_t c = 0; c < job->images.coils; c++, images += KVOX_MRI_TILE_ROW, maps += KVOX_MRI_TILE_ROW) {
    job->kernels->add_weighted(at.padded, maps, images, sums);
    job->kernels->add_squares(at.padded, maps, norms);
  }
  if (!job->kernels->divide(at.padded, sums, norms, out)) {
    return kvox_mri_tile_not_finite("kvox_mri_combine: images", job->images.array, &at, job->images.coils, scratch);
  }
  kvox_mri_write(job->combined, at.volume, at.begin, at.count, out);
  return KVOX_OK;
}

static kvox_status check(const kvox_context *context, const kvox_mri_noise *noise, const kvox_array *images,
                         const kvox_array *maps, const kvox_array *combined) {
  KVOX_TRY(kvox_mri_check_coils_on(context->ocl, images, "kvox_mri_combine: images"));
  KVOX_TRY(kvox_mri_check_coils_on(context->ocl, maps, "kvox_mri_combine: maps"));
  const int32_t rank = maps->rank == 4 ? 4 : images->rank;
  KVOX_TRY(kvox_array_check_shape(maps, "kvox_mri_combine: maps", KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO, rank,
                                  images->shape + images->rank - rank));
  if (noise != NULL) {
    KVOX_TRY(kvox_mri_noise_check_coils(noise, "kvox_mri_combine: images", kvox_mri_coils_of(images)));
  }
  KVOX_TRY(kvox_mri_check_combined(context->ocl, combined, "kvox_mri_combine: combined", KVOX_C64, images));
  KVOX_TRY(kvox_array_check_apart(images, "images", combined, "combined"));
  return kvox_array_check_apart(maps, "maps", combined, "combined");
}

static kvox_status weigh_on_cpu(kvox_context *context, const kvox_mix *mix, kvox_workspace *workspace,
                                const kvox_array *images, const kvox_array *maps, const kvox_array *combined) {
  weigh_job job = {.kernels = kvox_combine_kernels_of(context->cpu_level),
                   .images = kvox_mri_loader_of(context, "kvox_mri_combine: images", images, mix),
                   .maps = kvox_mri_loader_of(context, "kvox_mri_combine: maps", maps, mix),
                   .same_maps = maps->rank < images->rank,
                   .combined = combined};
  const int64_t tiles = kvox_mri_volumes(combined) * kvox_mri_tiles_of_volume(combined), coils = job.images.coils;
  const int64_t work = kvox_work(kvox_array_elements(images), mix != NULL ? 8 * coils : 16);
  const int64_t workers = kvox_workers(&context->threads, tiles, work);
  const uint64_t floats = (uint64_t)(workers * 2 * kvox_mri_loader_floats(&job.images));
  KVOX_TRY(kvox_workspace_begin(workspace, floats * sizeof *job.scratch));
  job.scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, weigh_tile, &job, &workspace->progress);
  kvox_workspace_add(workspace, "combine", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_combine(kvox_context *context, const kvox_mri_noise *noise, kvox_workspace *workspace,
                             const kvox_array *images, const kvox_array *maps, const kvox_array *combined) {
  KVOX_REQUIRE(context);
  KVOX_TRY(check(context, noise, images, maps, combined));
  const kvox_mix whitening = noise != NULL ? kvox_mri_noise_mix(noise) : (kvox_mix){.outputs = 0};
  const kvox_mix *mix = noise != NULL ? &whitening : NULL;
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = context->ocl == NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_combine_on_device(context, mix, taken, images, maps, combined, &on_cpu);
  }
  if (on_cpu) {
    status = weigh_on_cpu(context, mix, taken, images, maps, combined);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

#include "mri/mix.h"

#include <float.h>
#include <math.h>

#include "core/fail.h"
#include "cpu/level.h"
#include "mri/ocl.h"

const kvox_mix_kernels *kvox_mix_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_mix, cpu_level); }

typedef struct mix_job {
  const char *name;
  const kvox_mix *mix;
  const kvox_mix_kernels *kernels;
  const kvox_array *in, *out;
  float *scratch; /* for each worker: the inputs of a tile, and its outputs */
} mix_job;

static int64_t scratch_floats(const kvox_mix *mix) { return (mix->inputs + mix->outputs) * KVOX_MRI_TILE_ROW; }

static kvox_status mix_tile(void *data, int64_t index, int32_t worker) {
  const mix_job *job = data;
  const kvox_mix *mix = job->mix;
  const kvox_mri_tile at = kvox_mri_tile_at(job->in, index);
  float *in = job->scratch + worker * scratch_floats(mix), *out = in + mix->inputs * KVOX_MRI_TILE_ROW;
  kvox_mri_read_tile(job->in, at.volume * mix->inputs, mix->inputs, at.begin, at.count, in);
  if (!job->kernels->mix(mix, at.padded, in, out)) {
    return kvox_mri_tile_not_finite(job->name, job->in, &at, mix->inputs, in);
  }
  kvox_mri_write_tile(job->out, at.volume * mix->outputs, mix->outputs, at.begin, at.count, out);
  return KVOX_OK;
}

kvox_status kvox_mri_mix_on_cpu(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                                kvox_workspace *workspace, const kvox_array *in, const kvox_array *out) {
  mix_job job = {.name = name, .mix = mix, .kernels = kvox_mix_kernels_of(context->cpu_level), .in = in, .out = out};
  const int64_t tiles = kvox_mri_volumes(in) / mix->inputs * kvox_mri_tiles_of_volume(in);
  const int64_t work = kvox_work(kvox_array_elements(in), 8 * mix->outputs);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, tiles, work);
  KVOX_TRY(kvox_workspace_begin(workspace, workers * (uint64_t)scratch_floats(mix) * sizeof *job.scratch));
  job.scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, mix_tile, &job, &workspace->progress);
  kvox_workspace_add(workspace, stage, kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_mix(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                         kvox_workspace *workspace, const kvox_array *in, const kvox_array *out) {
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = context->ocl == NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_mix_on_device(context, name, stage, mix, taken, in, out, &on_cpu);
  }
  if (on_cpu) {
    status = kvox_mri_mix_on_cpu(context, name, stage, mix, taken, in, out);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_mri_loader kvox_mri_loader_of(const kvox_context *context, const char *name, const kvox_array *array,
                                   const kvox_mix *mix) {
  return (kvox_mri_loader){.name = name,
                           .array = array,
                           .mix = mix,
                           .kernels = kvox_mix_kernels_of(context->cpu_level),
                           .coils = kvox_mri_coils_of(array)};
}

static bool all_finite(const float *tile, int64_t coils, int64_t count) {
  int other = 0;
  for (int64_t c = 0; c < coils; c++) {
    const float *row = tile + c * KVOX_MRI_TILE_ROW;
    for (int64_t n = 0; n < 2 * count; n++) {
      other |= !(fabsf(row[n]) <= FLT_MAX);
    }
  }
  return other == 0;
}

kvox_status kvox_mri_load(const kvox_mri_loader *loader, const kvox_mri_tile *at, float *scratch, float **tile) {
  const int64_t coils = loader->coils;
  float *mixed = scratch + coils * KVOX_MRI_TILE_ROW;
  kvox_mri_read_tile(loader->array, at->volume * coils, coils, at->begin, at->count, scratch);
  *tile = loader->mix != NULL ? mixed : scratch;
  const bool finite = loader->mix != NULL ? loader->kernels->mix(loader->mix, at->padded, scratch, mixed)
                                          : all_finite(scratch, coils, at->count);
  return finite ? KVOX_OK : kvox_mri_tile_not_finite(loader->name, loader->array, at, coils, scratch);
}

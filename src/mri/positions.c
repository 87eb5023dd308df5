/* A geometric compression at work: runs of a row, each sample with the matrix of its position. */
#include <string.h>

#include "core/fail.h"
#include "mri/combine.h"
#include "mri/ocl.h"

typedef struct positions_job {
  const kvox_mri_compression *compression;
  const kvox_combine_kernels *kernels;
  const kvox_array *in, *out;
  int64_t chunks; /* tiles of a row */
  float *scratch; /* for each worker: the coils of a tile, and the virtual ones */
} positions_job;

static int64_t scratch_floats(const kvox_mri_compression *c) {
  return (c->coils + c->virtual_coils) * KVOX_MRI_TILE_ROW;
}

static kvox_status compress_tile(void *data, int64_t index, int32_t worker) {
  const positions_job *job = data;
  const kvox_mri_compression *c = job->compression;
  const int64_t x0 = index % job->chunks * KVOX_MRI_TILE, row = index / job->chunks;
  const int64_t rows = kvox_mri_volume_samples(job->in) / c->positions;
  const int64_t count = kvox_min_i64(KVOX_MRI_TILE, c->positions - x0);
  const kvox_mri_tile at = {.volume = row / rows,
                            .begin = row % rows * c->positions + x0,
                            .count = count,
                            .padded = kvox_round_up(count, KVOX_MRI_STEP)};
  float *in = job->scratch + worker * scratch_floats(c), *out = in + c->coils * KVOX_MRI_TILE_ROW;
  float sums[2 * KVOX_MRI_TILE], ones[KVOX_MRI_TILE];
  for (int64_t n = 0; n < KVOX_MRI_TILE; n++) {
    ones[n] = 1;
  }
  kvox_mri_read_tile(job->in, at.volume * c->coils, c->coils, at.begin, at.count, in);
  for (int64_t v = 0; v < c->virtual_coils; v++) {
    const float *weights = c->weights + v * c->coils * kvox_mri_compression_row(c) + 2 * x0;
    memset(sums, 0, sizeof sums);
    for (int64_t i = 0; i < c->coils; i++) {
      job->kernels->add_weighted(at.padded, weights + i * kvox_mri_compression_row(c), in + i * KVOX_MRI_TILE_ROW,
                                 sums);
    }
    if (!job->kernels->divide(at.padded, sums, ones, out + v * KVOX_MRI_TILE_ROW)) {
      return kvox_mri_tile_not_finite("kvox_mri_compress: in", job->in, &at, c->coils, in);
    }
  }
  kvox_mri_write_tile(job->out, at.volume * c->virtual_coils, c->virtual_coils, at.begin, at.count, out);
  return KVOX_OK;
}

static kvox_status compress_on_cpu(kvox_context *context, const kvox_mri_compression *compression,
                                   kvox_workspace *workspace, const kvox_array *in, const kvox_array *out) {
  positions_job job = {.compression = compression,
                       .kernels = kvox_combine_kernels_of(context->cpu_level),
                       .in = in,
                       .out = out,
                       .chunks = kvox_divide_up(compression->positions, KVOX_MRI_TILE)};
  const int64_t tiles = kvox_array_row_count(in) / compression->coils * job.chunks;
  const int64_t work = kvox_work(kvox_array_elements(in), 8 * compression->virtual_coils);
  const int64_t workers = kvox_workers(&context->threads, tiles, work);
  KVOX_TRY(kvox_workspace_begin(workspace, (uint64_t)(workers * scratch_floats(compression)) * sizeof *job.scratch));
  job.scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, compress_tile, &job, &workspace->progress);
  kvox_workspace_add(workspace, "compress", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_compress_positions(kvox_context *context, const kvox_mri_compression *compression,
                                        kvox_workspace *workspace, const kvox_array *in, const kvox_array *out) {
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = context->ocl == NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_compress_positions_on_device(context, compression, taken, in, out, &on_cpu);
  }
  if (on_cpu) {
    status = compress_on_cpu(context, compression, taken, in, out);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

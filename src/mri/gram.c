#include "mri/gram.h"

#include <string.h>

#include "core/fail.h"

/* Tiles are summed in so many blocks, whatever the number of threads, and blocks in their order. */
enum { MOST_BLOCKS = 32 };

typedef struct gram_job {
  kvox_mri_loader loader;
  int64_t tiles, blocks, pairs;
  float *scratch; /* for each worker */
  double *z;      /* for each worker: a sample */
  double *sums;   /* [block] packed */
} gram_job;

void kvox_mri_unpack(int64_t coils, const double *packed, kvox_complex *full) {
  const double *real = packed, *imaginary = packed + kvox_mri_pairs(coils);
  for (int64_t i = 0; i < coils; i++) {
    for (int64_t j = 0; j <= i; j++, real++, imaginary++) {
      const double im = i == j ? 0 : *imaginary;
      full[i * coils + j] = *real + im * I;
      full[j * coils + i] = *real - im * I;
    }
  }
}

static kvox_status sum_block(void *data, int64_t block, int32_t worker) {
  const gram_job *job = data;
  const int64_t coils = job->loader.coils;
  float *scratch = job->scratch + worker * kvox_mri_loader_floats(&job->loader), *tile = NULL;
  double *z = job->z + worker * 2 * coils, *sums = job->sums + block * 2 * job->pairs;
  for (int64_t t = block * job->tiles / job->blocks; t < (block + 1) * job->tiles / job->blocks; t++) {
    const kvox_mri_tile at = kvox_mri_tile_at(job->loader.array, t);
    KVOX_TRY(kvox_mri_load(&job->loader, &at, scratch, &tile));
    for (int64_t n = 0; n < at.count; n++) {
      kvox_mri_gather(tile, coils, n, z);
      kvox_mri_add_outer(coils, z, sums);
    }
  }
  return KVOX_OK;
}

/* Sizes of a job whose loader is set; returns the workers. */
static int64_t plan(const kvox_context *context, const kvox_array *array, gram_job *job, int64_t *work) {
  const int64_t coils = job->loader.coils;
  job->tiles = kvox_mri_volumes(array) / coils * kvox_mri_tiles_of_volume(array);
  job->blocks = kvox_min_i64(job->tiles, MOST_BLOCKS);
  job->pairs = kvox_mri_pairs(coils);
  *work = kvox_work(kvox_array_elements(array), 4 * coils);
  return kvox_workers(&context->threads, job->blocks, *work);
}

uint64_t kvox_mri_gram_bytes(const kvox_context *context, const kvox_array *array) {
  gram_job job = {.loader = kvox_mri_loader_of(context, "", array, NULL)};
  int64_t work;
  const int64_t workers = plan(context, array, &job, &work), coils = job.loader.coils;
  return (uint64_t)(workers * kvox_mri_loader_floats(&job.loader)) * sizeof *job.scratch +
         (uint64_t)(workers * 2 * coils) * sizeof *job.z + (uint64_t)(job.blocks * 2 * job.pairs) * sizeof *job.sums;
}

kvox_status kvox_mri_gram(kvox_context *context, const char *name, const kvox_array *array, const kvox_mix *mix,
                          void *scratch, kvox_complex *gram) {
  gram_job job = {.loader = kvox_mri_loader_of(context, name, array, mix), .scratch = scratch};
  int64_t work;
  const int64_t workers = plan(context, array, &job, &work), coils = job.loader.coils;
  job.z = (double *)(void *)(job.scratch + workers * kvox_mri_loader_floats(&job.loader));
  job.sums = job.z + workers * 2 * coils;
  memset(job.sums, 0, (size_t)(job.blocks * 2 * job.pairs) * sizeof *job.sums);
  KVOX_TRY(kvox_parallel(&context->threads, job.blocks, work, sum_block, &job, NULL));
  for (int64_t block = 1; block < job.blocks; block++) {
    for (int64_t i = 0; i < 2 * job.pairs; i++) {
      job.sums[i] += job.sums[block * 2 * job.pairs + i];
    }
  }
  kvox_mri_unpack(coils, job.sums, gram);
  return KVOX_OK;
}

/* Robson et al. 2008, "Comprehensive quantification of signal-to-noise ratio and g-factor for image-based and
 * k-space-based parallel imaging reconstructions": the noise of an image from reconstructions of noisier k-space. */
#include "mri/replica.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "kvox/mri_maps.h"

enum { USUAL_REPLICAS = 128 };

/* Operations of a sample's noise, and of a voxel's sums. */
enum { NOISE_OPERATIONS = 80, SUM_OPERATIONS = 24 };

typedef struct replica_job {
  kvox_context *context;
  kvox_workspace *workspace;
  kvox_mri_reconstruct_function reconstruct;
  void *user;
  kvox_mri_replica_options options; /* no zeros are left in it */
  kvox_replica_noise noise;
  int64_t tiles, noise_work, voxels;
  kvox_array image, reference; /* dense */
  double *means, *squares;     /* Welford's */
  int64_t done;                /* replicas in them */
  kvox_array snr, deviation;   /* of rank 3 at least; without data where nobody wants it */
} replica_job;

/* Where everything lies in the workspace, from offset 0 on. */
typedef struct replica_block {
  uint64_t matrix, kspace, image, reference, means, squares, scratch, inner, bytes;
} replica_block;

void kvox_mri_replica_options_init_sized(kvox_mri_replica_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status load_options(const kvox_mri_replica_options *given, kvox_type usual_type,
                                kvox_mri_replica_options *options) {
  *options = (kvox_mri_replica_options){0};
  if (given != NULL) {
    KVOX_TRY(kvox_options_load(options, sizeof *options, given, "kvox_mri_replica_snr: options"));
  }
  options->replicas = options->replicas != 0 ? options->replicas : USUAL_REPLICAS;
  options->image_type = options->image_type != 0 ? options->image_type : usual_type;
  if (options->replicas < 2) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_replica_snr: replicas is %" PRId64 ", must be 2 or more, or 0 for %d", options->replicas,
                     USUAL_REPLICAS);
  }
  if (options->image_type != KVOX_C64 && options->image_type != KVOX_F32) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_replica_snr: image_type is %s, must be c64 or f32",
                     kvox_type_name(options->image_type));
  }
  return KVOX_OK;
}

static int64_t noise_tiles(const kvox_array *kspace) {
  return kvox_mri_volumes(kspace) / kvox_mri_coils_of(kspace) * kvox_mri_tiles_of_volume(kspace);
}

static uint64_t after(uint64_t *end, uint64_t bytes) {
  const uint64_t at = *end;
  *end = at + kvox_aligned(bytes);
  return at;
}

static replica_block lay_out(const kvox_context *context, const kvox_mri_replica_options *options,
                             const kvox_array *kspace, const kvox_array *snr, uint64_t inner) {
  const int64_t coils = kvox_mri_coils_of(kspace), work = kvox_work(kvox_array_elements(kspace), NOISE_OPERATIONS);
  const uint64_t voxels = (uint64_t)kvox_array_elements(snr), samples = (uint64_t)kvox_array_elements(kspace);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, noise_tiles(kspace), work);
  const uint64_t image = voxels * kvox_type_size(options->image_type);
  replica_block b = {0};
  b.matrix = after(&b.bytes, (uint64_t)(coils * coils) * 2 * sizeof(float));
  b.kspace = after(&b.bytes, samples * kvox_type_size(KVOX_C64));
  b.image = after(&b.bytes, image);
  b.reference = after(&b.bytes, image);
  b.means = after(&b.bytes, voxels * sizeof(double));
  b.squares = after(&b.bytes, voxels * sizeof(double));
  b.scratch = after(&b.bytes, workers * (uint64_t)kvox_replica_noise_floats(coils) * sizeof(float));
  b.inner = after(&b.bytes, inner);
  return b;
}

/* ---- One replica ---- */

/* What is measured of voxel i: the part of the image in phase with the reference. */
static double part_of(const replica_job *job, const float *image, int64_t i) {
  if (job->options.image_type == KVOX_F32) {
    return image[i];
  }
  const float *reference = (const float *)job->reference.data;
  const double a = reference[2 * i], b = reference[2 * i + 1], re = image[2 * i], im = image[2 * i + 1];
  const double size = sqrt(a * a + b * b);
  return size > 0 ? (re * a + im * b) / size : re;
}

static kvox_status add_voxels(void *data, int64_t index, int32_t worker) {
  (void)worker;
  replica_job *job = data;
  const float *image = (const float *)job->image.data;
  const int64_t begin = index * KVOX_MRI_TILE, end = kvox_min_i64(begin + KVOX_MRI_TILE, job->voxels);
  const double share = 1 / (double)(job->done + 1);
  for (int64_t i = begin; i < end; i++) {
    const double part = part_of(job, image, i), off = part - job->means[i];
    job->means[i] += off * share;
    job->squares[i] += off * (part - job->means[i]);
  }
  return KVOX_OK;
}

/* K-space with the noise of replica `number` (0: none), and its image. */
static kvox_status make_image(replica_job *job, int64_t number, const kvox_array *image) {
  job->noise.replica = (uint64_t)number;
  double begin = kvox_now();
  KVOX_TRY(
      kvox_parallel(&job->context->threads, job->tiles, job->noise_work, kvox_replica_noise_tile, &job->noise, NULL));
  kvox_workspace_add(job->workspace, "noise", kvox_now() - begin);
  begin = kvox_now();
  const kvox_status status = job->reconstruct(job->user, &job->noise.noisy, image);
  kvox_workspace_add(job->workspace, "reconstruct", kvox_now() - begin);
  return status;
}

static kvox_status run(replica_job *job) {
  const int64_t parts = kvox_divide_up(job->voxels, KVOX_MRI_TILE), replicas = job->options.replicas;
  memset(job->means, 0, (size_t)job->voxels * sizeof *job->means);
  memset(job->squares, 0, (size_t)job->voxels * sizeof *job->squares);
  KVOX_TRY(make_image(job, 0, &job->reference));
  for (job->done = 0; job->done < replicas; job->done++) {
    KVOX_TRY(kvox_progress_reach(&job->workspace->progress, (double)(job->done + 1) / (double)(replicas + 2)));
    KVOX_TRY(make_image(job, job->done + 1, &job->image));
    const double begin = kvox_now();
    KVOX_TRY(
        kvox_parallel(&job->context->threads, parts, kvox_work(job->voxels, SUM_OPERATIONS), add_voxels, job, NULL));
    kvox_workspace_add(job->workspace, "statistics", kvox_now() - begin);
  }
  return KVOX_OK;
}

/* ---- The result ---- */

static double signal_of(const replica_job *job, int64_t i) {
  if (job->options.from_mean != 0) {
    return fabs(job->means[i]);
  }
  const float *reference = (const float *)job->reference.data;
  return job->options.image_type == KVOX_F32 ? fabs((double)reference[i])
                                             : hypot(reference[2 * i], reference[2 * i + 1]);
}

static kvox_status write_tile(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const replica_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(&job->snr, index);
  const int64_t first = at.volume * kvox_mri_volume_samples(&job->snr) + at.begin;
  float ratio[KVOX_MRI_TILE], noise[KVOX_MRI_TILE];
  for (int64_t n = 0; n < at.count; n++) {
    const double deviation = sqrt(job->squares[first + n] / (double)(job->done - 1)),
                 signal = signal_of(job, first + n);
    if (!isfinite(deviation) || !isfinite(signal)) {
      return kvox_fail(KVOX_ERROR_DATA,
                       "kvox_mri_replica_snr: voxel %" PRId64
                       " (in C order) of a reconstructed image is NaN or infinite",
                       first + n);
    }
    ratio[n] = (float)(deviation > 0 ? signal / deviation : 0);
    noise[n] = (float)deviation;
  }
  kvox_mri_write(&job->snr, at.volume, at.begin, at.count, ratio);
  if (job->deviation.data != NULL) {
    kvox_mri_write(&job->deviation, at.volume, at.begin, at.count, noise);
  }
  return KVOX_OK;
}

static kvox_status write(replica_job *job) {
  const int64_t tiles = kvox_mri_volumes(&job->snr) * kvox_mri_tiles_of_volume(&job->snr);
  const double begin = kvox_now();
  kvox_progress_next(&job->workspace->progress, 1);
  const kvox_status status = kvox_parallel(&job->context->threads, tiles, kvox_work(job->voxels, SUM_OPERATIONS),
                                           write_tile, job, &job->workspace->progress);
  kvox_workspace_add(job->workspace, "statistics", kvox_now() - begin);
  return status;
}

/* ---- The calls ---- */

static kvox_status check(const kvox_mri_noise *noise, const kvox_array *kspace, const kvox_array *snr,
                         const kvox_array *deviation) {
  static const char in[] = "kvox_mri_replica_snr: kspace", out[] = "kvox_mri_replica_snr: snr",
                    other[] = "kvox_mri_replica_snr: deviation";
  KVOX_TRY(kvox_mri_check_coils(kspace, in));
  KVOX_TRY(kvox_mri_noise_check_coils(noise, in, kvox_mri_coils_of(kspace)));
  KVOX_TRY(kvox_array_check(snr, out, KVOX_TYPE_BIT(KVOX_F32)));
  KVOX_TRY(kvox_array_check_result(snr, out));
  KVOX_TRY(kvox_array_check_apart(kspace, "kspace", snr, "snr"));
  if (deviation == NULL) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_array_check_shape(deviation, other, KVOX_TYPE_BIT(KVOX_F32), snr->rank, snr->shape));
  KVOX_TRY(kvox_array_check_result(deviation, other));
  KVOX_TRY(kvox_array_check_apart(kspace, "kspace", deviation, "deviation"));
  return kvox_array_check_apart(snr, "snr", deviation, "deviation");
}

static kvox_status fill_in(replica_job *job, const kvox_mri_noise *noise, const kvox_array *kspace,
                           const kvox_array *snr, const kvox_array *deviation, const replica_block *b) {
  char *block = job->workspace->block;
  float *matrix = (float *)(void *)(block + b->matrix);
  kvox_replica_noise_matrix(noise, matrix);
  job->noise =
      (kvox_replica_noise){.kernels = kvox_mix_kernels_of(job->context->cpu_level),
                           .mix = {.outputs = noise->coils, .inputs = noise->coils, .lower = true, .matrix = matrix},
                           .kspace = kspace,
                           .seed = job->options.seed,
                           .scratch = (float *)(void *)(block + b->scratch)};
  job->means = (double *)(void *)(block + b->means);
  job->squares = (double *)(void *)(block + b->squares);
  job->tiles = noise_tiles(kspace);
  job->noise_work = kvox_work(kvox_array_elements(kspace), NOISE_OPERATIONS);
  job->voxels = kvox_array_elements(snr);
  job->snr = kvox_mri_with_volume(snr);
  if (deviation != NULL) {
    job->deviation = kvox_mri_with_volume(deviation);
  }
  const char name[] = "kvox_mri_replica_snr";
  KVOX_TRY(kvox_array_dense(&job->noise.noisy, name, block + b->kspace, KVOX_C64, kspace->rank, kspace->shape));
  KVOX_TRY(kvox_array_dense(&job->image, name, block + b->image, job->options.image_type, snr->rank, snr->shape));
  return kvox_array_dense(&job->reference, name, block + b->reference, job->options.image_type, snr->rank, snr->shape);
}

/* The reconstruction of kvox_mri_replica_snr_fourier. */
typedef struct fourier_chain {
  const kvox_mri_fourier *fourier;
  kvox_workspace part;
} fourier_chain;

static kvox_status transform(void *user, const kvox_array *kspace, const kvox_array *image) {
  fourier_chain *chain = user;
  return kvox_mri_fourier_to_magnitude(chain->fourier, &chain->part, kspace, image);
}

/* `inner` bytes of the workspace are the chain's, where there is one. */
static kvox_status execute(replica_job *job, const kvox_mri_noise *noise, const kvox_array *kspace,
                           const kvox_array *snr, const kvox_array *deviation, fourier_chain *chain, uint64_t inner) {
  const replica_block b = lay_out(job->context, &job->options, kspace, snr, inner);
  if (job->context->memory_limit > 0 && b.bytes > job->context->memory_limit) {
    return kvox_fail_limit("kvox_mri_replica_snr", job->context->memory_limit, b.bytes);
  }
  KVOX_TRY(kvox_workspace_begin(job->workspace, b.bytes));
  if (chain != NULL) {
    /* Its own progress would be told again and again. */
    kvox_workspace_enter(job->workspace, b.inner, inner, &chain->part);
    chain->part.progress.report = NULL;
  }
  KVOX_TRY(fill_in(job, noise, kspace, snr, deviation, &b));
  KVOX_TRY(run(job));
  return write(job);
}

kvox_status kvox_mri_replica_snr(kvox_context *context, const kvox_mri_noise *noise,
                                 const kvox_mri_replica_options *options, kvox_mri_reconstruct_function reconstruct,
                                 void *user, kvox_workspace *workspace, const kvox_array *kspace, const kvox_array *snr,
                                 const kvox_array *deviation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(noise);
  KVOX_REQUIRE(reconstruct);
  replica_job job = {.context = context, .reconstruct = reconstruct, .user = user};
  KVOX_TRY(load_options(options, KVOX_C64, &job.options));
  KVOX_TRY(check(noise, kspace, snr, deviation));
  /* Borrowed: a reconstruction that takes it is refused. */
  KVOX_TRY(kvox_workspace_borrow(context, workspace, &job.workspace));
  const kvox_status status = execute(&job, noise, kspace, snr, deviation, NULL, 0);
  kvox_workspace_give_back(job.workspace);
  return status;
}

kvox_status kvox_mri_replica_snr_fourier(kvox_context *context, const kvox_mri_noise *noise,
                                         const kvox_mri_replica_options *options, const kvox_mri_fourier *fourier,
                                         kvox_workspace *workspace, const kvox_array *kspace, const kvox_array *snr,
                                         const kvox_array *deviation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(noise);
  KVOX_REQUIRE(fourier);
  fourier_chain chain = {.fourier = fourier};
  replica_job job = {.context = context, .reconstruct = transform, .user = &chain};
  KVOX_TRY(load_options(options, KVOX_F32, &job.options));
  if (job.options.image_type != KVOX_F32) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_replica_snr_fourier: image_type is c64, must be f32 or 0: its images are magnitudes");
  }
  KVOX_TRY(check(noise, kspace, snr, deviation));
  kvox_memory_use use;
  KVOX_TRY(kvox_mri_fourier_memory(fourier, &use));
  KVOX_TRY(kvox_workspace_take(context, workspace, &job.workspace));
  const kvox_status status = execute(&job, noise, kspace, snr, deviation, &chain, use.workspace);
  kvox_workspace_give_up(workspace, job.workspace);
  return status;
}

kvox_status kvox_mri_replica_memory(const kvox_context *context, const kvox_mri_replica_options *options,
                                    const kvox_array *kspace, const kvox_array *snr, kvox_memory_use *memory) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(memory);
  kvox_mri_replica_options known;
  KVOX_TRY(load_options(options, KVOX_C64, &known));
  KVOX_TRY(kvox_mri_check_coils(kspace, "kvox_mri_replica_memory: kspace"));
  KVOX_TRY(kvox_array_check(snr, "kvox_mri_replica_memory: snr", KVOX_TYPE_BIT(KVOX_F32)));
  *memory = (kvox_memory_use){.workspace = lay_out(context, &known, kspace, snr, 0).bytes};
  return KVOX_OK;
}

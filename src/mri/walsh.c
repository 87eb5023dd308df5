/*
 * Sensitivities from images (Walsh, Gmitro, Marcellin 2000, "Adaptive reconstruction of phased array MR imagery"): in
 * each voxel the first eigenvector u of R = sum over a window of x x^H, of whitened coils x. With the covariance L L^H
 * the sensitivities of the coils themselves are L u.
 */
#include "mri/walsh.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "cpu/level.h"
#include "mri/ocl.h"

const kvox_walsh_kernels *kvox_walsh_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_walsh, cpu_level); }

void kvox_mri_walsh_options_init_sized(kvox_mri_walsh_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

typedef struct walsh_job {
  kvox_mri_loader images;
  const kvox_walsh_kernels *kernels;
  const kvox_array *maps;
  int64_t coils, pairs, chunks; /* tiles along x */
  int64_t radius[3], size[3];   /* x, y, z */
  float scale;                  /* a power of two: to samples whose squares have a mean about 1 */
  const float *reference;       /* the virtual coil whose phase is taken off, whitened */
  const float *factor;          /* L; NULL: 1 */
  char *scratch;                /* for each worker */
  int64_t scratch_bytes;
} walsh_job;

/* What a worker has; see walsh.h. */
typedef struct walsh_scratch {
  float *columns, *sums, *found, *search, *load;
} walsh_scratch;

static int64_t sums_floats(const walsh_job *job) { return 2 * job->pairs * KVOX_MRI_WALSH_TILE; }
static int64_t columns_floats(const walsh_job *job) { return 2 * job->pairs * KVOX_MRI_WALSH_ROW; }
static int64_t found_floats(const walsh_job *job) { return 2 * job->coils * KVOX_MRI_WALSH_TILE; }

static int64_t scratch_floats(const walsh_job *job) {
  return columns_floats(job) + sums_floats(job) + found_floats(job) +
         kvox_round_up(kvox_mri_walsh_scratch(job->coils), KVOX_MRI_STEP) + kvox_mri_loader_floats(&job->images);
}

static walsh_scratch scratch_of(const walsh_job *job, int32_t worker) {
  walsh_scratch s = {.columns = (float *)(void *)(job->scratch + worker * job->scratch_bytes)};
  s.sums = s.columns + columns_floats(job);
  s.found = s.sums + sums_floats(job);
  s.search = s.found + found_floats(job);
  s.load = s.search + kvox_round_up(kvox_mri_walsh_scratch(job->coils), KVOX_MRI_STEP);
  return s;
}

/* The sums of each column of x from x0 - radius to below x1 + radius over the window's rows and slices about (y, z); 0
 * beyond the array. */
static kvox_status sum_columns(const walsh_job *job, const walsh_scratch *s, int64_t volume, int64_t y, int64_t z,
                               int64_t x0, int64_t x1) {
  const int64_t *r = job->radius, *size = job->size;
  const int64_t begin = kvox_max_i64(x0 - r[0], 0), end = kvox_min_i64(x1 + r[0], size[0]);
  memset(s->columns, 0, (size_t)columns_floats(job) * sizeof *s->columns);
  for (int64_t k = kvox_max_i64(z - r[2], 0); k <= kvox_min_i64(z + r[2], size[2] - 1); k++) {
    for (int64_t j = kvox_max_i64(y - r[1], 0); j <= kvox_min_i64(y + r[1], size[1] - 1); j++) {
      const kvox_mri_tile at = {.volume = volume,
                                .begin = (k * size[1] + j) * size[0] + begin,
                                .count = end - begin,
                                .padded = kvox_round_up(end - begin, KVOX_MRI_STEP)};
      float *tile = NULL;
      KVOX_TRY(kvox_mri_load(&job->images, &at, s->load, &tile));
      job->kernels->add_outer(job->coils, at.padded, job->scale, tile, s->search, s->columns + begin - (x0 - r[0]));
    }
  }
  return KVOX_OK;
}

static kvox_status map_tile(void *data, int64_t index, int32_t worker) {
  const walsh_job *job = data;
  const int64_t *size = job->size, chunk = index % job->chunks, row = index / job->chunks;
  const int64_t y = row % size[1], z = row / size[1] % size[2], volume = row / (size[1] * size[2]);
  const int64_t x0 = chunk * KVOX_MRI_WALSH_TILE, x1 = kvox_min_i64(x0 + KVOX_MRI_WALSH_TILE, size[0]);
  const walsh_scratch s = scratch_of(job, worker);
  KVOX_TRY(sum_columns(job, &s, volume, y, z, x0, x1));
  job->kernels->add_window(job->coils, job->radius[0], s.columns, s.sums);
  job->kernels->find(job->coils, s.sums, s.search, s.found);
  job->kernels->put(job->coils, job->reference, job->factor, s.found, s.load); /* what was loaded is in the sums */
  kvox_mri_write_tile(job->maps, volume * job->coils, job->coils, (z * size[1] + y) * size[0] + x0, x1 - x0, s.load);
  return KVOX_OK;
}

/* What the whole takes first: the reference and L. Then either what finding the reference takes, a matrix, its
 * eigenvectors and the sums, or what finding maps takes. */
static uint64_t reference_bytes(int64_t coils) {
  return kvox_aligned((uint64_t)(2 * coils + 2 * coils * coils) * sizeof(float));
}
uint64_t kvox_mri_walsh_eigen_bytes(int64_t coils) {
  return kvox_aligned((uint64_t)(2 * coils * coils) * sizeof(kvox_complex) + (uint64_t)coils * sizeof(double));
}

void kvox_mri_walsh_factor(const kvox_mri_noise *noise, int64_t n, float *factor) {
  for (int64_t i = 0; i < n * n; i++) {
    kvox_complex sum = 0;
    for (int64_t k = 0; k <= i % n; k++) {
      sum += noise->covariance[i / n * n + k] * conj(noise->whitening[i % n * n + k]);
    }
    factor[2 * i] = (float)creal(sum);
    factor[2 * i + 1] = (float)cimag(sum);
  }
}

static float scale_for(int64_t coils, const kvox_complex *gram, double samples) {
  double trace = 0;
  for (int64_t c = 0; c < coils; c++) {
    trace += creal(gram[c * coils + c]);
  }
  const double size = sqrt(trace / samples);
  return size > 0 ? (float)ldexp(1, (int)fmin(fmax(-ilogb(size), -120), 120)) : 1;
}

kvox_status kvox_mri_walsh_reference(int64_t n, double samples, void *block, float *reference, float *scale) {
  kvox_complex *gram = block, *vectors = gram + n * n;
  double *values = (double *)(void *)(vectors + n * n);
  *scale = scale_for(n, gram, samples);
  KVOX_TRY(kvox_eigen(n, gram, values, vectors));
  for (int64_t c = 0; c < n; c++) {
    reference[c] = (float)creal(vectors[c * n]);
    reference[n + c] = (float)cimag(vectors[c * n]);
  }
  return KVOX_OK;
}

/* Operations of a voxel: the sums, and some ten steps towards the eigenvector. */
static int64_t work_of(const walsh_job *job, int64_t voxels) {
  const int64_t outer = (2 * job->radius[1] + 1) * (2 * job->radius[2] + 1);
  return kvox_work(voxels, job->coils * job->coils * (4 * outer + 80));
}

/* Sizes of a job whose images, maps, window and coils are set: tiles, and the bytes of its workspace. */
static uint64_t plan(const kvox_context *context, walsh_job *job, int64_t *tiles, int64_t *work) {
  const int64_t voxels = kvox_array_elements(job->maps) / job->coils;
  job->pairs = kvox_mri_pairs(job->coils);
  job->chunks = kvox_divide_up(job->size[0], KVOX_MRI_WALSH_TILE);
  *tiles = voxels / job->size[0] * job->chunks;
  *work = work_of(job, voxels);
  job->scratch_bytes = kvox_round_up(scratch_floats(job) * (int64_t)sizeof(float), KVOX_ALIGNMENT);
  const uint64_t maps = (uint64_t)(kvox_workers(&context->threads, *tiles, *work) * job->scratch_bytes);
  const uint64_t reference = kvox_mri_walsh_eigen_bytes(job->coils) + kvox_mri_gram_bytes(context, job->images.array);
  return reference_bytes(job->coils) + (maps > reference ? maps : reference);
}

uint64_t kvox_mri_walsh_bytes(const kvox_context *context, const kvox_array *images) {
  walsh_job job = {.images = kvox_mri_loader_of(context, "", images, NULL), .maps = images};
  int64_t tiles, work;
  job.coils = job.images.coils;
  for (int axis = 0; axis < 3; axis++) {
    job.size[axis] = images->shape[images->rank - 1 - axis];
    kvox_mri_window_radius("", 0, job.size[axis], &job.radius[axis]);
  }
  return plan(context, &job, &tiles, &work);
}

static kvox_status make_maps(kvox_context *context, walsh_job *job, kvox_workspace *workspace, int64_t tiles,
                             int64_t work) {
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, map_tile, job, &workspace->progress);
  kvox_workspace_add(workspace, "maps", kvox_now() - begin);
  return status;
}

static kvox_status maps_on_cpu(kvox_context *context, const kvox_mri_noise *noise, walsh_job *job,
                               kvox_workspace *workspace) {
  const int64_t n = job->coils;
  int64_t tiles, work;
  KVOX_TRY(kvox_workspace_begin(workspace, plan(context, job, &tiles, &work)));
  float *reference = workspace->block, *factor = reference + 2 * n;
  job->scratch = (char *)workspace->block + reference_bytes(n);
  KVOX_TRY(kvox_mri_gram(context, job->images.name, job->images.array, job->images.mix,
                         job->scratch + kvox_mri_walsh_eigen_bytes(n), (kvox_complex *)(void *)job->scratch));
  KVOX_TRY(kvox_mri_walsh_reference(n, (double)kvox_array_elements(job->maps), job->scratch, reference, &job->scale));
  job->reference = reference;
  if (noise != NULL) {
    kvox_mri_walsh_factor(noise, n, factor);
    job->factor = factor;
  }
  return make_maps(context, job, workspace, tiles, work);
}

static kvox_status check(const kvox_ocl *ocl, const kvox_mri_walsh_options *options, const kvox_array *images,
                         const kvox_array *maps, walsh_job *job) {
  static const char *const names[3] = {"kvox_mri_walsh_maps: window[0]", "kvox_mri_walsh_maps: window[1]",
                                       "kvox_mri_walsh_maps: window[2]"};
  KVOX_TRY(kvox_mri_check_maps(ocl, "kvox_mri_walsh_maps: images", images, "kvox_mri_walsh_maps: maps", maps));
  if (kvox_mri_coils_of(images) > KVOX_LINALG_MOST) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_walsh_maps: images: it has %" PRId64 " coils, may have %d",
                     kvox_mri_coils_of(images), KVOX_LINALG_MOST);
  }
  if (options->noise != NULL) {
    KVOX_TRY(kvox_mri_noise_check_coils(options->noise, "kvox_mri_walsh_maps: images", kvox_mri_coils_of(images)));
  }
  for (int axis = 0; axis < 3; axis++) {
    job->size[axis] = images->shape[images->rank - 1 - axis];
    KVOX_TRY(kvox_mri_window_radius(names[axis], options->window[axis], job->size[axis], &job->radius[axis]));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_walsh_maps(kvox_context *context, const kvox_mri_walsh_options *options, kvox_workspace *workspace,
                                const kvox_array *images, const kvox_array *maps) {
  KVOX_REQUIRE(context);
  kvox_mri_walsh_options known = {.struct_size = sizeof known};
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&known, sizeof known, options, "kvox_mri_walsh_maps: options"));
  }
  walsh_job job = {.kernels = kvox_walsh_kernels_of(context->cpu_level), .maps = maps};
  KVOX_TRY(check(context->ocl, &known, images, maps, &job));
  const kvox_mix whitening = known.noise != NULL ? kvox_mri_noise_mix(known.noise) : (kvox_mix){.outputs = 0};
  job.images =
      kvox_mri_loader_of(context, "kvox_mri_walsh_maps: images", images, known.noise != NULL ? &whitening : NULL);
  job.coils = job.images.coils;
  kvox_workspace *taken = NULL;
  bool on_cpu = context->ocl == NULL;
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_walsh_on_device(context, known.noise, job.radius, taken, images, maps, &on_cpu);
  }
  if (on_cpu) {
    status = maps_on_cpu(context, known.noise, &job, taken);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

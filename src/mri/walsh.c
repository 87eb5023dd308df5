/*
 * Sensitivities from images (Walsh, Gmitro, Marcellin 2000, "Adaptive reconstruction of phased array MR imagery"): in
 * each voxel the first eigenvector u of R = sum over a window of x x^H, of whitened coils x. With the covariance L L^H
 * the sensitivities of the coils themselves are L u.
 */
#include "mri/walsh.h"

#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"

void kvox_mri_walsh_options_init_sized(kvox_mri_walsh_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

typedef struct walsh_job {
  kvox_mri_loader images;
  const kvox_array *maps;
  int64_t coils, pairs, chunks;  /* tiles along x */
  int64_t radius[3], size[3];    /* x, y, z */
  const kvox_complex *reference; /* the virtual coil whose phase is taken off, whitened */
  const kvox_complex *factor;    /* L [coil][coil]; NULL: 1 */
  char *scratch;                 /* for each worker */
  int64_t scratch_bytes;
} walsh_job;

/* What a worker has. Sums are packed (gram.h). */
typedef struct walsh_scratch {
  double *z, *columns, *sum;
  kvox_mri_walsh_vectors vectors;
  float *load;
} walsh_scratch;

static int64_t columns_of(const walsh_job *job) { return KVOX_MRI_WALSH_TILE + 2 * job->radius[0]; }

static int64_t scratch_doubles(const walsh_job *job) {
  const int64_t n = job->coils;
  return 2 * n + (columns_of(job) + 1) * 2 * job->pairs + 2 * n * n + 4 * n;
}

static walsh_scratch scratch_of(const walsh_job *job, int32_t worker) {
  const int64_t n = job->coils;
  double *at = (double *)(void *)(job->scratch + worker * job->scratch_bytes);
  walsh_scratch s = {.z = at, .columns = at + 2 * n};
  s.sum = s.columns + columns_of(job) * 2 * job->pairs;
  s.vectors.matrix = s.sum + 2 * job->pairs;
  s.vectors.found = s.vectors.matrix + 2 * n * n;
  s.vectors.next = s.vectors.found + 2 * n;
  s.load = (float *)(void *)(at + scratch_doubles(job));
  return s;
}

/* The sums of each column [begin, end) of x over the window's rows and slices about (y, z). */
static kvox_status sum_columns(const walsh_job *job, const walsh_scratch *s, int64_t volume, int64_t y, int64_t z,
                               int64_t begin, int64_t end) {
  const int64_t *r = job->radius, *size = job->size;
  memset(s->columns, 0, (size_t)((end - begin) * 2 * job->pairs) * sizeof *s->columns);
  for (int64_t k = kvox_max_i64(z - r[2], 0); k <= kvox_min_i64(z + r[2], size[2] - 1); k++) {
    for (int64_t j = kvox_max_i64(y - r[1], 0); j <= kvox_min_i64(y + r[1], size[1] - 1); j++) {
      const kvox_mri_tile at = {.volume = volume,
                                .begin = (k * size[1] + j) * size[0] + begin,
                                .count = end - begin,
                                .padded = kvox_round_up(end - begin, KVOX_MRI_STEP)};
      float *tile = NULL;
      KVOX_TRY(kvox_mri_load(&job->images, &at, s->load, &tile));
      for (int64_t n = 0; n < at.count; n++) {
        kvox_mri_gather(tile, job->coils, n, s->z);
        kvox_mri_add_outer(job->coils, s->z, s->columns + n * 2 * job->pairs);
      }
    }
  }
  return KVOX_OK;
}

/* The map of one voxel: the eigenvector in the reference's phase, of the coils as they are. */
static void put_map(const walsh_job *job, const double *u, float *out) {
  const int64_t n = job->coils;
  kvox_complex seen = 0;
  for (int64_t c = 0; c < n; c++) {
    const double re = creal(job->reference[c]), im = cimag(job->reference[c]);
    seen += re * u[c] + im * u[n + c] + (re * u[n + c] - im * u[c]) * I;
  }
  const double size = cabs(seen);
  const double turn_re = size > 0 ? creal(seen) / size : 1, turn_im = size > 0 ? -cimag(seen) / size : 0;
  for (int64_t c = 0; c < n; c++) {
    double re = u[c], im = u[n + c];
    if (job->factor != NULL) {
      re = im = 0;
      for (int64_t k = 0; k <= c; k++) {
        const double a = creal(job->factor[c * n + k]), b = cimag(job->factor[c * n + k]);
        re += a * u[k] - b * u[n + k];
        im += a * u[n + k] + b * u[k];
      }
    }
    out[c * KVOX_MRI_TILE_ROW] = (float)(re * turn_re - im * turn_im);
    out[c * KVOX_MRI_TILE_ROW + 1] = (float)(re * turn_im + im * turn_re);
  }
}

static kvox_status map_tile(void *data, int64_t index, int32_t worker) {
  const walsh_job *job = data;
  const int64_t *size = job->size, r = job->radius[0], chunk = index % job->chunks, row = index / job->chunks;
  const int64_t y = row % size[1], z = row / size[1] % size[2], volume = row / (size[1] * size[2]);
  const int64_t x0 = chunk * KVOX_MRI_WALSH_TILE, x1 = kvox_min_i64(x0 + KVOX_MRI_WALSH_TILE, size[0]);
  const int64_t begin = kvox_max_i64(x0 - r, 0), end = kvox_min_i64(x1 + r, size[0]), elements = 2 * job->pairs;
  walsh_scratch s = scratch_of(job, worker);
  KVOX_TRY(sum_columns(job, &s, volume, y, z, begin, end));
  for (int64_t x = x0; x < x1; x++) {
    memset(s.sum, 0, (size_t)elements * sizeof *s.sum);
    for (int64_t i = kvox_max_i64(x - r, 0); i <= kvox_min_i64(x + r, size[0] - 1); i++) {
      const double *column = s.columns + (i - begin) * elements;
      for (int64_t k = 0; k < elements; k++) {
        s.sum[k] += column[k];
      }
    }
    kvox_mri_walsh_first(job->coils, s.sum, &s.vectors);
    put_map(job, s.vectors.found, s.load + 2 * (x - x0)); /* what was loaded is in the sums */
  }
  kvox_mri_write_tile(job->maps, volume * job->coils, job->coils, (z * size[1] + y) * size[0] + x0, x1 - x0, s.load);
  return KVOX_OK;
}

/* What the whole takes first: the reference and L. Then either what finding the reference takes, a matrix, its
 * eigenvectors and the sums, or what finding maps takes. */
static uint64_t reference_bytes(int64_t coils) {
  return kvox_aligned((uint64_t)(coils + coils * coils) * sizeof(kvox_complex));
}
static uint64_t eigen_bytes(int64_t coils) {
  return kvox_aligned((uint64_t)(2 * coils * coils) * sizeof(kvox_complex) + (uint64_t)coils * sizeof(double));
}

/* The coil that has most of the energy, and L = covariance W^H, since W covariance W^H = 1. */
static kvox_status make_reference(kvox_context *context, const kvox_mri_noise *noise, const walsh_job *job, char *block,
                                  kvox_complex *reference, kvox_complex *factor) {
  const int64_t n = job->coils;
  kvox_complex *gram = (kvox_complex *)(void *)block, *vectors = gram + n * n;
  double *values = (double *)(void *)(vectors + n * n);
  KVOX_TRY(kvox_mri_gram(context, job->images.name, job->images.array, job->images.mix, block + eigen_bytes(n), gram));
  KVOX_TRY(kvox_eigen(n, gram, values, vectors));
  for (int64_t c = 0; c < n; c++) {
    reference[c] = vectors[c * n];
  }
  for (int64_t i = 0; noise != NULL && i < n * n; i++) {
    kvox_complex sum = 0;
    for (int64_t k = 0; k <= i % n; k++) {
      sum += noise->covariance[i / n * n + k] * conj(noise->whitening[i % n * n + k]);
    }
    factor[i] = sum;
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
  job->scratch_bytes = kvox_round_up(
      scratch_doubles(job) * (int64_t)sizeof(double) + kvox_mri_loader_floats(&job->images) * (int64_t)sizeof(float),
      KVOX_ALIGNMENT);
  const uint64_t maps = (uint64_t)(kvox_workers(&context->threads, *tiles, *work) * job->scratch_bytes);
  const uint64_t reference = eigen_bytes(job->coils) + kvox_mri_gram_bytes(context, job->images.array);
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

static kvox_status check(const kvox_mri_walsh_options *options, const kvox_array *images, const kvox_array *maps,
                         walsh_job *job) {
  static const char *const names[3] = {"kvox_mri_walsh_maps: window[0]", "kvox_mri_walsh_maps: window[1]",
                                       "kvox_mri_walsh_maps: window[2]"};
  KVOX_TRY(kvox_mri_check_maps("kvox_mri_walsh_maps: images", images, "kvox_mri_walsh_maps: maps", maps));
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
  walsh_job job = {.maps = maps};
  KVOX_TRY(check(&known, images, maps, &job));
  const kvox_mix whitening = known.noise != NULL ? kvox_mri_noise_mix(known.noise) : (kvox_mix){.outputs = 0};
  job.images =
      kvox_mri_loader_of(context, "kvox_mri_walsh_maps: images", images, known.noise != NULL ? &whitening : NULL);
  job.coils = job.images.coils;
  kvox_workspace *taken = NULL;
  int64_t tiles, work;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_workspace_begin(taken, plan(context, &job, &tiles, &work)));
  kvox_complex *reference = taken->block, *factor = reference + job.coils;
  job.scratch = (char *)taken->block + reference_bytes(job.coils);
  KVOX_TRY_CLEANUP(make_reference(context, known.noise, &job, job.scratch, reference, factor));
  job.reference = reference;
  job.factor = known.noise != NULL ? factor : NULL;
  status = make_maps(context, &job, taken, tiles, work);
cleanup:
  kvox_workspace_give_up(workspace, taken);
  return status;
}

/*
 * Images of the windowed centre of k-space. So few samples lie there that sums written out, axis by axis, do not take
 * longer than transforms of the whole grid.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context/workspace.h"
#include "core/fail.h"
#include "kvox/mri_coils.h"
#include "mri/tiles.h"

static const double two_pi = 6.283185307179586;
static const char kspace_name[] = "kvox_mri_low_resolution: kspace", images_name[] = "kvox_mri_low_resolution: images";
enum { USUAL_REGION = 24 };

/* One axis: `region` samples from index `first` on become `size` positions. */
typedef struct low_axis {
  int64_t region, first, size;
  double *table; /* window times exp(2 pi i k x / size) / sqrt(size): [real, imaginary][sample][position] */
} low_axis;

typedef struct low_job {
  const kvox_array *kspace, *images;
  low_axis axes[3]; /* x, y, z */
  double *scratch;  /* for each worker */
} low_job;

/* out += (a + i b) in; rows are real parts, then imaginary ones. */
static void add_scaled(int64_t count, double a, double b, const double *restrict in,
                       const double *restrict in_imaginary, double *restrict out) {
  double *imaginary = out + count;
  for (int64_t x = 0; x < count; x++) {
    out[x] += a * in[x] - b * in_imaginary[x];
    imaginary[x] += a * in_imaginary[x] + b * in[x];
  }
}

static int64_t scratch_doubles(const low_job *job) {
  const low_axis *x = &job->axes[0], *y = &job->axes[1], *z = &job->axes[2];
  return (z->region * y->region + z->region * y->size + 2) * 2 * x->size;
}

/* Row (ky, kz) of the region, transformed along x. */
static kvox_status transform_x(const low_job *job, int64_t volume, int64_t ky, int64_t kz, double *out) {
  const low_axis *x = &job->axes[0];
  const int32_t rank = job->kspace->rank;
  const int64_t *shape = job->kspace->shape + rank - 3, coils = kvox_mri_coils_of(job->kspace);
  const int64_t begin = ((kz + job->axes[2].first) * shape[1] + ky + job->axes[1].first) * shape[2] + x->first;
  memset(out, 0, (size_t)(2 * x->size) * sizeof *out);
  for (int64_t k = 0; k < x->region; k++) {
    float sample[2];
    kvox_mri_read(job->kspace, volume, begin + k, 1, sample);
    if (!isfinite(sample[0]) || !isfinite(sample[1])) {
      return kvox_mri_not_finite(kspace_name, job->kspace, volume / coils, volume % coils, begin + k);
    }
    add_scaled(x->size, sample[0], sample[1], x->table + k * x->size, x->table + (x->region + k) * x->size, out);
  }
  return KVOX_OK;
}

/* One position of an axis from its samples' rows. */
static void transform_position(const low_axis *axis, int64_t position, int64_t count, const double *rows,
                               int64_t row_step, double *out) {
  memset(out, 0, (size_t)(2 * count) * sizeof *out);
  for (int64_t k = 0; k < axis->region; k++) {
    const double *row = rows + k * row_step;
    add_scaled(count, axis->table[k * axis->size + position], axis->table[(axis->region + k) * axis->size + position],
               row, row + count, out);
  }
}

static kvox_status image_volume(void *data, int64_t volume, int32_t worker) {
  const low_job *job = data;
  const low_axis *x = &job->axes[0], *y = &job->axes[1], *z = &job->axes[2];
  const int64_t row = 2 * x->size;
  double *along_x = job->scratch + worker * scratch_doubles(job), *along_y = along_x + z->region * y->region * row;
  double *line = along_y + z->region * y->size * row;
  float *out = (float *)(void *)(line + row);
  for (int64_t kz = 0; kz < z->region; kz++) {
    for (int64_t ky = 0; ky < y->region; ky++) {
      KVOX_TRY(transform_x(job, volume, ky, kz, along_x + (kz * y->region + ky) * row));
    }
    for (int64_t j = 0; j < y->size; j++) {
      transform_position(y, j, x->size, along_x + kz * y->region * row, row, along_y + (kz * y->size + j) * row);
    }
  }
  for (int64_t k = 0; k < z->size; k++) {
    for (int64_t j = 0; j < y->size; j++) {
      transform_position(z, k, x->size, along_y + j * row, y->size * row, line);
      for (int64_t i = 0; i < x->size; i++) {
        out[2 * i] = (float)line[i];
        out[2 * i + 1] = (float)line[x->size + i];
      }
      kvox_mri_write(job->images, volume, (k * y->size + j) * x->size, x->size, out);
    }
  }
  return KVOX_OK;
}

/* Sample k (0 in the middle) has Hann's window over the region; centres are at size / 2 on both sides. */
static kvox_status make_axis(kvox_heap *heap, low_axis *axis) {
  const int64_t n = axis->size, r = axis->region;
  axis->table = kvox_allocate_array(heap, 2 * r * n, sizeof *axis->table);
  if (axis->table == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t k = 0; k < r; k++) {
    const int64_t frequency = k - r / 2;
    const double window = (0.5 + 0.5 * cos(two_pi * (double)frequency / (double)r)) / sqrt((double)n);
    for (int64_t x = 0; x < n; x++) {
      /* A whole number of n-ths of a turn, so that no digits are lost. */
      const double angle = two_pi * (double)(frequency * (x - n / 2) % n) / (double)n;
      axis->table[k * n + x] = window * cos(angle);
      axis->table[(r + k) * n + x] = window * sin(angle);
    }
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_array *kspace, const int64_t region[3], const kvox_array *images, low_job *job) {
  KVOX_TRY(kvox_mri_check_coils(kspace, kspace_name));
  KVOX_TRY(kvox_mri_check_coils(images, images_name));
  int64_t shape[KVOX_MAX_RANK];
  memcpy(shape, kspace->shape, sizeof shape);
  const int32_t rank = kspace->rank;
  if (images->rank == rank) {
    memcpy(shape + rank - 3, images->shape + rank - 3, 3 * sizeof *shape);
  }
  KVOX_TRY(kvox_array_check_shape(images, images_name, KVOX_TYPE_BIT(KVOX_C64), rank, shape));
  KVOX_TRY(kvox_array_check_result(images, images_name));
  for (int a = 0; a < 3; a++) {
    const int64_t samples = kspace->shape[rank - 1 - a], size = images->shape[rank - 1 - a];
    const int64_t most = kvox_min_i64(samples, size), wanted = region != NULL ? region[a] : 0;
    if (wanted < 0 || wanted > most) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_mri_low_resolution: region[%d] is %" PRId64 ", must be from 1 to %" PRId64
                       ", which k-space and images have, or 0 for %d",
                       a, wanted, most, USUAL_REGION);
    }
    const int64_t taken = wanted > 0 ? wanted : kvox_min_i64(USUAL_REGION, most);
    job->axes[a] = (low_axis){.region = taken, .first = samples / 2 - taken / 2, .size = size};
  }
  return kvox_array_check_apart(kspace, "kspace", images, "images");
}

static kvox_status execute(kvox_context *context, low_job *job, kvox_workspace *workspace) {
  const low_axis *axes = job->axes;
  const int64_t volumes = kvox_mri_volumes(job->kspace);
  const int64_t work = kvox_work(kvox_array_elements(job->images), 4 * axes[2].region + 4);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, volumes, work);
  KVOX_TRY(kvox_workspace_begin(workspace, workers * (uint64_t)scratch_doubles(job) * sizeof *job->scratch));
  job->scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, volumes, work, image_volume, job, &workspace->progress);
  kvox_workspace_add(workspace, "maps", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_low_resolution(kvox_context *context, const int64_t region[3], kvox_workspace *workspace,
                                    const kvox_array *kspace, const kvox_array *images) {
  KVOX_REQUIRE(context);
  low_job job = {.kspace = kspace, .images = images};
  KVOX_TRY(check(kspace, region, images, &job));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  kvox_status status = KVOX_OK;
  for (int a = 0; a < 3 && status == KVOX_OK; a++) {
    status = make_axis(context->heap, &job.axes[a]);
  }
  if (status == KVOX_OK) {
    status = execute(context, &job, taken);
  }
  for (int a = 0; a < 3; a++) {
    kvox_release(context->heap, job.axes[a].table);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

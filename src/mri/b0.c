/*
 * The main field from the phases of echoes. Coils are joined by the Hermitian inner product of neighbouring echoes
 * (Robinson and Jovicich 2011, "B0 mapping with multi-channel RF coils at high field"), which telescopes along the
 * echoes to first order: errors of the summed phases are those of each echo alone, so that the weighted line is the
 * best one.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "kvox/mri_maps.h"
#include "mri/combine.h"
#include "mri/echoes.h"
#include "mri/ocl.h"
#include "mri/polar.h"

static const double two_pi = 6.283185307179586;

/* Operations of a sample: two sums and a share of an angle and of the fit. */
enum { OPERATIONS = 48 };

typedef struct field_job {
  const kvox_combine_kernels *combine;
  const kvox_polar_kernels *polar;
  const kvox_array *images, *field, *weight;
  int64_t echoes, coils;
  const double *times_ms;
  double shortest_ms;
  float *scratch; /* for each worker */
} field_job;

/* What a worker has, each KVOX_MRI_TILE floats long. */
typedef struct field_scratch {
  float *row[2];   /* c64: two */
  float *products; /* two for each step: real, imaginary; then those of the shortest steps together */
  float *phases;   /* one for each step, and of the shortest ones */
  float *squares;  /* one for each echo */
  float *field, *weight;
} field_scratch;

static int64_t scratch_floats(const field_job *job) { return (4 + 4 * job->echoes + 2) * KVOX_MRI_TILE; }

static field_scratch scratch_of(const field_job *job, int32_t worker) {
  float *at = job->scratch + worker * scratch_floats(job);
  field_scratch s = {.row = {at, at + 2 * KVOX_MRI_TILE}, .products = at + 4 * KVOX_MRI_TILE};
  s.phases = s.products + 2 * job->echoes * KVOX_MRI_TILE;
  s.squares = s.phases + job->echoes * KVOX_MRI_TILE;
  s.field = s.squares + job->echoes * KVOX_MRI_TILE;
  s.weight = s.field + KVOX_MRI_TILE;
  return s;
}

static int64_t volume_of(const field_job *job, int64_t volume, int64_t echo, int64_t coil) {
  return (volume * job->echoes + echo) * job->coils + coil;
}

static kvox_status not_finite(const field_job *job, const kvox_mri_tile *at, int64_t echo, float *row) {
  for (int64_t c = 0; c < job->coils; c++) {
    kvox_mri_read(job->images, volume_of(job, at->volume, echo, c), at->begin, at->count, row);
    for (int64_t n = 0; n < at->count; n++) {
      if (!(row[2 * n] * row[2 * n] + row[2 * n + 1] * row[2 * n + 1] <= KVOX_MRI_MOST_SQUARES)) {
        return kvox_mri_field_refuse(job->images, at->volume * job->echoes + echo, c, at->begin + n);
      }
    }
  }
  return kvox_mri_field_refuse(job->images, 0, -1, 0);
}

kvox_status kvox_mri_field_refuse(const kvox_array *images, int64_t volume, int64_t coil, int64_t sample) {
  return coil >= 0
             ? kvox_mri_not_finite("kvox_mri_field_map: images", images, volume, coil, sample)
             : kvox_fail(KVOX_ERROR_DATA, "kvox_mri_field_map: a sum of squares is out of the range of 32-bit floats");
}

/* Products of neighbouring echoes and squares of each, over all coils. */
static kvox_status sum_coils(const field_job *job, const kvox_mri_tile *at, const field_scratch *s) {
  memset(s->products, 0, (size_t)(2 * job->echoes * KVOX_MRI_TILE) * sizeof *s->products);
  memset(s->squares, 0, (size_t)(job->echoes * KVOX_MRI_TILE) * sizeof *s->squares);
  for (int64_t c = 0; c < job->coils; c++) {
    for (int64_t e = 0; e < job->echoes; e++) {
      float *row = s->row[e % 2];
      kvox_mri_read(job->images, volume_of(job, at->volume, e, c), at->begin, at->count, row);
      memset(row + 2 * at->count, 0, (size_t)(2 * (at->padded - at->count)) * sizeof *row);
      job->combine->add_squares(at->padded, row, s->squares + e * KVOX_MRI_TILE);
      if (e > 0) {
        job->combine->add_weighted(at->padded, s->row[1 - e % 2], row, s->products + 2 * (e - 1) * KVOX_MRI_TILE);
      }
    }
  }
  for (int64_t e = 0; e < job->echoes; e++) {
    const float *squares = s->squares + e * KVOX_MRI_TILE;
    int outside = 0;
    for (int64_t n = 0; n < at->count; n++) {
      outside |= !(squares[n] <= KVOX_MRI_MOST_SQUARES);
    }
    if (outside != 0) {
      return not_finite(job, at, e, s->row[0]);
    }
  }
  return KVOX_OK;
}

/* The phase of each step, and of the shortest ones together. */
static void make_phases(const field_job *job, const kvox_mri_tile *at, const field_scratch *s) {
  const int64_t steps = job->echoes - 1;
  float *together = s->products + 2 * steps * KVOX_MRI_TILE;
  for (int64_t e = 0; e < steps; e++) {
    const float *products = s->products + 2 * e * KVOX_MRI_TILE;
    job->polar->angle(at->padded, products, products + KVOX_MRI_TILE, s->phases + e * KVOX_MRI_TILE);
    if (job->times_ms[e + 1] - job->times_ms[e] <= job->shortest_ms * (1 + KVOX_MRI_SAME_STEP)) {
      for (int64_t n = 0; n < at->padded; n++) {
        together[n] += products[n];
        together[KVOX_MRI_TILE + n] += products[KVOX_MRI_TILE + n];
      }
    }
  }
  job->polar->angle(at->padded, together, together + KVOX_MRI_TILE, s->phases + steps * KVOX_MRI_TILE);
}

/* The line through the unwrapped phases of voxel n. Echoes from the first one without signal on do not count. */
static void fit(const field_job *job, const field_scratch *s, int64_t n) {
  const double turns_per_ms = s->phases[(job->echoes - 1) * KVOX_MRI_TILE + n] / (two_pi * job->shortest_ms);
  double turns = 0, sum = 0, sum_t = 0, sum_tt = 0, sum_p = 0, sum_tp = 0;
  for (int64_t e = 0; e < job->echoes; e++) {
    const double t = job->times_ms[e] - job->times_ms[0], w = s->squares[e * KVOX_MRI_TILE + n];
    if (w == 0) {
      break;
    }
    if (e > 0) {
      const double step = s->phases[(e - 1) * KVOX_MRI_TILE + n] / two_pi;
      turns += step + rint(turns_per_ms * (job->times_ms[e] - job->times_ms[e - 1]) - step);
    }
    sum += w;
    sum_t += w * t;
    sum_tt += w * t * t;
    sum_p += w * turns;
    sum_tp += w * t * turns;
  }
  const double spread = sum > 0 ? sum_tt - sum_t * sum_t / sum : 0; /* sum of w (t - mean)^2, in ms^2 */
  const bool known = spread > 0;
  s->field[n] = (float)(known ? 1e3 * (sum_tp - sum_t * sum_p / sum) / spread : 0);
  s->weight[n] = (float)(known ? fmin(2 * two_pi * two_pi * 1e-6 * spread, FLT_MAX) : 0);
}

static kvox_status field_tile(void *data, int64_t index, int32_t worker) {
  const field_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(job->field, index);
  const field_scratch s = scratch_of(job, worker);
  KVOX_TRY(sum_coils(job, &at, &s));
  make_phases(job, &at, &s);
  for (int64_t n = 0; n < at.count; n++) {
    fit(job, &s, n);
  }
  kvox_mri_write(job->field, at.volume, at.begin, at.count, s.field);
  if (job->weight != NULL) {
    kvox_mri_write(job->weight, at.volume, at.begin, at.count, s.weight);
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_ocl *ocl, const kvox_array *images, const double *echo_times_ms,
                         const kvox_array *field, const kvox_array *weight) {
  static const char name[] = "kvox_mri_field_map";
  KVOX_TRY(kvox_array_check(images, "kvox_mri_field_map: images", KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(ocl, images, "kvox_mri_field_map: images"));
  if (images->rank < 5) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: images: rank %" PRId32 ", must be at least 5: [.., echo, coil, z, y, x]",
                     name, images->rank);
  }
  KVOX_TRY(kvox_mri_check_echoes(name, images->shape[images->rank - 5], echo_times_ms));
  KVOX_TRY(kvox_mri_check_map(ocl, field, "kvox_mri_field_map: field_hz", images, 2));
  if (weight == NULL) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_mri_check_map(ocl, weight, "kvox_mri_field_map: weight", images, 2));
  return kvox_array_check_apart(field, "field_hz", weight, "weight");
}

static kvox_status map_on_cpu(kvox_context *context, field_job *job, kvox_workspace *workspace) {
  const int64_t tiles = kvox_mri_volumes(job->field) * kvox_mri_tiles_of_volume(job->field);
  const int64_t work = kvox_work(kvox_array_elements(job->images), OPERATIONS);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, tiles, work);
  KVOX_TRY(kvox_workspace_begin(workspace, workers * (uint64_t)scratch_floats(job) * sizeof *job->scratch));
  job->scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, field_tile, job, &workspace->progress);
  kvox_workspace_add(workspace, "field", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_field_map(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                               const double *echo_times_ms, const kvox_array *field_hz, const kvox_array *weight) {
  KVOX_REQUIRE(context);
  KVOX_TRY(check(context->ocl, images, echo_times_ms, field_hz, weight));
  field_job job = {.combine = kvox_combine_kernels_of(context->cpu_level),
                   .polar = kvox_polar_kernels_of(context->cpu_level),
                   .images = images,
                   .field = field_hz,
                   .weight = weight,
                   .echoes = images->shape[images->rank - 5],
                   .coils = kvox_mri_coils_of(images),
                   .times_ms = echo_times_ms,
                   .shortest_ms = kvox_mri_shortest_step(images->shape[images->rank - 5], echo_times_ms)};
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  bool on_cpu = context->ocl == NULL;
  kvox_status status = KVOX_OK;
  if (!on_cpu) {
    status = kvox_mri_field_on_device(context, echo_times_ms, taken, images, field_hz, weight, &on_cpu);
  }
  if (on_cpu) {
    status = map_on_cpu(context, &job, taken);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

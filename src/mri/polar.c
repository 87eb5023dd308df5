#include "mri/polar.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "cpu/level.h"
#include "kvox/mri_maps.h"
#include "mri/ocl.h"

const kvox_polar_kernels *kvox_polar_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_polar, cpu_level); }

/* Operations of a sample. */
enum { OPERATIONS = 24 };

typedef bool (*polar_function)(int64_t count, const float *in, float *out);

typedef struct polar_job {
  const char *name;
  polar_function function;
  kvox_array in, out; /* of rank 3 at least */
} polar_job;

kvox_status kvox_mri_polar_not_finite(const char *name, const kvox_array *images, int64_t sample) {
  const int64_t *shape = images->shape + images->rank - 3, samples = kvox_mri_volume_samples(images);
  const int64_t n = sample % samples;
  return kvox_fail(KVOX_ERROR_DATA,
                   "%s: images: the sample of volume %" PRId64 " at z %" PRId64 ", y %" PRId64 ", x %" PRId64
                   " is NaN, infinite or out of the range of 32-bit floats",
                   name, sample / samples, n / (shape[1] * shape[2]), n / shape[2] % shape[1], n % shape[2]);
}

static kvox_status not_finite(const polar_job *job, const kvox_mri_tile *at, const float *in, const float *out) {
  int64_t n = 0;
  while (n + 1 < at->count && isfinite(in[2 * n]) && isfinite(in[2 * n + 1]) && isfinite(out[n])) {
    n++;
  }
  return kvox_mri_polar_not_finite(job->name, &job->in, at->volume * kvox_mri_volume_samples(&job->in) + at->begin + n);
}

static kvox_status polar_tile(void *data, int64_t index, int32_t worker) {
  (void)worker;
  const polar_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(&job->in, index);
  float in[2 * KVOX_MRI_TILE], out[KVOX_MRI_TILE];
  kvox_mri_read(&job->in, at.volume, at.begin, at.count, in);
  memset(in + 2 * at.count, 0, (size_t)(2 * (at.padded - at.count)) * sizeof *in);
  if (!job->function(at.padded, in, out)) {
    return not_finite(job, &at, in, out);
  }
  kvox_mri_write(&job->out, at.volume, at.begin, at.count, out);
  return KVOX_OK;
}

static kvox_status check(const kvox_ocl *ocl, const char *in_name, const kvox_array *in, const char *out_name,
                         const kvox_array *out) {
  KVOX_TRY(kvox_array_check(in, in_name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(ocl, in, in_name));
  KVOX_TRY(kvox_array_check_shape(out, out_name, KVOX_TYPE_BIT(KVOX_F32) | KVOX_ON_DEVICE_TOO, in->rank, in->shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, out_name));
  KVOX_TRY(kvox_array_check_result(out, out_name));
  return kvox_array_check_apart(in, "images", out, "the result");
}

static kvox_status polar_on_cpu(kvox_context *context, const char *stage, kvox_workspace *workspace, polar_job *job) {
  const int64_t tiles = kvox_mri_volumes(&job->in) * kvox_mri_tiles_of_volume(&job->in);
  const int64_t work = kvox_work(kvox_array_elements(&job->in), OPERATIONS);
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, polar_tile, job, &workspace->progress);
  kvox_workspace_add(workspace, stage, kvox_now() - begin);
  return status;
}

static kvox_status execute(kvox_context *context, const char *stage, kvox_workspace *workspace, polar_job *job) {
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = context->ocl == NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_polar_on_device(context, job->name, stage, taken, &job->in, &job->out, &on_cpu);
  }
  if (on_cpu) {
    status = polar_on_cpu(context, stage, taken, job);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_magnitude(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                               const kvox_array *magnitude) {
  KVOX_REQUIRE(context);
  KVOX_TRY(check(context->ocl, "kvox_mri_magnitude: images", images, "kvox_mri_magnitude: magnitude", magnitude));
  polar_job job = {.name = "kvox_mri_magnitude",
                   .function = kvox_polar_kernels_of(context->cpu_level)->magnitude,
                   .in = kvox_mri_with_volume(images),
                   .out = kvox_mri_with_volume(magnitude)};
  return execute(context, "magnitude", workspace, &job);
}

kvox_status kvox_mri_phase(kvox_context *context, kvox_workspace *workspace, const kvox_array *images,
                           const kvox_array *phase) {
  KVOX_REQUIRE(context);
  KVOX_TRY(check(context->ocl, "kvox_mri_phase: images", images, "kvox_mri_phase: phase", phase));
  polar_job job = {.name = "kvox_mri_phase",
                   .function = kvox_polar_kernels_of(context->cpu_level)->phase,
                   .in = kvox_mri_with_volume(images),
                   .out = kvox_mri_with_volume(phase)};
  return execute(context, "phase", workspace, &job);
}

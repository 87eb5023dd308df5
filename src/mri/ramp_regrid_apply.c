/* Regridding at work. Stage "mix" turned round: the lines are its matrix, and rows of the operator its samples. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "mri/epi_ocl.h"
#include "mri/mix.h"
#include "mri/ramp_regrid.h"

enum { LINES = 16 }; /* of a block: the operator is read once for two of them */

typedef struct ramp_job {
  const kvox_mri_ramp *ramp;
  const kvox_mix_kernels *kernels;
  const kvox_array *in, *out;
  int32_t reversed;
  int64_t lines;
  float *scratch; /* for each worker: lines of a block, the same of a tile of the grid, and of the whole grid */
} ramp_job;

static int64_t scratch_floats(const kvox_mri_ramp *ramp) {
  return LINES * (2 * kvox_max_i64(ramp->samples, ramp->size) + KVOX_MRI_TILE_ROW + 2 * ramp->size);
}

static void read_line(const kvox_array *array, int64_t line, int64_t turned, float *out) {
  const int64_t count = array->shape[array->rank - 1], stride = array->strides[array->rank - 1];
  const char *at = kvox_array_row(array, line);
  for (int64_t i = 0; i < count; i++) {
    memcpy(out + 2 * (turned ? count - 1 - i : i), at + i * stride, 2 * sizeof *out);
  }
}

static void write_line(const kvox_array *array, int64_t line, const float *in) {
  const int64_t count = array->shape[array->rank - 1], stride = array->strides[array->rank - 1];
  char *at = kvox_array_row(array, line);
  for (int64_t i = 0; i < count; i++) {
    memcpy(at + i * stride, in + 2 * i, 2 * sizeof *in);
  }
}

static bool finite_line(const float *line, int64_t count) {
  int other = 0;
  for (int64_t i = 0; i < 2 * count; i++) {
    other |= !isfinite(line[i]);
  }
  return other == 0;
}

kvox_status kvox_mri_ramp_not_finite(int64_t sample, int64_t line) {
  return kvox_fail(KVOX_ERROR_DATA,
                   "kvox_mri_ramp_apply: in: sample %" PRId64 " of line %" PRId64
                   " is NaN, infinite or out of the range of 32-bit floats",
                   sample, line);
}

/* The first sample that is not finite, or else the first line, whose result left the range of floats. */
static kvox_status not_finite(const ramp_job *job, int64_t first, int64_t lines, const float *in) {
  const int64_t n = job->ramp->samples;
  const bool turned = job->ramp->matrices[0] == NULL && job->reversed;
  int64_t bad = 0;
  for (int64_t i = n * lines - 1; i >= 0; i--) {
    bad = isfinite(in[2 * i]) && isfinite(in[2 * i + 1]) ? bad : i;
  }
  return kvox_mri_ramp_not_finite(turned ? n - 1 - bad % n : bad % n, first + bad / n);
}

static kvox_status regrid_block(void *data, int64_t index, int32_t worker) {
  const ramp_job *job = data;
  const kvox_mri_ramp *ramp = job->ramp;
  const int64_t first = index * LINES, lines = kvox_min_i64(LINES, job->lines - first);
  const int64_t n = ramp->samples, size = ramp->size;
  float *in = job->scratch + worker * scratch_floats(ramp), *tile = in + LINES * 2 * kvox_max_i64(n, size);
  float *out = tile + LINES * KVOX_MRI_TILE_ROW;
  const float *matrix = ramp->matrices[job->reversed];
  for (int64_t l = 0; l < lines; l++) {
    read_line(job->in, first + l, matrix == NULL && job->reversed, in + 2 * n * l);
  }
  const kvox_mix mix = {.outputs = lines, .inputs = n, .matrix = in};
  for (int64_t x = 0; x < size && matrix != NULL; x += KVOX_MRI_TILE, matrix += n * KVOX_MRI_TILE_ROW) {
    const int64_t count = kvox_min_i64(KVOX_MRI_TILE, size - x);
    if (!job->kernels->mix(&mix, kvox_round_up(count, KVOX_MRI_STEP), matrix, tile)) {
      return not_finite(job, first, lines, in);
    }
    for (int64_t l = 0; l < lines; l++) {
      memcpy(out + 2 * (size * l + x), tile + l * KVOX_MRI_TILE_ROW, (size_t)(2 * count) * sizeof *out);
    }
  }
  if (ramp->matrices[0] == NULL) {
    if (!finite_line(in, n * lines)) {
      return not_finite(job, first, lines, in);
    }
    out = in;
  }
  for (int64_t l = 0; l < lines; l++) {
    write_line(job->out, first + l, out + 2 * size * l);
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_mri_ramp *ramp, int32_t reversed, const kvox_array *in, const kvox_array *out) {
  const uint32_t types = KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO;
  const kvox_ocl *ocl = ramp->is_there ? ramp->context->ocl : NULL;
  KVOX_TRY(kvox_array_check(in, "kvox_mri_ramp_apply: in", types));
  KVOX_TRY(kvox_ocl_check_place(ocl, in, "kvox_mri_ramp_apply: in"));
  if (in->shape[in->rank - 1] != ramp->samples) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_ramp_apply: in: its lines have %" PRId64 " samples, must have %" PRId64,
                     in->shape[in->rank - 1], ramp->samples);
  }
  int64_t shape[KVOX_MAX_RANK];
  memcpy(shape, in->shape, sizeof shape);
  shape[in->rank - 1] = ramp->size;
  KVOX_TRY(kvox_array_check_shape(out, "kvox_mri_ramp_apply: out", types, in->rank, shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, "kvox_mri_ramp_apply: out"));
  KVOX_TRY(kvox_array_check_result(out, "kvox_mri_ramp_apply: out"));
  if (reversed != 0 && reversed != 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ramp_apply: reversed is %" PRId32 ", must be 0 or 1", reversed);
  }
  const bool same = ramp->samples == ramp->size && kvox_array_is_same(in, out);
  return same ? KVOX_OK : kvox_array_check_apart(in, "in", out, "out");
}

static kvox_status regrid_on_cpu(const kvox_mri_ramp *ramp, kvox_workspace *workspace, int32_t reversed,
                                 const kvox_array *in, const kvox_array *out) {
  kvox_context *context = ramp->context;
  ramp_job job = {.ramp = ramp,
                  .kernels = kvox_mix_kernels_of(context->cpu_level),
                  .in = in,
                  .out = out,
                  .reversed = reversed,
                  .lines = kvox_array_row_count(in)};
  const int64_t blocks = kvox_divide_up(job.lines, LINES);
  const int64_t work = kvox_work(kvox_array_elements(in), ramp->matrices[0] != NULL ? ramp->size : 4);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, blocks, work);
  KVOX_TRY(kvox_workspace_begin(workspace, workers * (uint64_t)scratch_floats(ramp) * sizeof *job.scratch));
  job.scratch = workspace->block;
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, blocks, work, regrid_block, &job, &workspace->progress);
  kvox_workspace_add(workspace, "regrid", kvox_now() - begin);
  return status;
}

kvox_status kvox_mri_ramp_apply(const kvox_mri_ramp *ramp, kvox_workspace *workspace, int32_t reversed,
                                const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(ramp);
  KVOX_TRY(check(ramp, reversed, in, out));
  kvox_workspace *taken = NULL;
  kvox_status status = KVOX_OK;
  bool on_cpu = !ramp->is_there;
  KVOX_TRY(kvox_workspace_take(ramp->context, workspace, &taken));
  if (!on_cpu) {
    status = kvox_mri_regrid_on_device(ramp, taken, reversed, in, out, &on_cpu);
  }
  if (on_cpu) {
    status = regrid_on_cpu(ramp, taken, reversed, in, out);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_ramp_memory(const kvox_mri_ramp *ramp, kvox_memory_use *memory) {
  KVOX_REQUIRE(ramp);
  KVOX_REQUIRE(memory);
  const int64_t floats = kvox_divide_up(ramp->size, KVOX_MRI_TILE) * ramp->samples * KVOX_MRI_TILE_ROW;
  *memory = (kvox_memory_use){
      .plan = sizeof *ramp + (ramp->matrices[0] != NULL ? 2 * (uint64_t)floats * sizeof *ramp->matrices[0] : 0),
      .workspace = (uint64_t)(ramp->context->threads.limit * scratch_floats(ramp)) * sizeof(float),
      .device = kvox_mri_ramp_ocl_bytes(ramp)};
  return KVOX_OK;
}

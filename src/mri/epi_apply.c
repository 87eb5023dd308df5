/* Ghosts taken off: each pixel of a line times what its coil and direction ask for. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "mri/epi.h"
#include "mri/epi_ocl.h"
#include "mri/product.h"
#include "mri/tiles.h"

static const char in_name[] = "kvox_mri_ghost_apply: in";

typedef struct apply_job {
  const kvox_product_kernels *kernels;
  const uint8_t *reversed;
  const kvox_array *in, *out;
  int64_t coils, size;
  float *factors; /* [coil][direction][x] */
} apply_job;

static kvox_status apply_line(void *data, int64_t line, int32_t worker) {
  (void)worker;
  const apply_job *job = data;
  const int64_t *shape = job->in->shape + job->in->rank - 3, rows = shape[0] * shape[1];
  const int64_t volume = line / rows, y = line % shape[1], coil = volume % job->coils;
  const float *factors = job->factors + (2 * coil + job->reversed[y]) * 2 * job->size;
  float in[2 * KVOX_MRI_TILE], out[2 * KVOX_MRI_TILE];
  for (int64_t x = 0; x < job->size; x += KVOX_MRI_TILE) {
    const int64_t count = kvox_min_i64(KVOX_MRI_TILE, job->size - x), begin = line % rows * job->size + x;
    kvox_mri_read(job->in, volume, begin, count, in);
    if (!job->kernels->multiply(count, factors + 2 * x, in, out)) {
      int64_t bad = 0;
      while (bad < count - 1 && isfinite(in[2 * bad]) && isfinite(in[2 * bad + 1])) {
        bad++;
      }
      return kvox_mri_not_finite(in_name, job->in, volume / job->coils, coil, begin + bad);
    }
    kvox_mri_write(job->out, volume, begin, count, out);
  }
  return KVOX_OK;
}

/* A row of exp(log + i phase) that begins with `first` and goes on by `step`: by multiplication, which is much quicker
 * and in doubles exact enough. */
static void fill_row(int64_t count, const double first[2], const double step[2], float *row) {
  double re = exp(first[0]) * cos(first[1]), im = exp(first[0]) * sin(first[1]);
  const double by_re = exp(step[0]) * cos(step[1]), by_im = exp(step[0]) * sin(step[1]);
  for (int64_t x = 0; x < count; x++) {
    row[2 * x] = (float)re;
    row[2 * x + 1] = (float)im;
    const double next = re * by_re - im * by_im;
    im = re * by_im + im * by_re;
    re = next;
  }
}

/* Half of the ghost to either direction: exp(+-(log_gain + i phase) / 2). A direction that no line has is left out. */
static void make_factors(const apply_job *job, const kvox_mri_ghost *ghosts, int64_t lines) {
  for (int reversed = 0; reversed < 2; reversed++) {
    if (memchr(job->reversed, reversed, (size_t)lines) == NULL) {
      continue;
    }
    const double sign = reversed ? -0.5 : 0.5;
    for (int64_t c = 0; c < job->coils; c++) {
      double first[2];
      const double step[2] = {sign * ghosts[c].log_gain_per_px, sign * ghosts[c].linear_rad_per_px};
      kvox_mri_ghost_at(ghosts + c, 0, job->size, &first[0], &first[1]);
      first[0] *= sign;
      first[1] *= sign;
      fill_row(job->size, first, step, job->factors + (2 * c + reversed) * 2 * job->size);
    }
  }
}

static kvox_status check(const kvox_ocl *ocl, const kvox_mri_ghost *ghosts, const uint8_t *reversed,
                         const kvox_array *in, const kvox_array *out) {
  static const char out_name[] = "kvox_mri_ghost_apply: out";
  KVOX_TRY(kvox_mri_check_coils_on(ocl, in, in_name));
  KVOX_TRY(kvox_array_check_shape(out, out_name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO, in->rank, in->shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, out_name));
  KVOX_TRY(kvox_array_check_result(out, out_name));
  for (int64_t y = 0; y < in->shape[in->rank - 2]; y++) {
    if (reversed[y] > 1) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_ghost_apply: reversed[%" PRId64 "] is %d, must be 0 or 1", y,
                       reversed[y]);
    }
  }
  for (int64_t c = 0; c < kvox_mri_coils_of(in); c++) {
    const kvox_mri_ghost *g = ghosts + c;
    const double edge = 0.5 * (double)in->shape[in->rank - 1];
    if (!(isfinite(g->constant_rad) && isfinite(g->linear_rad_per_px) && fabs(g->log_gain_per_px) * edge < 10)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_mri_ghost_apply: ghosts[%" PRId64 "] is not finite, or its gain beyond exp(10)", c);
    }
  }
  return kvox_array_is_same(in, out) ? KVOX_OK : kvox_array_check_apart(in, "in", out, "out");
}

static kvox_status apply_on_cpu(kvox_context *context, kvox_workspace *workspace, apply_job *job) {
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status =
      kvox_parallel(&context->threads, kvox_array_row_count(job->in), kvox_work(kvox_array_elements(job->in), 4),
                    apply_line, job, &workspace->progress);
  kvox_workspace_add(workspace, "ghost", kvox_now() - begin);
  return status;
}

/* Factors lie in the workspace, also while they go to a device. */
static kvox_status apply(kvox_context *context, bool on_cpu, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                         const uint8_t *reversed, const kvox_array *in, const kvox_array *out) {
  apply_job job = {.kernels = kvox_product_kernels_of(context->cpu_level),
                   .reversed = reversed,
                   .in = in,
                   .out = out,
                   .coils = kvox_mri_coils_of(in),
                   .size = in->shape[in->rank - 1]};
  const uint64_t bytes = (uint64_t)(2 * job.coils * 2 * job.size) * sizeof *job.factors;
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_workspace_begin(workspace, bytes));
  job.factors = workspace->block;
  memset(job.factors, 0, bytes);
  make_factors(&job, ghosts, in->shape[in->rank - 2]);
  if (!on_cpu) {
    status = kvox_mri_ghost_on_device(context, in_name, job.factors, reversed, workspace, in, out, &on_cpu);
  }
  return on_cpu ? apply_on_cpu(context, workspace, &job) : status;
}

static kvox_status take_off(kvox_context *context, bool on_cpu, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                            const uint8_t *reversed, const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(ghosts);
  KVOX_REQUIRE(reversed);
  KVOX_TRY(check(on_cpu ? NULL : context->ocl, ghosts, reversed, in, out));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  const kvox_status status = apply(context, on_cpu, taken, ghosts, reversed, in, out);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_ghost_apply(kvox_context *context, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                                 const uint8_t *reversed, const kvox_array *in, const kvox_array *out) {
  return take_off(context, context == NULL || context->ocl == NULL, workspace, ghosts, reversed, in, out);
}

kvox_status kvox_mri_ghost_apply_on_cpu(kvox_context *context, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                                        const uint8_t *reversed, const kvox_array *in, const kvox_array *out) {
  return take_off(context, true, workspace, ghosts, reversed, in, out);
}

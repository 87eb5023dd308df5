/* Ghosts taken off: each pixel of a line times what its coil and direction ask for. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "mri/combine.h"
#include "mri/epi.h"

static const char in_name[] = "kvox_mri_ghost_apply: in";

typedef struct apply_job {
  const kvox_combine_kernels *kernels;
  const uint8_t *reversed;
  const kvox_array *in, *out;
  int64_t coils, size, row; /* floats of a row of factors */
  float *factors;           /* [coil][direction][x]: conjugated, as add_weighted takes them */
} apply_job;

static kvox_status apply_line(void *data, int64_t line, int32_t worker) {
  (void)worker;
  const apply_job *job = data;
  const int64_t *shape = job->in->shape + job->in->rank - 3, rows = shape[0] * shape[1];
  const int64_t volume = line / rows, y = line % shape[1], coil = volume % job->coils;
  const float *factors = job->factors + (2 * coil + job->reversed[y]) * job->row;
  float in[2 * KVOX_MRI_TILE], out[2 * KVOX_MRI_TILE], sums[2 * KVOX_MRI_TILE], ones[KVOX_MRI_TILE];
  for (int64_t i = 0; i < KVOX_MRI_TILE; i++) {
    ones[i] = 1;
  }
  for (int64_t x = 0; x < job->size; x += KVOX_MRI_TILE) {
    const int64_t count = kvox_min_i64(KVOX_MRI_TILE, job->size - x), padded = kvox_round_up(count, KVOX_MRI_STEP);
    const int64_t begin = line % rows * job->size + x;
    memset(sums, 0, sizeof sums);
    memset(in, 0, sizeof in);
    kvox_mri_read(job->in, volume, begin, count, in);
    job->kernels->add_weighted(padded, factors + 2 * x, in, sums);
    if (!job->kernels->divide(padded, sums, ones, out)) {
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

/* A row of exp(log + i phase) that begins with `first` and goes on by `step`, conjugated: by multiplication, which is
 * much quicker and in doubles exact enough. */
static void fill_row(int64_t count, const double first[2], const double step[2], float *row) {
  double re = exp(first[0]) * cos(first[1]), im = exp(first[0]) * sin(first[1]);
  const double by_re = exp(step[0]) * cos(step[1]), by_im = exp(step[0]) * sin(step[1]);
  for (int64_t x = 0; x < count; x++) {
    row[2 * x] = (float)re;
    row[2 * x + 1] = (float)-im;
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
      fill_row(job->size, first, step, job->factors + (2 * c + reversed) * job->row);
    }
  }
}

static kvox_status check(const kvox_mri_ghost *ghosts, const uint8_t *reversed, const kvox_array *in,
                         const kvox_array *out) {
  KVOX_TRY(kvox_mri_check_coils(in, in_name));
  KVOX_TRY(kvox_array_check_shape(out, "kvox_mri_ghost_apply: out", KVOX_TYPE_BIT(KVOX_C64), in->rank, in->shape));
  KVOX_TRY(kvox_array_check_result(out, "kvox_mri_ghost_apply: out"));
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
  const bool same =
      in->data == out->data && memcmp(in->strides, out->strides, (size_t)in->rank * sizeof *in->strides) == 0;
  return same ? KVOX_OK : kvox_array_check_apart(in, "in", out, "out");
}

kvox_status kvox_mri_ghost_apply(kvox_context *context, kvox_workspace *workspace, const kvox_mri_ghost *ghosts,
                                 const uint8_t *reversed, const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(ghosts);
  KVOX_REQUIRE(reversed);
  KVOX_TRY(check(ghosts, reversed, in, out));
  apply_job job = {.kernels = kvox_combine_kernels_of(context->cpu_level),
                   .reversed = reversed,
                   .in = in,
                   .out = out,
                   .coils = kvox_mri_coils_of(in),
                   .size = in->shape[in->rank - 1]};
  job.row = 2 * kvox_round_up(job.size, KVOX_MRI_STEP);
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  const uint64_t floats = (uint64_t)(2 * job.coils * job.row);
  kvox_status status = kvox_workspace_begin(taken, floats * sizeof *job.factors);
  if (status == KVOX_OK) {
    const double begin = kvox_now();
    job.factors = taken->block;
    memset(job.factors, 0, floats * sizeof *job.factors);
    make_factors(&job, ghosts, in->shape[in->rank - 2]);
    kvox_progress_next(&taken->progress, 1);
    status = kvox_parallel(&context->threads, kvox_array_row_count(in), kvox_work(kvox_array_elements(in), 4),
                           apply_line, &job, &taken->progress);
    kvox_workspace_add(taken, "ghost", kvox_now() - begin);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}

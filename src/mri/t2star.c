#include "mri/t2star.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "cpu/level.h"
#include "kvox/mri_maps.h"
#include "mri/echoes.h"
#include "mri/ocl.h"

const kvox_t2star_kernels *kvox_t2star_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_t2star, cpu_level); }

/* Bounds of T2* where nobody sets them: of the shortest step between echoes, of the last echo time. */
static const double shortest_share = 0.05, longest_share = 100;

/* Within these both T2* and R2* are floats. */
static const double least_time_ms = 1e-30, most_time_ms = 1e30;

/* Times are even where steps differ by no more than this share. */
static const double same_step = 1e-9;

/* Operations of a sample: by the line, and by least squares in some six steps. */
enum { LINE_OPERATIONS = 40, FIT_OPERATIONS = 400 };

enum { T2STAR, S0, R2STAR, RESULTS = KVOX_T2STAR_RESULTS };

typedef struct t2star_job {
  const kvox_t2star_kernels *kernels;
  const kvox_array *magnitudes, *results[RESULTS]; /* a result may be NULL */
  const kvox_array *any;                           /* one of them */
  kvox_t2star_fit fit;
  int32_t method;
  double first_ms;
  char *scratch; /* for each worker */
} t2star_job;

/* What a worker has: rows of KVOX_MRI_TILE floats, and the echoes of one voxel. */
typedef struct t2star_scratch {
  double *voxel;
  float *echoes, *line, *first, *sums, *rate, *results;
} t2star_scratch;

void kvox_mri_t2star_options_init_sized(kvox_mri_t2star_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static uint64_t voxel_bytes(const t2star_job *job) {
  return (uint64_t)kvox_round_up(job->fit.echoes, 8) * sizeof(double);
}

static uint64_t scratch_bytes(const t2star_job *job) {
  const int64_t rows = 2 * job->fit.echoes + KVOX_T2STAR_SUMS + 2 + RESULTS;
  return voxel_bytes(job) + (uint64_t)(rows * KVOX_MRI_TILE) * sizeof(float);
}

static t2star_scratch scratch_of(const t2star_job *job, int32_t worker) {
  char *at = job->scratch + (uint64_t)worker * scratch_bytes(job);
  t2star_scratch s = {.voxel = (double *)(void *)at, .echoes = (float *)(void *)(at + voxel_bytes(job))};
  s.line = s.echoes + job->fit.echoes * KVOX_MRI_TILE;
  s.first = s.line + job->fit.echoes * KVOX_MRI_TILE;
  s.sums = s.first + KVOX_MRI_TILE;
  s.rate = s.sums + KVOX_T2STAR_SUMS * KVOX_MRI_TILE;
  s.results = s.rate + KVOX_MRI_TILE;
  return s;
}

kvox_status kvox_t2star_refuse(const kvox_array *magnitudes, int64_t volume, int64_t echo, int64_t sample) {
  const int64_t *shape = magnitudes->shape + magnitudes->rank - 3;
  return kvox_fail(KVOX_ERROR_DATA,
                   "kvox_mri_t2star: magnitudes: that of volume %" PRId64 ", echo %" PRId64 " at z %" PRId64
                   ", y %" PRId64 ", x %" PRId64 " is NaN, negative or beyond 1e18",
                   volume, echo, sample / (shape[1] * shape[2]), sample / shape[2] % shape[1], sample % shape[2]);
}

static kvox_status load(const t2star_job *job, const kvox_mri_tile *at, const t2star_scratch *s) {
  for (int64_t e = 0; e < job->fit.echoes; e++) {
    float *row = s->echoes + e * KVOX_MRI_TILE;
    kvox_mri_read(job->magnitudes, at->volume * job->fit.echoes + e, at->begin, at->count, row);
    memset(row + at->count, 0, (size_t)(at->padded - at->count) * sizeof *row);
    int outside = 0;
    for (int64_t n = 0; n < at->count; n++) {
      outside |= !kvox_t2star_takes(row[n]);
    }
    for (int64_t n = 0; outside != 0 && n < at->count; n++) {
      if (!kvox_t2star_takes(row[n])) {
        return kvox_t2star_refuse(job->magnitudes, at->volume, e, at->begin + n);
      }
    }
  }
  return KVOX_OK;
}

/* What the line goes through: magnitudes without the floor. */
static void take_floor_off(const t2star_job *job, const kvox_mri_tile *at, const t2star_scratch *s) {
  const double square = job->fit.floor * job->fit.floor;
  for (int64_t i = 0; i < job->fit.echoes * KVOX_MRI_TILE; i++) {
    if (i % KVOX_MRI_TILE < at->padded) {
      s->line[i] = (float)sqrt(fmax((double)s->echoes[i] * s->echoes[i] - square, 0));
    }
  }
}

/* What the line's times are shares of: so sums of magnitudes, which may be large, stay floats. */
static double span_of(const kvox_t2star_fit *fit) { return fit->times[fit->echoes - 1]; }

static void make_line(const t2star_job *job, const kvox_mri_tile *at, const float *line, const t2star_scratch *s) {
  memset(s->sums, 0, (size_t)(KVOX_T2STAR_SUMS * KVOX_MRI_TILE) * sizeof *s->sums);
  for (int64_t n = 0; n < at->padded; n++) {
    s->first[n] = line[n] * line[n] > 0 ? line[n] : 1;
  }
  for (int64_t e = 0; e < job->fit.echoes; e++) {
    job->kernels->add_echo(at->padded, (float)(job->fit.times[e] / span_of(&job->fit)), s->first,
                           line + e * KVOX_MRI_TILE, s->sums);
  }
  job->kernels->descent(at->padded, s->sums, s->rate);
}

/* One voxel: from the line to what was asked for. */
static void fit_voxel(const t2star_job *job, const t2star_scratch *s, int64_t n) {
  const kvox_t2star_fit *fit = &job->fit;
  const double w = s->sums[n], wt = span_of(fit) * s->sums[KVOX_T2STAR_WT * KVOX_MRI_TILE + n];
  const double wy = s->sums[KVOX_T2STAR_WY * KVOX_MRI_TILE + n];
  float *out = s->results + n;
  if (!(w > 0)) {
    out[T2STAR * KVOX_MRI_TILE] = out[S0 * KVOX_MRI_TILE] = out[R2STAR * KVOX_MRI_TILE] = 0;
    return;
  }
  double rate = fmin(fmax(s->rate[n] / span_of(fit), fit->least_rate), fit->most_rate);
  double amplitude = s->first[n] * exp((wy + rate * wt) / w);
  if (job->method == KVOX_MRI_LEAST_SQUARES) {
    for (int64_t e = 0; e < fit->echoes; e++) {
      s->voxel[e] = s->echoes[e * KVOX_MRI_TILE + n];
    }
    kvox_t2star_least_squares(fit, s->voxel, &amplitude, &rate);
  }
  const bool signal = amplitude > 0;
  out[T2STAR * KVOX_MRI_TILE] = (float)(signal ? 1 / rate : 0);
  out[S0 * KVOX_MRI_TILE] = (float)(signal ? fmin(amplitude * exp(rate * job->first_ms), FLT_MAX) : 0);
  out[R2STAR * KVOX_MRI_TILE] = (float)(signal ? 1e3 * rate : 0);
}

static kvox_status t2star_tile(void *data, int64_t index, int32_t worker) {
  const t2star_job *job = data;
  const kvox_mri_tile at = kvox_mri_tile_at(job->any, index);
  const t2star_scratch s = scratch_of(job, worker);
  KVOX_TRY(load(job, &at, &s));
  if (job->fit.floor > 0) {
    take_floor_off(job, &at, &s);
  }
  make_line(job, &at, job->fit.floor > 0 ? s.line : s.echoes, &s);
  for (int64_t n = 0; n < at.count; n++) {
    fit_voxel(job, &s, n);
  }
  for (int r = 0; r < RESULTS; r++) {
    if (job->results[r] != NULL) {
      kvox_mri_write(job->results[r], at.volume, at.begin, at.count, s.results + r * KVOX_MRI_TILE);
    }
  }
  return KVOX_OK;
}

static kvox_status check_results(const kvox_ocl *ocl, t2star_job *job) {
  static const char *const names[RESULTS] = {"kvox_mri_t2star: t2star_ms", "kvox_mri_t2star: s0",
                                             "kvox_mri_t2star: r2star_per_s"};
  for (int r = 0; r < RESULTS; r++) {
    if (job->results[r] == NULL) {
      continue;
    }
    KVOX_TRY(kvox_mri_check_map(ocl, job->results[r], names[r], job->magnitudes, 1));
    for (int other = 0; other < r; other++) {
      if (job->results[other] != NULL) {
        KVOX_TRY(kvox_array_check_apart(job->results[other], "one result", job->results[r], "another"));
      }
    }
    job->any = job->results[r];
  }
  return job->any != NULL ? KVOX_OK
                          : kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_t2star: t2star_ms, s0 and r2star_per_s are NULL");
}

static kvox_status check_options(const kvox_mri_t2star_options *given, const double *times_ms, t2star_job *job) {
  char number[KVOX_NUMBER_BYTES], other[KVOX_NUMBER_BYTES];
  kvox_mri_t2star_options options = {0};
  if (given != NULL) {
    KVOX_TRY(kvox_options_load(&options, sizeof options, given, "kvox_mri_t2star: options"));
  }
  if (options.method != KVOX_MRI_LEAST_SQUARES && options.method != KVOX_MRI_LOG_LINEAR) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_t2star: method %" PRId32 " is not known", options.method);
  }
  if (!(options.noise_floor >= 0 && options.noise_floor <= (double)KVOX_T2STAR_MOST_MAGNITUDE)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_t2star: noise_floor is %s, must be positive, or 0 for none",
                     kvox_number(options.noise_floor, number));
  }
  const double step = kvox_mri_shortest_step(job->fit.echoes, times_ms);
  const double shortest = options.shortest_ms != 0 ? options.shortest_ms : shortest_share * step;
  const double longest = options.longest_ms != 0 ? options.longest_ms : longest_share * times_ms[job->fit.echoes - 1];
  if (!(shortest >= least_time_ms && longest > shortest && longest <= most_time_ms)) {
    return kvox_fail(
        KVOX_ERROR_ARGUMENT,
        "kvox_mri_t2star: T2* is to be kept within shortest_ms %s and longest_ms %s, must rise and be from 1e-30 "
        "to 1e30",
        kvox_number(shortest, number), kvox_number(longest, other));
  }
  job->method = options.method;
  job->fit.floor = options.noise_floor;
  job->fit.least_rate = 1 / longest;
  job->fit.most_rate = 1 / shortest;
  return KVOX_OK;
}

static bool are_even(int64_t echoes, const double *times) {
  for (int64_t e = 2; e < echoes; e++) {
    if (!(fabs(times[e] - (double)e * times[1]) <= same_step * times[1])) {
      return false;
    }
  }
  return true;
}

static kvox_status fit_on_cpu(kvox_context *context, t2star_job *job, int64_t tiles, int64_t work,
                              kvox_workspace *workspace) {
  const double begin = kvox_now();
  kvox_progress_next(&workspace->progress, 1);
  const kvox_status status = kvox_parallel(&context->threads, tiles, work, t2star_tile, job, &workspace->progress);
  kvox_workspace_add(workspace, "t2star", kvox_now() - begin);
  return status;
}

static kvox_status execute(kvox_context *context, t2star_job *job, const double *times_ms, kvox_workspace *workspace) {
  const int64_t echoes = job->fit.echoes,
                operations = job->method == KVOX_MRI_LOG_LINEAR ? LINE_OPERATIONS : FIT_OPERATIONS;
  const int64_t tiles = kvox_mri_volumes(job->any) * kvox_mri_tiles_of_volume(job->any);
  const int64_t work = kvox_work(kvox_array_elements(job->magnitudes), operations);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, tiles, work);
  KVOX_TRY(kvox_workspace_begin(workspace, voxel_bytes(job) + workers * scratch_bytes(job)));
  double *times = workspace->block;
  for (int64_t e = 0; e < echoes; e++) {
    times[e] = times_ms[e] - times_ms[0];
  }
  job->fit.times = times;
  job->fit.even = are_even(echoes, times);
  job->first_ms = times_ms[0];
  job->scratch = (char *)workspace->block + voxel_bytes(job);
  bool on_cpu = context->ocl == NULL;
  kvox_status status = KVOX_OK;
  if (!on_cpu) {
    status = kvox_mri_t2star_on_device(context, &job->fit, job->method == KVOX_MRI_LEAST_SQUARES, job->first_ms,
                                       workspace, job->magnitudes, job->results, &on_cpu);
  }
  return on_cpu ? fit_on_cpu(context, job, tiles, work, workspace) : status;
}

kvox_status kvox_mri_t2star(kvox_context *context, const kvox_mri_t2star_options *options, kvox_workspace *workspace,
                            const kvox_array *magnitudes, const double *echo_times_ms, const kvox_array *t2star_ms,
                            const kvox_array *s0, const kvox_array *r2star_per_s) {
  KVOX_REQUIRE(context);
  KVOX_TRY(kvox_array_check(magnitudes, "kvox_mri_t2star: magnitudes", KVOX_TYPE_BIT(KVOX_F32) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(context->ocl, magnitudes, "kvox_mri_t2star: magnitudes"));
  if (magnitudes->rank < 4) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_t2star: magnitudes: rank %" PRId32 ", must be at least 4: [.., echo, z, y, x]",
                     magnitudes->rank);
  }
  t2star_job job = {.kernels = kvox_t2star_kernels_of(context->cpu_level),
                    .magnitudes = magnitudes,
                    .results = {t2star_ms, s0, r2star_per_s},
                    .fit = {.echoes = magnitudes->shape[magnitudes->rank - 4]}};
  KVOX_TRY(kvox_mri_check_echoes("kvox_mri_t2star", job.fit.echoes, echo_times_ms));
  KVOX_TRY(check_results(context->ocl, &job));
  KVOX_TRY(check_options(options, echo_times_ms, &job));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  const kvox_status status = execute(context, &job, echo_times_ms, taken);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

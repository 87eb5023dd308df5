/* k-space of a phantom, seen by coils: for each sample the sum over shapes and exponentials of the sensitivities. */
#include "phantom/kspace.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "core/turn.h"
#include "core/volume.h"
#include "cpu/level.h"
#include "phantom/ball.h"
#include "phantom/coils.h"

enum { RUN = KVOX_BALL_RUN };

const kvox_ball_kernels *kvox_ball_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_ball, cpu_level); }

/* Cycles over the field of view beyond which a phase has hardly a digit left. */
static const double most_cycles = 1e15;

/*
 * sum over terms j of weight_cj exp(2 pi i f_j . middle) sum over shapes t of amount_t shape_t(q - f_j)
 * exp(-2 pi i (q - f_j) . center_t). Frequencies are the grid's, terms of equal ones are merged.
 */
typedef struct scene {
  const kvox_grid *grid;
  int64_t coils, terms;
  int32_t shapes;
  bool section;
  double *frequencies; /* [term][x, y, z] */
  double *weights;     /* [coil][term][real, imaginary], with the scale of samples */
  double *turns;       /* amount exp(2 pi i f . center): [shape][term][real, imaginary] */
  kvox_kspace_shape *shape;
  const kvox_ball_kernels *kernels;
  double *scratch; /* for each worker: a run */
} scene;

/* Rows of RUN numbers of a run of samples. */
typedef struct run {
  double *places; /* [x, y, z], in cycles per mm */
  double *phases; /* exp(-2 pi i q . center): [shape][real, imaginary] */
  double *sums;   /* [real, imaginary] of a term */
  double *coils;  /* [coil][real, imaginary] */
} run;

typedef struct kspace_job {
  scene s;
  const kvox_array *points, *samples; /* points NULL: the grid's */
  int64_t count;
} kspace_job;

static int64_t doubles_of_run(const scene *s, int64_t shapes) { return RUN * (3 + 2 * shapes + 2 + 2 * s->coils); }

static run run_of(const scene *s, int32_t worker) {
  run r = {.places = s->scratch + worker * doubles_of_run(s, s->shapes)};
  r.phases = r.places + 3 * RUN;
  r.sums = r.phases + 2 * RUN * s->shapes;
  r.coils = r.sums + 2 * RUN;
  return r;
}

/* Adds a shape that is no ellipsoid to the sums of a term. */
static void add_shape(const kvox_kspace_shape *shape, int64_t count, const run *r, const double *from,
                      const double turn[2], const double *phases) {
  for (int64_t i = 0; i < count; i++) {
    const double q[3] = {r->places[i] - from[0], r->places[i + RUN] - from[1], r->places[i + 2 * RUN] - from[2]};
    const double value = kvox_kspace_shape_at(shape, q), re = phases[i], im = phases[i + RUN];
    r->sums[i] += value * (re * turn[0] - im * turn[1]);
    r->sums[i + RUN] += value * (re * turn[1] + im * turn[0]);
  }
}

/* The places' transform before the coils, without what each shape has of its own, for one term. */
static void add_term(const scene *s, int64_t term, int64_t count, const run *r) {
  const double *from = s->frequencies + 3 * term;
  memset(r->sums, 0, 2 * RUN * sizeof *r->sums);
  for (int32_t t = 0; t < s->shapes; t++) {
    const kvox_kspace_shape *shape = s->shape + t;
    const double(*m)[3] = shape->metric, *turn = s->turns + 2 * (t * s->terms + term);
    const double metric[6] = {m[0][0], m[1][1], m[2][2], 2 * m[0][1], 2 * m[0][2], 2 * m[1][2]};
    const double *phases = r->phases + 2 * RUN * t;
    if (shape->is_ellipsoid) {
      s->kernels->add(count, r->places, from, metric, turn, phases, r->sums);
    } else {
      add_shape(shape, count, r, from, turn, phases);
    }
  }
}

/* All coils at `count` places. */
static void transform(const scene *s, int64_t count, const run *r) {
  for (int32_t t = 0; t < s->shapes; t++) {
    for (int64_t i = 0; i < count; i++) {
      const double q[3] = {r->places[i], r->places[i + RUN], r->places[i + 2 * RUN]};
      double phase[2];
      kvox_turn(-kvox_dot3(q, s->shape[t].center), phase);
      r->phases[2 * RUN * t + i] = phase[0];
      r->phases[2 * RUN * t + RUN + i] = phase[1];
    }
  }
  memset(r->coils, 0, (size_t)(2 * RUN * s->coils) * sizeof *r->coils);
  for (int64_t j = 0; j < s->terms; j++) {
    add_term(s, j, count, r);
    for (int64_t c = 0; c < s->coils; c++) {
      s->kernels->weigh(count, s->weights + 2 * (c * s->terms + j), r->sums, r->coils + 2 * RUN * c);
    }
  }
}

/* The address of a point's first number, or of its sample in coil 0: `first` axes of the array do not count points. */
static char *point_at(const kvox_array *array, int32_t first, int32_t end, int64_t index) {
  char *at = array->data;
  for (int32_t d = end - 1; d >= first; d--) {
    at += index % array->shape[d] * array->strides[d];
    index /= array->shape[d];
  }
  return at;
}

/* Cycles over the field of view of a sample of the grid, of a point. */
static void cycles_of_grid(const kspace_job *job, int64_t index, double cycles[3]) {
  const int64_t *size = job->s.grid->size;
  for (int a = 0; a < 3; a++) {
    cycles[a] = (double)(index % size[a] - size[a] / 2);
    index /= size[a];
  }
}

static kvox_status cycles_of_point(const kspace_job *job, int64_t index, double cycles[3]) {
  const kvox_array *points = job->points;
  const int32_t last = points->rank - 1;
  const char *at = point_at(points, 0, last, index);
  for (int64_t a = 0; a < points->shape[last]; a++) {
    cycles[a] = kvox_element(at + a * points->strides[last], points->type);
    if (!(fabs(cycles[a]) <= most_cycles)) {
      return kvox_fail(KVOX_ERROR_DATA,
                       "kvox_phantom_kspace_points: number %" PRId64 " of point %" PRId64
                       " is not finite or beyond 1e15 cycles",
                       a, index);
    }
  }
  return KVOX_OK;
}

/* The places from sample `begin` on, filled up by the last one to a whole step. */
static kvox_status find_places(const kspace_job *job, int64_t begin, int64_t count, const run *r) {
  const kvox_grid *grid = job->s.grid;
  for (int64_t i = 0; i < kvox_round_up(count, KVOX_BALL_STEP); i++) {
    const int64_t index = begin + kvox_min_i64(i, count - 1);
    double cycles[3] = {0, 0, 0};
    if (job->points != NULL) {
      KVOX_TRY(cycles_of_point(job, index, cycles));
    } else {
      cycles_of_grid(job, index, cycles);
    }
    for (int a = 0; a < 3; a++) {
      const bool counts = a < 2 || !job->s.section;
      r->places[a * RUN + i] = counts ? cycles[a] / ((double)grid->size[a] * grid->spacing_mm[a]) : 0;
    }
  }
  return KVOX_OK;
}

static kvox_status sample_run(void *data, int64_t piece, int32_t worker) {
  const kspace_job *job = data;
  const kvox_array *samples = job->samples;
  const run r = run_of(&job->s, worker);
  const int64_t begin = piece * RUN, count = kvox_min_i64(RUN, job->count - begin);
  KVOX_TRY(find_places(job, begin, count, &r));
  transform(&job->s, kvox_round_up(count, KVOX_BALL_STEP), &r);
  bool finite = true;
  for (int64_t i = 0; i < count; i++) {
    char *out = point_at(samples, 1, samples->rank, begin + i);
    for (int64_t c = 0; c < job->s.coils; c++) {
      const double *at = r.coils + 2 * RUN * c + i;
      const float value[2] = {(float)at[0], (float)at[RUN]};
      memcpy(out + c * samples->strides[0], value, sizeof value);
      finite = finite && isfinite(value[0]) && isfinite(value[1]);
    }
  }
  return finite ? KVOX_OK
                : kvox_fail(KVOX_ERROR_DATA, "%s: a sample is out of the range of 32-bit floats",
                            job->points != NULL ? "kvox_phantom_kspace_points" : "kvox_phantom_kspace");
}

/* The term of this frequency, a new one where there is none. */
static int64_t find_term(scene *s, const double frequency[3]) {
  for (int64_t j = 0; j < s->terms; j++) {
    if (memcmp(s->frequencies + 3 * j, frequency, 3 * sizeof *frequency) == 0) {
      return j;
    }
  }
  memcpy(s->frequencies + 3 * s->terms, frequency, 3 * sizeof *frequency);
  return s->terms++;
}

/* The coils' exponentials along the grid's axes; in a section what runs across it is a factor. */
static void see_coils(scene *s, const kvox_phantom_coils *coils, const double middle[3], double scale) {
  for (int64_t t = 0; t < coils->terms; t++) {
    double frequency[3] = {0, 0, 0}, phase[2];
    for (int a = 0; a < (s->section ? 2 : 3); a++) {
      frequency[a] = kvox_dot3(coils->frequencies + 3 * t, s->grid->axes[a]) + 0.0; /* no -0 */
    }
    kvox_turn(kvox_dot3(coils->frequencies + 3 * t, middle), phase);
    const int64_t j = find_term(s, frequency);
    for (int64_t c = 0; c < coils->count; c++) {
      const double *w = coils->weights + 2 * (c * coils->terms + t);
      double *out = s->weights + 2 * (c * coils->terms + j);
      out[0] += scale * (w[0] * phase[0] - w[1] * phase[1]);
      out[1] += scale * (w[0] * phase[1] + w[1] * phase[0]);
    }
  }
  /* Rows of weights follow each other without what merging left over. */
  for (int64_t c = 1; c < coils->count && s->terms < coils->terms; c++) {
    memmove(s->weights + 2 * c * s->terms, s->weights + 2 * c * coils->terms,
            (size_t)(2 * s->terms) * sizeof *s->weights);
  }
}

static kvox_status see_phantom(scene *s, const kvox_phantom *phantom, const kvox_phantom_coils *coils) {
  const kvox_grid *grid = s->grid;
  double middle[3], scale = 1;
  kvox_grid_middle(grid, middle);
  for (int a = 0; a < (s->section ? 2 : 3); a++) {
    scale /= sqrt((double)grid->size[a]) * grid->spacing_mm[a];
  }
  KVOX_TRY(kvox_kspace_look(phantom, grid, s->shape, &s->shapes));
  if (coils != NULL) {
    see_coils(s, coils, middle, scale);
  } else {
    s->terms = 1;
    s->weights[0] = scale;
  }
  for (int32_t t = 0; t < s->shapes; t++) {
    for (int64_t j = 0; j < s->terms; j++) {
      double *out = s->turns + 2 * (t * s->terms + j);
      kvox_turn(kvox_dot3(s->frequencies + 3 * j, s->shape[t].center), out);
      out[0] *= s->shape[t].amount;
      out[1] *= s->shape[t].amount;
    }
  }
  return KVOX_OK;
}

/* Fills `samples`, which were checked, run by run. */
static kvox_status compute(kspace_job *job, const kvox_phantom *phantom, const kvox_phantom_coils *coils) {
  scene *s = &job->s;
  kvox_heap *heap = phantom->context->heap;
  const kvox_threads *threads = &phantom->context->threads;
  const int64_t terms = coils != NULL ? coils->terms : 1, shapes = kvox_max_i64(phantom->shape_count, 1);
  const int64_t pieces = kvox_divide_up(job->count, RUN), work = kvox_work(job->count, 32 * terms * shapes);
  const uint64_t workers = (uint64_t)kvox_workers(threads, pieces, work), room = (uint64_t)terms;
  s->coils = coils != NULL ? coils->count : 1;
  s->section = s->grid->size[2] == 1;
  s->kernels = kvox_ball_kernels_of(phantom->context->cpu_level);
  s->shape = kvox_allocate(heap, (uint64_t)shapes * sizeof *s->shape);
  s->frequencies = kvox_allocate_zeros(heap, 3 * room * sizeof *s->frequencies);
  s->weights = kvox_allocate_zeros(heap, 2 * room * (uint64_t)s->coils * sizeof *s->weights);
  s->turns = kvox_allocate(heap, 2 * room * (uint64_t)shapes * sizeof *s->turns);
  s->scratch = kvox_allocate(heap, (uint64_t)doubles_of_run(s, shapes) * workers * sizeof *s->scratch);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s->shape != NULL && s->frequencies != NULL && s->weights != NULL && s->turns != NULL && s->scratch != NULL) {
    status = see_phantom(s, phantom, coils);
  }
  if (status == KVOX_OK) {
    status = kvox_parallel(threads, pieces, work, sample_run, job, NULL);
  }
  kvox_release(heap, s->scratch);
  kvox_release(heap, s->turns);
  kvox_release(heap, s->weights);
  kvox_release(heap, s->frequencies);
  kvox_release(heap, s->shape);
  return status;
}

kvox_status kvox_phantom_kspace(const kvox_phantom *phantom, const kvox_phantom_coils *coils, const kvox_grid *grid,
                                const kvox_array *kspace) {
  static const char name[] = "kvox_phantom_kspace: kspace";
  KVOX_REQUIRE(phantom);
  KVOX_REQUIRE(grid);
  KVOX_TRY(kvox_grid_check(grid, "kvox_phantom_kspace: grid"));
  const int64_t shape[4] = {coils != NULL ? coils->count : 1, grid->size[2], grid->size[1], grid->size[0]};
  KVOX_TRY(kvox_array_check_shape(kspace, name, KVOX_TYPE_BIT(KVOX_C64), 4, shape));
  KVOX_TRY(kvox_array_check_result(kspace, name));
  kspace_job job = {.s = {.grid = grid}, .samples = kspace, .count = shape[1] * shape[2] * shape[3]};
  return compute(&job, phantom, coils);
}

static kvox_status check_points(const kvox_array *points, const kvox_array *samples, int64_t coils) {
  static const char points_name[] = "kvox_phantom_kspace_points: points";
  static const char samples_name[] = "kvox_phantom_kspace_points: samples";
  KVOX_TRY(kvox_array_check(points, points_name, KVOX_TYPE_BIT(KVOX_F32) | KVOX_TYPE_BIT(KVOX_F64)));
  const int64_t axes = points->shape[points->rank - 1];
  if (points->rank < 2 || axes < 2 || axes > 3) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "%s: rank %" PRId32 ", last index %" PRId64 ", must be [.., point, axis] of 2 or 3 axes",
                     points_name, points->rank, axes);
  }
  int64_t shape[KVOX_MAX_RANK] = {coils};
  memcpy(shape + 1, points->shape, (size_t)(points->rank - 1) * sizeof *shape);
  KVOX_TRY(kvox_array_check_shape(samples, samples_name, KVOX_TYPE_BIT(KVOX_C64), points->rank, shape));
  KVOX_TRY(kvox_array_check_result(samples, samples_name));
  return kvox_array_check_apart(points, "points", samples, "samples");
}

kvox_status kvox_phantom_kspace_points(const kvox_phantom *phantom, const kvox_phantom_coils *coils,
                                       const kvox_grid *grid, const kvox_array *points, const kvox_array *samples) {
  KVOX_REQUIRE(phantom);
  KVOX_REQUIRE(grid);
  KVOX_TRY(kvox_grid_check(grid, "kvox_phantom_kspace_points: grid"));
  KVOX_TRY(check_points(points, samples, coils != NULL ? coils->count : 1));
  kspace_job job = {.s = {.grid = grid}, .points = points, .samples = samples, .count = kvox_array_row_count(points)};
  return compute(&job, phantom, coils);
}

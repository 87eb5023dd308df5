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
#include "phantom/coils.h"

/* Samples of one piece of work at arbitrary points. */
enum { POINTS = 64 };

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
  double *scratch; /* for each worker: [term][real, imaginary] */
} scene;

typedef struct kspace_job {
  scene s;
  const kvox_array *points, *samples;
} kspace_job;

/* The transform at q, before the coils. */
static void transform(const scene *s, const double q[3], double *sums) {
  memset(sums, 0, (size_t)(2 * s->terms) * sizeof *sums);
  for (int32_t t = 0; t < s->shapes; t++) {
    const kvox_kspace_shape *shape = s->shape + t;
    double phase[2];
    kvox_turn(-kvox_dot3(q, shape->center), phase);
    for (int64_t j = 0; j < s->terms; j++) {
      const double *f = s->frequencies + 3 * j, *g = s->turns + 2 * (t * s->terms + j);
      const double from[3] = {q[0] - f[0], q[1] - f[1], q[2] - f[2]}, value = kvox_kspace_shape_at(shape, from);
      sums[2 * j] += value * (phase[0] * g[0] - phase[1] * g[1]);
      sums[2 * j + 1] += value * (phase[0] * g[1] + phase[1] * g[0]);
    }
  }
}

/* One sample of every coil; `cycles` over the field of view. False where one is no float. */
static bool sample(const scene *s, const double cycles[3], double *sums, char *out, int64_t coil_stride) {
  double q[3] = {0, 0, 0};
  for (int a = 0; a < (s->section ? 2 : 3); a++) {
    q[a] = cycles[a] / ((double)s->grid->size[a] * s->grid->spacing_mm[a]);
  }
  transform(s, q, sums);
  bool finite = true;
  for (int64_t c = 0; c < s->coils; c++) {
    const double *weights = s->weights + 2 * c * s->terms;
    double re = 0, im = 0;
    for (int64_t j = 0; j < s->terms; j++) {
      re += weights[2 * j] * sums[2 * j] - weights[2 * j + 1] * sums[2 * j + 1];
      im += weights[2 * j] * sums[2 * j + 1] + weights[2 * j + 1] * sums[2 * j];
    }
    const float value[2] = {(float)re, (float)im};
    memcpy(out + c * coil_stride, value, sizeof value);
    finite = finite && isfinite(value[0]) && isfinite(value[1]);
  }
  return finite;
}

static kvox_status too_large(const char *name) {
  return kvox_fail(KVOX_ERROR_DATA, "%s: a sample is out of the range of 32-bit floats", name);
}

static kvox_status sample_row(void *data, int64_t row, int32_t worker) {
  const kspace_job *job = data;
  const scene *s = &job->s;
  const int64_t *size = s->grid->size, index[3] = {0, row / size[1], row % size[1]};
  char *out = kvox_array_at(job->samples, 3, index);
  for (int64_t i = 0; i < size[0]; i++) {
    const double cycles[3] = {(double)(i - size[0] / 2), (double)(index[2] - size[1] / 2),
                              (double)(index[1] - size[2] / 2)};
    if (!sample(s, cycles, s->scratch + worker * 2 * s->terms, out + i * job->samples->strides[3],
                job->samples->strides[0])) {
      return too_large("kvox_phantom_kspace");
    }
  }
  return KVOX_OK;
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

static kvox_status sample_points(void *data, int64_t piece, int32_t worker) {
  const kspace_job *job = data;
  const scene *s = &job->s;
  const kvox_array *points = job->points, *samples = job->samples;
  const int32_t last = points->rank - 1;
  const int64_t count = kvox_array_row_count(points), end = kvox_min_i64(count, (piece + 1) * POINTS);
  for (int64_t i = piece * POINTS; i < end; i++) {
    const char *at = point_at(points, 0, last, i);
    double cycles[3] = {0, 0, 0};
    for (int64_t a = 0; a < points->shape[last]; a++) {
      cycles[a] = kvox_element(at + a * points->strides[last], points->type);
      if (!(fabs(cycles[a]) <= most_cycles)) {
        return kvox_fail(KVOX_ERROR_DATA,
                         "kvox_phantom_kspace_points: number %" PRId64 " of point %" PRId64
                         " is not finite or beyond 1e15 cycles",
                         a, i);
      }
    }
    if (!sample(s, cycles, s->scratch + worker * 2 * s->terms, point_at(samples, 1, samples->rank, i),
                samples->strides[0])) {
      return too_large("kvox_phantom_kspace_points");
    }
  }
  return KVOX_OK;
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

/* Fills `samples`, which were checked, piece by piece. */
static kvox_status compute(kspace_job *job, const kvox_phantom *phantom, const kvox_phantom_coils *coils,
                           int64_t pieces, int64_t count, kvox_body body) {
  scene *s = &job->s;
  kvox_heap *heap = phantom->context->heap;
  const kvox_threads *threads = &phantom->context->threads;
  const int64_t terms = coils != NULL ? coils->terms : 1, shapes = kvox_max_i64(phantom->shape_count, 1);
  const int64_t work = kvox_work(count, 32 * terms * shapes);
  const uint64_t workers = (uint64_t)kvox_workers(threads, pieces, work), room = (uint64_t)terms;
  s->coils = coils != NULL ? coils->count : 1;
  s->section = s->grid->size[2] == 1;
  s->shape = kvox_allocate(heap, (uint64_t)shapes * sizeof *s->shape);
  s->frequencies = kvox_allocate_zeros(heap, 3 * room * sizeof *s->frequencies);
  s->weights = kvox_allocate_zeros(heap, 2 * room * (uint64_t)s->coils * sizeof *s->weights);
  s->turns = kvox_allocate(heap, 2 * room * (uint64_t)shapes * sizeof *s->turns);
  s->scratch = kvox_allocate(heap, 2 * room * workers * sizeof *s->scratch);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s->shape != NULL && s->frequencies != NULL && s->weights != NULL && s->turns != NULL && s->scratch != NULL) {
    status = see_phantom(s, phantom, coils);
  }
  if (status == KVOX_OK) {
    status = kvox_parallel(threads, pieces, work, body, job, NULL);
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
  kspace_job job = {.s = {.grid = grid}, .samples = kspace};
  return compute(&job, phantom, coils, shape[1] * shape[2], shape[1] * shape[2] * shape[3], sample_row);
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
  kspace_job job = {.s = {.grid = grid}, .points = points, .samples = samples};
  const int64_t count = kvox_array_row_count(points);
  return compute(&job, phantom, coils, kvox_divide_up(count, POINTS), count, sample_points);
}

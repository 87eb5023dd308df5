/* Line integrals of a whole row of lines: parallel ones, and rays from one source. */
#include <math.h>
#include <string.h>

#include "phantom/phantom.h"

/* Adds a shape's chords. Seen along the lines, a quadric is the unit disc: the line that passes its centre at a
 * distance w (in its own units, across the lines) has a chord of 2 sqrt(1 - w^2) over the length of the direction. */
static void add_parallel(const kvox_phantom *phantom, const kvox_shape *shape, const double first_mm[3],
                         const double step_mm[3], const double direction[3], int64_t count, double *integrals) {
  double from_center[3], first[3], step[3], along[3];
  for (int c = 0; c < 3; c++) {
    from_center[c] = first_mm[c] - shape->center_mm[c];
  }
  kvox_shape_turn(shape, from_center, first);
  kvox_shape_turn(shape, step_mm, step);
  kvox_shape_turn(shape, direction, along);
  const double speed_squared = kvox_dot3(along, along);
  const double first_on = speed_squared > 0 ? kvox_dot3(first, along) / speed_squared : 0;
  const double step_on = speed_squared > 0 ? kvox_dot3(step, along) / speed_squared : 0;
  for (int c = 0; c < 3; c++) {
    first[c] -= first_on * along[c];
    step[c] -= step_on * along[c];
  }
  const kvox_span met = kvox_span_in_ball(first, step, 1);
  if (!(met.low < met.high)) {
    return;
  }
  const bool plain = shape->planes == 0 && shape->bounds == 0 && speed_squared > 0;
  const double scale = plain ? 2 * shape->density * sqrt(kvox_dot3(direction, direction) / speed_squared) : 0;
  const int64_t end = kvox_index_up(met.high + 1, count);
  for (int64_t i = kvox_index_up(met.low - 1, count); i < end; i++) {
    double at[3];
    if (plain) {
      for (int c = 0; c < 3; c++) {
        at[c] = first[c] + (double)i * step[c];
      }
      const double inside = 1 - kvox_dot3(at, at);
      integrals[i] += inside > 0 ? scale * sqrt(inside) : 0;
      continue;
    }
    for (int c = 0; c < 3; c++) {
      at[c] = first_mm[c] + (double)i * step_mm[c];
    }
    const double chord = kvox_shape_chord(shape, kvox_phantom_cuts(phantom), at, direction);
    integrals[i] = isinf(chord) ? chord : integrals[i] + shape->density * chord;
  }
}

/* A row of rays and a shape, in units of the shape: the moment source x direction and the direction of ray i are linear
 * in i. */
typedef struct row_of_rays {
  double source[3], moment[3], moment_step[3], along[3], along_step[3];
  double along_mm[3], along_step_mm[3];
} row_of_rays;

static void cross(const double a[3], const double b[3], double out[3]) {
  out[0] = a[1] * b[2] - a[2] * b[1];
  out[1] = a[2] * b[0] - a[0] * b[2];
  out[2] = a[0] * b[1] - a[1] * b[0];
}

/* The columns whose rays may meet the unit ball: |moment|^2 < |direction|^2, a quadratic in the column. Where it opens
 * downwards the row runs into the shape's own cone, which is rare, and every column is looked at. */
static void find_columns(const row_of_rays *r, int64_t count, int64_t *begin, int64_t *end) {
  const double a = kvox_dot3(r->moment_step, r->moment_step) - kvox_dot3(r->along_step, r->along_step);
  const double b = kvox_dot3(r->moment, r->moment_step) - kvox_dot3(r->along, r->along_step);
  const double c = kvox_dot3(r->moment, r->moment) - kvox_dot3(r->along, r->along);
  *begin = 0;
  *end = count;
  /* Where the two lengths differ that much, rounding moves the roots by less than a column; each ray itself decides. */
  if (a > 1e-3 * kvox_dot3(r->along_step, r->along_step)) {
    const double half = sqrt(fmax(b * b - a * c, 0)) / a, middle = -b / a;
    *begin = kvox_index_up(middle - half - 1, count);
    *end = kvox_index_up(middle + half + 1, count);
  }
}

/* |start + x step|^2. */
static inline double square_at(const double start[3], const double step[3], double x) {
  const double a = start[0] + x * step[0], b = start[1] + x * step[1], c = start[2] + x * step[2];
  return a * a + b * b + c * c;
}

/*
 * The ray source + t direction passes the centre of the unit ball at |moment| / |direction|: its chord is 2 sqrt(1 -
 * |moment|^2 / |direction|^2) / |direction| of the direction's length, and lies in front of a source outside the ball
 * where source . direction < 0. No branches and 32-bit counts: compilers make vectors of it.
 */
static void add_chords_in_front(const row_of_rays *r, double density, int64_t begin, int32_t count,
                                double *restrict integrals) {
  const double from = kvox_dot3(r->source, r->along), from_step = kvox_dot3(r->source, r->along_step);
  const row_of_rays row = *r;
  for (int32_t i = 0; i < count; i++) {
    const double x = (double)begin + (double)i;
    const double across = square_at(row.moment, row.moment_step, x);
    const double speed = square_at(row.along, row.along_step, x);
    const double length = square_at(row.along_mm, row.along_step_mm, x);
    const double inside = from + x * from_step < 0 ? speed - across : 0;
    const double squared = inside > 0 ? inside * length : 0;
    integrals[i] += 2 * density * sqrt(squared) / (speed > 0 ? speed : 1);
  }
}

/* Where rays enter and leave, as multiples of their directions. */
enum { RAYS = 256 };
typedef struct crossings {
  double in[RAYS], out[RAYS];
} crossings;

static void cross_ball(const row_of_rays *r, int64_t begin, int32_t count, crossings *t) {
  const double from = kvox_dot3(r->source, r->along), from_step = kvox_dot3(r->source, r->along_step);
  const row_of_rays row = *r;
  for (int32_t i = 0; i < count; i++) {
    const double x = (double)begin + (double)i;
    const double across = square_at(row.moment, row.moment_step, x);
    const double speed = square_at(row.along, row.along_step, x);
    const double inside = speed > across ? speed - across : 0, divisor = speed > 0 ? speed : 1;
    const double nearest = -(from + x * from_step) / divisor, half = sqrt(inside) / divisor;
    const double in = nearest - half;
    t->in[i] = in > 0 ? in : 0;
    t->out[i] = nearest + half;
  }
}

/* The plane is `room` from the source, and a ray rises by `rise` + i `rise_step` towards it. */
static void cross_plane(double room, double rise, double rise_step, int32_t count, crossings *t) {
  const double level = room > 0 ? (double)INFINITY : -(double)INFINITY;
  for (int32_t i = 0; i < count; i++) {
    const double up = rise + (double)i * rise_step;
    const double at = room / (up != 0 ? up : 1);
    const double least = up < 0 ? at : -(double)INFINITY;
    const double falling = up < 0 ? (double)INFINITY : level, most = up > 0 ? at : falling;
    t->in[i] = t->in[i] > least ? t->in[i] : least;
    t->out[i] = t->out[i] < most ? t->out[i] : most;
  }
}

/* Shapes that planes cut, seen from a source outside their quadric. */
static void add_cut_chords(const row_of_rays *r, const kvox_shape *shape, const kvox_plane *planes,
                           const double from_center_mm[3], int64_t begin, int32_t count, double *restrict integrals) {
  crossings t;
  const double x = (double)begin;
  cross_ball(r, begin, count, &t);
  for (int32_t p = 0; p < shape->planes; p++) {
    const kvox_plane *plane = planes + shape->first_plane + p;
    const double rise_step = kvox_dot3(plane->normal, r->along_step_mm);
    cross_plane(plane->offset_mm - kvox_dot3(plane->normal, from_center_mm),
                kvox_dot3(plane->normal, r->along_mm) + x * rise_step, rise_step, count, &t);
  }
  for (int32_t i = 0; i < count; i++) {
    const double length = square_at(r->along_mm, r->along_step_mm, x + (double)i);
    const double part = t.out[i] > t.in[i] ? t.out[i] - t.in[i] : 0;
    integrals[i] += shape->density * part * sqrt(length);
  }
}

/* Shapes that hold the source, where a cylinder may go on without end, or that other quadrics bound: ray by ray. */
static void add_ray_by_ray(const kvox_phantom *phantom, const kvox_shape *shape, const double source_mm[3],
                           const row_of_rays *r, int64_t begin, int64_t end, double *integrals) {
  for (int64_t i = begin; i < end; i++) {
    double direction[3];
    for (int c = 0; c < 3; c++) {
      direction[c] = r->along_mm[c] + (double)i * r->along_step_mm[c];
    }
    const double chord = kvox_shape_ray_chord(shape, kvox_phantom_cuts(phantom), source_mm, direction);
    integrals[i] = isinf(chord) ? chord : integrals[i] + shape->density * chord;
  }
}

static void add_diverging(const kvox_phantom *phantom, const kvox_shape *shape, const double source_mm[3],
                          const double first_mm[3], const double step_mm[3], int64_t count, double *integrals) {
  row_of_rays r;
  double from_center[3];
  int64_t begin, end;
  for (int c = 0; c < 3; c++) {
    from_center[c] = source_mm[c] - shape->center_mm[c];
    r.along_mm[c] = first_mm[c] - source_mm[c];
    r.along_step_mm[c] = step_mm[c];
  }
  kvox_shape_turn(shape, from_center, r.source);
  kvox_shape_turn(shape, r.along_mm, r.along);
  kvox_shape_turn(shape, step_mm, r.along_step);
  cross(r.source, r.along, r.moment);
  cross(r.source, r.along_step, r.moment_step);
  find_columns(&r, count, &begin, &end);
  if (!(kvox_dot3(r.source, r.source) > 1) || shape->bounds > 0) {
    add_ray_by_ray(phantom, shape, source_mm, &r, begin, end, integrals);
    return;
  }
  for (int64_t from = begin; from < end; from += RAYS) {
    const int32_t some = (int32_t)(end - from < RAYS ? end - from : RAYS);
    if (shape->planes == 0) {
      add_chords_in_front(&r, shape->density, from, some, integrals + from);
    } else {
      add_cut_chords(&r, shape, phantom->planes, from_center, from, some, integrals + from);
    }
  }
}

void kvox_phantom_line_row(const kvox_phantom *phantom, const double first_mm[3], const double step_mm[3],
                           const double direction[3], int64_t count, double *integrals) {
  memset(integrals, 0, (size_t)count * sizeof *integrals);
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    add_parallel(phantom, phantom->shapes + i, first_mm, step_mm, direction, count, integrals);
  }
}

void kvox_phantom_ray_row(const kvox_phantom *phantom, const double source_mm[3], const double first_mm[3],
                          const double step_mm[3], int64_t count, double *integrals) {
  memset(integrals, 0, (size_t)count * sizeof *integrals);
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    add_diverging(phantom, phantom->shapes + i, source_mm, first_mm, step_mm, count, integrals);
  }
}

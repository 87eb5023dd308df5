#include "phantom/shape.h"

#include <math.h>

bool kvox_shape_holds(const kvox_shape *shape, const kvox_plane *planes, const double point_mm[3]) {
  double from_center[3], u[3];
  for (int c = 0; c < 3; c++) {
    from_center[c] = point_mm[c] - shape->center_mm[c];
  }
  kvox_shape_turn(shape, from_center, u);
  if (!(kvox_dot3(u, u) <= 1)) {
    return false;
  }
  for (int32_t p = 0; p < shape->planes; p++) {
    const kvox_plane *plane = planes + shape->first_plane + p;
    if (!(kvox_dot3(plane->normal, from_center) < plane->offset_mm)) {
      return false;
    }
  }
  return true;
}

/* Cuts the interval [begin, end] of the line from + t * direction down to the plane's side. */
static void cut(const kvox_plane *plane, const double from[3], const double direction[3], double *begin, double *end) {
  const double room = plane->offset_mm - kvox_dot3(plane->normal, from);
  const double speed = kvox_dot3(plane->normal, direction);
  if (speed > 0) {
    *end = fmin(*end, room / speed);
  } else if (speed < 0) {
    *begin = fmax(*begin, room / speed);
  } else if (!(room > 0)) {
    *end = *begin;
  }
}

/* Of the part of the line from point + least * direction on. */
static double chord_from(const kvox_shape *shape, const kvox_plane *planes, const double point_mm[3],
                         const double direction[3], double least) {
  double from[3], u[3], du[3];
  for (int c = 0; c < 3; c++) {
    from[c] = point_mm[c] - shape->center_mm[c];
  }
  kvox_shape_turn(shape, from, u);
  kvox_shape_turn(shape, direction, du);
  const double speed_squared = kvox_dot3(du, du);
  /* The line is followed from where it is nearest to the centre: the discriminant written the usual way cancels where
   * the point is far from a small shape. */
  const double nearest = speed_squared > 0 ? -kvox_dot3(u, du) / speed_squared : 0;
  for (int c = 0; c < 3; c++) {
    from[c] += nearest * direction[c];
    u[c] += nearest * du[c];
  }
  const double inside = 1 - kvox_dot3(u, u);
  if (!(inside > 0)) {
    return 0;
  }
  double end = speed_squared > 0 ? sqrt(inside / speed_squared) : (double)INFINITY;
  double begin = fmax(-end, least - nearest);
  for (int32_t p = 0; p < shape->planes; p++) {
    cut(planes + shape->first_plane + p, from, direction, &begin, &end);
  }
  return begin < end ? (end - begin) * sqrt(kvox_dot3(direction, direction)) : 0;
}

double kvox_shape_chord(const kvox_shape *shape, const kvox_plane *planes, const double point_mm[3],
                        const double direction[3]) {
  return chord_from(shape, planes, point_mm, direction, -(double)INFINITY);
}

double kvox_shape_ray_chord(const kvox_shape *shape, const kvox_plane *planes, const double point_mm[3],
                            const double direction[3]) {
  return chord_from(shape, planes, point_mm, direction, 0);
}

kvox_span kvox_span_in_ball(const double start[3], const double step[3], double radius) {
  const double speed_squared = kvox_dot3(step, step);
  const double nearest = speed_squared > 0 ? -kvox_dot3(start, step) / speed_squared : 0;
  double at[3];
  for (int c = 0; c < 3; c++) {
    at[c] = start[c] + nearest * step[c];
  }
  const double inside = radius > 0 ? radius * radius - kvox_dot3(at, at) : -1;
  if (!(inside > 0)) {
    return (kvox_span){1, 0};
  }
  const double half = speed_squared > 0 ? sqrt(inside / speed_squared) : (double)INFINITY;
  return (kvox_span){nearest - half, nearest + half};
}

int64_t kvox_index_up(double x, int64_t count) { return !(x > 0) ? 0 : x >= (double)count ? count : (int64_t)ceil(x); }

#include "phantom/shape.h"

#include <math.h>

bool kvox_bound_holds(const kvox_bound *bound, const double point_mm[3]) {
  double from_center[3], u[3];
  for (int c = 0; c < 3; c++) {
    from_center[c] = point_mm[c] - bound->center_mm[c];
  }
  for (int r = 0; r < 3; r++) {
    u[r] = kvox_dot3(bound->unit[r], from_center);
  }
  return bound->is_cone ? u[2] >= 0 && u[0] * u[0] + u[1] * u[1] <= u[2] * u[2] : kvox_dot3(u, u) <= 1;
}

bool kvox_shape_holds(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3]) {
  double from_center[3], u[3];
  for (int c = 0; c < 3; c++) {
    from_center[c] = point_mm[c] - shape->center_mm[c];
  }
  kvox_shape_turn(shape, from_center, u);
  if (!(kvox_dot3(u, u) <= 1)) {
    return false;
  }
  for (int32_t p = 0; p < shape->planes; p++) {
    const kvox_plane *plane = cuts.planes + shape->first_plane + p;
    if (!(kvox_dot3(plane->normal, from_center) < plane->offset_mm)) {
      return false;
    }
  }
  for (int32_t b = 0; b < shape->bounds; b++) {
    if (!kvox_bound_holds(cuts.bounds + shape->first_bound + b, point_mm)) {
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

/* Cuts it down to where |u + t du| <= 1. */
static void cut_to_ball(const double u[3], const double du[3], double *begin, double *end) {
  const double speed_squared = kvox_dot3(du, du);
  const double nearest = speed_squared > 0 ? -kvox_dot3(u, du) / speed_squared : 0;
  double at[3];
  for (int c = 0; c < 3; c++) {
    at[c] = u[c] + nearest * du[c];
  }
  const double inside = 1 - kvox_dot3(at, at);
  if (!(inside > 0)) {
    *end = *begin;
  } else if (speed_squared > 0) {
    const double half = sqrt(inside / speed_squared);
    *begin = fmax(*begin, nearest - half);
    *end = fmin(*end, nearest + half);
  }
}

/* Cuts it down to the cone u0^2 + u1^2 <= u2^2, u2 >= 0: between the roots of a t^2 + 2 b t + c where the line is
 * steeper than the cone's side, else beyond the root that lies in this half of the double cone. */
static void cut_to_cone(const double u[3], const double du[3], double *begin, double *end) {
  const double a = du[0] * du[0] + du[1] * du[1] - du[2] * du[2];
  const double b = u[0] * du[0] + u[1] * du[1] - u[2] * du[2];
  const double c = u[0] * u[0] + u[1] * u[1] - u[2] * u[2];
  const double discriminant = b * b - a * c;
  if (du[2] > 0) {
    *begin = fmax(*begin, -u[2] / du[2]);
  } else if (du[2] < 0) {
    *end = fmin(*end, -u[2] / du[2]);
  } else if (u[2] < 0) {
    *end = *begin;
  }
  if (a == 0) {
    if (b > 0) {
      *end = fmin(*end, -c / (2 * b));
    } else if (b < 0) {
      *begin = fmax(*begin, -c / (2 * b));
    } else if (c > 0) {
      *end = *begin;
    }
    return;
  }
  if (!(discriminant > 0)) {
    *end = a > 0 ? *begin : *end;
    return;
  }
  /* The root without cancellation, and the other by their product. */
  const double q = -(b + copysign(sqrt(discriminant), b));
  const double one = q / a, other = q != 0 ? c / q : one;
  const double low = fmin(one, other), high = fmax(one, other);
  if (a > 0) {
    *begin = fmax(*begin, low);
    *end = fmin(*end, high);
  } else if (du[2] > 0) {
    *begin = fmax(*begin, high);
  } else {
    *end = fmin(*end, low);
  }
}

/* Cuts the interval of the line point + t direction down to the bound. */
static void cut_to_bound(const kvox_bound *bound, const double point_mm[3], const double direction[3], double *begin,
                         double *end) {
  double from_center[3], u[3], du[3];
  for (int c = 0; c < 3; c++) {
    from_center[c] = point_mm[c] - bound->center_mm[c];
  }
  for (int r = 0; r < 3; r++) {
    u[r] = kvox_dot3(bound->unit[r], from_center);
    du[r] = kvox_dot3(bound->unit[r], direction);
  }
  if (bound->is_cone) {
    cut_to_cone(u, du, begin, end);
  } else {
    cut_to_ball(u, du, begin, end);
  }
}

/* Of the part of the line from point + least * direction on. */
static double chord_from(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3], const double direction[3],
                         double least) {
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
    cut(cuts.planes + shape->first_plane + p, from, direction, &begin, &end);
  }
  for (int32_t b = 0; b < shape->bounds && begin < end; b++) {
    const double at[3] = {from[0] + shape->center_mm[0], from[1] + shape->center_mm[1], from[2] + shape->center_mm[2]};
    cut_to_bound(cuts.bounds + shape->first_bound + b, at, direction, &begin, &end);
  }
  return begin < end ? (end - begin) * sqrt(kvox_dot3(direction, direction)) : 0;
}

double kvox_shape_chord(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3], const double direction[3]) {
  return chord_from(shape, cuts, point_mm, direction, -(double)INFINITY);
}

double kvox_shape_ray_chord(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3],
                            const double direction[3]) {
  return chord_from(shape, cuts, point_mm, direction, 0);
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

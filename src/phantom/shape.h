/* The one shape of every phantom: a quadric with a density, cut by half-spaces and by other quadrics. */
#ifndef KVOX_PHANTOM_SHAPE_H
#define KVOX_PHANTOM_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps the side where normal . (x - center of its shape) < offset. */
typedef struct kvox_plane {
  double normal[3];
  double offset_mm;
} kvox_plane;

/*
 * Keeps what lies in another quadric: |unit (x - center)|^2 <= 1 as of a shape, or a cone whose apex is the center,
 * where u = unit (x - center) has u0^2 + u1^2 <= u2^2 and u2 >= 0. Both are convex, so that a line stays one piece.
 */
typedef struct kvox_bound {
  double center_mm[3];
  double unit[3][3];
  bool is_cone;
} kvox_bound;

/*
 * |unit (x - center)|^2 <= 1. The rows of `unit` are the principal axes divided by the semi-axes, so that an ellipsoid
 * is the unit ball seen from afar; a row of zeros is an axis along which the shape never ends (an elliptic cylinder).
 */
typedef struct kvox_shape {
  double center_mm[3];
  double unit[3][3];
  double density;
  int32_t first_plane, planes;
  int32_t first_bound, bounds;
} kvox_shape;

/* Those of a phantom, which its shapes count in. */
typedef struct kvox_cuts {
  const kvox_plane *planes;
  const kvox_bound *bounds;
} kvox_cuts;

static inline double kvox_dot3(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* unit * v. */
static inline void kvox_shape_turn(const kvox_shape *shape, const double v[3], double out[3]) {
  for (int r = 0; r < 3; r++) {
    out[r] = kvox_dot3(shape->unit[r], v);
  }
}

/* Whether the point lies in it. */
bool kvox_shape_holds(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3]);
bool kvox_bound_holds(const kvox_bound *bound, const double point_mm[3]);

/* The length in mm of the line's part within the shape; infinite along the axis of a cylinder. */
double kvox_shape_chord(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3], const double direction[3]);

/* The same of the ray that begins at the point. */
double kvox_shape_ray_chord(const kvox_shape *shape, kvox_cuts cuts, const double point_mm[3],
                            const double direction[3]);

/* Indices between which something holds; nowhere where low > high. */
typedef struct kvox_span {
  double low, high;
} kvox_span;

/* Where |start + i step| < radius. */
kvox_span kvox_span_in_ball(const double start[3], const double step[3], double radius);

/* The first index at or above x, kept to 0 ... count. */
int64_t kvox_index_up(double x, int64_t count);

#endif

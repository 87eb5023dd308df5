#define _XOPEN_SOURCE 700 /* j1 */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "phantom/coils.h"
#include "phantom/kspace.h"

static const double pi = 3.14159265358979324;

/* What is below this share of a shape's own length, or of a unit vector, is rounding. */
static const double nothing = 1e-9;

static double disc(double x) { return x > 0 ? 2 * j1(x) / x : 1; }

static double sinc(double x) { return fabs(x) > 1e-8 ? sin(pi * x) / (pi * x) : 1; }

double kvox_kspace_shape_at(const kvox_kspace_shape *shape, const double q[3]) {
  double squared = 0;
  for (int a = 0; a < 3; a++) {
    squared += q[a] * kvox_dot3(shape->metric[a], q);
  }
  double value = disc(2 * pi * sqrt(fmax(squared, 0)));
  for (int a = 0; a < 3; a++) {
    value *= shape->length[a] > 0 ? sinc(q[a] * shape->length[a]) : 1;
  }
  return value;
}

/* A shape in the grid's coordinates r: |scale unit r + start|^2 <= 1. The scale is a power of two that leaves numbers
 * of about 1 in `unit`, however small or large the shape is: their products stay numbers. */
typedef struct seen {
  double unit[3][3]; /* [r][axis] */
  double scale;
  double start[3];
  double from_center[3]; /* the grid's middle from the shape's, mm */
} seen;

static seen look(const kvox_shape *shape, const kvox_grid *grid, const double middle[3]) {
  seen s;
  double largest = 0;
  for (int c = 0; c < 3; c++) {
    s.from_center[c] = middle[c] - shape->center_mm[c];
  }
  for (int r = 0; r < 3; r++) {
    s.start[r] = kvox_dot3(shape->unit[r], s.from_center);
    for (int a = 0; a < 3; a++) {
      s.unit[r][a] = kvox_dot3(shape->unit[r], grid->axes[a]);
      largest = fmax(largest, fabs(s.unit[r][a]));
    }
  }
  int exponent = 0;
  frexp(largest, &exponent);
  s.scale = largest > 0 ? ldexp(1, exponent) : 1;
  for (int i = 0; i < 9; i++) {
    s.unit[i / 3][i % 3] /= s.scale;
  }
  return s;
}

static double column_length(const seen *s, int a) {
  return sqrt(s->unit[0][a] * s->unit[0][a] + s->unit[1][a] * s->unit[1][a] + s->unit[2][a] * s->unit[2][a]);
}

static void column(const seen *s, int a, double out[3]) {
  for (int r = 0; r < 3; r++) {
    out[r] = s->unit[r][a];
  }
}

static void cross(const double a[3], const double b[3], double out[3]) {
  for (int c = 0; c < 3; c++) {
    out[c] = a[(c + 1) % 3] * b[(c + 2) % 3] - a[(c + 2) % 3] * b[(c + 1) % 3];
  }
}

/* False where the shape is no ellipsoid. */
static bool see_ellipsoid(const seen *s, double density, kvox_kspace_shape *out) {
  double columns[3][3], rows[3][3]; /* of unit; of its inverse, before the division */
  for (int a = 0; a < 3; a++) {
    column(s, a, columns[a]);
  }
  for (int a = 0; a < 3; a++) {
    cross(columns[(a + 1) % 3], columns[(a + 2) % 3], rows[a]);
  }
  const double determinant = kvox_dot3(columns[0], rows[0]);
  if (!(fabs(determinant) > nothing * column_length(s, 0) * column_length(s, 1) * column_length(s, 2))) {
    return false;
  }
  *out = (kvox_kspace_shape){.is_ellipsoid = true,
                             .amount = density * 4 / 3 * pi / fabs(determinant) / s->scale / s->scale / s->scale};
  for (int a = 0; a < 3; a++) {
    out->center[a] = -kvox_dot3(rows[a], s->start) / determinant / s->scale;
    for (int b = 0; b < 3; b++) {
      out->metric[a][b] = kvox_dot3(rows[a], rows[b]) / (determinant * determinant) / s->scale / s->scale;
    }
  }
  return true;
}

typedef enum sight { SEEN, MISSED, ENDLESS } sight;

/* The ellipse in the plane of axes a and b through the middle: |r_a u + r_b v + start|^2 <= 1. */
static sight see_ellipse(const seen *s, double density, int a, int b, kvox_kspace_shape *out) {
  double u[3], v[3];
  column(s, a, u);
  column(s, b, v);
  const double uu = kvox_dot3(u, u), uv = kvox_dot3(u, v), vv = kvox_dot3(v, v);
  const double determinant = uu * vv - uv * uv;
  if (!(determinant > nothing * nothing * (uu + vv) * (uu + vv))) {
    return ENDLESS;
  }
  const double su = kvox_dot3(s->start, u), sv = kvox_dot3(s->start, v);
  const double center_a = (uv * sv - vv * su) / determinant, center_b = (uv * su - uu * sv) / determinant;
  double above[3];
  for (int r = 0; r < 3; r++) {
    above[r] = s->start[r] + center_a * u[r] + center_b * v[r];
  }
  const double radius_squared = 1 - kvox_dot3(above, above);
  if (!(radius_squared > 0)) {
    return MISSED;
  }
  *out = (kvox_kspace_shape){.amount = density * pi * radius_squared / sqrt(determinant) / s->scale / s->scale};
  out->center[a] = center_a / s->scale;
  out->center[b] = center_b / s->scale;
  out->metric[a][a] = radius_squared * vv / determinant / s->scale / s->scale;
  out->metric[b][b] = radius_squared * uu / determinant / s->scale / s->scale;
  out->metric[a][b] = out->metric[b][a] = -radius_squared * uv / determinant / s->scale / s->scale;
  return SEEN;
}

static kvox_status no_closed_form(const char *why) {
  return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                   "kvox_phantom_kspace: %s: there is no closed form of the transform; phantoms of whole ellipses and "
                   "ellipsoids have one, shepp-logan and others",
                   why);
}

/* Cuts the interval of r along `axis` down to where all planes of the shape keep; they must lie across it. */
static kvox_status cut_by_planes(const kvox_phantom *phantom, const kvox_shape *shape, const kvox_grid *grid,
                                 const seen *s, int axis, double interval[2]) {
  for (int32_t p = 0; p < shape->planes; p++) {
    const kvox_plane *plane = phantom->planes + shape->first_plane + p;
    const double room = plane->offset_mm - kvox_dot3(plane->normal, s->from_center);
    const double length = sqrt(kvox_dot3(plane->normal, plane->normal));
    for (int a = 0; a < 3; a++) {
      if (a != axis && fabs(kvox_dot3(plane->normal, grid->axes[a])) > nothing * length) {
        return no_closed_form("a shape of the phantom is cut by a plane that is not across its cylinder and the grid");
      }
    }
    const double slope = kvox_dot3(plane->normal, grid->axes[axis]);
    if (slope > 0) {
      interval[1] = fmin(interval[1], room / slope);
    } else if (slope < 0) {
      interval[0] = fmax(interval[0], room / slope);
    }
  }
  return KVOX_OK;
}

/* The section through the middle of a grid of one slice. */
static kvox_status see_section(const kvox_phantom *phantom, const kvox_shape *shape, const kvox_grid *grid,
                               const seen *s, kvox_kspace_shape *out, bool *met) {
  double interval[2] = {-(double)INFINITY, (double)INFINITY};
  KVOX_TRY(cut_by_planes(phantom, shape, grid, s, 2, interval));
  const sight how = see_ellipse(s, shape->density, 0, 1, out);
  if (how == ENDLESS) {
    return no_closed_form("a shape of the phantom runs without end in the plane of the section");
  }
  *met = how == SEEN && interval[0] < 0 && interval[1] > 0;
  return KVOX_OK;
}

static kvox_status see_cylinder(const kvox_phantom *phantom, const kvox_shape *shape, const kvox_grid *grid,
                                const seen *s, kvox_kspace_shape *out, bool *met) {
  int axis = 0;
  for (int a = 1; a < 3; a++) {
    axis = column_length(s, a) < column_length(s, axis) ? a : axis;
  }
  const int b = (axis + 1) % 3, c = (axis + 2) % 3;
  if (!(column_length(s, axis) <= nothing * (column_length(s, b) + column_length(s, c)))) {
    return no_closed_form("a cylinder of the phantom without end does not run along an axis of the grid");
  }
  /* Where the voxels end. */
  const double begin = -((double)(grid->size[axis] / 2) + 0.5) * grid->spacing_mm[axis];
  double interval[2] = {begin, begin + (double)grid->size[axis] * grid->spacing_mm[axis]};
  KVOX_TRY(cut_by_planes(phantom, shape, grid, s, axis, interval));
  const sight how = see_ellipse(s, shape->density, b, c, out);
  if (how == ENDLESS) {
    return no_closed_form("a shape of the phantom runs without end along two axes");
  }
  *met = how == SEEN && interval[0] < interval[1];
  if (*met) {
    out->length[axis] = interval[1] - interval[0];
    out->center[axis] = 0.5 * (interval[0] + interval[1]);
    out->amount *= out->length[axis];
  }
  return KVOX_OK;
}

static kvox_status see(const kvox_phantom *phantom, const kvox_shape *shape, const kvox_grid *grid,
                       const double middle[3], kvox_kspace_shape *out, bool *met) {
  if (shape->bounds > 0) {
    return no_closed_form("a shape of the phantom is cut by another quadric");
  }
  const seen s = look(shape, grid, middle);
  if (grid->size[2] == 1) {
    return see_section(phantom, shape, grid, &s, out, met);
  }
  if (!see_ellipsoid(&s, shape->density, out)) {
    return see_cylinder(phantom, shape, grid, &s, out, met);
  }
  *met = true;
  return shape->planes > 0 ? no_closed_form("an ellipsoid of the phantom is cut by a plane") : KVOX_OK;
}

kvox_status kvox_kspace_look(const kvox_phantom *phantom, const kvox_grid *grid, kvox_kspace_shape *shapes,
                             int32_t *count) {
  double middle[3], across[3];
  kvox_grid_middle(grid, middle);
  cross(grid->axes[0], grid->axes[1], across);
  const bool flat =
      grid->size[2] > 1 ? fabs(kvox_dot3(across, grid->axes[2])) < 1e-3 : kvox_dot3(across, across) < 1e-6;
  if (flat) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_kspace: the grid's axes lie in one plane or on one line");
  }
  *count = 0;
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    bool met = false;
    KVOX_TRY(see(phantom, phantom->shapes + i, grid, middle, shapes + *count, &met));
    *count += met;
  }
  return KVOX_OK;
}

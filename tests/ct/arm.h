/* Scans whose views are given one by one: circles, and a C-arm that sags. */
#ifndef KVOX_TESTS_CT_ARM_H
#define KVOX_TESTS_CT_ARM_H

#include "ct/scan.h"
#include "ct/vectors.h"

static const double arm_radian = 3.14159265358979323846 / 180;

/* A scan, circular or not; what is measured is exact. */
typedef struct arm {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_array projections;
  float *samples;
  int64_t shape[3];
} arm;

static inline void arm_begin(arm *a, kvox_ct_geometry *geometry) {
  a->geometry = geometry;
  assert_ok(kvox_ct_geometry_shape(geometry, a->shape));
  a->samples = calloc((size_t)(a->shape[0] * a->shape[1] * a->shape[2]), sizeof *a->samples);
  assert_non_null(a->samples);
  assert_ok(kvox_array_init(&a->projections, a->samples, KVOX_F32, 3, a->shape));
}

static inline void arm_simulate(arm *a, const char *name, double radius_mm, double density) {
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_create(a->context, name, radius_mm, density, &phantom));
  assert_ok(kvox_ct_simulate(a->context, a->geometry, phantom, &a->projections));
  kvox_phantom_destroy(phantom);
}

static inline void arm_end(arm *a) {
  free(a->samples);
  kvox_ct_geometry_destroy(a->geometry);
}

static inline kvox_volume *reconstruct(kvox_context *context, const kvox_ct_geometry *geometry,
                                       const kvox_array *projections, const kvox_ct_fbp_options *options) {
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  kvox_memory_use memory;
  assert_ok(kvox_ct_fbp_plan_create(context, geometry, options, &plan));
  assert_ok(kvox_ct_fbp_plan_memory(plan, &memory));
  if (options != NULL && options->memory_limit != 0) {
    assert_true(memory.workspace <= options->memory_limit);
  }
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_ok(kvox_ct_fbp_execute(plan, NULL, projections, volume));
  kvox_ct_fbp_plan_destroy(plan);
  return volume;
}

static inline kvox_ct_fbp_options options_of(kvox_grid *grid, int64_t across, int64_t slices, double spacing_mm) {
  kvox_ct_fbp_options o;
  const int64_t size[3] = {across, across, slices};
  const double spacing[3] = {spacing_mm, spacing_mm, spacing_mm};
  kvox_ct_fbp_options_init(&o);
  assert_ok(kvox_grid_init(grid, size, spacing, NULL));
  o.grid = grid;
  return o;
}

/* Sources at 500 mm, a detector at 750 mm whose pixels are 1 mm at the axis. */
static inline kvox_ct_cone_options circle_of(int64_t views, int64_t rows, int64_t columns, double step_deg) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = views;
  o.rows = rows;
  o.columns = columns;
  o.source_to_axis_mm = 500;
  o.source_to_detector_mm = 750;
  o.column_pitch_mm = 1.5;
  o.angle_step_deg = step_deg;
  return o;
}

static inline kvox_ct_view *views_of(const kvox_ct_geometry *geometry) {
  int64_t shape[3];
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  kvox_ct_view *views = calloc((size_t)shape[0], sizeof *views);
  assert_non_null(views);
  for (int64_t v = 0; v < shape[0]; v++) {
    assert_ok(kvox_ct_geometry_view(geometry, v, &views[v]));
  }
  return views;
}

static inline double length_of(const double v[3]) { return sqrt(kvox_ct_dot(v, v)); }

/* Turns a vector about an axis by so many degrees. */
static inline void turn(double v[3], const double axis[3], double degrees) {
  const double c = cos(degrees * arm_radian), s = sin(degrees * arm_radian), length = length_of(axis);
  const double n[3] = {axis[0] / length, axis[1] / length, axis[2] / length}, along = kvox_ct_dot(n, v);
  double across[3];
  kvox_ct_cross(n, v, across);
  for (int i = 0; i < 3; i++) {
    v[i] = v[i] * c + across[i] * s + n[i] * along * (1 - c);
  }
}

/* Source and detector displaced by 3 to 5 mm along the ray, across it and along z, the detector turned by 1 to 2
 * degrees about all its axes, as functions of the angle. */
static inline void sag(kvox_ct_view *view) {
  const double b = view->angle_deg * arm_radian, c = cos(b), s = sin(b);
  const double across[3] = {c, s, 0}, ahead[3] = {-s, c, 0}, up[3] = {0, 0, 1};
  for (int i = 0; i < 3; i++) {
    view->source_mm[i] += 3 * c * ahead[i] + 2.5 * sin(b + 0.3) * across[i] + 4 * c * up[i];
    view->detector_mm[i] += -4 * c * ahead[i] + 3 * s * across[i] - 5 * cos(b + 0.2) * up[i];
  }
  double *steps[2] = {view->column_step_mm, view->row_step_mm};
  for (int i = 0; i < 2; i++) {
    turn(steps[i], ahead, 1.5 * s);
    turn(steps[i], across, 2 * cos(b + 1));
    turn(steps[i], up, 1.3 * c);
  }
}

/* `sagged` of the same views, else the circle that they stand for. */
static inline kvox_ct_geometry *c_arm(kvox_context *context, const kvox_ct_cone_options *options, bool sagged) {
  kvox_ct_geometry *circle = NULL, *made = NULL;
  assert_ok(kvox_ct_geometry_create_cone(context, options, &circle));
  if (!sagged) {
    return circle;
  }
  kvox_ct_view *views = views_of(circle);
  for (int64_t v = 0; v < options->views; v++) {
    sag(&views[v]);
  }
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, options->rows, options->columns, views, options->views,
                                          &made));
  free(views);
  kvox_ct_geometry_destroy(circle);
  return made;
}

static inline void swap_vectors(double a[3], double b[3]) {
  for (int i = 0; i < 3; i++) {
    const double t = a[i];
    a[i] = b[i];
    b[i] = t;
  }
}

#endif

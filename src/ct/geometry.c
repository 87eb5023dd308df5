#include "ct/geometry.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "ct/angles.h"
#include "ct/orbit.h"
#include "ct/vectors.h"

static const double pi = 3.14159265358979323846;

/* A slice may lie this far (in rows) beyond the middle of the first and last row: the extent of the row itself. */
static const double row_margin = 0.5 + 1e-6;

/* Direction cosines this close to the axes count as upright. */
static const double upright_tolerance = 1e-9;

kvox_status kvox_ct_geometry_start(kvox_context *context, int64_t views, bool described, kvox_ct_geometry **geometry) {
  kvox_ct_geometry *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  atomic_init(&made->holders, 1);
  made->context = kvox_context_hold(context);
  made->views = views;
  made->angles_deg = kvox_allocate_array(context->heap, views, sizeof *made->angles_deg);
  made->weights_rad = kvox_allocate_array(context->heap, views, sizeof *made->weights_rad);
  made->described = described ? kvox_allocate_array(context->heap, views, sizeof *made->described) : NULL;
  if (made->angles_deg == NULL || made->weights_rad == NULL || (described && made->described == NULL)) {
    kvox_ct_geometry_destroy(made);
    return KVOX_ERROR_MEMORY;
  }
  *geometry = made;
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_weigh(kvox_ct_geometry *geometry) {
  return kvox_ct_angle_weights(geometry->context->heap, kvox_ct_geometry_circle_deg(geometry), geometry->angles_deg,
                               geometry->views, geometry->weights_rad, &geometry->arc_gap_deg, &geometry->arc_step_deg);
}

kvox_ct_geometry *kvox_ct_geometry_hold(const kvox_ct_geometry *geometry) {
  /* Only the count changes, which nobody sees. */
  kvox_ct_geometry *held = (kvox_ct_geometry *)(uintptr_t)geometry;
  atomic_fetch_add_explicit(&held->holders, 1, memory_order_relaxed);
  return held;
}

void kvox_ct_geometry_destroy(kvox_ct_geometry *geometry) {
  if (geometry == NULL || atomic_fetch_sub_explicit(&geometry->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  kvox_context *context = geometry->context;
  kvox_release(context->heap, geometry->angles_deg);
  kvox_release(context->heap, geometry->weights_rad);
  kvox_release(context->heap, geometry->described);
  kvox_release(context->heap, geometry);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_geometry_shape(const kvox_ct_geometry *geometry, int64_t shape[3]) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(shape);
  shape[0] = geometry->views;
  shape[1] = geometry->rows;
  shape[2] = geometry->columns;
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_view(const kvox_ct_geometry *geometry, int64_t view, kvox_ct_view *description) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(description);
  if (view < 0 || view >= geometry->views) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_geometry_view: view %" PRId64 " is not between 0 and %" PRId64, view,
                     geometry->views - 1);
  }
  if (geometry->described != NULL) {
    *description = geometry->described[view];
    return KVOX_OK;
  }
  double c, s;
  kvox_ct_cos_sin_deg(geometry->angles_deg[view], &c, &s);
  const double du = geometry->column_pitch_mm, dv = geometry->row_pitch_mm;
  /* From the column of the axis to the middle of the detector. */
  const double shift = (0.5 * (double)(geometry->columns - 1) - geometry->center_column_px) * du;
  const double rise = (0.5 * (double)(geometry->rows - 1) - geometry->center_row_px) * dv;
  /* A parallel detector stands in the axis: where it does along the rays changes nothing. */
  const double behind = geometry->source_to_detector_mm - geometry->source_to_axis_mm;
  const double before = geometry->source_to_axis_mm;
  *description = (kvox_ct_view){.angle_deg = geometry->angles_deg[view],
                                .source_mm = {-s, c, 0},
                                .detector_mm = {shift * c - behind * s, shift * s + behind * c, rise},
                                .column_step_mm = {du * c, du * s, 0},
                                .row_step_mm = {0, 0, dv}};
  if (geometry->beam != KVOX_CT_PARALLEL) {
    description->source_mm[0] = before * s;
    description->source_mm[1] = -before * c;
  }
  return KVOX_OK;
}

int32_t kvox_ct_geometry_beam(const kvox_ct_geometry *geometry) {
  return geometry != NULL ? geometry->beam : KVOX_CT_PARALLEL;
}

int32_t kvox_ct_geometry_is_circular(const kvox_ct_geometry *geometry) {
  return geometry != NULL && geometry->described == NULL;
}

kvox_status kvox_ct_geometry_distances(const kvox_ct_geometry *geometry, double *source_to_axis_mm,
                                       double *source_to_detector_mm) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(source_to_axis_mm);
  KVOX_REQUIRE(source_to_detector_mm);
  *source_to_axis_mm = geometry->source_to_axis_mm;
  *source_to_detector_mm = geometry->source_to_detector_mm;
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_pitch(const kvox_ct_geometry *geometry, double pitch_mm[2]) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(pitch_mm);
  pitch_mm[0] = geometry->pitch_known ? geometry->column_pitch_mm : 0;
  pitch_mm[1] = geometry->pitch_known ? geometry->row_pitch_mm : 0;
  return KVOX_OK;
}

double kvox_ct_geometry_center_px(const kvox_ct_geometry *geometry) {
  return geometry != NULL ? geometry->center_column_px : 0;
}

int32_t kvox_ct_geometry_unit(const kvox_ct_geometry *geometry) {
  return geometry != NULL && geometry->pitch_known ? KVOX_UNIT_PER_MM : KVOX_UNIT_PER_PIXEL;
}

kvox_status kvox_ct_geometry_weights(const kvox_ct_geometry *geometry, double *weights_rad) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(weights_rad);
  memcpy(weights_rad, geometry->weights_rad, (size_t)geometry->views * sizeof *weights_rad);
  return KVOX_OK;
}

double kvox_ct_geometry_circle_deg(const kvox_ct_geometry *geometry) {
  return geometry->beam == KVOX_CT_PARALLEL ? 180 : 360;
}

double kvox_ct_geometry_magnification(const kvox_ct_geometry *geometry) {
  return geometry->beam == KVOX_CT_PARALLEL ? 1 : geometry->source_to_detector_mm / geometry->source_to_axis_mm;
}

/* From one row to the next, at the axis. */
static double row_spacing(const kvox_ct_geometry *geometry) {
  return geometry->beam == KVOX_CT_CONE ? geometry->row_pitch_mm / kvox_ct_geometry_magnification(geometry)
                                        : geometry->row_pitch_mm;
}

kvox_ct_fan kvox_ct_geometry_fan(const kvox_ct_geometry *g) {
  if (g->beam == KVOX_CT_PARALLEL) {
    return (kvox_ct_fan){0, 0};
  }
  const double per_px = g->column_pitch_mm / g->source_to_detector_mm;
  return (kvox_ct_fan){.low_rad = atan((-0.5 - g->center_column_px) * per_px),
                       .high_rad = atan(((double)g->columns - 0.5 - g->center_column_px) * per_px)};
}

double kvox_ct_geometry_arc_deg(const kvox_ct_geometry *geometry) {
  const double circle = kvox_ct_geometry_circle_deg(geometry);
  return kvox_ct_arc_is_short(geometry->arc_gap_deg, geometry->arc_step_deg)
             ? circle - geometry->arc_gap_deg + geometry->arc_step_deg
             : circle;
}

double kvox_ct_geometry_short_scan_deg(const kvox_ct_geometry *geometry) {
  const kvox_ct_fan fan = kvox_ct_orbit_fan_of(geometry).widest;
  return 180 + 2 * fmax(-fan.low_rad, fan.high_rad) * (180 / pi);
}

kvox_status kvox_ct_geometry_default_grid(const kvox_ct_geometry *geometry, kvox_grid *grid) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(grid);
  if (geometry->described != NULL) {
    return kvox_ct_orbit_grid(geometry, grid);
  }
  const double across = geometry->column_pitch_mm / kvox_ct_geometry_magnification(geometry);
  const double up = row_spacing(geometry);
  const int64_t size[3] = {geometry->columns, geometry->columns, geometry->rows};
  const double spacing[3] = {across, across, up};
  KVOX_TRY(kvox_grid_init(grid, size, spacing, NULL));
  grid->origin_mm[2] = -geometry->center_row_px * up;
  return KVOX_OK;
}

kvox_ct_line kvox_ct_geometry_line(const kvox_ct_geometry *geometry, int64_t view, const kvox_grid *grid) {
  double c, s;
  kvox_ct_cos_sin_deg(geometry->angles_deg[view], &c, &s);
  const double per_px = 1 / geometry->column_pitch_mm;
  return (kvox_ct_line){
      .a = grid->spacing_mm[0] * c * per_px,
      .b = grid->spacing_mm[1] * s * per_px,
      .c = (grid->origin_mm[0] * c + grid->origin_mm[1] * s) * per_px + geometry->center_column_px,
  };
}

double kvox_ct_geometry_row(const kvox_ct_geometry *geometry, const kvox_grid *grid, int64_t k) {
  const double z = grid->origin_mm[2] + grid->spacing_mm[2] * (double)k;
  return z / row_spacing(geometry) + geometry->center_row_px;
}

kvox_status kvox_ct_geometry_check_upright(const kvox_grid *grid, const char *name) {
  for (int a = 0; a < 3; a++) {
    for (int c = 0; c < 3; c++) {
      if (fabs(grid->axes[a][c] - (a == c ? 1 : 0)) > upright_tolerance) {
        return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                         "%s: the grid's axes are not the world's; reconstruct upright, then reformat", name);
      }
    }
  }
  return KVOX_OK;
}

static kvox_status check_rows(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name) {
  char first_text[KVOX_NUMBER_BYTES], last_text[KVOX_NUMBER_BYTES];
  const double first = kvox_ct_geometry_row(geometry, grid, 0);
  const double last = kvox_ct_geometry_row(geometry, grid, grid->size[2] - 1);
  if (first < -row_margin || last > (double)(geometry->rows - 1) + row_margin) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: the grid's slices lie on detector rows %s to %s, the detector has rows 0 to %" PRId64
                     "; move the grid or take fewer slices",
                     name, kvox_number(first, first_text), kvox_number(last, last_text), geometry->rows - 1);
  }
  return KVOX_OK;
}

/* A voxel is in front of a source where it is on the detector's side of the plane through the source. */
kvox_status kvox_ct_geometry_check_sources(const kvox_ct_geometry *geometry, const kvox_grid *grid, double margin,
                                           const char *name) {
  for (int64_t v = 0; geometry->beam != KVOX_CT_PARALLEL && v < geometry->views; v++) {
    kvox_ct_view view;
    KVOX_TRY(kvox_ct_geometry_view(geometry, v, &view));
    double normal[3];
    const double to_detector = kvox_ct_view_depth(&view, normal);
    for (int corner = 0; corner < 8; corner++) {
      double depth = 0;
      for (int c = 0; c < 3; c++) {
        const double index = (corner >> c & 1) != 0 ? (double)(grid->size[c] - 1) + margin : -margin;
        depth += normal[c] * (grid->origin_mm[c] + index * grid->spacing_mm[c] - view.source_mm[c]);
      }
      if (!(depth > 1e-6 * to_detector)) {
        char text[KVOX_NUMBER_BYTES];
        return kvox_fail(KVOX_ERROR_GEOMETRY,
                         "%s: the grid reaches the source, or behind it, in view %" PRId64
                         " (a corner's depth from it is %s mm); take a smaller grid",
                         name, v, kvox_number(depth, text));
      }
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_check_grid(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name) {
  KVOX_TRY(kvox_ct_geometry_check_upright(grid, name));
  KVOX_TRY(kvox_ct_geometry_check_sources(geometry, grid, 0.5, name));
  return geometry->described != NULL ? kvox_ct_orbit_check_rows(geometry, grid, name)
                                     : check_rows(geometry, grid, name);
}

/* As check_arc, of a diverging beam. A view stands for one step: half of it at both ends. */
static kvox_status check_turn(const kvox_ct_geometry *geometry, const char *name) {
  const double arc = kvox_ct_geometry_arc_deg(geometry), wanted = kvox_ct_geometry_short_scan_deg(geometry);
  /* Sums of angles round. */
  if (arc >= fmin(wanted, 360) * (1 - 1e-9)) {
    return KVOX_OK;
  }
  char arc_text[KVOX_NUMBER_BYTES], wanted_text[KVOX_NUMBER_BYTES], fan_text[KVOX_NUMBER_BYTES];
  return kvox_fail(KVOX_ERROR_GEOMETRY,
                   "%s: the arc is too short: the views cover %s degrees; a diverging beam needs a full turn, or %s "
                   "degrees: 180 and the fan angle of %s",
                   name, kvox_number(arc, arc_text), kvox_number(wanted, wanted_text),
                   kvox_number(wanted - 180, fan_text));
}

kvox_status kvox_ct_geometry_check_arc(const kvox_ct_geometry *geometry, const char *name) {
  if (geometry->beam != KVOX_CT_PARALLEL) {
    return check_turn(geometry, name);
  }
  if (!kvox_ct_arc_is_short(geometry->arc_gap_deg, geometry->arc_step_deg)) {
    return KVOX_OK;
  }
  char gap[KVOX_NUMBER_BYTES], step[KVOX_NUMBER_BYTES];
  return kvox_fail(
      KVOX_ERROR_GEOMETRY,
      "%s: the arc is too short: the views leave %s degrees of the half turn unmeasured (their step is %s); "
      "a parallel beam needs 180 degrees less one step",
      name, kvox_number(geometry->arc_gap_deg, gap), kvox_number(geometry->arc_step_deg, step));
}

kvox_status kvox_ct_geometry_check_circular(const kvox_ct_geometry *geometry, const char *name) {
  if (geometry->described != NULL) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "%s: the geometry's views were given one by one; this takes views that follow from their angles",
                     name);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_check_parallel(const kvox_ct_geometry *geometry, const char *name) {
  static const char *const beams[] = {"parallel", "fan", "cone"};
  KVOX_TRY(kvox_ct_geometry_check_circular(geometry, name));
  if (geometry->beam != KVOX_CT_PARALLEL) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "%s: the geometry is a %s beam; this takes a parallel beam alone", name,
                     beams[geometry->beam]);
  }
  return KVOX_OK;
}

/* What a geometry can give, in words. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/volume.h"
#include "ct/angles.h"
#include "ct/geometry.h"
#include "ct/orbit.h"
#include "ct/redundancy.h"

static void say_number(kvox_text *text, const char *before, double value, const char *after) {
  char number[KVOX_NUMBER_BYTES];
  kvox_text_add(text, "%s%s%s", before, kvox_number(value, number), after);
}

static void say_beam(kvox_text *text, const kvox_ct_geometry *g) {
  static const char *const beams[] = {"Parallel", "Fan", "Cone"};
  const char *unit = g->pitch_known ? " mm" : " pixels";
  kvox_text_add(text, "%s beam, %" PRId64 " views of %" PRId64 " rows and %" PRId64 " columns", beams[g->beam],
                g->views, g->rows, g->columns);
  say_number(text, ", column pitch ", g->column_pitch_mm, unit);
  say_number(text, ", axis at column ", g->center_column_px, ".\n");
  if (g->described != NULL) {
    kvox_text_add(text,
                  "Each view was given by itself; lengths are their means, what is seen is what all of them see.\n");
  }
  if (g->beam != KVOX_CT_PARALLEL) {
    say_number(text, "The source is ", g->source_to_axis_mm, " mm from the axis");
    say_number(text, " and ", g->source_to_detector_mm, " mm from the detector");
    say_number(text, ", the magnification ", kvox_ct_geometry_magnification(g), ".\n");
  }
}

static void say_half_turn(kvox_text *text, const kvox_ct_geometry *g) {
  if (kvox_ct_arc_is_short(g->arc_gap_deg, g->arc_step_deg)) {
    say_number(text, "The arc is too short: ", g->arc_gap_deg, " degrees of the half turn are not measured.\n");
  } else {
    say_number(text, "The half turn is covered, widest step ", g->arc_gap_deg, " degrees.\n");
  }
}

static void say_turn(kvox_text *text, const kvox_ct_geometry *g) {
  const double arc = kvox_ct_geometry_arc_deg(g), wanted = kvox_ct_geometry_short_scan_deg(g);
  if (!kvox_ct_arc_is_short(g->arc_gap_deg, g->arc_step_deg)) {
    say_number(text, "The full turn is covered, widest step ", g->arc_gap_deg, " degrees.\n");
    return;
  }
  const bool enough = arc >= wanted * (1 - 1e-9);
  say_number(text, enough ? "A short scan: the views cover " : "The arc is too short: the views cover ", arc,
             " degrees");
  say_number(text, enough ? ", 180 and the fan angle are " : ", 180 and the fan angle would be ", wanted, ".\n");
}

static void say_coverage(kvox_text *text, const kvox_ct_geometry *g) {
  (g->beam == KVOX_CT_PARALLEL ? say_half_turn : say_turn)(text, g);
  /* Crowther's criterion: pi / 2 * columns views over half a turn resolve the whole field as finely as the columns do;
   * the views of a full turn measure every ray twice, from both sides. */
  const double circle = kvox_ct_geometry_circle_deg(g);
  const double wanted = ceil(1.5707963267948966 * (double)g->columns * (circle / 180));
  const double step = kvox_ct_arc_is_short(g->arc_gap_deg, g->arc_step_deg) ? g->arc_step_deg : g->arc_gap_deg;
  const double steps = step > 0 ? circle / (g->beam == KVOX_CT_PARALLEL ? g->arc_gap_deg : step) : 0;
  if (steps < wanted) {
    say_number(text, g->beam == KVOX_CT_PARALLEL ? "Fewer directions than " : "Fewer views a turn than ", wanted,
               " leave streaks towards the edge of the field.\n");
  }
}

/* Circles about the axis: that every view sees whole, and that the detector's farther side reaches to. */
typedef struct field {
  double radius, farther;
} field;

static field field_of(const kvox_ct_geometry *g) {
  if (g->described != NULL && g->beam != KVOX_CT_PARALLEL) {
    const kvox_ct_orbit_fan fan = kvox_ct_orbit_fan_of(g);
    return (field){g->source_to_axis_mm * sin(fmin(-fan.narrowest.low_rad, fan.narrowest.high_rad)),
                   g->source_to_axis_mm * sin(fmax(-fan.widest.low_rad, fan.widest.high_rad))};
  }
  const double left = g->center_column_px + 0.5, right = (double)g->columns - 0.5 - g->center_column_px;
  field f = {.radius = fmin(left, right) * g->column_pitch_mm, .farther = fmax(left, right) * g->column_pitch_mm};
  if (g->beam != KVOX_CT_PARALLEL) {
    /* The rays to the detector's edges touch them. */
    f.radius *= g->source_to_axis_mm / hypot(g->source_to_detector_mm, f.radius);
    f.farther *= g->source_to_axis_mm / hypot(g->source_to_detector_mm, f.farther);
  }
  return f;
}

/* Whether a full turn makes up for a detector to one side of the axis: opposite rays measure what it misses. */
static bool is_offset(const kvox_ct_geometry *g, const field *f) {
  return g->beam != KVOX_CT_PARALLEL && f->radius > 0 && f->radius < 0.9 * f->farther &&
         kvox_ct_geometry_arc_deg(g) >= 360;
}

static void say_field(kvox_text *text, const kvox_ct_geometry *g, const kvox_grid *grid) {
  const char *unit = g->pitch_known ? " mm" : " pixels";
  const field f = field_of(g);
  const bool offset = is_offset(g, &f);
  if (f.radius <= 0) {
    kvox_text_add(text, "The axis does not project onto the detector: no point is seen by every view.\n");
  } else if (offset) {
    say_number(text, "Every view sees the circle of radius ", f.radius, unit);
    say_number(text, ", and the full turn all of that of radius ", f.farther, unit);
    kvox_text_add(text, ", from one side of the detector; what lies outside it must be empty.\n");
  } else {
    say_number(text, "Every view sees the circle of radius ", f.radius, unit);
    kvox_text_add(text, " round the axis; what lies outside it must be empty.\n");
  }
  double farthest = 0;
  for (int corner = 0; corner < 4; corner++) {
    const double i = corner & 1 ? (double)(grid->size[0] - 1) : 0, j = corner & 2 ? (double)(grid->size[1] - 1) : 0;
    farthest = fmax(farthest,
                    hypot(grid->origin_mm[0] + i * grid->spacing_mm[0], grid->origin_mm[1] + j * grid->spacing_mm[1]));
  }
  if (farthest > (offset ? f.farther : f.radius)) {
    say_number(text, "The grid reaches out to ", farthest, unit);
    kvox_text_add(text, ": its voxels beyond that circle are seen by some views only.\n");
  }
}

static double degrees(double tangent) { return atan(tangent) * 57.29577951308232; }

/* What a cone's rows see: at the axis, and in the whole field, whose points come nearer to the source. */
static void say_cone(kvox_text *text, const kvox_ct_geometry *g, const kvox_grid *grid) {
  const field f = field_of(g);
  const double radius = is_offset(g, &f) ? f.farther : fmax(f.radius, 0);
  const double per_mm = g->row_pitch_mm / g->source_to_detector_mm;
  double low = (-0.5 - g->center_row_px) * per_mm, high = ((double)g->rows - 0.5 - g->center_row_px) * per_mm;
  if (g->described != NULL) {
    kvox_ct_orbit_heights(g, &low, &high);
    low /= g->source_to_axis_mm;
    high /= g->source_to_axis_mm;
  }
  const double near = g->source_to_axis_mm - radius, far = g->source_to_axis_mm + radius;
  /* Both edges' planes leave the source: an edge beyond z = 0 binds nearest to it, else farthest. */
  const double bottom = low * (low < 0 ? near : far), top = high * (high > 0 ? near : far);
  say_number(text, "The cone opens to ", degrees(fmax(fabs(low), fabs(high))),
             " degrees beside the plane of the source, the only one that a circle measures whole: flat faces along it "
             "blur with that angle.\n");
  say_number(text, "Every view sees z from ", low * g->source_to_axis_mm, " mm");
  say_number(text, " to ", high * g->source_to_axis_mm, " mm at the axis");
  if (bottom < top) {
    say_number(text, ", from ", bottom, " mm");
    say_number(text, " to ", top, " mm in the whole circle");
  }
  kvox_text_add(text, ".\n");
  const double first = grid->origin_mm[2], last = first + (double)(grid->size[2] - 1) * grid->spacing_mm[2];
  if (first < bottom || last > top) {
    say_number(text, "The grid's slices lie from z = ", first, " mm");
    say_number(text, " to ", last, " mm: those beyond the circle's are seen by some views only.\n");
  }
}

kvox_status kvox_ct_geometry_check(const kvox_ct_geometry *geometry, const kvox_grid *grid, char *text, size_t size,
                                   size_t *length) {
  kvox_grid by_default;
  KVOX_REQUIRE(geometry);
  if (text == NULL && size > 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_geometry_check: text is NULL, size is not 0");
  }
  KVOX_TRY(kvox_ct_geometry_default_grid(geometry, &by_default));
  const kvox_grid *g = grid != NULL ? grid : &by_default;
  KVOX_TRY(kvox_grid_check(g, "kvox_ct_geometry_check"));

  kvox_text words;
  kvox_text_start(&words, geometry->context->heap);
  say_beam(&words, geometry);
  say_coverage(&words, geometry);
  say_field(&words, geometry, g);
  if (geometry->beam == KVOX_CT_CONE) {
    say_cone(&words, geometry, g);
  }
  const kvox_status status = words.status;
  const size_t whole = kvox_text_copy(status == KVOX_OK ? words.bytes : "", text, size);
  if (length != NULL) {
    *length = whole;
  }
  kvox_text_release(&words);
  KVOX_TRY(status);
  KVOX_TRY(kvox_ct_orbit_check(geometry, "kvox_ct_geometry_check"));
  KVOX_TRY(kvox_ct_geometry_check_arc(geometry, "kvox_ct_geometry_check"));
  if (geometry->beam != KVOX_CT_PARALLEL) {
    kvox_ct_redundancy redundancy;
    KVOX_TRY(kvox_ct_redundancy_make(geometry, "kvox_ct_geometry_check", &redundancy));
  }
  return kvox_ct_geometry_check_grid(geometry, g, "kvox_ct_geometry_check");
}

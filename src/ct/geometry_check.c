/* What a geometry can give, in words. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/volume.h"
#include "ct/angles.h"
#include "ct/geometry.h"

static void say_number(kvox_text *text, const char *before, double value, const char *after) {
  char number[KVOX_NUMBER_BYTES];
  kvox_text_add(text, "%s%s%s", before, kvox_number(value, number), after);
}

static void say_coverage(kvox_text *text, const kvox_ct_geometry *g) {
  const char *unit = g->pitch_known ? " mm" : " pixels";
  kvox_text_add(text, "Parallel beam, %" PRId64 " views of %" PRId64 " rows and %" PRId64 " columns", g->views, g->rows,
                g->columns);
  say_number(text, ", column pitch ", g->column_pitch_mm, unit);
  say_number(text, ", axis at column ", g->center_column_px, ".\n");
  if (kvox_ct_arc_is_short(g->arc_gap_deg, g->arc_step_deg)) {
    say_number(text, "The arc is too short: ", g->arc_gap_deg, " degrees of the half turn are not measured.\n");
  } else {
    say_number(text, "The half turn is covered, widest step ", g->arc_gap_deg, " degrees.\n");
  }
  /* Crowther's criterion: views >= pi / 2 * columns resolves the whole field as finely as the columns do. */
  const double wanted = ceil(1.5707963267948966 * (double)g->columns);
  const double steps = g->arc_gap_deg > 0 ? 180 / g->arc_gap_deg : 0;
  if (steps < wanted) {
    say_number(text, "Fewer directions than ", wanted, " leave streaks towards the edge of the field.\n");
  }
}

static void say_field(kvox_text *text, const kvox_ct_geometry *g, const kvox_grid *grid) {
  const char *unit = g->pitch_known ? " mm" : " pixels";
  const double left = g->center_column_px + 0.5, right = (double)g->columns - 0.5 - g->center_column_px;
  const double radius = fmin(left, right) * g->column_pitch_mm;
  if (radius <= 0) {
    kvox_text_add(text, "The axis does not project onto the detector: no point is seen by every view.\n");
  } else {
    say_number(text, "Every view sees the circle of radius ", radius, unit);
    kvox_text_add(text, " round the axis; what lies outside it must be empty.\n");
  }
  double farthest = 0;
  for (int corner = 0; corner < 4; corner++) {
    const double i = corner & 1 ? (double)(grid->size[0] - 1) : 0, j = corner & 2 ? (double)(grid->size[1] - 1) : 0;
    farthest = fmax(farthest,
                    hypot(grid->origin_mm[0] + i * grid->spacing_mm[0], grid->origin_mm[1] + j * grid->spacing_mm[1]));
  }
  if (farthest > radius) {
    say_number(text, "The grid reaches out to ", farthest, unit);
    kvox_text_add(text, ": its voxels beyond that circle are seen by some views only.\n");
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
  say_coverage(&words, geometry);
  say_field(&words, geometry, g);
  const kvox_status status = words.status;
  const size_t whole = kvox_text_copy(status == KVOX_OK ? words.bytes : "", text, size);
  if (length != NULL) {
    *length = whole;
  }
  kvox_text_release(&words);
  KVOX_TRY(status);
  KVOX_TRY(kvox_ct_geometry_check_arc(geometry, "kvox_ct_geometry_check"));
  return kvox_ct_geometry_check_grid(geometry, g, "kvox_ct_geometry_check");
}

#include "ct/geometry.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "ct/angles.h"
#include "fft/fft.h"

/* A slice may lie this far (in rows) beyond the middle of the first and last row: the extent of the row itself. */
static const double row_margin = 0.5 + 1e-6;

/* Direction cosines this close to the axes count as upright. */
static const double upright_tolerance = 1e-9;

void kvox_ct_parallel_options_init_sized(kvox_ct_parallel_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status check_shape(const kvox_ct_parallel_options *o) {
  int64_t elements = 0;
  if (o->views < 1 || o->rows < 1 || o->columns < 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "geometry: %" PRId64 " views of %" PRId64 " rows and %" PRId64 " columns; each must be at least 1",
                     o->views, o->rows, o->columns);
  }
  if (o->columns > KVOX_FFT_MOST_SIZE / 2) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "geometry: %" PRId64 " columns; filters take at most %" PRId64, o->columns,
                     KVOX_FFT_MOST_SIZE / 2);
  }
  if (!kvox_multiply(o->views, o->rows, &elements) || !kvox_multiply(elements, o->columns, &elements)) {
    return kvox_fail(KVOX_ERROR_SIZE, "geometry: more than 2^63 - 1 samples");
  }
  return KVOX_OK;
}

static kvox_status check_numbers(const kvox_ct_parallel_options *o) {
  const struct {
    const char *name;
    double value;
    bool length;
  } numbers[] = {{"column_pitch_mm", o->column_pitch_mm, true},    {"row_pitch_mm", o->row_pitch_mm, true},
                 {"column_offset_px", o->column_offset_px, false}, {"row_offset_px", o->row_offset_px, false},
                 {"angle_start_deg", o->angle_start_deg, false},   {"angle_step_deg", o->angle_step_deg, false}};
  char text[KVOX_NUMBER_BYTES];
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (!isfinite(numbers[i].value) || (numbers[i].length && numbers[i].value < 0)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: %s is %s, must be %s", numbers[i].name,
                       kvox_number(numbers[i].value, text), numbers[i].length ? "positive (0: not known)" : "finite");
    }
  }
  if (o->angles_deg == NULL && o->angle_step_deg == 0 && o->views > 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: neither angles_deg nor angle_step_deg is given");
  }
  return KVOX_OK;
}

static kvox_status fill_angles(kvox_ct_geometry *g, const kvox_ct_parallel_options *o) {
  char text[KVOX_NUMBER_BYTES];
  for (int64_t view = 0; view < g->views; view++) {
    g->angles_deg[view] =
        o->angles_deg != NULL ? o->angles_deg[view] : o->angle_start_deg + o->angle_step_deg * (double)view;
    if (!isfinite(g->angles_deg[view])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: the angle of view %" PRId64 " is %s, must be finite", view,
                       kvox_number(g->angles_deg[view], text));
    }
  }
  return kvox_ct_angle_weights(g->context->heap, g->angles_deg, g->views, g->weights_rad, &g->arc_gap_deg,
                               &g->arc_step_deg);
}

kvox_status kvox_ct_geometry_create_parallel(kvox_context *context, const kvox_ct_parallel_options *options,
                                             kvox_ct_geometry **geometry) {
  kvox_ct_parallel_options o = {.struct_size = sizeof o};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(geometry);
  KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_parallel_options"));
  KVOX_TRY(check_shape(&o));
  KVOX_TRY(check_numbers(&o));

  const bool known = o.column_pitch_mm > 0;
  const double pitch = known ? o.column_pitch_mm : 1;
  kvox_ct_geometry *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  atomic_init(&made->holders, 1);
  made->context = kvox_context_hold(context);
  made->views = o.views;
  made->rows = o.rows;
  made->columns = o.columns;
  made->pitch_known = known;
  made->column_pitch_mm = pitch;
  made->row_pitch_mm = known && o.row_pitch_mm > 0 ? o.row_pitch_mm : pitch;
  made->center_column_px = 0.5 * (double)(o.columns - 1) + o.column_offset_px;
  made->center_row_px = 0.5 * (double)(o.rows - 1) + o.row_offset_px;
  made->angles_deg = kvox_allocate_array(context->heap, o.views, sizeof(double));
  made->weights_rad = kvox_allocate_array(context->heap, o.views, sizeof(double));
  const kvox_status status =
      made->angles_deg == NULL || made->weights_rad == NULL ? KVOX_ERROR_MEMORY : fill_angles(made, &o);
  if (status != KVOX_OK) {
    kvox_ct_geometry_destroy(made);
    return status;
  }
  *geometry = made;
  return KVOX_OK;
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
  double c, s;
  kvox_ct_cos_sin_deg(geometry->angles_deg[view], &c, &s);
  const double du = geometry->column_pitch_mm, dv = geometry->row_pitch_mm;
  /* From the column of the axis to the middle of the detector. */
  const double shift = (0.5 * (double)(geometry->columns - 1) - geometry->center_column_px) * du;
  const double rise = (0.5 * (double)(geometry->rows - 1) - geometry->center_row_px) * dv;
  *description = (kvox_ct_view){.angle_deg = geometry->angles_deg[view],
                                .source_mm = {-s, c, 0},
                                .detector_mm = {shift * c, shift * s, rise},
                                .column_step_mm = {du * c, du * s, 0},
                                .row_step_mm = {0, 0, dv}};
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

kvox_status kvox_ct_geometry_default_grid(const kvox_ct_geometry *geometry, kvox_grid *grid) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(grid);
  const int64_t size[3] = {geometry->columns, geometry->columns, geometry->rows};
  const double spacing[3] = {geometry->column_pitch_mm, geometry->column_pitch_mm, geometry->row_pitch_mm};
  KVOX_TRY(kvox_grid_init(grid, size, spacing, NULL));
  grid->origin_mm[2] = -geometry->center_row_px * geometry->row_pitch_mm;
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
  return z / geometry->row_pitch_mm + geometry->center_row_px;
}

kvox_status kvox_ct_geometry_check_grid(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name) {
  for (int a = 0; a < 3; a++) {
    for (int c = 0; c < 3; c++) {
      if (fabs(grid->axes[a][c] - (a == c ? 1 : 0)) > upright_tolerance) {
        return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                         "%s: the grid's axes are not the world's; reconstruct upright, then reformat", name);
      }
    }
  }
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

kvox_status kvox_ct_geometry_check_arc(const kvox_ct_geometry *geometry, const char *name) {
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

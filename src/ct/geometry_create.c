/* Scans whose views follow from their angles: parallel, fan and cone beams. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "ct/geometry.h"
#include "fft/fft.h"

/* Squares and products of distances stay finite between these. */
static const double least_mm = 1e-50, most_mm = 1e50;

void kvox_ct_parallel_options_init_sized(kvox_ct_parallel_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

void kvox_ct_cone_options_init_sized(kvox_ct_cone_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

kvox_status kvox_ct_geometry_check_shape(int64_t views, int64_t rows, int64_t columns) {
  int64_t elements = 0;
  if (views < 1 || rows < 1 || columns < 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "geometry: %" PRId64 " views of %" PRId64 " rows and %" PRId64 " columns; each must be at least 1",
                     views, rows, columns);
  }
  if (columns > KVOX_FFT_MOST_SIZE / 2) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "geometry: %" PRId64 " columns; filters take at most %" PRId64, columns,
                     KVOX_FFT_MOST_SIZE / 2);
  }
  if (!kvox_multiply(views, rows, &elements) || !kvox_multiply(elements, columns, &elements)) {
    return kvox_fail(KVOX_ERROR_SIZE, "geometry: more than 2^63 - 1 samples");
  }
  return KVOX_OK;
}

static kvox_status check_numbers(const kvox_ct_cone_options *o) {
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

/* What a diverging beam needs beyond that. */
static kvox_status check_distances(const kvox_ct_cone_options *o) {
  const struct {
    const char *name;
    double value;
  } lengths[] = {{"source_to_axis_mm", o->source_to_axis_mm},
                 {"source_to_detector_mm", o->source_to_detector_mm},
                 {"column_pitch_mm", o->column_pitch_mm}};
  char text[KVOX_NUMBER_BYTES], other[KVOX_NUMBER_BYTES];
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    if (!(lengths[i].value >= least_mm && lengths[i].value <= most_mm)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: %s is %s, must be positive and finite for fan and cone beams",
                       lengths[i].name, kvox_number(lengths[i].value, text));
    }
  }
  if (o->row_pitch_mm > most_mm || (o->row_pitch_mm > 0 && o->row_pitch_mm < least_mm)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: row_pitch_mm is %s, must be a length (0: as column_pitch_mm)",
                     kvox_number(o->row_pitch_mm, text));
  }
  if (o->source_to_detector_mm <= o->source_to_axis_mm) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "geometry: source_to_detector_mm is %s, must be greater than source_to_axis_mm, which is %s",
                     kvox_number(o->source_to_detector_mm, text), kvox_number(o->source_to_axis_mm, other));
  }
  return KVOX_OK;
}

static kvox_status fill_angles(kvox_ct_geometry *g, const kvox_ct_cone_options *o) {
  char text[KVOX_NUMBER_BYTES];
  for (int64_t view = 0; view < g->views; view++) {
    g->angles_deg[view] =
        o->angles_deg != NULL ? o->angles_deg[view] : o->angle_start_deg + o->angle_step_deg * (double)view;
    if (!isfinite(g->angles_deg[view])) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: the angle of view %" PRId64 " is %s, must be finite", view,
                       kvox_number(g->angles_deg[view], text));
    }
  }
  return kvox_ct_geometry_weigh(g);
}

/* The options of every beam; a parallel one has no distances. */
static kvox_status create(kvox_context *context, int32_t beam, const kvox_ct_cone_options *o,
                          kvox_ct_geometry **geometry) {
  KVOX_TRY(kvox_ct_geometry_check_shape(o->views, o->rows, o->columns));
  KVOX_TRY(check_numbers(o));
  if (beam != KVOX_CT_PARALLEL) {
    KVOX_TRY(check_distances(o));
  }
  kvox_ct_geometry *made = NULL;
  KVOX_TRY(kvox_ct_geometry_start(context, o->views, false, &made));
  const bool known = o->column_pitch_mm > 0;
  const double pitch = known ? o->column_pitch_mm : 1;
  made->beam = beam;
  made->rows = o->rows;
  made->columns = o->columns;
  made->pitch_known = known;
  made->column_pitch_mm = pitch;
  made->row_pitch_mm = known && o->row_pitch_mm > 0 ? o->row_pitch_mm : pitch;
  made->source_to_axis_mm = o->source_to_axis_mm;
  made->source_to_detector_mm = o->source_to_detector_mm;
  made->center_column_px = 0.5 * (double)(o->columns - 1) + o->column_offset_px;
  made->center_row_px = 0.5 * (double)(o->rows - 1) + o->row_offset_px;
  const kvox_status status = fill_angles(made, o);
  if (status != KVOX_OK) {
    kvox_ct_geometry_destroy(made);
    return status;
  }
  *geometry = made;
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_create_parallel(kvox_context *context, const kvox_ct_parallel_options *options,
                                             kvox_ct_geometry **geometry) {
  kvox_ct_parallel_options o = {.struct_size = sizeof o};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(geometry);
  KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_parallel_options"));
  const kvox_ct_cone_options all = {
      .views = o.views,
      .rows = o.rows,
      .columns = o.columns,
      .column_pitch_mm = o.column_pitch_mm,
      .row_pitch_mm = o.row_pitch_mm,
      .column_offset_px = o.column_offset_px,
      .row_offset_px = o.row_offset_px,
      .angles_deg = o.angles_deg,
      .angle_start_deg = o.angle_start_deg,
      .angle_step_deg = o.angle_step_deg,
  };
  return create(context, KVOX_CT_PARALLEL, &all, geometry);
}

static kvox_status create_diverging(kvox_context *context, int32_t beam, const kvox_ct_cone_options *options,
                                    kvox_ct_geometry **geometry) {
  kvox_ct_cone_options o = {.struct_size = sizeof o};
  KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_cone_options"));
  return create(context, beam, &o, geometry);
}

kvox_status kvox_ct_geometry_create_cone(kvox_context *context, const kvox_ct_cone_options *options,
                                         kvox_ct_geometry **geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(geometry);
  return create_diverging(context, KVOX_CT_CONE, options, geometry);
}

kvox_status kvox_ct_geometry_create_fan(kvox_context *context, const kvox_ct_cone_options *options,
                                        kvox_ct_geometry **geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(geometry);
  return create_diverging(context, KVOX_CT_FAN, options, geometry);
}

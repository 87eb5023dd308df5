/* The geometry file, written so that ct_geometry.c makes the same geometry of it. */
#include <math.h>

#include <inttypes.h>

#include "io/io.h"

static void write_member(kvox_io_output *output, const char *before, const char *name, double value) {
  kvox_io_output_print(output, "%s\"%s\": ", before, name);
  kvox_io_output_number(output, value);
}

/* Only what a parallel beam with its axis along z can be: other scanners have constructors of their own. */
static kvox_status check_parallel(const kvox_io_output *output, const kvox_ct_view *view) {
  const double *ray = view->source_mm, *row = view->row_step_mm;
  const double length = sqrt(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]);
  if (fabs(length - 1) > 1e-9 || fabs(ray[2]) > 1e-9 || row[0] != 0 || row[1] != 0) {
    return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: only the geometry of a parallel beam can be written",
                            output->name);
  }
  return KVOX_OK;
}

static kvox_status write_detector(kvox_io_output *output, const kvox_ct_geometry *geometry, const int64_t shape[3],
                                  const kvox_ct_view *view) {
  kvox_grid grid;
  /* The default grid of a parallel beam has the pitches as its spacing, and z = 0 where the rows have it. */
  KVOX_TRY(kvox_ct_geometry_default_grid(geometry, &grid));
  const double row_pitch = grid.spacing_mm[2];
  kvox_io_output_print(output, "  \"detector\": {\"columns\": %" PRId64 ", \"rows\": %" PRId64, shape[2], shape[1]);
  if (kvox_ct_geometry_unit(geometry) == KVOX_UNIT_PER_MM) {
    write_member(output, ", ", "column_pitch_mm", grid.spacing_mm[0]);
    write_member(output, ", ", "row_pitch_mm", row_pitch);
  }
  write_member(output, ",\n               ", "column_offset_px",
               kvox_ct_geometry_center_px(geometry) - 0.5 * (double)(shape[2] - 1));
  /* The middle of the detector lies at z = -offset * pitch; adding 0 makes no "-0" of a detector that is centred. */
  write_member(output, ", ", "row_offset_px", -view->detector_mm[2] / row_pitch + 0.0);
  kvox_io_output_print(output, "},\n");
  return KVOX_OK;
}

static kvox_status angle_of(const kvox_ct_geometry *geometry, int64_t view, double *angle_deg) {
  kvox_ct_view description;
  KVOX_TRY(kvox_ct_geometry_view(geometry, view, &description));
  *angle_deg = description.angle_deg;
  return KVOX_OK;
}

/* Start and step where they give every angle to the bit, else a list. */
static kvox_status write_angles(kvox_io_output *output, const kvox_ct_geometry *geometry, int64_t views) {
  double start = 0, second = 0, angle = 0;
  KVOX_TRY(angle_of(geometry, 0, &start));
  KVOX_TRY(angle_of(geometry, views > 1 ? 1 : 0, &second));
  const double step = views > 1 ? second - start : 1;
  bool even = step != 0;
  for (int64_t view = 0; view < views && even; view++) {
    KVOX_TRY(angle_of(geometry, view, &angle));
    even = angle == start + step * (double)view;
  }
  if (even) {
    write_member(output, "  \"angles_deg\": {", "start", start);
    write_member(output, ", ", "step", step);
    kvox_io_output_print(output, ", \"count\": %" PRId64 "}\n", views);
    return KVOX_OK;
  }
  kvox_io_output_print(output, "  \"angles_deg\": [");
  for (int64_t view = 0; view < views; view++) {
    KVOX_TRY(angle_of(geometry, view, &angle));
    kvox_io_output_print(output, view == 0 ? "" : view % 8 == 0 ? ",\n    " : ", ");
    kvox_io_output_number(output, angle);
  }
  kvox_io_output_print(output, "]\n");
  return KVOX_OK;
}

kvox_status kvox_io_save_ct_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  kvox_io_output output = {0};
  kvox_ct_view view;
  int64_t shape[3];
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_ct_geometry_view(geometry, 0, &view));
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  KVOX_TRY_CLEANUP(check_parallel(&output, &view));
  kvox_io_output_print(&output, "{\n  \"beam\": \"parallel\",\n  \"detector_shape\": \"flat\",\n");
  KVOX_TRY_CLEANUP(write_detector(&output, geometry, shape, &view));
  KVOX_TRY_CLEANUP(write_angles(&output, geometry, shape[0]));
  kvox_io_output_print(&output, "}\n");
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

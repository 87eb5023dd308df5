/* The geometry file, written so that ct_geometry.c makes the same geometry of it. */
#include <inttypes.h>

#include "io/io.h"

static void write_member(kvox_io_output *output, const char *before, const char *name, double value) {
  kvox_io_output_print(output, "%s\"%s\": ", before, name);
  kvox_io_output_number(output, value);
}

static kvox_status write_beam(kvox_io_output *output, const kvox_ct_geometry *geometry) {
  static const char *const beams[] = {[KVOX_CT_PARALLEL] = "parallel", [KVOX_CT_FAN] = "fan", [KVOX_CT_CONE] = "cone"};
  const int32_t beam = kvox_ct_geometry_beam(geometry);
  double to_axis = 0, to_detector = 0;
  KVOX_TRY(kvox_ct_geometry_distances(geometry, &to_axis, &to_detector));
  kvox_io_output_print(output, "{\n  \"beam\": \"%s\",\n  \"detector_shape\": \"flat\",\n", beams[beam]);
  if (beam != KVOX_CT_PARALLEL) {
    write_member(output, "  ", "source_to_axis_mm", to_axis);
    write_member(output, ",\n  ", "source_to_detector_mm", to_detector);
    kvox_io_output_print(output, ",\n");
  }
  return KVOX_OK;
}

static kvox_status write_detector(kvox_io_output *output, const kvox_ct_geometry *geometry, const int64_t shape[3],
                                  const kvox_ct_view *view) {
  double pitch[2];
  KVOX_TRY(kvox_ct_geometry_pitch(geometry, pitch));
  kvox_io_output_print(output, "  \"detector\": {\"columns\": %" PRId64 ", \"rows\": %" PRId64, shape[2], shape[1]);
  if (pitch[0] > 0) {
    write_member(output, ", ", "column_pitch_mm", pitch[0]);
    write_member(output, ", ", "row_pitch_mm", pitch[1]);
  }
  write_member(output, ",\n               ", "column_offset_px",
               kvox_ct_geometry_center_px(geometry) - 0.5 * (double)(shape[2] - 1));
  /* The middle of the detector lies at z = -offset * pitch; adding 0 makes no "-0" of a detector that is centred. */
  write_member(output, ", ", "row_offset_px", -view->detector_mm[2] / (pitch[1] > 0 ? pitch[1] : 1) + 0.0);
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

static void write_vector(kvox_io_output *output, const char *before, const char *name, const double vector[3]) {
  kvox_io_output_print(output, "%s\"%s\": [", before, name);
  for (int c = 0; c < 3; c++) {
    kvox_io_output_print(output, c > 0 ? ", " : "");
    kvox_io_output_number(output, vector[c] + 0.0); /* no "-0" */
  }
  kvox_io_output_print(output, "]");
}

/* Views that were given one by one are written one by one. */
static kvox_status write_views(kvox_io_output *output, const kvox_ct_geometry *geometry, const int64_t shape[3]) {
  const bool parallel = kvox_ct_geometry_beam(geometry) == KVOX_CT_PARALLEL;
  kvox_io_output_print(output,
                       "{\n  \"beam\": \"%s\",\n  \"detector_shape\": \"flat\",\n"
                       "  \"detector\": {\"columns\": %" PRId64 ", \"rows\": %" PRId64 "},\n  \"views\": [",
                       parallel ? "parallel" : "cone", shape[2], shape[1]);
  for (int64_t v = 0; v < shape[0]; v++) {
    kvox_ct_view view;
    KVOX_TRY(kvox_ct_geometry_view(geometry, v, &view));
    write_vector(output, v > 0 ? ",\n    {" : "\n    {", parallel ? "ray" : "source_mm", view.source_mm);
    write_vector(output, ", ", "detector_mm", view.detector_mm);
    write_vector(output, ",\n     ", "column_step_mm", view.column_step_mm);
    write_vector(output, ", ", "row_step_mm", view.row_step_mm);
    kvox_io_output_print(output, "}");
  }
  kvox_io_output_print(output, "]\n");
  return KVOX_OK;
}

static kvox_status write_circle(kvox_io_output *output, const kvox_ct_geometry *geometry, const int64_t shape[3]) {
  kvox_ct_view view;
  KVOX_TRY(kvox_ct_geometry_view(geometry, 0, &view));
  KVOX_TRY(write_beam(output, geometry));
  KVOX_TRY(write_detector(output, geometry, shape, &view));
  return write_angles(output, geometry, shape[0]);
}

kvox_status kvox_io_save_ct_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  kvox_io_output output = {0};
  int64_t shape[3];
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  KVOX_TRY_CLEANUP(kvox_ct_geometry_is_circular(geometry) ? write_circle(&output, geometry, shape)
                                                          : write_views(&output, geometry, shape));
  kvox_io_output_print(&output, "}\n");
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

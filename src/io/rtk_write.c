/* Any geometry as RTK's XML: what RTK's nine numbers and one detector for all views can say. */
#include <inttypes.h>
#include <math.h>

#include "io/rtk.h"

static const double degree = 0.017453292519943295; /* pi / 180 */

/* Directions and lengths this close are the same: a thousandth of what a pixel of a large detector could show. */
static const double tolerance = 1e-9;

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static double length_of(const double v[3]) { return sqrt(dot(v, v)); }

/* Our frame to RTK's. */
static void to_rtk(const double v[3], double out[3]) {
  out[0] = v[0];
  out[1] = v[2];
  out[2] = -v[1];
}

/* The three angles of the rotation whose rows these are: w = (cos o sin g, -sin o, cos o cos g). */
static void find_angles(const double u[3], const double v[3], const double w[3], kvox_io_rtk_view *view) {
  const double across = hypot(w[0], w[2]);
  double gantry, in_plane;
  if (across > tolerance) {
    gantry = atan2(w[0], w[2]);
    in_plane = atan2(u[1], v[1]);
  } else { /* looking along the axis: only their sum is known */
    gantry = atan2(-u[2], u[0]);
    in_plane = 0;
  }
  view->of[KVOX_IO_RTK_GANTRY_DEG] = gantry / degree;
  view->of[KVOX_IO_RTK_OUT_OF_PLANE_DEG] = atan2(-w[1], across) / degree;
  view->of[KVOX_IO_RTK_IN_PLANE_DEG] = in_plane / degree;
}

static kvox_status cannot(const kvox_io_output *output, int64_t index, const char *why) {
  return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: RTK's geometry cannot say view %" PRId64 ": %s",
                          output->name, index, why);
}

/* A view of a parallel beam: RTK's rays are perpendicular to the detector, which may stand anywhere along them. */
static kvox_status parallel_parameters(const kvox_io_output *output, int64_t index, const double ray[3],
                                       const double middle[3], const double rotation[3][3], double reach,
                                       kvox_io_rtk_view *view) {
  if (fabs(dot(ray, rotation[0])) > tolerance || fabs(dot(ray, rotation[1])) > tolerance) {
    return cannot(output, index, "its rays are not perpendicular to its detector");
  }
  view->of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] = reach;
  view->of[KVOX_IO_RTK_PROJECTION_X] = dot(middle, rotation[0]);
  view->of[KVOX_IO_RTK_PROJECTION_Y] = dot(middle, rotation[1]);
  return KVOX_OK;
}

/* One pixel size stands for all of RTK's images: a detector farther off with larger pixels measures the same rays. */
static void cone_parameters(const double source[3], const double middle[3], const double rotation[3][3], double scale,
                            kvox_io_rtk_view *view) {
  double detector[3];
  for (int c = 0; c < 3; c++) {
    detector[c] = source[c] + scale * (middle[c] - source[c]);
  }
  view->of[KVOX_IO_RTK_SOURCE_X] = dot(source, rotation[0]);
  view->of[KVOX_IO_RTK_SOURCE_Y] = dot(source, rotation[1]);
  view->of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] = dot(source, rotation[2]);
  view->of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] = view->of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] - dot(detector, rotation[2]);
  view->of[KVOX_IO_RTK_PROJECTION_X] = dot(detector, rotation[0]);
  view->of[KVOX_IO_RTK_PROJECTION_Y] = dot(detector, rotation[1]);
}

static kvox_status find_parameters(const kvox_io_output *output, const kvox_ct_geometry *geometry, int64_t index,
                                   const double pitch_mm[2], double reach, kvox_io_rtk_view *view) {
  kvox_ct_view given;
  double source[3], middle[3], rotation[3][3];
  KVOX_TRY(kvox_ct_geometry_view(geometry, index, &given));
  if (kvox_ct_geometry_beam(geometry) == KVOX_CT_FAN) {
    given.source_mm[2] = given.detector_mm[2]; /* of its only row */
  }
  to_rtk(given.source_mm, source);
  to_rtk(given.detector_mm, middle);
  to_rtk(given.column_step_mm, rotation[0]);
  to_rtk(given.row_step_mm, rotation[1]);
  const double column = length_of(rotation[0]), row = length_of(rotation[1]);
  for (int c = 0; c < 3; c++) {
    rotation[0][c] /= column;
    rotation[1][c] /= row;
  }
  if (fabs(dot(rotation[0], rotation[1])) > tolerance) {
    return cannot(output, index, "its rows and columns are not perpendicular");
  }
  for (int c = 0; c < 3; c++) {
    const int a = (c + 1) % 3, b = (c + 2) % 3;
    rotation[2][c] = rotation[0][a] * rotation[1][b] - rotation[0][b] * rotation[1][a];
  }
  if (fabs(row * pitch_mm[0] - column * pitch_mm[1]) > tolerance * row * pitch_mm[0]) {
    return cannot(output, index, "its pixels have another shape than those of view 0");
  }
  *view = (kvox_io_rtk_view){{0}};
  find_angles(rotation[0], rotation[1], rotation[2], view);
  const double(*turned)[3] = (const double(*)[3])rotation;
  if (kvox_ct_geometry_beam(geometry) != KVOX_CT_PARALLEL) {
    cone_parameters(source, middle, turned, pitch_mm[0] / column, view);
    return KVOX_OK;
  }
  if (fabs(column - pitch_mm[0]) > tolerance * column) {
    return cannot(output, index, "its pixels have another size than those of view 0");
  }
  return parallel_parameters(output, index, source, middle, turned, reach, view);
}

/* A circle keeps its numbers to the bit. */
static kvox_status circle_parameters(const kvox_ct_geometry *geometry, int64_t index, const double pitch_mm[2],
                                     const int64_t shape[3], double reach, kvox_io_rtk_view *view) {
  kvox_ct_view given;
  KVOX_TRY(kvox_ct_geometry_view(geometry, index, &given));
  *view = (kvox_io_rtk_view){{0}};
  KVOX_TRY(kvox_ct_geometry_distances(geometry, &view->of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER],
                                      &view->of[KVOX_IO_RTK_SOURCE_TO_DETECTOR]));
  if (kvox_ct_geometry_beam(geometry) == KVOX_CT_PARALLEL) {
    view->of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] = reach;
  }
  const double angle = fmod(given.angle_deg, 360);
  view->of[KVOX_IO_RTK_GANTRY_DEG] = angle < 0 ? angle + 360 : angle;
  view->of[KVOX_IO_RTK_PROJECTION_X] =
      -(kvox_ct_geometry_center_px(geometry) - 0.5 * (double)(shape[2] - 1)) * pitch_mm[0] + 0.0;
  view->of[KVOX_IO_RTK_PROJECTION_Y] = given.detector_mm[2] + 0.0;
  return KVOX_OK;
}

static void write_view(kvox_io_output *output, const kvox_io_rtk_view *view) {
  double matrix[12];
  kvox_io_output_print(output, "  <Projection>\n");
  for (int p = 0; p < KVOX_IO_RTK_PARAMETERS; p++) {
    kvox_io_output_print(output, "    <%s>", kvox_io_rtk_names[p]);
    kvox_io_output_number(output, view->of[p]);
    kvox_io_output_print(output, "</%s>\n", kvox_io_rtk_names[p]);
  }
  kvox_io_rtk_matrix(view, matrix);
  kvox_io_output_print(output, "    <Matrix>");
  for (int i = 0; i < 12; i++) {
    kvox_io_output_print(output, i % 4 == 0 ? "\n      " : " ");
    kvox_io_output_number(output, matrix[i]);
  }
  kvox_io_output_print(output, "\n    </Matrix>\n  </Projection>\n");
}

kvox_status kvox_io_save_rtk_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  kvox_io_output output = {0};
  int64_t shape[3];
  double pitch_mm[2];
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_ct_geometry_pitch(geometry, pitch_mm));
  const bool fan = kvox_ct_geometry_beam(geometry) == KVOX_CT_FAN;
  if (fan && shape[1] > 1) {
    return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED,
                            "RTK's geometry has no fan: the %" PRId64
                            " rows are planes with a source each; describe one row alone, or a cone",
                            shape[1]);
  }
  for (int c = 0; c < 2; c++) {
    pitch_mm[c] = pitch_mm[c] > 0 ? pitch_mm[c] : 1; /* not known: all lengths are in pixels */
  }
  /* RTK puts the plane that parallel rays come from at a distance: beyond whatever the detector sees. */
  const double reach = hypot((double)shape[1] * pitch_mm[1], (double)shape[2] * pitch_mm[0]);
  const bool circle = kvox_ct_geometry_is_circular(geometry) && !fan;
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  kvox_io_output_print(&output,
                       "<?xml version=\"1.0\"?>\n<!DOCTYPE RTKGEOMETRY>\n"
                       "<RTKThreeDCircularGeometry version=\"3\">\n");
  for (int64_t v = 0; v < shape[0]; v++) {
    kvox_io_rtk_view view;
    KVOX_TRY_CLEANUP(circle ? circle_parameters(geometry, v, pitch_mm, shape, reach, &view)
                            : find_parameters(&output, geometry, v, pitch_mm, reach, &view));
    write_view(&output, &view);
  }
  kvox_io_output_print(&output, "</RTKThreeDCircularGeometry>\n");
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

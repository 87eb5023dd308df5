#include "io/rtk.h"

#include <inttypes.h>
#include <math.h>

static const double degree = 0.017453292519943295; /* pi / 180 */

const char *const kvox_io_rtk_names[KVOX_IO_RTK_PARAMETERS] = {
    [KVOX_IO_RTK_SOURCE_TO_ISOCENTER] = "SourceToIsocenterDistance",
    [KVOX_IO_RTK_SOURCE_TO_DETECTOR] = "SourceToDetectorDistance",
    [KVOX_IO_RTK_GANTRY_DEG] = "GantryAngle",
    [KVOX_IO_RTK_PROJECTION_X] = "ProjectionOffsetX",
    [KVOX_IO_RTK_PROJECTION_Y] = "ProjectionOffsetY",
    [KVOX_IO_RTK_OUT_OF_PLANE_DEG] = "OutOfPlaneAngle",
    [KVOX_IO_RTK_IN_PLANE_DEG] = "InPlaneAngle",
    [KVOX_IO_RTK_SOURCE_X] = "SourceOffsetX",
    [KVOX_IO_RTK_SOURCE_Y] = "SourceOffsetY",
};

/* Exact at whole quarter turns. */
static void cos_sin_deg(double angle_deg, double *c, double *s) {
  const double turn = fmod(angle_deg, 360), quarters = nearbyint(turn / 90);
  const double rest = (turn - 90 * quarters) * degree;
  const double cosines[4] = {cos(rest), -sin(rest), -cos(rest), sin(rest)};
  const int quarter = ((int)quarters % 4 + 4) % 4;
  *c = cosines[quarter];
  *s = cosines[(quarter + 3) % 4];
}

/* M_R = Rz(-in plane) Rx(-out of plane) Ry(-gantry). */
void kvox_io_rtk_rotation(const kvox_io_rtk_view *view, double rows[3][3]) {
  double cg, sg, co, so, ci, si;
  cos_sin_deg(view->of[KVOX_IO_RTK_GANTRY_DEG], &cg, &sg);
  cos_sin_deg(view->of[KVOX_IO_RTK_OUT_OF_PLANE_DEG], &co, &so);
  cos_sin_deg(view->of[KVOX_IO_RTK_IN_PLANE_DEG], &ci, &si);
  const double u[3] = {cg, 0, -sg}, v[3] = {so * sg, co, so * cg}, w[3] = {co * sg, -so, co * cg};
  for (int c = 0; c < 3; c++) {
    rows[0][c] = ci * u[c] + si * v[c];
    rows[1][c] = -si * u[c] + ci * v[c];
    rows[2][c] = w[c];
  }
}

/* (u, v) = source offset - projection offset - SDD (p - source offset) / (w - SID) for p = M_R x; w = 1 if parallel. */
void kvox_io_rtk_matrix(const kvox_io_rtk_view *view, double matrix[12]) {
  double rotation[3][3];
  const double *of = view->of;
  const double detector = of[KVOX_IO_RTK_SOURCE_TO_DETECTOR], source = of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER];
  kvox_io_rtk_rotation(view, rotation);
  for (int r = 0; r < 2; r++) {
    const double shift = of[KVOX_IO_RTK_SOURCE_X + r], offset = shift - of[KVOX_IO_RTK_PROJECTION_X + r];
    for (int c = 0; c < 3; c++) {
      matrix[4 * r + c] = detector == 0 ? rotation[r][c] : offset * rotation[2][c] - detector * rotation[r][c];
    }
    matrix[4 * r + 3] = detector == 0 ? -of[KVOX_IO_RTK_PROJECTION_X + r] : detector * shift - offset * source;
  }
  for (int c = 0; c < 3; c++) {
    matrix[8 + c] = detector == 0 ? 0 : rotation[2][c];
  }
  matrix[11] = detector == 0 ? 1 : -source;
}

static bool is_turn(double angle_deg) { return fmod(angle_deg, 360) == 0; }

/* One circle about the axis, in the plane z = 0: what the fast kernels take. */
static bool is_circle(const kvox_io_rtk_view *views, int64_t count) {
  const double *first = views[0].of;
  const bool parallel = first[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0;
  for (int64_t v = 0; v < count; v++) {
    const double *of = views[v].of;
    if (!is_turn(of[KVOX_IO_RTK_OUT_OF_PLANE_DEG]) || !is_turn(of[KVOX_IO_RTK_IN_PLANE_DEG]) ||
        of[KVOX_IO_RTK_PROJECTION_X] != first[KVOX_IO_RTK_PROJECTION_X] ||
        of[KVOX_IO_RTK_PROJECTION_Y] != first[KVOX_IO_RTK_PROJECTION_Y] ||
        (!parallel && (of[KVOX_IO_RTK_SOURCE_X] != 0 || of[KVOX_IO_RTK_SOURCE_Y] != 0 ||
                       of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] != first[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] ||
                       of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] != first[KVOX_IO_RTK_SOURCE_TO_DETECTOR]))) {
      return false;
    }
  }
  return parallel || (first[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] > 0 &&
                      first[KVOX_IO_RTK_SOURCE_TO_DETECTOR] > first[KVOX_IO_RTK_SOURCE_TO_ISOCENTER]);
}

/* The image's middle in its own coordinates. */
static void middle_of(const kvox_io_detector *detector, double middle_mm[2]) {
  const double steps[2] = {0.5 * (double)(detector->columns - 1) * detector->column_pitch_mm,
                           0.5 * (double)(detector->rows - 1) * detector->row_pitch_mm};
  for (int c = 0; c < 2; c++) {
    middle_mm[c] = detector->has_origin ? detector->origin_mm[c] + steps[c] : 0;
  }
}

static kvox_status make_circle(kvox_context *context, const kvox_io_rtk_view *views, int64_t count,
                               const kvox_io_detector *detector, kvox_ct_geometry **geometry) {
  const double *first = views[0].of;
  double middle_mm[2];
  double *angles_deg = kvox_extend_allocate(context, (uint64_t)count * sizeof *angles_deg);
  if (angles_deg == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < count; v++) {
    angles_deg[v] = views[v].of[KVOX_IO_RTK_GANTRY_DEG];
  }
  middle_of(detector, middle_mm);
  kvox_ct_cone_options cone;
  kvox_ct_parallel_options parallel;
  kvox_ct_cone_options_init(&cone);
  kvox_ct_parallel_options_init(&parallel);
  cone.views = parallel.views = count;
  cone.rows = parallel.rows = detector->rows;
  cone.columns = parallel.columns = detector->columns;
  cone.column_pitch_mm = parallel.column_pitch_mm = detector->column_pitch_mm;
  cone.row_pitch_mm = parallel.row_pitch_mm = detector->row_pitch_mm;
  cone.column_offset_px = parallel.column_offset_px =
      -(first[KVOX_IO_RTK_PROJECTION_X] + middle_mm[0]) / detector->column_pitch_mm + 0.0;
  cone.row_offset_px = parallel.row_offset_px =
      -(first[KVOX_IO_RTK_PROJECTION_Y] + middle_mm[1]) / detector->row_pitch_mm + 0.0;
  cone.angles_deg = parallel.angles_deg = angles_deg;
  cone.source_to_axis_mm = first[KVOX_IO_RTK_SOURCE_TO_ISOCENTER];
  cone.source_to_detector_mm = first[KVOX_IO_RTK_SOURCE_TO_DETECTOR];
  const kvox_status status = first[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0
                                 ? kvox_ct_geometry_create_parallel(context, &parallel, geometry)
                                 : kvox_ct_geometry_create_cone(context, &cone, geometry);
  kvox_extend_release(context, angles_deg);
  return status;
}

/* a u + b v + c w in our frame. */
static void combine(const double rotation[3][3], double a, double b, double c, double out[3]) {
  double rtk[3];
  for (int i = 0; i < 3; i++) {
    rtk[i] = a * rotation[0][i] + b * rotation[1][i] + c * rotation[2][i];
  }
  out[0] = rtk[0];
  out[1] = -rtk[2];
  out[2] = rtk[1];
}

static void describe(const kvox_io_rtk_view *view, const kvox_io_detector *detector, const double middle_mm[2],
                     kvox_ct_view *described) {
  double rotation[3][3];
  const double *of = view->of;
  const bool parallel = of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0;
  const double depth = parallel ? 0 : of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER] - of[KVOX_IO_RTK_SOURCE_TO_DETECTOR];
  kvox_io_rtk_rotation(view, rotation);
  const double(*turned)[3] = (const double(*)[3])rotation;
  described->angle_deg = 0;
  if (parallel) {
    combine(turned, 0, 0, -1, described->source_mm);
  } else {
    combine(turned, of[KVOX_IO_RTK_SOURCE_X], of[KVOX_IO_RTK_SOURCE_Y], of[KVOX_IO_RTK_SOURCE_TO_ISOCENTER],
            described->source_mm);
  }
  combine(turned, of[KVOX_IO_RTK_PROJECTION_X] + middle_mm[0], of[KVOX_IO_RTK_PROJECTION_Y] + middle_mm[1], depth,
          described->detector_mm);
  combine(turned, detector->column_pitch_mm, 0, 0, described->column_step_mm);
  combine(turned, 0, detector->row_pitch_mm, 0, described->row_step_mm);
}

static kvox_status make_views(kvox_context *context, const kvox_io_rtk_view *views, int64_t count,
                              const kvox_io_detector *detector, kvox_ct_geometry **geometry) {
  double middle_mm[2];
  kvox_ct_view *described = kvox_extend_allocate(context, (uint64_t)count * sizeof *described);
  if (described == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  middle_of(detector, middle_mm);
  for (int64_t v = 0; v < count; v++) {
    describe(&views[v], detector, middle_mm, &described[v]);
  }
  const int32_t beam = views[0].of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0 ? KVOX_CT_PARALLEL : KVOX_CT_CONE;
  const kvox_status status =
      kvox_ct_geometry_create_views(context, beam, detector->rows, detector->columns, described, count, geometry);
  kvox_extend_release(context, described);
  return status;
}

static kvox_status make(const kvox_io_file *file, const kvox_io_rtk_view *views, int64_t count,
                        const kvox_io_detector *detector, kvox_ct_geometry **geometry) {
  const bool parallel = views[0].of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0;
  for (int64_t v = 0; v < count; v++) {
    if ((views[v].of[KVOX_IO_RTK_SOURCE_TO_DETECTOR] == 0) != parallel) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                               "SourceToDetectorDistance is 0 (a parallel beam) in projection %" PRId64
                               " and not in %" PRId64 "; all must be alike",
                               parallel ? INT64_C(0) : v, parallel ? v : INT64_C(0));
    }
  }
  const kvox_status status = is_circle(views, count) ? make_circle(file->context, views, count, detector, geometry)
                                                     : make_views(file->context, views, count, detector, geometry);
  return status == KVOX_OK ? status : kvox_io_file_fail(file, status, "%s", kvox_last_error());
}

kvox_status kvox_io_load_rtk_geometry(kvox_io_file *file, const kvox_io_detector *detector,
                                      kvox_ct_geometry **geometry) {
  kvox_io_rtk_view *views = NULL;
  int64_t count = 0;
  KVOX_TRY(kvox_io_rtk_parse(file, &views, &count));
  const kvox_status status = make(file, views, count, detector, geometry);
  kvox_extend_release(file->context, views);
  return status;
}

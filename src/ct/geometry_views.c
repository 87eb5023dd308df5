/* Views given one by one, as vectors or as projection matrices. */
#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "ct/geometry.h"
#include "ct/vectors.h"

static const double pi = 3.14159265358979323846;

/* Sines below this are an angle of 0: a plane or a beam seen from its edge. */
static const double least_sine = 1e-9;

/* How far the length of a vector that was divided by its length may be from 1: 4 ulp. */
static const double unit_rounding = 1e-15;

/* Squares and products of lengths stay finite below this. */
static const double most_mm = 1e50;

static bool all_finite(const double *values, int count) {
  for (int i = 0; i < count; i++) {
    if (!(fabs(values[i]) <= most_mm)) {
      return false;
    }
  }
  return true;
}

static double length_of(const double v[3]) { return sqrt(kvox_ct_dot(v, v)); }

/* The middle of the detector as the source sees it; of a parallel beam the ray. */
static void central_ray(const kvox_ct_view *view, bool parallel, double ray[3]) {
  for (int c = 0; c < 3; c++) {
    ray[c] = parallel ? view->source_mm[c] : view->detector_mm[c] - view->source_mm[c];
  }
}

static kvox_status check_view(const kvox_ct_view *view, bool parallel, int64_t index) {
  if (!all_finite(view->source_mm, 3) || !all_finite(view->detector_mm, 3) || !all_finite(view->column_step_mm, 3) ||
      !all_finite(view->row_step_mm, 3)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: view %" PRId64 " has a number that is not finite", index);
  }
  double normal[3], ray[3];
  const double column = length_of(view->column_step_mm), row = length_of(view->row_step_mm);
  kvox_ct_cross(view->row_step_mm, view->column_step_mm, normal);
  const double area = length_of(normal);
  if (!(column > 0 && row > 0 && area > least_sine * column * row)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "geometry: the column and row steps of view %" PRId64
                     " span no plane; neither may be 0, nor both "
                     "along one line",
                     index);
  }
  central_ray(view, parallel, ray);
  const double length = length_of(ray);
  if (!(length > 0 && fabs(kvox_ct_dot(normal, ray)) > least_sine * length * area)) {
    return kvox_fail(
        KVOX_ERROR_ARGUMENT, "geometry: view %" PRId64 ": %s", index,
        parallel ? "the ray is 0 or runs along the detector's plane" : "the source stands in the detector's plane");
  }
  return KVOX_OK;
}

/* A parallel beam's ray becomes a unit vector; the angle follows from where the source is, near the one before. */
static double settle_view(kvox_ct_view *view, bool parallel, double angle_before_deg) {
  double *source = view->source_mm;
  if (parallel) {
    const double length = length_of(source);
    /* One that is a unit vector already keeps its bits: what a geometry tells can be given again. */
    for (int c = 0; c < 3 && fabs(length - 1) > unit_rounding; c++) {
      source[c] /= length;
    }
  }
  const double angle = (parallel ? atan2(-source[0], source[1]) : atan2(source[0], -source[1])) * (180 / pi);
  view->angle_deg = angle + 360 * nearbyint((angle_before_deg - angle) / 360);
  return view->angle_deg;
}

/* What one view adds to the means. */
static kvox_status add_to_means(kvox_ct_geometry *g, const kvox_ct_view *view, int64_t index) {
  const double share = 1 / (double)g->views;
  double matrix[12], normal[3];
  if (g->beam != KVOX_CT_PARALLEL) {
    g->source_to_axis_mm += share * hypot(view->source_mm[0], view->source_mm[1]);
    g->source_to_detector_mm += share * kvox_ct_view_depth(view, normal);
  }
  kvox_ct_view_matrix(view, g->beam == KVOX_CT_PARALLEL, g->rows, g->columns, matrix);
  if (!(matrix[11] > 0)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "geometry: the world's origin lies beside or behind the source of view %" PRId64
                     "; what is scanned must be in front of it",
                     index);
  }
  g->center_column_px += share * matrix[3] / matrix[11];
  g->center_row_px += share * matrix[7] / matrix[11];
  return KVOX_OK;
}

static kvox_status fill_views(kvox_ct_geometry *g, const kvox_ct_view *views) {
  const bool parallel = g->beam == KVOX_CT_PARALLEL;
  for (int64_t v = 0; v < g->views; v++) {
    kvox_ct_view *view = &g->described[v];
    *view = views[v];
    KVOX_TRY(check_view(view, parallel, v));
    g->angles_deg[v] = settle_view(view, parallel, v > 0 ? g->angles_deg[v - 1] : 0);
    KVOX_TRY(add_to_means(g, view, v));
  }
  g->pitch_known = true;
  g->column_pitch_mm = length_of(views[0].column_step_mm);
  g->row_pitch_mm = length_of(views[0].row_step_mm);
  if (!parallel && !(g->source_to_axis_mm > 0)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: the source stands on the axis in every view");
  }
  return kvox_ct_geometry_weigh(g);
}

kvox_status kvox_ct_geometry_create_views(kvox_context *context, int32_t beam, int64_t rows, int64_t columns,
                                          const kvox_ct_view *views, int64_t count, kvox_ct_geometry **geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(views);
  KVOX_REQUIRE(geometry);
  if (beam != KVOX_CT_PARALLEL && beam != KVOX_CT_CONE) {
    return kvox_fail(
        KVOX_ERROR_ARGUMENT,
        "geometry: beam is %" PRId32 ", must be KVOX_CT_PARALLEL or KVOX_CT_CONE for views given one by one", beam);
  }
  KVOX_TRY(kvox_ct_geometry_check_shape(count, rows, columns));
  kvox_ct_geometry *made = NULL;
  KVOX_TRY(kvox_ct_geometry_start(context, count, true, &made));
  made->beam = beam;
  made->rows = rows;
  made->columns = columns;
  const kvox_status status = fill_views(made, views);
  if (status != KVOX_OK) {
    kvox_ct_geometry_destroy(made);
    return status;
  }
  *geometry = made;
  return KVOX_OK;
}

/* ---- ASTRA's vectors ---- */

/* Source or ray, detector, u, v, as a view has them, but that parallel rays run to the source. */
static void turn_ray(int32_t beam, double ray[3]) {
  for (int c = 0; beam == KVOX_CT_PARALLEL && c < 3; c++) {
    ray[c] = -ray[c];
  }
}

kvox_status kvox_ct_geometry_from_astra(kvox_context *context, int32_t beam, int64_t rows, int64_t columns,
                                        const double *vectors, int64_t count, kvox_ct_geometry **geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(vectors);
  KVOX_TRY(kvox_ct_geometry_check_shape(count, rows, columns));
  kvox_ct_view *views = kvox_allocate_array(context->heap, count, sizeof *views);
  if (views == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < count; v++) {
    const double *from = vectors + 12 * v;
    views[v].angle_deg = 0;
    memcpy(views[v].source_mm, from, sizeof views[v].source_mm);
    memcpy(views[v].detector_mm, from + 3, sizeof views[v].detector_mm);
    memcpy(views[v].column_step_mm, from + 6, sizeof views[v].column_step_mm);
    memcpy(views[v].row_step_mm, from + 9, sizeof views[v].row_step_mm);
    turn_ray(beam, views[v].source_mm);
  }
  const kvox_status status = kvox_ct_geometry_create_views(context, beam, rows, columns, views, count, geometry);
  kvox_release(context->heap, views);
  return status;
}

/* A view with one source: a fan of one row is a cone whose source stands at that row's height. */
static kvox_status single_source(const kvox_ct_geometry *geometry, int64_t v, const char *name, kvox_ct_view *view) {
  KVOX_TRY(kvox_ct_geometry_view(geometry, v, view));
  if (geometry->beam == KVOX_CT_FAN) {
    if (geometry->rows > 1) {
      return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                       "%s: the %" PRId64 " rows of a fan are planes with a source each; describe one row alone", name,
                       geometry->rows);
    }
    view->source_mm[2] = view->detector_mm[2];
  }
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_to_astra(const kvox_ct_geometry *geometry, double *vectors) {
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(vectors);
  for (int64_t v = 0; v < geometry->views; v++) {
    kvox_ct_view view;
    KVOX_TRY(single_source(geometry, v, "kvox_ct_geometry_to_astra", &view));
    double *to = vectors + 12 * v;
    memcpy(to, view.source_mm, sizeof view.source_mm);
    memcpy(to + 3, view.detector_mm, sizeof view.detector_mm);
    memcpy(to + 6, view.column_step_mm, sizeof view.column_step_mm);
    memcpy(to + 9, view.row_step_mm, sizeof view.row_step_mm);
    turn_ray(geometry->beam, to);
  }
  return KVOX_OK;
}

/* ---- Projection matrices ---- */

/* The rows of the inverse of the matrix with these columns. */
static void invert(const double a[3], const double b[3], const double c[3], double rows[3][3]) {
  kvox_ct_cross(b, c, rows[0]);
  kvox_ct_cross(c, a, rows[1]);
  kvox_ct_cross(a, b, rows[2]);
  const double determinant = kvox_ct_dot(rows[0], a);
  for (int i = 0; i < 9; i++) {
    rows[i / 3][i % 3] /= determinant;
  }
}

/*
 * A point on the ray to (column, row) is source + t (corner - source + column du + row dv), corner being pixel (0, 0):
 * the inverse of [du, dv, corner - source] gives t (column, row, 1), and t is depth over the source's distance from the
 * detector. Of a parallel beam it is corner + column du + row dv + t ray.
 */
void kvox_ct_view_matrix(const kvox_ct_view *view, bool parallel, int64_t rows, int64_t columns, double matrix[12]) {
  double corner[3], along[3], inverse[3][3], normal[3];
  kvox_ct_view_corner(view, rows, columns, corner);
  const double *from = parallel ? corner : view->source_mm;
  for (int c = 0; c < 3; c++) {
    along[c] = parallel ? view->source_mm[c] : corner[c] - from[c];
  }
  invert(view->column_step_mm, view->row_step_mm, along, inverse);
  const double scale = parallel ? 1 : kvox_ct_view_depth(view, normal);
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) {
      matrix[4 * r + c] = parallel && r == 2 ? 0 : scale * inverse[r][c];
    }
    matrix[4 * r + 3] = parallel && r == 2 ? 1 : -scale * kvox_ct_dot(inverse[r], from);
  }
}

kvox_status kvox_ct_geometry_matrix(const kvox_ct_geometry *geometry, int64_t view, double matrix[12]) {
  kvox_ct_view description;
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(matrix);
  KVOX_TRY(single_source(geometry, view, "kvox_ct_geometry_matrix", &description));
  kvox_ct_view_matrix(&description, geometry->beam == KVOX_CT_PARALLEL, geometry->rows, geometry->columns, matrix);
  return KVOX_OK;
}

static bool is_parallel(const double m[12]) { return m[8] == 0 && m[9] == 0 && m[10] == 0; }

static kvox_status wrong_matrix(int64_t index, const char *why) {
  return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: the matrix of view %" PRId64 " %s", index, why);
}

/* The rows of the left 3 x 3 part, scaled so that w is the depth (1 for a parallel beam) and positive at the origin. */
static kvox_status scale_matrix(const double m[12], int64_t index, double rows[3][3], double last[3]) {
  if (!all_finite(m, 12)) {
    return wrong_matrix(index, "has a number that is not finite");
  }
  const double length = is_parallel(m) ? fabs(m[11]) : length_of(m + 8);
  if (!(length > 0) || m[11] == 0) {
    return wrong_matrix(index, "puts the world's origin at no depth: its last number is 0");
  }
  const double scale = (m[11] < 0 ? -1 : 1) / length;
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) {
      rows[r][c] = scale * m[4 * r + c];
    }
    last[r] = scale * m[4 * r + 3];
  }
  return KVOX_OK;
}

/* The detector's steps from the rows: column[r] . step[c] = (r == c). */
static kvox_status parallel_from_matrix(const double m[12], int64_t index, kvox_ct_view *view, double corner[3]) {
  double rows[3][3], last[3], inverse[3][3];
  KVOX_TRY(scale_matrix(m, index, rows, last));
  kvox_ct_cross(rows[1], rows[0], rows[2]);
  const double sine = length_of(rows[2]), lengths = length_of(rows[0]) * length_of(rows[1]);
  if (!(sine > least_sine * lengths) || lengths == 0) {
    return wrong_matrix(index, "gives columns and rows one direction");
  }
  invert(rows[0], rows[1], rows[2], inverse);
  for (int c = 0; c < 3; c++) {
    view->source_mm[c] = rows[2][c] / sine;
    view->column_step_mm[c] = inverse[0][c];
    view->row_step_mm[c] = inverse[1][c];
    corner[c] = -last[0] * inverse[0][c] - last[1] * inverse[1][c];
  }
  return KVOX_OK;
}

/* The inverse's columns are the ray to pixel (0, 0) at depth 1 and its steps there: M (x - source) = depth (column,
 * row, 1). */
static kvox_status cone_from_matrix(const double m[12], double column_pitch_mm, int64_t index, kvox_ct_view *view,
                                    double corner[3]) {
  double rows[3][3], last[3], inverse[3][3], normal[3];
  KVOX_TRY(scale_matrix(m, index, rows, last));
  kvox_ct_cross(rows[0], rows[1], normal);
  const double volume = fabs(kvox_ct_dot(normal, rows[2]));
  if (!(volume > least_sine * least_sine * length_of(rows[0]) * length_of(rows[1])) || volume == 0) {
    return wrong_matrix(index,
                        "has a left 3 x 3 part that is singular, but for a parallel beam whose third row begins "
                        "with three zeros");
  }
  /* The columns of the inverse are the rows of the inverse of the transpose. */
  invert(rows[0], rows[1], rows[2], inverse);
  const double depth = column_pitch_mm / length_of(inverse[0]);
  for (int c = 0; c < 3; c++) {
    view->source_mm[c] = -(inverse[0][c] * last[0] + inverse[1][c] * last[1] + inverse[2][c] * last[2]);
    view->column_step_mm[c] = depth * inverse[0][c];
    view->row_step_mm[c] = depth * inverse[1][c];
    corner[c] = view->source_mm[c] + depth * inverse[2][c];
  }
  return KVOX_OK;
}

kvox_status kvox_ct_geometry_create_matrices(kvox_context *context, int64_t rows, int64_t columns,
                                             double column_pitch_mm, const double *matrices, int64_t count,
                                             kvox_ct_geometry **geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(matrices);
  KVOX_TRY(kvox_ct_geometry_check_shape(count, rows, columns));
  const bool parallel = is_parallel(matrices);
  char text[KVOX_NUMBER_BYTES];
  if (!parallel && !(column_pitch_mm > 0 && column_pitch_mm <= most_mm)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "geometry: column_pitch_mm is %s, must be positive and finite",
                     kvox_number(column_pitch_mm, text));
  }
  kvox_ct_view *views = kvox_allocate_array(context->heap, count, sizeof *views);
  if (views == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = KVOX_OK;
  for (int64_t v = 0; v < count; v++) {
    const double *m = matrices + 12 * v;
    double corner[3] = {0};
    views[v].angle_deg = 0;
    if (is_parallel(m) != parallel) {
      status = wrong_matrix(v, parallel ? "is not parallel, the first is" : "is parallel, the first is not");
      goto cleanup;
    }
    KVOX_TRY_CLEANUP(parallel ? parallel_from_matrix(m, v, &views[v], corner)
                              : cone_from_matrix(m, column_pitch_mm, v, &views[v], corner));
    for (int c = 0; c < 3; c++) {
      views[v].detector_mm[c] = corner[c] + 0.5 * (double)(columns - 1) * views[v].column_step_mm[c] +
                                0.5 * (double)(rows - 1) * views[v].row_step_mm[c];
    }
  }
  status = kvox_ct_geometry_create_views(context, parallel ? KVOX_CT_PARALLEL : KVOX_CT_CONE, rows, columns, views,
                                         count, geometry);
cleanup:
  kvox_release(context->heap, views);
  return status;
}

#include "ct/orbit.h"

#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "ct/vectors.h"

static const double degree = 3.14159265358979323846 / 180;

/* Rows are filtered as if they ran round the axis, and the cone as if its source never left a plane: what that neglects
 * grows with these angles as it does with a cone's. */
static const double most_lean_deg = 15;     /* of the filtered rows out of the plane z = 0 */
static const double most_tilt_deg = 45;     /* of the other direction out of the axis */
static const double most_ray_deg = 5;       /* of parallel rays out of that plane: half a turn sees nothing twice */
static const double most_height_share = 40; /* of sources beside their mean height: their distance over this, 1.4 deg */

/* A source's distance from the axis is within this share of the mean. */
static const double most_distance_share = 0.2;

/* A helix: sources that climb by more rows a turn than this, and stray from the straight climb by less of it. */
static const double most_climb_rows = 3, most_stray_share = 0.2;

/* A slice may lie this far (in rows) beyond the middle of the first and last row: the extent of the row itself. */
static const double row_margin = 0.5 + 1e-6;

/* Of the weight of all: what keeps the fit of radii bounded where views are few or their arc is short. */
static const double few_views = 1e-6;

static double length_of(const double v[3]) { return sqrt(kvox_ct_dot(v, v)); }

bool kvox_ct_view_is_turned(const kvox_ct_view *view) {
  return fabs(view->column_step_mm[2]) * length_of(view->row_step_mm) >
         fabs(view->row_step_mm[2]) * length_of(view->column_step_mm);
}

kvox_ct_orbit_ray kvox_ct_orbit_ray_of(const kvox_ct_geometry *geometry, int64_t view, const double direction[3]) {
  const double *s = geometry->described[view].source_mm, *d = direction;
  const double across = d[1] * s[0] - d[0] * s[1], ahead = -d[0] * s[0] - d[1] * s[1];
  const double own = atan2(across, ahead), beside = across / hypot(d[0], d[1]) / geometry->source_to_axis_mm;
  const double fan = ahead > 0 && fabs(beside) <= 1 ? asin(beside) : own;
  return (kvox_ct_orbit_ray){geometry->angles_deg[view] * degree + own - fan, fan};
}

/* ---- What all views see ---- */

/* Of a view at the point of the detector that is `along` filtered rows in, in the other direction where the world's
 * origin is seen. */
static double edge_fan(const kvox_ct_geometry *g, int64_t v, const double matrix[12], double along) {
  const kvox_ct_view *view = &g->described[v];
  const bool turned = kvox_ct_view_is_turned(view);
  const double place = (turned ? matrix[3] : matrix[7]) / matrix[11];
  const double last = (double)((turned ? g->columns : g->rows) - 1), middle = fmin(fmax(place, 0), last);
  const double column = turned ? middle : along, row = turned ? along : middle;
  double corner[3], ray[3];
  kvox_ct_view_corner(view, g->rows, g->columns, corner);
  for (int c = 0; c < 3; c++) {
    ray[c] = corner[c] + column * view->column_step_mm[c] + row * view->row_step_mm[c] - view->source_mm[c];
  }
  return kvox_ct_orbit_ray_of(g, v, ray).fan_rad;
}

kvox_ct_orbit_fan kvox_ct_orbit_fan_of(const kvox_ct_geometry *geometry) {
  const kvox_ct_geometry *g = geometry;
  kvox_ct_orbit_fan fan = {{0, 0}, {0, 0}, {0, 0}};
  if (g->beam == KVOX_CT_PARALLEL || g->described == NULL) {
    fan.widest = fan.narrowest = fan.mean = kvox_ct_geometry_fan(g);
    return fan;
  }
  for (int64_t v = 0; v < g->views; v++) {
    const kvox_ct_view *view = &g->described[v];
    double matrix[12];
    kvox_ct_view_matrix(view, false, g->rows, g->columns, matrix);
    const int64_t across = kvox_ct_view_is_turned(view) ? g->rows : g->columns;
    const double first = edge_fan(g, v, matrix, -0.5), last = edge_fan(g, v, matrix, (double)across - 0.5);
    const kvox_ct_fan here = {fmin(first, last), fmax(first, last)};
    const bool none = v == 0;
    fan.mean.low_rad += here.low_rad / (double)g->views;
    fan.mean.high_rad += here.high_rad / (double)g->views;
    fan.widest.low_rad = none ? here.low_rad : fmin(fan.widest.low_rad, here.low_rad);
    fan.widest.high_rad = none ? here.high_rad : fmax(fan.widest.high_rad, here.high_rad);
    fan.narrowest.low_rad = none ? here.low_rad : fmax(fan.narrowest.low_rad, here.low_rad);
    fan.narrowest.high_rad = none ? here.high_rad : fmin(fan.narrowest.high_rad, here.high_rad);
  }
  return fan;
}

enum { TERMS = 5 };

static void terms_at(double angle_rad, double terms[TERMS]) {
  terms[0] = 1;
  for (int n = 1; n <= 2; n++) {
    terms[2 * n - 1] = cos(n * angle_rad);
    terms[2 * n] = sin(n * angle_rad);
  }
}

/* A positive definite system, by Cholesky's way in place: lower triangle and right-hand side. */
static void solve(double m[TERMS][TERMS], double x[TERMS]) {
  for (int i = 0; i < TERMS; i++) {
    for (int j = 0; j <= i; j++) {
      for (int k = 0; k < j; k++) {
        m[i][j] -= m[i][k] * m[j][k];
      }
      m[i][j] = i == j ? sqrt(m[i][i]) : m[i][j] / m[j][j];
      x[i] -= j < i ? m[i][j] * x[j] : 0;
    }
    x[i] /= m[i][i];
  }
  for (int i = TERMS - 1; i >= 0; i--) {
    for (int k = i + 1; k < TERMS; k++) {
      x[i] -= m[k][i] * x[k];
    }
    x[i] /= m[i][i];
  }
}

kvox_ct_orbit_radius kvox_ct_orbit_radius_of(const kvox_ct_geometry *geometry) {
  const kvox_ct_geometry *g = geometry;
  kvox_ct_orbit_radius radius = {{0}};
  double m[TERMS][TERMS] = {{0}}, total = 0;
  for (int64_t v = 0; v < g->views; v++) {
    const double *source = g->described[v].source_mm, weight = g->weights_rad[v];
    double terms[TERMS];
    terms_at(g->angles_deg[v] * degree, terms);
    total += weight;
    for (int i = 0; i < TERMS; i++) {
      for (int j = 0; j <= i; j++) {
        m[i][j] += weight * terms[i] * terms[j];
      }
      radius.r[i] += weight * terms[i] * (hypot(source[0], source[1]) - g->source_to_axis_mm);
    }
  }
  for (int i = 0; i < TERMS; i++) {
    m[i][i] += few_views * total;
  }
  solve(m, radius.r);
  radius.r[0] += g->source_to_axis_mm;
  return radius;
}

double kvox_ct_orbit_climb(const kvox_ct_orbit_radius *radius, double angle_deg) {
  double terms[TERMS];
  terms_at(angle_deg * degree, terms);
  const double *r = radius->r;
  return r[2] * terms[1] - r[1] * terms[2] + 2 * (r[4] * terms[3] - r[3] * terms[4]);
}

/* Where on the axis a row meets: its place is (m[2] z + m[3]) / (depth[2] z + depth[3]). */
static double height_of(const double m[4], const double depth[4], double row) {
  return (row * depth[3] - m[3]) / (m[2] - row * depth[2]);
}

void kvox_ct_orbit_heights(const kvox_ct_geometry *geometry, double *low_mm, double *high_mm) {
  const kvox_ct_geometry *g = geometry;
  *low_mm = -INFINITY;
  *high_mm = INFINITY;
  for (int64_t v = 0; v < g->views; v++) {
    const kvox_ct_view *view = &g->described[v];
    double m[12];
    kvox_ct_view_matrix(view, g->beam == KVOX_CT_PARALLEL, g->rows, g->columns, m);
    const bool turned = kvox_ct_view_is_turned(view);
    const double last = (double)((turned ? g->columns : g->rows) - 1);
    const double a = height_of(turned ? m : m + 4, m + 8, 0), b = height_of(turned ? m : m + 4, m + 8, last);
    *low_mm = fmax(*low_mm, fmin(a, b));
    *high_mm = fmin(*high_mm, fmax(a, b));
  }
}

kvox_status kvox_ct_orbit_grid(const kvox_ct_geometry *geometry, kvox_grid *grid) {
  const kvox_ct_geometry *g = geometry;
  const bool turned = kvox_ct_view_is_turned(&g->described[0]);
  const double magnification = kvox_ct_geometry_magnification(g);
  const double across = (turned ? g->row_pitch_mm : g->column_pitch_mm) / magnification;
  const double up = (turned ? g->column_pitch_mm : g->row_pitch_mm) / magnification;
  const int64_t columns = turned ? g->rows : g->columns, rows = turned ? g->columns : g->rows;
  double low = 0, high = 0;
  kvox_ct_orbit_heights(g, &low, &high);
  const double seen = fmin(fmax(floor((high - low) / up + 1e-6), 0), (double)(rows - 1));
  const int64_t size[3] = {columns, columns, (int64_t)seen + 1};
  const double spacing[3] = {across, across, up}, center[3] = {0, 0, isfinite(low + high) ? 0.5 * (low + high) : 0};
  return kvox_grid_init(grid, size, spacing, center);
}

kvox_status kvox_ct_orbit_check_rows(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name) {
  const kvox_ct_geometry *g = geometry;
  const double ends[2] = {grid->origin_mm[2], grid->origin_mm[2] + (double)(grid->size[2] - 1) * grid->spacing_mm[2]};
  for (int64_t v = 0; v < g->views; v++) {
    const bool turned = kvox_ct_view_is_turned(&g->described[v]);
    const int64_t last = (turned ? g->columns : g->rows) - 1;
    double m[12];
    kvox_ct_view_matrix(&g->described[v], g->beam == KVOX_CT_PARALLEL, g->rows, g->columns, m);
    for (int end = 0; end < 2; end++) {
      const double *r = turned ? m : m + 4;
      const double place = (r[2] * ends[end] + r[3]) / (m[10] * ends[end] + m[11]);
      if (!(place >= -row_margin && place <= (double)last + row_margin)) {
        char z[KVOX_NUMBER_BYTES], text[KVOX_NUMBER_BYTES];
        return kvox_fail(KVOX_ERROR_GEOMETRY,
                         "%s: the grid's slice at z = %s mm lies on detector %s %s in view %" PRId64
                         ", the detector has 0 to %" PRId64 "; move the grid or take fewer slices",
                         name, kvox_number(ends[end], z), turned ? "column" : "row", kvox_number(place, text), v, last);
      }
    }
  }
  return KVOX_OK;
}

/* ---- What reconstruction asks ---- */

static kvox_status wrong_angle(const char *name, int64_t view, const char *what, double degrees, double most) {
  char have[KVOX_NUMBER_BYTES], may[KVOX_NUMBER_BYTES];
  return kvox_fail(KVOX_ERROR_GEOMETRY,
                   "%s: in view %" PRId64 " %s by %s degrees; filtered back-projection holds up to %s", name, view,
                   what, kvox_number(degrees, have), kvox_number(most, may));
}

/* Of a vector out of the plane z = 0. */
static double slope_deg(const double v[3]) { return atan2(fabs(v[2]), hypot(v[0], v[1])) / degree; }

static kvox_status check_directions(const kvox_ct_geometry *g, int64_t v, const char *name) {
  const kvox_ct_view *view = &g->described[v];
  const bool turned = kvox_ct_view_is_turned(view);
  if (turned != kvox_ct_view_is_turned(&g->described[0])) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: the detector's rows run %s the axis z in view %" PRId64
                     ", but not in view 0; all views need the same way",
                     name, turned ? "along" : "across", v);
  }
  const double lean = slope_deg(turned ? view->row_step_mm : view->column_step_mm);
  const double tilt = 90 - slope_deg(turned ? view->column_step_mm : view->row_step_mm);
  if (lean > most_lean_deg) {
    return wrong_angle(name, v,
                       turned ? "the detector's columns lean out of the plane across the axis z"
                              : "the detector's rows lean out of the plane across the axis z",
                       lean, most_lean_deg);
  }
  if (tilt > most_tilt_deg) {
    return wrong_angle(name, v, "the detector is tilted out of the axis z", tilt, most_tilt_deg);
  }
  if (g->beam == KVOX_CT_PARALLEL && slope_deg(view->source_mm) > most_ray_deg) {
    return wrong_angle(name, v, "the rays run out of the plane across the axis z", slope_deg(view->source_mm),
                       most_ray_deg);
  }
  return KVOX_OK;
}

static kvox_status check_distances(const kvox_ct_geometry *g, double mean_height, const char *name) {
  char text[KVOX_NUMBER_BYTES], mean[KVOX_NUMBER_BYTES];
  const double distance = g->source_to_axis_mm, most_height = distance / most_height_share;
  for (int64_t v = 0; v < g->views; v++) {
    const double *source = g->described[v].source_mm, here = hypot(source[0], source[1]);
    if (!(fabs(here - distance) <= most_distance_share * distance)) {
      return kvox_fail(KVOX_ERROR_GEOMETRY,
                       "%s: the sources are not near a circle about the axis z: that of view %" PRId64
                       " is %s mm from it, their mean %s mm",
                       name, v, kvox_number(here, text), kvox_number(distance, mean));
    }
    if (!(fabs(source[2] - mean_height) <= most_height)) {
      return kvox_fail(KVOX_ERROR_GEOMETRY,
                       "%s: the sources do not stay in a plane: that of view %" PRId64
                       " is at z = %s mm, their mean "
                       "%s mm; a helix is not a circle",
                       name, v, kvox_number(source[2], text), kvox_number(mean_height, mean));
    }
  }
  return KVOX_OK;
}

/* The straight line through the heights of the sources over their angles. */
static kvox_status check_climb(const kvox_ct_geometry *g, double mean_height, const char *name) {
  double mean_angle = 0, product = 0, square = 0, stray = 0;
  for (int64_t v = 0; v < g->views; v++) {
    mean_angle += g->angles_deg[v] / (double)g->views;
  }
  for (int64_t v = 0; v < g->views; v++) {
    const double angle = g->angles_deg[v] - mean_angle;
    product += angle * (g->described[v].source_mm[2] - mean_height);
    square += angle * angle;
  }
  const double climb = square > 0 ? product / square : 0;
  for (int64_t v = 0; v < g->views; v++) {
    const double off = g->described[v].source_mm[2] - mean_height - climb * (g->angles_deg[v] - mean_angle);
    stray += off * off / (double)g->views;
  }
  double low, high;
  kvox_ct_orbit_heights(g, &low, &high);
  const int64_t count = kvox_ct_view_is_turned(&g->described[0]) ? g->columns : g->rows;
  const double row = (high - low) / fmax((double)(count - 1), 1), turn = fabs(climb) * 360;
  if (row > 0 && turn > most_climb_rows * row && sqrt(stray) < most_stray_share * turn &&
      kvox_ct_geometry_arc_deg(g) >= 360) {
    char text[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: the sources climb by %s mm a turn: a helix, which filtered back-projection of a circle does "
                     "not reconstruct",
                     name, kvox_number(turn, text));
  }
  return KVOX_OK;
}

kvox_status kvox_ct_orbit_check(const kvox_ct_geometry *geometry, const char *name) {
  const kvox_ct_geometry *g = geometry;
  if (g->described == NULL) {
    return KVOX_OK;
  }
  double mean_height = 0;
  for (int64_t v = 0; v < g->views; v++) {
    KVOX_TRY(check_directions(g, v, name));
    mean_height += g->described[v].source_mm[2] / (double)g->views;
  }
  if (g->beam == KVOX_CT_PARALLEL) {
    return KVOX_OK;
  }
  KVOX_TRY(check_distances(g, mean_height, name));
  return check_climb(g, mean_height, name);
}

/* Fan and cone beams, and views given one by one: views, matrices and vectors put a point on the same pixel. */
#include "ct/vectors.h"

#include "ct/scan.h"

static const double pi = 3.14159265358979323846;

enum { VIEWS = 9, ROWS = 23, COLUMNS = 41 };
static const double to_axis = 541, to_detector = 1183, pitch = 1.37, row_pitch = 0.91, offset = 3.3, row_offset = -1.7;

static kvox_ct_cone_options cone_options(void) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = VIEWS;
  o.rows = ROWS;
  o.columns = COLUMNS;
  o.source_to_axis_mm = to_axis;
  o.source_to_detector_mm = to_detector;
  o.column_pitch_mm = pitch;
  o.row_pitch_mm = row_pitch;
  o.column_offset_px = offset;
  o.row_offset_px = row_offset;
  o.angle_start_deg = 13;
  o.angle_step_deg = 47;
  return o;
}

static kvox_ct_geometry *cone_of(kvox_context *context, const kvox_ct_cone_options *o) {
  kvox_ct_geometry *geometry = NULL;
  assert_ok(kvox_ct_geometry_create_cone(context, o, &geometry));
  return geometry;
}

static kvox_ct_geometry *parallel_of(kvox_context *context) {
  kvox_ct_parallel_options o;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_parallel_options_init(&o);
  o.views = VIEWS;
  o.rows = ROWS;
  o.columns = COLUMNS;
  o.column_pitch_mm = pitch;
  o.row_pitch_mm = row_pitch;
  o.column_offset_px = offset;
  o.row_offset_px = row_offset;
  o.angle_start_deg = 13;
  o.angle_step_deg = 47;
  assert_ok(kvox_ct_geometry_create_parallel(context, &o, &geometry));
  return geometry;
}

/* A scanner that nobody built: sources, detectors and steps all askew. */
static void wild_views(int32_t beam, kvox_ct_view *views) {
  uint64_t seed = 7;
  for (int v = 0; v < VIEWS; v++) {
    const double b = (20 + 31 * v) * pi / 180, c = cos(b), s = sin(b);
    double *const parts[4] = {views[v].source_mm, views[v].detector_mm, views[v].column_step_mm, views[v].row_step_mm};
    const double plain[4][3] = {{to_axis * s, -to_axis * c, 0}, {-400 * s, 400 * c, 0}, {c, s, 0}, {0, 0, 1}};
    const double size[4] = {30, 30, 0.2, 0.2};
    for (int p = 0; p < 4; p++) {
      for (int x = 0; x < 3; x++) {
        parts[p][x] = plain[p][x] + size[p] * random_signed(&seed);
      }
    }
    for (int x = 0; beam == KVOX_CT_PARALLEL && x < 3; x++) {
      views[v].source_mm[x] *= -0.01;
    }
    views[v].angle_deg = 1e9; /* not read */
  }
}

static kvox_ct_geometry *wild_of(kvox_context *context, int32_t beam) {
  kvox_ct_view views[VIEWS];
  kvox_ct_geometry *geometry = NULL;
  wild_views(beam, views);
  assert_ok(kvox_ct_geometry_create_views(context, beam, ROWS, COLUMNS, views, VIEWS, &geometry));
  return geometry;
}

/* Where the ray through a point meets the detector's plane, by elimination: corner + column du + row dv = point + t
 * ray; independent of how the library makes matrices. */
static void project(const kvox_ct_view *view, int32_t beam, const double point[3], double pixel[2]) {
  double m[3][4];
  for (int c = 0; c < 3; c++) {
    const double corner =
        view->detector_mm[c] - 0.5 * (COLUMNS - 1) * view->column_step_mm[c] - 0.5 * (ROWS - 1) * view->row_step_mm[c];
    m[c][0] = view->column_step_mm[c];
    m[c][1] = view->row_step_mm[c];
    m[c][2] = beam == KVOX_CT_PARALLEL ? -view->source_mm[c] : view->source_mm[c] - point[c];
    m[c][3] = point[c] - corner;
  }
  for (int i = 0; i < 3; i++) {
    int best = i;
    for (int r = i; r < 3; r++) {
      best = fabs(m[r][i]) > fabs(m[best][i]) ? r : best;
    }
    for (int k = 0; k < 4; k++) {
      const double swap = m[i][k];
      m[i][k] = m[best][k];
      m[best][k] = swap;
    }
    for (int r = 0; r < 3; r++) {
      const double factor = r != i ? m[r][i] / m[i][i] : 0;
      for (int k = i; k < 4; k++) {
        m[r][k] -= factor * m[i][k];
      }
    }
  }
  pixel[0] = m[0][3] / m[0][0];
  pixel[1] = m[1][3] / m[1][1];
}

static void random_point(uint64_t *seed, double point[3]) {
  for (int c = 0; c < 3; c++) {
    point[c] = 90 * random_signed(seed);
  }
}

/* Both put random points on the same pixels. */
static void same_pixels(const kvox_ct_geometry *a, const kvox_ct_geometry *b) {
  uint64_t seed = 3;
  assert_int_equal(kvox_ct_geometry_beam(a), kvox_ct_geometry_beam(b));
  for (int v = 0; v < VIEWS; v++) {
    for (int i = 0; i < 20; i++) {
      double point[3], p[2], q[2];
      kvox_ct_view x, y;
      random_point(&seed, point);
      assert_ok(kvox_ct_geometry_view(a, v, &x));
      assert_ok(kvox_ct_geometry_view(b, v, &y));
      project(&x, kvox_ct_geometry_beam(a), point, p);
      project(&y, kvox_ct_geometry_beam(b), point, q);
      assert_close(p[0], q[0], 1e-9);
      assert_close(p[1], q[1], 1e-9);
      assert_close(fmod(fabs(x.angle_deg - y.angle_deg) + 1, 360), 1, 1e-9);
    }
  }
}

/* Matrices project as views do, and their last row is the depth; they and ASTRA's vectors give the views again. */
static void forms_agree(kvox_context *context, kvox_ct_geometry *g) {
  const int32_t beam = kvox_ct_geometry_beam(g);
  double matrices[12 * VIEWS], vectors[12 * VIEWS], steps[2];
  uint64_t seed = 5;
  kvox_ct_geometry *again = NULL;
  assert_ok(kvox_ct_geometry_to_astra(g, vectors));
  for (int v = 0; v < VIEWS; v++) {
    double *m = matrices + 12 * v, normal[3], point[3], pixel[2], w[3];
    kvox_ct_view view;
    assert_ok(kvox_ct_geometry_view(g, v, &view));
    assert_ok(kvox_ct_geometry_matrix(g, v, m));
    for (int i = 0; i < 20; i++) {
      random_point(&seed, point);
      project(&view, beam, point, pixel);
      for (int r = 0; r < 3; r++) {
        w[r] = kvox_ct_dot(m + 4 * r, point) + m[4 * r + 3];
      }
      assert_close(w[0] / w[2], pixel[0], 1e-9);
      assert_close(w[1] / w[2], pixel[1], 1e-9);
      kvox_ct_cross(view.row_step_mm, view.column_step_mm, normal);
      double depth = 0;
      for (int c = 0; c < 3; c++) {
        depth += normal[c] * (point[c] - view.source_mm[c]) / sqrt(kvox_ct_dot(normal, normal));
      }
      assert_close(w[2], beam == KVOX_CT_PARALLEL ? 1 : depth, 1e-9);
    }
    /* Any scale and sign. */
    for (int i = 0; i < 12; i++) {
      m[i] *= v % 2 == 0 ? -3.7 : 0.02;
    }
  }
  assert_ok(kvox_ct_geometry_from_astra(context, beam, ROWS, COLUMNS, vectors, VIEWS, &again));
  assert_int_equal(kvox_ct_geometry_is_circular(again), 0);
  same_pixels(g, again);
  kvox_ct_geometry_destroy(again);
  assert_ok(kvox_ct_geometry_pitch(g, steps));
  assert_ok(kvox_ct_geometry_create_matrices(context, ROWS, COLUMNS, steps[0], matrices, VIEWS, &again));
  same_pixels(g, again);
  kvox_ct_geometry_destroy(again);
}

static void every_form_projects_alike(void **state) {
  const kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *all[4] = {cone_of(*state, &o), parallel_of(*state), wild_of(*state, KVOX_CT_CONE),
                              wild_of(*state, KVOX_CT_PARALLEL)};
  for (int i = 0; i < 4; i++) {
    forms_agree(*state, all[i]);
    kvox_ct_geometry_destroy(all[i]);
  }
}

/* Matrices know where the source is, and with the pitch where the detector is. */
static void matrices_give_the_place_back(void **state) {
  const kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = cone_of(*state, &o), *again = NULL;
  double matrices[12 * VIEWS];
  for (int v = 0; v < VIEWS; v++) {
    assert_ok(kvox_ct_geometry_matrix(g, v, matrices + 12 * v));
  }
  assert_ok(kvox_ct_geometry_create_matrices(*state, ROWS, COLUMNS, pitch, matrices, VIEWS, &again));
  for (int v = 0; v < VIEWS; v++) {
    kvox_ct_view x, y;
    assert_ok(kvox_ct_geometry_view(g, v, &x));
    assert_ok(kvox_ct_geometry_view(again, v, &y));
    for (int c = 0; c < 3; c++) {
      assert_close(x.source_mm[c], y.source_mm[c], 1e-9);
      assert_close(x.detector_mm[c], y.detector_mm[c], 1e-9);
      assert_close(x.column_step_mm[c], y.column_step_mm[c], 1e-12);
      assert_close(x.row_step_mm[c], y.row_step_mm[c], 1e-12);
    }
  }
  double axis, detector, steps[2];
  assert_ok(kvox_ct_geometry_distances(again, &axis, &detector));
  assert_ok(kvox_ct_geometry_pitch(again, steps));
  assert_close(axis, to_axis, 1e-9);
  assert_close(detector, to_detector, 1e-9);
  assert_close(steps[1], row_pitch, 1e-12);
  assert_close(kvox_ct_geometry_center_px(again), kvox_ct_geometry_center_px(g), 1e-9);
  kvox_ct_geometry_destroy(again);
  kvox_ct_geometry_destroy(g);
}

/* The convention: at 90 degrees the source is on +x, u is +y; magnification and both offsets. */
static void cones_follow_the_convention(void **state) {
  kvox_ct_cone_options o = cone_options();
  o.angle_start_deg = 0;
  o.angle_step_deg = 90;
  kvox_ct_geometry *g = cone_of(*state, &o);
  kvox_ct_view view;
  assert_ok(kvox_ct_geometry_view(g, 1, &view));
  const double source[3] = {to_axis, 0, 0}, u[3] = {0, pitch, 0}, v[3] = {0, 0, row_pitch};
  const double middle[3] = {-(to_detector - to_axis), -offset * pitch, -row_offset * row_pitch};
  for (int c = 0; c < 3; c++) {
    assert_close(view.source_mm[c], source[c], 0);
    assert_close(view.column_step_mm[c], u[c], 0);
    assert_close(view.row_step_mm[c], v[c], 0);
    assert_close(view.detector_mm[c], middle[c], 1e-12);
  }
  const double column = 0.5 * (COLUMNS - 1) + offset, row = 0.5 * (ROWS - 1) + row_offset, m = to_detector / to_axis;
  assert_close(kvox_ct_geometry_center_px(g), column, 0);
  /* On the axis, 10 mm up; then 10 mm along u, and as far nearer to the source. */
  const double points[3][3] = {{0, 0, 10}, {0, 10, 0}, {100, 10, 10}};
  const double near = to_detector / (to_axis - 100);
  const double pixels[3][2] = {{column, row + 10 * m / row_pitch},
                               {column + 10 * m / pitch, row},
                               {column + 10 * near / pitch, row + 10 * near / row_pitch}};
  for (int i = 0; i < 3; i++) {
    double pixel[2];
    project(&view, KVOX_CT_CONE, points[i], pixel);
    assert_close(pixel[0], pixels[i][0], 1e-10);
    assert_close(pixel[1], pixels[i][1], 1e-10);
  }
  double axis, detector, steps[2];
  assert_ok(kvox_ct_geometry_distances(g, &axis, &detector));
  assert_ok(kvox_ct_geometry_pitch(g, steps));
  assert_true(axis == to_axis && detector == to_detector && steps[0] == pitch && steps[1] == row_pitch);
  assert_int_equal(kvox_ct_geometry_is_circular(g), 1);
  kvox_ct_geometry_destroy(g);
}

static void default_grids_are_at_the_axis(void **state) {
  const kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *cone = cone_of(*state, &o), *fan = NULL;
  kvox_grid c, f;
  const double m = to_detector / to_axis, center_row = 0.5 * (ROWS - 1) + row_offset;
  assert_ok(kvox_ct_geometry_create_fan(*state, &o, &fan));
  assert_ok(kvox_ct_geometry_default_grid(cone, &c));
  assert_ok(kvox_ct_geometry_default_grid(fan, &f));
  assert_int_equal(c.size[0], COLUMNS);
  assert_int_equal(c.size[2], ROWS);
  assert_close(c.spacing_mm[1], pitch / m, 1e-12);
  assert_close(f.spacing_mm[1], pitch / m, 1e-12);
  assert_close(c.spacing_mm[2], row_pitch / m, 1e-12);
  assert_close(f.spacing_mm[2], row_pitch, 1e-12);
  assert_close(c.origin_mm[2], -center_row * row_pitch / m, 1e-12);
  assert_close(f.origin_mm[2], -center_row * row_pitch, 1e-12);
  kvox_ct_geometry_destroy(fan);
  kvox_ct_geometry_destroy(cone);
}

/* A fan's rows are planes: no matrix or vector describes them, but that of a single row. */
static void only_one_row_of_a_fan_has_a_matrix(void **state) {
  kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = NULL;
  double m[12], vectors[12 * VIEWS], pixel[2];
  assert_ok(kvox_ct_geometry_create_fan(*state, &o, &g));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "23 rows of a fan are planes", kvox_ct_geometry_matrix(g, 0, m));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "planes", kvox_ct_geometry_to_astra(g, vectors));
  kvox_ct_geometry_destroy(g);
  o.rows = 1;
  assert_ok(kvox_ct_geometry_create_fan(*state, &o, &g));
  assert_ok(kvox_ct_geometry_to_astra(g, vectors));
  const double z = -row_offset * row_pitch;
  assert_close(vectors[2], z, 0);
  assert_close(vectors[5], z, 0);
  assert_ok(kvox_ct_geometry_matrix(g, 0, m));
  const double point[3] = {11, -7, z};
  for (int r = 0; r < 2; r++) {
    pixel[r] = (kvox_ct_dot(m + 4 * r, point) + m[4 * r + 3]) / (kvox_ct_dot(m + 8, point) + m[11]);
  }
  assert_close(pixel[1], 0, 1e-10);
  kvox_ct_geometry_destroy(g);
}

/* ---- Weights on the full circle ---- */

/* The sum in degrees; every weight positive, and each at most a step and a half unless the steps differ. */
static double weigh(kvox_context *context, const double *angles, int64_t views, double *weights) {
  kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = NULL;
  double sum = 0;
  o.views = views;
  o.angles_deg = angles;
  assert_ok(kvox_ct_geometry_create_fan(context, &o, &g));
  assert_ok(kvox_ct_geometry_weights(g, weights));
  for (int64_t v = 0; v < views; v++) {
    assert_true(weights[v] > 0);
    sum += weights[v] * 180 / pi;
  }
  kvox_ct_geometry_destroy(g);
  return sum;
}

static void weights_cover_what_was_measured(void **state) {
  enum { MOST = 1600 };
  static const struct {
    double span, step, sum;
  } arcs[] = {{215.3, 0.5, 215.5}, {215.3, 215.3 / 400, 215.3 + 215.3 / 400},
              {359, 1, 360},       {360, 1, 360},
              {361, 1, 360},       {720, 1, 360},
              {720, 0.7, 360}};
  static double angles[MOST], weights[MOST], turned[MOST];
  for (size_t i = 0; i < sizeof arcs / sizeof arcs[0]; i++) {
    const int64_t views = (int64_t)floor(arcs[i].span / arcs[i].step + 1e-6) + 1;
    for (int direction = -1; direction <= 1; direction += 2) {
      for (int64_t v = 0; v < views; v++) {
        angles[v] = 33.3 + direction * arcs[i].step * (double)v;
      }
      const double sum = weigh(*state, angles, views, direction < 0 ? weights : turned);
      assert_close(sum, arcs[i].sum, 1e-8);
    }
    /* Which way the source went changes nothing. */
    for (int64_t v = 0; v < views; v++) {
      assert_close(weights[v], turned[v], 1e-11);
    }
  }
}

/* 361 views over 360 degrees: both ends share one step. Steps that grow: half the gap to either neighbour. */
static void weights_are_half_the_gaps(void **state) {
  static double angles[361], weights[361];
  for (int v = 0; v < 361; v++) {
    angles[v] = v;
  }
  assert_close(weigh(*state, angles, 361, weights), 360, 1e-9);
  assert_close(weights[0], 0.5 * pi / 180, 1e-12);
  assert_close(weights[360], 0.5 * pi / 180, 1e-12);
  assert_close(weights[1], pi / 180, 1e-12);
  /* Opposite views of a diverging beam are not the same rays. */
  assert_close(weigh(*state, angles, 360, weights), 360, 1e-9);
  assert_close(weights[0], pi / 180, 1e-12);

  double at = 0;
  int count = 0;
  for (; at < 359; count++) {
    angles[count] = at;
    at += 0.8 + 0.01 * count;
  }
  assert_true(count > 100);
  assert_close(weigh(*state, angles, count, weights), 360, 1e-9);
  for (int v = 1; v + 1 < count; v++) {
    assert_close(weights[v], 0.5 * (angles[v + 1] - angles[v - 1]) * pi / 180, 1e-12);
  }
}

/* ---- Words ---- */

static void check_says(kvox_context *context, const kvox_ct_cone_options *o, kvox_status expected, const char *words) {
  char text[4000];
  kvox_ct_geometry *g = cone_of(context, o);
  const kvox_status status = kvox_ct_geometry_check(g, NULL, text, sizeof text, NULL);
  if (status != expected || (strstr(text, words) == NULL && strstr(kvox_last_error(), words) == NULL)) {
    fail_msg("%d, must be %d with \"%s\": %s (%s)", status, expected, words, text, kvox_last_error());
  }
  kvox_ct_geometry_destroy(g);
}

static void checks_are_in_words(void **state) {
  kvox_ct_cone_options o = cone_options();
  o.column_offset_px = 0;
  o.row_offset_px = 0;
  o.views = 360;
  o.angle_step_deg = 1;
  check_says(*state, &o, KVOX_OK, "full turn is covered, widest step 1 degrees");
  check_says(*state, &o, KVOX_OK, "541 mm from the axis and 1183 mm from the detector, the magnification 2.1866");
  /* The circle that rays to the detector's edge touch: 541 sin(atan(20.5 * 1.37 / 1183)). */
  check_says(*state, &o, KVOX_OK, "circle of radius 12.84 mm");
  check_says(*state, &o, KVOX_OK, "cone opens to 0.506834 degrees");
  /* Ten times as wide, and near the source the top slices leave the cone. */
  o.column_pitch_mm = 10 * pitch;
  check_says(*state, &o, KVOX_OK, "those beyond the circle's are seen by some views only");
  o.column_pitch_mm = pitch;
  /* 180 + 2 atan(20.5 * 1.37 / 1183) = 182.72. */
  o.views = 184;
  check_says(*state, &o, KVOX_OK, "A short scan: the views cover 184 degrees, 180 and the fan angle are 182.72");
  o.views = 182;
  check_says(*state, &o, KVOX_ERROR_GEOMETRY, "the views cover 182 degrees");
  o.views = 360;
  o.column_offset_px = 30;
  check_says(*state, &o, KVOX_ERROR_GEOMETRY, "axis does not project onto the detector");
  /* Edges at 12.5 and 28.5 columns: a full turn makes up for the side that lacks, a short scan does not. */
  o.column_offset_px = 8;
  check_says(*state, &o, KVOX_OK,
             "circle of radius 7.83065 mm, and the full turn all of that of radius 17.846 mm, from one side");
  o.views = 200;
  check_says(*state, &o, KVOX_ERROR_GEOMETRY, "an offset detector needs a full turn, the views cover 200 degrees");
  o.views = 360;

  /* A grid that reaches the source, rows that miss the grid. */
  o.column_offset_px = 0;
  kvox_ct_geometry *g = cone_of(*state, &o);
  kvox_grid grid;
  const int64_t size[3] = {100, 100, 3};
  const double wide[3] = {11, 11, 1}, high[3] = {1, 1, 10};
  assert_ok(kvox_grid_init(&grid, size, wide, NULL));
  assert_fails(KVOX_ERROR_GEOMETRY, "grid reaches the source", kvox_ct_geometry_check(g, &grid, NULL, 0, NULL));
  assert_ok(kvox_grid_init(&grid, size, high, NULL));
  assert_fails(KVOX_ERROR_GEOMETRY, "detector rows", kvox_ct_geometry_check(g, &grid, NULL, 0, NULL));
  kvox_ct_geometry_destroy(g);
}

/* ---- Refusals ---- */

static void refuse_option(kvox_context *context, size_t member, double value, const char *words) {
  kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = NULL;
  memcpy((char *)&o + member, &value, sizeof value);
  assert_fails(KVOX_ERROR_ARGUMENT, words, kvox_ct_geometry_create_cone(context, &o, &g));
  assert_fails(KVOX_ERROR_ARGUMENT, words, kvox_ct_geometry_create_fan(context, &o, &g));
  assert_null(g);
}

static void hostile_options_get_sentences(void **state) {
  static const struct {
    size_t member;
    const char *name;
    bool distance;
  } members[] = {{offsetof(kvox_ct_cone_options, source_to_axis_mm), "source_to_axis_mm is", true},
                 {offsetof(kvox_ct_cone_options, source_to_detector_mm), "source_to_detector_mm is", true},
                 {offsetof(kvox_ct_cone_options, column_pitch_mm), "column_pitch_mm is", true},
                 {offsetof(kvox_ct_cone_options, row_pitch_mm), "row_pitch_mm is", false},
                 {offsetof(kvox_ct_cone_options, column_offset_px), "column_offset_px is", false},
                 {offsetof(kvox_ct_cone_options, row_offset_px), "row_offset_px is", false},
                 {offsetof(kvox_ct_cone_options, angle_start_deg), "angle_start_deg is", false},
                 {offsetof(kvox_ct_cone_options, angle_step_deg), "angle_step_deg is", false}};
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
    refuse_option(*state, members[i].member, NAN, members[i].name);
    refuse_option(*state, members[i].member, INFINITY, members[i].name);
    if (members[i].distance) {
      refuse_option(*state, members[i].member, 0, members[i].name);
      refuse_option(*state, members[i].member, -5, members[i].name);
      refuse_option(*state, members[i].member, 1e300, members[i].name);
    }
  }
  refuse_option(*state, offsetof(kvox_ct_cone_options, source_to_detector_mm), to_axis,
                "greater than source_to_axis_mm");
  refuse_option(*state, offsetof(kvox_ct_cone_options, source_to_detector_mm), 200, "greater than source_to_axis_mm");
  kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = NULL;
  o.rows = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "0 rows", kvox_ct_geometry_create_cone(*state, &o, &g));
  assert_fails(KVOX_ERROR_ARGUMENT, "options is NULL", kvox_ct_geometry_create_cone(*state, NULL, &g));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_ct_geometry_create_fan(NULL, &o, &g));
}

static void refuse_views(kvox_context *context, int32_t beam, const kvox_ct_view *views, const char *words) {
  kvox_ct_geometry *g = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, words,
               kvox_ct_geometry_create_views(context, beam, ROWS, COLUMNS, views, VIEWS, &g));
  assert_null(g);
}

static void hostile_views_get_sentences(void **state) {
  kvox_ct_view good[VIEWS], bad[VIEWS];
  wild_views(KVOX_CT_CONE, good);
  refuse_views(*state, KVOX_CT_FAN, good, "beam is 1");
  refuse_views(*state, 17, good, "beam is 17");
  memcpy(bad, good, sizeof bad);
  bad[3].detector_mm[1] = NAN;
  refuse_views(*state, KVOX_CT_CONE, bad, "view 3 has a number that is not finite");
  memcpy(bad, good, sizeof bad);
  memset(bad[4].row_step_mm, 0, sizeof bad[4].row_step_mm);
  refuse_views(*state, KVOX_CT_CONE, bad, "steps of view 4 span no plane");
  memcpy(bad[4].row_step_mm, bad[4].column_step_mm, sizeof bad[4].row_step_mm);
  refuse_views(*state, KVOX_CT_CONE, bad, "steps of view 4 span no plane");
  memcpy(bad, good, sizeof bad);
  for (int c = 0; c < 3; c++) {
    bad[2].source_mm[c] = bad[2].detector_mm[c] + 3 * bad[2].column_step_mm[c];
  }
  refuse_views(*state, KVOX_CT_CONE, bad, "source stands in the detector's plane");
  memcpy(bad[2].source_mm, bad[2].row_step_mm, sizeof bad[2].source_mm);
  refuse_views(*state, KVOX_CT_PARALLEL, bad, "ray is 0 or runs along");
  memcpy(bad, good, sizeof bad);
  for (int c = 0; c < 3; c++) {
    bad[1].source_mm[c] *= -0.1; /* between the origin and the detector */
  }
  refuse_views(*state, KVOX_CT_CONE, bad, "behind the source of view 1");
  kvox_ct_geometry *g = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, "0 views",
               kvox_ct_geometry_create_views(*state, KVOX_CT_CONE, ROWS, COLUMNS, good, 0, &g));
  assert_fails(KVOX_ERROR_ARGUMENT, "views is NULL",
               kvox_ct_geometry_create_views(*state, KVOX_CT_CONE, ROWS, COLUMNS, NULL, 3, &g));
}

static void refuse_matrix(kvox_context *context, const double m[24], double column_pitch_mm, const char *words) {
  kvox_ct_geometry *g = NULL;
  assert_fails(KVOX_ERROR_ARGUMENT, words,
               kvox_ct_geometry_create_matrices(context, ROWS, COLUMNS, column_pitch_mm, m, 2, &g));
  assert_null(g);
}

static void hostile_matrices_get_sentences(void **state) {
  const kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *g = cone_of(*state, &o);
  double good[24], bad[24];
  assert_ok(kvox_ct_geometry_matrix(g, 0, good));
  assert_ok(kvox_ct_geometry_matrix(g, 1, good + 12));
  assert_fails(KVOX_ERROR_ARGUMENT, "view 9", kvox_ct_geometry_matrix(g, VIEWS, bad));
  kvox_ct_geometry_destroy(g);
  refuse_matrix(*state, good, 0, "column_pitch_mm is 0");
  refuse_matrix(*state, good, NAN, "column_pitch_mm is nan");
  memcpy(bad, good, sizeof bad);
  bad[17] = INFINITY;
  refuse_matrix(*state, bad, 1, "matrix of view 1 has a number that is not finite");
  memcpy(bad, good, sizeof bad);
  memcpy(bad + 12, bad + 16, 4 * sizeof *bad);
  refuse_matrix(*state, bad, 1, "matrix of view 1 has a left 3 x 3 part that is singular");
  memcpy(bad, good, sizeof bad);
  bad[20] = bad[21] = bad[22] = 0;
  refuse_matrix(*state, bad, 1, "matrix of view 1 is parallel, the first is not");
  memset(bad, 0, sizeof bad);
  refuse_matrix(*state, bad, 1, "at no depth");
}

/* What knows parallel beams alone. */
static void other_beams_are_refused_in_words(void **state) {
  const kvox_ct_cone_options o = cone_options();
  kvox_ct_geometry *cone = cone_of(*state, &o), *wild = wild_of(*state, KVOX_CT_PARALLEL);
  kvox_ct_operator *operation = NULL;
  static float samples[VIEWS * ROWS * COLUMNS];
  kvox_array array;
  double center_px;
  const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};
  assert_ok(kvox_array_init(&array, samples, KVOX_F32, 3, shape));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "cone beam", kvox_ct_find_center(*state, cone, NULL, &array, &center_px));
  kvox_ct_operator_options options;
  kvox_ct_operator_options_init(&options);
  options.method = KVOX_CT_OPERATOR_PIXEL_DRIVEN;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "given one by one", kvox_ct_operator_create(*state, wild, &options, &operation));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "cone beam", kvox_ct_operator_create(*state, cone, &options, &operation));
  options.method = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "method is 3", kvox_ct_operator_create(*state, cone, &options, &operation));
  kvox_ct_geometry_destroy(wild);
  kvox_ct_geometry_destroy(cone);
}

/* A result tells the distances that it was made with. */
static void provenance_has_the_distances(void **state) {
  kvox_ct_cone_options o = cone_options();
  kvox_ct_fbp_plan *plan = NULL;
  o.views = 360;
  o.angle_step_deg = 1;
  kvox_ct_geometry *g = cone_of(*state, &o);
  assert_ok(kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  const char *text = kvox_ct_fbp_plan_provenance(plan);
  assert_non_null(strstr(text, "\"source_to_axis_mm\": 541"));
  assert_non_null(strstr(text, "\"source_to_detector_mm\": 1183"));
  kvox_ct_fbp_plan_destroy(plan);
  kvox_ct_geometry_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_form_projects_alike),          cmocka_unit_test(matrices_give_the_place_back),
      cmocka_unit_test(cones_follow_the_convention),        cmocka_unit_test(default_grids_are_at_the_axis),
      cmocka_unit_test(only_one_row_of_a_fan_has_a_matrix), cmocka_unit_test(weights_cover_what_was_measured),
      cmocka_unit_test(weights_are_half_the_gaps),          cmocka_unit_test(checks_are_in_words),
      cmocka_unit_test(hostile_options_get_sentences),      cmocka_unit_test(hostile_views_get_sentences),
      cmocka_unit_test(hostile_matrices_get_sentences),     cmocka_unit_test(other_beams_are_refused_in_words),
      cmocka_unit_test(provenance_has_the_distances),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

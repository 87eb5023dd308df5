#include "ct/scan.h"

static const double pi = 3.14159265358979323846;

static kvox_ct_geometry *with_angles(kvox_context *context, const double *angles, int64_t views) {
  kvox_ct_parallel_options o;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_parallel_options_init(&o);
  o.views = views;
  o.rows = 1;
  o.columns = 11;
  o.angles_deg = angles;
  assert_ok(kvox_ct_geometry_create_parallel(context, &o, &geometry));
  return geometry;
}

/* The weights of these angles; they must sum to pi. */
static double *weights_of(const double *angles, int64_t views) {
  kvox_context *context = context_of_threads(1);
  kvox_ct_geometry *geometry = with_angles(context, angles, views);
  double *weights = malloc((size_t)views * sizeof *weights), sum = 0;
  assert_ok(kvox_ct_geometry_weights(geometry, weights));
  for (int64_t v = 0; v < views; v++) {
    assert_true(weights[v] > 0);
    sum += weights[v];
  }
  assert_close(sum, pi, 1e-12 * (double)views);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return weights;
}

static double *steps(double start, double step, int64_t views) {
  double *angles = malloc((size_t)views * sizeof *angles);
  for (int64_t v = 0; v < views; v++) {
    angles[v] = start + step * (double)v;
  }
  return angles;
}

static void half_turn_weighs_evenly(void **state) {
  (void)state;
  double *angles = steps(17.3, 1, 180), *w = weights_of(angles, 180);
  for (int v = 0; v < 180; v++) {
    assert_close(w[v], pi / 180, 1e-12);
  }
  free(w);
  free(angles);
}

static void both_ends_of_an_inclusive_list_weigh_half(void **state) {
  (void)state;
  double *angles = steps(0, 1, 181), *w = weights_of(angles, 181);
  assert_close(w[0], pi / 360, 1e-12);
  assert_close(w[180], pi / 360, 1e-12);
  assert_close(w[90], pi / 180, 1e-12);
  free(w);
  free(angles);
}

/* 360 views over a turn measure every ray twice, 361 over a turn the first three times. */
static void turns_share_rays(void **state) {
  (void)state;
  double *angles = steps(0, 1, 361), *w = weights_of(angles, 360);
  assert_close(w[0], pi / 360, 1e-12);
  assert_close(w[359], pi / 360, 1e-12);
  free(w);
  w = weights_of(angles, 361);
  assert_close(w[0], pi / 540, 1e-12);
  assert_close(w[1], pi / 360, 1e-12);
  free(w);
  free(angles);
}

/* The sum is checked by weights_of; descending and shuffled lists weigh what their angles weigh. */
static void any_order_and_any_arc(void **state) {
  (void)state;
  static const struct {
    double start, step;
    int64_t views;
  } arcs[] = {{0, 0.7, 309}, {5, -1, 215}, {-3000, 1, 720}, {0, 111.246117975, 233}, {10, 0.5, 361}, {0, 1, 719}};
  for (size_t i = 0; i < sizeof arcs / sizeof arcs[0]; i++) {
    double *angles = steps(arcs[i].start, arcs[i].step, arcs[i].views), *w = weights_of(angles, arcs[i].views);
    for (int64_t v = 0; v < arcs[i].views / 2; v++) {
      const double swap = angles[v];
      angles[v] = angles[arcs[i].views - 1 - v];
      angles[arcs[i].views - 1 - v] = swap;
    }
    double *turned = weights_of(angles, arcs[i].views);
    for (int64_t v = 0; v < arcs[i].views; v++) {
      assert_close(turned[v], w[arcs[i].views - 1 - v], 1e-12);
    }
    free(turned);
    free(w);
    free(angles);
  }
}

/* 90 degrees at a degree: the unmeasured half belongs to nobody, the ends weigh what all weigh. One view is all. */
static void short_arcs_weigh_what_they_measured(void **state) {
  (void)state;
  scan s = scan_options(90, 1, 10);
  s.options.angle_step_deg = 1;
  scan_begin(&s);
  double weights[90];
  assert_ok(kvox_ct_geometry_weights(s.geometry, weights));
  for (int v = 0; v < 90; v++) {
    assert_close(weights[v], pi / 180, 1e-12);
  }
  scan_end(&s);
  const double alone = 33;
  free(weights_of(&alone, 1));
}

/* Steps of 0.5 degrees over one quarter and of 4 over the other: the coarse quarter was measured too, and is all of
 * what its views saw. The view between them stands for half of either step. */
static void steps_of_two_widths_cover_the_arc(void **state) {
  (void)state;
  enum { FINE = 180, VIEWS = FINE + 23 };
  double angles[VIEWS];
  for (int v = 0; v < VIEWS; v++) {
    angles[v] = v < FINE ? 0.5 * v : 90 + 4 * (v - FINE);
  }
  double *weights = weights_of(angles, VIEWS);
  assert_close(weights[FINE - 1], 0.5 * pi / 180, 1e-12);
  assert_close(weights[FINE], 2.25 * pi / 180, 1e-12);
  assert_close(weights[FINE + 9], 4 * pi / 180, 1e-12);
  free(weights);
}

/* The mean over a half turn of smooth functions of the rays: exact for their Fourier components below the views. */
static void quadrature_is_exact_for_smooth_rays(void **state) {
  (void)state;
  double *angles = steps(0.3, 1, 200), *w = weights_of(angles, 200);
  /* 20 degrees are measured twice, at the same angles. */
  for (int order = 1; order < 80; order++) {
    double c = 0, s = 0;
    for (int v = 0; v < 200; v++) {
      c += w[v] * cos(2 * order * angles[v] * pi / 180);
      s += w[v] * sin(2 * order * angles[v] * pi / 180);
    }
    assert_close(c, 0, 1e-9);
    assert_close(s, 0, 1e-9);
  }
  free(w);
  free(angles);
}

static void views_follow_the_convention(void **state) {
  (void)state;
  scan s = scan_options(4, 3, 10);
  s.options.angle_step_deg = 90;
  s.options.column_pitch_mm = 0.5;
  s.options.row_pitch_mm = 2;
  s.options.column_offset_px = 1.25;
  s.options.row_offset_px = -0.5;
  scan_begin(&s);
  assert_close(kvox_ct_geometry_center_px(s.geometry), 5.75, 0);
  kvox_ct_view view;
  assert_ok(kvox_ct_geometry_view(s.geometry, 1, &view));
  /* At 90 degrees: u is +y, the rays run along -x, exactly. */
  const double u[3] = {0, 0.5, 0}, v[3] = {0, 0, 2}, ray[3] = {-1, 0, 0};
  for (int c = 0; c < 3; c++) {
    assert_close(view.column_step_mm[c], u[c], 0);
    assert_close(view.row_step_mm[c], v[c], 0);
    assert_close(view.source_mm[c], ray[c], 0);
  }
  /* The axis meets column 5.75, so the middle of the detector (4.5) lies 1.25 columns below it; z = 0 meets row 0.5. */
  assert_close(view.detector_mm[1], -1.25 * 0.5, 1e-15);
  assert_close(view.detector_mm[2], 0.5 * 2, 1e-15);
  assert_fails(KVOX_ERROR_ARGUMENT, "view 4", kvox_ct_geometry_view(s.geometry, 4, &view));
  scan_end(&s);
}

static void default_grid_meets_rows_and_columns(void **state) {
  (void)state;
  scan s = scan_options(90, 3, 11);
  s.options.column_pitch_mm = 0.5;
  s.options.row_pitch_mm = 2;
  s.options.row_offset_px = 1;
  scan_begin(&s);
  kvox_grid grid;
  assert_ok(kvox_ct_geometry_default_grid(s.geometry, &grid));
  assert_int_equal(grid.size[0], 11);
  assert_int_equal(grid.size[2], 3);
  assert_close(grid.origin_mm[0], -2.5, 0);
  assert_close(grid.spacing_mm[2], 2, 0);
  /* Row 2 is where z = 0 meets the detector, so row 0 lies at z = -4. */
  assert_close(grid.origin_mm[2], -4, 1e-15);
  assert_ok(kvox_ct_geometry_check(s.geometry, NULL, NULL, 0, NULL));
  scan_end(&s);
}

static void check_says_what_is_wrong(void **state) {
  (void)state;
  char text[2000];
  size_t length = 0;
  scan s = scan_options(170, 1, 101);
  s.options.angle_step_deg = 1;
  scan_begin(&s);
  assert_fails(KVOX_ERROR_GEOMETRY, "11 degrees of the half turn unmeasured",
               kvox_ct_geometry_check(s.geometry, NULL, text, sizeof text, &length));
  assert_non_null(strstr(text, "arc is too short"));
  assert_non_null(strstr(text, "circle of radius 50.5 mm"));
  assert_int_equal(length, strlen(text));
  scan_end(&s);

  s = scan_options(180, 2, 101);
  scan_begin(&s);
  kvox_grid grid;
  const int64_t size[3] = {100, 100, 4};
  const double spacing[3] = {1, 1, 1};
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  assert_fails(KVOX_ERROR_GEOMETRY, "detector rows -1 to 2",
               kvox_ct_geometry_check(s.geometry, &grid, text, sizeof text, NULL));
  grid.size[2] = 1;
  grid.origin_mm[2] = 0;
  grid.axes[0][0] = 0.6;
  grid.axes[0][1] = 0.8;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "axes", kvox_ct_geometry_check(s.geometry, &grid, text, sizeof text, NULL));
  scan_end(&s);
}

static void wrong_options_are_named(void **state) {
  (void)state;
  kvox_ct_geometry *g = NULL;
  scan s = scan_options(180, 1, 0);
  assert_fails(KVOX_ERROR_ARGUMENT, "0 columns", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  s.options.columns = 100;
  s.options.column_pitch_mm = -1;
  assert_fails(KVOX_ERROR_ARGUMENT, "column_pitch_mm is -1",
               kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  s.options.column_pitch_mm = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "column_pitch_mm", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  s.options.column_pitch_mm = 1;
  s.options.angle_step_deg = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "angle_step_deg", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  s.options.views = INT64_MAX / 2;
  s.options.angle_step_deg = 1;
  assert_fails(KVOX_ERROR_SIZE, "2^63", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  const double angles[2] = {0, NAN};
  s.options.views = 2;
  s.options.angles_deg = angles;
  assert_fails(KVOX_ERROR_ARGUMENT, "view 1", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  s.options.struct_size = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size", kvox_ct_geometry_create_parallel(s.context, &s.options, &g));
  assert_null(g);
  kvox_context_destroy(s.context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(half_turn_weighs_evenly),
      cmocka_unit_test(both_ends_of_an_inclusive_list_weigh_half),
      cmocka_unit_test(turns_share_rays),
      cmocka_unit_test(any_order_and_any_arc),
      cmocka_unit_test(short_arcs_weigh_what_they_measured),
      cmocka_unit_test(steps_of_two_widths_cover_the_arc),
      cmocka_unit_test(quadrature_is_exact_for_smooth_rays),
      cmocka_unit_test(views_follow_the_convention),
      cmocka_unit_test(default_grid_meets_rows_and_columns),
      cmocka_unit_test(check_says_what_is_wrong),
      cmocka_unit_test(wrong_options_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

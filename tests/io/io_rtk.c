/* RTK's XML: the points fall where RTK projects them, what is written comes back, every mistake has its sentence. */
#include <math.h>

#include "files.h"

/*
 * Files that RTK 2.7 wrote of random parameters (AddProjection), and where its matrices (GetMatrix) project four points
 * to, as columns and rows of a centred detector of 40 x 61 pixels of 0.8 x 1.1 mm. The points are ours: RTK's are (x,
 * z, -y).
 */
enum { VIEWS = 4, POINTS = 4, ROWS = 40, COLUMNS = 61 };
static const double points_mm[POINTS][3] = {
    {-35.2, -6.2, -60.5}, {3.6, -14.5, -68.5}, {-64.2, 77.8, 31.1}, {-8.2, 22.4, -36.7}};

typedef double shadows[VIEWS][POINTS][2];

static const shadows of_cone = {
    {{90.5018048453, -101.0113097282},
     {163.7937183447, -55.8338518773},
     {-168.8124908755, -27.3797136064},
     {57.3886304491, -28.6487868266}},
    {{115.0306650878, -43.8056854292},
     {149.6637366517, -40.7834123281},
     {-26.8021724152, 107.0759666633},
     {96.6453104959, 29.6216225643}},
    {{-127.8799717812, -52.6613251698},
     {-142.7466825377, 21.3183743648},
     {144.3544580929, -171.4005300220},
     {-54.2959276803, -20.7115351599}},
    {{-64.4220961099, -47.4989419032},
     {-143.4425923777, -18.3049495725},
     {240.2755752752, -42.9168419244},
     {-31.7347211475, -25.3869563202}},
};
static const shadows of_parallel = {
    {{113.7421967835, 58.1897976667},
     {84.6799322359, 79.4786525079},
     {46.5395420246, -24.8684899053},
     {58.3947023590, 50.2857566809}},
    {{-21.5190210828, 37.6268500052},
     {11.5969245100, 65.0835751441},
     {-42.6771098210, -39.6764685900},
     {-2.3245098118, 37.6117339156}},
    {{-28.4719330720, 59.3027062108},
     {-12.9159792768, 82.6733759878},
     {-40.1701083210, -53.8609161347},
     {-24.4591844079, 39.1141487154}},
    {{15.9901143364, -31.4152838074},
     {55.1619538277, -26.0590611674},
     {-109.4726218705, 40.0947779791},
     {2.8113602517, -1.5159835513}},
};
static const shadows of_circle = {
    {{-34.1461299462, -82.7266172490},
     {17.9432825976, -102.3377020190},
     {34.6776670762, 55.2806410800},
     {50.6135752815, -44.5989770478}},
    {{79.2187047761, -80.8137210661},
     {5.4692803357, -97.4335895970},
     {264.4154650121, 65.2467578383},
     {81.9745673806, -48.5157492502}},
    {{93.5326557060, -91.3717358124},
     {54.5085185152, -96.7545060183},
     {-39.7357733029, 76.1540760137},
     {1.5475971746, -49.6412360863}},
    {{-32.9994895651, -90.7314592959},
     {56.2262253539, -101.7831394540},
     {-162.1899587945, 60.2188963239},
     {-5.7719376164, -45.3324753513}},
};

static kvox_io_detector detector_of(void) {
  kvox_io_detector detector;
  kvox_io_detector_init(&detector);
  detector.rows = ROWS;
  detector.columns = COLUMNS;
  detector.column_pitch_mm = 0.8;
  detector.row_pitch_mm = 1.1;
  return detector;
}

static bool without_expat(void) {
  kvox_ct_geometry *geometry = NULL;
  const kvox_io_detector detector = detector_of();
  kvox_io_file file = kvox_io_file_in_memory(context, "file", "<", 1);
  if (kvox_io_load_rtk_geometry(&file, &detector, &geometry) == KVOX_ERROR_UNSUPPORTED) {
    printf("skipped: this build reads no XML\n");
    return true;
  }
  return false;
}

static void project(const kvox_ct_geometry *geometry, int64_t view, const double point[3], double pixel[2]) {
  double m[12], h[3];
  assert_ok(kvox_ct_geometry_matrix(geometry, view, m));
  for (int r = 0; r < 3; r++) {
    h[r] = m[4 * r] * point[0] + m[4 * r + 1] * point[1] + m[4 * r + 2] * point[2] + m[4 * r + 3];
  }
  pixel[0] = h[0] / h[2];
  pixel[1] = h[1] / h[2];
}

static kvox_status read_seed(const char *name, const kvox_io_detector *detector, kvox_ct_geometry **geometry) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", KVOX_RTK_FOLDER, name);
  *geometry = NULL;
  return kvox_io_read_rtk_geometry(context, path, detector, geometry);
}

/* RTK prints 15 digits, of which a matrix of 1000 mm leaves 1e-9 of a pixel; our table has 10 behind the point. */
static void assert_shadows(const kvox_ct_geometry *geometry, const shadows truth, double column, double row) {
  int64_t shape[3];
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  assert_true(shape[0] == VIEWS && shape[1] == ROWS && shape[2] == COLUMNS);
  for (int v = 0; v < VIEWS; v++) {
    for (int p = 0; p < POINTS; p++) {
      double pixel[2];
      project(geometry, v, points_mm[p], pixel);
      assert_close(pixel[0], truth[v][p][0] + column, 1e-8);
      assert_close(pixel[1], truth[v][p][1] + row, 1e-8);
    }
  }
}

static void points_fall_where_rtk_has_them(void **state) {
  (void)state;
  const struct {
    const char *name;
    const double (*truth)[POINTS][2];
    int32_t beam, circular;
  } cases[] = {{"cone", of_cone, KVOX_CT_CONE, 0},
               {"parallel", of_parallel, KVOX_CT_PARALLEL, 0},
               {"circle", of_circle, KVOX_CT_CONE, 1}};
  if (without_expat()) {
    return;
  }
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kvox_ct_geometry *geometry = NULL, *back = NULL;
    kvox_io_detector detector = detector_of();
    assert_ok(read_seed(cases[i].name, &detector, &geometry));
    assert_int_equal(kvox_ct_geometry_beam(geometry), cases[i].beam);
    assert_int_equal(kvox_ct_geometry_is_circular(geometry), cases[i].circular);
    assert_shadows(geometry, cases[i].truth, 0, 0);
    /* What we write of it, read again. */
    assert_ok(kvox_io_write_rtk_geometry(context, at("again.xml"), geometry));
    assert_ok(kvox_io_read_rtk_geometry(context, at("again.xml"), &detector, &back));
    assert_int_equal(kvox_ct_geometry_is_circular(back), cases[i].circular);
    assert_shadows(back, cases[i].truth, 0, 0);
    kvox_ct_geometry_destroy(back);
    kvox_ct_geometry_destroy(geometry);
    /* An image whose first pixel lies elsewhere: 24 mm, 30 columns, before the middle is where a centred one begins. */
    detector.has_origin = 1;
    detector.origin_mm[0] = -24 - 0.8 * 3.5;
    detector.origin_mm[1] = -0.5 * (ROWS - 1) * 1.1 + 1.1 * 2;
    assert_ok(read_seed(cases[i].name, &detector, &geometry));
    assert_shadows(geometry, cases[i].truth, 3.5, -2);
    kvox_ct_geometry_destroy(geometry);
  }
}

/* A circle's angles come back to the bit, its offsets and distances as numbers. */
static void circles_round_trip(void **state) {
  (void)state;
  double angles[7];
  if (without_expat()) {
    return;
  }
  for (int i = 0; i < 7; i++) {
    angles[i] = i * 51.50776405003785 + 1.0 / (i + 3);
  }
  for (int parallel = 0; parallel < 2; parallel++) {
    kvox_ct_geometry *geometry = NULL, *back = NULL;
    kvox_ct_cone_options options;
    kvox_ct_parallel_options plain;
    const kvox_io_detector detector = detector_of();
    kvox_ct_cone_options_init(&options);
    kvox_ct_parallel_options_init(&plain);
    options.views = plain.views = 7;
    options.rows = plain.rows = ROWS;
    options.columns = plain.columns = COLUMNS;
    options.source_to_axis_mm = 1000.0 / 3;
    options.source_to_detector_mm = 1100.0 / 3;
    options.column_pitch_mm = plain.column_pitch_mm = 0.8;
    options.row_pitch_mm = plain.row_pitch_mm = 1.1;
    options.column_offset_px = plain.column_offset_px = -7.3;
    options.row_offset_px = plain.row_offset_px = 1.0 / 7;
    options.angles_deg = plain.angles_deg = angles;
    assert_ok(parallel ? kvox_ct_geometry_create_parallel(context, &plain, &geometry)
                       : kvox_ct_geometry_create_cone(context, &options, &geometry));
    assert_ok(kvox_io_write_rtk_geometry(context, at("circle.xml"), geometry));
    assert_ok(kvox_io_read_rtk_geometry(context, at("circle.xml"), &detector, &back));
    assert_true(kvox_ct_geometry_is_circular(back));
    assert_int_equal(kvox_ct_geometry_beam(back), kvox_ct_geometry_beam(geometry));
    assert_close(kvox_ct_geometry_center_px(back), kvox_ct_geometry_center_px(geometry), 1e-13);
    for (int v = 0; v < 7; v++) {
      kvox_ct_view a, b;
      assert_ok(kvox_ct_geometry_view(geometry, v, &a));
      assert_ok(kvox_ct_geometry_view(back, v, &b));
      assert_true(a.angle_deg == b.angle_deg);
      assert_memory_equal(a.source_mm, b.source_mm, sizeof a.source_mm);
      for (int c = 0; c < 3; c++) {
        assert_close(a.detector_mm[c], b.detector_mm[c], 1e-13);
      }
    }
    kvox_ct_geometry_destroy(back);
    kvox_ct_geometry_destroy(geometry);
  }
}

/* Detectors mirrored, looking along the axis, nearer or farther with pixels of the same cone of rays. */
static void any_views_round_trip(void **state) {
  (void)state;
  const kvox_ct_view views[] = {
      {.source_mm = {0, -500, 0},
       .detector_mm = {3, 400, 5},
       .column_step_mm = {0.8, 0, 0},
       .row_step_mm = {0, 0, 1.1}},
      {.source_mm = {0, -500, 9},
       .detector_mm = {3, 400, 5},
       .column_step_mm = {-0.8, 0, 0},
       .row_step_mm = {0, 0, 1.1}},
      {.source_mm = {1, 2, -600},
       .detector_mm = {0, 0, 300},
       .column_step_mm = {0, 0.8, 0},
       .row_step_mm = {1.1, 0, 0}},
      {.source_mm = {1, 2, 600},
       .detector_mm = {0, 0, -300},
       .column_step_mm = {0, 1.6, 0},
       .row_step_mm = {2.2, 0, 0}},
  };
  kvox_ct_geometry *geometry = NULL, *back = NULL;
  const kvox_io_detector detector = detector_of();
  if (without_expat()) {
    return;
  }
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, ROWS, COLUMNS, views, 4, &geometry));
  assert_ok(kvox_io_write_rtk_geometry(context, at("views.xml"), geometry));
  assert_ok(kvox_io_read_rtk_geometry(context, at("views.xml"), &detector, &back));
  for (int v = 0; v < 4; v++) {
    for (int p = 0; p < POINTS; p++) {
      double a[2], b[2];
      project(geometry, v, points_mm[p], a);
      project(back, v, points_mm[p], b);
      assert_close(a[0], b[0], 1e-11);
      assert_close(a[1], b[1], 1e-11);
    }
  }
  kvox_ct_geometry_destroy(back);
  kvox_ct_geometry_destroy(geometry);
}

/* What RTK has no words for. */
static void cannot_be_written(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_view view = {
      .source_mm = {0, -500, 0}, .detector_mm = {0, 400, 0}, .column_step_mm = {1, 0, 0}, .row_step_mm = {0.1, 0, 1}};
  count_files(true);
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, ROWS, COLUMNS, &view, 1, &geometry));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "x.xml: RTK's geometry cannot say view 0: its rows and columns are not",
               kvox_io_write_rtk_geometry(context, at("x.xml"), geometry));
  kvox_ct_geometry_destroy(geometry);
  view = (kvox_ct_view){
      .source_mm = {0.1, 1, 0}, .detector_mm = {0, 0, 0}, .column_step_mm = {1, 0, 0}, .row_step_mm = {0, 0, 1}};
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_PARALLEL, ROWS, COLUMNS, &view, 1, &geometry));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "rays are not perpendicular",
               kvox_io_write_rtk_geometry(context, at("x.xml"), geometry));
  kvox_ct_geometry_destroy(geometry);
  const kvox_ct_view two[2] = {
      {.source_mm = {0, -500, 0}, .detector_mm = {0, 400, 0}, .column_step_mm = {1, 0, 0}, .row_step_mm = {0, 0, 1}},
      {.source_mm = {0, -500, 0}, .detector_mm = {0, 400, 0}, .column_step_mm = {1, 0, 0}, .row_step_mm = {0, 0, 2}}};
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, ROWS, COLUMNS, two, 2, &geometry));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "view 1: its pixels have another shape",
               kvox_io_write_rtk_geometry(context, at("x.xml"), geometry));
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_cone_options options;
  kvox_ct_cone_options_init(&options);
  options.views = options.rows = options.columns = 3;
  options.source_to_axis_mm = 100;
  options.source_to_detector_mm = 200;
  options.column_pitch_mm = options.angle_step_deg = 1;
  assert_ok(kvox_ct_geometry_create_fan(context, &options, &geometry));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "x.xml: RTK's geometry has no fan",
               kvox_io_write_rtk_geometry(context, at("x.xml"), geometry));
  kvox_ct_geometry_destroy(geometry);
  assert_int_equal(count_files(false), 0);
}

static void detectors(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  kvox_io_detector detector = detector_of();
  detector.rows = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "0 rows and 61 columns", read_seed("cone", &detector, &geometry));
  detector = detector_of();
  detector.column_pitch_mm = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "column_pitch_mm is 0", read_seed("cone", &detector, &geometry));
  detector = detector_of();
  detector.row_pitch_mm = (double)NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "row_pitch_mm is nan", read_seed("cone", &detector, &geometry));
  detector = detector_of();
  detector.has_origin = 1;
  detector.origin_mm[1] = (double)INFINITY;
  assert_fails(KVOX_ERROR_ARGUMENT, "origin_mm must be finite", read_seed("cone", &detector, &geometry));
  detector = detector_of();
  assert_fails(KVOX_ERROR_ARGUMENT, "detector is NULL", read_seed("cone", NULL, &geometry));
  assert_fails(KVOX_ERROR_IO, "no such file", read_seed("cones", &detector, &geometry));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(points_fall_where_rtk_has_them),
      cmocka_unit_test(circles_round_trip),
      cmocka_unit_test(any_views_round_trip),
      cmocka_unit_test(cannot_be_written),
      cmocka_unit_test(detectors),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

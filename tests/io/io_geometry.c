/* The geometry file: what it says becomes what the library has, and back; every mistake has its name. */
#include <math.h>

#include "files.h"

static kvox_status load(const char *text, const double *center_px, kvox_ct_geometry **geometry) {
  kvox_io_file file = kvox_io_file_in_memory(context, "file", text, (int64_t)strlen(text));
  *geometry = NULL;
  return kvox_io_load_ct_geometry(&file, center_px, geometry);
}

static void assert_view(const kvox_ct_geometry *geometry, int64_t view, double angle_deg) {
  kvox_ct_view description;
  assert_ok(kvox_ct_geometry_view(geometry, view, &description));
  assert_true(description.angle_deg == angle_deg);
}

static void reads(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  kvox_grid grid;
  int64_t shape[3];
  assert_ok(
      load("\n{\"beam\": \"parallel\", \"detector_shape\": \"flat\", \"z_per_turn_mm\": 0,\n"
           " \"detector\": {\"columns\": 512, \"rows\": 64, \"column_pitch_mm\": 0.8, \"row_pitch_mm\": 1.25,\n"
           " \"column_offset_px\": -3.5, \"row_offset_px\": 2.25},\n"
           " \"angles_deg\": {\"start\": -90.5, \"step\": 0.25, \"count\": 720}}\n",
           NULL, &geometry));
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  assert_true(shape[0] == 720 && shape[1] == 64 && shape[2] == 512);
  assert_ok(kvox_ct_geometry_default_grid(geometry, &grid));
  assert_true(grid.spacing_mm[0] == 0.8 && grid.spacing_mm[2] == 1.25);
  assert_true(kvox_ct_geometry_center_px(geometry) == 255.5 - 3.5);
  assert_close(grid.origin_mm[2], -(31.5 + 2.25) * 1.25, 1e-12);
  assert_int_equal(kvox_ct_geometry_unit(geometry), KVOX_UNIT_PER_MM);
  assert_view(geometry, 0, -90.5);
  assert_view(geometry, 719, -90.5 + 0.25 * 719);
  kvox_ct_geometry_destroy(geometry);

  /* The least that is enough; a list of angles; the centre replaced. */
  const double center = 7.125;
  assert_ok(load("{\"angles_deg\":[0,1e1,-2.5E-1,1800],\"detector\":{\"columns\":9},\"beam\":\"parallel\"}", &center,
                 &geometry));
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  assert_true(shape[0] == 4 && shape[1] == 1 && shape[2] == 9);
  assert_int_equal(kvox_ct_geometry_unit(geometry), KVOX_UNIT_PER_PIXEL);
  assert_true(kvox_ct_geometry_center_px(geometry) == 7.125);
  assert_view(geometry, 1, 10);
  assert_view(geometry, 2, -0.25);
  assert_view(geometry, 3, 1800);
  kvox_ct_geometry_destroy(geometry);
}

/* What is written is read as the same geometry, to the bit of every angle. */
static void round_trips(void **state) {
  (void)state;
  double uneven[19];
  for (int i = 0; i < 19; i++) {
    uneven[i] = i * 137.50776405003785 + 1.0 / (i + 3);
  }
  for (int form = 0; form < 5; form++) {
    kvox_ct_parallel_options options;
    kvox_ct_geometry *geometry = NULL, *back = NULL;
    kvox_ct_parallel_options_init(&options);
    options.views = form == 3 ? 1 : 19;
    options.rows = form == 4 ? 1 : 5;
    options.columns = 33;
    options.column_pitch_mm = form == 1 ? 0 : 1.0 / 3;
    options.row_pitch_mm = form == 1 ? 0 : 0.1;
    options.column_offset_px = form == 4 ? 0 : 1e-3 * 3.14159265358979;
    options.row_offset_px = form == 4 ? 0 : -0.7;
    options.angle_start_deg = 0.1;
    options.angle_step_deg = form == 4 ? -180.0 / 19 : 180.0 / 19;
    options.angles_deg = form == 2 ? uneven : NULL;
    assert_ok(kvox_ct_geometry_create_parallel(context, &options, &geometry));
    assert_ok(kvox_io_write_ct_geometry(context, at("g.json"), geometry));
    assert_ok(kvox_io_read_ct_geometry(context, at("g.json"), NULL, &back));
    assert_int_equal(kvox_ct_geometry_unit(back), kvox_ct_geometry_unit(geometry));
    assert_close(kvox_ct_geometry_center_px(back), kvox_ct_geometry_center_px(geometry), 1e-14 * 33);
    for (int64_t view = 0; view < options.views; view++) {
      kvox_ct_view a, b;
      assert_ok(kvox_ct_geometry_view(geometry, view, &a));
      assert_ok(kvox_ct_geometry_view(back, view, &b));
      assert_true(a.angle_deg == b.angle_deg);
      assert_memory_equal(a.column_step_mm, b.column_step_mm, sizeof a.column_step_mm);
      assert_memory_equal(a.row_step_mm, b.row_step_mm, sizeof a.row_step_mm);
      for (int c = 0; c < 3; c++) {
        assert_close(a.detector_mm[c], b.detector_mm[c], 1e-15);
      }
    }
    kvox_ct_geometry_destroy(geometry);
    kvox_ct_geometry_destroy(back);
  }
}

static void assert_same_views(const kvox_ct_geometry *geometry, const kvox_ct_geometry *back, int32_t beam) {
  int64_t shape[3], again[3];
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  assert_ok(kvox_ct_geometry_shape(back, again));
  assert_memory_equal(shape, again, sizeof shape);
  assert_int_equal(kvox_ct_geometry_beam(back), beam);
  assert_false(kvox_ct_geometry_is_circular(back));
  for (int64_t view = 0; view < shape[0]; view++) {
    kvox_ct_view a, b;
    assert_ok(kvox_ct_geometry_view(geometry, view, &a));
    assert_ok(kvox_ct_geometry_view(back, view, &b));
    for (int c = 0; c < 3; c++) { /* 0 and -0 are one */
      assert_true(a.source_mm[c] == b.source_mm[c] && a.detector_mm[c] == b.detector_mm[c] &&
                  a.column_step_mm[c] == b.column_step_mm[c] && a.row_step_mm[c] == b.row_step_mm[c]);
    }
    assert_true(a.angle_deg == b.angle_deg);
  }
}

/* Parallel views with rays of any length: what the library made unit vectors of stays as it is. */
static void parallel_views_round_trip(void **state) {
  (void)state;
  kvox_ct_view views[50];
  kvox_ct_geometry *geometry = NULL, *back = NULL;
  int turn = 0;
  for (int v = 0; v < 50; v++) {
    for (int c = 0; c < 3; c++) {
      views[v].source_mm[c] = 7 * sin(7.3 * ++turn);
      views[v].detector_mm[c] = sin(7.3 * ++turn);
      views[v].column_step_mm[c] = (c == v % 3) + 0.3 * sin(7.3 * ++turn);
      views[v].row_step_mm[c] = (c == (v + 1) % 3) + 0.3 * sin(7.3 * ++turn);
    }
  }
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_PARALLEL, 3, 4, views, 50, &geometry));
  assert_ok(kvox_io_write_ct_geometry(context, at("p.json"), geometry));
  assert_ok(kvox_io_read_ct_geometry(context, at("p.json"), NULL, &back));
  assert_same_views(geometry, back, KVOX_CT_PARALLEL);
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_geometry_destroy(back);
}

/* Fan and cone the same way, with their distances; and the cone's views given one by one, to the last bit. */
static void diverging_round_trips(void **state) {
  (void)state;
  kvox_ct_cone_options options;
  kvox_ct_cone_options_init(&options);
  options.views = 19;
  options.rows = 5;
  options.columns = 33;
  options.source_to_axis_mm = 1000.0 / 3;
  options.source_to_detector_mm = 1100.0 / 3;
  options.column_pitch_mm = 0.7;
  options.row_pitch_mm = 0.1;
  options.column_offset_px = 0.25;
  options.row_offset_px = -0.7;
  options.angle_step_deg = -360.0 / 19;
  for (int32_t beam = KVOX_CT_FAN; beam <= KVOX_CT_CONE; beam++) {
    kvox_ct_geometry *geometry = NULL, *back = NULL;
    kvox_ct_view views[19];
    assert_ok((beam == KVOX_CT_FAN ? kvox_ct_geometry_create_fan : kvox_ct_geometry_create_cone)(context, &options,
                                                                                                 &geometry));
    assert_ok(kvox_io_write_ct_geometry(context, at("g.json"), geometry));
    assert_ok(kvox_io_read_ct_geometry(context, at("g.json"), NULL, &back));
    assert_int_equal(kvox_ct_geometry_beam(back), beam);
    for (int64_t view = 0; view < options.views; view++) {
      kvox_ct_view a;
      assert_ok(kvox_ct_geometry_view(geometry, view, &a));
      assert_ok(kvox_ct_geometry_view(back, view, &views[view]));
      assert_memory_equal(a.source_mm, views[view].source_mm, sizeof a.source_mm);
      assert_memory_equal(a.column_step_mm, views[view].column_step_mm, sizeof a.column_step_mm);
      assert_memory_equal(a.row_step_mm, views[view].row_step_mm, sizeof a.row_step_mm);
      for (int c = 0; c < 3; c++) {
        assert_close(a.detector_mm[c], views[view].detector_mm[c], 1e-13);
      }
    }
    kvox_ct_geometry_destroy(geometry);
    kvox_ct_geometry_destroy(back);
    assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, 5, 33, views, 19, &geometry));
    assert_ok(kvox_io_write_ct_geometry(context, at("g.json"), geometry));
    assert_ok(kvox_io_read_ct_geometry(context, at("g.json"), NULL, &back));
    assert_same_views(geometry, back, KVOX_CT_CONE);
    const double center = 3;
    kvox_ct_geometry *none = NULL;
    assert_fails(KVOX_ERROR_UNSUPPORTED, "g.json: its views are given one by one",
                 kvox_io_read_ct_geometry(context, at("g.json"), &center, &none));
    kvox_ct_geometry_destroy(back);
    kvox_ct_geometry_destroy(geometry);
  }
}

/* One text, whatever the locale. */
static void known_text(void **state) {
  (void)state;
  kvox_ct_parallel_options options;
  kvox_ct_geometry *geometry = NULL;
  size_t size = 0;
  kvox_ct_parallel_options_init(&options);
  options.views = 181;
  options.rows = 2;
  options.columns = 640;
  options.column_pitch_mm = 0.0029;
  options.column_offset_px = -23.5;
  options.angle_step_deg = 0.5;
  assert_ok(kvox_ct_geometry_create_parallel(context, &options, &geometry));
  assert_ok(kvox_io_write_ct_geometry(context, at("known.json"), geometry));
  unsigned char *text = get_file("known.json", &size);
  assert_string_equal((char *)text,
                      "{\n  \"beam\": \"parallel\",\n  \"detector_shape\": \"flat\",\n"
                      "  \"detector\": {\"columns\": 640, \"rows\": 2, \"column_pitch_mm\": 0.0029, "
                      "\"row_pitch_mm\": 0.0029,\n               \"column_offset_px\": -23.5, \"row_offset_px\": 0},\n"
                      "  \"angles_deg\": {\"start\": 0, \"step\": 0.5, \"count\": 181}\n}\n");
  free(text);
  kvox_ct_geometry_destroy(geometry);
}

#define DETECTOR "\"detector\": {\"columns\": 8}"
#define ANGLES "\"angles_deg\": {\"start\": 0, \"step\": 1, \"count\": 180}"
#define SOURCE "\"source_to_axis_mm\": 500, \"source_to_detector_mm\": 1000,"
#define BEAM "\"beam\": \"parallel\""
#define CONE "\"beam\": \"cone\""
#define DOWN "\"detector_mm\": [0,9,0], \"column_step_mm\": [1,0,0], \"row_step_mm\": [0,0,1]"

static void mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"", KVOX_ERROR_FORMAT, "no JSON"},
      {"{", KVOX_ERROR_FORMAT, "no JSON"},
      {"{\"beam\": \"parallel\",\n\n\"detector\": }", KVOX_ERROR_FORMAT, "line 3"},
      {"[]", KVOX_ERROR_FORMAT, "one JSON object"},
      {"null", KVOX_ERROR_FORMAT, "one JSON object"},
      {"{}", KVOX_ERROR_FORMAT, "\"beam\" is missing"},
      {"{" BEAM "," DETECTOR "}", KVOX_ERROR_FORMAT, "\"angles_deg\" is missing"},
      {"{" BEAM "," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector\" is missing"},
      {"{" BEAM "," DETECTOR "," ANGLES "} {}", KVOX_ERROR_FORMAT, "follows its object"},
      {"{" BEAM "," BEAM "," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "\"beam\" is there twice"},
      {"{" BEAM "," DETECTOR "," ANGLES ", \"anlges\": 1}", KVOX_ERROR_FORMAT, "\"anlges\" is no member"},
      {"{" BEAM "," DETECTOR "," ANGLES ", \"Beam\": 1}", KVOX_ERROR_FORMAT, "\"Beam\" is no member"},
      {"{\"beam\": \"cone\", \"source_to_axis_mm\": 500," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"source_to_detector_mm\" is missing"},
      {"{\"source_to_detector_mm\": 500, \"beam\": \"fan\"," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"source_to_axis_mm\" is missing"},
      {"{\"beam\": \"cone\"," SOURCE DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.column_pitch_mm\" is missing"},
      {"{\"source_to_axis_mm\": -5, \"beam\": \"cone\"}", KVOX_ERROR_FORMAT, "\"source_to_axis_mm\" must be positive"},
      {"{\"source_to_axis_mm\": \"5\", \"beam\": \"cone\"}", KVOX_ERROR_FORMAT, "\"source_to_axis_mm\" must be a"},
      {"{\"beam\": \"cone\", \"source_to_axis_mm\": 500, \"source_to_detector_mm\": 400, \"detector\": "
       "{\"columns\": 8, \"column_pitch_mm\": 1}," ANGLES "}",
       KVOX_ERROR_ARGUMENT, "file: geometry: source_to_detector_mm is 400"},
      {"{\"beam\": \"wide\"," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "\"beam\" must be"},
      {"{\"beam\": 3," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "\"beam\" must be"},
      {"{" BEAM ", \"detector_shape\": \"arc\"," DETECTOR "," ANGLES "}", KVOX_ERROR_UNSUPPORTED, "\"arc\""},
      {"{" BEAM ", \"detector_shape\": null," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector_shape\" must be"},
      {"{" BEAM ", \"source_to_axis_mm\": 500," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "no meaning"},
      {"{" BEAM ", \"z_per_turn_mm\": 1," DETECTOR "," ANGLES "}", KVOX_ERROR_UNSUPPORTED, "helices"},
      {"{" BEAM ", \"z_per_turn_mm\": \"0\"," DETECTOR "," ANGLES "}", KVOX_ERROR_FORMAT, "finite number"},
      {"{" BEAM ", \"detector\": 8," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector\" must be an object"},
      {"{" BEAM ", \"detector\": {\"rows\": 8}," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector.columns\" is missing"},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"column_pitch\": 1}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.column_pitch\" is no member"},
      {"{" BEAM ", \"detector\": {\"columns\": 8.5}," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector.columns\" must be"},
      {"{" BEAM ", \"detector\": {\"columns\": 0}," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector.columns\" must be"},
      {"{" BEAM ", \"detector\": {\"columns\": -1}," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector.columns\" must be"},
      {"{" BEAM ", \"detector\": {\"columns\": 1e300}," ANGLES "}", KVOX_ERROR_FORMAT, "\"detector.columns\" must be"},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"rows\": \"2\"}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.rows\""},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"column_pitch_mm\": -0.5}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.column_pitch_mm\" must be positive"},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"row_pitch_mm\": 0}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.row_pitch_mm\" must be positive"},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"column_offset_px\": true}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.column_offset_px\" must be"},
      {"{" BEAM ", \"detector\": {\"columns\": 8, \"column_offset_px\": 1e999}," ANGLES "}", KVOX_ERROR_FORMAT,
       "\"detector.column_offset_px\" must be"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": 180}", KVOX_ERROR_FORMAT, "\"angles_deg\" must be"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": []}", KVOX_ERROR_FORMAT, "at least one angle"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": [0, \"1\"]}", KVOX_ERROR_FORMAT, "\"angles_deg[1]\" must be"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": {\"start\": 0, \"step\": 1}}", KVOX_ERROR_FORMAT,
       "\"angles_deg.count\" is missing"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": {\"start\": 0, \"step\": 1, \"count\": 1e15}}", KVOX_ERROR_FORMAT,
       "\"angles_deg.count\" must be"},
      {"{" BEAM "," DETECTOR ", \"angles_deg\": {\"start\": 0, \"step\": 0, \"count\": 2}}", KVOX_ERROR_ARGUMENT,
       "file: geometry: "},
      {"{\"a\":[[[[[[[[[[]]]]]]]]]]}", KVOX_ERROR_FORMAT, "nested deeper"},
      {"{" CONE "," DETECTOR ", \"views\": []}", KVOX_ERROR_FORMAT, "\"views\" must be a list of at least one view"},
      {"{" CONE "," DETECTOR ", \"views\": 5}", KVOX_ERROR_FORMAT, "\"views\" must be a list"},
      {"{" CONE "," DETECTOR ", \"views\": [5]}", KVOX_ERROR_FORMAT, "\"views[0]\" must be an object"},
      {"{" CONE "," DETECTOR ", \"views\": [{" DOWN "}]}", KVOX_ERROR_FORMAT, "\"views[0].source_mm\" is missing"},
      {"{" BEAM "," DETECTOR ", \"views\": [{" DOWN "}]}", KVOX_ERROR_FORMAT, "\"views[0].ray\" is missing"},
      {"{" CONE "," DETECTOR ", \"views\": [{\"ray\": [0,1,0]," DOWN "}]}", KVOX_ERROR_FORMAT, "give \"source_mm\""},
      {"{" BEAM "," DETECTOR ", \"views\": [{\"source_mm\": [0,1,0]," DOWN "}]}", KVOX_ERROR_FORMAT, "give \"ray\""},
      {"{" CONE "," DETECTOR ", \"views\": [{\"source_mm\": [0,-9]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "\"views[0].source_mm\" must be a list of three"},
      {"{" CONE "," DETECTOR ", \"views\": [{\"source_mm\": [0,-9,0,0]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "\"views[0].source_mm\" must be a list of three"},
      {"{" CONE "," DETECTOR ", \"views\": [{\"source_mm\": [0,1e999,0]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "\"views[0].source_mm\" must be a finite number"},
      {"{" CONE "," DETECTOR ", \"views\": [{\"source_mm\": [0,9,0]," DOWN "}]}", KVOX_ERROR_ARGUMENT,
       "file: geometry: view 0: the source stands"},
      {"{" CONE "," DETECTOR ", " ANGLES ", \"views\": [{\"source_mm\": [0,-9,0]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "\"angles_deg\" follows from \"views\""},
      {"{" CONE "," SOURCE DETECTOR ", \"views\": [{\"source_mm\": [0,-9,0]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "\"source_to_axis_mm\" follows from"},
      {"{" CONE ", \"detector\": {\"columns\": 8, \"row_pitch_mm\": 1}, \"views\": [{\"source_mm\": [0,-9,0]," DOWN
       "}]}",
       KVOX_ERROR_FORMAT, "\"detector.row_pitch_mm\" follows from"},
      {"{\"beam\": \"fan\"," DETECTOR ", \"views\": [{\"source_mm\": [0,-9,0]," DOWN "}]}", KVOX_ERROR_FORMAT,
       "cannot be those of a fan"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kvox_ct_geometry *geometry = NULL;
    const kvox_status status = load(cases[i].text, NULL, &geometry);
    if (status != cases[i].status || strstr(kvox_last_error(), cases[i].words) == NULL ||
        strncmp(kvox_last_error(), "file: ", 6) != 0) {
      fail_msg("%s: %s (%s)", cases[i].text, kvox_status_string(status), kvox_last_error());
    }
    assert_null(geometry);
  }
}

/* Brackets in a string are no nesting; a name with a quote or backslash in it is still shown. */
static void strings(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  assert_fails(KVOX_ERROR_FORMAT, "is no member",
               load("{" BEAM "," DETECTOR "," ANGLES ", \"[[[[[[[[[[[[\\\"{{{{{{{{{{\\\\\": 1}", NULL, &geometry));
  char *deep = malloc(1 << 20);
  assert_non_null(deep);
  memset(deep, '[', (1 << 20) - 1);
  deep[(1 << 20) - 1] = '\0';
  assert_fails(KVOX_ERROR_FORMAT, "nested deeper", load(deep, NULL, &geometry));
  free(deep);
  kvox_io_file file = kvox_io_file_in_memory(context, "file", "", 1 << 30);
  assert_fails(KVOX_ERROR_FORMAT, "has 1073741824 bytes", kvox_io_load_ct_geometry(&file, NULL, &geometry));
}

static void truncated(void **state) {
  (void)state;
  static const char text[] = "{" BEAM "," DETECTOR ",\"angles_deg\":[0,45.5,90,135]}";
  for (size_t length = 0; length + 1 < sizeof text; length++) {
    kvox_ct_geometry *geometry = NULL;
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    kvox_io_file file = kvox_io_file_in_memory(context, "file", copy, (int64_t)length);
    assert_fails(KVOX_ERROR_FORMAT, "file: ", kvox_io_load_ct_geometry(&file, NULL, &geometry));
    assert_null(geometry);
    free(copy);
  }
}

/* Numbers that stand for no centre are refused by the geometry. */
static void centers(void **state) {
  (void)state;
  kvox_ct_geometry *geometry = NULL;
  const double nowhere = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "file: geometry: column_offset_px",
               load("{" BEAM "," DETECTOR "," ANGLES "}", &nowhere, &geometry));
}

static kvox_status read_with(const kvox_context_options *options, void *data) {
  const char *text = data;
  kvox_ct_geometry *geometry = NULL;
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    kvox_io_file file = kvox_io_file_in_memory(made, "file", text, (int64_t)strlen(text));
    status = kvox_io_load_ct_geometry(&file, NULL, &geometry);
  }
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(made);
  return status;
}

static kvox_status write_with(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_write_ct_geometry(made, at("scarce.json"), data);
  }
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  char text[] = "{" BEAM "," DETECTOR ",\"angles_deg\":[0,45.5,90,135]}";
  kvox_ct_geometry *geometry = NULL;
  assert_true(failing_heap_try(read_with, text) > 4);
  char views[] = "{" CONE "," DETECTOR ", \"views\": [{\"source_mm\": [0,-9,0]," DOWN "}]}";
  assert_true(failing_heap_try(read_with, views) > 4);
  assert_ok(load(text, NULL, &geometry));
  count_files(true);
  assert_true(failing_heap_try(write_with, geometry) > 2);
  assert_int_equal(count_files(true), 1);
  kvox_ct_geometry_destroy(geometry);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads),
      cmocka_unit_test(round_trips),
      cmocka_unit_test(diverging_round_trips),
      cmocka_unit_test(parallel_views_round_trip),
      cmocka_unit_test(known_text),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(strings),
      cmocka_unit_test(truncated),
      cmocka_unit_test(centers),
      cmocka_unit_test(scarce_memory),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Matrices in text and .npy: what is written is read as the same geometry. */
#include "files.h"

static kvox_io_detector detector_of(void) {
  kvox_io_detector detector;
  kvox_io_detector_init(&detector);
  detector.rows = 4;
  detector.columns = 6;
  detector.column_pitch_mm = 0.5;
  return detector;
}

static kvox_status load_bytes_as(const void *bytes, size_t size, bool npy, kvox_ct_geometry **geometry) {
  const kvox_io_detector detector = detector_of();
  kvox_io_file file = kvox_io_file_in_memory(context, "file", bytes, (int64_t)size);
  *geometry = NULL;
  return kvox_io_load_ct_matrices(&file, npy, &detector, geometry);
}

static kvox_status load_text(const char *text, kvox_ct_geometry **geometry) {
  return load_bytes_as(text, strlen(text), false, geometry);
}

static kvox_ct_geometry *cone(void) {
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_cone_options options;
  kvox_ct_cone_options_init(&options);
  options.views = 19;
  options.rows = 4;
  options.columns = 6;
  options.source_to_axis_mm = 100;
  options.source_to_detector_mm = 1000.0 / 3;
  options.column_pitch_mm = 0.5;
  options.row_offset_px = 0.3;
  options.angle_step_deg = 360.0 / 19;
  assert_ok(kvox_ct_geometry_create_cone(context, &options, &geometry));
  return geometry;
}

static void assert_same_matrices(const kvox_ct_geometry *a, const kvox_ct_geometry *b, double tolerance) {
  int64_t shape[2][3];
  assert_ok(kvox_ct_geometry_shape(a, shape[0]));
  assert_ok(kvox_ct_geometry_shape(b, shape[1]));
  assert_memory_equal(shape[0], shape[1], sizeof shape[0]);
  for (int64_t v = 0; v < shape[0][0]; v++) {
    double of_a[12], of_b[12];
    assert_ok(kvox_ct_geometry_matrix(a, v, of_a));
    assert_ok(kvox_ct_geometry_matrix(b, v, of_b));
    for (int i = 0; i < 12; i++) {
      assert_close(of_a[i], of_b[i], tolerance);
    }
  }
}

static void round_trips(void **state) {
  (void)state;
  static const char *const names[] = {"m.txt", "m.npy", "m.dat", "M.NPY"};
  kvox_ct_geometry *geometry = cone();
  const kvox_io_detector detector = detector_of();
  for (int i = 0; i < 4; i++) {
    kvox_ct_geometry *back = NULL;
    assert_ok(kvox_io_write_ct_matrices(context, at(names[i]), geometry));
    assert_ok(kvox_io_read_ct_matrices(context, at(names[i]), &detector, &back));
    /* Numbers reach 1e3; a matrix goes through its inverse. */
    assert_same_matrices(geometry, back, 1e-10);
    assert_int_equal(kvox_ct_geometry_beam(back), KVOX_CT_CONE);
    kvox_ct_geometry_destroy(back);
  }
  kvox_ct_geometry_destroy(geometry);
}

/* One matrix in many shapes; a scale and a sign say nothing. */
static void reads(void **state) {
  (void)state;
  static const char *const texts[] = {
      "100 0 250 3200 0 100 150 1500 0 0 100 1000",
      "# of a C-arm\n100 0 250 3200\n0 100 150 1500 # middle row\n0, 0, 100, 1000\n\n",
      "-1,-0,-2.5,-32;+0,-1,-15e-1,-15;0,0,-1,-1e1",
      "\r\n1 0 2.5 32\r\n0 1 1.5 15\r\n0 0 1 10#",
  };
  kvox_ct_geometry *first = NULL;
  assert_ok(load_text(texts[0], &first));
  for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++) {
    kvox_ct_geometry *geometry = NULL;
    assert_ok(load_text(texts[i], &geometry));
    assert_same_matrices(first, geometry, 1e-12);
    kvox_ct_geometry_destroy(geometry);
  }
  /* The same as .npy: one matrix, in f32 too. */
  double wide[12] = {100, 0, 250, 3200, 0, 100, 150, 1500, 0, 0, 100, 1000};
  float narrow[12];
  for (int i = 0; i < 12; i++) {
    narrow[i] = (float)wide[i];
  }
  const int64_t shape[3] = {1, 3, 4};
  const kvox_array arrays[3] = {array_of(wide, KVOX_F64, 2, shape + 1), array_of(wide, KVOX_F64, 3, shape),
                                array_of(narrow, KVOX_F32, 3, shape)};
  const kvox_io_detector detector = detector_of();
  for (int i = 0; i < 3; i++) {
    kvox_ct_geometry *geometry = NULL;
    assert_ok(kvox_io_write_array(context, at("one.npy"), &arrays[i]));
    assert_ok(kvox_io_read_ct_matrices(context, at("one.npy"), &detector, &geometry));
    assert_same_matrices(first, geometry, 1e-12);
    kvox_ct_geometry_destroy(geometry);
  }
  kvox_ct_geometry_destroy(first);
}

static void mistakes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"", KVOX_ERROR_FORMAT, "it has 0 numbers"},
      {"# nothing", KVOX_ERROR_FORMAT, "it has 0 numbers"},
      {"1 2 3", KVOX_ERROR_FORMAT, "it has 3 numbers, must have 12 a view"},
      {"1 2\n3 x 5", KVOX_ERROR_FORMAT, "\"x\" in line 2 is no number"},
      {"1 nan", KVOX_ERROR_FORMAT, "\"nan\" in line 1"},
      {"1 0x12", KVOX_ERROR_FORMAT, "\"0x12\" in line 1"},
      {"1 2-3", KVOX_ERROR_FORMAT, "\"2-3\" in line 1"},
      {"1 0 0 0 0 1 0 0 0 0 1 1e999", KVOX_ERROR_ARGUMENT, "file: geometry: the matrix of view 0 has a number"},
      {"1 0 0 0 0 1 0 0 0 0 1 0", KVOX_ERROR_ARGUMENT, "file: geometry: the matrix of view 0 puts"},
      {"1 0 2 0 2 0 4 0 0 0 1 9", KVOX_ERROR_ARGUMENT, "singular"},
  };
  kvox_ct_geometry *geometry = NULL;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const kvox_status status = load_text(cases[i].text, &geometry);
    if (status != cases[i].status || strstr(kvox_last_error(), cases[i].words) == NULL ||
        strncmp(kvox_last_error(), "file: ", 6) != 0) {
      fail_msg("%s: %s (%s)", cases[i].text, kvox_status_string(status), kvox_last_error());
    }
    assert_null(geometry);
  }
  assert_fails(KVOX_ERROR_FORMAT, "holds a byte that is 0", load_bytes_as("1 2\0 3", 6, false, &geometry));
  assert_fails(KVOX_ERROR_FORMAT, "has 1073741824 bytes", load_bytes_as("", (size_t)1 << 30, false, &geometry));
  int32_t whole[12] = {0};
  const int64_t shape[2] = {3, 4}, other[2] = {4, 3};
  double wide[12] = {0};
  const kvox_array arrays[2] = {array_of(whole, KVOX_I32, 2, shape), array_of(wide, KVOX_F64, 2, other)};
  const kvox_io_detector detector = detector_of();
  for (int i = 0; i < 2; i++) {
    assert_ok(kvox_io_write_array(context, at("wrong.npy"), &arrays[i]));
    assert_fails(KVOX_ERROR_FORMAT, "wrong.npy: it must hold f64 or f32 of the shape [view, 3, 4]",
                 kvox_io_read_ct_matrices(context, at("wrong.npy"), &detector, &geometry));
  }
}

static kvox_status read_with(const kvox_context_options *options, void *data) {
  kvox_ct_geometry *geometry = NULL;
  kvox_context *made = NULL;
  const kvox_io_detector detector = detector_of();
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_read_ct_matrices(made, at(data), &detector, &geometry);
  }
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  char names[2][8] = {"s.txt", "s.npy"};
  kvox_ct_geometry *geometry = cone();
  for (int i = 0; i < 2; i++) {
    assert_ok(kvox_io_write_ct_matrices(context, at(names[i]), geometry));
    assert_true(failing_heap_try(read_with, names[i]) > 4);
  }
  kvox_ct_geometry_destroy(geometry);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips),
      cmocka_unit_test(reads),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(scarce_memory),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* DXchange scans: there and back, what contradicts itself, and a host whose HDF5 state stays its own. */
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "sets.h"

/* All types and arrangements; equal scans are equal files. */
static void round_trips(void **state) {
  (void)state;
  static unsigned char data[5 * 3 * 4 * 8], white[2 * 3 * 4 * 8];
  const double angles[5] = {0, 36.5, 72.25, -1e-9, 180.0 / 7};
  fill(data, sizeof data);
  fill(white, sizeof white);
  for (int t = 0; t < ALL_TYPES - 1; t++) {
    const kvox_array dense = array_of(data, all_types[t], 3, (int64_t[]){5, 3, 4});
    const kvox_array flat = array_of(white, all_types[t], 3, (int64_t[]){2, 3, 4});
    kvox_array dark = array_of(white, all_types[t], 2, (int64_t[]){3, 4});
    kvox_array turned = dense;
    turned.data = data + 4 * dense.strides[0];
    turned.strides[0] = -dense.strides[0];
    for (int i = 0; i < 2; i++) {
      const kvox_array *projections = i == 0 ? &dense : &turned;
      kvox_io_scan *scan = NULL;
      assert_ok(kvox_io_write_scan(context, at("round.h5"), projections, &flat, &dark, angles));
      assert_ok(read_scan("round.h5", &scan));
      assert_same_samples(kvox_io_scan_projections(scan), projections);
      assert_same_samples(kvox_io_scan_flat(scan), &flat);
      const kvox_array one_dark = array_of(white, all_types[t], 3, (int64_t[]){1, 3, 4});
      assert_same_samples(kvox_io_scan_dark(scan), &one_dark);
      assert_memory_equal(kvox_io_scan_angles_deg(scan), angles, sizeof angles);
      kvox_io_scan_destroy(scan);
    }
    size_t one = 0, two = 0;
    assert_ok(kvox_io_write_scan(context, at("again.HDF5"), &turned, &flat, &dark, angles));
    unsigned char *first = get_file("round.h5", &one), *second = get_file("again.HDF5", &two);
    assert_int_equal(one, two);
    assert_memory_equal(first, second, one);
    free(first);
    free(second);
  }
  kvox_io_scan *scan = NULL;
  const kvox_array alone = array_of(data, KVOX_U16, 3, (int64_t[]){5, 3, 4});
  assert_ok(kvox_io_write_scan(context, at("alone.h5"), &alone, NULL, NULL, NULL));
  assert_ok(read_scan("alone.h5", &scan));
  assert_null(kvox_io_scan_flat(scan));
  assert_null(kvox_io_scan_dark(scan));
  assert_null(kvox_io_scan_angles_deg(scan));
  kvox_io_scan_destroy(scan);
}

/* [view, column] is one row; [row, column] is one frame; a link within the file is followed. */
static void ranks_and_links(void **state) {
  (void)state;
  static float samples[12];
  fill(samples, sizeof samples);
  const set sets[] = {
      {.name = "exchange/data", .type = H5T_NATIVE_FLOAT, .rank = 2, .shape = {3, 4}, .samples = samples},
      {.name = "white", .type = H5T_NATIVE_FLOAT, .rank = 2, .shape = {1, 4}, .samples = samples},
  };
  const hid_t file = create("ranks.h5");
  put_set(file, &sets[0]);
  put_set(file, &sets[1]);
  assert_true(H5Lcreate_soft("/white", file, "exchange/data_white", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  kvox_io_scan *scan = NULL;
  assert_ok(read_scan("ranks.h5", &scan));
  const kvox_array *p = kvox_io_scan_projections(scan), *w = kvox_io_scan_flat(scan);
  assert_true(p->rank == 3 && p->shape[0] == 3 && p->shape[1] == 1 && p->shape[2] == 4);
  assert_true(w->rank == 3 && w->shape[0] == 1 && w->shape[1] == 1 && w->shape[2] == 4);
  assert_memory_equal(p->data, samples, sizeof samples);
  kvox_io_scan_destroy(scan);
}

static void angles(void **state) {
  (void)state;
  static const float samples[3] = {1, 2, 3};
  const double theta[3] = {0, 0.5, 3};
  static const struct {
    const char *units;
    int variable;
    double factor;
  } cases[] = {
      {NULL, 0, 1}, {"deg", 0, 1}, {"degrees", 1, 1}, {"rad", 0, 57.29577951308232}, {"Radians", 1, 57.29577951308232},
      {"r", 0, 1},  {"", 1, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const set sets[] = {
        {.name = "exchange/data", .type = H5T_NATIVE_FLOAT, .rank = 3, .shape = {3, 1, 1}, .samples = samples},
        {.name = "exchange/theta",
         .type = H5T_IEEE_F64LE,
         .memory_type = H5T_NATIVE_DOUBLE,
         .rank = 1,
         .shape = {3},
         .samples = theta,
         .units = cases[i].units,
         .variable = cases[i].variable},
    };
    kvox_io_scan *scan = NULL;
    put_sets("angles.h5", sets, 2);
    assert_ok(read_scan("angles.h5", &scan));
    for (int v = 0; v < 3; v++) {
      assert_close(kvox_io_scan_angles_deg(scan)[v], theta[v] * cases[i].factor, 1e-13);
    }
    kvox_io_scan_destroy(scan);
  }
}

static void contradictions(void **state) {
  (void)state;
  static double zeros[1000];
  const double bad_theta[4] = {0, 1, NAN, 3};
  const set data = {
      .name = "exchange/data", .type = H5T_NATIVE_DOUBLE, .rank = 3, .shape = {4, 2, 3}, .samples = zeros};
  const hid_t compound = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(compound, "r", 0, H5T_NATIVE_FLOAT);
  H5Tinsert(compound, "i", 4, H5T_NATIVE_FLOAT);
  struct {
    set second;
    kvox_status status;
    const char *words;
  } cases[] = {
      {{.name = "exchange/theta", .rank = 1, .shape = {5}},
       KVOX_ERROR_FORMAT,
       "theta has 5 angles, exchange/data has 4"},
      {{.name = "exchange/theta", .rank = 2, .shape = {4, 1}}, KVOX_ERROR_FORMAT, "theta has 2 dimensions"},
      {{.name = "exchange/theta", .rank = 1, .shape = {4}, .samples = bad_theta}, KVOX_ERROR_DATA, "view 2"},
      {{.name = "exchange/data_white", .rank = 3, .shape = {9, 2, 4}},
       KVOX_ERROR_FORMAT,
       "data_white has 2 rows and 4 columns, exchange/data has 2 and 3"},
      {{.name = "exchange/data_dark", .rank = 2, .shape = {3, 3}}, KVOX_ERROR_FORMAT, "data_dark has 3 rows"},
      {{.name = "exchange/data_dark", .rank = 1, .shape = {3}}, KVOX_ERROR_FORMAT, "data_dark has 1 dimensions"},
      {{.name = "exchange/data_dark", .rank = 4, .shape = {1, 1, 2, 3}}, KVOX_ERROR_FORMAT, "has 4 dimensions"},
      {{.name = "exchange/data_white", .rank = 3, .shape = {0, 2, 3}, .unwritten = 1},
       KVOX_ERROR_FORMAT,
       "dimension 0"},
      {{.name = "exchange/data_white", .rank = 3, .shape = {5, 2, 3}, .unwritten = 1},
       KVOX_ERROR_FORMAT,
       "never written"},
      {{.name = "exchange/data_white", .rank = 3, .shape = {5, 2, 3}, .chunk = {1, 2, 3}, .unwritten = 1},
       KVOX_ERROR_FORMAT,
       "never written"},
      {{.name = "exchange/data_white", .type = H5T_NATIVE_INT64, .rank = 3, .shape = {5, 2, 3}},
       KVOX_ERROR_UNSUPPORTED,
       "data_white has elements"},
      {{.name = "exchange/data_white", .type = compound, .rank = 3, .shape = {5, 2, 3}},
       KVOX_ERROR_UNSUPPORTED,
       "data_white has elements"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    set *s = &cases[i].second;
    s->type = s->type != 0 ? s->type : H5T_NATIVE_DOUBLE;
    s->samples = s->samples != NULL ? s->samples : zeros;
    const set sets[] = {data, *s};
    kvox_io_scan *scan = NULL;
    put_sets("contra.h5", sets, 2);
    assert_fails(cases[i].status, cases[i].words, read_scan("contra.h5", &scan));
    assert_int_equal(strncmp(kvox_last_error(), "contra.h5: ", 11), 0);
    assert_null(scan);
  }
  H5Tclose(compound);
  /* Whole numbers of 64 bits are no projections, but angles. */
  int64_t whole[4] = {-1, 0, 1, INT64_C(1) << 40};
  const set sets[] = {data,
                      {.name = "exchange/theta",
                       .type = H5T_STD_I64BE,
                       .memory_type = H5T_NATIVE_INT64,
                       .rank = 1,
                       .shape = {4},
                       .samples = whole}};
  kvox_io_scan *scan = NULL;
  put_sets("whole.h5", sets, 2);
  assert_ok(read_scan("whole.h5", &scan));
  for (int v = 0; v < 4; v++) {
    assert_true(kvox_io_scan_angles_deg(scan)[v] == (double)whole[v]);
  }
  kvox_io_scan_destroy(scan);
  put_sets("empty.h5", &data, 0);
  assert_fails(KVOX_ERROR_FORMAT, "exchange/data is missing", read_scan("empty.h5", &scan));
  const hid_t bare = H5Fcreate(at("bare.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(bare);
  assert_fails(KVOX_ERROR_FORMAT, "exchange/data is missing", read_scan("bare.h5", &scan));
  put_file("text.h5", "this is no HDF5 file", 20);
  assert_fails(KVOX_ERROR_FORMAT, "no HDF5 file", read_scan("text.h5", &scan));
  put_file("nothing.h5", "", 0);
  assert_fails(KVOX_ERROR_FORMAT, "no HDF5 file", read_scan("nothing.h5", &scan));
}

static void truncated(void **state) {
  (void)state;
  static float samples[12];
  const double theta[2] = {0, 90};
  size_t size = 0;
  const kvox_array projections = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 3});
  const kvox_array frame = array_of(samples, KVOX_F32, 2, (int64_t[]){2, 3});
  assert_ok(kvox_io_write_scan(context, at("whole.h5"), &projections, &frame, &frame, theta));
  unsigned char *bytes = get_file("whole.h5", &size);
  assert_truncation_fails(&kvox_io_dxchange_format, bytes, size);
  free(bytes);
}

static int printed;
static herr_t print_mine(hid_t stack, void *data) {
  (void)stack, (void)data;
  printed++;
  return 0;
}

/* The host's error stack, its printing and its open objects are as they were, after success and failure alike. */
static void guest(void **state) {
  (void)state;
  static float samples[8];
  int token = 0;
  const kvox_array array = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 2});
  put_file("broken.h5", "\x89HDF\r\n\x1a\n", 8);
  assert_true(H5Eset_auto2(H5E_DEFAULT, print_mine, &token) >= 0);
  const hid_t mine = H5Fcreate(at("host.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Fopen(at("not there.h5"), H5F_ACC_RDONLY, H5P_DEFAULT) < 0);
  assert_int_equal(printed, 1);
  const ssize_t depth = H5Eget_num(H5E_DEFAULT);
  assert_true(depth > 0);
  for (int i = 0; i < 3; i++) {
    kvox_io_scan *scan = NULL;
    if (i == 0) {
      assert_ok(kvox_io_write_scan(context, at("guest.h5"), &array, NULL, NULL, NULL));
    } else if (i == 1) {
      assert_ok(read_scan("guest.h5", &scan));
    } else {
      assert_fails(KVOX_ERROR_FORMAT, "broken.h5: it is truncated", read_scan("broken.h5", &scan));
    }
    kvox_io_scan_destroy(scan);
    H5E_auto2_t function = NULL;
    void *data = NULL;
    assert_int_equal(H5Eget_num(H5E_DEFAULT), depth);
    H5Eget_auto2(H5E_DEFAULT, &function, &data);
    assert_true(function == print_mine && data == &token);
    assert_int_equal(printed, 1);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 1);
    /* Such calls clear the stack: it is filled again. */
    assert_true(H5Fopen(at("not there.h5"), H5F_ACC_RDONLY, H5P_DEFAULT) < 0);
    printed = 1;
  }
  H5Eset_auto2(H5E_DEFAULT, (H5E_auto2_t)H5Eprint2, NULL);
  /* A host that uses the interface of HDF5 1.6. */
  H5Eset_auto1(NULL, &token);
  kvox_io_scan *scan = NULL;
  assert_ok(read_scan("guest.h5", &scan));
  kvox_io_scan_destroy(scan);
  H5E_auto1_t old = (H5E_auto1_t)H5Eprint1;
  void *data = NULL;
  assert_true(H5Eget_auto1(&old, &data) >= 0);
  assert_true(old == NULL && data == &token);
  H5Fclose(mine);
}

static kvox_status write_with(const kvox_context_options *options, void *data) {
  static float samples[8];
  kvox_array array = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 2});
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  array.strides[0] = -array.strides[0];
  array.data = samples + 4;
  if (status == KVOX_OK) {
    status = kvox_io_write_scan(made, data, &array, NULL, NULL, NULL);
  }
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  static float samples[12];
  const double theta[2] = {0, 90};
  size_t size = 0;
  char path[400];
  count_files(true);
  const kvox_array projections = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 3});
  assert_ok(kvox_io_write_scan(context, at("whole.h5"), &projections, &projections, &projections, theta));
  unsigned char *bytes = get_file("whole.h5", &size);
  load_scenario load = {&kvox_io_dxchange_format, bytes, size};
  assert_true(failing_heap_try(load_with, &load) > 6);
  free(bytes);
  snprintf(path, sizeof path, "%s", at("scarce.h5"));
  assert_true(failing_heap_try(write_with, path) > 4);
  assert_int_equal(count_files(true), 2);
}

/* A disk that fills up at any byte: our failure, and nothing stays open in HDF5. */
static void full_disk(void **state) {
  (void)state;
  static float samples[24];
  const kvox_array p = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 3, 4});
  const double theta[2] = {0, 90};
  struct rlimit before, small;
  size_t size = 0;
  assert_ok(kvox_io_write_scan(context, at("full.h5"), &p, &p, &p, theta));
  free(get_file("full.h5", &size));
  count_files(true);
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  for (size_t limit = 0; limit < size; limit += 61) {
    small.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const kvox_status status = kvox_io_write_scan(context, at("full.h5"), &p, &p, &p, theta);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_fails(KVOX_ERROR_IO, "full.h5: it cannot be written: the file would be larger", status);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    assert_int_equal(count_files(false), 0);
  }
  signal(SIGXFSZ, handler);
}

static void not_written(void **state) {
  (void)state;
  static float samples[24];
  const kvox_array p = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 3});
  const kvox_array line = array_of(samples, KVOX_F32, 1, (int64_t[]){3});
  const kvox_array other = array_of(samples, KVOX_F32, 3, (int64_t[]){1, 2, 4});
  const kvox_array waves = array_of(samples, KVOX_C64, 3, (int64_t[]){1, 2, 3});
  count_files(true);
  assert_fails(KVOX_ERROR_ARGUMENT, "projections", kvox_io_write_scan(context, at("n.h5"), &line, NULL, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "projections", kvox_io_write_scan(context, at("n.h5"), &waves, NULL, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "NULL", kvox_io_write_scan(context, at("n.h5"), NULL, NULL, NULL, NULL));
  assert_fails(KVOX_ERROR_SIZE, "flat: ", kvox_io_write_scan(context, at("n.h5"), &p, &line, NULL, NULL));
  assert_fails(KVOX_ERROR_SIZE, "dark: its frames have 2 rows and 4 columns",
               kvox_io_write_scan(context, at("n.h5"), &p, NULL, &other, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "flat: ", kvox_io_write_scan(context, at("n.h5"), &p, &waves, NULL, NULL));
  assert_int_equal(count_files(false), 0);
}

static void real_tooth(void **state) {
  (void)state;
  const char *path = real_data("ct/tooth.h5");
  kvox_io_scan *scan = NULL;
  if (path == NULL) {
    return;
  }
  assert_ok(kvox_io_read_scan(context, path, &scan));
  const kvox_array *p = kvox_io_scan_projections(scan);
  assert_true(p->type == KVOX_F32 && p->shape[0] == 181 && p->shape[1] == 2 && p->shape[2] == 640);
  assert_true(kvox_io_scan_flat(scan)->shape[0] == 10 && kvox_io_scan_dark(scan)->shape[0] == 10);
  for (int v = 0; v < 181; v++) {
    /* 181 equal steps over half a turn. */
    assert_close(kvox_io_scan_angles_deg(scan)[v], v * 180.0 / 181, 1e-12);
  }
  kvox_io_scan_destroy(scan);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips),    cmocka_unit_test(ranks_and_links), cmocka_unit_test(angles),
      cmocka_unit_test(contradictions), cmocka_unit_test(truncated),       cmocka_unit_test(guest),
      cmocka_unit_test(scarce_memory),  cmocka_unit_test(full_disk),       cmocka_unit_test(not_written),
      cmocka_unit_test(real_tooth),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

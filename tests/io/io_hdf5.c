/* HDF5 files in all the forms that scans come in, and in forms that are no files at all. */
#include <math.h>

#include "sets.h"

/* Compressed, in chunks that do not divide the shape, of the other byte order, of odd types. */
static void others_files(void **state) {
  (void)state;
  static int32_t samples[7 * 3 * 5];
  for (int i = 0; i < 7 * 3 * 5; i++) {
    samples[i] = (i * 37) % 120;
  }
  const hid_t packed12 = H5Tcopy(H5T_STD_U16BE);
  H5Tset_precision(packed12, 12);
  const hid_t three_bytes = H5Tcopy(H5T_STD_I32LE);
  H5Tset_precision(three_bytes, 24);
  H5Tset_size(three_bytes, 3);
  /* Filters in the order of writing: shuffled, deflated, checked. */
  const struct {
    hid_t type;
    kvox_type read_as;
  } types[] = {{H5T_STD_U16LE, KVOX_U16},  {H5T_STD_I32BE, KVOX_I32}, {H5T_IEEE_F32BE, KVOX_F32},
               {H5T_IEEE_F64BE, KVOX_F64}, {H5T_STD_I8BE, KVOX_I8},   {packed12, KVOX_U16},
               {three_bytes, KVOX_I32}};
  for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
    for (int form = 0; form < 5; form++) {
      const set data = {.name = "exchange/data",
                        .type = types[t].type,
                        .rank = 3,
                        .shape = {7, 3, 5},
                        .chunk = {form > 0 ? 2 : 0, 2, 4},
                        .samples = samples,
                        .memory_type = H5T_NATIVE_INT32,
                        .checksum = form >= 3 ? form - 2 : 0,
                        .deflate = form >= 2 && form != 4,
                        .shuffle = form >= 2};
      kvox_io_scan *scan = NULL;
      put_sets("other.h5", &data, 1);
      assert_ok(read_scan("other.h5", &scan));
      const kvox_array *p = kvox_io_scan_projections(scan);
      assert_int_equal(p->type, types[t].read_as);
      for (int i = 0; i < 7 * 3 * 5; i++) {
        const char *one = (char *)p->data + i * p->strides[2];
        const double value = p->type == KVOX_U16   ? *(const uint16_t *)one
                             : p->type == KVOX_I32 ? *(const int32_t *)one
                             : p->type == KVOX_F32 ? (double)*(const float *)one
                             : p->type == KVOX_F64 ? *(const double *)one
                                                   : *(const int8_t *)one;
        assert_true(value == samples[i]);
      }
      kvox_io_scan_destroy(scan);
    }
  }
  H5Tclose(packed12);
  H5Tclose(three_bytes);
}

/* The format of HDF5 1.10 has other headers, and an index of chunks for each case. */
static void newer_format(void **state) {
  (void)state;
  static uint16_t samples[40 * 9 * 50];
  for (int i = 0; i < 40 * 9 * 50; i++) {
    samples[i] = (uint16_t)(i * 31);
  }
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), before = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_userblock(before, 1024);
  const set cases[] = {
      {.rank = 3},                          /* contiguous */
      {.chunk = {40, 9, 50}},               /* the only chunk */
      {.chunk = {40, 9, 50}, .deflate = 1}, /* which says how large it is */
      {.chunk = {7, 9, 20}, .early = 1},    /* one after another */
      {.chunk = {7, 4, 20}},                /* an array */
      {.chunk = {7, 4, 20}, .deflate = 1},  /* with sizes */
      {.chunk = {1, 1, 9}},                 /* in pages */
      {.chunk = {1, 1, 9}, .deflate = 1, .shuffle = 1},
      {.chunk = {7, 4, 20}, .grows = 1}, /* not read */
  };
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    set s = cases[c];
    kvox_io_scan *scan = NULL;
    s.name = "exchange/data";
    s.type = H5T_STD_U16LE;
    s.memory_type = H5T_NATIVE_UINT16;
    s.samples = samples;
    s.rank = 3;
    s.shape[0] = 40, s.shape[1] = 9, s.shape[2] = 50;
    const hid_t file = H5Fcreate(at("newer.h5"), H5F_ACC_TRUNC, before, access);
    H5Gclose(H5Gcreate2(file, "exchange", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put_set(file, &s);
    H5Fclose(file);
    if (s.grows) {
      assert_fails(KVOX_ERROR_UNSUPPORTED, "h5repack", read_scan("newer.h5", &scan));
      continue;
    }
    assert_ok(read_scan("newer.h5", &scan));
    const kvox_array *p = kvox_io_scan_projections(scan);
    assert_true(p->type == KVOX_U16 && p->shape[0] == 40 && p->shape[1] == 9 && p->shape[2] == 50);
    assert_memory_equal(p->data, samples, sizeof samples);
    kvox_io_scan_destroy(scan);
  }
  H5Pclose(access);
  H5Pclose(before);
}

/* So many names and chunks that their trees have several levels. */
static void tall_trees(void **state) {
  (void)state;
  static uint8_t samples[70 * 70 * 3];
  fill(samples, sizeof samples);
  const set data = {.name = "exchange/data",
                    .type = H5T_STD_U8LE,
                    .rank = 3,
                    .shape = {70, 70, 3},
                    .chunk = {1, 1, 3},
                    .samples = samples};
  kvox_io_scan *scan = NULL;
  const hid_t file = create("tall.h5");
  for (int i = 0; i < 1500; i++) {
    char name[32];
    snprintf(name, sizeof name, "exchange/name %04d", i * 7 % 1500);
    H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  put_set(file, &data);
  H5Fclose(file);
  assert_ok(read_scan("tall.h5", &scan));
  assert_memory_equal(kvox_io_scan_projections(scan)->data, samples, sizeof samples);
  kvox_io_scan_destroy(scan);
}

/* Links that lead to themselves end. */
static void circles(void **state) {
  (void)state;
  kvox_io_scan *scan = NULL;
  hid_t file = create("circle.h5");
  H5Lcreate_soft("/exchange/data", file, "exchange/data", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  assert_fails(KVOX_ERROR_FORMAT, "circle", read_scan("circle.h5", &scan));
  file = create("circle.h5");
  /* Each name is the next one many times over: paths that grow like powers. */
  for (char name[] = "a"; name[0] < 'z'; name[0]++) {
    char path[1000];
    for (size_t i = 0; i + 2 < sizeof path; i += 2) {
      path[i] = (char)(name[0] + 1);
      path[i + 1] = '/';
      path[i + 2] = '\0';
    }
    H5Lcreate_soft(path, file, name, H5P_DEFAULT, H5P_DEFAULT);
  }
  H5Lcreate_soft("/", file, "z", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/a", file, "exchange/data", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  assert_fails(KVOX_ERROR_FORMAT, "circle", read_scan("circle.h5", &scan));
  assert_null(scan);
}

/* Nothing outside the file is read: links, raw data and virtual datasets that lead elsewhere. */
static void outside(void **state) {
  (void)state;
  static float samples[8];
  const hsize_t shape[3] = {2, 2, 2};
  kvox_io_scan *scan = NULL;
  const set data = {
      .name = "exchange/data", .type = H5T_NATIVE_FLOAT, .rank = 3, .shape = {2, 2, 2}, .samples = samples};
  put_sets("target.h5", &data, 1);

  hid_t file = create("link.h5");
  assert_true(H5Lcreate_external("target.h5", "/exchange/data", file, "exchange/data", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "leads to another file", read_scan("link.h5", &scan));

  file = H5Fcreate(at("link.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Lcreate_external("target.h5", "/exchange", file, "exchange", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "leads to another file", read_scan("link.h5", &scan));

  const hid_t space = H5Screate_simple(3, shape, NULL);
  file = create("external.h5");
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(plist, "/etc/passwd", 0, 32);
  H5Dclose(H5Dcreate2(file, "exchange/data", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  H5Pclose(plist);
  H5Fclose(file);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "lies in other files", read_scan("external.h5", &scan));

  file = create("virtual.h5");
  plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_virtual(plist, space, "target.h5", "/exchange/data", space);
  H5Dclose(H5Dcreate2(file, "exchange/data", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  H5Pclose(plist);
  H5Fclose(file);
  H5Sclose(space);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "lies in other files", read_scan("virtual.h5", &scan));
  assert_null(scan);
}

/* Sizes that the file cannot hold fail before there is memory for them, whatever the storage. */
static void hostile_sizes(void **state) {
  (void)state;
  const hsize_t large = (hsize_t)1 << 31;
  const set sets[] = {
      {.name = "exchange/data", .rank = 3, .shape = {large, 1, large >> 1}, .unwritten = 1},
      {.name = "exchange/data", .rank = 3, .shape = {large, large, 1}, .chunk = {64, 64, 1}, .unwritten = 1},
      {.name = "exchange/data",
       .rank = 3,
       .shape = {large, large, 1},
       .chunk = {1 << 20, 256, 1},
       .deflate = 1,
       .unwritten = 1},
      {.name = "exchange/data", .rank = 3, .shape = {large, large, large}, .chunk = {1, 1, 1}, .unwritten = 1},
  };
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
    set s = sets[i];
    size_t size = 0;
    s.type = i == 0 ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;
    put_sets("hostile.h5", &s, 1);
    unsigned char *bytes = get_file("hostile.h5", &size);
    assert_fails_small(&kvox_io_dxchange_format, bytes, size, "file: ", 8192);
    free(bytes);
  }
}

/* A compressed chunk with damage fails in reading, and all is given back. */
static void damaged(void **state) {
  (void)state;
  static float samples[64 * 64];
  for (int i = 0; i < 64 * 64; i++) {
    samples[i] = sinf((float)i);
  }
  const set data = {.name = "exchange/data",
                    .type = H5T_NATIVE_FLOAT,
                    .rank = 3,
                    .shape = {64, 1, 64},
                    .chunk = {64, 1, 64},
                    .samples = samples,
                    .deflate = 1};
  size_t size = 0;
  put_sets("damaged.h5", &data, 1);
  unsigned char *bytes = get_file("damaged.h5", &size);
  const load_scenario load = {&kvox_io_dxchange_format, bytes, size};
  assert_ok(load_bytes(context, load.format, bytes, size));
  memset(bytes + size - 6000, 0x55, 3000);
  assert_fails(KVOX_ERROR_FORMAT, "compressed data are broken", load_bytes(context, load.format, bytes, size));
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(others_files), cmocka_unit_test(newer_format), cmocka_unit_test(tall_trees),
      cmocka_unit_test(circles),      cmocka_unit_test(outside),      cmocka_unit_test(hostile_sizes),
      cmocka_unit_test(damaged),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

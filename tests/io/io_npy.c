/* numpy's files: the bytes that numpy writes and reads, and everything that a header can get wrong. */
#include "files.h"

/* A file of that version, header text and samples; returns its size. */
static size_t make(unsigned char *out, int version, const char *header, const void *samples, size_t bytes) {
  static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  const size_t length = strlen(header), start = version == 1 ? 10 : 12;
  memcpy(out, magic, 6);
  out[6] = (unsigned char)version;
  out[7] = 0;
  for (size_t i = 8; i < start; i++) {
    out[i] = (unsigned char)(length >> (8 * (i - 8)));
  }
  memcpy(out + start, header, length);
  memcpy(out + start + length, samples, bytes);
  return start + length + bytes;
}

static kvox_status load(const void *bytes, size_t size, kvox_io_array **array) {
  kvox_io_file file = kvox_io_file_in_memory(context, "file", bytes, (int64_t)size);
  return kvox_io_load_array(&kvox_io_npy_format, &file, array);
}

/* As numpy 1.24 writes np.save of arange(6, dtype='<i2').reshape(2, 3). */
static void known_bytes(void **state) {
  (void)state;
  unsigned char known[140];
  const int16_t samples[6] = {0, 1, 2, 3, 4, 5};
  const char header[] = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
  char padded[119];
  snprintf(padded, sizeof padded, "%-117s\n", header);
  const size_t size = make(known, 1, padded, samples, sizeof samples);
  assert_int_equal(size, 140);
  const kvox_array array = array_of((void *)(uintptr_t)samples, KVOX_I16, 2, (int64_t[]){2, 3});
  assert_ok(kvox_io_write_array(context, at("known.npy"), &array));
  size_t written = 0;
  unsigned char *bytes = get_file("known.npy", &written);
  if (!kvox_io_big_endian()) {
    assert_int_equal(written, size);
    assert_memory_equal(bytes, known, size);
  }
  free(bytes);
  kvox_io_array *back = NULL;
  assert_ok(load(known, size, &back));
  assert_same_samples(kvox_io_array_view(back), &array);
  kvox_io_array_destroy(back);
}

/* Every type, rank and arrangement in memory comes back element by element; samples begin at a multiple of 64 bytes. */
static void round_trips(void **state) {
  (void)state;
  static unsigned char data[2 * 3 * 4 * 5 * 8];
  fill(data, sizeof data);
  for (int t = 0; t < ALL_TYPES; t++) {
    const int64_t size = (int64_t)kvox_type_size(all_types[t]);
    const kvox_array dense = array_of(data, all_types[t], 4, (int64_t[]){2, 3, 4, 5});
    kvox_array flat = array_of(data, all_types[t], 1, (int64_t[]){120});
    kvox_array transposed = dense, reversed = dense, thin = dense, repeated = dense;
    for (int d = 0; d < 4; d++) {
      transposed.shape[d] = dense.shape[3 - d];
      transposed.strides[d] = dense.strides[3 - d];
    }
    reversed.data = data + 3 * dense.strides[2];
    reversed.strides[2] = -dense.strides[2];
    thin.shape[3] = 2;
    thin.strides[3] = 2 * size;
    repeated.strides[1] = 0;
    const kvox_array *const arrangements[] = {&dense, &flat, &transposed, &reversed, &thin, &repeated};
    for (size_t a = 0; a < sizeof arrangements / sizeof arrangements[0]; a++) {
      kvox_io_array *back = NULL;
      size_t bytes = 0;
      assert_ok(kvox_io_write_array(context, at("round.npy"), arrangements[a]));
      assert_ok(kvox_io_read_array(context, at("round.npy"), &back));
      assert_same_samples(kvox_io_array_view(back), arrangements[a]);
      int64_t samples = size;
      for (int32_t d = 0; d < arrangements[a]->rank; d++) {
        samples *= arrangements[a]->shape[d];
      }
      free(get_file("round.npy", &bytes));
      assert_int_equal((bytes - (size_t)samples) % 64, 0);
      kvox_io_array_destroy(back);
    }
  }
}

/* Longer than every buffer on the way, dense and gathered. */
static void large(void **state) {
  (void)state;
  const int64_t shape[2] = {700, 501};
  uint16_t *data = malloc((size_t)(shape[0] * shape[1]) * sizeof *data);
  assert_non_null(data);
  for (int64_t i = 0; i < shape[0] * shape[1]; i++) {
    data[i] = (uint16_t)(i * 7);
  }
  kvox_array dense = array_of(data, KVOX_U16, 2, shape), turned = dense;
  turned.shape[0] = shape[1];
  turned.shape[1] = shape[0];
  turned.strides[0] = dense.strides[1];
  turned.strides[1] = dense.strides[0];
  for (int i = 0; i < 2; i++) {
    kvox_io_array *back = NULL;
    assert_ok(kvox_io_write_array(context, at("large.npy"), i == 0 ? &dense : &turned));
    assert_ok(kvox_io_read_array(context, at("large.npy"), &back));
    assert_same_samples(kvox_io_array_view(back), i == 0 ? &dense : &turned);
    kvox_io_array_destroy(back);
  }
  free(data);
}

/* Fortran order is strides over the file's bytes; the other byte order is turned. Versions 2 and 3 differ in the
 * length. */
static void orders(void **state) {
  (void)state;
  const unsigned char big[12] = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
  unsigned char bytes[256];
  for (int version = 1; version <= 3; version++) {
    kvox_io_array *array = NULL;
    const size_t size =
        make(bytes, version, "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }\n", big, sizeof big);
    assert_ok(load(bytes, size, &array));
    const kvox_array *a = kvox_io_array_view(array);
    assert_int_equal(a->strides[0], 2);
    assert_int_equal(a->strides[1], 4);
    const uint16_t *samples = a->data;
    for (int i = 0; i < 6; i++) {
      assert_int_equal(samples[i], i + 1);
    }
    kvox_io_array_destroy(array);
  }
  const unsigned char one[8] = {0x3f, 0x80, 0, 0, 0xbf, 0x80, 0, 0};
  kvox_io_array *array = NULL;
  assert_ok(load(bytes, make(bytes, 1, "{'shape':(1,),'fortran_order':False,'descr':\">c8\"}", one, 8), &array));
  const float *pair = kvox_io_array_view(array)->data;
  assert_true(pair[0] == 1 && pair[1] == -1);
  kvox_io_array_destroy(array);
}

static void headers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }\n", KVOX_OK, ""},
      {"{'descr':'<u1','fortran_order':False,'shape':(4L,)}", KVOX_OK, ""},
      {"  { 'descr' : \"=u2\" , 'fortran_order' : True , 'shape' : ( 2 , 1 , ) , }  \n", KVOX_OK, ""},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n", KVOX_ERROR_FORMAT, "promises 5 bytes"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", KVOX_ERROR_FORMAT, "4 bytes follow"},
      {"{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_UNSUPPORTED, "'<i8'"},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }\n", KVOX_ERROR_UNSUPPORTED, "'|b1'"},
      {"{'descr': '|f4', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_UNSUPPORTED, "'|f4'"},
      {"{'descr': 'f4', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_UNSUPPORTED, "'f4'"},
      {"{'descr': '', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_UNSUPPORTED, "''"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_UNSUPPORTED, "structures"},
      {"{'descr': 4, 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_FORMAT, "descr"},
      {"{'descr': '<f4\\', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_FORMAT, "descr"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }\n", KVOX_ERROR_FORMAT, "fortran_order"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", KVOX_ERROR_UNSUPPORTED, "single number"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1), }\n", KVOX_ERROR_FORMAT, "tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': 1, }\n", KVOX_ERROR_FORMAT, "tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }\n", KVOX_ERROR_FORMAT, "commas"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,,), }\n", KVOX_ERROR_FORMAT, "commas"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n", KVOX_ERROR_FORMAT, "whole"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,), }\n", KVOX_ERROR_FORMAT, "commas"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }\n", KVOX_ERROR_UNSUPPORTED, "no element"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }\n", KVOX_ERROR_UNSUPPORTED,
       "more than 8"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }\n", KVOX_ERROR_FORMAT,
       "below 2^63"},
      {"{'descr': '<f4', 'fortran_order': False, }\n", KVOX_ERROR_FORMAT, "must have"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_FORMAT, "twice"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}\n", KVOX_ERROR_FORMAT, "key other"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x\n", KVOX_ERROR_FORMAT, "follows"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,), }\n", KVOX_ERROR_FORMAT, "key"},
      {"['descr': '<f4']\n", KVOX_ERROR_FORMAT, "begin with {"},
      {"{", KVOX_ERROR_FORMAT, "key"},
      {"", KVOX_ERROR_FORMAT, "begin with {"},
  };
  const unsigned char samples[4] = {1, 2, 3, 4};
  unsigned char bytes[256];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kvox_io_array *array = NULL;
    const kvox_status status = load(bytes, make(bytes, 1, cases[i].text, samples, 4), &array);
    if (status != cases[i].status || (status != KVOX_OK && strstr(kvox_last_error(), cases[i].words) == NULL)) {
      fail_msg("%s: %s (%s)", cases[i].text, kvox_status_string(status), kvox_last_error());
    }
    assert_true((array != NULL) == (status == KVOX_OK));
    kvox_io_array_destroy(array);
  }
}

static void other_files(void **state) {
  (void)state;
  unsigned char bytes[256];
  kvox_io_array *array = NULL;
  const size_t size = make(bytes, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }\n", "x", 1);
  bytes[6] = 4;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "version 4.0", load(bytes, size, &array));
  bytes[6] = 1, bytes[7] = 1;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "version 1.1", load(bytes, size, &array));
  bytes[0] = 'N';
  assert_fails(KVOX_ERROR_FORMAT, "no npy file", load(bytes, size, &array));
  /* A header of 4 GiB. */
  const unsigned char endless[16] = {0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0xff, 0xff, 0xff, 0xff, '{'};
  assert_fails_small(&kvox_io_npy_format, endless, sizeof endless, "4294967295 bytes", 4096);
}

/* Sizes far beyond the file fail before there is memory for them. */
static void hostile_sizes(void **state) {
  (void)state;
  static const char *const shapes[] = {"(4611686018427387904,)", "(9223372036854775807,)", "(1000000000, 1000000000)",
                                       "(2147483648, 2147483648, 2147483648)", "(1099511627776,)"};
  unsigned char bytes[256];
  char header[160];
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    snprintf(header, sizeof header, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n", shapes[i]);
    assert_fails_small(&kvox_io_npy_format, bytes, make(bytes, 1, header, "12345678", 8), "hold", 4096);
  }
}

static void truncated(void **state) {
  (void)state;
  static const char header[] = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2, 3), }          \n";
  unsigned char bytes[256], samples[24];
  fill(samples, sizeof samples);
  assert_truncation_fails(&kvox_io_npy_format, bytes, make(bytes, 1, header, samples, sizeof samples));
  assert_truncation_fails(&kvox_io_npy_format, bytes, make(bytes, 3, header, samples, sizeof samples));
}

/* No frame: spacing 1, centred. Rank 2 is one slice. Fortran order is put right. */
static void volumes(void **state) {
  (void)state;
  enum { NK = 37, NJ = 3, NI = 45 };
  static uint16_t samples[NK * NJ * NI];
  static unsigned char bytes[sizeof samples + 256];
  for (int k = 0; k < NK; k++) {
    for (int j = 0; j < NJ; j++) {
      for (int i = 0; i < NI; i++) {
        samples[k + NK * (j + NJ * i)] = (uint16_t)(k * 1000 + j * 100 + i);
      }
    }
  }
  char header[128];
  snprintf(header, sizeof header, "{'descr': '%cu2', 'fortran_order': True, 'shape': (%d, %d, %d), }\n",
           kvox_io_big_endian() ? '>' : '<', NK, NJ, NI);
  put_file("f.NPY", bytes, make(bytes, 1, header, samples, sizeof samples));
  kvox_volume *volume = NULL;
  kvox_array array;
  kvox_grid grid;
  assert_ok(kvox_io_read_volume(context, at("f.NPY"), &volume));
  assert_ok(kvox_volume_array(volume, &array));
  assert_ok(kvox_volume_grid(volume, &grid));
  assert_int_equal(array.strides[2], 2);
  for (int k = 0; k < NK; k++) {
    for (int j = 0; j < NJ; j++) {
      for (int i = 0; i < NI; i++) {
        assert_int_equal(((uint16_t *)array.data)[(k * NJ + j) * NI + i], k * 1000 + j * 100 + i);
      }
    }
  }
  assert_true(grid.size[0] == NI && grid.size[1] == NJ && grid.size[2] == NK);
  assert_true(grid.spacing_mm[0] == 1 && grid.origin_mm[0] == -22 && grid.origin_mm[2] == -18);
  assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_ARBITRARY);
  kvox_volume_destroy(volume);

  const kvox_array slice = array_of(samples, KVOX_U16, 2, (int64_t[]){5, 6});
  assert_ok(kvox_io_write_array(context, at("slice.npy"), &slice));
  assert_ok(kvox_io_read_volume(context, at("slice.npy"), &volume));
  assert_ok(kvox_volume_array(volume, &array));
  assert_true(array.shape[0] == 1 && array.shape[1] == 5 && array.shape[2] == 6);
  assert_ok(kvox_io_write_volume(context, at("back.npy"), volume, NULL));
  kvox_io_array *back = NULL;
  assert_ok(kvox_io_read_array(context, at("back.npy"), &back));
  assert_same_samples(kvox_io_array_view(back), &array);
  kvox_io_array_destroy(back);
  kvox_volume_destroy(volume);

  const kvox_array line = array_of(samples, KVOX_U16, 1, (int64_t[]){5});
  assert_ok(kvox_io_write_array(context, at("line.npy"), &line));
  volume = NULL;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "line.npy: it has 1 dimensions",
               kvox_io_read_volume(context, at("line.npy"), &volume));
  assert_null(volume);
}

static void scans(void **state) {
  (void)state;
  static float samples[24];
  fill(samples, sizeof samples);
  const kvox_array flat = array_of(samples, KVOX_F32, 2, (int64_t[]){4, 6});
  const kvox_array full = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 3, 4});
  const kvox_array waves = array_of(samples, KVOX_C64, 3, (int64_t[]){2, 2, 3});
  const double angles[2] = {0, 1};
  kvox_io_scan *scan = NULL;
  assert_ok(kvox_io_write_array(context, at("scan.npy"), &flat));
  assert_ok(kvox_io_read_scan(context, at("scan.npy"), &scan));
  const kvox_array *p = kvox_io_scan_projections(scan);
  assert_true(p->rank == 3 && p->shape[0] == 4 && p->shape[1] == 1 && p->shape[2] == 6);
  assert_memory_equal(p->data, samples, sizeof samples);
  assert_null(kvox_io_scan_flat(scan));
  assert_null(kvox_io_scan_dark(scan));
  assert_null(kvox_io_scan_angles_deg(scan));
  kvox_io_scan_destroy(scan);

  assert_ok(kvox_io_write_scan(context, at("scan.npy"), &full, NULL, NULL, NULL));
  assert_ok(kvox_io_read_scan(context, at("scan.npy"), &scan));
  assert_same_samples(kvox_io_scan_projections(scan), &full);
  kvox_io_scan_destroy(scan);

  scan = NULL;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "write flat, dark and angles as .h5",
               kvox_io_write_scan(context, at("scan.npy"), &full, NULL, NULL, angles));
  assert_ok(kvox_io_write_array(context, at("scan.npy"), &waves));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "complex", kvox_io_read_scan(context, at("scan.npy"), &scan));
  assert_null(scan);
}

/* What was read outlives the caller's hold on the context. */
static void holds_context(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *brief = NULL;
  kvox_io_array *array = NULL;
  kvox_io_scan *scan = NULL;
  float samples[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const kvox_array given = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 2, 2});
  assert_ok(kvox_context_create(&options, &brief));
  assert_ok(kvox_io_write_array(brief, at("brief.npy"), &given));
  assert_ok(kvox_io_read_array(brief, at("brief.npy"), &array));
  assert_ok(kvox_io_read_scan(brief, at("brief.npy"), &scan));
  kvox_context_destroy(brief);
  assert_same_samples(kvox_io_array_view(array), &given);
  kvox_io_array_destroy(array);
  kvox_io_scan_destroy(scan);
  failing_heap_destroy(heap);
}

static kvox_status write_with(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_write_array(made, at("scarce.npy"), data);
  }
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  unsigned char bytes[256], samples[24];
  static const char header[] = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2, 3), }\n";
  fill(samples, sizeof samples);
  load_scenario load = {&kvox_io_npy_format, bytes, make(bytes, 1, header, samples, sizeof samples)};
  assert_true(failing_heap_try(load_with, &load) > 5);
  kvox_array array = array_of(samples, KVOX_I16, 1, (int64_t[]){12});
  const int before = count_files(false);
  assert_true(failing_heap_try(write_with, &array) > 2);
  assert_int_equal(count_files(false), before + 1);
}

static void real_kspace(void **state) {
  (void)state;
  const char *path = real_data("mri/brain_8ch_undersampled.npy");
  if (path == NULL) {
    return;
  }
  kvox_io_array *array = NULL;
  assert_ok(kvox_io_read_array(context, path, &array));
  const kvox_array *a = kvox_io_array_view(array);
  assert_true(a->type == KVOX_C64 && a->rank == 3 && a->shape[0] == 8 && a->shape[1] == 230 && a->shape[2] == 180);
  int64_t sampled = 0;
  const float *samples = a->data;
  for (int64_t i = 0; i < 230 * 180; i++) {
    sampled += samples[2 * i] != 0 || samples[2 * i + 1] != 0;
  }
  /* The data's description says 12.4 %. */
  assert_close((double)sampled / (230 * 180), 0.124, 0.0005);
  kvox_io_array_destroy(array);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_bytes),   cmocka_unit_test(round_trips),   cmocka_unit_test(large),
      cmocka_unit_test(orders),        cmocka_unit_test(headers),       cmocka_unit_test(other_files),
      cmocka_unit_test(hostile_sizes), cmocka_unit_test(truncated),     cmocka_unit_test(volumes),
      cmocka_unit_test(scans),         cmocka_unit_test(holds_context), cmocka_unit_test(scarce_memory),
      cmocka_unit_test(real_kspace),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

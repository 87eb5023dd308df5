/* BART's .cfl and .hdr: as BART writes them, turned round, whole or refused. */
#include "files.h"

enum { MOST_SAMPLES = 4096 };

/* A header and so many samples with the real part their number, the imaginary part its negative. */
static void put_pair(const char *header, int samples) {
  static float pairs[MOST_SAMPLES][2];
  assert_true(samples <= MOST_SAMPLES);
  for (int i = 0; i < samples; i++) {
    pairs[i][0] = (float)i, pairs[i][1] = (float)-i;
  }
  put_file("a.hdr", header, strlen(header));
  put_file("a.cfl", pairs, (size_t)samples * sizeof pairs[0]);
}

static kvox_status read_pair(kvox_io_array **array) {
  *array = NULL;
  return kvox_io_read_array(context, at("a.cfl"), array);
}

/* What BART 0.8 writes, with a command and names of files after the dimensions. */
static void barts_files(void **state) {
  (void)state;
  kvox_io_array *array = NULL;
  put_pair(
      "# Dimensions\n4 3 2 5 1 1 1 1 1 1 1 1 1 1 1 1 \n# Command\nphantom -k -s5 /secret/a\n# Files\n >a\n"
      "# Creator\nBART v0.8.00\n",
      120);
  assert_ok(read_pair(&array));
  const kvox_array *a = kvox_io_array_view(array);
  const int64_t shape[4] = {5, 2, 3, 4};
  assert_int_equal(a->type, KVOX_C64);
  assert_int_equal(a->rank, 4);
  assert_memory_equal(a->shape, shape, sizeof shape);
  /* Element (x, y, z, coil) = (1, 2, 1, 3) of the file is [3, 1, 2, 1]. */
  const float *one =
      (const float *)((char *)a->data + 3 * a->strides[0] + 1 * a->strides[1] + 2 * a->strides[2] + 1 * a->strides[3]);
  const int number = 1 + 4 * (2 + 3 * (1 + 2 * 3));
  assert_true(one[0] == (float)number && one[1] == (float)-number);
  kvox_io_array_destroy(array);
}

static void assert_shape(const char *header, int samples, int rank, const int64_t *shape) {
  kvox_io_array *array = NULL;
  put_pair(header, samples);
  assert_ok(read_pair(&array));
  assert_int_equal(kvox_io_array_view(array)->rank, rank);
  assert_memory_equal(kvox_io_array_view(array)->shape, shape, (size_t)rank * sizeof *shape);
  kvox_io_array_destroy(array);
}

static void shapes(void **state) {
  (void)state;
  assert_shape("# Dimensions\n1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", 1, 1, (int64_t[]){1});
  assert_shape("# Dimensions\r\n6\r\n", 6, 1, (int64_t[]){6});
  assert_shape("other\n# Dimensions\n\t1 1 6", 6, 3, (int64_t[]){6, 1, 1});
  /* Slices are dimension 13: the sizes of 1 between the coils and them go, those before stay. */
  assert_shape("# Dimensions\n4 1 1 3 1 1 1 1 1 1 1 1 1 5 1 1\n", 60, 5, (int64_t[]){5, 3, 1, 1, 4});
  assert_shape("# Dimensions\n2 1 2 1 2 2 2 1 2 1 1 1 1 1 1 1\n", 64, 8, (int64_t[]){2, 2, 2, 2, 1, 2, 1, 2});
}

static void round_trip(void **state) {
  (void)state;
  static float samples[2 * 60];
  fill(samples, sizeof samples);
  kvox_io_array *array = NULL;
  kvox_array a = array_of(samples, KVOX_C64, 3, (int64_t[]){3, 4, 5});
  /* Dense, then turned in memory. */
  for (int turned = 0; turned < 2; turned++) {
    assert_ok(kvox_io_write_array(context, at("b.CFL"), &a));
    assert_ok(kvox_io_read_array(context, at("b.CFL"), &array));
    assert_same_samples(&a, kvox_io_array_view(array));
    kvox_io_array_destroy(array);
    a = (kvox_array){.data = samples, .type = KVOX_C64, .rank = 2, .shape = {5, 12}, .strides = {8, 40}};
  }
  /* Real samples: 700 of them take more than one piece. */
  static float real[700];
  for (int i = 0; i < 700; i++) {
    real[i] = (float)i;
  }
  a = array_of(real, KVOX_F32, 2, (int64_t[]){7, 100});
  assert_ok(kvox_io_write_array(context, at("b.cfl"), &a));
  assert_ok(kvox_io_read_array(context, at("b.cfl"), &array));
  const kvox_array *b = kvox_io_array_view(array);
  assert_true(b->type == KVOX_C64 && b->shape[0] == 7 && b->shape[1] == 100);
  for (int i = 0; i < 700; i++) {
    const float *pair = (const float *)b->data + 2 * i;
    assert_true(pair[0] == (float)i && pair[1] == 0);
  }
  kvox_io_array_destroy(array);
  size_t size = 0;
  unsigned char *header = get_file("b.hdr", &size);
  assert_string_equal((char *)header, "# Dimensions\n100 7 1 1 1 1 1 1 1 1 1 1 1 1 1 1 \n");
  free(header);
  a = array_of(real, KVOX_U8, 1, (int64_t[]){7});
  assert_fails(KVOX_ERROR_UNSUPPORTED, "b.cfl: .cfl holds c64", kvox_io_write_array(context, at("b.cfl"), &a));
}

static void refused(void **state) {
  (void)state;
  static const struct {
    const char *header;
    int samples;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"", 6, KVOX_ERROR_FORMAT, "a.hdr: it has no line"},
      {"# Dimensions", 6, KVOX_ERROR_FORMAT, "it has no line"},
      {"# Dimensions\n", 6, KVOX_ERROR_FORMAT, "it has no line"},
      {"# Dimensions\n\n6\n", 6, KVOX_ERROR_FORMAT, "no dimensions"},
      {"# Dimensions\n2 -3\n", 6, KVOX_ERROR_FORMAT, "whole numbers"},
      {"# Dimensions\n2 0\n", 6, KVOX_ERROR_FORMAT, "whole numbers"},
      {"# Dimensions\n2 3.5\n", 6, KVOX_ERROR_FORMAT, "whole numbers"},
      {"# Dimensions\n99999999999999999999\n", 6, KVOX_ERROR_FORMAT, "whole numbers"},
      {"# Dimensions\n6 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", 6, KVOX_ERROR_FORMAT, "at most 16"},
      {"# Dimensions\n4000000000 4000000000 4000000000\n", 6, KVOX_ERROR_FORMAT, "more than any file"},
      {"# Dimensions\n2 2 2 2 2 2 2 2 2\n", 512, KVOX_ERROR_UNSUPPORTED, "at most 8"},
      {"# Dimensions\n7\n", 6, KVOX_ERROR_FORMAT, "a.cfl: its header promises 56 bytes"},
      {"# Dimensions\n5\n", 6, KVOX_ERROR_FORMAT, "a.cfl: it has 48 bytes, its header says 40"},
      {"# Dimensions\n5\n", 0, KVOX_ERROR_FORMAT, "a.cfl: "},
  };
  kvox_io_array *array = NULL;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    put_pair(cases[c].header, cases[c].samples);
    assert_fails(cases[c].status, cases[c].words, read_pair(&array));
    assert_int_equal(strncmp(kvox_last_error(), "a.cfl: ", 7), 0);
  }
  unlink(at("a.hdr"));
  assert_fails(KVOX_ERROR_IO, "a.hdr: it cannot be opened", read_pair(&array));
}

/* Every header cut short and every file cut short is refused, but one whose last line is whole without its end. */
static void cut_short(void **state) {
  (void)state;
  static const char header[] = "# Dimensions\n2 3 \n# Command\n";
  kvox_io_array *array = NULL;
  for (size_t length = 0; length < sizeof header - 1; length++) {
    put_pair(header, 6);
    put_file("a.hdr", header, length);
    const kvox_status status = read_pair(&array);
    assert_int_equal(status, length < strlen("# Dimensions\n2 3") ? KVOX_ERROR_FORMAT : KVOX_OK);
    kvox_io_array_destroy(array);
  }
  put_pair(header, 6);
  size_t size = 0;
  unsigned char *bytes = get_file("a.cfl", &size);
  for (size_t length = 0; length < size; length++) {
    put_file("a.cfl", bytes, length);
    assert_fails(KVOX_ERROR_FORMAT, "a.cfl: ", read_pair(&array));
  }
  free(bytes);
}

static kvox_status both_ways(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_io_array *array = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_write_array(made, at("f.cfl"), data);
  }
  if (status == KVOX_OK) {
    status = kvox_io_read_array(made, at("f.cfl"), &array);
  }
  kvox_io_array_destroy(array);
  kvox_context_destroy(made);
  return status;
}

static void failing_allocations(void **state) {
  (void)state;
  float samples[12] = {0};
  kvox_array a = array_of(samples, KVOX_C64, 1, (int64_t[]){6});
  assert_true(failing_heap_try(both_ways, &a) >= 5);
  /* Nothing half-written stays. */
  count_files(true);
  a.type = KVOX_F64;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "f64", kvox_io_write_array(context, at("f.cfl"), &a));
  assert_int_equal(count_files(false), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(barts_files), cmocka_unit_test(shapes),    cmocka_unit_test(round_trip),
      cmocka_unit_test(refused),     cmocka_unit_test(cut_short), cmocka_unit_test(failing_allocations),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

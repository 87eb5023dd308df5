/* Siemens' raw data that are cut, broken or hostile. */
#include "twix_files.h"

static void broken_texts(void **state) {
  (void)state;
  static const struct {
    const char *yaps, *meas, *words;
  } cases[] = {
      {NULL, twix_epi, "its header has no text MeasYaps"},
      {"", NULL, "MeasYaps lacks sKSpace.lBaseResolution"},
      {"sKSpace.lBaseResolution = 4\n", NULL, "MeasYaps lacks sKSpace.lPhaseEncodingLines"},
      {TWIX_2D "sKSpace.lBaseResolution = 0\n", NULL, "sKSpace.lBaseResolution must be a whole number from 1 to 65535"},
      {TWIX_2D "sKSpace.lBaseResolution = 1.5\n", NULL, "sKSpace.lBaseResolution must be a whole"},
      {TWIX_2D "sKSpace.lBaseResolution = 70000\n", NULL, "sKSpace.lBaseResolution must be a whole"},
      {TWIX_2D "sKSpace.lBaseResolution =\n7\n", NULL, "sKSpace.lBaseResolution must be a whole"},
      {TWIX_2D "sKSpace.lPhaseEncodingLines = \"Secret\"\n", NULL, "sKSpace.lPhaseEncodingLines must be a whole"},
      {TWIX_2D "sKSpace.lPartitions = -1\n", NULL, "sKSpace.lPartitions must be"},
      {TWIX_2D "sKSpace.lPartitions = 1"
               "000000000000000000000000000000000000000000000000000000\n",
       NULL, "sKSpace.lPartitions must be"},
      {TWIX_2D "sSliceArray.asSlice[0].dReadoutFOV = 0\n", NULL, "dReadoutFOV must be a number from 0.001 to 100000"},
      {TWIX_2D "sSliceArray.asSlice[0].dThickness = 1e999\n", NULL, "dThickness must be"},
      {TWIX_2D "sSliceArray.asSlice[0].dThickness = nan\n", NULL, "dThickness must be"},
      {TWIX_2D "alTE[3] = -5\n", NULL, "alTE[3] is no time"},
      {TWIX_2D "lContrasts = 65\n", NULL, "more than 64 echo times"},
      {TWIX_2D, "<ParamLong.\"alRegridRampupTime\"> { -3 }", "alRegridRampupTime must be a number"},
      {TWIX_2D, "<ParamLong.\"alRegridRampupTime\"> { 1e9 }", "alRegridRampupTime must be a number"},
      {TWIX_2D "alTE[99] = -5\nalTE[] = 1\nalTE[x] = 1\n= 3\n=\n x\nlContrasts 7",
       "<P.\"alRegridRampupTime\"> { <Precision>", NULL},
      {TWIX_2D, ".\"alRegridRampupTime\"> {", NULL},
      {TWIX_2D, ".\"alRegridRampupTime\">", NULL},
      {TWIX_2D, ".\"alRegridRampupTime", NULL},
      {TWIX_2D, ".\"", NULL},
  };
  const twix_readout list[] = {{.channels = 1, .samples = 1}};
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    const twix_file f = {.yaps = cases[c].yaps, .meas = cases[c].meas, .list = list, .count = 1};
    kvox_io_mri *file = NULL;
    twix_put_file("text.dat", &f);
    const kvox_status status = open_logged("text.dat", &file);
    const char *words = cases[c].words;
    if ((status == KVOX_OK) != (words == NULL) || (words != NULL && strstr(kvox_last_error(), words) == NULL)) {
      fail_msg("case %zu: %s (%s)", c, kvox_status_string(status), kvox_last_error());
    }
    assert_true(status == KVOX_OK || strstr(kvox_last_error(), "Secret") == NULL);
    assert_null(strstr(logged, "Secret"));
    kvox_io_mri_close(file);
  }
}

/* Opens and reads all; what is read can be looked at. */
static kvox_status read_all(kvox_context *of, const void *bytes, size_t size) {
  const kvox_io_file memory = kvox_io_file_in_memory(of, "file", bytes, (int64_t)size);
  kvox_io_mri *file = NULL;
  kvox_mri_readout r;
  kvox_status status = kvox_io_mri_load(&kvox_io_twix_format, &memory, &file), first = status;
  const int64_t count = status == KVOX_OK ? kvox_io_mri_readouts(file) : 0;
  for (int64_t i = 0; i < count; i++) {
    status = kvox_io_mri_read(file, i, &r);
    first = first == KVOX_OK ? status : first;
    double sum = 0;
    for (int64_t s = 0; status == KVOX_OK && s < 2 * (int64_t)r.samples * r.coils; s++) {
      sum += (double)r.data[s];
    }
    assert_false(sum == 1234.5678);
  }
  kvox_io_mri_close(file);
  return first;
}

/* A failure of the right kind with the file's name, everything given back, and never much memory. */
static kvox_status judged(failing_heap *heap, kvox_context *counted, const unsigned char *bytes, size_t size,
                          const char *what, size_t where) {
  const int64_t live = heap->live, before = heap->bytes;
  heap->most_bytes = before;
  /* A copy of just that size, so that a sanitizer sees a read beyond it. */
  unsigned char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  const kvox_status status = read_all(counted, copy, size);
  free(copy);
  if ((status != KVOX_OK && status != KVOX_ERROR_FORMAT && status != KVOX_ERROR_UNSUPPORTED &&
       status != KVOX_ERROR_DATA) ||
      (status != KVOX_OK && strncmp(kvox_last_error(), "file: ", 6) != 0)) {
    fail_msg("%s at %zu: %s (%s)", what, where, kvox_status_string(status), kvox_last_error());
  }
  assert_true(status == KVOX_OK || strstr(kvox_last_error(), "Secret") == NULL);
  assert_int_equal(heap->live, live);
  /* A text, the index and a readout: each at most the file. */
  if (heap->most_bytes - before > 3 * (int64_t)size + 8192) {
    fail_msg("%s at %zu: %lld bytes", what, where, (long long)(heap->most_bytes - before));
  }
  return status;
}

static void broken_files(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *counted = NULL;
  assert_ok(kvox_context_create(&options, &counted));
  for (int form = 0; form < 3; form++) {
    const twix_file f = {.vb = form == 1,
                         .no_lengths = form == 2,
                         .measurements = form == 2 ? 2 : 1,
                         .yaps = TWIX_2D,
                         .meas = twix_epi,
                         .list = twix_all,
                         .count = 4};
    const twix_bytes b = twix_make(&f);
    unsigned char kept[8];
    assert_ok(judged(heap, counted, b.at, b.size, "whole", 0));
    /* Where lengths are not in the file, one that is cut between readouts is as one broken off. */
    const size_t end = b.size - 160; /* of the header that says so */
    int whole = 0;
    for (size_t length = 0; length < end; length += form == 1 && length > 64 && length < 9900 ? 97 : 1) {
      const kvox_status status = judged(heap, counted, b.at, length, "cut", length);
      whole += status == KVOX_OK;
      assert_true(status == KVOX_ERROR_FORMAT || (form > 0 && status == KVOX_OK));
    }
    /* The ends of the header, of noise, of signals, of the navigator and of the line. VB's header has no other length.
     */
    assert_int_equal(whole, form == 0 ? 0 : 5);
    for (size_t i = 0; i + 8 <= b.size; i += form == 1 && i > 64 && i < 9900 ? 97 : 1) {
      memcpy(kept, b.at + i, 8);
      b.at[i] ^= (unsigned char)(1u << (i % 8));
      judged(heap, counted, b.at, b.size, "a bit", i);
      b.at[i] = (unsigned char)~kept[0];
      judged(heap, counted, b.at, b.size, "a byte", i);
      b.at[i] = kept[0];
      if (i % 4 == 0) {
        memset(b.at + i, 0xff, 8);
        judged(heap, counted, b.at, b.size, "all ones", i);
        b.at[i + 7] = 0x7f;
        judged(heap, counted, b.at, b.size, "the largest", i);
        memset(b.at + i, 0, 8);
        judged(heap, counted, b.at, b.size, "zeros", i);
        memcpy(b.at + i, kept, 8);
      }
    }
    free(b.at);
  }
  kvox_context_destroy(counted);
  failing_heap_destroy(heap);
}

/* Sizes that lie, each by its sentence. */
static void hostile_sizes(void **state) {
  (void)state;
  const twix_readout list[] = {
      {.channels = 65535, .samples = 1}, {.mask = TWIX_BIT(5), .dma = 8}, {.channels = 0, .dma = 64}};
  static const struct {
    size_t at;
    uint64_t value;
    int bytes;
    const char *words;
  } cases[] = {
      {4, 0, 4, "the number of measurements must be 1 to 64, it is 0"},
      {4, 65, 4, "it is 65"},
      {4, 64, 4, "truncated"},
      {16, 0, 8, "measurement 1 must have"},
      {16, UINT64_MAX, 8, "measurement 1 must have"},
      {24, UINT64_MAX, 8, "measurement 1 must have 18446744073709551615 bytes"},
      {24, 4, 8, "its measurement has no header"},
      {160, UINT32_MAX, 4, "a header of 4294967295 bytes"},
      {160, 7, 4, "a header of 7 bytes"},
      {164, 1025, 4, "with 1025 texts"},
      {175, UINT32_MAX, 4, "the text at byte 168 has no name"},
  };
  const twix_readout one[] = {{.channels = 1, .samples = 1}};
  const twix_file good = {.yaps = TWIX_2D, .list = one, .count = 1};
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    const twix_bytes b = twix_make(&good);
    twix_bytes changed = b;
    twix_set(&changed, cases[c].at, cases[c].value, cases[c].bytes);
    if (read_all(context, b.at, b.size) != KVOX_ERROR_FORMAT || strstr(kvox_last_error(), cases[c].words) == NULL) {
      fail_msg("case %zu: %s", c, kvox_last_error());
    }
    free(b.at);
  }
  for (int i = 0; i < 3; i++) {
    const twix_file f = {.yaps = TWIX_2D, .list = &list[i], .count = 1};
    twix_bytes b = twix_make(&f);
    /* Of the large one only the begin is there. */
    b.size = i == 0 ? b.size - 1000 : b.size;
    twix_set(&b, 24, b.size - 160, 8);
    assert_fails(KVOX_ERROR_FORMAT,
                 i == 0   ? "must have 2621592 bytes"
                 : i == 1 ? "must have 8 bytes"
                          : "must have 64 bytes",
                 read_all(context, b.at, b.size));
    free(b.at);
  }
  put_file("none.dat", "", 0);
  kvox_io_mri *file = NULL;
  assert_fails(KVOX_ERROR_FORMAT, "none.dat: it is truncated", open_logged("none.dat", &file));
}

static void failing_allocations(void **state) {
  (void)state;
  const twix_file f = {.yaps = TWIX_2D, .meas = twix_epi, .list = twix_all, .count = TWIX_COUNT};
  char path[400];
  snprintf(path, sizeof path, "%s", at("heap.dat"));
  twix_put_file("heap.dat", &f);
  assert_true(failing_heap_try(open_and_read, path) >= 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(broken_texts),
      cmocka_unit_test(broken_files),
      cmocka_unit_test(hostile_sizes),
      cmocka_unit_test(failing_allocations),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* PNG: pictures there and back, files of every kind that PNG knows, slices of volumes. */
#include <math.h>
#include <zlib.h>

#include "files.h"
#include "kvox/picture.h"

enum { MOST = 4096 };

static void put_u32(unsigned char *out, uint32_t value) {
  for (int i = 0; i < 4; i++) {
    out[i] = (unsigned char)(value >> (24 - 8 * i));
  }
}

static size_t put_chunk(unsigned char *out, const char *type, const void *data, size_t size) {
  put_u32(out, (uint32_t)size);
  memcpy(out + 4, type, 4);
  memcpy(out + 8, data, size);
  put_u32(out + 8 + size, (uint32_t)crc32(0, out + 4, (uInt)size + 4));
  return size + 12;
}

/* A PNG of `raw` (each row after its filter byte); `palette` of 4 colours or NULL. */
static size_t make(unsigned char *out, uint32_t width, uint32_t height, const unsigned char kind[3], const void *raw,
                   size_t bytes, const unsigned char *palette) {
  static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  unsigned char header[13] = {0}, packed[512];
  uLongf packed_size = sizeof packed;
  size_t used = sizeof signature;
  put_u32(header, width);
  put_u32(header + 4, height);
  header[8] = kind[0];
  header[9] = kind[1];
  header[12] = kind[2];
  assert_int_equal(compress(packed, &packed_size, raw, (uLong)bytes), Z_OK);
  memcpy(out, signature, used);
  used += put_chunk(out + used, "IHDR", header, sizeof header);
  if (palette != NULL) {
    used += put_chunk(out + used, "PLTE", palette, 12);
  }
  used += put_chunk(out + used, "IDAT", packed, packed_size);
  return used + put_chunk(out + used, "IEND", "", 0);
}

/* Bits, colour type, interlacing. */
static const unsigned char grey1[3] = {1, 0, 0}, grey2[3] = {2, 0, 0}, grey8[3] = {8, 0, 0}, grey16[3] = {16, 0, 0},
                           grey8_interlaced[3] = {8, 0, 1}, rgb8[3] = {8, 2, 0}, rgb16[3] = {16, 2, 0},
                           palette2[3] = {2, 3, 0}, grey_alpha[3] = {8, 4, 0}, rgb_alpha[3] = {8, 6, 0};

static kvox_status load(const void *bytes, size_t size, kvox_io_array **array) {
  kvox_io_file file = kvox_io_file_in_memory(context, "file", bytes, (int64_t)size);
  *array = NULL;
  return kvox_io_load_array(&kvox_io_png_format, &file, array);
}

static void assert_pixels(const unsigned char *bytes, size_t size, kvox_type type, int rank, const void *pixels,
                          size_t pixel_bytes) {
  kvox_io_array *array = NULL;
  assert_ok(load(bytes, size, &array));
  const kvox_array *a = kvox_io_array_view(array);
  assert_int_equal(a->type, type);
  assert_int_equal(a->rank, rank);
  assert_int_equal(a->shape[0] * a->strides[0], (int64_t)pixel_bytes);
  assert_memory_equal(a->data, pixels, pixel_bytes);
  kvox_io_array_destroy(array);
}

static void kinds(void **state) {
  (void)state;
  unsigned char bytes[MOST];
  const unsigned char bits[] = {0, 0xb0, 0, 0x48}, white = 255;
  const unsigned char bits_out[] = {white, 0, white, white, 0, 0, white, 0, 0, white};
  assert_pixels(bytes, make(bytes, 5, 2, grey1, bits, 4, NULL), KVOX_U8, 2, bits_out, 10);
  const unsigned char pairs[] = {0, 0x1b}, pairs_out[] = {0, 85, 170, 255};
  assert_pixels(bytes, make(bytes, 4, 1, grey2, pairs, 2, NULL), KVOX_U8, 2, pairs_out, 4);
  const unsigned char deep[] = {0, 0x12, 0x34, 0xff, 0xfe};
  const uint16_t deep_out[] = {0x1234, 0xfffe};
  assert_pixels(bytes, make(bytes, 2, 1, grey16, deep, 5, NULL), KVOX_U16, 2, deep_out, 4);
  const unsigned char palette[12] = {1, 2, 3, 10, 20, 30, 100, 110, 120, 255, 254, 253};
  const unsigned char places[] = {0, 0x18}, places_out[] = {1, 2, 3, 10, 20, 30, 100, 110, 120};
  assert_pixels(bytes, make(bytes, 3, 1, palette2, places, 2, palette), KVOX_U8, 3, places_out, 9);
  const unsigned char colours[] = {0, 1, 2, 3, 4, 5, 6};
  assert_pixels(bytes, make(bytes, 2, 1, rgb8, colours, 7, NULL), KVOX_U8, 3, colours + 1, 6);
  /* The passes of Adam7 over 3 x 3: (0,0); (2,0); (0,2) (2,2); (1,0), (1,2); (0,1) (1,1) (2,1). */
  const unsigned char adam[] = {0, 1, 0, 3, 0, 7, 9, 0, 2, 0, 8, 0, 4, 5, 6}, adam_out[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  assert_pixels(bytes, make(bytes, 3, 3, grey8_interlaced, adam, sizeof adam, NULL), KVOX_U8, 2, adam_out, 9);

  kvox_io_array *array = NULL;
  const unsigned char zeros[32] = {0};
  assert_fails(KVOX_ERROR_UNSUPPORTED, "alpha", load(bytes, make(bytes, 1, 1, grey_alpha, zeros, 3, NULL), &array));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "alpha", load(bytes, make(bytes, 1, 1, rgb_alpha, zeros, 5, NULL), &array));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "16 bits", load(bytes, make(bytes, 1, 1, rgb16, zeros, 7, NULL), &array));
  assert_null(array);
}

static void round_trips(void **state) {
  (void)state;
  enum { ROWS = 37, COLUMNS = 211 };
  static unsigned char data[ROWS * COLUMNS * 3];
  fill(data, sizeof data);
  const kvox_array grey = array_of(data, KVOX_U8, 2, (int64_t[]){ROWS, COLUMNS});
  const kvox_array deep = array_of(data, KVOX_U16, 2, (int64_t[]){ROWS, COLUMNS});
  const kvox_array colour = array_of(data, KVOX_U8, 3, (int64_t[]){ROWS, COLUMNS, 3});
  kvox_array turned = deep, planes = colour;
  turned.data = data + (ROWS - 1) * deep.strides[0];
  turned.strides[0] = -deep.strides[0];
  /* Planes of red, green and blue as the interleaved picture that they are. */
  planes.strides[0] = COLUMNS;
  planes.strides[1] = 1;
  planes.strides[2] = ROWS * COLUMNS;
  const kvox_array *const pictures[] = {&grey, &deep, &colour, &turned, &planes};
  for (int i = 0; i < 5; i++) {
    kvox_io_array *back = NULL;
    assert_ok(kvox_io_write_array(context, at("round.png"), pictures[i]));
    assert_ok(kvox_io_read_array(context, at("round.png"), &back));
    assert_same_samples(kvox_io_array_view(back), pictures[i]);
    kvox_io_array_destroy(back);
  }
}

static void not_written(void **state) {
  (void)state;
  static unsigned char data[256];
  const kvox_array wrong[] = {
      array_of(data, KVOX_F32, 2, (int64_t[]){2, 2}),      array_of(data, KVOX_U8, 1, (int64_t[]){4}),
      array_of(data, KVOX_U8, 3, (int64_t[]){2, 2, 4}),    array_of(data, KVOX_U16, 3, (int64_t[]){2, 2, 3}),
      array_of(data, KVOX_U8, 4, (int64_t[]){1, 2, 2, 3}),
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_fails(KVOX_ERROR_ARGUMENT, "not.png: a picture is", kvox_io_write_array(context, at("not.png"), &wrong[i]));
  }
  const kvox_array wide = array_of(data, KVOX_U8, 2, (int64_t[]){1, INT64_C(1) << 31});
  assert_fails(KVOX_ERROR_SIZE, "2^31 - 1", kvox_io_write_array(context, at("not.png"), &wide));
  assert_int_not_equal(access(at("not.png"), F_OK), 0);
}

/* Each byte wrong in turn: a failure or, in what means nothing to the pixels, the same picture; never a third. */
static void damaged(void **state) {
  (void)state;
  unsigned char bytes[MOST], raw[33];
  for (int i = 0; i < 33; i++) {
    raw[i] = (unsigned char)(i % 11 == 0 ? 0 : i * 7);
  }
  const size_t size = make(bytes, 10, 3, grey8, raw, sizeof raw, NULL);
  for (size_t i = 0; i < size; i++) {
    kvox_io_array *array = NULL;
    bytes[i] ^= 0x5a;
    const kvox_status status = load(bytes, size, &array);
    if (status == KVOX_OK) {
      const kvox_array *a = kvox_io_array_view(array);
      assert_int_equal(a->shape[1], 10);
      assert_memory_equal((char *)a->data + 10, raw + 12, 10);
    } else {
      assert_true(status == KVOX_ERROR_FORMAT || status == KVOX_ERROR_UNSUPPORTED);
      assert_int_equal(strncmp(kvox_last_error(), "file: ", 6), 0);
    }
    kvox_io_array_destroy(array);
    bytes[i] ^= 0x5a;
  }
}

static void truncated(void **state) {
  (void)state;
  unsigned char bytes[MOST], raw[33] = {0};
  assert_truncation_fails(&kvox_io_png_format, bytes, make(bytes, 10, 3, grey8, raw, sizeof raw, NULL));
  assert_truncation_fails(&kvox_io_png_format, bytes, make(bytes, 3, 3, grey8_interlaced, raw, 15, NULL));
}

/* A few bytes that claim to be the largest picture there is. */
static void hostile_sizes(void **state) {
  (void)state;
  unsigned char bytes[MOST], raw[33] = {0};
  const uint32_t sizes[][2] = {{0x7fffffff, 0x7fffffff}, {1000000, 1000000}, {0x7fffffff, 1}, {1, 0x7fffffff}};
  for (int i = 0; i < 4; i++) {
    assert_fails_small(&kvox_io_png_format, bytes, make(bytes, sizes[i][0], sizes[i][1], rgb8, raw, 33, NULL),
                       "file: ", 1 << 16);
  }
  const uint32_t no_size[][2] = {{0, 5}, {5, 0}, {0x80000000u, 5}};
  for (int i = 0; i < 3; i++) {
    assert_fails_small(&kvox_io_png_format, bytes, make(bytes, no_size[i][0], no_size[i][1], grey8, raw, 33, NULL),
                       "PNG data are broken", 1 << 16);
  }
  assert_fails_small(&kvox_io_png_format, "no picture at all", 17, "no PNG file", 1 << 12);
}

static kvox_volume *ramp(float *samples, kvox_type type) {
  const int64_t size[3] = {5, 4, 3};
  const double spacing[3] = {1, 1, 1};
  kvox_grid grid;
  kvox_volume *volume = NULL;
  const kvox_array array = array_of(samples, type, 3, (int64_t[]){3, 4, 5});
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  return volume;
}

/* Row 0 of the picture is j = 0; the middle slice unless another is asked for; the window of DICOM. */
static void slices(void **state) {
  (void)state;
  float samples[60];
  for (int i = 0; i < 60; i++) {
    samples[i] = (float)(i * 10 - 200);
  }
  kvox_volume *volume = ramp(samples, KVOX_F32);
  kvox_io_write_options options;
  kvox_io_write_options_init(&options);
  assert_int_equal(options.slice, -1);
  options.window_center = 40;
  options.window_width = 400;
  for (int slice = -1; slice < 3; slice++) {
    for (int bits = 8; bits <= 16; bits += 8) {
      kvox_io_array *picture = NULL;
      unsigned char levels[40];
      const int k = slice < 0 ? 1 : slice;
      kvox_array from = array_of(samples + k * 20, KVOX_F32, 2, (int64_t[]){4, 5});
      kvox_array to = array_of(levels, bits == 8 ? KVOX_U8 : KVOX_U16, 2, (int64_t[]){4, 5});
      options.slice = slice;
      options.bits = bits;
      assert_ok(kvox_io_write_volume(context, at("slice.png"), volume, &options));
      assert_ok(kvox_io_read_array(context, at("slice.png"), &picture));
      assert_ok(kvox_picture_window(context, &from, KVOX_WINDOW_LINEAR, 40, 400, &to));
      assert_same_samples(kvox_io_array_view(picture), &to);
      /* 40 -> 128 of 255: sample 24 is row 0, column 4 of the middle slice. */
      if (slice == -1 && bits == 8) {
        assert_int_equal(((unsigned char *)kvox_io_array_view(picture)->data)[4], 128);
      }
      kvox_io_array_destroy(picture);
    }
  }
  options.slice = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "slice 3 is asked for, the volume has 0 to 2",
               kvox_io_write_volume(context, at("slice.png"), volume, &options));
  options.slice = 0;
  options.bits = 12;
  assert_fails(KVOX_ERROR_ARGUMENT, "bits is 12", kvox_io_write_volume(context, at("slice.png"), volume, &options));
  options.bits = 8;
  options.window_width = -1;
  assert_int_equal(kvox_io_write_volume(context, at("slice.png"), volume, &options), KVOX_ERROR_ARGUMENT);
  kvox_volume_destroy(volume);
}

/* Without a window the slice shows its own range, in any unit; a slice of one value is grey. */
static void unknown_windows(void **state) {
  (void)state;
  float samples[60];
  for (int i = 0; i < 60; i++) {
    samples[i] = 0.02f + (float)i * 1e-4f;
  }
  for (int flat = 0; flat < 2; flat++) {
    kvox_volume *volume = ramp(samples, KVOX_F32);
    kvox_io_array *picture = NULL;
    assert_ok(kvox_io_write_volume(context, at("auto.png"), volume, NULL));
    assert_ok(kvox_io_read_array(context, at("auto.png"), &picture));
    const unsigned char *levels = kvox_io_array_view(picture)->data;
    for (int i = 1; i < 20; i++) {
      assert_true(flat ? levels[i] == levels[0] : levels[i] > levels[i - 1]);
    }
    assert_true(flat ? levels[0] >= 127 && levels[0] <= 128 : levels[0] == 0 && levels[19] == 255);
    kvox_io_array_destroy(picture);
    kvox_volume_destroy(volume);
    for (int i = 0; i < 60; i++) {
      samples[i] = -3;
    }
  }
  kvox_volume *waves = ramp((float[120]){0}, KVOX_C64);
  assert_fails(KVOX_ERROR_ARGUMENT, "waves.png: ", kvox_io_write_volume(context, at("waves.png"), waves, NULL));
  kvox_volume_destroy(waves);
}

static kvox_status write_with(const kvox_context_options *options, void *data) {
  unsigned char levels[12] = {0};
  const kvox_array picture = array_of(levels, KVOX_U8, 2, (int64_t[]){3, 4});
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_write_array(made, data, &picture);
  }
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  unsigned char bytes[MOST], raw[33] = {0};
  const unsigned char palette[12] = {1, 2, 3, 10, 20, 30, 100, 110, 120, 255, 254, 253};
  load_scenario load = {&kvox_io_png_format, bytes, make(bytes, 10, 3, grey8, raw, sizeof raw, NULL)};
  assert_true(failing_heap_try(load_with, &load) > 6);
  load.size = make(bytes, 3, 1, palette2, raw, 2, palette);
  assert_true(failing_heap_try(load_with, &load) > 6);
  char path[400];
  count_files(true);
  snprintf(path, sizeof path, "%s", at("scarce.png"));
  assert_true(failing_heap_try(write_with, path) > 6);
  assert_int_equal(count_files(true), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds),   cmocka_unit_test(round_trips),     cmocka_unit_test(not_written),
      cmocka_unit_test(damaged), cmocka_unit_test(truncated),       cmocka_unit_test(hostile_sizes),
      cmocka_unit_test(slices),  cmocka_unit_test(unknown_windows), cmocka_unit_test(scarce_memory),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

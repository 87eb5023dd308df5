/* MetaImage: ITK's files as they are, frames, where samples may lie, and everything that a header can get wrong. */
#include <math.h>

#include "files.h"

enum { MOST = 4096 };

/* As ITK 5.4 (SimpleITK 2.5) writes it: axes i, j, k along y, z, x; the samples are 100 * n. */
#define ITK_HEADER(compressed)                                                                                \
  "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n" compressed             \
  "TransformMatrix = 0 1 0 0 0 1 1 0 0\nOffset = -10.25 20.5 0.33333333333333331\nCenterOfRotation = 0 0 0\n" \
  "AnatomicalOrientation = AIR\nElementSpacing = 0.5 0.75 2.5\nDimSize = 2 3 2\nElementType = MET_SHORT\n"    \
  "ElementDataFile = LOCAL\n"
static const char itk_plain[] = ITK_HEADER("CompressedData = False\n");
static const char itk_packed[] = ITK_HEADER("CompressedData = True\nCompressedDataSize = 32\n");
static const char itk_packed_unsized[] = ITK_HEADER("CompressedData = True\n");
static const unsigned char itk_samples[24] = {0,  0, 100, 0, 200, 0, 44,  1, 144, 1, 244, 1,
                                              88, 2, 188, 2, 32,  3, 132, 3, 232, 3, 76,  4};
static const unsigned char itk_zlib[32] = {0x78, 0x5e, 0x63, 0x60, 0x48, 0x61, 0x38, 0xc1, 0xa0, 0xc3, 0x38,
                                           0x81, 0xf1, 0x0b, 0x63, 0x04, 0xd3, 0x1e, 0x26, 0x05, 0xe6, 0x16,
                                           0xe6, 0x17, 0xcc, 0x3e, 0x2c, 0x00, 0x46, 0x0e, 0x05, 0xdd};

static size_t join(unsigned char *out, const char *header, const void *samples, size_t bytes) {
  const size_t length = strlen(header);
  memcpy(out, header, length);
  memcpy(out + length, samples, bytes);
  return length + bytes;
}

static kvox_status load(const void *bytes, size_t size, kvox_volume **volume) {
  kvox_io_file file = kvox_io_file_in_memory(context, "file", bytes, (int64_t)size);
  *volume = NULL;
  return kvox_io_load_volume(&kvox_io_metaimage_format, &file, volume);
}

static void assert_itk(kvox_volume *volume) {
  kvox_array array;
  double world[3];
  const double index[3] = {1, 2, 1};
  assert_ok(kvox_volume_array(volume, &array));
  assert_true(array.type == KVOX_I16 && array.shape[0] == 2 && array.shape[1] == 3 && array.shape[2] == 2);
  for (int i = 0; i < 12; i++) {
    assert_int_equal(((int16_t *)array.data)[i], 100 * i);
  }
  /* TransformIndexToPhysicalPoint((1, 2, 1)) of SimpleITK. */
  assert_ok(kvox_volume_index_to_world(volume, index, world));
  assert_true(world[0] == -7.75 && world[1] == 21.0);
  assert_close(world[2], 1.8333333333333333, 1e-15);
  kvox_volume_destroy(volume);
}

static void itk_files(void **state) {
  (void)state;
  unsigned char bytes[MOST];
  kvox_volume *volume = NULL;
  assert_ok(load(bytes, join(bytes, itk_plain, itk_samples, sizeof itk_samples), &volume));
  assert_itk(volume);
  assert_ok(load(bytes, join(bytes, itk_packed, itk_zlib, sizeof itk_zlib), &volume));
  assert_itk(volume);
  assert_ok(load(bytes, join(bytes, itk_packed_unsized, itk_zlib, sizeof itk_zlib), &volume));
  assert_itk(volume);
}

static kvox_grid oblique(const int64_t size[3]) {
  const double spacing[3] = {0.1, 1.0 / 3, 2.7182818284590451};
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, size, spacing, (double[]){-1e-7, 12345.678901234567, 3}));
  const double a = 0.3, b = 1.1;
  const double axes[3][3] = {{cos(a), sin(a), 0}, {-sin(a) * cos(b), cos(a) * cos(b), sin(b)}, {0, 0, 1}};
  memcpy(grid.axes, axes, sizeof axes);
  return grid;
}

/* Every type, plain and packed, in one file and in two: the same bits of samples and frame; unit and provenance too. */
static void round_trips(void **state) {
  (void)state;
  static unsigned char data[4 * 5 * 6 * 8];
  static char provenance[3000];
  const kvox_grid grid = oblique((int64_t[]){6, 5, 4});
  fill(data, sizeof data);
  for (size_t i = 0; i + 1 < sizeof provenance; i++) {
    provenance[i] = i % 7 == 3 || (i > 790 && i < 810) ? ' ' : (char)('a' + i % 26);
  }
  for (int t = 0; t < ALL_TYPES; t++) {
    if (all_types[t] == KVOX_F16 || all_types[t] == KVOX_C64) {
      continue;
    }
    for (int form = 0; form < 4; form++) {
      const char *name = form < 2 ? "round.mha" : "round.mhd";
      kvox_io_write_options options;
      kvox_volume *volume = NULL, *back = NULL;
      const kvox_array array = array_of(data, all_types[t], 3, (int64_t[]){4, 5, 6});
      kvox_array there;
      kvox_grid frame;
      kvox_io_write_options_init(&options);
      options.compress = form % 2;
      assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
      assert_ok(kvox_volume_set_unit(volume, t % 4));
      assert_ok(kvox_volume_set_provenance(volume, t == 0 ? "" : provenance));
      assert_ok(kvox_io_write_volume(context, at(name), volume, &options));
      assert_ok(kvox_io_read_volume(context, at(name), &back));
      assert_ok(kvox_volume_array(back, &there));
      assert_same_samples(&there, &array);
      assert_ok(kvox_volume_grid(back, &frame));
      assert_memory_equal(&frame, &grid, sizeof grid);
      assert_int_equal(kvox_volume_unit(back), t % 4);
      assert_string_equal(kvox_volume_provenance(back), kvox_volume_provenance(volume));
      kvox_volume_destroy(back);
      kvox_volume_destroy(volume);
    }
  }
  assert_int_equal(count_files(true), 4); /* round.mha, .mhd, .raw, .zraw */
}

/* JSON over several lines is one in the header, and still JSON. */
static void provenance_lines(void **state) {
  (void)state;
  float one = 1;
  const kvox_array array = array_of(&one, KVOX_F32, 3, (int64_t[]){1, 1, 1});
  const kvox_grid grid = oblique((int64_t[]){1, 1, 1});
  kvox_volume *volume = NULL, *back = NULL;
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  assert_ok(kvox_volume_set_provenance(volume, "{\n  \"a\": 1,\r\n\t\"b\": 2\n}"));
  assert_ok(kvox_io_write_volume(context, at("lines.mha"), volume, NULL));
  assert_ok(kvox_io_read_volume(context, at("lines.mha"), &back));
  assert_string_equal(kvox_volume_provenance(back), "{   \"a\": 1,   \"b\": 2 }");
  kvox_volume_destroy(back);
  kvox_volume_destroy(volume);
}

/* Strided samples go out in the order of the volume. */
static void strided(void **state) {
  (void)state;
  static int16_t data[3 * 4 * 5 * 2];
  fill(data, sizeof data);
  const kvox_grid grid = oblique((int64_t[]){3, 4, 5});
  const kvox_array array = {.data = data + 2, .type = KVOX_I16, .rank = 3, .shape = {5, 4, 3}, .strides = {24, 6, -2}};
  kvox_volume *volume = NULL, *back = NULL;
  kvox_array there;
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  assert_ok(kvox_io_write_volume(context, at("strided.mha"), volume, NULL));
  assert_ok(kvox_io_read_volume(context, at("strided.mha"), &back));
  assert_ok(kvox_volume_array(back, &there));
  assert_same_samples(&there, &array);
  kvox_volume_destroy(back);
  kvox_volume_destroy(volume);
}

static void not_written(void **state) {
  (void)state;
  static unsigned char data[64];
  const kvox_grid grid = oblique((int64_t[]){2, 2, 2});
  const kvox_type types[] = {KVOX_F16, KVOX_C64, KVOX_U8};
  const double origins[6] = {0, 0, 0, 1, 2, 3};
  for (int i = 0; i < 3; i++) {
    kvox_volume *volume = NULL;
    const kvox_array array = array_of(data, types[i], 3, (int64_t[]){2, 2, 2});
    assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
    if (i == 2) {
      assert_ok(kvox_volume_set_slice_origins(volume, origins));
    }
    assert_fails(KVOX_ERROR_UNSUPPORTED,
                 i == 0   ? "no f16 samples"
                 : i == 1 ? "no c64 samples"
                          : "origin for each slice",
                 kvox_io_write_volume(context, at("not.mha"), volume, NULL));
    kvox_volume_destroy(volume);
  }
  assert_int_not_equal(access(at("not.mha"), F_OK), 0);
}

/* The smallest header that is enough, with lines before its data line. */
static kvox_status load_lines(const char *lines, kvox_volume **volume) {
  unsigned char bytes[MOST];
  char header[1024];
  snprintf(header, sizeof header, "%sElementDataFile = LOCAL\n", lines);
  return load(bytes, join(bytes, header, itk_samples, 24), volume);
}

static void spellings(void **state) {
  (void)state;
  kvox_volume *volume = NULL;
  kvox_array array;
  kvox_grid grid;
  /* Two dimensions, other names, CR LF, no spaces, the other byte order. */
  assert_ok(
      load_lines("NDims=2\r\nDimSize =  4   3\r\nElementType= MET_USHORT \r\nOrientation = 0 1 -1 0\r\n"
                 "Position = 5 6\r\nElementByteOrderMSB = True\r\n\r\nElementSpacing = 2 3\r\n"
                 "Somebody = knows = what\r\n",
                 &volume));
  assert_ok(kvox_volume_array(volume, &array));
  assert_ok(kvox_volume_grid(volume, &grid));
  assert_true(array.shape[0] == 1 && array.shape[1] == 3 && array.shape[2] == 4);
  assert_int_equal(((uint16_t *)array.data)[1], 100 * 256);
  assert_true(grid.spacing_mm[0] == 2 && grid.spacing_mm[1] == 3 && grid.spacing_mm[2] == 1);
  assert_true(grid.origin_mm[0] == 5 && grid.origin_mm[1] == 6 && grid.origin_mm[2] == 0);
  assert_true(grid.axes[0][1] == 1 && grid.axes[1][0] == -1 && grid.axes[2][2] == 1 && grid.axes[0][0] == 0);
  kvox_volume_destroy(volume);
  /* No frame in the header: spacing 1 at the origin, as ITK has it. */
  assert_ok(load_lines("NDims = 3\nDimSize = 2 3 1\nElementType = MET_FLOAT\nKvoxUnit = parsec\n", &volume));
  assert_ok(kvox_volume_grid(volume, &grid));
  assert_true(grid.spacing_mm[2] == 1 && grid.origin_mm[0] == 0 && grid.axes[1][1] == 1);
  assert_int_equal(kvox_volume_unit(volume), KVOX_UNIT_ARBITRARY);
  kvox_volume_destroy(volume);
  /* The data are the end of the file, or begin at a byte of it. */
  unsigned char bytes[MOST];
  const char *const skips[] = {"HeaderSize = -1\n", "HeaderSize = 200\n"};
  for (int i = 0; i < 2; i++) {
    char header[512];
    snprintf(header, sizeof header, "NDims = 2\nDimSize = 4 3\nElementType = MET_SHORT\n%sElementDataFile = LOCAL\n",
             skips[i]);
    memset(bytes, '*', 200);
    memcpy(bytes, header, strlen(header));
    memcpy(bytes + 200, itk_samples, 24);
    assert_ok(load(bytes, 224, &volume));
    assert_ok(kvox_volume_array(volume, &array));
    assert_memory_equal(array.data, itk_samples, 24);
    kvox_volume_destroy(volume);
  }
}

static void headers(void **state) {
  (void)state;
#define KIND "NDims = 3\nDimSize = 2 3 2\nElementType = MET_SHORT\n"
  static const struct {
    const char *lines;
    kvox_status status;
    const char *words;
  } cases[] = {
      {"DimSize = 2 3 2\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "lacks NDims"},
      {"NDims = 3\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "lacks DimSize"},
      {"NDims = 3\nDimSize = 2 3 2\n", KVOX_ERROR_FORMAT, "lacks ElementType"},
      {KIND "NDims = 3\n", KVOX_ERROR_FORMAT, "NDims"},
      {KIND "Offset = 1 2 3\nOrigin = 1 2 3\n", KVOX_ERROR_FORMAT, "both Origin and Offset"},
      {KIND "KvoxProvenance = a\nX = 1\nKvoxProvenance = b\n", KVOX_ERROR_FORMAT, "KvoxProvenance"},
      {KIND "ElementSpacing = 1 -1 1\n", KVOX_ERROR_FORMAT, "ElementSpacing is \"1 -1 1\", must be positive"},
      {KIND "ElementSpacing = 1 0 1\n", KVOX_ERROR_FORMAT, "must be positive"},
      {KIND "ElementSpacing = 1 nan 1\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "ElementSpacing = 1 inf 1\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "ElementSpacing = 1 1\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "ElementSpacing = 1 1 1 1\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "ElementSpacing = 1,5 1 1\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "ElementSpacing =\n", KVOX_ERROR_FORMAT, "3 finite numbers"},
      {KIND "TransformMatrix = 1 0 0 0 1 0\n", KVOX_ERROR_FORMAT, "9 finite numbers"},
      {KIND "TransformMatrix = 2 0 0 0 1 0 0 0 1\n", KVOX_ERROR_FORMAT, "unit vectors"},
      {KIND "TransformMatrix = 1 0 0 1 0 0 0 0 1\n", KVOX_ERROR_FORMAT, "one plane"},
      {KIND "Offset = 1e999 0 0\n", KVOX_ERROR_FORMAT, "Offset"},
      {"NDims = 4\nDimSize = 1 1 1 1\nElementType = MET_SHORT\n", KVOX_ERROR_UNSUPPORTED, "4 dimensions"},
      {"NDims = 3.0\nDimSize = 2 3 2\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "NDims"},
      {"NDims = 3\nDimSize = 2 3 0\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "from 1"},
      {"NDims = 3\nDimSize = 2 -3 2\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "from 1"},
      {"NDims = 3\nDimSize = 2 3 99999999999999999999\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "from 1"},
      {"NDims = 3\nDimSize = 2 3 3\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "promises 36"},
      {"NDims = 3\nDimSize = 2 3 1\nElementType = MET_SHORT\n", KVOX_ERROR_FORMAT, "HeaderSize"},
      {"NDims = 3\nDimSize = 2 3 2\nElementType = MET_LONG_LONG\n", KVOX_ERROR_UNSUPPORTED, "MET_LONG_LONG"},
      {"NDims = 3\nDimSize = 2 3 2\nElementType = MET_SHORT_ARRAY\n", KVOX_ERROR_UNSUPPORTED, "MET_SHORT_ARRAY"},
      {KIND "ElementNumberOfChannels = 3\n", KVOX_ERROR_UNSUPPORTED, "3 channels"},
      {KIND "ElementNumberOfChannels = 1\n", KVOX_OK, ""},
      {KIND "BinaryData = False\n", KVOX_ERROR_UNSUPPORTED, "text"},
      {KIND "BinaryData = perhaps\n", KVOX_ERROR_FORMAT, "True or False"},
      {KIND "ObjectType = Tube\n", KVOX_ERROR_UNSUPPORTED, "no image"},
      {KIND "ElementToIntensityFunctionSlope = 2\n", KVOX_ERROR_UNSUPPORTED, "scales"},
      {KIND "ElementToIntensityFunctionOffset = -1024\n", KVOX_ERROR_UNSUPPORTED, "scales"},
      {KIND "HeaderSize = -2\n", KVOX_ERROR_FORMAT, "HeaderSize"},
      {KIND "HeaderSize = 3\n", KVOX_ERROR_FORMAT, "HeaderSize is 3"},
      {KIND "HeaderSize = 9000000000000000000\n", KVOX_ERROR_FORMAT, "truncated"},
      {KIND "CompressedData = True\n", KVOX_ERROR_FORMAT, "compressed data are broken"},
      {KIND "CompressedData = True\nCompressedDataSize = 25\n", KVOX_ERROR_FORMAT, "truncated"},
      {KIND "nothing here\n", KVOX_ERROR_FORMAT, "line 4"},
      {KIND "ElementDataFile = LIST\n", KVOX_ERROR_UNSUPPORTED, "list of files"},
      {KIND "ElementDataFile = slice%03d.raw 1 9 1\n", KVOX_ERROR_UNSUPPORTED, "list of files"},
      {KIND "ElementDataFile = /etc/passwd\n", KVOX_ERROR_FORMAT, "in the same folder"},
      {KIND "ElementDataFile = ../x.raw\n", KVOX_ERROR_FORMAT, "in the same folder"},
      {KIND "ElementDataFile = sub/x.raw\n", KVOX_ERROR_FORMAT, "in the same folder"},
      {KIND "ElementDataFile = c:\\x.raw\n", KVOX_ERROR_FORMAT, "in the same folder"},
      {KIND "ElementDataFile = ..\n", KVOX_ERROR_FORMAT, "in the same folder"},
      {KIND "ElementDataFile =\n", KVOX_ERROR_FORMAT, "LOCAL or a file name"},
      {KIND "ElementDataFile = x.raw\n", KVOX_ERROR_UNSUPPORTED, "another file"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kvox_volume *volume = NULL;
    const kvox_status status = load_lines(cases[i].lines, &volume);
    if (status != cases[i].status || (status != KVOX_OK && (strstr(kvox_last_error(), cases[i].words) == NULL ||
                                                            strncmp(kvox_last_error(), "file: ", 6) != 0))) {
      fail_msg("%s: %s (%s)", cases[i].lines, kvox_status_string(status), kvox_last_error());
    }
    assert_true((volume != NULL) == (status == KVOX_OK));
    kvox_volume_destroy(volume);
  }
}

static void no_metaimage(void **state) {
  (void)state;
  kvox_volume *volume = NULL;
  char *endless = malloc(1 << 18);
  assert_non_null(endless);
  memset(endless, 'x', 1 << 18);
  assert_fails(KVOX_ERROR_FORMAT, "does not end", load(endless, 1 << 18, &volume));
  memset(endless, '\n', 1 << 18);
  assert_fails(KVOX_ERROR_FORMAT, "does not end", load(endless, 1 << 18, &volume));
  free(endless);
  assert_fails(KVOX_ERROR_FORMAT, "is no text", load("NDims = \0\n", 11, &volume));
}

static void hostile_sizes(void **state) {
  (void)state;
  static const char *const sizes[] = {"4611686018427387904 1 1", "1000000 1000000 1000000", "2147483648 2147483648 1",
                                      "9223372036854775807 9223372036854775807 9223372036854775807"};
  unsigned char bytes[MOST];
  char header[256];
  for (int i = 0; i < 8; i++) {
    snprintf(header, sizeof header,
             "NDims = 3\nDimSize = %s\nElementType = MET_DOUBLE\nCompressedData = %s\n"
             "ElementDataFile = LOCAL\n",
             sizes[i / 2], i % 2 == 0 ? "True" : "False");
    assert_fails_small(&kvox_io_metaimage_format, bytes, join(bytes, header, itk_zlib, 32), "hold", 1 << 14);
  }
}

/* A stream that holds more or less than the header says, or is damaged at any byte, fails. */
static void damaged_streams(void **state) {
  (void)state;
  unsigned char bytes[MOST], stream[32];
  kvox_volume *volume = NULL;
  char header[512];
  const char *const sizes[] = {"2 3 1", "2 3 3", "2 2 2"};
  for (int i = 0; i < 3; i++) {
    snprintf(header, sizeof header,
             "NDims = 3\nDimSize = %s\nElementType = MET_SHORT\nCompressedData = True\n"
             "ElementDataFile = LOCAL\n",
             sizes[i]);
    assert_fails(KVOX_ERROR_FORMAT, "its header promises", load(bytes, join(bytes, header, itk_zlib, 32), &volume));
  }
  for (int i = 0; i < 32; i++) {
    memcpy(stream, itk_zlib, 32);
    stream[i] ^= 0x5a;
    assert_int_equal(load(bytes, join(bytes, itk_packed, stream, 32), &volume), KVOX_ERROR_FORMAT);
    assert_null(volume);
  }
}

static void truncated(void **state) {
  (void)state;
  unsigned char bytes[MOST];
  assert_truncation_fails(&kvox_io_metaimage_format, bytes, join(bytes, itk_plain, itk_samples, 24));
  assert_truncation_fails(&kvox_io_metaimage_format, bytes, join(bytes, itk_packed, itk_zlib, 32));
  assert_truncation_fails(&kvox_io_metaimage_format, bytes, join(bytes, itk_packed_unsized, itk_zlib, 32));
}

/* Samples in a file of their own: found beside the header, whole, and only there. */
static void separate_files(void **state) {
  (void)state;
  static const char lines[] = KIND "HeaderSize = %d\nElementDataFile = %s\n";
  char header[256];
  kvox_volume *volume = NULL;
  kvox_array array;
  unsigned char padded[30] = "******";
  memcpy(padded + 6, itk_samples, 24);
  put_file("samples.raw", padded, 30);
  for (int i = 0; i < 2; i++) {
    snprintf(header, sizeof header, lines, i == 0 ? -1 : 6, "samples.raw");
    put_file("apart.mhd", header, strlen(header));
    assert_ok(kvox_io_read_volume(context, at("apart.mhd"), &volume));
    assert_ok(kvox_volume_array(volume, &array));
    assert_memory_equal(array.data, itk_samples, 24);
    kvox_volume_destroy(volume);
  }
  volume = NULL;
  snprintf(header, sizeof header, lines, 0, "samples.raw");
  put_file("apart.mhd", header, strlen(header));
  assert_fails(KVOX_ERROR_FORMAT, "samples.raw: 30 bytes", kvox_io_read_volume(context, at("apart.mhd"), &volume));
  put_file("samples.raw", padded, 23);
  assert_fails(KVOX_ERROR_FORMAT, "samples.raw: ", kvox_io_read_volume(context, at("apart.mhd"), &volume));
  unlink(at("samples.raw"));
  assert_fails(KVOX_ERROR_IO, "apart.mhd: its samples lie in samples.raw: it cannot be opened: there is no such file",
               kvox_io_read_volume(context, at("apart.mhd"), &volume));
  mkdir(at("samples.raw"), 0777);
  assert_fails(KVOX_ERROR_IO, "folder", kvox_io_read_volume(context, at("apart.mhd"), &volume));
  rmdir(at("samples.raw"));
  assert_null(volume);
}

/* Neither file of a pair appears when one cannot: here the name of the samples is taken by a folder. */
static void pairs(void **state) {
  (void)state;
  float one = 1;
  const kvox_array array = array_of(&one, KVOX_F32, 3, (int64_t[]){1, 1, 1});
  const kvox_grid grid = oblique((int64_t[]){1, 1, 1});
  kvox_volume *volume = NULL;
  count_files(true);
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  mkdir(at("pair.raw"), 0777);
  assert_fails(KVOX_ERROR_IO, "pair.raw: it cannot be written: there is a folder",
               kvox_io_write_volume(context, at("pair.mhd"), volume, NULL));
  assert_int_equal(count_files(true), 1);
  assert_ok(kvox_io_write_volume(context, at("pair.mhd"), volume, NULL));
  assert_int_equal(count_files(true), 2);
  kvox_volume_destroy(volume);
}

typedef struct write_scenario {
  const char *name;
  int32_t compress;
} write_scenario;

static kvox_status write_with(const kvox_context_options *options, void *data) {
  const write_scenario *write = data;
  static float samples[2 * 3 * 4];
  kvox_context *made = NULL;
  kvox_volume *volume = NULL;
  kvox_io_write_options how;
  kvox_io_write_options_init(&how);
  how.compress = write->compress;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    const kvox_array array = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 3, 4});
    const kvox_grid grid = oblique((int64_t[]){4, 3, 2});
    status = kvox_volume_wrap(made, &array, &grid, &volume);
  }
  if (status == KVOX_OK) {
    status = kvox_io_write_volume(made, at(write->name), volume, &how);
  }
  kvox_volume_destroy(volume);
  kvox_context_destroy(made);
  return status;
}

static kvox_status read_with(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_volume *volume = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_read_volume(made, data, &volume);
  }
  kvox_volume_destroy(volume);
  kvox_context_destroy(made);
  return status;
}

static void scarce_memory(void **state) {
  (void)state;
  unsigned char bytes[MOST];
  load_scenario load = {&kvox_io_metaimage_format, bytes, join(bytes, itk_packed, itk_zlib, 32)};
  char path[400];
  count_files(true);
  assert_true(failing_heap_try(load_with, &load) > 8);
  for (int i = 0; i < 4; i++) {
    write_scenario write = {i < 2 ? "scarce.mha" : "scarce.mhd", i % 2};
    assert_true(failing_heap_try(write_with, &write) > 3);
    snprintf(path, sizeof path, "%s", at(write.name));
    assert_true(failing_heap_try(read_with, path) > 3);
  }
  assert_int_equal(count_files(true), 4);
}

static void real_volumes(void **state) {
  (void)state;
  const char *path = real_data("volumes/ct_lung_115x157x129.mha");
  kvox_volume *volume = NULL;
  kvox_array array;
  kvox_grid grid;
  if (path == NULL) {
    return;
  }
  assert_ok(kvox_io_read_volume(context, path, &volume));
  assert_ok(kvox_volume_array(volume, &array));
  assert_ok(kvox_volume_grid(volume, &grid));
  assert_true(array.type == KVOX_I16 && grid.size[0] == 115 && grid.size[1] == 157 && grid.size[2] == 129);
  assert_true(grid.spacing_mm[0] == 1.366 && grid.spacing_mm[2] == 2.5 && grid.origin_mm[2] == -1434.5);
  int16_t least = 0, greatest = 0;
  for (int64_t i = 0; i < 115 * 157 * 129; i++) {
    const int16_t v = ((int16_t *)array.data)[i];
    least = v < least ? v : least;
    greatest = v > greatest ? v : greatest;
  }
  /* As SimpleITK reads it. */
  assert_int_equal(least, -1255);
  assert_int_equal(greatest, 1474);
  kvox_volume_destroy(volume);
  assert_ok(kvox_io_read_volume(context, real_data("volumes/ct_head_64x64x93.mha"), &volume));
  assert_ok(kvox_volume_array(volume, &array));
  assert_true(array.type == KVOX_U16 && array.shape[0] == 93 && array.shape[2] == 64);
  kvox_volume_destroy(volume);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(itk_files),       cmocka_unit_test(round_trips),   cmocka_unit_test(provenance_lines),
      cmocka_unit_test(strided),         cmocka_unit_test(not_written),   cmocka_unit_test(spellings),
      cmocka_unit_test(headers),         cmocka_unit_test(no_metaimage),  cmocka_unit_test(hostile_sizes),
      cmocka_unit_test(damaged_streams), cmocka_unit_test(truncated),     cmocka_unit_test(separate_files),
      cmocka_unit_test(pairs),           cmocka_unit_test(scarce_memory), cmocka_unit_test(real_volumes),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

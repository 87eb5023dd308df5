/* The text at the start of a MetaImage: one "Key = value" a line, ElementDataFile last. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/metaimage.h"

/* The longest header that is read. */
enum { MOST_HEADER_BYTES = 1 << 16 };

/* How far an axis' length may be from 1, and the axes' determinant must be from 0. */
static const double axis_tolerance = 1e-4;
static const double least_determinant = 1e-6;

const kvox_io_metaimage_type kvox_io_metaimage_types[] = {
    {"MET_UCHAR", KVOX_U8},
    {"MET_CHAR", KVOX_I8},
    {"MET_USHORT", KVOX_U16},
    {"MET_SHORT", KVOX_I16},
    {"MET_UINT", KVOX_U32},
    {"MET_INT", KVOX_I32},
    {"MET_FLOAT", KVOX_F32},
    {"MET_DOUBLE", KVOX_F64},
    {"MET_ULONG", KVOX_U32},
    {"MET_LONG", KVOX_I32},
    {NULL, 0},
};

const char *const kvox_io_unit_names[4] = {"arbitrary", "HU", "1/mm", "1/pixel"};

/* What the reader wants to know; every other key is passed over, unread. */
typedef enum slot {
  OBJECT_TYPE,
  DIMENSIONS,
  BINARY,
  MSB,
  COMPRESSED,
  COMPRESSED_SIZE,
  AXES,
  OFFSET,
  SPACING,
  SIZE,
  CHANNELS,
  TYPE,
  HEADER_SIZE,
  SLOPE,
  INTERCEPT,
  UNIT,
  PROVENANCE,
  DATA_FILE,
  SLOTS
} slot;

static const struct {
  const char *name;
  slot slot;
} keys[] = {
    {"ObjectType", OBJECT_TYPE},
    {"NDims", DIMENSIONS},
    {"BinaryData", BINARY},
    {"BinaryDataByteOrderMSB", MSB},
    {"ElementByteOrderMSB", MSB},
    {"CompressedData", COMPRESSED},
    {"CompressedDataSize", COMPRESSED_SIZE},
    {"TransformMatrix", AXES},
    {"Rotation", AXES},
    {"Orientation", AXES},
    {"Offset", OFFSET},
    {"Position", OFFSET},
    {"Origin", OFFSET},
    {"ElementSpacing", SPACING},
    {"DimSize", SIZE},
    {"ElementNumberOfChannels", CHANNELS},
    {"ElementType", TYPE},
    {"HeaderSize", HEADER_SIZE},
    {"ElementToIntensityFunctionSlope", SLOPE},
    {"ElementToIntensityFunctionOffset", INTERCEPT},
    {"KvoxUnit", UNIT},
    {"KvoxProvenance", PROVENANCE},
    {"ElementDataFile", DATA_FILE},
};

typedef struct header {
  const kvox_io_file *file;
  const char *key[SLOTS];   /* as it was spelled */
  const char *value[SLOTS]; /* NULL: absent */
  char *provenance_end;
  int64_t provenance_line;
} header;

static char *trim(char *begin, char *end) {
  while (begin < end && (*begin == ' ' || *begin == '\t')) {
    begin++;
  }
  while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
    end--;
  }
  *end = '\0';
  return begin;
}

/* Provenance may take several lines (other readers have short ones): it grows in place, over the lines it came from. */
static bool take_provenance(header *h, char *value, int64_t line) {
  const size_t length = strlen(value);
  if (h->value[PROVENANCE] == NULL) {
    h->value[PROVENANCE] = value;
    h->provenance_end = value + length;
  } else if (line == h->provenance_line + 1) {
    memmove(h->provenance_end, value, length + 1);
    h->provenance_end += length;
  } else {
    return false;
  }
  h->provenance_line = line;
  return true;
}

/* One line, without its end. */
static kvox_status take_line(header *h, char *begin, char *end, int64_t line) {
  char *equals = memchr(begin, '=', (size_t)(end - begin));
  if (memchr(begin, '\0', (size_t)(end - begin)) != NULL) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT, "it is no MetaImage: line %" PRId64 " is no text", line);
  }
  if (equals == NULL) {
    return *trim(begin, end) == '\0'
               ? KVOX_OK
               : kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT, "line %" PRId64 " of its header must be \"Key = value\"",
                                   line);
  }
  const char *key = trim(begin, equals);
  char *value = trim(equals + 1, end);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    if (strcmp(key, keys[i].name) != 0) {
      continue;
    }
    const slot s = keys[i].slot;
    if (s == PROVENANCE && take_provenance(h, value, line)) {
      return KVOX_OK;
    }
    if (h->value[s] != NULL) {
      return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT, "its header has both %s and %s, or one of them twice",
                               keys[i].name, h->key[s] != NULL ? h->key[s] : keys[i].name);
    }
    h->key[s] = keys[i].name;
    h->value[s] = value;
  }
  return KVOX_OK;
}

/* Cuts the text into lines until ElementDataFile; *end is the byte after that line. */
static kvox_status take_lines(header *h, char *text, size_t bytes, int64_t *end) {
  char *at = text;
  for (int64_t line = 1; h->value[DATA_FILE] == NULL; line++) {
    char *stop = memchr(at, '\n', (size_t)(text + bytes - at));
    if (stop == NULL) {
      return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT,
                               "its header does not end: no line \"ElementDataFile = ...\" in its first %zu bytes",
                               bytes);
    }
    KVOX_TRY(take_line(h, at, stop, line));
    at = stop + 1;
  }
  *end = at - text;
  return KVOX_OK;
}

static kvox_status wrong(const header *h, slot s, const char *must) {
  return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT, "%s is \"%.60s\", must be %s", h->key[s], h->value[s], must);
}

static kvox_status get_flag(const header *h, slot s, bool *flag) {
  const char *value = h->value[s];
  if (value == NULL) {
    return KVOX_OK;
  }
  if (strcmp(value, "True") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0) {
    *flag = true;
  } else if (strcmp(value, "False") == 0 || strcmp(value, "false") == 0 || strcmp(value, "0") == 0) {
    *flag = false;
  } else {
    return wrong(h, s, "True or False");
  }
  return KVOX_OK;
}

/* Exactly `count` finite numbers; leaves `numbers` alone where the key is absent. */
static kvox_status get_numbers(const header *h, slot s, int32_t count, double *numbers) {
  const char *at = h->value[s];
  if (at == NULL) {
    return KVOX_OK;
  }
  char must[64];
  snprintf(must, sizeof must, "%" PRId32 " finite number%s", count, count == 1 ? "" : "s");
  for (int32_t i = 0; i < count; i++) {
    at = kvox_extend_parse(at, &numbers[i]);
    if (at == NULL || !isfinite(numbers[i]) || (*at != '\0' && *at != ' ' && *at != '\t')) {
      return wrong(h, s, must);
    }
  }
  return at[strspn(at, " \t")] == '\0' ? KVOX_OK : wrong(h, s, must);
}

/* Exactly `count` whole numbers, each at least `least`. */
static kvox_status get_integers(const header *h, slot s, int32_t count, int64_t least, int64_t *numbers) {
  const char *at = h->value[s];
  if (at == NULL) {
    return KVOX_OK;
  }
  char must[96];
  snprintf(must, sizeof must, "%" PRId32 " whole number%s from %" PRId64 " to 2^63 - 1", count, count == 1 ? "" : "s",
           least);
  for (int32_t i = 0; i < count; i++) {
    at += strspn(at, " \t");
    const bool negative = *at == '-';
    const char *digits = at + negative;
    int64_t number = 0;
    for (at = digits; *at >= '0' && *at <= '9'; at++) {
      if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number)) {
        return wrong(h, s, must);
      }
    }
    numbers[i] = negative ? -number : number;
    if (at == digits || (*at != '\0' && *at != ' ' && *at != '\t') || numbers[i] < least) {
      return wrong(h, s, must);
    }
  }
  return at[strspn(at, " \t")] == '\0' ? KVOX_OK : wrong(h, s, must);
}

static kvox_status get_type(const header *h, kvox_io_image *image) {
  for (const kvox_io_metaimage_type *t = kvox_io_metaimage_types; t->name != NULL; t++) {
    if (strcmp(h->value[TYPE], t->name) == 0) {
      image->type = t->type;
      return KVOX_OK;
    }
  }
  return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED,
                           "ElementType %.40s is not read; MET_UCHAR, MET_CHAR, MET_USHORT, MET_SHORT, MET_UINT, "
                           "MET_INT, MET_FLOAT and MET_DOUBLE are",
                           h->value[TYPE]);
}

/* What the file must be to be one that is read. */
static kvox_status check_kind(const header *h) {
  static const slot needed[] = {DIMENSIONS, SIZE, TYPE};
  bool binary = true;
  int64_t channels = 1;
  double slope = 1, intercept = 0;
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
    if (h->value[needed[i]] == NULL) {
      return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT, "its header lacks %s",
                               needed[i] == DIMENSIONS ? "NDims"
                               : needed[i] == SIZE     ? "DimSize"
                                                       : "ElementType");
    }
  }
  if (h->value[OBJECT_TYPE] != NULL && strcmp(h->value[OBJECT_TYPE], "Image") != 0) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED, "it holds no image: its ObjectType must be Image");
  }
  KVOX_TRY(get_flag(h, BINARY, &binary));
  if (!binary) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED,
                             "its samples are text; write them with BinaryData = True");
  }
  KVOX_TRY(get_integers(h, CHANNELS, 1, 1, &channels));
  if (channels != 1) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED,
                             "it has %" PRId64 " channels a voxel, images of one are read", channels);
  }
  KVOX_TRY(get_numbers(h, SLOPE, 1, &slope));
  KVOX_TRY(get_numbers(h, INTERCEPT, 1, &intercept));
  if (slope != 1 || intercept != 0) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED,
                             "it scales its samples (ElementToIntensityFunction...); write them as they are meant");
  }
  return KVOX_OK;
}

static kvox_status check_axes(const header *h, const kvox_grid *grid) {
  const double(*a)[3] = grid->axes;
  for (int i = 0; i < 3; i++) {
    if (!(fabs(sqrt(a[i][0] * a[i][0] + a[i][1] * a[i][1] + a[i][2] * a[i][2]) - 1) <= axis_tolerance)) {
      return wrong(h, AXES, "unit vectors, one an axis");
    }
  }
  const double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                             a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                             a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  return fabs(determinant) >= least_determinant ? KVOX_OK : wrong(h, AXES, "axes that do not lie in one plane");
}

/* The rows of the matrix are the axes, as ITK writes and reads it. */
static kvox_status get_frame(const header *h, int32_t rank, const int64_t *size, kvox_io_image *image) {
  double spacing[3] = {1, 1, 1}, origin[3] = {0};
  double matrix[9] = {0};
  kvox_grid grid = {.axes = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  KVOX_TRY(get_numbers(h, SPACING, rank, spacing));
  KVOX_TRY(get_numbers(h, OFFSET, rank, origin));
  for (int a = 0; a < 3; a++) {
    if (!(spacing[a] > 0)) {
      return wrong(h, SPACING, "positive");
    }
    grid.size[a] = a < rank ? size[a] : 1;
    grid.spacing_mm[a] = spacing[a];
    grid.origin_mm[a] = origin[a];
  }
  if (h->value[AXES] != NULL) {
    KVOX_TRY(get_numbers(h, AXES, rank * rank, matrix));
    for (int32_t a = 0; a < rank; a++) {
      for (int32_t c = 0; c < rank; c++) {
        grid.axes[a][c] = matrix[a * rank + c];
      }
    }
    KVOX_TRY(check_axes(h, &grid));
  }
  image->grid = grid;
  image->has_frame = true;
  return KVOX_OK;
}

static kvox_status get_shape(const header *h, kvox_io_image *image) {
  int64_t rank = 0, size[3] = {0};
  KVOX_TRY(get_integers(h, DIMENSIONS, 1, 1, &rank));
  if (rank != 2 && rank != 3) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED, "it has %" PRId64 " dimensions, 2 and 3 are read", rank);
  }
  image->rank = (int32_t)rank;
  KVOX_TRY(get_integers(h, SIZE, image->rank, 1, size));
  for (int32_t d = 0; d < image->rank; d++) {
    image->shape[d] = size[image->rank - 1 - d];
  }
  return get_frame(h, image->rank, size, image);
}

/* Only a name beside the header: what a file says must not reach elsewhere. */
static kvox_status get_data_file(const header *h, kvox_io_metaimage *state) {
  const char *name = h->value[DATA_FILE];
  const size_t length = strlen(name);
  if (length == 0 || length >= sizeof state->data_name) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT,
                             "ElementDataFile must be LOCAL or a file name of at most %zu bytes",
                             sizeof state->data_name - 1);
  }
  if (strcmp(name, "LIST") == 0 || strncmp(name, "LIST ", 5) == 0 || strchr(name, '%') != NULL) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_UNSUPPORTED,
                             "its samples lie in a list of files; write them as LOCAL or into one file");
  }
  if (strpbrk(name, "/\\") != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    return kvox_io_file_fail(h->file, KVOX_ERROR_FORMAT,
                             "ElementDataFile is \"%.200s\", must be a file name in the same folder, without a path",
                             name);
  }
  memcpy(state->data_name, name, length + 1);
  return KVOX_OK;
}

static kvox_status get_extras(const header *h, kvox_io_image *image) {
  for (int32_t u = 0; h->value[UNIT] != NULL && u < 4; u++) {
    image->unit = strcmp(h->value[UNIT], kvox_io_unit_names[u]) == 0 ? u : image->unit;
  }
  if (h->value[PROVENANCE] != NULL) {
    const size_t bytes = strlen(h->value[PROVENANCE]) + 1;
    image->provenance = kvox_extend_allocate(h->file->context, bytes);
    if (image->provenance == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    memcpy(image->provenance, h->value[PROVENANCE], bytes);
  }
  return KVOX_OK;
}

static kvox_status interpret(const header *h, kvox_io_image *image, kvox_io_metaimage *state) {
  bool msb = false;
  KVOX_TRY(check_kind(h));
  KVOX_TRY(get_type(h, image));
  KVOX_TRY(get_shape(h, image));
  KVOX_TRY(get_flag(h, MSB, &msb));
  image->swap_bytes = kvox_type_size(image->type) > 1 && msb != kvox_io_big_endian();
  KVOX_TRY(get_flag(h, COMPRESSED, &state->compressed));
  KVOX_TRY(get_integers(h, COMPRESSED_SIZE, 1, 0, &state->compressed_size));
  KVOX_TRY(get_integers(h, HEADER_SIZE, 1, -1, &state->header_size));
  KVOX_TRY(get_data_file(h, state));
  return get_extras(h, image);
}

kvox_status kvox_io_metaimage_read_header(kvox_io_file *file, kvox_io_image *image, kvox_io_metaimage *state) {
  header h = {.file = file};
  const int64_t bytes = file->size < MOST_HEADER_BYTES ? file->size : MOST_HEADER_BYTES;
  char *text = kvox_extend_allocate(file->context, (uint64_t)bytes + 1);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_io_file_read(file, text, bytes));
  KVOX_TRY_CLEANUP(take_lines(&h, text, (size_t)bytes, &state->header_end));
  status = interpret(&h, image, state);
cleanup:
  kvox_extend_release(file->context, text);
  return status;
}

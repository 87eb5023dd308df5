/* numpy's .npy, versions 1.0, 2.0 and 3.0 (numpy.lib.format). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/io.h"

/* The longest header that is read: far beyond what an array without named fields needs. */
enum { MOST_HEADER_BYTES = 1 << 16 };

enum { MAGIC_BYTES = 6, ALIGNMENT = 64 };
static const char magic[MAGIC_BYTES] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

static const struct {
  const char *code;
  kvox_type type;
} types[] = {
    {"u1", KVOX_U8},  {"i1", KVOX_I8},  {"u2", KVOX_U16}, {"i2", KVOX_I16}, {"u4", KVOX_U32},
    {"i4", KVOX_I32}, {"f2", KVOX_F16}, {"f4", KVOX_F32}, {"f8", KVOX_F64}, {"c8", KVOX_C64},
};

/* The header: a Python dictionary with the keys descr, fortran_order and shape, in any order, each once. */
typedef struct parser {
  const kvox_io_file *file;
  const char *at, *end;
} parser;

static kvox_status malformed(const parser *p, const char *what) {
  return kvox_io_file_fail(p->file, KVOX_ERROR_FORMAT, "its npy header is malformed: %s", what);
}

static void skip_spaces(parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
    p->at++;
  }
}

static bool accept(parser *p, char c) {
  skip_spaces(p);
  if (p->at == p->end || *p->at != c) {
    return false;
  }
  p->at++;
  return true;
}

static bool accept_word(parser *p, const char *word) {
  const size_t length = strlen(word);
  skip_spaces(p);
  if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) {
    return false;
  }
  p->at += length;
  return true;
}

/* A string of plain characters in single or double quotes. */
static bool accept_string(parser *p, char *text, size_t size) {
  skip_spaces(p);
  if (p->at == p->end || (*p->at != '\'' && *p->at != '"')) {
    return false;
  }
  const char quote = *p->at++;
  size_t used = 0;
  while (p->at < p->end && *p->at != quote) {
    const char c = *p->at++;
    if (c < ' ' || c > '~' || c == '\\' || used + 1 >= size) {
      return false;
    }
    text[used++] = c;
  }
  text[used] = '\0';
  return accept(p, quote);
}

static kvox_status parse_type(parser *p, kvox_io_image *image) {
  char code[32];
  skip_spaces(p);
  if (p->at < p->end && *p->at == '[') {
    return kvox_io_file_fail(p->file, KVOX_ERROR_UNSUPPORTED, "its elements are structures, must be plain numbers");
  }
  if (!accept_string(p, code, sizeof code)) {
    return malformed(p, "descr must be a type such as '<f4'");
  }
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    const bool one_byte = kvox_type_size(types[i].type) == 1;
    if (code[0] == '\0' || strcmp(code + 1, types[i].code) != 0 || strchr(one_byte ? "<>=|" : "<>=", code[0]) == NULL) {
      continue;
    }
    image->type = types[i].type;
    image->swap_bytes = !one_byte && code[0] == (kvox_io_big_endian() ? '<' : '>');
    return KVOX_OK;
  }
  return kvox_io_file_fail(p->file, KVOX_ERROR_UNSUPPORTED,
                           "its element type '%s' is not read; u1, i1, u2, i2, u4, i4, f2, f4, f8 and c8 are", code);
}

static kvox_status parse_order(parser *p, kvox_io_image *image) {
  if (accept_word(p, "True")) {
    image->first_fastest = true;
    return KVOX_OK;
  }
  return accept_word(p, "False") ? KVOX_OK : malformed(p, "fortran_order must be True or False");
}

/* A whole number; Python 2 wrote an L after it. */
static bool accept_size(parser *p, int64_t *size) {
  skip_spaces(p);
  const char *begin = p->at;
  *size = 0;
  while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
    if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *p->at - '0', size)) {
      return false;
    }
    p->at++;
  }
  const bool any = p->at > begin;
  if (any && p->at < p->end && *p->at == 'L') {
    p->at++;
  }
  return any;
}

static kvox_status parse_shape(parser *p, kvox_io_image *image) {
  if (!accept(p, '(')) {
    return malformed(p, "shape must be a tuple such as (3, 4)");
  }
  bool comma = true;
  image->rank = 0;
  while (!accept(p, ')')) {
    int64_t size = 0;
    if (!comma || !accept_size(p, &size)) {
      return malformed(p, "shape must hold whole numbers below 2^63, with commas between them");
    }
    if (image->rank == KVOX_MAX_RANK) {
      return kvox_io_file_fail(p->file, KVOX_ERROR_UNSUPPORTED, "it has more than %d dimensions", KVOX_MAX_RANK);
    }
    if (size == 0) {
      return kvox_io_file_fail(p->file, KVOX_ERROR_UNSUPPORTED, "it holds no element: shape[%" PRId32 "] is 0",
                               image->rank);
    }
    image->shape[image->rank++] = size;
    comma = accept(p, ',');
  }
  if (image->rank == 0) {
    return kvox_io_file_fail(p->file, KVOX_ERROR_UNSUPPORTED, "it holds a single number, must have a dimension");
  }
  return image->rank == 1 && !comma ? malformed(p, "shape is no tuple") : KVOX_OK;
}

static kvox_status parse_header(parser *p, kvox_io_image *image) {
  static const struct {
    const char *key;
    kvox_status (*parse)(parser *, kvox_io_image *);
  } members[] = {{"descr", parse_type}, {"fortran_order", parse_order}, {"shape", parse_shape}};
  enum { MEMBERS = sizeof members / sizeof members[0] };
  bool seen[MEMBERS] = {false};
  bool comma = true;
  if (!accept(p, '{')) {
    return malformed(p, "it must begin with {");
  }
  while (!accept(p, '}')) {
    char key[32];
    size_t m = 0;
    if (!comma || !accept_string(p, key, sizeof key) || !accept(p, ':')) {
      return malformed(p, "a key in quotes and a colon are missing");
    }
    while (m < MEMBERS && strcmp(key, members[m].key) != 0) {
      m++;
    }
    if (m == MEMBERS || seen[m]) {
      return malformed(p,
                       m == MEMBERS ? "it has a key other than descr, fortran_order and shape" : "it has a key twice");
    }
    seen[m] = true;
    KVOX_TRY(members[m].parse(p, image));
    comma = accept(p, ',');
  }
  skip_spaces(p);
  if (p->at != p->end) {
    return malformed(p, "something follows the closing brace");
  }
  return seen[0] && seen[1] && seen[2] ? KVOX_OK : malformed(p, "it must have descr, fortran_order and shape");
}

static kvox_status read_header(kvox_io_file *file, kvox_io_image *image) {
  unsigned char start[MAGIC_BYTES + 6];
  KVOX_TRY(kvox_io_file_read(file, start, MAGIC_BYTES + 2));
  if (memcmp(start, magic, MAGIC_BYTES) != 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no npy file: it does not begin with \\x93NUMPY");
  }
  const unsigned char *version = start + MAGIC_BYTES, *length = start + MAGIC_BYTES + 2;
  if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "it is npy version %u.%u; 1.0, 2.0 and 3.0 are read",
                             (unsigned)version[0], (unsigned)version[1]);
  }
  KVOX_TRY(kvox_io_file_read(file, start + MAGIC_BYTES + 2, version[0] == 1 ? 2 : 4));
  uint32_t bytes = (uint32_t)length[0] | (uint32_t)length[1] << 8;
  if (version[0] > 1) {
    bytes |= (uint32_t)length[2] << 16 | (uint32_t)length[3] << 24;
  }
  if (bytes > MOST_HEADER_BYTES) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its header has %" PRIu32 " bytes, at most %d are read", bytes,
                             MOST_HEADER_BYTES);
  }

  char *header = kvox_extend_allocate(file->context, bytes);
  if (header == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  parser p = {file, header, header + bytes};
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_io_file_read(file, header, bytes));
  KVOX_TRY_CLEANUP(parse_header(&p, image));
  const int64_t left = file->size - file->position;
  KVOX_TRY_CLEANUP(kvox_io_image_measure(file, image, left, 1));
  if (image->bytes != left) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                               "%" PRId64 " bytes follow its header, shape and type say %" PRId64, left, image->bytes);
  }
cleanup:
  kvox_extend_release(file->context, header);
  return status;
}

static kvox_status read_samples(kvox_io_file *file, kvox_io_image *image, void *samples) {
  return kvox_io_file_read(file, samples, image->bytes);
}

/* Version 1.0, the samples at a multiple of 64 bytes. */
static void write_header(kvox_io_output *output, const kvox_array *array) {
  char text[512];
  size_t used = 0;
  const char *code = "";
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    code = types[i].type == array->type ? types[i].code : code;
  }
  const char order = kvox_type_size(array->type) == 1 ? '|' : kvox_io_big_endian() ? '>' : '<';
  used += (size_t)snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, code);
  for (int32_t d = 0; d < array->rank; d++) {
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, d > 0 ? ", " : "", array->shape[d]);
  }
  used += (size_t)snprintf(text + used, sizeof text - used, "%s), }", array->rank == 1 ? "," : "");
  const size_t before = MAGIC_BYTES + 4;
  while ((before + used + 1) % ALIGNMENT != 0) {
    text[used++] = ' ';
  }
  text[used++] = '\n';
  const unsigned char rest[4] = {1, 0, (unsigned char)(used & 0xff), (unsigned char)(used >> 8)};
  kvox_io_output_write(output, magic, MAGIC_BYTES);
  kvox_io_output_write(output, rest, sizeof rest);
  kvox_io_output_write(output, text, used);
}

static kvox_status write_array(kvox_context *context, const char *path, const kvox_array *array) {
  kvox_io_output output = {0};
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  write_header(&output, array);
  KVOX_TRY_CLEANUP(kvox_io_blocks(array, kvox_io_output_take, &output));
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

static kvox_status write_volume(kvox_context *context, const char *path, const kvox_volume *volume,
                                const kvox_io_write_options *options) {
  kvox_array array;
  (void)options;
  KVOX_TRY(kvox_volume_array(volume, &array));
  return write_array(context, path, &array);
}

static kvox_status write_scan(kvox_context *context, const char *path, const kvox_io_scan *scan) {
  if (scan->flat.data != NULL || scan->dark.data != NULL || scan->angles_deg != NULL) {
    return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED,
                            "%.200s: .npy holds projections alone; write flat, dark and angles as .h5",
                            kvox_io_name(path));
  }
  return write_array(context, path, &scan->projections);
}

const kvox_io_format kvox_io_npy_format = {
    .extensions = {".npy"},
    .reads = KVOX_IO_VOLUME | KVOX_IO_ARRAY | KVOX_IO_SCAN,
    .read_header = read_header,
    .read_samples = read_samples,
    .write_volume = write_volume,
    .write_array = write_array,
    .write_scan = write_scan,
};

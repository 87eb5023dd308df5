/*
 * BART's arrays (BART, src/misc/mmap.c): NAME.cfl has complex floats in the machine's byte order, the first dimension
 * fastest, NAME.hdr beside it says in text how large each dimension is. The other way round that is C order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/io.h"

/* BART has 16 dimensions: READ, PHS1, PHS2, COIL, MAPS and so on. The four are always kept where others must go. */
enum { DIMENSIONS = 16, KEPT = 4 };

/* Commands and names of files follow the dimensions, and are passed over. */
enum { MOST_HEADER_BYTES = 1 << 20 };

/* Memory for the path of the header beside a .cfl. */
static kvox_status header_path(kvox_context *context, const char *path, char **made) {
  const size_t length = strlen(path);
  *made = kvox_extend_allocate(context, length + 1);
  if (*made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(*made, path, length + 1);
  memcpy(*made + length - 4, ".hdr", 4);
  return KVOX_OK;
}

/* ---- Reading ---- */

/* Numbers of one line. */
static kvox_status parse_dimensions(const kvox_io_file *file, const char *at, const char *end, int64_t *sides,
                                    int *count) {
  for (*count = 0;; (*count)++) {
    int64_t side = 0;
    bool fits = true;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) {
      at++;
    }
    if (at == end) {
      break;
    }
    const char *begin = at;
    while (at < end && *at >= '0' && *at <= '9') {
      fits = fits && !__builtin_mul_overflow(side, 10, &side) && !__builtin_add_overflow(side, *at - '0', &side);
      at++;
    }
    if (at == begin || !fits || side < 1 || *count == DIMENSIONS) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                               "its dimensions must be at most %d whole numbers of 1 or more, with spaces between them",
                               DIMENSIONS);
    }
    sides[*count] = side;
  }
  return *count > 0 ? KVOX_OK : kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has no dimensions");
}

/* Slowest first. Trailing sizes of 1 are left out; those in between, from the fifth on, where there are too many. */
static kvox_status set_shape(const kvox_io_file *file, const int64_t *sides, int count, kvox_io_image *image) {
  int64_t kept[DIMENSIONS];
  int rank = 0;
  while (count > 1 && sides[count - 1] == 1) {
    count--;
  }
  for (int d = 0; d < count; d++) {
    if (count <= KVOX_MAX_RANK || d < KEPT || sides[d] > 1) {
      kept[rank++] = sides[d];
    }
  }
  if (rank > KVOX_MAX_RANK) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "it has %d dimensions larger than 1, at most %d are read",
                             rank, KVOX_MAX_RANK);
  }
  image->type = KVOX_C64;
  image->rank = rank;
  for (int d = 0; d < rank; d++) {
    image->shape[d] = kept[rank - 1 - d];
  }
  return KVOX_OK;
}

static kvox_status parse_header(const kvox_io_file *file, const char *text, int64_t bytes, kvox_io_image *image) {
  static const char title[] = "# Dimensions";
  const char *end = text + bytes;
  int64_t sides[DIMENSIONS];
  int count = 0;
  bool titled = false;
  for (const char *line = text; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    stop = stop != NULL ? stop : end;
    if (titled) {
      KVOX_TRY(parse_dimensions(file, line, stop, sides, &count));
      return set_shape(file, sides, count, image);
    }
    titled = (size_t)(stop - line) >= sizeof title - 1 && memcmp(line, title, sizeof title - 1) == 0;
    line = stop + 1;
  }
  return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has no line \"%s\" with numbers below", title);
}

kvox_status kvox_io_cfl_header(kvox_io_file *header, kvox_io_image *image) {
  if (header->size > MOST_HEADER_BYTES) {
    return kvox_io_file_fail(header, KVOX_ERROR_UNSUPPORTED, "it has %" PRId64 " bytes, at most %d are read",
                             header->size, MOST_HEADER_BYTES);
  }
  char *text = kvox_extend_allocate(header->context, (uint64_t)header->size);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_io_file_read(header, text, header->size);
  if (status == KVOX_OK) {
    status = parse_header(header, text, header->size, image);
  }
  kvox_extend_release(header->context, text);
  return status;
}

static kvox_status read_header(kvox_io_file *file, kvox_io_image *image) {
  kvox_io_file header = {.descriptor = -1};
  char *path = NULL;
  kvox_status status = KVOX_OK;
  if (file->path == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "its header lies in a file beside it");
  }
  KVOX_TRY_CLEANUP(header_path(file->context, file->path, &path));
  KVOX_TRY_CLEANUP(kvox_io_file_open(file->context, path, &header));
  KVOX_TRY_CLEANUP(kvox_io_cfl_header(&header, image));
  KVOX_TRY_CLEANUP(kvox_io_image_measure(file, image, file->size, 1));
  if (image->bytes != file->size) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has %" PRId64 " bytes, its header says %" PRId64,
                               file->size, image->bytes);
  }
cleanup:
  kvox_io_file_close(&header);
  kvox_extend_release(file->context, path);
  return status;
}

static kvox_status read_samples(kvox_io_file *file, kvox_io_image *image, void *samples) {
  return kvox_io_file_read(file, samples, image->bytes);
}

/* ---- Writing ---- */

/* Real samples get imaginary parts of 0; as kvox_io_blocks takes it. */
static kvox_status take_real(void *output, const void *bytes, size_t count) {
  enum { AT_ONCE = 512 };
  float pairs[AT_ONCE][2];
  const char *from = bytes;
  for (size_t left = count / sizeof(float); left > 0;) {
    const size_t some = left < AT_ONCE ? left : AT_ONCE;
    for (size_t i = 0; i < some; i++) {
      memcpy(&pairs[i][0], from + i * sizeof(float), sizeof(float));
      pairs[i][1] = 0;
    }
    KVOX_TRY(kvox_io_output_take(output, pairs, some * sizeof pairs[0]));
    from += some * sizeof(float);
    left -= some;
  }
  return KVOX_OK;
}

static kvox_status write_array(kvox_context *context, const char *path, const kvox_array *array) {
  kvox_io_output header = {0}, data = {0};
  char *path_of_header = NULL;
  kvox_status status = KVOX_OK;
  if (array->type != KVOX_C64 && array->type != KVOX_F32) {
    return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: .cfl holds c64 (or f32, as c64), not %s; write .npy",
                            kvox_io_name(path), kvox_type_name(array->type));
  }
  KVOX_TRY_CLEANUP(header_path(context, path, &path_of_header));
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path_of_header, &header));
  kvox_io_output_print(&header, "# Dimensions\n");
  for (int32_t d = 0; d < DIMENSIONS; d++) {
    kvox_io_output_print(&header, "%" PRId64 " ", d < array->rank ? array->shape[array->rank - 1 - d] : 1);
  }
  kvox_io_output_print(&header, "\n");
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &data));
  KVOX_TRY_CLEANUP(kvox_io_blocks(array, array->type == KVOX_C64 ? kvox_io_output_take : take_real, &data));
  /* Both are on the disk before either has its name. */
  KVOX_TRY_CLEANUP(kvox_io_output_finish(&header));
  KVOX_TRY_CLEANUP(kvox_io_output_commit(&data));
  status = kvox_io_output_commit(&header);
cleanup:
  kvox_io_output_end(&data);
  kvox_io_output_end(&header);
  kvox_extend_release(context, path_of_header);
  return status;
}

const kvox_io_format kvox_io_cfl_format = {
    .extensions = {".cfl"},
    .reads = KVOX_IO_ARRAY,
    .read_header = read_header,
    .read_samples = read_samples,
    .write_array = write_array,
};

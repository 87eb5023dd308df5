/* PNG through libpng: 8- and 16-bit grey, 8-bit RGB. */
#include <png.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/io.h"
#include "kvox/picture.h"

/* The quantiles between which an unknown picture is shown. */
static const double window_low = 0.005, window_high = 0.995;

/* libpng reports errors by longjmp: nothing between setjmp and the calls owns anything but this. */
typedef struct session {
  kvox_context *context;
  const char *name;
  png_structp png;
  png_infop info;
  kvox_status status; /* of the first failure, whose sentence is set */
  kvox_io_file *file;
  kvox_io_output *output;
} session;

static void on_error(png_structp png, png_const_charp message) {
  session *s = png_get_error_ptr(png);
  if (s->status == KVOX_OK) {
    s->status = kvox_extend_fail(s->file != NULL ? KVOX_ERROR_FORMAT : KVOX_ERROR_INTERNAL, "%.200s: %s: %s", s->name,
                                 s->file != NULL ? "its PNG data are broken" : "libpng fails", message);
  }
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t bytes) {
  session *s = png_get_mem_ptr(png);
  void *memory = kvox_extend_allocate(s->context, bytes);
  if (memory == NULL && s->status == KVOX_OK) {
    s->status = KVOX_ERROR_MEMORY;
  }
  return memory;
}

static void release(png_structp png, png_voidp memory) {
  session *s = png_get_mem_ptr(png);
  kvox_extend_release(s->context, memory);
}

static kvox_status failure(const session *s) {
  return s->status != KVOX_OK ? s->status : kvox_extend_fail(KVOX_ERROR_MEMORY, "%.200s: out of memory", s->name);
}

/* ---- Reading ---- */

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  session *s = png_get_io_ptr(png);
  const kvox_status status = kvox_io_file_read(s->file, out, (int64_t)count);
  if (status != KVOX_OK) {
    s->status = status;
    png_error(png, "");
  }
}

/* False where libpng failed: up to the first row, with the conversions to the types that there are. */
static bool read_info(session *s) {
  if (setjmp(png_jmpbuf(s->png)) != 0) {
    return false;
  }
  png_set_read_fn(s->png, s, read_bytes);
  png_set_user_limits(s->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  /* Text, profiles, times and all that is not the picture is passed over, unread. */
  png_set_keep_unknown_chunks(s->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(s->png, s->info);
  return true;
}

/* False where libpng failed. */
static bool read_rows(session *s, unsigned char *rows, int64_t height, int64_t stride) {
  if (setjmp(png_jmpbuf(s->png)) != 0) {
    return false;
  }
  if (png_get_bit_depth(s->png, s->info) == 16 && !kvox_io_big_endian()) {
    png_set_swap(s->png);
  }
  png_set_expand_gray_1_2_4_to_8(s->png);
  if (png_get_color_type(s->png, s->info) == PNG_COLOR_TYPE_PALETTE) {
    png_set_palette_to_rgb(s->png);
  }
  const int passes = png_set_interlace_handling(s->png);
  png_read_update_info(s->png, s->info);
  if (png_get_rowbytes(s->png, s->info) != (size_t)stride) {
    png_error(s->png, "its rows are not of the size they were announced with");
  }
  for (int pass = 0; pass < passes; pass++) {
    for (int64_t row = 0; row < height; row++) {
      png_read_row(s->png, rows + row * stride, NULL);
    }
  }
  png_read_end(s->png, NULL);
  return true;
}

/* Bits of a pixel in the file, for the bound on what it can inflate to. */
static kvox_status describe(const session *s, kvox_io_image *image) {
  const int color = png_get_color_type(s->png, s->info), depth = png_get_bit_depth(s->png, s->info);
  const bool colored = (color & PNG_COLOR_MASK_COLOR) != 0;
  if ((color & PNG_COLOR_MASK_ALPHA) != 0 || (colored && depth == 16)) {
    return kvox_io_file_fail(s->file, KVOX_ERROR_UNSUPPORTED,
                             "it has %s; grey of 1 to 16 bits, colours of 8 bits and palettes are read",
                             depth == 16 && colored ? "colours of 16 bits" : "an alpha channel");
  }
  image->type = depth == 16 ? KVOX_U16 : KVOX_U8;
  image->rank = colored ? 3 : 2;
  image->shape[0] = png_get_image_height(s->png, s->info);
  image->shape[1] = png_get_image_width(s->png, s->info);
  image->shape[2] = 3;
  /* A stored byte becomes at most 1032 by inflating, and 24 by unpacking a palette of one bit. */
  const int64_t stored = (int64_t)png_get_rowbytes(s->png, s->info) * image->shape[0];
  KVOX_TRY(kvox_io_image_measure(s->file, image, s->file->size, 24 * KVOX_IO_DEFLATE_MOST));
  if (stored / KVOX_IO_DEFLATE_MOST > s->file->size) {
    return kvox_io_file_fail(s->file, KVOX_ERROR_FORMAT,
                             "%" PRId64 " x %" PRId64 " pixels cannot be in %" PRId64
                             " bytes; it is truncated or not what it says",
                             image->shape[1], image->shape[0], s->file->size);
  }
  return KVOX_OK;
}

static kvox_status read_header(kvox_io_file *file, kvox_io_image *image) {
  unsigned char signature[8];
  session *s = kvox_extend_allocate(file->context, sizeof *s);
  if (s == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *s = (session){.context = file->context, .name = file->name, .file = file};
  image->state = s;
  KVOX_TRY(kvox_io_file_read(file, signature, sizeof signature));
  if (png_sig_cmp(signature, 0, sizeof signature) != 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no PNG file: it does not begin with PNG's signature");
  }
  KVOX_TRY(kvox_io_file_seek(file, 0));
  s->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, s, on_error, on_warning, s, allocate, release);
  s->info = s->png != NULL ? png_create_info_struct(s->png) : NULL;
  if (s->info == NULL || !read_info(s)) {
    return failure(s);
  }
  return describe(s, image);
}

static kvox_status read_samples(kvox_io_file *file, kvox_io_image *image, void *samples) {
  session *s = image->state;
  (void)file;
  return read_rows(s, samples, image->shape[0], image->bytes / image->shape[0]) ? KVOX_OK : failure(s);
}

static void end_read(kvox_io_file *file, kvox_io_image *image) {
  session *s = image->state;
  if (s != NULL) {
    png_destroy_read_struct(&s->png, &s->info, NULL);
    kvox_extend_release(file->context, s);
  }
}

/* ---- Writing ---- */

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  session *s = png_get_io_ptr(png);
  kvox_io_output_write(s->output, bytes, count);
  if (s->output->status != KVOX_OK) {
    s->status = s->output->status;
    png_error(png, "");
  }
}

static void flush_bytes(png_structp png) { (void)png; }

/* Copies row `row` to where its samples lie together. */
static void gather(const kvox_array *array, int64_t row, unsigned char *out) {
  const size_t size = kvox_type_size(array->type);
  const int64_t channels = array->rank == 3 ? 3 : 1;
  const char *at = (const char *)array->data + row * array->strides[0];
  for (int64_t column = 0; column < array->shape[1]; column++) {
    for (int64_t c = 0; c < channels; c++) {
      const int64_t offset = column * array->strides[1] + (channels == 3 ? c * array->strides[2] : 0);
      memcpy(out, at + offset, size);
      out += size;
    }
  }
}

/* False where libpng failed. `line` has room for one row. */
static bool write_rows(session *s, const kvox_array *array, unsigned char *line) {
  if (setjmp(png_jmpbuf(s->png)) != 0) {
    return false;
  }
  png_set_write_fn(s->png, s, write_bytes, flush_bytes);
  png_set_user_limits(s->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(s->png, s->info, (png_uint_32)array->shape[1], (png_uint_32)array->shape[0],
               array->type == KVOX_U16 ? 16 : 8, array->rank == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(s->png, s->info);
  if (array->type == KVOX_U16 && !kvox_io_big_endian()) {
    png_set_swap(s->png);
  }
  for (int64_t row = 0; row < array->shape[0]; row++) {
    gather(array, row, line);
    png_write_row(s->png, line);
  }
  png_write_end(s->png, NULL);
  return true;
}

static kvox_status check_picture(const char *path, const kvox_array *array) {
  const bool grey = array->rank == 2 && (array->type == KVOX_U8 || array->type == KVOX_U16);
  const bool rgb = array->rank == 3 && array->shape[2] == 3 && array->type == KVOX_U8;
  if (!grey && !rgb) {
    return kvox_extend_fail(
        KVOX_ERROR_ARGUMENT,
        "%.200s: a picture is u8 or u16 [row, column] or u8 [row, column, 3], the array is %s of %" PRId32
        " dimensions",
        kvox_io_name(path), kvox_type_name(array->type), array->rank);
  }
  if (array->shape[0] > PNG_UINT_31_MAX || array->shape[1] > PNG_UINT_31_MAX) {
    return kvox_extend_fail(KVOX_ERROR_SIZE, "%.200s: PNG has at most 2^31 - 1 rows and columns", kvox_io_name(path));
  }
  return KVOX_OK;
}

static kvox_status write_array(kvox_context *context, const char *path, const kvox_array *array) {
  kvox_io_output output = {0};
  session s = {.context = context, .name = kvox_io_name(path), .output = &output};
  unsigned char *line = NULL;
  kvox_status status = KVOX_OK;
  KVOX_TRY(check_picture(path, array));
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  line = kvox_extend_allocate(context, (uint64_t)array->shape[1] * 3 * kvox_type_size(array->type));
  if (line == NULL) {
    status = KVOX_ERROR_MEMORY;
    goto cleanup;
  }
  s.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning, &s, allocate, release);
  s.info = s.png != NULL ? png_create_info_struct(s.png) : NULL;
  status = s.info != NULL && write_rows(&s, array, line) ? kvox_io_output_commit(&output) : failure(&s);
cleanup:
  png_destroy_write_struct(&s.png, &s.info);
  kvox_extend_release(context, line);
  kvox_io_output_end(&output);
  return status;
}

/* One slice of [k, j, i] as [j, i]: j = 0 is the top row, so that anterior is up and the patient's right on the left.
 */
static kvox_status pick_slice(const char *path, const kvox_volume *volume, int64_t slice, kvox_array *picture) {
  kvox_array array;
  KVOX_TRY(kvox_volume_array(volume, &array));
  const int64_t k = slice < 0 ? array.shape[0] / 2 : slice;
  if (k >= array.shape[0]) {
    return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "%.200s: slice %" PRId64 " is asked for, the volume has 0 to %" PRId64,
                            kvox_io_name(path), k, array.shape[0] - 1);
  }
  *picture = (kvox_array){.data = (char *)array.data + k * array.strides[0],
                          .type = array.type,
                          .rank = 2,
                          .shape = {array.shape[1], array.shape[2]},
                          .strides = {array.strides[1], array.strides[2]}};
  return KVOX_OK;
}

static kvox_status choose_window(kvox_context *context, const kvox_array *picture, kvox_io_write_options *options) {
  if (options->window_width != 0) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_picture_auto_window(context, picture, window_low, window_high, &options->window_center,
                                    &options->window_width));
  /* LINEAR needs a width of 1 grey value at least, which is no measure for data in 1/mm. */
  if (options->window_function == KVOX_WINDOW_LINEAR) {
    options->window_function = KVOX_WINDOW_LINEAR_EXACT;
  }
  if (!(options->window_width > 0)) {
    options->window_width = 1;
  }
  return KVOX_OK;
}

static kvox_status write_volume(kvox_context *context, const char *path, const kvox_volume *volume,
                                const kvox_io_write_options *options) {
  kvox_io_write_options chosen = *options;
  kvox_array picture, levels;
  if (options->bits != 0 && options->bits != 8 && options->bits != 16) {
    return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "%.200s: bits is %" PRId32 ", must be 8 or 16", kvox_io_name(path),
                            options->bits);
  }
  KVOX_TRY(pick_slice(path, volume, options->slice, &picture));
  KVOX_TRY(choose_window(context, &picture, &chosen));
  const kvox_type type = options->bits == 16 ? KVOX_U16 : KVOX_U8;
  void *memory = kvox_extend_allocate(context, (uint64_t)(picture.shape[0] * picture.shape[1]) * kvox_type_size(type));
  if (memory == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_array_init(&levels, memory, type, 2, picture.shape);
  KVOX_TRY_CLEANUP(status);
  KVOX_TRY_CLEANUP(kvox_picture_window(context, &picture, chosen.window_function, chosen.window_center,
                                       chosen.window_width, &levels));
  status = write_array(context, path, &levels);
cleanup:
  kvox_extend_release(context, memory);
  return status;
}

const kvox_io_format kvox_io_png_format = {
    .extensions = {".png"},
    .reads = KVOX_IO_ARRAY,
    .read_header = read_header,
    .read_samples = read_samples,
    .end_read = end_read,
    .write_volume = write_volume,
    .write_array = write_array,
};

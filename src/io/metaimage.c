/* MetaImage (.mha, .mhd): where the samples lie, and reading them. */
#include "io/metaimage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/deflate.h"

/* Opens the file beside the header that ElementDataFile names. */
static kvox_status open_separate(const kvox_io_file *file, kvox_io_metaimage *state) {
  if (file->path == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "its samples lie in another file");
  }
  const size_t folder = (size_t)(file->name - file->path);
  const size_t room = folder + strlen(state->data_name) + 1;
  char *path = kvox_extend_allocate(file->context, room);
  if (path == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(path, file->path, folder);
  memcpy(path + folder, state->data_name, room - folder);
  const kvox_status status = kvox_io_file_open(file->context, path, &state->separate);
  state->is_separate = status == KVOX_OK;
  /* The path ends here; the name that opens sentences lives as long as the state. */
  state->separate.path = NULL;
  state->separate.name = state->data_name;
  kvox_extend_release(file->context, path);
  return status == KVOX_OK ? KVOX_OK : kvox_io_file_fail(file, status, "its samples lie in %s", kvox_last_error());
}

/* Sets the position of the samples and judges their size. */
static kvox_status locate(kvox_io_file *data, kvox_io_image *image, const kvox_io_metaimage *state) {
  int64_t begin = state->is_separate ? 0 : state->header_end;
  if (state->header_size > 0) {
    begin = state->header_size;
  }
  if (!state->is_separate && begin < state->header_end) {
    return kvox_io_file_fail(data, KVOX_ERROR_FORMAT, "HeaderSize is %" PRId64 ", its header has %" PRId64 " bytes",
                             state->header_size, state->header_end);
  }
  KVOX_TRY(kvox_io_file_seek(data, begin));
  const int64_t left = data->size - begin;
  int64_t stored = left;
  if (state->compressed) {
    if (state->compressed_size > left) {
      return kvox_io_file_fail(data, KVOX_ERROR_FORMAT,
                               "it is truncated: CompressedDataSize is %" PRId64 ", %" PRId64 " bytes are there",
                               state->compressed_size, left);
    }
    stored = state->compressed_size > 0 ? state->compressed_size : left;
  }
  KVOX_TRY(kvox_io_image_measure(data, image, stored, state->compressed ? KVOX_IO_DEFLATE_MOST : 1));
  if (!state->compressed && state->header_size >= 0 && image->bytes != left) {
    return kvox_io_file_fail(data, KVOX_ERROR_FORMAT,
                             "%" PRId64 " bytes of samples are there, its header promises %" PRId64
                             "; say by HeaderSize what to skip",
                             left, image->bytes);
  }
  if (state->header_size < 0) {
    return kvox_io_file_seek(data, data->size - (state->compressed ? stored : image->bytes));
  }
  return KVOX_OK;
}

static kvox_status read_header(kvox_io_file *file, kvox_io_image *image) {
  kvox_io_metaimage *state = kvox_extend_allocate(file->context, sizeof *state);
  if (state == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *state = (kvox_io_metaimage){.separate = {.descriptor = -1}};
  image->state = state;
  KVOX_TRY(kvox_io_metaimage_read_header(file, image, state));
  if (strcmp(state->data_name, "LOCAL") != 0 && strcmp(state->data_name, "Local") != 0 &&
      strcmp(state->data_name, "local") != 0) {
    KVOX_TRY(open_separate(file, state));
  }
  return locate(state->is_separate ? &state->separate : file, image, state);
}

static kvox_status read_samples(kvox_io_file *file, kvox_io_image *image, void *samples) {
  kvox_io_metaimage *state = image->state;
  kvox_io_file *data = state->is_separate ? &state->separate : file;
  if (!state->compressed) {
    return kvox_io_file_read(data, samples, image->bytes);
  }
  const int64_t left = data->size - data->position;
  return kvox_io_inflate(data, state->compressed_size > 0 ? state->compressed_size : left, samples, image->bytes);
}

static void end_read(kvox_io_file *file, kvox_io_image *image) {
  kvox_io_metaimage *state = image->state;
  if (state != NULL) {
    kvox_io_file_close(&state->separate);
    kvox_extend_release(file->context, state);
  }
}

const kvox_io_format kvox_io_metaimage_format = {
    .extensions = {".mha", ".mhd"},
    .reads = KVOX_IO_VOLUME | KVOX_IO_SCAN,
    .read_header = read_header,
    .read_samples = read_samples,
    .end_read = end_read,
    .write_volume = kvox_io_metaimage_write,
};

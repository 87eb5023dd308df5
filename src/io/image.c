/* One image of any format as a volume, an array or a scan. */
#include <inttypes.h>
#include <string.h>

#include "io/io.h"

/* Side of the tiles in which an array changes its order: 32 lines of either stay in the first-level cache. */
enum { TILE = 32 };

kvox_status kvox_io_image_measure(const kvox_io_file *file, kvox_io_image *image, int64_t available, int64_t most) {
  int64_t bytes = (int64_t)kvox_type_size(image->type);
  for (int32_t d = 0; d < image->rank; d++) {
    if (image->shape[d] < 1 || __builtin_mul_overflow(bytes, image->shape[d], &bytes)) {
      return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "size %" PRId32 " is %" PRId64 ", %s", d, image->shape[d],
                               image->shape[d] < 1 ? "must be at least 1" : "more than any file can hold");
    }
  }
  image->bytes = bytes;
  if (bytes / most > available) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "its header promises %" PRId64 " bytes of samples, the %" PRId64
                             " bytes there are cannot hold them; it is truncated or not what it says",
                             bytes, available);
  }
  return KVOX_OK;
}

void kvox_io_swap_bytes(void *samples, size_t size, int64_t bytes) {
  unsigned char *at = samples;
  for (const unsigned char *end = at + bytes; at < end; at += size) {
    for (size_t low = 0, high = size - 1; low < high; low++, high--) {
      const unsigned char kept = at[low];
      at[low] = at[high];
      at[high] = kept;
    }
  }
}

static kvox_status read_samples(const kvox_io_format *format, kvox_io_file *file, kvox_io_image *image, void *samples) {
  KVOX_TRY(format->read_samples(file, image, samples));
  if (image->swap_bytes) {
    kvox_io_swap_bytes(samples, image->type == KVOX_C64 ? sizeof(float) : kvox_type_size(image->type), image->bytes);
  }
  return KVOX_OK;
}

static void end_read(const kvox_io_format *format, kvox_io_file *file, kvox_io_image *image) {
  if (format->end_read != NULL) {
    format->end_read(file, image);
  }
  kvox_extend_release(file->context, image->provenance);
}

/* The samples in memory of their own, described as they lie there. */
static kvox_status read_described(const kvox_io_format *format, kvox_io_file *file, kvox_io_image *image, void **memory,
                                  kvox_array *array) {
  void *samples = kvox_extend_allocate(file->context, (uint64_t)image->bytes);
  if (samples == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = read_samples(format, file, image, samples);
  if (status == KVOX_OK) {
    status = kvox_array_init(array, samples, image->type, image->rank, image->shape);
  }
  if (status != KVOX_OK) {
    kvox_extend_release(file->context, samples);
    return status;
  }
  int64_t stride = (int64_t)kvox_type_size(image->type);
  for (int32_t d = 0; d < image->rank && image->first_fastest; d++) {
    array->strides[d] = stride;
    stride *= image->shape[d];
  }
  *memory = samples;
  return KVOX_OK;
}

kvox_status kvox_io_load_array(const kvox_io_format *format, kvox_io_file *file, kvox_io_array **array) {
  kvox_io_image image = {0};
  kvox_io_array *made = NULL;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(format->read_header(file, &image));
  made = kvox_extend_allocate(file->context, sizeof *made);
  if (made == NULL) {
    status = KVOX_ERROR_MEMORY;
    goto cleanup;
  }
  KVOX_TRY_CLEANUP(read_described(format, file, &image, &made->memory, &made->array));
  made->context = kvox_extend_hold(file->context);
  *array = made;
  made = NULL;
cleanup:
  kvox_extend_release(file->context, made);
  end_read(format, file, &image);
  return status;
}

/* Rank 2 is one row: [view, column] becomes [view, 1, column]. */
static kvox_status scan_shape(const kvox_io_file *file, kvox_array *array) {
  if (array->type == KVOX_C64) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED, "it holds complex samples, projections are real");
  }
  if (array->rank == 2) {
    array->rank = 3;
    array->shape[2] = array->shape[1];
    array->strides[2] = array->strides[1];
    array->shape[1] = 1;
  }
  if (array->rank != 3) {
    return kvox_io_file_fail(
        file, KVOX_ERROR_UNSUPPORTED,
        "it has %" PRId32 " dimensions, projections have 3: view, row, column (or 2: view, column)", array->rank);
  }
  return KVOX_OK;
}

/* Projections as a stack of images, their pixels' size and place in the first two of its three directions. */
static void keep_frame(const kvox_io_image *image, kvox_io_scan *scan) {
  const kvox_grid *grid = &image->grid;
  const int64_t *shape = scan->projections.shape;
  if (image->has_frame && image->rank == 3) {
    scan->detector = (kvox_io_detector){.rows = shape[1],
                                        .columns = shape[2],
                                        .column_pitch_mm = grid->spacing_mm[0],
                                        .row_pitch_mm = grid->spacing_mm[1],
                                        .has_origin = 1,
                                        .origin_mm = {grid->origin_mm[0], grid->origin_mm[1]}};
  }
}

kvox_status kvox_io_load_scan(const kvox_io_format *format, kvox_io_file *file, kvox_io_scan **scan) {
  kvox_io_image image = {0};
  kvox_status status = KVOX_OK;
  kvox_io_scan *made = kvox_extend_allocate(file->context, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *made = (kvox_io_scan){.context = kvox_extend_hold(file->context)};
  if (format->read_scan != NULL) {
    KVOX_TRY_CLEANUP(format->read_scan(file, made));
  } else {
    KVOX_TRY_CLEANUP(format->read_header(file, &image));
    KVOX_TRY_CLEANUP(read_described(format, file, &image, &made->memory[0], &made->projections));
    KVOX_TRY_CLEANUP(scan_shape(file, &made->projections));
    keep_frame(&image, made);
  }
  *scan = made;
  made = NULL;
cleanup:
  kvox_io_scan_destroy(made);
  end_read(format, file, &image);
  return status;
}

/* [k, j, i] with k fastest to i fastest, tile by tile in i and k. */
static void reorder(const kvox_array *from, const kvox_array *to) {
  const size_t size = kvox_type_size(to->type);
  const int64_t nk = to->shape[0], nj = to->shape[1], ni = to->shape[2];
  for (int64_t j = 0; j < nj; j++) {
    const char *source = (const char *)from->data + j * from->strides[1];
    char *target = (char *)to->data + j * to->strides[1];
    for (int64_t tile = 0; tile < ((nk + TILE - 1) / TILE) * ((ni + TILE - 1) / TILE); tile++) {
      const int64_t k0 = tile / ((ni + TILE - 1) / TILE) * TILE, i0 = tile % ((ni + TILE - 1) / TILE) * TILE;
      for (int64_t k = k0; k < nk && k < k0 + TILE; k++) {
        for (int64_t i = i0; i < ni && i < i0 + TILE; i++) {
          memcpy(target + k * to->strides[0] + i * to->strides[2], source + k * from->strides[0] + i * from->strides[2],
                 size);
        }
      }
    }
  }
}

/* Volumes are dense with i fastest whatever the file has: what computes on them counts on it. */
static kvox_status fill_volume(const kvox_io_format *format, kvox_io_file *file, kvox_io_image *image,
                               kvox_volume *volume) {
  kvox_array to, from;
  void *memory = NULL;
  KVOX_TRY(kvox_volume_array(volume, &to));
  if (!image->first_fastest) {
    return read_samples(format, file, image, to.data);
  }
  KVOX_TRY(read_described(format, file, image, &memory, &from));
  reorder(&from, &to);
  kvox_extend_release(file->context, memory);
  return KVOX_OK;
}

static kvox_status volume_frame(const kvox_io_file *file, kvox_io_image *image) {
  if (image->rank != 2 && image->rank != 3) {
    return kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED,
                             "it has %" PRId32 " dimensions, a volume has 3: k, j, i (or 2: one slice)", image->rank);
  }
  if (image->rank == 2) {
    image->rank = 3;
    image->shape[2] = image->shape[1];
    image->shape[1] = image->shape[0];
    image->shape[0] = 1;
  }
  if (image->has_frame) {
    return KVOX_OK;
  }
  const int64_t size[3] = {image->shape[2], image->shape[1], image->shape[0]};
  const double spacing_mm[3] = {1, 1, 1};
  return kvox_grid_init(&image->grid, size, spacing_mm, NULL);
}

kvox_status kvox_io_load_volume(const kvox_io_format *format, kvox_io_file *file, kvox_volume **volume) {
  kvox_io_image image = {0};
  kvox_volume *made = NULL;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(format->read_header(file, &image));
  KVOX_TRY_CLEANUP(volume_frame(file, &image));
  KVOX_TRY_CLEANUP(kvox_volume_create(file->context, image.type, &image.grid, &made));
  KVOX_TRY_CLEANUP(fill_volume(format, file, &image, made));
  KVOX_TRY_CLEANUP(kvox_volume_set_unit(made, image.unit));
  if (image.provenance != NULL) {
    KVOX_TRY_CLEANUP(kvox_volume_set_provenance(made, image.provenance));
  }
  *volume = made;
  made = NULL;
cleanup:
  kvox_volume_destroy(made);
  end_read(format, file, &image);
  return status;
}

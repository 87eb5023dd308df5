/* A dataset read element by element along its first dimension: an index of its chunks is kept, and one chunk. */
#include <inttypes.h>

#include "io/h5.h"

kvox_status kvox_io_h5_rows_open(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, kvox_io_h5_rows *rows) {
  kvox_context *context = h5->file->context;
  *rows = (kvox_io_h5_rows){.d = d, .count = d->rank > 0 ? d->shape[0] : 1, .held = -1};
  for (int i = 1; i < d->rank; i++) {
    if (d->shape[i] != 1) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "%s has more than one dimension", d->name);
    }
  }
  if (d->layout == KVOX_IO_H5_COMPACT) {
    return KVOX_OK;
  }
  if (d->layout == KVOX_IO_H5_CHUNKED) {
    KVOX_TRY(kvox_io_h5_find_chunks(h5, d, &rows->places));
  }
  const int64_t block = d->layout == KVOX_IO_H5_CHUNKED ? d->chunk_bytes : d->type.size;
  rows->block = kvox_extend_allocate(context, (uint64_t)block);
  return rows->block != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
}

void kvox_io_h5_rows_close(kvox_io_h5 *h5, kvox_io_h5_rows *rows) {
  kvox_extend_release(h5->file->context, rows->places);
  kvox_extend_release(h5->file->context, rows->block);
  *rows = (kvox_io_h5_rows){.held = -1};
}

kvox_status kvox_io_h5_rows_get(kvox_io_h5 *h5, kvox_io_h5_rows *rows, int64_t index, const unsigned char **element) {
  const kvox_io_h5_dataset *d = rows->d;
  kvox_io_h5_begin(h5);
  if (d->layout == KVOX_IO_H5_COMPACT) {
    *element = d->compact + index * d->type.size;
    return KVOX_OK;
  }
  if (d->layout == KVOX_IO_H5_CONTIGUOUS) {
    *element = rows->block;
    return kvox_io_h5_get(h5, d->address + (uint64_t)index * (uint64_t)d->type.size, rows->block,
                          (uint64_t)d->type.size);
  }
  const int64_t number = index / d->chunk[0], in_row = d->chunk_bytes / d->chunk[0];
  if (rows->held != number) {
    const kvox_io_h5_place *place = &rows->places[number];
    rows->held = -1;
    KVOX_TRY(kvox_io_h5_decode_chunk(h5, d, place->address, place->stored, place->mask, rows->block));
    rows->held = number;
  }
  *element = rows->block + index % d->chunk[0] * in_row;
  return KVOX_OK;
}

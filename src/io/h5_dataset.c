/* A dataset's header, judged as a whole before anything is allocated for its samples. */
#include <inttypes.h>
#include <string.h>

#include "io/h5.h"

/* Members are looked up in the message later. */
static kvox_status take_type(kvox_io_h5 *h5, const kvox_io_h5_message *m, kvox_io_h5_dataset *d) {
  d->has_type = true;
  KVOX_TRY(kvox_io_h5_parse_type(h5, m->body, m->size, &d->type));
  if (d->type.class != KVOX_IO_H5_COMPOUND) {
    return KVOX_OK;
  }
  if (d->type_body != NULL) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: %s has two types", d->name);
  }
  d->type_body = kvox_extend_allocate(h5->file->context, m->size);
  if (d->type_body == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(d->type_body, m->body, (size_t)m->size);
  d->type_bytes = m->size;
  return KVOX_OK;
}

static kvox_status visit_dataset(kvox_io_h5 *h5, const kvox_io_h5_message *m, void *user) {
  kvox_io_h5_dataset *d = user;
  if (m->shared && (m->type == KVOX_IO_H5_DATATYPE || m->type == KVOX_IO_H5_DATASPACE)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "%s shares its type or shape; " KVOX_IO_H5_REMEDY,
                             d->name);
  }
  switch (m->type) {
    case KVOX_IO_H5_DATASPACE:
      d->has_space = true;
      return kvox_io_h5_parse_space(h5, m->body, m->size, &d->rank, d->shape);
    case KVOX_IO_H5_DATATYPE: return take_type(h5, m, d);
    case KVOX_IO_H5_LAYOUT: d->has_layout = true; return kvox_io_h5_parse_layout(h5, m->body, m->size, d);
    case KVOX_IO_H5_PIPELINE: return kvox_io_h5_parse_pipeline(h5, m->body, m->size, d);
    case KVOX_IO_H5_EXTERNAL:
      return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                               "%s lies in other files (external storage); write it into this one", d->name);
    default: return KVOX_OK;
  }
}

/* A filter that is not undone deserves its name. */
static kvox_status check_filters(const kvox_io_h5 *h5, const kvox_io_h5_dataset *d) {
  static const struct {
    int id;
    const char *name;
  } known[] = {{4, "szip"},    {5, "nbit"},      {6, "scale-offset"}, {307, "bzip2"},
               {32000, "lzf"}, {32001, "blosc"}, {32004, "lz4"},      {32008, "bitshuffle"},
               {32013, "zfp"}, {32015, "zstd"},  {32026, "blosc2"}};
  int deflates = 0;
  for (int f = 0; f < d->filters; f++) {
    const int id = d->filter[f].id;
    deflates += id == KVOX_IO_H5_DEFLATE;
    if (id >= KVOX_IO_H5_DEFLATE && id <= KVOX_IO_H5_FLETCHER32) {
      continue;
    }
    const char *name = "";
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
      name = known[k].id == id ? known[k].name : name;
    }
    return kvox_io_file_fail(
        h5->file, KVOX_ERROR_UNSUPPORTED,
        "%s is compressed by filter %d %s, which is not read; write it with gzip or without compression", d->name, id,
        name);
  }
  return deflates <= 1 ? KVOX_OK
                       : kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                                           "%s is compressed twice; " KVOX_IO_H5_REMEDY, d->name);
}

/* What is promised must fit the bytes that the file truly has, or what those could inflate to. */
static kvox_status check_storage(const kvox_io_h5 *h5, const kvox_io_h5_dataset *d) {
  const bool chunked = d->layout == KVOX_IO_H5_CHUNKED;
  const int64_t most = chunked && d->filters > 0 ? KVOX_IO_DEFLATE_MOST : 1;
  if (d->layout != KVOX_IO_H5_COMPACT && d->address == KVOX_IO_H5_NOWHERE) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s was never written", d->name);
  }
  if (chunked && (d->chunk_rank != d->rank || d->chunk_element != d->type.size)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "%s has chunks of %d dimensions and elements of %" PRId64 " bytes, it has %d and %" PRId64,
                             d->name, d->chunk_rank, d->chunk_element, d->rank, d->type.size);
  }
  const int64_t stored = chunked || d->stored > h5->file->size ? h5->file->size : d->stored;
  if (d->bytes / most > stored || (chunked && d->chunk_bytes / most > stored)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "%s promises %" PRId64 " bytes of samples%s, the %" PRId64
                             " bytes there are cannot hold them",
                             d->name, d->bytes, chunked ? " in chunks" : "", stored);
  }
  return KVOX_OK;
}

kvox_status kvox_io_h5_dataset_open(kvox_io_h5 *h5, const char *name, uint64_t header, kvox_io_h5_dataset *d) {
  *d = (kvox_io_h5_dataset){.name = name};
  kvox_io_h5_begin(h5);
  KVOX_TRY(kvox_io_h5_messages(h5, header, visit_dataset, d));
  if (!d->has_type || !d->has_space || !d->has_layout) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is no dataset", name);
  }
  d->bytes = d->type.size;
  for (int i = 0; i < d->rank; i++) {
    if (__builtin_mul_overflow(d->bytes, d->shape[i], &d->bytes)) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s promises more bytes than any file can hold", name);
    }
  }
  KVOX_TRY(check_filters(h5, d));
  return check_storage(h5, d);
}

void kvox_io_h5_dataset_close(kvox_io_h5 *h5, kvox_io_h5_dataset *d) {
  kvox_extend_release(h5->file->context, d->compact);
  kvox_extend_release(h5->file->context, d->type_body);
  d->compact = NULL;
  d->type_body = NULL;
}

kvox_status kvox_io_h5_read(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, void *out) {
  if (d->layout == KVOX_IO_H5_COMPACT) {
    memcpy(out, d->compact, (size_t)d->bytes);
    return KVOX_OK;
  }
  if (d->layout == KVOX_IO_H5_CONTIGUOUS) {
    return kvox_io_h5_get(h5, d->address, out, (uint64_t)d->bytes);
  }
  return kvox_io_h5_read_chunks(h5, d, out);
}

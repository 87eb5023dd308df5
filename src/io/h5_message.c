/* Bodies of the messages that describe a dataset. */
#include <inttypes.h>
#include <string.h>

#include "io/h5.h"

static kvox_status too_short(const kvox_io_h5 *h5, const char *what) {
  return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a %s is too short", what);
}

/* Sign bit, precision, exponent at and bits, fraction at and bits, bias: what IEEE 754 has. */
static bool is_ieee(int64_t size, const unsigned char *body) {
  static const struct {
    int64_t size;
    unsigned char sign, precision, exponent_at, exponent_bits, fraction_bits;
    uint32_t bias;
  } formats[] = {{2, 15, 16, 10, 5, 10, 15}, {4, 31, 32, 23, 8, 23, 127}, {8, 63, 64, 52, 11, 52, 1023}};
  for (int i = 0; i < 3; i++) {
    if (size == formats[i].size) {
      return body[2] == formats[i].sign && kvox_io_h5_number(body + 8, 2) == 0 && body[10] == formats[i].precision &&
             body[11] == 0 && body[12] == formats[i].exponent_at && body[13] == formats[i].exponent_bits &&
             body[14] == 0 && body[15] == formats[i].fraction_bits &&
             kvox_io_h5_number(body + 16, 4) == formats[i].bias &&
             /* The leading bit is implied, and the byte order not that of a VAX. */
             (body[1] & 0x70) == 0x20;
    }
  }
  return false;
}

kvox_status kvox_io_h5_parse_type(kvox_io_h5 *h5, const unsigned char *body, uint64_t size, kvox_io_h5_type *type) {
  if (size < 8) {
    return too_short(h5, "datatype");
  }
  *type = (kvox_io_h5_type){.class = body[0] & 15, .size = (int64_t)kvox_io_h5_number(body + 4, 4)};
  type->big_endian = (body[1] & 1) != 0;
  if (type->size < 1) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a datatype has no bytes");
  }
  if (type->class == KVOX_IO_H5_INTEGER) {
    if (size < 12) {
      return too_short(h5, "datatype");
    }
    type->is_signed = (body[1] & 8) != 0;
    type->offset = (int)kvox_io_h5_number(body + 8, 2);
    type->precision = (int)kvox_io_h5_number(body + 10, 2);
    if (type->precision < 1 || type->offset + type->precision > 8 * type->size) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a datatype has %d bits in %" PRId64 " bytes",
                               type->precision, type->size);
    }
  } else if (type->class == KVOX_IO_H5_FLOAT) {
    if (size < 20) {
      return too_short(h5, "datatype");
    }
    type->ieee = is_ieee(type->size, body);
  }
  type->text = type->class == KVOX_IO_H5_VARIABLE && (body[1] & 15) == 1;
  return KVOX_OK;
}

kvox_status kvox_io_h5_parse_space(kvox_io_h5 *h5, const unsigned char *body, uint64_t size, int *rank,
                                   int64_t shape[KVOX_MAX_RANK]) {
  const uint64_t head = size >= 4 && body[0] == 1 ? 8 : 4;
  if (size < head) {
    return too_short(h5, "dataspace");
  }
  if (body[0] < 1 || body[0] > 2 || (body[0] == 2 && body[3] > 1) || body[1] > KVOX_MAX_RANK) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "it has a dataspace of version %d, kind %d and %d dimensions; at most %d are read",
                             body[0], body[0] == 2 ? body[3] : 1, body[1], KVOX_MAX_RANK);
  }
  if ((size - head) / 8 < body[1]) {
    return too_short(h5, "dataspace");
  }
  *rank = body[1];
  for (int d = 0; d < *rank; d++) {
    const uint64_t side = kvox_io_h5_number(body + head + 8 * (uint64_t)d, 8);
    if (side < 1 || side > INT64_MAX) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "dimension %d is %" PRIu64 ", must be from 1 to 2^63 - 1",
                               d, side);
    }
    shape[d] = (int64_t)side;
  }
  return KVOX_OK;
}

/* ---- Layout: where the samples lie ---- */

static kvox_status take_compact(kvox_io_h5 *h5, const unsigned char *data, uint64_t size, kvox_io_h5_dataset *dataset) {
  if (dataset->compact != NULL) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a dataset lies in two places");
  }
  dataset->layout = KVOX_IO_H5_COMPACT;
  dataset->stored = (int64_t)size;
  dataset->compact = kvox_extend_allocate(h5->file->context, size);
  if (dataset->compact == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(dataset->compact, data, (size_t)size);
  return KVOX_OK;
}

/* Sides of a chunk, `width` bytes each; the last of them is the size of an element. */
static kvox_status take_chunk(kvox_io_h5 *h5, const unsigned char *sides, int count, int width,
                              kvox_io_h5_dataset *dataset) {
  if (count < 2 || count > KVOX_MAX_RANK + 1) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: chunks of %d dimensions", count - 1);
  }
  dataset->layout = KVOX_IO_H5_CHUNKED;
  dataset->chunk_bytes = 1;
  for (int d = 0; d < count; d++) {
    const uint64_t side = kvox_io_h5_number(sides + d * width, width);
    if (side < 1 || side > UINT32_MAX ||
        __builtin_mul_overflow(dataset->chunk_bytes, (int64_t)side, &dataset->chunk_bytes)) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: chunks of no possible size");
    }
    if (d < count - 1) {
      dataset->chunk[d] = (int64_t)side;
    }
  }
  /* Judged with the type and the space, whichever message comes first. */
  dataset->chunk_rank = count - 1;
  dataset->chunk_element = (int64_t)kvox_io_h5_number(sides + (count - 1) * width, width);
  return KVOX_OK;
}

/* Versions 1 and 2. */
static kvox_status parse_old_layout(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                    kvox_io_h5_dataset *dataset) {
  const int count = size >= 8 ? body[1] : 0, layout = size >= 8 ? body[2] : 0;
  const uint64_t address_bytes = layout == KVOX_IO_H5_COMPACT ? 0 : 8;
  const uint64_t after = 8 + address_bytes + 4 * (uint64_t)count;
  if (size < after + (layout == KVOX_IO_H5_COMPACT ? 4 : 0)) {
    return too_short(h5, "layout");
  }
  if (layout == KVOX_IO_H5_COMPACT) {
    const uint64_t stored = kvox_io_h5_number(body + after, 4);
    return stored <= size - after - 4 ? take_compact(h5, body + after + 4, stored, dataset) : too_short(h5, "layout");
  }
  dataset->address = kvox_io_h5_number(body + 8, 8);
  if (layout == KVOX_IO_H5_CHUNKED) {
    return take_chunk(h5, body + 16, count, 4, dataset);
  }
  if (layout != KVOX_IO_H5_CONTIGUOUS) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a dataset has layout %d", layout);
  }
  dataset->layout = KVOX_IO_H5_CONTIGUOUS;
  dataset->stored = INT64_MAX; /* these versions do not say */
  return KVOX_OK;
}

/* The chunks of version 4, with the kind of their index. */
static kvox_status parse_new_chunks(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                    kvox_io_h5_dataset *dataset) {
  const int flags = size >= 5 ? body[2] : 0, count = size >= 5 ? body[3] : 0, width = size >= 5 ? body[4] : 0;
  const uint64_t at = 5 + (uint64_t)count * (uint64_t)width;
  if (width < 1 || width > 8 || size < at + 1) {
    return too_short(h5, "layout");
  }
  KVOX_TRY(take_chunk(h5, body + 5, count, width, dataset));
  dataset->index = body[at];
  const uint64_t extra = body[at] == KVOX_IO_H5_SINGLE        ? ((flags & 2) != 0 ? 12 : 0)
                         : body[at] == KVOX_IO_H5_FIXED_ARRAY ? 1
                                                              : 0;
  if (body[at] < KVOX_IO_H5_SINGLE || body[at] > KVOX_IO_H5_FIXED_ARRAY || (flags & 1) != 0) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "a dataset has an index of chunks that is not read (kind %d); " KVOX_IO_H5_REMEDY,
                             body[at]);
  }
  if (size < at + 1 + extra + 8) {
    return too_short(h5, "layout");
  }
  dataset->address = kvox_io_h5_number(body + at + 1 + extra, 8);
  dataset->single_filtered = extra == 12;
  if (extra == 12) {
    dataset->single_bytes = kvox_io_h5_number(body + at + 1, 8);
    dataset->single_mask = (uint32_t)kvox_io_h5_number(body + at + 9, 4);
  }
  return KVOX_OK;
}

kvox_status kvox_io_h5_parse_layout(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                    kvox_io_h5_dataset *dataset) {
  if (size < 2) {
    return too_short(h5, "layout");
  }
  const int version = body[0], layout = body[1];
  if (version == 1 || version == 2) {
    return parse_old_layout(h5, body, size, dataset);
  }
  if (version != 3 && version != 4) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "a dataset has layout version %d; " KVOX_IO_H5_REMEDY,
                             version);
  }
  if (layout == KVOX_IO_H5_COMPACT) {
    const uint64_t stored = size >= 4 ? kvox_io_h5_number(body + 2, 2) : UINT64_MAX;
    return size >= 4 && stored <= size - 4 ? take_compact(h5, body + 4, stored, dataset) : too_short(h5, "layout");
  }
  if (layout == KVOX_IO_H5_CONTIGUOUS) {
    if (size < 18) {
      return too_short(h5, "layout");
    }
    const uint64_t stored = kvox_io_h5_number(body + 10, 8);
    dataset->layout = layout;
    dataset->address = kvox_io_h5_number(body + 2, 8);
    dataset->stored = stored <= INT64_MAX ? (int64_t)stored : INT64_MAX;
    return KVOX_OK;
  }
  if (layout == KVOX_IO_H5_CHUNKED && version == 4) {
    return parse_new_chunks(h5, body, size, dataset);
  }
  if (layout == KVOX_IO_H5_CHUNKED) {
    const int count = size >= 11 ? body[2] : 0;
    if (size < 11 + 4 * (uint64_t)count) {
      return too_short(h5, "layout");
    }
    dataset->address = kvox_io_h5_number(body + 3, 8);
    return take_chunk(h5, body + 11, count, 4, dataset);
  }
  return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                           "a dataset lies in other files (virtual storage); write it into this one");
}

/* ---- Filters ---- */

kvox_status kvox_io_h5_parse_pipeline(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                      kvox_io_h5_dataset *dataset) {
  const int version = size >= 2 ? body[0] : 0, count = size >= 2 ? body[1] : 0;
  uint64_t at = version == 1 ? 8 : 2;
  if (version < 1 || version > 2 || count > KVOX_IO_H5_MOST_FILTERS || dataset->filters > 0) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a pipeline of version %d with %d filters",
                             version, count);
  }
  for (int f = 0; f < count; f++) {
    const bool named = version == 1 || (size >= at + 2 && kvox_io_h5_number(body + at, 2) >= 256);
    const uint64_t head = named ? 8 : 6;
    if (at > size || size - at < head) {
      return too_short(h5, "pipeline");
    }
    const unsigned char *b = body + at;
    const uint64_t name = named ? kvox_io_h5_number(b + 2, 2) : 0;
    const uint64_t values = kvox_io_h5_number(b + head - 2, 2);
    /* Version 1 fills the name up to 8 bytes, and the values to an even number. */
    const uint64_t name_room = version == 1 ? (name + 7) / 8 * 8 : name;
    const uint64_t value_room = version == 1 ? (values + 1) / 2 * 2 : values;
    if (size - at - head < name_room + 4 * values) {
      return too_short(h5, "pipeline");
    }
    dataset->filter[f].id = (int)kvox_io_h5_number(b, 2);
    dataset->filter[f].value = values > 0 ? (uint32_t)kvox_io_h5_number(b + head + name_room, 4) : 0;
    at += head + name_room + 4 * value_room;
  }
  dataset->filters = count;
  return KVOX_OK;
}

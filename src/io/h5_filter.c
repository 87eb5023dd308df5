/* One chunk of a dataset: its filters, undone in the order opposite to that of writing. */
#include <inttypes.h>
#include <string.h>

#include "io/deflate.h"
#include "io/h5.h"

/* What a Fletcher checksum adds. */
enum { CHECKSUM_BYTES = 4 };

/* A sum modulo 65535 where the carry is added below: 65535 stands for 0, unless all was 0. */
static uint32_t add_carry(uint32_t a, uint32_t b) {
  const uint32_t sum = a + b;
  return (sum & 0xffff) + (sum >> 16);
}

/* HDF5's Fletcher32: big-endian words of 16 bits, an odd last byte as the upper half. */
static uint32_t fletcher32(const unsigned char *bytes, int64_t count) {
  uint32_t low = 0, high = 0;
  for (int64_t i = 0; i < count; i += 2) {
    low = add_carry(low, (uint32_t)bytes[i] << 8 | (i + 1 < count ? bytes[i + 1] : 0));
    high = add_carry(high, low);
  }
  return high << 16 | low;
}

/* Bytes of equal place in their elements lie together; what is left over stays at the end. */
static void unshuffle(const unsigned char *from, unsigned char *to, int64_t bytes, int64_t element) {
  const int64_t count = bytes / element;
  for (int64_t b = 0; b < element && count > 0; b++) {
    for (int64_t i = 0; i < count; i++) {
      to[i * element + b] = *from++;
    }
  }
  memcpy(to + count * element, from, (size_t)(bytes - count * element));
}

/* The bytes that go into filter `f` in writing: those of the chunk and of the checksums before it. */
static int64_t bytes_before(const kvox_io_h5_dataset *d, uint32_t mask, int f) {
  int64_t bytes = d->chunk_bytes;
  for (int i = 0; i < f; i++) {
    if (d->filter[i].id == KVOX_IO_H5_FLETCHER32 && (mask >> i & 1) == 0) {
      bytes += CHECKSUM_BYTES;
    }
  }
  return bytes;
}

/* Undoes one filter: `from` has *bytes; so much room, or what was there before deflating, has `to`. */
static kvox_status undo(const kvox_io_h5 *h5, const kvox_io_h5_dataset *d, uint32_t mask, int f,
                        const unsigned char *from, int64_t *bytes, unsigned char *to) {
  const kvox_io_h5_filter *filter = &d->filter[f];
  const int64_t given = *bytes;
  if (filter->id == KVOX_IO_H5_DEFLATE) {
    kvox_io_file packed = kvox_io_file_in_memory(h5->file->context, h5->file->name, from, given);
    *bytes = bytes_before(d, mask, f);
    return kvox_io_inflate(&packed, given, to, *bytes);
  }
  if (filter->id == KVOX_IO_H5_SHUFFLE && filter->value > 0) {
    unshuffle(from, to, given, filter->value);
    return KVOX_OK;
  }
  *bytes = given - CHECKSUM_BYTES;
  if (filter->id != KVOX_IO_H5_FLETCHER32 || *bytes < 0 ||
      kvox_io_h5_number(from + *bytes, CHECKSUM_BYTES) != fletcher32(from, *bytes)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: a chunk does not have its checksum", d->name);
  }
  memcpy(to, from, (size_t)*bytes);
  return KVOX_OK;
}

kvox_status kvox_io_h5_decode_chunk(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, uint64_t address, uint64_t stored,
                                    uint32_t mask, unsigned char *out) {
  kvox_context *context = h5->file->context;
  if (d->filters == 0 && stored == (uint64_t)d->chunk_bytes) {
    return kvox_io_h5_get(h5, address, out, stored);
  }
  int64_t bytes = (int64_t)stored;
  if (stored > (uint64_t)h5->file->size) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: a chunk is larger than the file", d->name);
  }
  /* No stage has more than what was stored, or what was there before deflating. */
  const int64_t most = bytes_before(d, mask, d->filters), room = bytes > most ? bytes : most;
  unsigned char *from = kvox_extend_allocate(context, (uint64_t)room);
  unsigned char *to = kvox_extend_allocate(context, (uint64_t)room);
  kvox_status status = from != NULL && to != NULL ? kvox_io_h5_get(h5, address, from, stored) : KVOX_ERROR_MEMORY;
  for (int f = d->filters - 1; f >= 0 && status == KVOX_OK; f--) {
    if ((mask >> f & 1) == 0) {
      status = undo(h5, d, mask, f, from, &bytes, to);
      unsigned char *swapped = from;
      from = to;
      to = swapped;
    }
  }
  if (status == KVOX_OK && bytes != d->chunk_bytes) {
    status = kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                               "%s is broken: a chunk has %" PRId64 " bytes, must have %" PRId64, d->name, bytes,
                               d->chunk_bytes);
  }
  if (status == KVOX_OK) {
    memcpy(out, from, (size_t)bytes);
  }
  kvox_extend_release(context, to);
  kvox_extend_release(context, from);
  return status;
}

/* The chunks of a dataset: found by its index, decoded, put in their places. */
#include <inttypes.h>
#include <string.h>

#include "io/h5.h"

typedef struct chunks {
  const kvox_io_h5_dataset *d;
  unsigned char *out;
  int64_t count[KVOX_MAX_RANK]; /* along each dimension */
  int64_t total;
  unsigned char *seen;      /* one bit a chunk */
  int64_t met;              /* bits set */
  unsigned char *block;     /* of one chunk */
  kvox_io_h5_place *places; /* where each lies, instead of what it holds; or NULL */
} chunks;

/* Copies the part of a decoded chunk that lies inside the shape; `place` counts chunks. */
static void put_chunk(const chunks *c, const int64_t *place) {
  const kvox_io_h5_dataset *d = c->d;
  int64_t index[KVOX_MAX_RANK] = {0}, inside[KVOX_MAX_RANK];
  for (int i = 0; i < d->rank; i++) {
    const int64_t left = d->shape[i] - place[i] * d->chunk[i];
    inside[i] = left < d->chunk[i] ? left : d->chunk[i];
  }
  const int last = d->rank - 1;
  const size_t row = (size_t)(inside[last] * d->type.size);
  for (;;) {
    int64_t from = 0, to = 0;
    for (int i = 0; i < d->rank; i++) {
      from = from * d->chunk[i] + index[i];
      to = to * d->shape[i] + place[i] * d->chunk[i] + index[i];
    }
    memcpy(c->out + to * d->type.size, c->block + from * d->type.size, row);
    int i = last - 1;
    while (i >= 0 && ++index[i] == inside[i]) {
      index[i--] = 0;
    }
    if (i < 0) {
      return;
    }
  }
}

/* One chunk that the index names, by its number in C order. */
static kvox_status take_chunk(kvox_io_h5 *h5, chunks *c, int64_t number, uint64_t address, uint64_t stored,
                              uint32_t mask) {
  int64_t place[KVOX_MAX_RANK], left = number;
  if ((c->seen[number / 8] >> (number % 8) & 1) != 0) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: it has a chunk twice", c->d->name);
  }
  c->seen[number / 8] |= (unsigned char)(1u << (number % 8));
  c->met++;
  if (c->places != NULL) {
    c->places[number] = (kvox_io_h5_place){.address = address, .stored = stored, .mask = mask};
    return KVOX_OK;
  }
  for (int i = c->d->rank - 1; i >= 0; i--) {
    place[i] = left % c->count[i];
    left /= c->count[i];
  }
  KVOX_TRY(kvox_io_h5_decode_chunk(h5, c->d, address, stored, mask, c->block));
  put_chunk(c, place);
  return KVOX_OK;
}

/* ---- The index of the classic format: a tree whose keys are sizes and offsets ---- */

enum { TREE_HEAD = 24 };

/* A key: bytes stored, filters left out, the offset in each dimension and a 0; then the address. */
static kvox_status take_entry(kvox_io_h5 *h5, chunks *c, const unsigned char *entry, uint64_t address) {
  int64_t number = 0;
  for (int i = 0; i < c->d->rank; i++) {
    const uint64_t offset = kvox_io_h5_number(entry + 8 + 8 * i, 8), side = (uint64_t)c->d->chunk[i];
    if (offset % side != 0 || offset / side >= (uint64_t)c->count[i]) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: a chunk lies outside it", c->d->name);
    }
    number = number * c->count[i] + (int64_t)(offset / side);
  }
  return take_chunk(h5, c, number, address, kvox_io_h5_number(entry, 4), (uint32_t)kvox_io_h5_number(entry + 4, 4));
}

/* Levels fall, so the recursion ends. */
static kvox_status visit_tree(kvox_io_h5 *h5, chunks *c, uint64_t address, int level) {
  unsigned char head[TREE_HEAD], entry[8 + 8 * (KVOX_MAX_RANK + 1) + 8];
  const uint64_t key = 8 + 8 * ((uint64_t)c->d->rank + 1);
  KVOX_TRY(kvox_io_h5_get_signed(h5, address, "TREE", head, sizeof head));
  if (head[4] != 1 || (level >= 0 && head[5] != level) || head[5] > 16) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: its tree of chunks has a wrong level",
                             c->d->name);
  }
  const uint64_t count = kvox_io_h5_number(head + 6, 2);
  for (uint64_t i = 0; i < count; i++) {
    KVOX_TRY(kvox_io_h5_get(h5, address + TREE_HEAD + (key + 8) * i, entry, key + 8));
    const uint64_t child = kvox_io_h5_number(entry + key, 8);
    KVOX_TRY(head[5] == 0 ? take_entry(h5, c, entry, child) : visit_tree(h5, c, child, head[5] - 1));
  }
  return KVOX_OK;
}

/* ---- Indices of the newer format for shapes that do not grow ---- */

static kvox_status visit_implicit(kvox_io_h5 *h5, chunks *c) {
  for (int64_t n = 0; n < c->total; n++) {
    KVOX_TRY(take_chunk(h5, c, n, c->d->address + (uint64_t)n * (uint64_t)c->d->chunk_bytes,
                        (uint64_t)c->d->chunk_bytes, 0));
  }
  return KVOX_OK;
}

enum { ARRAY_HEAD = 28, ARRAY_BLOCK_HEAD = 14, CHECKSUM_BYTES = 4 };

/* One element of a fixed array: an address, and size and left-out filters where there are filters. */
static kvox_status take_element(kvox_io_h5 *h5, chunks *c, int64_t number, uint64_t at, int width) {
  unsigned char element[32];
  KVOX_TRY(kvox_io_h5_get(h5, at, element, (uint64_t)width));
  const uint64_t address = kvox_io_h5_number(element, 8);
  if (address == KVOX_IO_H5_NOWHERE) {
    return KVOX_OK;
  }
  if (c->d->filters == 0) {
    return take_chunk(h5, c, number, address, (uint64_t)c->d->chunk_bytes, 0);
  }
  return take_chunk(h5, c, number, address, kvox_io_h5_number(element + 8, width - 12),
                    (uint32_t)kvox_io_h5_number(element + width - 4, 4));
}

/* Where there are more elements than a page has, the pages follow a bitmap, each with a checksum. */
static kvox_status visit_array(kvox_io_h5 *h5, chunks *c) {
  unsigned char head[ARRAY_HEAD], block[ARRAY_BLOCK_HEAD], used = 0;
  KVOX_TRY(kvox_io_h5_get_signed(h5, c->d->address, "FAHD", head, sizeof head));
  const int width = head[6], page_bits = head[7];
  const uint64_t count = kvox_io_h5_number(head + 8, 8), data = kvox_io_h5_number(head + 16, 8);
  const bool good = c->d->filters == 0 ? width == 8 : width > 12 && width <= 20;
  if (!good || page_bits > 31 || count != (uint64_t)c->total) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: its array of chunks does not fit it",
                             c->d->name);
  }
  if (data == KVOX_IO_H5_NOWHERE) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_io_h5_get_signed(h5, data, "FADB", block, sizeof block));
  const uint64_t page = UINT64_C(1) << page_bits, pages = count > page ? (count + page - 1) / page : 0;
  const uint64_t bitmap = data + ARRAY_BLOCK_HEAD;
  const uint64_t first = pages > 0 ? bitmap + (pages + 7) / 8 + CHECKSUM_BYTES : bitmap;
  for (uint64_t n = 0; n < count; n++) {
    const uint64_t p = pages > 0 ? n / page : 0;
    if (pages > 0 && n % page == 0) {
      KVOX_TRY(kvox_io_h5_get(h5, bitmap + p / 8, &used, 1));
    }
    /* Bits from the top; a page that was never written is no page. */
    if (pages == 0 || (used >> (7 - p % 8) & 1) != 0) {
      KVOX_TRY(take_element(h5, c, (int64_t)n, first + (uint64_t)width * n + CHECKSUM_BYTES * p, width));
    }
  }
  return KVOX_OK;
}

static kvox_status visit_index(kvox_io_h5 *h5, chunks *c) {
  const kvox_io_h5_dataset *d = c->d;
  switch (d->index) {
    case KVOX_IO_H5_BTREE: return visit_tree(h5, c, d->address, -1);
    case KVOX_IO_H5_IMPLICIT: return visit_implicit(h5, c);
    case KVOX_IO_H5_FIXED_ARRAY: return visit_array(h5, c);
    default:
      return take_chunk(h5, c, 0, d->address, d->single_filtered ? d->single_bytes : (uint64_t)d->chunk_bytes,
                        d->single_filtered ? d->single_mask : UINT32_MAX);
  }
}

/* How many chunks there must be. Each has samples of its own, which may have been compressed. */
static kvox_status begin(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, chunks *c) {
  const int64_t most = d->filters > 0 ? KVOX_IO_DEFLATE_MOST : 1;
  int64_t bytes = 0;
  *c = (chunks){.d = d, .total = 1};
  for (int i = 0; i < d->rank; i++) {
    c->count[i] = (d->shape[i] - 1) / d->chunk[i] + 1;
    c->total *= c->count[i]; /* fewer than elements, whose number fits */
  }
  if (__builtin_mul_overflow(c->total, d->chunk_bytes, &bytes) || bytes / most > h5->file->size ||
      c->total > h5->file->size || (d->index == KVOX_IO_H5_SINGLE && c->total != 1)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "%s was never completely written: it must have %" PRId64 " chunks", d->name, c->total);
  }
  kvox_io_h5_begin(h5);
  c->seen = kvox_extend_allocate(h5->file->context, (uint64_t)c->total / 8 + 1);
  if (c->seen == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memset(c->seen, 0, (size_t)c->total / 8 + 1);
  return KVOX_OK;
}

static kvox_status visit_all(kvox_io_h5 *h5, chunks *c) {
  KVOX_TRY(visit_index(h5, c));
  return c->met == c->total
             ? KVOX_OK
             : kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                                 "%s was never completely written: it has %" PRId64 " of %" PRId64 " chunks",
                                 c->d->name, c->met, c->total);
}

kvox_status kvox_io_h5_read_chunks(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, void *out) {
  chunks c;
  kvox_status status = begin(h5, d, &c);
  c.out = out;
  if (status == KVOX_OK) {
    c.block = kvox_extend_allocate(h5->file->context, (uint64_t)d->chunk_bytes);
    status = c.block != NULL ? visit_all(h5, &c) : KVOX_ERROR_MEMORY;
  }
  kvox_extend_release(h5->file->context, c.seen);
  kvox_extend_release(h5->file->context, c.block);
  return status;
}

kvox_status kvox_io_h5_find_chunks(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, kvox_io_h5_place **places) {
  chunks c;
  kvox_status status = begin(h5, d, &c);
  /* An index has 8 bytes for each at least. */
  if (status == KVOX_OK && c.total > h5->file->size / 8 + 1) {
    status = kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s is broken: it has no room for %" PRId64 " chunks",
                               d->name, c.total);
  }
  if (status == KVOX_OK) {
    c.places = kvox_extend_allocate(h5->file->context, (uint64_t)c.total * sizeof *c.places);
    status = c.places != NULL ? visit_all(h5, &c) : KVOX_ERROR_MEMORY;
  }
  kvox_extend_release(h5->file->context, c.seen);
  if (status != KVOX_OK) {
    kvox_extend_release(h5->file->context, c.places);
    return status;
  }
  *places = c.places;
  return KVOX_OK;
}

/* The superblock and object headers of an HDF5 file. */
#include <inttypes.h>
#include <string.h>

#include "io/h5.h"

/* An object header comes in pieces, none larger than this. */
enum { MOST_PIECES = 256, MOST_PIECE_BYTES = 1 << 24 };

static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

kvox_status kvox_io_h5_get(kvox_io_h5 *h5, uint64_t address, void *out, uint64_t bytes) {
  const uint64_t there = (uint64_t)(h5->file->size - h5->base);
  if (address > there || bytes > there - address) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "it is truncated or broken: %" PRIu64 " bytes must be at %" PRIu64 ", it ends at %" PRIu64,
                             bytes, address, there);
  }
  KVOX_TRY(kvox_io_file_seek(h5->file, h5->base + (int64_t)address));
  return kvox_io_file_read(h5->file, out, (int64_t)bytes);
}

static kvox_status spend(kvox_io_h5 *h5) {
  return h5->budget-- > 0 ? KVOX_OK
                          : kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "its structures go round in a circle");
}

kvox_status kvox_io_h5_get_signed(kvox_io_h5 *h5, uint64_t address, const char *letters, unsigned char *out,
                                  uint64_t bytes) {
  KVOX_TRY(spend(h5));
  KVOX_TRY(kvox_io_h5_get(h5, address, out, bytes));
  if (memcmp(out, letters, 4) != 0) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: \"%s\" must be at %" PRIu64, letters, address);
  }
  return KVOX_OK;
}

/* After the signature, at the start or at 512, 1024, ... where somebody put other bytes before it. */
static bool find_signature(kvox_io_h5 *h5) {
  unsigned char bytes[sizeof signature];
  for (int64_t at = 0; at <= h5->file->size - (int64_t)sizeof bytes; at = at == 0 ? 512 : 2 * at) {
    h5->file->position = at;
    if (kvox_io_file_read(h5->file, bytes, sizeof bytes) == KVOX_OK && memcmp(bytes, signature, sizeof bytes) == 0) {
      h5->base = at;
      return true;
    }
  }
  return false;
}

/* Version 0 and 1; the root group is a symbol table entry. */
static kvox_status read_old_superblock(kvox_io_h5 *h5, int version, uint64_t *end) {
  unsigned char block[100];
  const int addresses = version == 0 ? 24 : 28;
  KVOX_TRY(kvox_io_h5_get(h5, 0, block, (uint64_t)addresses + 72));
  if (block[13] != 8 || block[14] != 8) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "its addresses have %d bytes and its lengths %d, must be 8", block[13], block[14]);
  }
  *end = kvox_io_h5_number(block + addresses + 16, 8);
  h5->root = kvox_io_h5_number(block + addresses + 40, 8);
  return KVOX_OK;
}

static kvox_status read_superblock(kvox_io_h5 *h5, uint64_t *end) {
  unsigned char block[48];
  KVOX_TRY(kvox_io_h5_get(h5, 0, block, 9));
  if (block[8] > 3) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "its superblock has version %d, 0 to 3 are read",
                             block[8]);
  }
  if (block[8] < 2) {
    return read_old_superblock(h5, block[8], end);
  }
  KVOX_TRY(kvox_io_h5_get(h5, 0, block, sizeof block));
  if (block[9] != 8 || block[10] != 8) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "its addresses have %d bytes and its lengths %d, must be 8", block[9], block[10]);
  }
  *end = kvox_io_h5_number(block + 28, 8);
  h5->root = kvox_io_h5_number(block + 36, 8);
  return KVOX_OK;
}

/* No structure is smaller than 8 bytes. */
void kvox_io_h5_begin(kvox_io_h5 *h5) {
  h5->budget = h5->file->size / 8 + 64;
  h5->links = 0;
}

kvox_status kvox_io_h5_open(kvox_io_h5 *h5, kvox_io_file *file) {
  *h5 = (kvox_io_h5){.file = file};
  kvox_io_h5_begin(h5);
  uint64_t end = 0;
  if (!find_signature(h5)) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no HDF5 file");
  }
  KVOX_TRY(read_superblock(h5, &end));
  if (end > (uint64_t)file->size) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                             "it is truncated: it must have %" PRIu64 " bytes, it has %" PRId64, end, file->size);
  }
  return KVOX_OK;
}

/* ---- Object headers ---- */

/* Pieces of a header that are still to be read; version 2 numbers its messages where `ordered`. */
typedef struct header {
  int version;
  bool ordered;
  int pieces, done;
  struct {
    uint64_t address, size;
  } piece[MOST_PIECES];
} header;

static kvox_status add_piece(kvox_io_h5 *h5, header *h, uint64_t address, uint64_t size) {
  if (size > (uint64_t)h5->file->size) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                             "it is truncated or broken: an object header is larger than it");
  }
  if (h->pieces == MOST_PIECES || size > MOST_PIECE_BYTES) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "one of its object headers is too large");
  }
  h->piece[h->pieces].address = address;
  h->piece[h->pieces++].size = size;
  return KVOX_OK;
}

static kvox_status begin_version_1(kvox_io_h5 *h5, header *h, uint64_t address) {
  unsigned char prefix[16];
  KVOX_TRY(kvox_io_h5_get(h5, address, prefix, sizeof prefix));
  if (prefix[0] != 1) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: an object header must be at %" PRIu64,
                             address);
  }
  h->version = 1;
  return add_piece(h5, h, address + sizeof prefix, kvox_io_h5_number(prefix + 8, 4));
}

static kvox_status begin_version_2(kvox_io_h5 *h5, header *h, uint64_t address) {
  unsigned char prefix[34];
  KVOX_TRY(kvox_io_h5_get(h5, address, prefix, 6));
  const int flags = prefix[5], size_bytes = 1 << (flags & 3);
  /* Times, then the limits of dense storage. */
  const int before = 6 + ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0);
  KVOX_TRY(kvox_io_h5_get(h5, address, prefix, (uint64_t)(before + size_bytes)));
  h->version = 2;
  h->ordered = (flags & 4) != 0;
  return add_piece(h5, h, address + (uint64_t)(before + size_bytes), kvox_io_h5_number(prefix + before, size_bytes));
}

static kvox_status add_continuation(kvox_io_h5 *h5, header *h, const kvox_io_h5_message *message) {
  if (message->size < 16) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: an object header does not continue");
  }
  const uint64_t address = kvox_io_h5_number(message->body, 8), size = kvox_io_h5_number(message->body + 8, 8);
  if (h->version == 1) {
    return add_piece(h5, h, address, size);
  }
  unsigned char letters[4];
  KVOX_TRY(kvox_io_h5_get_signed(h5, address, "OCHK", letters, sizeof letters));
  /* Letters before, a checksum after. */
  return size >= 8 ? add_piece(h5, h, address + 4, size - 8)
                   : kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: an object header does not continue");
}

static kvox_status visit_piece(kvox_io_h5 *h5, header *h, const unsigned char *piece, uint64_t size,
                               kvox_io_h5_visit visit, void *user) {
  const uint64_t head = h->version == 1 ? 8 : h->ordered ? 6 : 4;
  uint64_t at = 0;
  while (size - at >= head) {
    const unsigned char *m = piece + at;
    const int flags = h->version == 1 ? m[4] : m[3];
    const kvox_io_h5_message message = {.type = (int)kvox_io_h5_number(m, h->version == 1 ? 2 : 1),
                                        .shared = (flags & 2) != 0,
                                        .body = m + head,
                                        .size = kvox_io_h5_number(m + (h->version == 1 ? 2 : 1), 2)};
    if (message.size > size - at - head) {
      return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a message does not fit its object header");
    }
    KVOX_TRY(message.type == KVOX_IO_H5_CONTINUATION ? add_continuation(h5, h, &message) : visit(h5, &message, user));
    at += head + message.size;
  }
  return KVOX_OK;
}

kvox_status kvox_io_h5_messages(kvox_io_h5 *h5, uint64_t address, kvox_io_h5_visit visit, void *user) {
  header h = {.pieces = 0};
  unsigned char letters[4];
  KVOX_TRY(spend(h5));
  KVOX_TRY(kvox_io_h5_get(h5, address, letters, sizeof letters));
  KVOX_TRY(memcmp(letters, "OHDR", 4) == 0 ? begin_version_2(h5, &h, address) : begin_version_1(h5, &h, address));
  kvox_status status = KVOX_OK;
  for (; h.done < h.pieces && status == KVOX_OK; h.done++) {
    const uint64_t size = h.piece[h.done].size;
    unsigned char *piece = kvox_extend_allocate(h5->file->context, size);
    if (piece == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    status = spend(h5);
    if (status == KVOX_OK) {
      status = kvox_io_h5_get(h5, h.piece[h.done].address, piece, size);
    }
    if (status == KVOX_OK) {
      status = visit_piece(h5, &h, piece, size, visit, user);
    }
    kvox_extend_release(h5->file->context, piece);
  }
  return status;
}

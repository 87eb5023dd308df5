/* Names in groups: symbol tables, and link messages of the newer format. */
#include <string.h>

#include "io/h5.h"

/* Links followed to one object; bytes of a name or path. */
enum { MOST_LINKS = 16, MOST_LINK_BYTES = 1024 };

/* What a name stands for in a group: an object header, or another path. */
typedef struct target {
  const char *name; /* sought; not ended by 0 */
  size_t length;
  bool found;
  uint64_t header;
  char path[MOST_LINK_BYTES]; /* of a soft link; "" for an object */
  bool dense;                 /* the group has names that are not read */
  bool has_symbols;
  uint64_t tree, heap; /* its symbol table */
} target;

static kvox_status leads_out(const kvox_io_h5 *h5) {
  return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                           "a link in it leads to another file, which is not followed; copy the data into this one");
}

/* ---- Link messages ---- */

static kvox_status take_link(kvox_io_h5 *h5, const kvox_io_h5_message *m, target *t) {
  const unsigned char *b = m->body;
  const int flags = m->size >= 2 ? b[1] : 0;
  const int name_width = 1 << (flags & 3);
  uint64_t at = 2u + ((flags & 8) != 0 ? 1u : 0u) + ((flags & 4) != 0 ? 8u : 0u) + ((flags & 16) != 0 ? 1u : 0u);
  const int kind = (flags & 8) != 0 && m->size > 2 ? b[2] : 0;
  const uint64_t length = m->size >= at + (uint64_t)name_width ? kvox_io_h5_number(b + at, name_width) : UINT64_MAX;
  at += (uint64_t)name_width;
  if (m->size < at || length > m->size - at) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a link is too short");
  }
  if (length != t->length || memcmp(b + at, t->name, t->length) != 0) {
    return KVOX_OK;
  }
  at += length;
  t->found = true;
  if (kind == 0 && m->size - at >= 8) {
    t->header = kvox_io_h5_number(b + at, 8);
    return KVOX_OK;
  }
  const uint64_t bytes = kind == 1 && m->size - at >= 2 ? kvox_io_h5_number(b + at, 2) : 0;
  if (kind != 0 && kind != 1) {
    return leads_out(h5);
  }
  if (bytes < 1 || bytes > m->size - at - 2 || bytes >= sizeof t->path) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a link leads nowhere");
  }
  memcpy(t->path, b + at + 2, (size_t)bytes);
  t->path[bytes] = '\0';
  return KVOX_OK;
}

static kvox_status visit_group(kvox_io_h5 *h5, const kvox_io_h5_message *m, void *user) {
  target *t = user;
  if (m->type == KVOX_IO_H5_LINK && !t->found) {
    return take_link(h5, m, t);
  }
  if (m->type == KVOX_IO_H5_SYMBOLS && m->size >= 16) {
    t->has_symbols = true;
    t->tree = kvox_io_h5_number(m->body, 8);
    t->heap = kvox_io_h5_number(m->body + 8, 8);
  }
  if (m->type == KVOX_IO_H5_LINK_INFO && m->size >= 18) {
    const uint64_t at = (m->body[1] & 1) != 0 ? 10 : 2;
    t->dense = m->size >= at + 8 && kvox_io_h5_number(m->body + at, 8) != KVOX_IO_H5_NOWHERE;
  }
  return KVOX_OK;
}

/* ---- Symbol tables ---- */

enum { TREE_HEAD = 24, SYMBOLS_HEAD = 8, SYMBOL_BYTES = 40, HEAP_HEAD = 32 };

/* The text at an offset of the group's heap, ended by 0, when it has less than `room` bytes. */
static kvox_status heap_text(kvox_io_h5 *h5, const target *t, uint64_t offset, char *text, size_t room) {
  unsigned char head[HEAP_HEAD];
  KVOX_TRY(kvox_io_h5_get_signed(h5, t->heap, "HEAP", head, sizeof head));
  const uint64_t size = kvox_io_h5_number(head + 8, 8), data = kvox_io_h5_number(head + 24, 8);
  if (offset >= size || data > INT64_MAX) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a name lies outside its heap");
  }
  const size_t some = size - offset < room ? (size_t)(size - offset) : room;
  KVOX_TRY(kvox_io_h5_get(h5, data + offset, text, some));
  if (memchr(text, '\0', some) == NULL) {
    /* Longer than any that is sought. */
    text[0] = '\0';
  }
  return KVOX_OK;
}

/* Names of the target's length are enough to compare: a heap's text is read that far. */
static kvox_status visit_symbols(kvox_io_h5 *h5, uint64_t address, target *t) {
  unsigned char head[SYMBOLS_HEAD], symbol[SYMBOL_BYTES];
  char name[MOST_LINK_BYTES];
  KVOX_TRY(kvox_io_h5_get_signed(h5, address, "SNOD", head, sizeof head));
  const uint64_t count = kvox_io_h5_number(head + 6, 2);
  for (uint64_t i = 0; i < count && !t->found; i++) {
    KVOX_TRY(kvox_io_h5_get(h5, address + SYMBOLS_HEAD + SYMBOL_BYTES * i, symbol, sizeof symbol));
    KVOX_TRY(heap_text(h5, t, kvox_io_h5_number(symbol, 8), name, sizeof name));
    if (strlen(name) != t->length || memcmp(name, t->name, t->length) != 0) {
      continue;
    }
    t->found = true;
    t->header = kvox_io_h5_number(symbol + 8, 8);
    /* Cache type 2: a soft link, whose path is in the heap. */
    if (kvox_io_h5_number(symbol + 16, 4) == 2) {
      KVOX_TRY(heap_text(h5, t, kvox_io_h5_number(symbol + 24, 4), t->path, sizeof t->path));
    }
  }
  return KVOX_OK;
}

/* The tree is walked whole, without trust in its order; its levels fall, so the recursion ends. */
static kvox_status visit_tree(kvox_io_h5 *h5, uint64_t address, int level, target *t) {
  unsigned char head[TREE_HEAD], child[8];
  KVOX_TRY(kvox_io_h5_get_signed(h5, address, "TREE", head, sizeof head));
  if (head[4] != 0 || (level >= 0 && head[5] != level) || head[5] > 16) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is broken: a tree of names has a wrong level");
  }
  const uint64_t count = kvox_io_h5_number(head + 6, 2);
  for (uint64_t i = 0; i < count && !t->found; i++) {
    KVOX_TRY(kvox_io_h5_get(h5, address + TREE_HEAD + 8 + 16 * i, child, sizeof child));
    const uint64_t at = kvox_io_h5_number(child, 8);
    KVOX_TRY(head[5] == 0 ? visit_symbols(h5, at, t) : visit_tree(h5, at, head[5] - 1, t));
  }
  return KVOX_OK;
}

/* ---- Paths ---- */

static kvox_status find_name(kvox_io_h5 *h5, uint64_t group, target *t) {
  KVOX_TRY(kvox_io_h5_messages(h5, group, visit_group, t));
  if (!t->found && t->has_symbols) {
    KVOX_TRY(visit_tree(h5, t->tree, -1, t));
  }
  if (!t->found && t->dense) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "a group in it has too many names in the newest format; " KVOX_IO_H5_REMEDY);
  }
  return KVOX_OK;
}

static kvox_status find_from(kvox_io_h5 *h5, uint64_t group, const char *path, uint64_t *header, bool *found) {
  uint64_t here = path[0] == '/' ? h5->root : group;
  *found = true;
  if (h5->links++ > MOST_LINKS) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "its links go round in a circle");
  }
  while (*found && *(path += strspn(path, "/")) != '\0') {
    target t = {.name = path, .length = strcspn(path, "/")};
    path += t.length;
    if (t.length == 1 && t.name[0] == '.') {
      continue;
    }
    KVOX_TRY(find_name(h5, here, &t));
    *found = t.found;
    if (t.found && t.path[0] != '\0') {
      KVOX_TRY(find_from(h5, here, t.path, &here, found));
    } else {
      here = t.header;
    }
  }
  *header = here;
  return KVOX_OK;
}

kvox_status kvox_io_h5_find(kvox_io_h5 *h5, const char *path, uint64_t *header, bool *found) {
  kvox_io_h5_begin(h5);
  return find_from(h5, h5->root, path, header, found);
}

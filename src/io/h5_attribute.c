/* Attributes that are one text. */
#include <string.h>

#include "io/h5.h"

typedef struct attribute {
  const char *name;
  char *text;
  size_t room;
  bool found, dense;
} attribute;

/* As much of a text of variable length as there is room for. */
static kvox_status global_text(kvox_io_h5 *h5, const unsigned char *reference, attribute *a) {
  const uint64_t length = kvox_io_h5_number(reference, 4), collection = kvox_io_h5_number(reference + 4, 8);
  kvox_io_h5_heap heap = {0};
  uint64_t address = 0, bytes = 0;
  KVOX_TRY(kvox_io_h5_heap_find(h5, &heap, collection, kvox_io_h5_number(reference + 12, 4), &address, &bytes));
  const size_t some = length < bytes ? (size_t)length : (size_t)bytes;
  const size_t kept = some < a->room - 1 ? some : a->room - 1;
  a->text[kept] = '\0';
  return kvox_io_h5_get(h5, address, a->text, kept);
}

static kvox_status take_value(kvox_io_h5 *h5, const kvox_io_h5_type *type, const unsigned char *value, uint64_t size,
                              attribute *a) {
  a->found = true;
  if (type->class == KVOX_IO_H5_TEXT && (uint64_t)type->size <= size) {
    const size_t kept = (size_t)type->size < a->room - 1 ? (size_t)type->size : a->room - 1;
    memcpy(a->text, value, kept);
    a->text[kept] = '\0';
    return KVOX_OK;
  }
  if (type->text && size >= 16) {
    /* No text at all has no place either. */
    return kvox_io_h5_number(value, 4) == 0 ? KVOX_OK : global_text(h5, value, a);
  }
  return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "the attribute \"%s\" is no text", a->name);
}

/* Version 1 fills name, type and space up to 8 bytes each; version 3 says how the name is encoded. */
static kvox_status visit_attribute(kvox_io_h5 *h5, const kvox_io_h5_message *m, void *user) {
  attribute *a = user;
  if (m->type == KVOX_IO_H5_ATTRIBUTE_INFO && m->size >= 18) {
    const uint64_t at = (m->body[1] & 1) != 0 ? 4 : 2;
    a->dense = kvox_io_h5_number(m->body + at, 8) != KVOX_IO_H5_NOWHERE;
  }
  if (m->type != KVOX_IO_H5_ATTRIBUTE || m->shared || a->found || m->size < 9) {
    return KVOX_OK;
  }
  const unsigned char *b = m->body;
  const uint64_t fill = b[0] == 1 ? 7 : 0;
  const uint64_t name = (kvox_io_h5_number(b + 2, 2) + fill) & ~fill,
                 type = (kvox_io_h5_number(b + 4, 2) + fill) & ~fill;
  const uint64_t space = (kvox_io_h5_number(b + 6, 2) + fill) & ~fill, head = b[0] == 3 ? 9 : 8;
  const size_t sought = strlen(a->name) + 1;
  if (b[0] < 1 || b[0] > 3 || name + type + space > m->size - head || name < sought ||
      memcmp(b + head, a->name, sought) != 0) {
    return KVOX_OK;
  }
  const uint64_t before = head + name + type + space;
  kvox_io_h5_type described;
  int rank = 0;
  int64_t shape[KVOX_MAX_RANK], count = 1;
  if (b[0] != 1 && (b[1] & 3) != 0) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "the attribute \"%s\" shares its type; " KVOX_IO_H5_REMEDY, a->name);
  }
  KVOX_TRY(kvox_io_h5_parse_type(h5, b + head + name, type, &described));
  KVOX_TRY(kvox_io_h5_parse_space(h5, b + head + name + type, space, &rank, shape));
  for (int d = 0; d < rank; d++) {
    count = shape[d] == 1 ? count : 2;
  }
  if (count != 1) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "the attribute \"%s\" has more than one value", a->name);
  }
  return take_value(h5, &described, b + before, m->size - before, a);
}

kvox_status kvox_io_h5_text_attribute(kvox_io_h5 *h5, uint64_t header, const char *name, char *text, size_t room) {
  attribute a = {.name = name, .text = text, .room = room};
  text[0] = '\0';
  kvox_io_h5_begin(h5);
  KVOX_TRY(kvox_io_h5_messages(h5, header, visit_attribute, &a));
  if (!a.found && a.dense) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                             "an object in it has too many attributes in the newest format; " KVOX_IO_H5_REMEDY);
  }
  return KVOX_OK;
}

/* Members of compound types, found by their names: how a type's message goes on after its first 8 bytes. */
#include <inttypes.h>
#include <string.h>

#include "io/h5.h"

enum { TYPE_HEAD = 8, MOST_DEPTH = 8, MOST_DIMENSIONS = 32 };

/* What is left of the message. */
typedef struct cursor {
  kvox_io_h5 *h5;
  const kvox_io_h5_dataset *d;
  const unsigned char *at, *end;
} cursor;

static kvox_status broken(const cursor *c) {
  return kvox_io_file_fail(c->h5->file, KVOX_ERROR_FORMAT, "%s is broken: its type does not hold together", c->d->name);
}

/* The next bytes; NULL where there are not so many. */
static const unsigned char *take(cursor *c, uint64_t bytes) {
  const unsigned char *at = c->at;
  if (bytes > (uint64_t)(c->end - at)) {
    return NULL;
  }
  c->at += bytes;
  return at;
}

/* A name ended by 0, up to version 2 filled up to 8 bytes. */
static const char *take_name(cursor *c, int version) {
  const unsigned char *zero = memchr(c->at, 0, (size_t)(c->end - c->at));
  if (zero == NULL) {
    return NULL;
  }
  const uint64_t bytes = (uint64_t)(zero - c->at) + 1;
  return (const char *)take(c, version < 3 ? (bytes + 7) / 8 * 8 : bytes);
}

/* How many elements `count` sides of 4 bytes make. */
static bool take_sides(cursor *c, int count, int64_t *elements) {
  const unsigned char *sides = count <= MOST_DIMENSIONS ? take(c, 4 * (uint64_t)count) : NULL;
  *elements = 1;
  for (int i = 0; sides != NULL && i < count; i++) {
    if (__builtin_mul_overflow(*elements, (int64_t)kvox_io_h5_number(sides + 4 * i, 4), elements)) {
      return false;
    }
  }
  return sides != NULL && *elements >= 1;
}

static kvox_status visit_type(cursor *c, int depth, int64_t offset, const char *path, int64_t *size,
                              kvox_io_h5_member *member);

/* What follows `name` in the path: "" at its end, NULL where the path leads elsewhere. */
static const char *rest_of(const char *path, const char *name) {
  const size_t length = strlen(name);
  if (path == NULL || strncmp(path, name, length) != 0 || (path[length] != '/' && path[length] != '\0')) {
    return NULL;
  }
  return path[length] == '/' ? path + length + 1 : path + length;
}

/* One member of a compound of `size` bytes that lies at `offset` of the element. */
static kvox_status visit_member(cursor *c, int depth, int version, int64_t offset, int64_t size, const char *path,
                                kvox_io_h5_member *member) {
  const int width = version < 3 ? 4 : size < 256 ? 1 : size < 65536 ? 2 : size < 16777216 ? 3 : 4;
  const char *name = take_name(c, version);
  const unsigned char *place = name != NULL ? take(c, (uint64_t)width) : NULL;
  int64_t count = 1, one = 0, all = 0;
  if (place == NULL) {
    return broken(c);
  }
  const int64_t at = (int64_t)kvox_io_h5_number(place, width);
  /* Version 1: the number of dimensions, room for four sides. */
  const unsigned char *sides = version == 1 ? take(c, 28) : NULL;
  if (version == 1) {
    if (sides == NULL || sides[0] > 4) {
      return broken(c);
    }
    cursor within = {c->h5, c->d, sides + 12, sides + 28};
    if (!take_sides(&within, sides[0], &count)) {
      return broken(c);
    }
  }
  const char *rest = member->found ? NULL : rest_of(path, name);
  KVOX_TRY(visit_type(c, depth + 1, offset + at, rest, &one, member));
  if (rest != NULL && *rest == '\0' && version == 1) {
    member->count *= count;
  }
  return __builtin_mul_overflow(one, count, &all) || at > size || all > size - at ? broken(c) : KVOX_OK;
}

static kvox_status visit_enumeration(cursor *c, int depth, int version, int count) {
  int64_t size = 0;
  kvox_io_h5_member none = {0};
  KVOX_TRY(visit_type(c, depth + 1, 0, NULL, &size, &none));
  for (int i = 0; i < count; i++) {
    if (take_name(c, version) == NULL) {
      return broken(c);
    }
  }
  return take(c, (uint64_t)size * (uint64_t)count) != NULL ? KVOX_OK : broken(c);
}

/* The type that another is made of: of an array, or of a list of variable length. */
static kvox_status visit_base(cursor *c, int depth, const kvox_io_h5_type *type, int version, bool sought,
                              kvox_io_h5_member *member) {
  kvox_io_h5_member base = {0};
  int64_t elements = 1, one = 0, all = 0;
  if (type->class == KVOX_IO_H5_ARRAY) {
    const unsigned char *rank = take(c, version < 3 ? 4 : 1);
    if (rank == NULL || !take_sides(c, rank[0], &elements) || (version < 3 && take(c, 4 * (uint64_t)rank[0]) == NULL)) {
      return broken(c);
    }
  }
  if (type->class == KVOX_IO_H5_VARIABLE && type->size != KVOX_IO_H5_REFERENCE_BYTES) {
    return broken(c);
  }
  KVOX_TRY(visit_type(c, depth + 1, 0, "", &one, &base));
  if (type->class == KVOX_IO_H5_ARRAY && (__builtin_mul_overflow(one, elements, &all) || all != type->size)) {
    return broken(c);
  }
  if (sought) {
    member->type = base.type;
    member->nested = base.variable || base.nested || base.count != 1;
    member->variable = type->class == KVOX_IO_H5_VARIABLE;
    member->count = elements;
  }
  return KVOX_OK;
}

/* Walks over one type. A `path` of "" means this type, one that goes on a member in it, NULL neither. */
static kvox_status visit_type(cursor *c, int depth, int64_t offset, const char *path, int64_t *size,
                              kvox_io_h5_member *member) {
  /* Properties of fixed length, by class; the others follow below. */
  static const int properties[] = {
      [KVOX_IO_H5_INTEGER] = 4, [KVOX_IO_H5_FLOAT] = 12, [2] = 2, [KVOX_IO_H5_TEXT] = 0, [4] = 4, [7] = 0};
  const bool sought = path != NULL && *path == '\0';
  const unsigned char *head = c->at;
  kvox_io_h5_type type;
  if (depth > MOST_DEPTH) {
    return broken(c);
  }
  KVOX_TRY(kvox_io_h5_parse_type(c->h5, head, (uint64_t)(c->end - head), &type));
  c->at += TYPE_HEAD;
  *size = type.size;
  const int version = head[0] >> 4, count = (int)kvox_io_h5_number(head + 1, 2);
  if (sought) {
    *member = (kvox_io_h5_member){.found = true, .offset = offset, .count = 1, .type = type};
  }
  switch (type.class) {
    case KVOX_IO_H5_COMPOUND:
      for (int i = 0; i < count; i++) {
        KVOX_TRY(visit_member(c, depth, version, offset, type.size, path, member));
      }
      return KVOX_OK;
    case KVOX_IO_H5_ENUMERATION: return visit_enumeration(c, depth, version, count);
    case KVOX_IO_H5_ARRAY:
    case KVOX_IO_H5_VARIABLE: return visit_base(c, depth, &type, version, sought, member);
    case KVOX_IO_H5_OPAQUE: return take(c, head[1]) != NULL ? KVOX_OK : broken(c);
    default: return type.class <= 7 && take(c, (uint64_t)properties[type.class]) != NULL ? KVOX_OK : broken(c);
  }
}

kvox_status kvox_io_h5_find_member(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, const char *path,
                                   kvox_io_h5_member *member) {
  int64_t size = 0;
  *member = (kvox_io_h5_member){.count = 1};
  if (d->type.class != KVOX_IO_H5_COMPOUND) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s has elements that are no compounds", d->name);
  }
  cursor c = {h5, d, d->type_body, d->type_body + d->type_bytes};
  return visit_type(&c, 0, 0, path, &size, member);
}

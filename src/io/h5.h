/*
 * Reading HDF5 files (HDF5 File Format Specification 3.0), as much of the format as scans are written in: every address
 * and size is judged before it is used, whatever the file says. The HDF5 library, which writes for us, is no match for
 * hostile files: a wrong byte makes it read and write beyond its memory, or never return.
 */
#ifndef KVOX_IO_H5_H
#define KVOX_IO_H5_H

#include "io/io.h"

/* An address that leads nowhere. */
#define KVOX_IO_H5_NOWHERE UINT64_MAX

/* Said after what is well-formed but not read here. */
#define KVOX_IO_H5_REMEDY "h5repack -f GZIP=1 OLD NEW rewrites it in the form that is read"

typedef struct kvox_io_h5 {
  kvox_io_file *file;
  int64_t base;   /* the byte that addresses count from */
  int64_t budget; /* structures that may still be visited: a sound file has fewer, one with a circle has not */
  int links;      /* followed in this search */
  uint64_t root;  /* the object header of the root group */
} kvox_io_h5;

enum {
  KVOX_IO_H5_INTEGER = 0,
  KVOX_IO_H5_FLOAT = 1,
  KVOX_IO_H5_TEXT = 3,
  KVOX_IO_H5_OPAQUE = 5,
  KVOX_IO_H5_COMPOUND = 6,
  KVOX_IO_H5_ENUMERATION = 8,
  KVOX_IO_H5_VARIABLE = 9,
  KVOX_IO_H5_ARRAY = 10
};

typedef struct kvox_io_h5_type {
  int class; /* KVOX_IO_H5_..., or another of the specification */
  int64_t size;
  bool big_endian, is_signed; /* of integers; byte order of floats too */
  bool ieee;                  /* a float of IEEE 754, 2, 4 or 8 bytes */
  bool text;                  /* a VARIABLE that is text */
  int offset, precision;      /* bits of an integer */
} kvox_io_h5_type;

enum { KVOX_IO_H5_COMPACT = 0, KVOX_IO_H5_CONTIGUOUS = 1, KVOX_IO_H5_CHUNKED = 2 };
enum { KVOX_IO_H5_BTREE = 0, KVOX_IO_H5_SINGLE = 1, KVOX_IO_H5_IMPLICIT = 2, KVOX_IO_H5_FIXED_ARRAY = 3 };
enum { KVOX_IO_H5_DEFLATE = 1, KVOX_IO_H5_SHUFFLE = 2, KVOX_IO_H5_FLETCHER32 = 3, KVOX_IO_H5_MOST_FILTERS = 8 };

typedef struct kvox_io_h5_filter {
  int id;
  uint32_t value; /* its first parameter */
} kvox_io_h5_filter;

/* A dataset, with all that its header says. */
typedef struct kvox_io_h5_dataset {
  const char *name; /* for sentences */
  kvox_io_h5_type type;
  unsigned char *type_body; /* the whole message of a compound, whose members are in it */
  uint64_t type_bytes;
  int rank; /* 0: one element */
  int64_t shape[KVOX_MAX_RANK];
  int64_t bytes; /* of all elements, as the file has them */
  int layout;
  uint64_t address; /* of contiguous samples or of the index of chunks */
  int64_t stored;   /* bytes of contiguous or compact samples */
  unsigned char *compact;
  int chunk_rank;
  int64_t chunk[KVOX_MAX_RANK];
  int64_t chunk_element, chunk_bytes;
  int index;            /* KVOX_IO_H5_BTREE ... */
  bool single_filtered; /* a SINGLE chunk says how large it is */
  uint64_t single_bytes;
  uint32_t single_mask;
  int filters;
  kvox_io_h5_filter filter[KVOX_IO_H5_MOST_FILTERS]; /* in the order of writing */
  bool has_type, has_space, has_layout;
} kvox_io_h5_dataset;

static inline uint64_t kvox_io_h5_number(const unsigned char *at, int bytes) {
  uint64_t number = 0;
  for (int i = 0; i < bytes; i++) {
    number |= (uint64_t)at[i] << (8 * i);
  }
  return number;
}

/* h5_file.c: finds the superblock. */
kvox_status kvox_io_h5_open(kvox_io_h5 *h5, kvox_io_file *file);

/* A new search begins: the budget is whole again. */
void kvox_io_h5_begin(kvox_io_h5 *h5);

/* Bytes at an address; KVOX_ERROR_FORMAT beyond the end. */
kvox_status kvox_io_h5_get(kvox_io_h5 *h5, uint64_t address, void *out, uint64_t bytes);

/* A structure with its four letters; takes one off the budget. */
kvox_status kvox_io_h5_get_signed(kvox_io_h5 *h5, uint64_t address, const char *letters, unsigned char *out,
                                  uint64_t bytes);

/* Messages of an object header. */
enum {
  KVOX_IO_H5_DATASPACE = 1,
  KVOX_IO_H5_LINK_INFO = 2,
  KVOX_IO_H5_DATATYPE = 3,
  KVOX_IO_H5_LINK = 6,
  KVOX_IO_H5_EXTERNAL = 7,
  KVOX_IO_H5_LAYOUT = 8,
  KVOX_IO_H5_PIPELINE = 11,
  KVOX_IO_H5_ATTRIBUTE = 12,
  KVOX_IO_H5_CONTINUATION = 16,
  KVOX_IO_H5_SYMBOLS = 17,
  KVOX_IO_H5_ATTRIBUTE_INFO = 21
};
typedef struct kvox_io_h5_message {
  int type;
  bool shared; /* the body only says where it is */
  const unsigned char *body;
  uint64_t size;
} kvox_io_h5_message;
typedef kvox_status (*kvox_io_h5_visit)(kvox_io_h5 *h5, const kvox_io_h5_message *message, void *user);
kvox_status kvox_io_h5_messages(kvox_io_h5 *h5, uint64_t header, kvox_io_h5_visit visit, void *user);

/* h5_group.c: the object header at a path from the root; links within the file are followed. */
kvox_status kvox_io_h5_find(kvox_io_h5 *h5, const char *path, uint64_t *header, bool *found);

/* h5_dataset.c: its header, judged as a whole. Close in either case. */
kvox_status kvox_io_h5_dataset_open(kvox_io_h5 *h5, const char *name, uint64_t header, kvox_io_h5_dataset *dataset);
void kvox_io_h5_dataset_close(kvox_io_h5 *h5, kvox_io_h5_dataset *dataset);

/* All elements as they lie in the file, dataset->bytes. */
kvox_status kvox_io_h5_read(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, void *out);

/* h5_type.c: the type of ours that holds the elements, and all of them in memory of their own. */
kvox_status kvox_io_h5_choose_type(const kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, kvox_type *type);
kvox_status kvox_io_h5_read_as(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, kvox_type type, void **memory);

/* One element: an integer of up to 64 bits (a signed one extended to them), and any number as double. */
static inline bool kvox_io_h5_is_number(const kvox_io_h5_type *t) {
  return (t->class == KVOX_IO_H5_INTEGER && t->size <= 8) || (t->class == KVOX_IO_H5_FLOAT && t->ieee);
}
uint64_t kvox_io_h5_to_integer(const kvox_io_h5_type *type, const unsigned char *at);
double kvox_io_h5_to_double(const kvox_io_h5_type *type, const unsigned char *at);

/* Any numbers as double. */
kvox_status kvox_io_h5_read_numbers(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, double **numbers);

/* h5_message.c: bodies of messages. */
kvox_status kvox_io_h5_parse_type(kvox_io_h5 *h5, const unsigned char *body, uint64_t size, kvox_io_h5_type *type);
kvox_status kvox_io_h5_parse_space(kvox_io_h5 *h5, const unsigned char *body, uint64_t size, int *rank,
                                   int64_t shape[KVOX_MAX_RANK]);
kvox_status kvox_io_h5_parse_layout(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                    kvox_io_h5_dataset *dataset);
kvox_status kvox_io_h5_parse_pipeline(kvox_io_h5 *h5, const unsigned char *body, uint64_t size,
                                      kvox_io_h5_dataset *dataset);

/* h5_attribute.c: an attribute of an object that is one text; "" where there is none. */
kvox_status kvox_io_h5_text_attribute(kvox_io_h5 *h5, uint64_t header, const char *name, char *text, size_t room);

/* h5_chunk.c: all chunks of a chunked dataset, decoded into their places. */
kvox_status kvox_io_h5_read_chunks(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, void *out);

/* Where one chunk lies. */
typedef struct kvox_io_h5_place {
  uint64_t address, stored;
  uint32_t mask; /* filters left out */
} kvox_io_h5_place;

/* The places of all chunks in C order, from the context's allocator. */
kvox_status kvox_io_h5_find_chunks(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, kvox_io_h5_place **places);

/* h5_rows.c: elements one at a time, of a dataset that outlives this. Close in either case; get gives memory that
 * lives until the next get, for an index within `count`. */
typedef struct kvox_io_h5_rows {
  const kvox_io_h5_dataset *d;
  int64_t count;
  kvox_io_h5_place *places; /* of chunks */
  unsigned char *block;     /* one chunk, or one element of contiguous ones */
  int64_t held;             /* the chunk that is in it; -1: none */
} kvox_io_h5_rows;
kvox_status kvox_io_h5_rows_open(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, kvox_io_h5_rows *rows);
kvox_status kvox_io_h5_rows_get(kvox_io_h5 *h5, kvox_io_h5_rows *rows, int64_t index, const unsigned char **element);
void kvox_io_h5_rows_close(kvox_io_h5 *h5, kvox_io_h5_rows *rows);

enum { KVOX_IO_H5_REFERENCE_BYTES = 16 };

/* h5_compound.c: a member of a compound by its path ("head/idx/slice"); not found is no failure. It lies within the
 * element. */
typedef struct kvox_io_h5_member {
  bool found;
  int64_t offset;       /* in the element */
  int64_t count;        /* of an array */
  kvox_io_h5_type type; /* of one, also of a list of variable length */
  bool variable;        /* a reference into a global heap: count (4 bytes), collection (8), number in it (4) */
  bool nested;          /* an array or list of such again */
} kvox_io_h5_member;
kvox_status kvox_io_h5_find_member(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, const char *path,
                                   kvox_io_h5_member *member);

/* h5_heap.c: where an object of a global heap lies; all its bytes are in the file. `heap` is zeroed before the first
 * call and remembers where it was. */
typedef struct kvox_io_h5_heap {
  uint64_t collection, size;
  uint64_t next; /* after the object last found */
} kvox_io_h5_heap;
kvox_status kvox_io_h5_heap_find(kvox_io_h5 *h5, kvox_io_h5_heap *heap, uint64_t collection, uint64_t number,
                                 uint64_t *address, uint64_t *bytes);

/* h5_filter.c: one chunk, its filters undone, into dataset->chunk_bytes bytes. */
kvox_status kvox_io_h5_decode_chunk(kvox_io_h5 *h5, const kvox_io_h5_dataset *dataset, uint64_t address,
                                    uint64_t stored, uint32_t mask, unsigned char *out);

#endif

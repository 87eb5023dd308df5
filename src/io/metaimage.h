/* MetaImage: the header's text, and where the samples lie. */
#ifndef KVOX_IO_METAIMAGE_H
#define KVOX_IO_METAIMAGE_H

#include "io/io.h"

/* Names and types as the header has them; both directions. */
typedef struct kvox_io_metaimage_type {
  const char *name;
  kvox_type type;
} kvox_io_metaimage_type;

/* The first that has the type is written; ended by a NULL name. */
extern const kvox_io_metaimage_type kvox_io_metaimage_types[];

/* Names of KVOX_UNIT_... in the key KvoxUnit, which other readers pass over. */
extern const char *const kvox_io_unit_names[4];

/* The state of a kvox_io_image that is read. */
typedef struct kvox_io_metaimage {
  kvox_io_file separate; /* the open data file where it is one of its own */
  bool is_separate;
  bool compressed;
  int64_t compressed_size; /* 0: to the end of the file */
  int64_t header_size;     /* HeaderSize: bytes to skip; -1: the data are the end of the file */
  int64_t header_end;      /* the byte after the header */
  char data_name[256];     /* ElementDataFile */
} kvox_io_metaimage;

/* Reads the header from the start of the file: type, shape, byte order, frame, unit, provenance and the state. */
kvox_status kvox_io_metaimage_read_header(kvox_io_file *file, kvox_io_image *image, kvox_io_metaimage *state);

kvox_status kvox_io_metaimage_write(kvox_context *context, const char *path, const kvox_volume *volume,
                                    const kvox_io_write_options *options);

#endif

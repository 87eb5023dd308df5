/* The inside of raw MRI files: one format, one table of functions. mri.c finds it by the extension. */
#ifndef KVOX_IO_MRI_INSIDE_H
#define KVOX_IO_MRI_INSIDE_H

#include "io/io.h"
#include "kvox/io_mri.h"

typedef struct kvox_io_mri_format kvox_io_mri_format;

struct kvox_io_mri {
  kvox_context *context; /* held */
  char *path;            /* a copy, which `file` points into; NULL: memory */
  kvox_io_file file;
  const kvox_io_mri_format *format;
  void *state; /* the format's own, from the context's allocator */
  kvox_mri_protocol protocol;
  int64_t readouts;
};

struct kvox_io_mri_format {
  const char *extensions[4]; /* lower case, with the dot; NULL ends them */
  /* Sets state, protocol (zeroed before) and readouts from the open file. */
  kvox_status (*open)(kvox_io_mri *mri);
  /* `index` is within the readouts, `readout` zeroed. */
  kvox_status (*read)(kvox_io_mri *mri, int64_t index, kvox_mri_readout *readout);
  /* Also after a failed open; gives `state` back. */
  void (*close)(kvox_io_mri *mri);
};

extern const kvox_io_mri_format kvox_io_ismrmrd_format, kvox_io_twix_format;

/* An open file (or one in memory) of that format. It closes `file`, failing or not, when it is closed itself. */
kvox_status kvox_io_mri_load(const kvox_io_mri_format *format, const kvox_io_file *file, kvox_io_mri **mri);

#endif

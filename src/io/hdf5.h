/* HDF5 as a guest in somebody else's process: one lock, the error stack and its printing left as found. */
#ifndef KVOX_IO_HDF5_H
#define KVOX_IO_HDF5_H

#include <hdf5.h>

#include "io/io.h"

/* The state that is put back. */
typedef struct kvox_io_hdf5_guest {
  hid_t errors; /* the host's error stack */
  unsigned is_version_2;
  H5E_auto2_t print_2;
  H5E_auto1_t print_1;
  void *print_data;
} kvox_io_hdf5_guest;

/* Takes the process' one HDF5 lock, keeps the host's error state and silences HDF5. End puts all back. */
kvox_status kvox_io_hdf5_begin(kvox_io_hdf5_guest *guest);
void kvox_io_hdf5_end(const kvox_io_hdf5_guest *guest);

/* What HDF5 says of its last failure; to be asked before any other call of HDF5. Returns `text`. */
const char *kvox_io_hdf5_reason(char *text, size_t size);

/* What an HDF5 file is read from or written to: one of the two. */
typedef struct kvox_io_hdf5_target {
  kvox_io_file *file;
  kvox_io_output *output;
  kvox_status status; /* of the first read that failed */
  char reason[192];   /* why HDF5 did not open it */
  void *instance;     /* HDF5's */
} kvox_io_hdf5_target;

/* Opens the file or creates the output; negative on failure, with the reason. Close in either case. */
hid_t kvox_io_hdf5_open(kvox_io_hdf5_target *target);
void kvox_io_hdf5_close(kvox_io_hdf5_target *target, hid_t hdf5);

/* The memory type of ours, which the caller closes; negative on failure. */
hid_t kvox_io_hdf5_type(kvox_type type);

/* dxchange_write.c */
kvox_status kvox_io_dxchange_write(kvox_context *context, const char *path, const kvox_io_scan *scan);

#endif

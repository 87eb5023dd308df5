/*
 * The HDF5 library, which writes our files (h5.h reads them), as a guest in somebody else's process: one lock, the
 * error stack and its printing left as found.
 */
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

/* Creates an HDF5 file whose bytes go to the output; negative on failure. Close in either case. */
typedef struct kvox_io_hdf5_target {
  kvox_io_output *output;
  void *instance; /* HDF5's */
} kvox_io_hdf5_target;
hid_t kvox_io_hdf5_create(kvox_io_hdf5_target *target);
void kvox_io_hdf5_close(kvox_io_hdf5_target *target, hid_t hdf5);

/* The memory type of ours, which the caller closes; negative on failure. */
hid_t kvox_io_hdf5_type(kvox_type type);

#endif

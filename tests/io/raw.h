/* What tests of raw MRI files share. */
#ifndef KVOX_TESTS_IO_RAW_H
#define KVOX_TESTS_IO_RAW_H

#include "files.h"
#include "io/mri.h"

/* For failing_heap_try; `data` is the path of a file of three readouts or more. */
static inline kvox_status open_and_read(const kvox_context_options *options, void *data) {
  kvox_context *made = NULL;
  kvox_io_mri *file = NULL;
  kvox_mri_readout readout;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = kvox_io_mri_open(made, data, &file);
  }
  for (int i = 0; i < 3 && status == KVOX_OK; i++) {
    status = kvox_io_mri_read(file, i, &readout);
  }
  kvox_io_mri_close(file);
  kvox_context_destroy(made);
  return status;
}

#endif

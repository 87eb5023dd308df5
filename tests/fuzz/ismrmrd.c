#include "fuzz_mri.h"

static kvox_status load(kvox_io_file *file) { return fuzz_load_mri(&kvox_io_ismrmrd_format, file); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* A chunk is there three times while its filters are undone. */
  return fuzz_run(bytes, size, 8 * KVOX_IO_DEFLATE_MOST, load);
}

#include "fuzz_mri.h"

static kvox_status load(kvox_io_file *file) { return fuzz_load_mri(&kvox_io_twix_format, file); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* A text, the index and a readout: each at most the file. */
  return fuzz_run(bytes, size, 3, load);
}

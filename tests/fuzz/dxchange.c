#include "fuzz.h"

static kvox_status load(kvox_io_file *file) { return fuzz_load_scan(&kvox_io_dxchange_format, file); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* Three datasets may share their chunks, and a chunk is there three times while its filters are undone. */
  return fuzz_run(bytes, size, 8 * KVOX_IO_DEFLATE_MOST, load);
}

#include "fuzz.h"

static kvox_status load(kvox_io_file *file) { return fuzz_load_array(&kvox_io_png_format, file); }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* A palette of one bit a pixel becomes 24 times as large; libpng keeps two rows and chunks beside. */
  return fuzz_run(bytes, size, 3 * 24 * KVOX_IO_DEFLATE_MOST, load);
}

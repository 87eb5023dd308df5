#include "fuzz.h"

static kvox_status load(kvox_io_file *file) {
  const kvox_status volume = fuzz_load_volume(&kvox_io_metaimage_format, file);
  const kvox_status scan = fuzz_load_scan(&kvox_io_metaimage_format, file);
  fuzz_demand((volume == KVOX_OK) == (scan == KVOX_OK), "a volume, but no scan");
  return scan;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  return fuzz_run(bytes, size, KVOX_IO_DEFLATE_MOST, load);
}

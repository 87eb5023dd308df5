#include "fuzz.h"

static kvox_status load(kvox_io_file *file) {
  const kvox_status volume = fuzz_load_volume(&kvox_io_npy_format, file);
  const kvox_status scan = fuzz_load_scan(&kvox_io_npy_format, file);
  const kvox_status array = fuzz_load_array(&kvox_io_npy_format, file);
  /* Every volume and every scan is an array. */
  fuzz_demand(array == KVOX_OK || (volume != KVOX_OK && scan != KVOX_OK), "a volume or scan, but no array");
  return array;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* A volume of Fortran order is there twice while it is turned. */
  return fuzz_run(bytes, size, 2, load);
}

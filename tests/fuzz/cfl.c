#include "fuzz.h"

/* The text of a .hdr. */
static kvox_status load(kvox_io_file *file) {
  kvox_io_image image = {0};
  const kvox_status status = kvox_io_cfl_header(file, &image);
  if (status == KVOX_OK) {
    fuzz_demand(image.type == KVOX_C64 && image.rank >= 1 && image.rank <= KVOX_MAX_RANK, "no array");
    for (int32_t d = 0; d < image.rank; d++) {
      fuzz_demand(image.shape[d] >= 1, "a size is below 1");
    }
    return kvox_io_image_measure(file, &image, INT64_MAX, 1);
  }
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_run(bytes, size, 2, load); }

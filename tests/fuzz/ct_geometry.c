#include "fuzz.h"

static kvox_status load(kvox_io_file *file) {
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_view view;
  int64_t shape[3];
  const kvox_status status = kvox_io_load_ct_geometry(file, NULL, &geometry);
  if (status == KVOX_OK) {
    fuzz_demand(kvox_ct_geometry_shape(geometry, shape) == KVOX_OK, "a geometry without a shape");
    fuzz_demand(kvox_ct_geometry_view(geometry, shape[0] - 1, &view) == KVOX_OK, "a geometry without its last view");
  }
  kvox_ct_geometry_destroy(geometry);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  /* A count of views in a few digits is honest up to 2^20: angles, weights and what their making needs. */
  return fuzz_run(bytes, size, INT64_C(1) << 24, load);
}

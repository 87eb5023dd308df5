#include "fuzz.h"

static kvox_status load(kvox_io_file *file) {
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_view view;
  int64_t shape[3];
  const kvox_io_detector detector = {
      .struct_size = sizeof detector, .rows = 4, .columns = 6, .column_pitch_mm = 1, .row_pitch_mm = 2};
  const kvox_status status = kvox_io_load_rtk_geometry(file, &detector, &geometry);
  if (status == KVOX_OK) {
    fuzz_demand(kvox_ct_geometry_shape(geometry, shape) == KVOX_OK, "a geometry without a shape");
    fuzz_demand(kvox_ct_geometry_view(geometry, shape[0] - 1, &view) == KVOX_OK, "a geometry without its last view");
  }
  kvox_ct_geometry_destroy(geometry);
  return status;
}

/* The least projection, <Projection/>, becomes parameters, a view, an angle and a weight, and lists that double. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_run(bytes, size, 64, load); }

#include "fuzz.h"

static kvox_status load_as(kvox_io_file *file, bool npy) {
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_view view;
  int64_t shape[3];
  const kvox_io_detector detector = {
      .struct_size = sizeof detector, .rows = 4, .columns = 6, .column_pitch_mm = 1, .row_pitch_mm = 1};
  file->position = 0;
  const kvox_status status = kvox_io_load_ct_matrices(file, npy, &detector, &geometry);
  if (status == KVOX_OK) {
    fuzz_demand(kvox_ct_geometry_shape(geometry, shape) == KVOX_OK, "a geometry without a shape");
    fuzz_demand(kvox_ct_geometry_view(geometry, shape[0] - 1, &view) == KVOX_OK, "a geometry without its last view");
  }
  kvox_ct_geometry_destroy(geometry);
  return status;
}

static kvox_status load(kvox_io_file *file) {
  const kvox_status status = load_as(file, true);
  return status == KVOX_ERROR_MEMORY || status == KVOX_ERROR_INTERNAL ? status : load_as(file, false);
}

/* A number in two bytes becomes 8, in lists that double; 12 of them a view. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_run(bytes, size, 64, load); }

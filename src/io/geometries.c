/* The public functions for geometries of scans. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/rtk.h"

void kvox_io_detector_init_sized(kvox_io_detector *detector, size_t struct_size) {
  kvox_extend_clear_options(detector, struct_size);
}

int32_t kvox_io_scan_detector(const kvox_io_scan *scan, kvox_io_detector *detector) {
  if (scan == NULL || detector == NULL || !scan->detector.has_origin ||
      detector->struct_size < offsetof(kvox_io_detector, origin_mm) + sizeof detector->origin_mm) {
    return 0;
  }
  const size_t size = detector->struct_size;
  memcpy(detector, &scan->detector, offsetof(kvox_io_detector, origin_mm) + sizeof detector->origin_mm);
  detector->struct_size = size;
  return 1;
}

static kvox_status check_length(const char *name, double value, bool may_be_absent) {
  char text[32];
  if (isfinite(value) && (value > 0 || (may_be_absent && value == 0))) {
    return KVOX_OK;
  }
  return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "detector: %s is %s, must be positive and finite", name,
                          kvox_extend_format(value, 6, text, sizeof text));
}

/* The caller's struct, whole. */
static kvox_status load_detector(const kvox_io_detector *given, bool pitch_needed, kvox_io_detector *detector) {
  *detector = (kvox_io_detector){.struct_size = sizeof *detector};
  KVOX_TRY(kvox_extend_load_options(detector, sizeof *detector, given, "kvox_io_detector"));
  if (detector->rows < 1 || detector->columns < 1) {
    return kvox_extend_fail(KVOX_ERROR_ARGUMENT,
                            "detector: %" PRId64 " rows and %" PRId64 " columns; each must be at least 1",
                            detector->rows, detector->columns);
  }
  KVOX_TRY(check_length("column_pitch_mm", detector->column_pitch_mm, !pitch_needed));
  KVOX_TRY(check_length("row_pitch_mm", detector->row_pitch_mm, true));
  if (detector->row_pitch_mm == 0) {
    detector->row_pitch_mm = detector->column_pitch_mm;
  }
  for (int c = 0; c < 2 && detector->has_origin; c++) {
    if (!isfinite(detector->origin_mm[c])) {
      return kvox_extend_fail(KVOX_ERROR_ARGUMENT, "detector: origin_mm must be finite");
    }
  }
  return KVOX_OK;
}

kvox_status kvox_io_read_ct_geometry(kvox_context *context, const char *path, const double *center_px,
                                     kvox_ct_geometry **geometry) {
  kvox_io_file file;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(geometry);
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_ct_geometry(&file, center_px, geometry);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

kvox_status kvox_io_write_ct_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(geometry);
  return kvox_io_named(path, kvox_io_save_ct_geometry(context, path, geometry));
}

kvox_status kvox_io_read_rtk_geometry(kvox_context *context, const char *path, const kvox_io_detector *detector,
                                      kvox_ct_geometry **geometry) {
  kvox_io_file file;
  kvox_io_detector known;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(detector);
  KVOX_REQUIRE(geometry);
  KVOX_TRY(load_detector(detector, true, &known));
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_rtk_geometry(&file, &known, geometry);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

kvox_status kvox_io_write_rtk_geometry(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(geometry);
  return kvox_io_named(path, kvox_io_save_rtk_geometry(context, path, geometry));
}

kvox_status kvox_io_read_ct_matrices(kvox_context *context, const char *path, const kvox_io_detector *detector,
                                     kvox_ct_geometry **geometry) {
  kvox_io_file file;
  kvox_io_detector known;
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(detector);
  KVOX_REQUIRE(geometry);
  KVOX_TRY(load_detector(detector, false, &known));
  KVOX_TRY(kvox_io_file_open(context, path, &file));
  const kvox_status status = kvox_io_load_ct_matrices(&file, kvox_io_has_extension(path, ".npy"), &known, geometry);
  kvox_io_file_close(&file);
  return kvox_io_named(path, status);
}

kvox_status kvox_io_write_ct_matrices(kvox_context *context, const char *path, const kvox_ct_geometry *geometry) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(path);
  KVOX_REQUIRE(geometry);
  return kvox_io_named(path, kvox_io_save_ct_matrices(context, path, kvox_io_has_extension(path, ".npy"), geometry));
}

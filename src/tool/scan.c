#include "tool/scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool/geometry.h"
#include "tool/progress.h"

static int wants_search(const kvox_tool_scan_values *values) {
  return values->center != NULL && strcmp(values->center, "auto") == 0;
}

int kvox_tool_check_scan(const kvox_tool *tool, const kvox_tool_scan_values *values) {
  kvox_tool_numbers column;
  const int whole = values->geometry != NULL && kvox_tool_geometry_format(values->geometry) == KVOX_TOOL_JSON_GEOMETRY;
  if (values->geometry != NULL && (values->angles != NULL || (whole && values->pitch.count > 0))) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "option --%s contradicts --geometry, which holds it already; give one of the two",
                            values->angles != NULL ? "angles" : "pitch");
  }
  if (values->detector_origin.count > 0 &&
      (values->geometry == NULL || kvox_tool_geometry_format(values->geometry) != KVOX_TOOL_RTK_GEOMETRY)) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "option --detector-origin is the origin of RTK's projection images: give --geometry G.xml");
  }
  if (values->center != NULL && !wants_search(values) &&
      kvox_tool_parse_numbers(values->center, 1, 0, &column) != NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --center is \"%s\", must be auto or a column",
                            values->center);
  }
  return KVOX_TOOL_DONE;
}

static int read_field(const kvox_tool *tool, const char *path, kvox_io_array **array) {
  return path != NULL ? kvox_tool_check(tool, kvox_io_read_array(tool->context, path, array), path) : KVOX_TOOL_DONE;
}

/* A geometry without a file: the shape of the data, its angles or half a turn, the pitch that was given. */
static int make_geometry(const kvox_tool *tool, kvox_tool_scan *scan, const double *center_px) {
  const int64_t *shape = scan->projections->shape;
  const double *stored = kvox_io_scan_angles_deg(scan->file);
  kvox_tool_angles angles = {.step = 180.0 / (double)shape[0]};
  int code = KVOX_TOOL_DONE;
  kvox_ct_parallel_options options;
  kvox_ct_parallel_options_init(&options);
  if (scan->values->angles != NULL) {
    stored = NULL;
    code = kvox_tool_read_angles(tool, scan->values->angles, shape[0], &angles);
  }
  options.views = shape[0];
  options.rows = shape[1];
  options.columns = shape[2];
  options.column_pitch_mm = scan->values->pitch.values[0];
  options.row_pitch_mm = scan->values->pitch.count == 2 ? scan->values->pitch.values[1] : 0;
  options.column_offset_px = center_px != NULL ? *center_px - 0.5 * (double)(shape[2] - 1) : 0;
  options.angles_deg = angles.list != NULL ? angles.list : stored;
  options.angle_start_deg = angles.start;
  options.angle_step_deg = angles.step;
  if (code == KVOX_TOOL_DONE) {
    code =
        kvox_tool_check(tool, kvox_ct_geometry_create_parallel(tool->context, &options, &scan->geometry), scan->path);
  }
  free(angles.list);
  return code;
}

/* The detector for geometries that do not say theirs: the data's shape, and options before the data's header. */
static void find_detector(const kvox_tool *tool, const kvox_tool_scan *scan, kvox_io_detector *detector) {
  const kvox_tool_scan_values *values = scan->values;
  kvox_io_detector_init(detector);
  const int told = kvox_io_scan_detector(scan->file, detector);
  detector->rows = scan->projections->shape[1];
  detector->columns = scan->projections->shape[2];
  if (values->pitch.count > 0) {
    detector->column_pitch_mm = values->pitch.values[0];
    detector->row_pitch_mm = values->pitch.values[values->pitch.count - 1];
    detector->has_origin = 0;
  } else if (told && kvox_tool_geometry_format(values->geometry) != KVOX_TOOL_JSON_GEOMETRY) {
    kvox_tool_note(tool, "%s has pixels of %g x %g mm by its header; --pitch says otherwise", scan->path,
                   detector->column_pitch_mm, detector->row_pitch_mm);
  }
  for (int c = 0; c < 2 && values->detector_origin.count > 0; c++) {
    detector->has_origin = 1;
    detector->origin_mm[c] = values->detector_origin.values[c];
  }
}

static int read_geometry(const kvox_tool *tool, kvox_tool_scan *scan, const double *center_px) {
  const char *path = scan->values->geometry;
  const int64_t *have = scan->projections->shape;
  int64_t want[3];
  kvox_ct_geometry_destroy(scan->geometry);
  scan->geometry = NULL;
  if (path == NULL) {
    return make_geometry(tool, scan, center_px);
  }
  kvox_io_detector detector;
  find_detector(tool, scan, &detector);
  int code = kvox_tool_read_geometry(tool, path, &detector, center_px, &scan->geometry);
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check(tool, kvox_ct_geometry_shape(scan->geometry, want), path);
  }
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (memcmp(want, have, sizeof want) != 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "%s describes %" PRId64 " views of %" PRId64 " x %" PRId64 " pixels, %s has %" PRId64
                            " views of %" PRId64 " x %" PRId64 "; give the geometry that belongs to the data",
                            path, want[0], want[1], want[2], scan->path, have[0], have[1], have[2]);
  }
  return KVOX_TOOL_DONE;
}

int kvox_tool_read_scan(const kvox_tool *tool, const char *path, const kvox_tool_scan_values *values,
                        kvox_tool_scan *scan) {
  kvox_tool_numbers column;
  const double *center_px = NULL;
  scan->path = path;
  scan->values = values;
  scan->center_from = "geometry";
  int code = kvox_tool_check(tool, kvox_io_read_scan(tool->context, path, &scan->file), path);
  if (code != KVOX_TOOL_DONE || (code = read_field(tool, values->dark, &scan->dark)) != KVOX_TOOL_DONE ||
      (code = read_field(tool, values->flat, &scan->flat)) != KVOX_TOOL_DONE ||
      (code = read_field(tool, values->bad_pixels, &scan->bad_pixels)) != KVOX_TOOL_DONE) {
    return code;
  }
  scan->projections = kvox_io_scan_projections(scan->file);
  if (values->center != NULL && !wants_search(values)) {
    kvox_tool_parse_numbers(values->center, 1, 0, &column);
    center_px = column.values;
    scan->center_from = "option";
    if (*center_px < 0 || *center_px > (double)(scan->projections->shape[2] - 1)) {
      return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--center %s: %s has columns 0 to %" PRId64, values->center, path,
                              scan->projections->shape[2] - 1);
    }
  }
  return read_geometry(tool, scan, center_px);
}

static int make_correction(const kvox_tool *tool, kvox_tool_scan *scan) {
  const kvox_tool_scan_values *values = scan->values;
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.flat = scan->flat != NULL ? kvox_io_array_view(scan->flat) : kvox_io_scan_flat(scan->file);
  options.dark = scan->dark != NULL ? kvox_io_array_view(scan->dark) : kvox_io_scan_dark(scan->file);
  options.bad_pixels = scan->bad_pixels != NULL ? kvox_io_array_view(scan->bad_pixels) : NULL;
  options.least_counts = values->least_counts.values[0];
  if (options.flat == NULL) {
    const char *needless = values->dark != NULL             ? "dark"
                           : values->bad_pixels != NULL     ? "bad-pixels"
                           : values->least_counts.count > 0 ? "least-counts"
                                                            : NULL;
    if (needless != NULL) {
      return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                              "--%s corrects counts, which needs the beam without the object: %s holds no flat field, "
                              "give one with --flat",
                              needless, scan->path);
    }
    if (scan->projections->type < KVOX_F16) {
      kvox_tool_note(tool,
                     "%s holds %s and no flat field: its samples are taken as line integrals; --flat corrects counts",
                     scan->path, kvox_type_name(scan->projections->type));
    }
    return KVOX_TOOL_DONE;
  }
  return kvox_tool_check(tool, kvox_ct_correction_create(tool->context, &options, &scan->correction),
                         values->flat != NULL ? values->flat : scan->path);
}

int kvox_tool_prepare_scan(const kvox_tool *tool, kvox_tool_scan *scan) {
  double begin = kvox_tool_now();
  int code = make_correction(tool, scan);
  scan->correction_seconds = kvox_tool_now() - begin;
  if (code != KVOX_TOOL_DONE || !wants_search(scan->values)) {
    return code;
  }
  double center_px = 0;
  begin = kvox_tool_now();
  code = kvox_tool_check(
      tool, kvox_ct_find_center(tool->context, scan->geometry, scan->correction, scan->projections, &center_px),
      scan->path);
  scan->center_seconds = kvox_tool_now() - begin;
  if (code == KVOX_TOOL_DONE) {
    code = kvox_tool_check(tool, kvox_tool_progress_interrupted(), NULL);
  }
  scan->center_from = "data";
  return code == KVOX_TOOL_DONE ? read_geometry(tool, scan, &center_px) : code;
}

void kvox_tool_release_scan(kvox_tool_scan *scan) {
  kvox_ct_geometry_destroy(scan->geometry);
  kvox_ct_correction_destroy(scan->correction);
  kvox_io_array_destroy(scan->dark);
  kvox_io_array_destroy(scan->flat);
  kvox_io_array_destroy(scan->bad_pixels);
  kvox_io_scan_destroy(scan->file);
}

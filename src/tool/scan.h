/* The input of kvox ct: projections, fields, geometry, the centre. */
#ifndef KVOX_TOOL_SCAN_H
#define KVOX_TOOL_SCAN_H

#include "kvox/io.h"
#include "tool/tool.h"

typedef struct kvox_tool_scan_values {
  const char *geometry, *angles, *center;
  kvox_tool_numbers pitch, detector_origin, least_counts;
  const char *dark, *flat, *bad_pixels;
} kvox_tool_scan_values;

typedef struct kvox_tool_scan {
  const char *path;
  const kvox_tool_scan_values *values;
  kvox_io_scan *file;
  kvox_io_array *dark, *flat, *bad_pixels;
  const kvox_array *projections;
  kvox_ct_correction *correction; /* NULL: line integrals */
  kvox_ct_geometry *geometry;
  const char *center_from; /* "data", "option", "geometry" */
  double center_seconds, correction_seconds;
} kvox_tool_scan;

/* Refuses options that contradict each other or need what is not given. */
int kvox_tool_check_scan(const kvox_tool *tool, const kvox_tool_scan_values *values);

/* Reads all files of the scan. `scan` is zeroed before, and released whatever comes of it. */
int kvox_tool_read_scan(const kvox_tool *tool, const char *path, const kvox_tool_scan_values *values,
                        kvox_tool_scan *scan);

/* Makes the correction, and finds the centre where that was asked for. */
int kvox_tool_prepare_scan(const kvox_tool *tool, kvox_tool_scan *scan);

void kvox_tool_release_scan(kvox_tool_scan *scan);

#endif

#include "tool/geometry.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvox/io.h"
#include "tool/files.h"

int kvox_tool_check_grid(const kvox_tool *tool, const kvox_tool_grid_values *values) {
  if (values->origin.count > 0 && values->center.count > 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                            "options --origin and --grid-center contradict each other; give one");
  }
  return KVOX_TOOL_DONE;
}

int kvox_tool_make_grid(const kvox_tool *tool, const kvox_ct_geometry *geometry, const kvox_tool_grid_values *values,
                        kvox_grid *grid) {
  kvox_grid usual;
  int64_t size[3];
  double spacing[3], center[3];
  int code = kvox_tool_check(tool, kvox_ct_geometry_default_grid(geometry, &usual), NULL);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  for (int a = 0; a < 3; a++) {
    const int given_size = values->size.count == 3 || (values->size.count == 1 && a < 2);
    const int given_spacing = values->spacing.count == 3 || (values->spacing.count == 1 && a < 2);
    size[a] = given_size ? (int64_t)values->size.values[values->size.count == 3 ? a : 0] : usual.size[a];
    spacing[a] = given_spacing ? values->spacing.values[values->spacing.count == 3 ? a : 0] : usual.spacing_mm[a];
    center[a] = usual.origin_mm[a] + 0.5 * (double)(usual.size[a] - 1) * usual.spacing_mm[a];
    center[a] = values->center.count == 3 ? values->center.values[a] : center[a];
  }
  code = kvox_tool_check(tool, kvox_grid_init(grid, size, spacing, center), "--size, --spacing");
  for (int a = 0; code == KVOX_TOOL_DONE && a < 3 && values->origin.count == 3; a++) {
    grid->origin_mm[a] = values->origin.values[a];
  }
  return code;
}

int kvox_tool_geometry_format(const char *path) {
  return kvox_tool_has_extension(path, ".xml")                                            ? KVOX_TOOL_RTK_GEOMETRY
         : kvox_tool_has_extension(path, ".npy") || kvox_tool_has_extension(path, ".txt") ? KVOX_TOOL_MATRICES
                                                                                          : KVOX_TOOL_JSON_GEOMETRY;
}

/* The projection images moved along their columns until the axis is at the wanted one. */
static kvox_status read_centered(kvox_context *context, const char *path, const kvox_io_detector *detector,
                                 const double *center_px, kvox_ct_geometry **geometry) {
  kvox_ct_geometry *found = NULL;
  kvox_io_detector moved = *detector;
  kvox_status status = kvox_io_read_rtk_geometry(context, path, detector, &found);
  if (status != KVOX_OK || center_px == NULL) {
    *geometry = found;
    return status;
  }
  const double row_pitch = detector->row_pitch_mm > 0 ? detector->row_pitch_mm : detector->column_pitch_mm;
  if (!moved.has_origin) {
    moved.has_origin = 1;
    moved.origin_mm[0] = -0.5 * (double)(moved.columns - 1) * moved.column_pitch_mm;
    moved.origin_mm[1] = -0.5 * (double)(moved.rows - 1) * row_pitch;
  }
  moved.origin_mm[0] += (kvox_ct_geometry_center_px(found) - *center_px) * moved.column_pitch_mm;
  kvox_ct_geometry_destroy(found);
  return kvox_io_read_rtk_geometry(context, path, &moved, geometry);
}

int kvox_tool_read_geometry(const kvox_tool *tool, const char *path, const kvox_io_detector *detector,
                            const double *center_px, kvox_ct_geometry **geometry) {
  const int format = kvox_tool_geometry_format(path);
  if (format == KVOX_TOOL_JSON_GEOMETRY) {
    return kvox_tool_check(tool, kvox_io_read_ct_geometry(tool->context, path, center_px, geometry), path);
  }
  if (detector->column_pitch_mm == 0) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--geometry %s does not tell the size of a pixel: give --pitch MM",
                            path);
  }
  if (format == KVOX_TOOL_MATRICES && center_px != NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "--center: the matrices of %s say where everything projects to; change those", path);
  }
  return kvox_tool_check(tool,
                         format == KVOX_TOOL_RTK_GEOMETRY
                             ? read_centered(tool->context, path, detector, center_px, geometry)
                             : kvox_io_read_ct_matrices(tool->context, path, detector, geometry),
                         path);
}

int kvox_tool_write_geometry(const kvox_tool *tool, const char *path, const kvox_ct_geometry *geometry) {
  const int format = kvox_tool_geometry_format(path);
  return kvox_tool_check(tool,
                         format == KVOX_TOOL_RTK_GEOMETRY ? kvox_io_write_rtk_geometry(tool->context, path, geometry)
                         : format == KVOX_TOOL_MATRICES   ? kvox_io_write_ct_matrices(tool->context, path, geometry)
                                                          : kvox_io_write_ct_geometry(tool->context, path, geometry),
                         path);
}

static int wrong_count(const kvox_tool *tool, const char *path, int64_t found, int64_t views) {
  return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                          "--angles %s: the file has %" PRId64 " angles, the data %" PRId64 " views; one a view is due",
                          path, found, views);
}

static int angles_from_npy(const kvox_tool *tool, const char *path, int64_t views, double *list) {
  kvox_io_array *file = NULL;
  int code = kvox_tool_check(tool, kvox_io_read_array(tool->context, path, &file), path);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  const kvox_array *array = kvox_io_array_view(file);
  if (array->rank != 1 || (array->type != KVOX_F64 && array->type != KVOX_F32)) {
    code =
        kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--angles %s: must be one row of f32 or f64, is %s of rank %" PRId32,
                         path, kvox_type_name(array->type), array->rank);
  } else if (array->shape[0] != views) {
    code = wrong_count(tool, path, array->shape[0], views);
  }
  for (int64_t i = 0; code == KVOX_TOOL_DONE && i < views; i++) {
    const char *at = (const char *)array->data + i * array->strides[0];
    float narrow = 0;
    if (array->type == KVOX_F64) {
      memcpy(&list[i], at, sizeof list[i]);
    } else {
      memcpy(&narrow, at, sizeof narrow);
      list[i] = narrow;
    }
  }
  kvox_io_array_destroy(file);
  return code;
}

/* Numbers separated by white space, commas or line ends. */
static int angles_from_text(const kvox_tool *tool, const char *path, int64_t views, double *list) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--angles %s: neither START,STEP nor a file that can be opened",
                            path);
  }
  int64_t count = 0;
  int code = KVOX_TOOL_DONE;
  char word[64];
  while (code == KVOX_TOOL_DONE && fscanf(file, " %63[^ \t\r\n,]%*[ \t\r\n,]", word) == 1) {
    char *end = NULL;
    const double value = strtod(word, &end);
    if (*end != '\0') {
      code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--angles %s: \"%.20s\" is no number", path, word);
    } else if (count < views) {
      list[count] = value;
    }
    count++;
  }
  fclose(file);
  return code != KVOX_TOOL_DONE || count == views ? code : wrong_count(tool, path, count, views);
}

int kvox_tool_read_angles(const kvox_tool *tool, const char *text, int64_t views, kvox_tool_angles *angles) {
  kvox_tool_numbers pair;
  if (kvox_tool_parse_numbers(text, 2, 0, &pair) == NULL) {
    angles->start = pair.values[0];
    angles->step = pair.values[1];
    return KVOX_TOOL_DONE;
  }
  angles->list = malloc((size_t)views * sizeof *angles->list);
  if (angles->list == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "out of memory for %" PRId64 " angles", views);
  }
  return kvox_tool_has_extension(text, ".npy") ? angles_from_npy(tool, text, views, angles->list)
                                               : angles_from_text(tool, text, views, angles->list);
}

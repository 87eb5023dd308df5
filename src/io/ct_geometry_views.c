/* Views of a geometry file that are given one by one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/ct_geometry.h"

static kvox_status get_vector(const kvox_io_geometry_reader *r, const char *path, const cJSON *value,
                              double vector[3]) {
  if (!cJSON_IsArray(value)) {
    return kvox_io_geometry_wrong(r, path, "a list of three numbers: x, y, z");
  }
  int count = 0;
  for (const cJSON *item = value->child; item != NULL; item = item->next, count++) {
    if (count == 3) {
      return kvox_io_geometry_wrong(r, path, "a list of three numbers: x, y, z");
    }
    KVOX_TRY(kvox_io_geometry_number(r, path, item, &vector[count]));
  }
  return count == 3 ? KVOX_OK : kvox_io_geometry_wrong(r, path, "a list of three numbers: x, y, z");
}

static kvox_status take_source(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return r->beam == KVOX_CT_PARALLEL
             ? kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" has no meaning for a parallel beam; give \"ray\"",
                                 path)
             : get_vector(r, path, value, r->described[r->view].source_mm);
}

static kvox_status take_ray(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return r->beam != KVOX_CT_PARALLEL
             ? kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT,
                                 "\"%s\" has a meaning for a parallel beam alone; give \"source_mm\"", path)
             : get_vector(r, path, value, r->described[r->view].source_mm);
}

static kvox_status take_middle(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_vector(r, path, value, r->described[r->view].detector_mm);
}

static kvox_status take_column_step(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_vector(r, path, value, r->described[r->view].column_step_mm);
}

static kvox_status take_row_step(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_vector(r, path, value, r->described[r->view].row_step_mm);
}

static kvox_status take_view(kvox_io_geometry_reader *r, const cJSON *value) {
  const bool parallel = r->beam == KVOX_CT_PARALLEL;
  const kvox_io_geometry_member members[] = {
      {"source_mm", !parallel, take_source}, {"ray", parallel, take_ray},
      {"detector_mm", true, take_middle},    {"column_step_mm", true, take_column_step},
      {"row_step_mm", true, take_row_step},
  };
  char path[48];
  snprintf(path, sizeof path, "views[%" PRId64 "].", r->view);
  if (!cJSON_IsObject(value)) {
    path[strlen(path) - 1] = '\0';
    return kvox_io_geometry_wrong(r, path, "an object with a source (or ray), a detector and its steps");
  }
  return kvox_io_geometry_object(r, path, value, members, sizeof members / sizeof members[0]);
}

kvox_status kvox_io_geometry_take_views(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  int64_t count = 0;
  if (r->beam == KVOX_CT_FAN) {
    return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT,
                             "\"%s\" cannot be those of a fan, whose rows have a source each; give a cone of one row",
                             path);
  }
  for (const cJSON *item = cJSON_IsArray(value) ? value->child : NULL; item != NULL; item = item->next) {
    count++;
  }
  if (count < 1 || count > KVOX_IO_MOST_COUNT) {
    return kvox_io_geometry_wrong(r, path, "a list of at least one view");
  }
  r->described = kvox_extend_allocate(r->context, (uint64_t)count * sizeof *r->described);
  if (r->described == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  r->options.views = count;
  r->view = 0;
  for (const cJSON *item = value->child; item != NULL; item = item->next, r->view++) {
    r->described[r->view] = (kvox_ct_view){0};
    KVOX_TRY(take_view(r, item));
  }
  return KVOX_OK;
}

/* Each view says all of itself: what stands beside could only contradict it. */
kvox_status kvox_io_geometry_check_views(const kvox_io_geometry_reader *r, const cJSON *root) {
  static const char *const others[] = {"angles_deg", "source_to_axis_mm", "source_to_detector_mm"};
  static const char *const of_detector[] = {"column_pitch_mm", "row_pitch_mm", "column_offset_px", "row_offset_px"};
  const cJSON *detector = cJSON_GetObjectItemCaseSensitive(root, "detector");
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    if (cJSON_GetObjectItemCaseSensitive(root, others[i]) != NULL) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" follows from \"views\"; leave it out", others[i]);
    }
  }
  for (size_t i = 0; i < sizeof of_detector / sizeof of_detector[0]; i++) {
    if (cJSON_GetObjectItemCaseSensitive(detector, of_detector[i]) != NULL) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"detector.%s\" follows from \"views\"; leave it out",
                               of_detector[i]);
    }
  }
  return KVOX_OK;
}

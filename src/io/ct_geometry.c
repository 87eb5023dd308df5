/* The geometry file of a CT scan: JSON, read by cJSON. Every member is known, or an error that names it. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/ct_geometry.h"

/* A list of 2^18 angles in 17 digits has 6 MB; what lies deeper or is longer is no geometry. */
enum { MOST_BYTES = 1 << 24, MOST_DEPTH = 8 };

kvox_status kvox_io_geometry_wrong(const kvox_io_geometry_reader *r, const char *path, const char *must) {
  return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" must be %s", path, must);
}

/* Walks an object by its table; `path` is "" or "detector." and opens the names in sentences. */
kvox_status kvox_io_geometry_object(kvox_io_geometry_reader *r, const char *path, const cJSON *object,
                                    const kvox_io_geometry_member *members, int count) {
  char name[96];
  bool seen[KVOX_IO_MOST_MEMBERS] = {false};
  for (const cJSON *item = object->child; item != NULL; item = item->next) {
    int m = 0;
    while (m < count && strcmp(item->string, members[m].name) != 0) {
      m++;
    }
    if (m == count) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s%.60s\" is no member of a geometry; see docs/ct.md",
                               path, item->string);
    }
    snprintf(name, sizeof name, "%s%s", path, members[m].name);
    if (seen[m]) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" is there twice", name);
    }
    seen[m] = true;
    KVOX_TRY(members[m].take(r, name, item));
  }
  for (int m = 0; m < count; m++) {
    if (members[m].required && !seen[m]) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s%s\" is missing", path, members[m].name);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_io_geometry_number(const kvox_io_geometry_reader *r, const char *path, const cJSON *value,
                                    double *number) {
  if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble)) {
    return kvox_io_geometry_wrong(r, path, "a finite number");
  }
  *number = value->valuedouble;
  return KVOX_OK;
}

static kvox_status get_pitch(const kvox_io_geometry_reader *r, const char *path, const cJSON *value, double *number) {
  KVOX_TRY(kvox_io_geometry_number(r, path, value, number));
  return *number > 0 ? KVOX_OK : kvox_io_geometry_wrong(r, path, "positive; leave it out where it is not known");
}

static kvox_status get_count(const kvox_io_geometry_reader *r, const char *path, const cJSON *value, int64_t *count) {
  double number = 0;
  char must[64];
  snprintf(must, sizeof must, "a whole number from 1 to %d", KVOX_IO_MOST_COUNT);
  if (!cJSON_IsNumber(value)) {
    return kvox_io_geometry_wrong(r, path, must);
  }
  number = value->valuedouble;
  if (!(number >= 1 && number <= KVOX_IO_MOST_COUNT) || number != floor(number)) {
    return kvox_io_geometry_wrong(r, path, must);
  }
  *count = (int64_t)number;
  return KVOX_OK;
}

/* Which word of a short list it is. */
static kvox_status get_word(const kvox_io_geometry_reader *r, const char *path, const cJSON *value,
                            const char *const *words, int count, const char *must, int *word) {
  for (int i = 0; cJSON_IsString(value) && i < count; i++) {
    if (strcmp(value->valuestring, words[i]) == 0) {
      *word = i;
      return KVOX_OK;
    }
  }
  return kvox_io_geometry_wrong(r, path, must);
}

static kvox_status take_beam(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  static const char *const words[] = {[KVOX_CT_PARALLEL] = "parallel", [KVOX_CT_FAN] = "fan", [KVOX_CT_CONE] = "cone"};
  int word = 0;
  KVOX_TRY(get_word(r, path, value, words, 3, "\"parallel\", \"fan\" or \"cone\"", &word));
  r->beam = word;
  return KVOX_OK;
}

static kvox_status take_detector_shape(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  static const char *const words[] = {"flat", "arc"};
  int word = 0;
  KVOX_TRY(get_word(r, path, value, words, 2, "\"flat\" or \"arc\"", &word));
  return word == 0 ? KVOX_OK
                   : kvox_io_file_fail(r->file, KVOX_ERROR_UNSUPPORTED,
                                       "\"%s\" is \"arc\"; this version reads flat alone", path);
}

/* Lengths of a diverging beam: a parallel one has none, and one that is given says that the beam is not parallel. */
static kvox_status get_distance(const kvox_io_geometry_reader *r, const char *path, const cJSON *value,
                                double *distance) {
  if (r->beam == KVOX_CT_PARALLEL) {
    return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" has no meaning for a parallel beam; leave it out",
                             path);
  }
  KVOX_TRY(kvox_io_geometry_number(r, path, value, distance));
  return *distance > 0 ? KVOX_OK : kvox_io_geometry_wrong(r, path, "positive");
}

static kvox_status take_source_to_axis(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_distance(r, path, value, &r->options.source_to_axis_mm);
}

static kvox_status take_source_to_detector(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_distance(r, path, value, &r->options.source_to_detector_mm);
}

static kvox_status take_z_per_turn(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  double number = 0;
  KVOX_TRY(kvox_io_geometry_number(r, path, value, &number));
  return number == 0
             ? KVOX_OK
             : kvox_io_file_fail(r->file, KVOX_ERROR_UNSUPPORTED, "\"%s\" is not 0; helices are not read", path);
}

static kvox_status take_columns(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_count(r, path, value, &r->options.columns);
}

static kvox_status take_rows(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_count(r, path, value, &r->options.rows);
}

static kvox_status take_column_pitch(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_pitch(r, path, value, &r->options.column_pitch_mm);
}

static kvox_status take_row_pitch(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_pitch(r, path, value, &r->options.row_pitch_mm);
}

static kvox_status take_column_offset(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return kvox_io_geometry_number(r, path, value, &r->options.column_offset_px);
}

static kvox_status take_row_offset(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return kvox_io_geometry_number(r, path, value, &r->options.row_offset_px);
}

static kvox_status take_detector(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  static const kvox_io_geometry_member members[] = {
      {"columns", true, take_columns},
      {"rows", false, take_rows},
      {"column_pitch_mm", false, take_column_pitch},
      {"row_pitch_mm", false, take_row_pitch},
      {"column_offset_px", false, take_column_offset},
      {"row_offset_px", false, take_row_offset},
  };
  r->options.rows = 1;
  return cJSON_IsObject(value)
             ? kvox_io_geometry_object(r, "detector.", value, members, sizeof members / sizeof members[0])
             : kvox_io_geometry_wrong(r, path, "an object with \"columns\"");
}

static kvox_status take_start(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return kvox_io_geometry_number(r, path, value, &r->options.angle_start_deg);
}

static kvox_status take_step(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return kvox_io_geometry_number(r, path, value, &r->options.angle_step_deg);
}

static kvox_status take_views(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  return get_count(r, path, value, &r->options.views);
}

static kvox_status take_angle_list(kvox_io_geometry_reader *r, const char *path, const cJSON *list) {
  int64_t count = 0;
  for (const cJSON *item = list->child; item != NULL; item = item->next) {
    count++;
  }
  if (count < 1 || count > KVOX_IO_MOST_COUNT) {
    return kvox_io_geometry_wrong(r, path, "a list of at least one angle");
  }
  r->angles_deg = kvox_extend_allocate(r->context, (uint64_t)count * sizeof *r->angles_deg);
  if (r->angles_deg == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  int64_t view = 0;
  char name[48];
  for (const cJSON *item = list->child; item != NULL; item = item->next, view++) {
    snprintf(name, sizeof name, "angles_deg[%" PRId64 "]", view);
    KVOX_TRY(kvox_io_geometry_number(r, name, item, &r->angles_deg[view]));
  }
  r->options.angles_deg = r->angles_deg;
  r->options.views = count;
  return KVOX_OK;
}

static kvox_status take_angles(kvox_io_geometry_reader *r, const char *path, const cJSON *value) {
  static const kvox_io_geometry_member members[] = {
      {"start", true, take_start}, {"step", true, take_step}, {"count", true, take_views}};
  if (cJSON_IsArray(value)) {
    return take_angle_list(r, path, value);
  }
  return cJSON_IsObject(value)
             ? kvox_io_geometry_object(r, "angles_deg.", value, members, sizeof members / sizeof members[0])
             : kvox_io_geometry_wrong(r, path, "a list of degrees, or an object with start, step and count");
}

/* What only a diverging beam must have. */
static kvox_status check_lengths(const kvox_io_geometry_reader *r) {
  const struct {
    const char *path;
    double value;
  } lengths[] = {{"source_to_axis_mm", r->options.source_to_axis_mm},
                 {"source_to_detector_mm", r->options.source_to_detector_mm},
                 {"detector.column_pitch_mm", r->options.column_pitch_mm}};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    if (lengths[i].value == 0) {
      return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "\"%s\" is missing: fan and cone beams need it",
                               lengths[i].path);
    }
  }
  return KVOX_OK;
}

static kvox_status take_geometry(kvox_io_geometry_reader *r, const cJSON *root) {
  static const kvox_io_geometry_member members[] = {
      {"beam", true, take_beam},
      {"detector_shape", false, take_detector_shape},
      {"source_to_axis_mm", false, take_source_to_axis},
      {"source_to_detector_mm", false, take_source_to_detector},
      {"detector", true, take_detector},
      {"angles_deg", false, take_angles},
      {"views", false, kvox_io_geometry_take_views},
      {"z_per_turn_mm", false, take_z_per_turn},
  };
  enum { MEMBERS = sizeof members / sizeof members[0] };
  if (!cJSON_IsObject(root)) {
    return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT, "it must hold one JSON object");
  }
  /* The beam first, wherever it stands: it says what the others mean. */
  const cJSON *beam = cJSON_GetObjectItemCaseSensitive(root, "beam");
  if (beam != NULL) {
    KVOX_TRY(take_beam(r, "beam", beam));
  }
  KVOX_TRY(kvox_io_geometry_object(r, "", root, members, MEMBERS));
  if (cJSON_GetObjectItemCaseSensitive(root, "views") != NULL) {
    return kvox_io_geometry_check_views(r, root);
  }
  if (cJSON_GetObjectItemCaseSensitive(root, "angles_deg") == NULL) {
    return kvox_io_file_fail(r->file, KVOX_ERROR_FORMAT,
                             "\"angles_deg\" is missing; or give \"views\", each by itself");
  }
  return r->beam == KVOX_CT_PARALLEL ? KVOX_OK : check_lengths(r);
}

/* cJSON calls itself for every bracket; here they are counted first. */
static bool too_deep(const char *text, int64_t bytes) {
  int depth = 0;
  bool quoted = false;
  for (int64_t i = 0; i < bytes; i++) {
    if (quoted) {
      if (text[i] == '\\') {
        i++;
      } else {
        quoted = text[i] != '"';
      }
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '{' || text[i] == '[') {
      if (++depth > MOST_DEPTH) {
        return true;
      }
    } else if (text[i] == '}' || text[i] == ']') {
      depth -= depth > 0;
    }
  }
  return false;
}

static int64_t line_of(const char *text, const char *at) {
  int64_t line = 1;
  for (const char *c = text; c < at; c++) {
    line += *c == '\n';
  }
  return line;
}

/* cJSON reads numbers as the thread's locale has them, so the thread has none while it reads. */
static kvox_status parse(const kvox_io_file *file, const char *text, int64_t bytes, cJSON **root) {
  const char *end = NULL;
  if (too_deep(text, bytes)) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "its brackets are nested deeper than %d", MOST_DEPTH);
  }
  const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0) {
    return kvox_extend_fail(KVOX_ERROR_MEMORY, "%.200s: out of memory", file->name);
  }
  const locale_t before = uselocale(plain);
  *root = cJSON_ParseWithLengthOpts(text, (size_t)bytes, &end, 0);
  uselocale(before);
  freelocale(plain);
  if (*root == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no JSON: the mistake is in line %" PRId64,
                             line_of(text, end));
  }
  while (end < text + bytes && (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r')) {
    end++;
  }
  return end == text + bytes ? KVOX_OK
                             : kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                                                 "something follows its object in line %" PRId64, line_of(text, end));
}

static kvox_status make_parallel(kvox_context *context, const kvox_ct_cone_options *o, kvox_ct_geometry **geometry) {
  kvox_ct_parallel_options options;
  kvox_ct_parallel_options_init(&options);
  options.views = o->views;
  options.rows = o->rows;
  options.columns = o->columns;
  options.column_pitch_mm = o->column_pitch_mm;
  options.row_pitch_mm = o->row_pitch_mm;
  options.column_offset_px = o->column_offset_px;
  options.row_offset_px = o->row_offset_px;
  options.angles_deg = o->angles_deg;
  options.angle_start_deg = o->angle_start_deg;
  options.angle_step_deg = o->angle_step_deg;
  return kvox_ct_geometry_create_parallel(context, &options, geometry);
}

static kvox_status make(const kvox_io_geometry_reader *r, kvox_ct_geometry **geometry) {
  if (r->described != NULL) {
    return kvox_ct_geometry_create_views(r->context, r->beam, r->options.rows, r->options.columns, r->described,
                                         r->options.views, geometry);
  }
  switch (r->beam) {
    case KVOX_CT_FAN: return kvox_ct_geometry_create_fan(r->context, &r->options, geometry);
    case KVOX_CT_CONE: return kvox_ct_geometry_create_cone(r->context, &r->options, geometry);
    default: return make_parallel(r->context, &r->options, geometry);
  }
}

kvox_status kvox_io_load_ct_geometry(kvox_io_file *file, const double *center_px, kvox_ct_geometry **geometry) {
  kvox_io_geometry_reader r = {.file = file, .context = file->context};
  cJSON *root = NULL;
  kvox_status status = KVOX_OK;
  kvox_ct_cone_options_init(&r.options);
  if (file->size > MOST_BYTES) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it has %" PRId64 " bytes, a geometry has at most %d", file->size,
                             MOST_BYTES);
  }
  char *text = kvox_extend_allocate(file->context, (uint64_t)file->size + 1);
  if (text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY_CLEANUP(kvox_io_file_read(file, text, file->size));
  text[file->size] = '\0';
  KVOX_TRY_CLEANUP(parse(file, text, file->size, &root));
  KVOX_TRY_CLEANUP(take_geometry(&r, root));
  if (center_px != NULL && r.described != NULL) {
    status = kvox_io_file_fail(file, KVOX_ERROR_UNSUPPORTED,
                               "its views are given one by one and have no common center to be replaced");
    goto cleanup;
  }
  if (center_px != NULL) {
    r.options.column_offset_px = *center_px - 0.5 * (double)(r.options.columns - 1);
  }
  status = make(&r, geometry);
  if (status != KVOX_OK) {
    status = kvox_io_file_fail(file, status, "%s", kvox_last_error());
  }
cleanup:
  cJSON_Delete(root);
  kvox_extend_release(file->context, r.described);
  kvox_extend_release(file->context, r.angles_deg);
  kvox_extend_release(file->context, text);
  return status;
}

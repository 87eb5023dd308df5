#include "tool/mri_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/files.h"
#include "tool/report.h"

/* The order of `uses` below. */
static const char *const use_names[] = {"image", "noise", "calibration", "phase_correction", "other", "not_measured"};
enum { USES = sizeof use_names / sizeof use_names[0] };

static const struct {
  const char *name;
  int32_t role;
} roles[] = {{"x", KVOX_TOOL_ROLE_X},       {"1", KVOX_TOOL_ROLE_NONE},
             {"coil", KVOX_TOOL_ROLE_COIL}, {"y", KVOX_MRI_STEP_1},
             {"z", KVOX_MRI_STEP_2},        {"average", KVOX_MRI_AVERAGE},
             {"slice", KVOX_MRI_SLICE},     {"echo", KVOX_MRI_CONTRAST},
             {"phase", KVOX_MRI_PHASE},     {"repetition", KVOX_MRI_REPETITION},
             {"set", KVOX_MRI_SET}};
enum { ROLES = sizeof roles / sizeof roles[0] };

/* What an array's axes are where nobody says: BART's dimensions have meanings by their place, and its reader leaves out
 * those of size 1 at the end of its list. */
static const char *usual_axes(const char *path, int32_t rank) {
  static const char *const numpy[KVOX_MAX_RANK] = {NULL, "y,x", "coil,y,x", "coil,z,y,x", "repetition,coil,z,y,x"};
  static const char *const bart[KVOX_MAX_RANK] = {"x",
                                                  "y,x",
                                                  "z,y,x",
                                                  "coil,z,y,x",
                                                  "1,coil,z,y,x",
                                                  "echo,1,coil,z,y,x",
                                                  "1,echo,1,coil,z,y,x",
                                                  "1,1,echo,1,coil,z,y,x"};
  return kvox_tool_has_extension(path, ".cfl") ? bart[rank - 1] : numpy[rank - 1];
}

static int is_array(const char *path) {
  return kvox_tool_has_extension(path, ".npy") || kvox_tool_has_extension(path, ".cfl");
}

static int is_raw(const char *path) {
  return kvox_tool_has_extension(path, ".h5") || kvox_tool_has_extension(path, ".hdf5") ||
         kvox_tool_has_extension(path, ".mrd") || kvox_tool_has_extension(path, ".dat");
}

static int refuse_axes(const kvox_tool *tool, const kvox_tool_mri_source *source, const char *axes, const char *why) {
  return kvox_tool_refuse(
      tool, KVOX_TOOL_FAILED,
      "--axes %s: %s; %s has %d dimensions: name each, separated by commas, by x, y, z, coil, slice, "
      "average, echo, phase, repetition or set",
      axes, why, source->path, (int)source->array->rank);
}

/* "coil,y,x" to roles, one an axis, none twice. */
static int parse_axes(const kvox_tool *tool, const char *axes, kvox_tool_mri_source *source) {
  const int32_t rank = source->array->rank;
  const char *at = axes;
  uint32_t seen = 0;
  int32_t count = 0;
  for (;;) {
    const size_t length = strcspn(at, ",");
    size_t i = 0;
    while (i < ROLES && !(strlen(roles[i].name) == length && memcmp(roles[i].name, at, length) == 0)) {
      i++;
    }
    if (i == ROLES) {
      return refuse_axes(tool, source, axes, "a name is unknown");
    }
    if (count == rank) {
      return refuse_axes(tool, source, axes, "these are too many names");
    }
    if (roles[i].role == KVOX_TOOL_ROLE_NONE && source->array->shape[count] != 1) {
      return refuse_axes(tool, source, axes, "a dimension of more than 1 has no name");
    }
    if (roles[i].role != KVOX_TOOL_ROLE_NONE && (seen & (1u << i))) {
      return refuse_axes(tool, source, axes, "a name comes twice");
    }
    seen |= 1u << i;
    source->roles[count++] = roles[i].role;
    if (at[length] == '\0') {
      break;
    }
    at += length + 1;
  }
  if (count < rank) {
    return refuse_axes(tool, source, axes, "these are too few names");
  }
  return (seen & 1u) ? KVOX_TOOL_DONE : refuse_axes(tool, source, axes, "x, the readout, is missing");
}

/* How many there are along a role; 1 where no axis has it. */
static int64_t size_of(const kvox_tool_mri_source *source, int32_t role) {
  for (int32_t a = 0; a < source->array->rank; a++) {
    if (source->roles[a] == role) {
      return source->array->shape[a];
    }
  }
  return 1;
}

static int parse_echo_times(const kvox_tool *tool, const char *text, kvox_mri_protocol *protocol) {
  const char *at = text;
  for (;;) {
    char *end = NULL;
    const double value = strtod(at, &end);
    if (end == at || (*end != ',' && *end != '\0') || !(value >= 0 && value < 1e6)) {
      return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --echo-times is \"%s\", must be milliseconds, one an echo",
                              text);
    }
    if (protocol->echoes == KVOX_MRI_MOST_ECHOES) {
      return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --echo-times has more than %d echoes",
                              KVOX_MRI_MOST_ECHOES);
    }
    protocol->echo_ms[protocol->echoes++] = value;
    if (*end == '\0') {
      return KVOX_TOOL_DONE;
    }
    at = end + 1;
  }
}

static int make_protocol(const kvox_tool *tool, const kvox_tool_mri_source_values *values,
                         kvox_tool_mri_source *source) {
  static const int32_t along[3] = {KVOX_TOOL_ROLE_X, KVOX_MRI_STEP_1, KVOX_MRI_STEP_2};
  kvox_mri_protocol *protocol = &source->protocol;
  const double oversampling = values->oversampling.count > 0 ? values->oversampling.values[0] : 1;
  for (int32_t a = 0; a < source->array->rank; a++) {
    if (source->array->shape[a] > INT32_MAX) {
      return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: a dimension of %" PRId64 " is too long for k-space",
                              source->path, source->array->shape[a]);
    }
  }
  for (int a = 0; a < 3; a++) {
    const int64_t size = size_of(source, along[a]);
    protocol->encoded_size[a] = size;
    protocol->image_size[a] = size;
    protocol->image_mm[a] = a < values->field_of_view.count ? values->field_of_view.values[a] : (double)size;
    protocol->encoded_mm[a] = protocol->image_mm[a];
  }
  const int64_t kept = (int64_t)((double)protocol->encoded_size[0] / oversampling + 0.5);
  if (kept < 1 || kept > protocol->encoded_size[0]) {
    return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "option --oversampling is %g, must be from 1 to %" PRId64,
                            oversampling, protocol->encoded_size[0]);
  }
  if (values->field_of_view.count == 0) {
    protocol->image_mm[0] = (double)kept;
  }
  protocol->encoded_mm[0] = protocol->image_mm[0] * (double)protocol->encoded_size[0] / (double)kept;
  protocol->image_size[0] = kept;
  for (int32_t c = 0; c < KVOX_MRI_COUNTERS; c++) {
    const int32_t size = (int32_t)size_of(source, c);
    protocol->limits[c] = (kvox_mri_limits){0, size - 1, c == KVOX_MRI_STEP_1 || c == KVOX_MRI_STEP_2 ? size / 2 : 0};
  }
  protocol->trajectory = KVOX_MRI_CARTESIAN;
  protocol->coils = (int32_t)size_of(source, KVOX_TOOL_ROLE_COIL);
  return values->echo_times != NULL ? parse_echo_times(tool, values->echo_times, protocol) : KVOX_TOOL_DONE;
}

/* Gathers one line of all coils; 0 where it is nothing but zeros. */
static int gather(kvox_tool_mri_source *source, const char *first) {
  const kvox_array *array = source->array;
  const int32_t coils = source->protocol.coils;
  const int64_t samples = source->protocol.encoded_size[0];
  int64_t coil_stride = 0, stride = 0;
  int measured = 0;
  for (int32_t a = 0; a < array->rank; a++) {
    coil_stride = source->roles[a] == KVOX_TOOL_ROLE_COIL ? array->strides[a] : coil_stride;
    stride = source->roles[a] == KVOX_TOOL_ROLE_X ? array->strides[a] : stride;
  }
  float *to = source->line;
  for (int32_t c = 0; c < coils; c++) {
    for (int64_t i = 0; i < samples; i++, to += 2) {
      memcpy(to, first + c * coil_stride + i * stride, 2 * sizeof *to);
      measured |= to[0] != 0 || to[1] != 0; /* NaN is not 0 */
    }
  }
  return measured;
}

static int read_line(kvox_tool_mri_source *source, int64_t index, kvox_mri_readout *readout) {
  const kvox_array *array = source->array;
  const char *first = array->data;
  memset(readout, 0, sizeof *readout);
  for (int32_t a = array->rank - 1; a >= 0; a--) {
    if (source->roles[a] >= 0) {
      const int64_t place = index % array->shape[a];
      index /= array->shape[a];
      readout->counters[source->roles[a]] = (int32_t)place;
      first += place * array->strides[a];
    }
  }
  readout->coils = source->protocol.coils;
  readout->samples = (int32_t)source->protocol.encoded_size[0];
  readout->center_sample = readout->samples / 2;
  readout->discard_before = source->discard[0];
  readout->discard_after = source->discard[1];
  readout->data = source->line;
  return gather(source, first);
}

/* Takes the samples beyond first ... last that are not zero in: those between need no look. */
static void widen(const float *samples, int32_t count, int32_t *first, int32_t *last) {
  for (int32_t x = 0; x < *first && x < count; x++) {
    if (samples[2 * x] != 0 || samples[2 * x + 1] != 0) {
      *first = x;
    }
  }
  for (int32_t x = count - 1; x > *last; x--) {
    if (samples[2 * x] != 0 || samples[2 * x + 1] != 0) {
      *last = x;
    }
  }
}

/* Which samples along x, y, z are not zero anywhere, first and last: what partial Fourier measured. */
static void find_extent(kvox_tool_mri_source *source, int32_t first[3], int32_t last[3]) {
  kvox_mri_readout readout;
  for (int a = 0; a < 3; a++) {
    first[a] = INT32_MAX;
    last[a] = -1;
  }
  for (int64_t i = 0; i < source->readouts; i++) {
    if (!read_line(source, i, &readout)) {
      continue;
    }
    for (int32_t c = 0; c < readout.coils; c++) {
      widen(source->line + 2 * (int64_t)c * readout.samples, readout.samples, &first[0], &last[0]);
    }
    for (int a = 1; a < 3; a++) {
      const int32_t place = readout.counters[a == 1 ? KVOX_MRI_STEP_1 : KVOX_MRI_STEP_2];
      first[a] = place < first[a] ? place : first[a];
      last[a] = place > last[a] ? place : last[a];
    }
  }
}

/* Lines that were not measured at either end are outside the limits, samples there are discarded. */
static void narrow(kvox_tool_mri_source *source) {
  int32_t first[3], last[3];
  find_extent(source, first, last);
  for (int a = 1; a < 3 && last[0] >= 0; a++) {
    kvox_mri_limits *limits = &source->protocol.limits[a == 1 ? KVOX_MRI_STEP_1 : KVOX_MRI_STEP_2];
    if (first[a] <= limits->center && last[a] >= limits->center) {
      limits->first = first[a];
      limits->last = last[a];
    }
  }
  const int32_t samples = (int32_t)source->protocol.encoded_size[0];
  if (last[0] >= samples / 2 && first[0] <= samples / 2) {
    source->discard[0] = first[0];
    source->discard[1] = samples - 1 - last[0];
  }
}

static int open_array(const kvox_tool *tool, const kvox_tool_mri_source_values *values, kvox_tool_mri_source *source) {
  int code = kvox_tool_check(tool, kvox_io_read_array(tool->context, source->path, &source->holder), source->path);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  source->array = kvox_io_array_view(source->holder);
  if (source->array->type != KVOX_C64) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s holds %s, k-space must be complex64 (c64)", source->path,
                            kvox_type_name(source->array->type));
  }
  const char *axes = values->axes != NULL ? values->axes : usual_axes(source->path, source->array->rank);
  if (axes == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "%s has %d dimension%s: say what they are by --axes, such as echo,coil,z,y,x", source->path,
                            (int)source->array->rank, source->array->rank == 1 ? "" : "s");
  }
  code = parse_axes(tool, axes, source);
  code = code == KVOX_TOOL_DONE ? make_protocol(tool, values, source) : code;
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  source->readouts = 1;
  for (int32_t a = 0; a < source->array->rank; a++) {
    source->readouts *= source->roles[a] < 0 ? 1 : source->array->shape[a];
  }
  const int64_t samples = source->protocol.encoded_size[0] * source->protocol.coils;
  source->line = samples <= INT32_MAX ? calloc((size_t)samples, 2 * sizeof(float)) : NULL;
  if (source->line != NULL) {
    narrow(source);
  }
  return source->line != NULL
             ? KVOX_TOOL_DONE
             : kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: out of memory for a readout of %" PRId64 " samples",
                                source->path, samples);
}

static int refuse_needless(const kvox_tool *tool, const char *path, const kvox_tool_mri_source_values *values) {
  const char *name = values->axes != NULL              ? "axes"
                     : values->echo_times != NULL      ? "echo-times"
                     : values->field_of_view.count > 0 ? "fov"
                     : values->oversampling.count > 0  ? "oversampling"
                                                       : NULL;
  return name == NULL ? KVOX_TOOL_DONE
                      : kvox_tool_refuse(tool, KVOX_TOOL_USAGE,
                                         "option --%s is for .npy and .cfl; the header of %s tells it", name, path);
}

/* What can be said of a path before its format is known. */
static int check_path(const kvox_tool *tool, const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) {
    return errno == ENOENT ? kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: there is no such file", path)
                           : KVOX_TOOL_DONE;
  }
  return S_ISDIR(status.st_mode) ? kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s is a folder, must be a file", path)
         : S_ISREG(status.st_mode) && status.st_size == 0 && !kvox_tool_has_extension(path, ".cfl")
             ? kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s is empty: it has 0 bytes", path)
         : kvox_tool_has_extension(path, ".hdr")
             ? kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: name the .cfl beside it, which holds the samples", path)
             : KVOX_TOOL_DONE;
}

int kvox_tool_mri_open(const kvox_tool *tool, const char *path, const kvox_tool_mri_source_values *values,
                       kvox_tool_mri_source *source) {
  source->path = path;
  int code = check_path(tool, path);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  if (is_array(path)) {
    return open_array(tool, values, source);
  }
  if (!is_raw(path)) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "%s: the extension must be one of .h5, .hdf5, .mrd, .dat, .npy, .cfl", path);
  }
  code = refuse_needless(tool, path, values);
  if (code != KVOX_TOOL_DONE) {
    return code;
  }
  kvox_status status = kvox_io_mri_open(tool->context, path, &source->file);
  if (status == KVOX_OK) {
    status = kvox_io_mri_protocol(source->file, &source->protocol);
  }
  source->readouts = kvox_io_mri_readouts(source->file);
  return kvox_tool_check(tool, status, path);
}

void kvox_tool_mri_close(kvox_tool_mri_source *source) {
  kvox_io_mri_close(source->file);
  kvox_io_array_destroy(source->holder);
  free(source->line);
}

static int use_of(uint32_t flags) {
  return flags & KVOX_MRI_NOISE              ? 1
         : flags & KVOX_MRI_PHASE_CORRECTION ? 3
         : flags & KVOX_MRI_OTHER_USE        ? 4
         : flags & KVOX_MRI_CALIBRATION      ? 2
                                             : 0;
}

int kvox_tool_mri_read(const kvox_tool *tool, kvox_tool_mri_source *source, int64_t index, kvox_mri_readout *readout,
                       int *measured) {
  kvox_status status = KVOX_OK;
  *measured = 1;
  if (source->file != NULL) {
    status = kvox_io_mri_read(source->file, index, readout);
  } else {
    *measured = read_line(source, index, readout);
  }
  if (status == KVOX_OK) {
    source->uses[*measured ? use_of(readout->flags) : USES - 1]++;
  }
  return kvox_tool_check(tool, status, source->path);
}

void kvox_tool_mri_report_uses(const kvox_tool_mri_source *source, cJSON *report) {
  cJSON *object = cJSON_AddObjectToObject(report, "readouts");
  for (int i = 0; i < USES; i++) {
    if (i == 0 || source->uses[i] > 0) {
      cJSON_AddNumberToObject(object, use_names[i], (double)source->uses[i]);
    }
  }
}

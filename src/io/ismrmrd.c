/*
 * ISMRMRD (Inati et al., ISMRM raw data format, Magn. Reson. Med. 77, 2017) in HDF5: dataset/xml is the header,
 * dataset/data has one compound a readout: head (of fixed size), traj and data (lists of floats in global heaps).
 */
#include "io/ismrmrd.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/h5.h"

/* Vendors' own parameters included, headers have some kilobytes. */
enum { MOST_XML_BYTES = 1 << 24 };

/* What is looked for in a readout, by ISMRMRD's names. */
enum {
  FLAGS,
  SAMPLES,
  COILS,
  DISCARD_BEFORE,
  DISCARD_AFTER,
  CENTER,
  ENCODING,
  TRAJECTORY_AXES,
  SAMPLE_TIME,
  POSITION,
  READ_AXIS,
  PHASE_AXIS,
  SLICE_AXIS,
  COUNTER,
  TRAJECTORY = COUNTER + KVOX_MRI_COUNTERS,
  DATA,
  MEMBERS
};

/* Versions differ in the others; those that are not there are 0. */
static const struct {
  const char *path;
  int count;
  bool required, variable;
} members[MEMBERS] = {
    [FLAGS] = {"head/flags", 1, true, false},
    [SAMPLES] = {"head/number_of_samples", 1, true, false},
    [COILS] = {"head/active_channels", 1, true, false},
    [DISCARD_BEFORE] = {"head/discard_pre", 1, false, false},
    [DISCARD_AFTER] = {"head/discard_post", 1, false, false},
    [CENTER] = {"head/center_sample", 1, false, false},
    [ENCODING] = {"head/encoding_space_ref", 1, false, false},
    [TRAJECTORY_AXES] = {"head/trajectory_dimensions", 1, false, false},
    [SAMPLE_TIME] = {"head/sample_time_us", 1, false, false},
    [POSITION] = {"head/position", 3, false, false},
    [READ_AXIS] = {"head/read_dir", 3, false, false},
    [PHASE_AXIS] = {"head/phase_dir", 3, false, false},
    [SLICE_AXIS] = {"head/slice_dir", 3, false, false},
    [COUNTER + KVOX_MRI_STEP_1] = {"head/idx/kspace_encode_step_1", 1, true, false},
    [COUNTER + KVOX_MRI_STEP_2] = {"head/idx/kspace_encode_step_2", 1, false, false},
    [COUNTER + KVOX_MRI_AVERAGE] = {"head/idx/average", 1, false, false},
    [COUNTER + KVOX_MRI_SLICE] = {"head/idx/slice", 1, false, false},
    [COUNTER + KVOX_MRI_CONTRAST] = {"head/idx/contrast", 1, false, false},
    [COUNTER + KVOX_MRI_PHASE] = {"head/idx/phase", 1, false, false},
    [COUNTER + KVOX_MRI_REPETITION] = {"head/idx/repetition", 1, false, false},
    [COUNTER + KVOX_MRI_SET] = {"head/idx/set", 1, false, false},
    [COUNTER + KVOX_MRI_SEGMENT] = {"head/idx/segment", 1, false, false},
    [TRAJECTORY] = {"traj", 1, false, true},
    [DATA] = {"data", 1, true, true},
};

/* Floats of the readout that was read last. */
typedef struct floats {
  float *at;
  uint64_t room; /* bytes */
} floats;

typedef struct ismrmrd {
  kvox_io_h5 h5;
  kvox_io_h5_dataset data;
  kvox_io_h5_rows rows;
  kvox_io_h5_heap heap;
  kvox_io_h5_member member[MEMBERS];
  floats samples, trajectory;
} ismrmrd;

/* ---- Opening ---- */

static kvox_status open_dataset(kvox_io_h5 *h5, const char *name, kvox_io_h5_dataset *d) {
  uint64_t header = 0;
  bool found = false;
  *d = (kvox_io_h5_dataset){.name = name};
  KVOX_TRY(kvox_io_h5_find(h5, name, &header, &found));
  return found ? kvox_io_h5_dataset_open(h5, name, header, d)
               : kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "it is no ISMRMRD file: %s is missing", name);
}

/* Where the text lies, one element of variable or fixed length. */
static kvox_status find_text(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, uint64_t *address, uint64_t *bytes) {
  unsigned char reference[KVOX_IO_H5_REFERENCE_BYTES];
  kvox_io_h5_heap heap = {0};
  if (!d->type.text || d->bytes != sizeof reference) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s must be one text", d->name);
  }
  KVOX_TRY(kvox_io_h5_read(h5, d, reference));
  const uint64_t length = kvox_io_h5_number(reference, 4);
  KVOX_TRY(kvox_io_h5_heap_find(h5, &heap, kvox_io_h5_number(reference + 4, 8), kvox_io_h5_number(reference + 12, 4),
                                address, bytes));
  *bytes = length < *bytes ? length : *bytes;
  return KVOX_OK;
}

static kvox_status read_text(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, char **text, int64_t *length) {
  const bool fixed = d->type.class == KVOX_IO_H5_TEXT && d->bytes == d->type.size;
  uint64_t address = 0, bytes = (uint64_t)d->bytes;
  if (!fixed) {
    KVOX_TRY(find_text(h5, d, &address, &bytes));
  }
  if (bytes > MOST_XML_BYTES) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "%s has %" PRIu64 " bytes, at most %d are read", d->name,
                             bytes, MOST_XML_BYTES);
  }
  *text = kvox_extend_allocate(h5->file->context, bytes + 1);
  if (*text == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(fixed ? kvox_io_h5_read(h5, d, *text) : kvox_io_h5_get(h5, address, *text, bytes));
  (*text)[bytes] = '\0';
  *length = (int64_t)strlen(*text);
  return KVOX_OK;
}

static kvox_status read_header(kvox_io_h5 *h5, kvox_mri_protocol *protocol) {
  kvox_io_h5_dataset d;
  char *text = NULL;
  int64_t length = 0;
  kvox_status status = open_dataset(h5, "dataset/xml", &d);
  if (status == KVOX_OK) {
    status = read_text(h5, &d, &text, &length);
  }
  if (status == KVOX_OK) {
    status = kvox_io_ismrmrd_parse(h5->file, text, length, protocol);
  }
  kvox_extend_release(h5->file->context, text);
  kvox_io_h5_dataset_close(h5, &d);
  return status;
}

static kvox_status find_members(ismrmrd *s) {
  for (int m = 0; m < MEMBERS; m++) {
    kvox_io_h5_member *found = &s->member[m];
    KVOX_TRY(kvox_io_h5_find_member(&s->h5, &s->data, members[m].path, found));
    if (!found->found) {
      if (members[m].required) {
        return kvox_io_file_fail(s->h5.file, KVOX_ERROR_FORMAT, "it is no ISMRMRD file: dataset/data has no %s",
                                 members[m].path);
      }
      continue;
    }
    const bool wrong = members[m].variable ? found->type.class != KVOX_IO_H5_FLOAT || found->type.size != sizeof(float)
                                           : m == FLAGS && found->type.class != KVOX_IO_H5_INTEGER;
    if (wrong || !kvox_io_h5_is_number(&found->type) || found->nested || found->variable != members[m].variable ||
        found->count != members[m].count) {
      return kvox_io_file_fail(s->h5.file, KVOX_ERROR_UNSUPPORTED, "%s in dataset/data is of a type that is not read",
                               members[m].path);
    }
  }
  return KVOX_OK;
}

static kvox_status open_file(kvox_io_mri *mri) {
  ismrmrd *s = kvox_extend_allocate(mri->context, sizeof *s);
  if (s == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *s = (ismrmrd){.h5 = {.file = &mri->file}};
  mri->state = s;
  KVOX_TRY(kvox_io_h5_open(&s->h5, &mri->file));
  KVOX_TRY(read_header(&s->h5, &mri->protocol));
  KVOX_TRY(open_dataset(&s->h5, "dataset/data", &s->data));
  KVOX_TRY(find_members(s));
  KVOX_TRY(kvox_io_h5_rows_open(&s->h5, &s->data, &s->rows));
  mri->readouts = s->rows.count;
  return KVOX_OK;
}

static void close_file(kvox_io_mri *mri) {
  ismrmrd *s = mri->state;
  if (s == NULL) {
    return;
  }
  kvox_extend_release(mri->context, s->samples.at);
  kvox_extend_release(mri->context, s->trajectory.at);
  kvox_io_h5_rows_close(&s->h5, &s->rows);
  kvox_io_h5_dataset_close(&s->h5, &s->data);
  kvox_extend_release(mri->context, s);
  mri->state = NULL;
}

/* ---- Reading ---- */

/* ISMRMRD numbers its flags from 1 (ismrmrd.h, ISMRMRD_AcquisitionFlags). */
static uint32_t use_of(uint64_t flags) {
  static const struct {
    int number;
    uint32_t use;
  } uses[] = {{19, KVOX_MRI_NOISE},     {20, KVOX_MRI_CALIBRATION}, {21, KVOX_MRI_CALIBRATION_AND_IMAGE},
              {22, KVOX_MRI_REVERSE},   {23, KVOX_MRI_OTHER_USE},   {24, KVOX_MRI_PHASE_CORRECTION},
              {26, KVOX_MRI_OTHER_USE},  /* feedback (HP) */
              {27, KVOX_MRI_OTHER_USE},  /* dummy scan */
              {28, KVOX_MRI_OTHER_USE},  /* feedback (RT) */
              {29, KVOX_MRI_OTHER_USE},  /* correction of the surface coils */
              {30, KVOX_MRI_OTHER_USE},  /* reference of phase stabilization */
              {31, KVOX_MRI_OTHER_USE}}; /* phase stabilization */
  uint32_t use = 0;
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
    use |= (flags >> (uses[i].number - 1) & 1) != 0 ? uses[i].use : 0;
  }
  return use;
}

/* A whole number that is not negative; 0 for a member that is not there. */
static kvox_status get_count(const ismrmrd *s, int64_t index, const unsigned char *element, int m, int32_t *count) {
  const kvox_io_h5_member *at = &s->member[m];
  const double value = at->found ? kvox_io_h5_to_double(&at->type, element + at->offset) : 0;
  if (!(value >= 0 && value <= INT32_MAX)) {
    return kvox_io_file_fail(s->h5.file, KVOX_ERROR_FORMAT, "readout %" PRId64 ": %s is negative or too large", index,
                             members[m].path);
  }
  *count = (int32_t)value;
  return KVOX_OK;
}

static kvox_status get_numbers(const ismrmrd *s, int64_t index, const unsigned char *element, int m, double *numbers) {
  const kvox_io_h5_member *at = &s->member[m];
  for (int64_t i = 0; i < at->count && at->found; i++) {
    numbers[i] = kvox_io_h5_to_double(&at->type, element + at->offset + i * at->type.size);
    if (!isfinite(numbers[i])) {
      return kvox_io_file_fail(s->h5.file, KVOX_ERROR_DATA, "readout %" PRId64 ": %s is not finite", index,
                               members[m].path);
    }
  }
  return KVOX_OK;
}

/* Floats of a file are unit vectors to their rounding; all zero where the writer did not know. */
static kvox_status get_axis(const ismrmrd *s, int64_t index, const unsigned char *element, int m, double *axis) {
  KVOX_TRY(get_numbers(s, index, element, m, axis));
  const double length = sqrt(axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2]);
  if (length > 0 && !(fabs(length - 1) <= 0.01)) {
    return kvox_io_file_fail(s->h5.file, KVOX_ERROR_DATA, "readout %" PRId64 ": %s is no unit vector", index,
                             members[m].path);
  }
  for (int i = 0; i < 3 && length > 0; i++) {
    axis[i] /= length;
  }
  return KVOX_OK;
}

static kvox_status get_head(const ismrmrd *s, int64_t index, const unsigned char *element, kvox_mri_readout *r) {
  const kvox_io_h5_member *flags = &s->member[FLAGS];
  r->flags = use_of(kvox_io_h5_to_integer(&flags->type, element + flags->offset));
  KVOX_TRY(get_count(s, index, element, SAMPLES, &r->samples));
  KVOX_TRY(get_count(s, index, element, COILS, &r->coils));
  KVOX_TRY(get_count(s, index, element, DISCARD_BEFORE, &r->discard_before));
  KVOX_TRY(get_count(s, index, element, DISCARD_AFTER, &r->discard_after));
  KVOX_TRY(get_count(s, index, element, CENTER, &r->center_sample));
  KVOX_TRY(get_count(s, index, element, ENCODING, &r->encoding));
  KVOX_TRY(get_count(s, index, element, TRAJECTORY_AXES, &r->trajectory_axes));
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    KVOX_TRY(get_count(s, index, element, COUNTER + c, &r->counters[c]));
  }
  KVOX_TRY(get_numbers(s, index, element, SAMPLE_TIME, &r->sample_time_us));
  KVOX_TRY(get_numbers(s, index, element, POSITION, r->position_mm));
  KVOX_TRY(get_axis(s, index, element, READ_AXIS, r->read_axis));
  KVOX_TRY(get_axis(s, index, element, PHASE_AXIS, r->phase_axis));
  return get_axis(s, index, element, SLICE_AXIS, r->slice_axis);
}

/* So much room; what was there need not stay. */
static kvox_status make_room(kvox_context *context, floats *list, uint64_t bytes) {
  if (list->at != NULL && bytes <= list->room) {
    return KVOX_OK;
  }
  kvox_extend_release(context, list->at);
  list->at = kvox_extend_allocate(context, bytes);
  list->room = list->at != NULL ? bytes : 0;
  return list->at != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
}

/* A list of exactly a * b * c floats. Where it lies is judged before there is memory for it. */
static kvox_status get_floats(ismrmrd *s, int64_t index, const unsigned char *element, int m, const int32_t sides[3],
                              floats *list) {
  const kvox_io_h5_member *at = &s->member[m];
  const unsigned char *reference = element + at->offset;
  const uint64_t given = at->found ? kvox_io_h5_number(reference, 4) : 0;
  int64_t count = 0;
  uint64_t address = 0, stored = 0;
  if (__builtin_mul_overflow((int64_t)sides[0] * sides[1], (int64_t)sides[2], &count) || (uint64_t)count != given) {
    return kvox_io_file_fail(s->h5.file, KVOX_ERROR_FORMAT,
                             "readout %" PRId64 ": its head says %" PRId32 " x %" PRId32 " x %" PRId32
                             " floats in \"%s\", it has %" PRIu64,
                             index, sides[0], sides[1], sides[2], members[m].path, given);
  }
  const uint64_t bytes = given * sizeof(float);
  if (given > 0) {
    KVOX_TRY(kvox_io_h5_heap_find(&s->h5, &s->heap, kvox_io_h5_number(reference + 4, 8),
                                  kvox_io_h5_number(reference + 12, 4), &address, &stored));
  }
  if (bytes > stored) {
    return kvox_io_file_fail(s->h5.file, KVOX_ERROR_FORMAT,
                             "readout %" PRId64 ": \"%s\" must have %" PRIu64 " bytes, it has %" PRIu64, index,
                             members[m].path, bytes, stored);
  }
  KVOX_TRY(make_room(s->h5.file->context, list, bytes));
  KVOX_TRY(kvox_io_h5_get(&s->h5, address, list->at, bytes));
  if (at->type.big_endian != kvox_io_big_endian()) {
    kvox_io_swap_bytes(list->at, sizeof(float), (int64_t)bytes);
  }
  return KVOX_OK;
}

static kvox_status read_readout(kvox_io_mri *mri, int64_t index, kvox_mri_readout *readout) {
  ismrmrd *s = mri->state;
  const unsigned char *element = NULL;
  KVOX_TRY(kvox_io_h5_rows_get(&s->h5, &s->rows, index, &element));
  KVOX_TRY(get_head(s, index, element, readout));
  const int32_t sides[3] = {readout->coils, readout->samples, 2};
  KVOX_TRY(get_floats(s, index, element, DATA, sides, &s->samples));
  readout->data = s->samples.at;
  if (readout->trajectory_axes > 0) {
    const int32_t points[3] = {readout->samples, readout->trajectory_axes, 1};
    KVOX_TRY(get_floats(s, index, element, TRAJECTORY, points, &s->trajectory));
    readout->trajectory = s->trajectory.at;
  }
  return KVOX_OK;
}

const kvox_io_mri_format kvox_io_ismrmrd_format = {
    .extensions = {".h5", ".hdf5", ".mrd"},
    .open = open_file,
    .read = read_readout,
    .close = close_file,
};

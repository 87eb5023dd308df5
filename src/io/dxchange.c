/*
 * DXchange HDF5 (De Carlo et al., Scientific data exchange, J. Synchrotron Rad. 21, 2014): exchange/data,
 * exchange/data_white, exchange/data_dark, exchange/theta.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/hdf5.h"

static const double deg_per_rad = 57.295779513082320877;

/* A dataset that is open, with what its header says. */
typedef struct dataset {
  const kvox_io_file *file;
  const char *name; /* "exchange/data" */
  hid_t id, type, space, plist;
  kvox_type memory_type; /* what its samples become */
  int rank;
  int64_t shape[KVOX_MAX_RANK];
} dataset;

static kvox_status hdf5_failure(const kvox_io_file *file, const char *what) {
  char reason[192];
  kvox_io_hdf5_reason(reason, sizeof reason);
  return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "%s; %s", what, reason);
}

/* A file that is read must not reach others: a link that leaves it fails. */
static herr_t refuse_link(const char *parent_file, const char *parent_group, const char *child_file,
                          const char *child_object, unsigned *flags, hid_t fapl, void *user) {
  (void)parent_file, (void)parent_group, (void)child_file, (void)child_object, (void)flags, (void)fapl, (void)user;
  return -1;
}

static void close_dataset(dataset *d) {
  if (d->plist >= 0) {
    H5Pclose(d->plist);
  }
  if (d->space >= 0) {
    H5Sclose(d->space);
  }
  if (d->type >= 0) {
    H5Tclose(d->type);
  }
  if (d->id >= 0) {
    H5Dclose(d->id);
  }
}

static kvox_status choose_type(dataset *d) {
  const H5T_class_t class = H5Tget_class(d->type);
  const size_t size = H5Tget_size(d->type);
  const bool is_signed = class == H5T_INTEGER && H5Tget_sign(d->type) == H5T_SGN_2;
  if (class == H5T_INTEGER && size >= 1 && size <= 4) {
    const kvox_type types[2][3] = {{KVOX_U8, KVOX_U16, KVOX_U32}, {KVOX_I8, KVOX_I16, KVOX_I32}};
    d->memory_type = types[is_signed][size == 1 ? 0 : size == 2 ? 1 : 2];
    return KVOX_OK;
  }
  if (class == H5T_FLOAT && (size == 2 || size == 4 || size == 8)) {
    d->memory_type = size == 8 ? KVOX_F64 : KVOX_F32;
    const hid_t half = size == 2 ? kvox_io_hdf5_type(KVOX_F16) : -1;
    if (half >= 0) {
      /* Of either byte order; other floats of 16 bits fit 32. */
      H5Tset_order(half, H5Tget_order(d->type));
      d->memory_type = H5Tequal(half, d->type) > 0 ? KVOX_F16 : KVOX_F32;
      H5Tclose(half);
    }
    return KVOX_OK;
  }
  return kvox_io_file_fail(
      d->file, KVOX_ERROR_UNSUPPORTED,
      "%s has elements of a type that is not read (HDF5 class %d, %zu bytes); integers of up to 32 "
      "bits and floats of 16, 32 and 64 are",
      d->name, (int)class, size);
}

/* Compression by a plugin that this machine lacks deserves its name. */
static kvox_status check_filters(const dataset *d) {
  for (int i = 0; i < H5Pget_nfilters(d->plist); i++) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    char name[64] = "";
    const H5Z_filter_t filter =
        H5Pget_filter2(d->plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
    if (filter >= 0 && H5Zfilter_avail(filter) <= 0) {
      return kvox_io_file_fail(d->file, KVOX_ERROR_UNSUPPORTED,
                               "%s needs the HDF5 filter %d (%.40s), which is not installed; write it with gzip",
                               d->name, (int)filter, name);
    }
  }
  return KVOX_OK;
}

/* Bytes of one chunk, and whether every chunk that the shape needs is in the file. */
static kvox_status check_chunks(const dataset *d, int64_t *chunk_bytes) {
  hsize_t shape[KVOX_MAX_RANK] = {0}, present = 0;
  if (H5Pget_chunk(d->plist, d->rank, shape) != d->rank || H5Dget_num_chunks(d->id, d->space, &present) < 0) {
    return hdf5_failure(d->file, "its chunks cannot be examined");
  }
  int64_t bytes = (int64_t)H5Tget_size(d->type), needed = 1;
  for (int i = 0; i < d->rank; i++) {
    const int64_t side = shape[i] < INT64_MAX ? (int64_t)shape[i] : INT64_MAX;
    if (side < 1 || __builtin_mul_overflow(bytes, side, &bytes) ||
        __builtin_mul_overflow(needed, (d->shape[i] - 1) / side + 1, &needed)) {
      return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT, "%s has chunks of no possible size", d->name);
    }
  }
  if (present < (hsize_t)needed) {
    return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT,
                             "%s was never completely written: it has %" PRIu64 " of %" PRId64 " chunks", d->name,
                             (uint64_t)present, needed);
  }
  *chunk_bytes = bytes;
  return KVOX_OK;
}

/* What is promised must fit the bytes that the file truly has, or what those could inflate to. */
static kvox_status check_storage(const dataset *d, int64_t bytes) {
  const H5D_layout_t layout = H5Pget_layout(d->plist);
  int64_t chunk_bytes = 0;
  if (layout == H5D_VIRTUAL || H5Pget_external_count(d->plist) > 0) {
    return kvox_io_file_fail(d->file, KVOX_ERROR_UNSUPPORTED,
                             "%s lies in other files (virtual or external storage); write it into this one", d->name);
  }
  if (layout == H5D_CHUNKED) {
    KVOX_TRY(check_filters(d));
    KVOX_TRY(check_chunks(d, &chunk_bytes));
  }
  const hsize_t claimed = H5Dget_storage_size(d->id);
  const int64_t stored = claimed < (hsize_t)d->file->size ? (int64_t)claimed : d->file->size;
  const int64_t most = layout == H5D_CHUNKED && H5Pget_nfilters(d->plist) > 0 ? KVOX_IO_DEFLATE_MOST : 1;
  if (bytes / most > stored || chunk_bytes / most > stored) {
    return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT,
                             "%s promises %" PRId64 " bytes of samples, the %" PRId64
                             " bytes that are stored cannot hold them",
                             d->name, bytes, stored);
  }
  return KVOX_OK;
}

static kvox_status describe(dataset *d) {
  if (d->type < 0 || d->space < 0 || d->plist < 0) {
    return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT, "%s cannot be examined", d->name);
  }
  KVOX_TRY(choose_type(d));
  d->rank = H5Sget_simple_extent_ndims(d->space);
  if (H5Sget_simple_extent_type(d->space) != H5S_SIMPLE || d->rank < 1 || d->rank > KVOX_MAX_RANK) {
    return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT, "%s is no array of 1 to %d dimensions", d->name,
                             KVOX_MAX_RANK);
  }
  hsize_t shape[KVOX_MAX_RANK] = {0};
  if (H5Sget_simple_extent_dims(d->space, shape, NULL) != d->rank) {
    return hdf5_failure(d->file, "its dimensions cannot be read");
  }
  int64_t bytes = (int64_t)H5Tget_size(d->type);
  for (int i = 0; i < d->rank; i++) {
    if (shape[i] < 1 || shape[i] > INT64_MAX || __builtin_mul_overflow(bytes, (int64_t)shape[i], &bytes)) {
      return kvox_io_file_fail(d->file, KVOX_ERROR_FORMAT, "dimension %d of %s is %" PRIu64 ", %s", i, d->name,
                               (uint64_t)shape[i], shape[i] < 1 ? "must be at least 1" : "more than any file can hold");
    }
    d->shape[i] = (int64_t)shape[i];
  }
  return check_storage(d, bytes);
}

/* *found is false where there is no such dataset. Close it in either case, also after a failure. */
static kvox_status open_dataset(const kvox_io_file *file, hid_t hdf5, const char *name, dataset *d, bool *found) {
  *d = (dataset){.file = file, .name = name, .id = -1, .type = -1, .space = -1, .plist = -1};
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  if (access < 0 || H5Pset_elink_cb(access, refuse_link, NULL) < 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_INTERNAL, "HDF5 refuses a property list");
  }
  *found = H5Lexists(hdf5, "exchange", access) > 0 && H5Lexists(hdf5, name, access) > 0;
  if (*found) {
    d->id = H5Dopen2(hdf5, name, access);
  }
  kvox_status status = KVOX_OK;
  if (*found && d->id < 0) {
    char what[96];
    snprintf(what, sizeof what, "%s cannot be opened (links to other files are not followed)", name);
    status = hdf5_failure(file, what);
  }
  H5Pclose(access);
  if (d->id < 0) {
    return status;
  }
  d->type = H5Dget_type(d->id);
  d->space = H5Dget_space(d->id);
  d->plist = H5Dget_create_plist(d->id);
  return describe(d);
}

/* The samples as `type` in memory of their own. */
static kvox_status read_samples(const dataset *d, kvox_type type, void **memory) {
  uint64_t bytes = kvox_type_size(type);
  for (int i = 0; i < d->rank; i++) {
    bytes *= (uint64_t)d->shape[i];
  }
  void *samples = kvox_extend_allocate(d->file->context, bytes);
  if (samples == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const hid_t memory_type = kvox_io_hdf5_type(type);
  if (memory_type < 0 || H5Dread(d->id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, samples) < 0) {
    char what[64];
    snprintf(what, sizeof what, "%s cannot be read", d->name);
    const kvox_status status = hdf5_failure(d->file, what);
    if (memory_type >= 0) {
      H5Tclose(memory_type);
    }
    kvox_extend_release(d->file->context, samples);
    return status;
  }
  H5Tclose(memory_type);
  *memory = samples;
  return KVOX_OK;
}

/* A dataset as an array of rank 3; one of rank 2 gets a size of 1 at `missing`. */
static kvox_status read_frames(const kvox_io_file *file, hid_t hdf5, const char *name, int missing, kvox_array *array,
                               void **memory) {
  dataset d;
  bool found = false;
  kvox_status status = open_dataset(file, hdf5, name, &d, &found);
  if (status != KVOX_OK || !found) {
    goto cleanup;
  }
  if (d.rank != 2 && d.rank != 3) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "%s has %d dimensions, must have 3 (or 2)", name, d.rank);
    goto cleanup;
  }
  int64_t shape[3] = {1, 1, 1};
  for (int from = 0, to = 0; to < 3; to++) {
    if (d.rank == 3 || to != missing) {
      shape[to] = d.shape[from++];
    }
  }
  KVOX_TRY_CLEANUP(read_samples(&d, d.memory_type, memory));
  status = kvox_array_init(array, *memory, d.memory_type, 3, shape);
cleanup:
  close_dataset(&d);
  return status;
}

static kvox_status check_frames(const kvox_io_file *file, const char *name, const kvox_array *frames,
                                const kvox_array *projections) {
  if (frames->data == NULL ||
      (frames->shape[1] == projections->shape[1] && frames->shape[2] == projections->shape[2])) {
    return KVOX_OK;
  }
  return kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                           "%s has %" PRId64 " rows and %" PRId64 " columns, exchange/data has %" PRId64
                           " and %" PRId64,
                           name, frames->shape[1], frames->shape[2], projections->shape[1], projections->shape[2]);
}

/* Copies the text of the attribute `units`; empty where there is none that can be read. */
static void read_units(const dataset *d, char *text, size_t size) {
  text[0] = '\0';
  const hid_t attribute = H5Aexists(d->id, "units") > 0 ? H5Aopen(d->id, "units", H5P_DEFAULT) : -1;
  const hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1;
  const hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
  const bool one = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
  if (one && type >= 0 && H5Tget_class(type) == H5T_STRING) {
    char *variable = NULL;
    if (H5Tis_variable_str(type) > 0) {
      if (H5Aread(attribute, type, &variable) >= 0 && variable != NULL) {
        snprintf(text, size, "%s", variable);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, &variable);
      }
    } else if (H5Tget_size(type) < size && H5Aread(attribute, type, text) >= 0) {
      text[H5Tget_size(type)] = '\0';
    }
  }
  if (space >= 0) {
    H5Sclose(space);
  }
  if (type >= 0) {
    H5Tclose(type);
  }
  if (attribute >= 0) {
    H5Aclose(attribute);
  }
}

/* Degrees, unless the units begin with "rad". */
static bool is_radian(const char *units) {
  static const char rad[] = "rad";
  for (int i = 0; i < 3; i++) {
    const char c = units[i] >= 'A' && units[i] <= 'Z' ? (char)(units[i] - 'A' + 'a') : units[i];
    if (c != rad[i]) {
      return false;
    }
  }
  return true;
}

static kvox_status read_angles(const kvox_io_file *file, hid_t hdf5, int64_t views, double **angles_deg) {
  dataset d;
  bool found = false;
  void *memory = NULL;
  char units[64];
  kvox_status status = open_dataset(file, hdf5, "exchange/theta", &d, &found);
  if (status != KVOX_OK || !found) {
    goto cleanup;
  }
  if (d.rank != 1 || d.shape[0] != views) {
    status = kvox_io_file_fail(file, KVOX_ERROR_FORMAT,
                               "exchange/theta has %" PRId64 " angles%s, exchange/data has %" PRId64 " views",
                               d.shape[0], d.rank == 1 ? "" : " a column", views);
    goto cleanup;
  }
  KVOX_TRY_CLEANUP(read_samples(&d, KVOX_F64, &memory));
  read_units(&d, units, sizeof units);
  double *angles = memory;
  for (int64_t view = 0; view < views; view++) {
    angles[view] *= is_radian(units) ? deg_per_rad : 1;
    if (!isfinite(angles[view])) {
      status = kvox_io_file_fail(file, KVOX_ERROR_DATA, "the angle of view %" PRId64 " in exchange/theta is not finite",
                                 view);
      kvox_extend_release(file->context, memory);
      goto cleanup;
    }
  }
  *angles_deg = angles;
cleanup:
  close_dataset(&d);
  return status;
}

static kvox_status read_all(const kvox_io_file *file, hid_t hdf5, kvox_io_scan *scan) {
  kvox_array *projections = &scan->projections;
  KVOX_TRY(read_frames(file, hdf5, "exchange/data", 1, projections, &scan->memory[0]));
  if (projections->data == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no DXchange file: exchange/data is missing");
  }
  KVOX_TRY(read_frames(file, hdf5, "exchange/data_white", 0, &scan->flat, &scan->memory[1]));
  KVOX_TRY(check_frames(file, "exchange/data_white", &scan->flat, projections));
  KVOX_TRY(read_frames(file, hdf5, "exchange/data_dark", 0, &scan->dark, &scan->memory[2]));
  KVOX_TRY(check_frames(file, "exchange/data_dark", &scan->dark, projections));
  return read_angles(file, hdf5, projections->shape[0], &scan->angles_deg);
}

static kvox_status read_scan(kvox_io_file *file, kvox_io_scan *scan) {
  kvox_io_hdf5_guest guest;
  kvox_io_hdf5_target target = {.file = file};
  KVOX_TRY(kvox_io_hdf5_begin(&guest));
  const hid_t hdf5 = kvox_io_hdf5_open(&target);
  kvox_status status = hdf5 >= 0 ? read_all(file, hdf5, scan) : KVOX_ERROR_FORMAT;
  kvox_io_hdf5_close(&target, hdf5);
  kvox_io_hdf5_end(&guest);
  if (target.status == KVOX_ERROR_MEMORY) {
    return target.status;
  }
  if (target.status != KVOX_OK) {
    return kvox_io_file_fail(file, target.status, "the bytes of the file cannot be read");
  }
  if (hdf5 < 0) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no HDF5 file, or is truncated; %s", target.reason);
  }
  return status;
}

const kvox_io_format kvox_io_dxchange_format = {
    .extensions = {".h5", ".hdf5"},
    .reads = KVOX_IO_SCAN,
    .read_scan = read_scan,
    .write_scan = kvox_io_dxchange_write,
};

/* Writing DXchange HDF5: contiguous datasets, without times, so that equal scans are equal files. */
#include <string.h>

#include "io/hdf5.h"

typedef struct writer {
  kvox_context *context;
  hid_t file, type, space, plist, set;
} writer;

static void close_set(writer *w) {
  if (w->set >= 0) {
    H5Dclose(w->set);
  }
  if (w->plist >= 0) {
    H5Pclose(w->plist);
  }
  if (w->space >= 0) {
    H5Sclose(w->space);
  }
  if (w->type >= 0) {
    H5Tclose(w->type);
  }
  w->set = w->plist = w->space = w->type = -1;
}

/* Takes over `type`, which may be negative. */
static bool create_set(writer *w, const char *name, hid_t type, int rank, const int64_t *shape) {
  hsize_t dims[KVOX_MAX_RANK] = {0};
  for (int i = 0; i < rank; i++) {
    dims[i] = (hsize_t)shape[i];
  }
  w->type = type;
  w->space = rank > 0 ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
  w->plist = H5Pcreate(H5P_DATASET_CREATE);
  if (w->type < 0 || w->space < 0 || w->plist < 0 || H5Pset_obj_track_times(w->plist, 0) < 0) {
    return false;
  }
  w->set = H5Dcreate2(w->file, name, w->type, w->space, H5P_DEFAULT, w->plist, H5P_DEFAULT);
  return w->set >= 0;
}

static hid_t text_type(const char *text) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0) {
    H5Tset_size(type, strlen(text));
  }
  return type;
}

static bool write_text(writer *w, const char *name, const char *text) {
  const bool written = create_set(w, name, text_type(text), 0, NULL) &&
                       H5Dwrite(w->set, w->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0;
  close_set(w);
  return written;
}

static bool write_units(const writer *w, const char *text) {
  const hid_t type = text_type(text), space = H5Screate(H5S_SCALAR);
  const hid_t attribute =
      type >= 0 && space >= 0 ? H5Acreate2(w->set, "units", type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
  const bool written = attribute >= 0 && H5Awrite(attribute, type, text) >= 0;
  if (attribute >= 0) {
    H5Aclose(attribute);
  }
  if (space >= 0) {
    H5Sclose(space);
  }
  if (type >= 0) {
    H5Tclose(type);
  }
  return written;
}

static bool is_dense(const kvox_array *array) {
  kvox_array dense;
  return kvox_array_init(&dense, array->data, array->type, array->rank, array->shape) == KVOX_OK &&
         memcmp(dense.strides, array->strides, sizeof dense.strides) == 0;
}

/* Where kvox_io_blocks puts one frame's samples together. */
static kvox_status append(void *user, const void *bytes, size_t count) {
  char **to = user;
  memcpy(*to, bytes, count);
  *to += count;
  return KVOX_OK;
}

/* Frame by frame through memory for one. `array` is [frame, row, column]. */
static bool write_gathered(writer *w, const kvox_array *array, char *frame) {
  const hsize_t size[3] = {1, (hsize_t)array->shape[1], (hsize_t)array->shape[2]};
  const hid_t space = H5Screate_simple(3, size, NULL);
  bool written = space >= 0;
  for (int64_t f = 0; f < array->shape[0] && written; f++) {
    kvox_array one = *array;
    char *end = frame;
    one.data = (char *)array->data + f * array->strides[0];
    one.shape[0] = 1;
    kvox_io_blocks(&one, append, &end);
    const hsize_t begin[3] = {(hsize_t)f, 0, 0};
    written = H5Sselect_hyperslab(w->space, H5S_SELECT_SET, begin, NULL, size, NULL) >= 0 &&
              H5Dwrite(w->set, w->type, space, w->space, H5P_DEFAULT, frame) >= 0;
  }
  if (space >= 0) {
    H5Sclose(space);
  }
  return written;
}

/* False where HDF5 or memory failed; in the latter case *status says so. */
static bool write_frames(writer *w, const char *name, const kvox_array *given, kvox_status *status) {
  kvox_array array = *given;
  if (array.data == NULL) {
    return true;
  }
  if (array.rank == 2) {
    array = (kvox_array){.data = given->data,
                         .type = given->type,
                         .rank = 3,
                         .shape = {1, given->shape[0], given->shape[1]},
                         .strides = {given->strides[0] * given->shape[0], given->strides[0], given->strides[1]}};
  }
  bool written = create_set(w, name, kvox_io_hdf5_type(array.type), 3, array.shape);
  if (written && is_dense(&array)) {
    written = H5Dwrite(w->set, w->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.data) >= 0;
  } else if (written) {
    char *frame =
        kvox_extend_allocate(w->context, (uint64_t)(array.shape[1] * array.shape[2]) * kvox_type_size(array.type));
    *status = frame == NULL ? KVOX_ERROR_MEMORY : KVOX_OK;
    written = frame != NULL && write_gathered(w, &array, frame);
    kvox_extend_release(w->context, frame);
  }
  close_set(w);
  return written;
}

static bool write_angles(writer *w, const double *angles_deg, int64_t views) {
  if (angles_deg == NULL) {
    return true;
  }
  const bool written = create_set(w, "exchange/theta", H5Tcopy(H5T_NATIVE_DOUBLE), 1, &views) &&
                       H5Dwrite(w->set, w->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, angles_deg) >= 0 &&
                       write_units(w, "degrees");
  close_set(w);
  return written;
}

static bool write_all(writer *w, const kvox_io_scan *scan, kvox_status *status) {
  const hid_t group = H5Gcreate2(w->file, "exchange", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0) {
    return false;
  }
  H5Gclose(group);
  return write_text(w, "implements", "exchange") && write_frames(w, "exchange/data", &scan->projections, status) &&
         write_frames(w, "exchange/data_white", &scan->flat, status) &&
         write_frames(w, "exchange/data_dark", &scan->dark, status) &&
         write_angles(w, scan->angles_deg, scan->projections.shape[0]);
}

static kvox_status write_file(kvox_io_output *output, const kvox_io_scan *scan) {
  char reason[192] = "";
  kvox_status status = KVOX_OK;
  kvox_io_hdf5_target target = {.output = output};
  writer w = {.context = output->context, .type = -1, .space = -1, .plist = -1, .set = -1};
  w.file = kvox_io_hdf5_create(&target);
  const bool written = w.file >= 0 && write_all(&w, scan, &status);
  if (!written) {
    kvox_io_hdf5_reason(reason, sizeof reason);
  }
  kvox_io_hdf5_close(&target, w.file);
  if (status != KVOX_OK || written) {
    return status;
  }
  return kvox_io_output_fail(output, KVOX_ERROR_INTERNAL, "HDF5 fails; %s", reason);
}

kvox_status kvox_io_dxchange_write(kvox_context *context, const char *path, const kvox_io_scan *scan) {
  kvox_io_output output = {0};
  kvox_io_hdf5_guest guest;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &output));
  KVOX_TRY_CLEANUP(kvox_io_hdf5_begin(&guest));
  status = write_file(&output, scan);
  kvox_io_hdf5_end(&guest);
  KVOX_TRY_CLEANUP(status);
  status = kvox_io_output_commit(&output);
cleanup:
  kvox_io_output_end(&output);
  return status;
}

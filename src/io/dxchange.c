/*
 * DXchange HDF5 (De Carlo et al., Scientific data exchange, J. Synchrotron Rad. 21, 2014): exchange/data,
 * exchange/data_white, exchange/data_dark, exchange/theta.
 */
#include <inttypes.h>
#include <math.h>

#include "io/h5.h"

static const double deg_per_rad = 57.295779513082320877;

/* The dataset of that name, closed by the caller in either case; *found is false where there is none. */
static kvox_status open_dataset(kvox_io_h5 *h5, const char *name, kvox_io_h5_dataset *d, uint64_t *header,
                                bool *found) {
  *d = (kvox_io_h5_dataset){.name = name};
  KVOX_TRY(kvox_io_h5_find(h5, name, header, found));
  return *found ? kvox_io_h5_dataset_open(h5, name, *header, d) : KVOX_OK;
}

/* A dataset as an array of rank 3; one of rank 2 gets a size of 1 at `missing`. */
static kvox_status read_frames(kvox_io_h5 *h5, const char *name, int missing, kvox_array *array, void **memory) {
  kvox_io_h5_dataset d;
  uint64_t header = 0;
  bool found = false;
  kvox_type type = 0;
  int64_t shape[3] = {1, 1, 1};
  kvox_status status = open_dataset(h5, name, &d, &header, &found);
  if (status != KVOX_OK || !found) {
    goto cleanup;
  }
  if (d.rank != 2 && d.rank != 3) {
    status = kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "%s has %d dimensions, must have 3 (or 2)", name, d.rank);
    goto cleanup;
  }
  for (int from = 0, to = 0; to < 3; to++) {
    if (d.rank == 3 || to != missing) {
      shape[to] = d.shape[from++];
    }
  }
  KVOX_TRY_CLEANUP(kvox_io_h5_choose_type(h5, &d, &type));
  KVOX_TRY_CLEANUP(kvox_io_h5_read_as(h5, &d, type, memory));
  status = kvox_array_init(array, *memory, type, 3, shape);
cleanup:
  kvox_io_h5_dataset_close(h5, &d);
  return status;
}

static kvox_status check_frames(const kvox_io_h5 *h5, const char *name, const kvox_array *frames,
                                const kvox_array *projections) {
  if (frames->data == NULL ||
      (frames->shape[1] == projections->shape[1] && frames->shape[2] == projections->shape[2])) {
    return KVOX_OK;
  }
  return kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                           "%s has %" PRId64 " rows and %" PRId64 " columns, exchange/data has %" PRId64
                           " and %" PRId64,
                           name, frames->shape[1], frames->shape[2], projections->shape[1], projections->shape[2]);
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

static kvox_status read_angles(kvox_io_h5 *h5, int64_t views, double **angles_deg) {
  kvox_io_h5_dataset d;
  uint64_t header = 0;
  bool found = false;
  char units[16];
  double *angles = NULL;
  kvox_status status = open_dataset(h5, "exchange/theta", &d, &header, &found);
  if (status != KVOX_OK || !found) {
    goto cleanup;
  }
  if (d.rank != 1) {
    status = kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT, "exchange/theta has %d dimensions, must have 1", d.rank);
    goto cleanup;
  }
  if (d.shape[0] != views) {
    status = kvox_io_file_fail(h5->file, KVOX_ERROR_FORMAT,
                               "exchange/theta has %" PRId64 " angles, exchange/data has %" PRId64 " views", d.shape[0],
                               views);
    goto cleanup;
  }
  KVOX_TRY_CLEANUP(kvox_io_h5_text_attribute(h5, header, "units", units, sizeof units));
  KVOX_TRY_CLEANUP(kvox_io_h5_read_numbers(h5, &d, &angles));
  for (int64_t view = 0; view < views; view++) {
    angles[view] *= is_radian(units) ? deg_per_rad : 1;
    if (!isfinite(angles[view])) {
      status = kvox_io_file_fail(h5->file, KVOX_ERROR_DATA,
                                 "the angle of view %" PRId64 " in exchange/theta is not finite", view);
      goto cleanup;
    }
  }
  *angles_deg = angles;
  angles = NULL;
cleanup:
  kvox_extend_release(h5->file->context, angles);
  kvox_io_h5_dataset_close(h5, &d);
  return status;
}

static kvox_status read_scan(kvox_io_file *file, kvox_io_scan *scan) {
  kvox_array *projections = &scan->projections;
  kvox_io_h5 h5;
  KVOX_TRY(kvox_io_h5_open(&h5, file));
  KVOX_TRY(read_frames(&h5, "exchange/data", 1, projections, &scan->memory[0]));
  if (projections->data == NULL) {
    return kvox_io_file_fail(file, KVOX_ERROR_FORMAT, "it is no DXchange file: exchange/data is missing");
  }
  KVOX_TRY(read_frames(&h5, "exchange/data_white", 0, &scan->flat, &scan->memory[1]));
  KVOX_TRY(check_frames(&h5, "exchange/data_white", &scan->flat, projections));
  KVOX_TRY(read_frames(&h5, "exchange/data_dark", 0, &scan->dark, &scan->memory[2]));
  KVOX_TRY(check_frames(&h5, "exchange/data_dark", &scan->dark, projections));
  return read_angles(&h5, projections->shape[0], &scan->angles_deg);
}

const kvox_io_format kvox_io_dxchange_format = {
    .extensions = {".h5", ".hdf5"},
    .reads = KVOX_IO_SCAN,
    .read_scan = read_scan,
    .write_scan = kvox_io_dxchange_write,
};

/* Files made by the HDF5 library itself, dataset by dataset. */
#ifndef KVOX_TESTS_IO_SETS_H
#define KVOX_TESTS_IO_SETS_H

#include <hdf5.h>

#include "files.h"

static inline kvox_status read_scan(const char *name, kvox_io_scan **scan) {
  *scan = NULL;
  return kvox_io_read_scan(context, at(name), scan);
}

/* How a dataset of a test file is made; zero means as usual. */
typedef struct set {
  const char *name;
  hid_t type; /* in the file */
  int rank;
  hsize_t shape[4], chunk[4];
  const void *samples;
  hid_t memory_type;
  const char *units; /* of fixed length; with variable: variable */
  int deflate, shuffle, variable, unwritten;
  int checksum; /* 1: after the other filters, 2: before them */
  int early;    /* space for all chunks from the start */
  int grows;    /* without end along the first dimension */
} set;

static inline void put_set(hid_t file, const set *s) {
  hsize_t most[4];
  memcpy(most, s->shape, sizeof most);
  most[0] = s->grows ? H5S_UNLIMITED : most[0];
  const hid_t space = H5Screate_simple(s->rank, s->shape, most);
  const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  if (s->early) {
    H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY);
  }
  if (s->chunk[0] > 0) {
    H5Pset_chunk(plist, s->rank, s->chunk);
  }
  if (s->checksum == 2) {
    H5Pset_fletcher32(plist);
  }
  if (s->shuffle) {
    H5Pset_shuffle(plist);
  }
  if (s->deflate) {
    H5Pset_deflate(plist, 6);
  }
  if (s->checksum == 1) {
    H5Pset_fletcher32(plist);
  }
  const hid_t id = H5Dcreate2(file, s->name, s->type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  assert_true(id >= 0);
  if (!s->unwritten) {
    assert_true(
        H5Dwrite(id, s->memory_type != 0 ? s->memory_type : s->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, s->samples) >= 0);
  }
  if (s->units != NULL) {
    const hid_t type = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(type, s->variable ? H5T_VARIABLE : strlen(s->units));
    const hid_t attribute = H5Acreate2(id, "units", type, one, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, s->variable ? (const void *)&s->units : s->units) >= 0);
    H5Aclose(attribute);
    H5Sclose(one);
    H5Tclose(type);
  }
  H5Dclose(id);
  H5Pclose(plist);
  H5Sclose(space);
}

static inline hid_t create(const char *name) {
  const hid_t file = H5Fcreate(at(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file >= 0);
  const hid_t group = H5Gcreate2(file, "exchange", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Gclose(group);
  return file;
}

static inline void put_sets(const char *name, const set *sets, int count) {
  const hid_t file = create(name);
  for (int i = 0; i < count; i++) {
    put_set(file, &sets[i]);
  }
  assert_true(H5Fclose(file) >= 0);
}

#endif

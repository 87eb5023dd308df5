/* ISMRMRD files made by the HDF5 library, with the members of ismrmrd.h in any form that HDF5 has for them. */
#ifndef KVOX_TESTS_IO_ACQUISITIONS_H
#define KVOX_TESTS_IO_ACQUISITIONS_H

#include <hdf5.h>

#include "raw.h"

typedef struct acquisition_head {
  uint16_t version;
  uint64_t flags;
  uint32_t stamps[3];
  uint16_t samples, coils, discard_before, discard_after, center, encoding, axes;
  float time_us, position[3], read[3], phase[3], slice[3];
  uint16_t counters[9], user[8];
} acquisition_head;

typedef struct acquisition {
  acquisition_head head;
  hvl_t trajectory, data; /* of float */
} acquisition;

/* How a file is made; zero means as ISMRMRD's own library does it. */
typedef struct raw {
  const char *xml;
  int fixed_xml;       /* a text of fixed length, no dimension */
  int chunk;           /* 0: 1; negative: contiguous */
  int deflate;         /* shuffled too */
  int backwards;       /* members in the opposite order, with gaps */
  int big_endian;      /* heads and floats */
  int newest;          /* the newest format of the library */
  const char *without; /* a member that is not there */
  const char *doubled; /* a member that is there as double */
  int doubles;         /* samples are double */
  int no_data;
  acquisition *list;
  int count;
} raw;

typedef struct raw_member {
  const char *name;
  size_t offset;
  char kind; /* 'h', 'i', 'q': unsigned of 2, 4, 8 bytes; 'f' */
  int count;
} raw_member;

static const raw_member head_members[] = {
    {"version", offsetof(acquisition_head, version), 'h', 1},
    {"flags", offsetof(acquisition_head, flags), 'q', 1},
    {"physiology_time_stamp", offsetof(acquisition_head, stamps), 'i', 3},
    {"number_of_samples", offsetof(acquisition_head, samples), 'h', 1},
    {"active_channels", offsetof(acquisition_head, coils), 'h', 1},
    {"discard_pre", offsetof(acquisition_head, discard_before), 'h', 1},
    {"discard_post", offsetof(acquisition_head, discard_after), 'h', 1},
    {"center_sample", offsetof(acquisition_head, center), 'h', 1},
    {"encoding_space_ref", offsetof(acquisition_head, encoding), 'h', 1},
    {"trajectory_dimensions", offsetof(acquisition_head, axes), 'h', 1},
    {"sample_time_us", offsetof(acquisition_head, time_us), 'f', 1},
    {"position", offsetof(acquisition_head, position), 'f', 3},
    {"read_dir", offsetof(acquisition_head, read), 'f', 3},
    {"phase_dir", offsetof(acquisition_head, phase), 'f', 3},
    {"slice_dir", offsetof(acquisition_head, slice), 'f', 3},
};
static const raw_member counter_members[] = {
    {"kspace_encode_step_1", 0, 'h', 1},
    {"kspace_encode_step_2", 2, 'h', 1},
    {"average", 4, 'h', 1},
    {"slice", 6, 'h', 1},
    {"contrast", 8, 'h', 1},
    {"phase", 10, 'h', 1},
    {"repetition", 12, 'h', 1},
    {"set", 14, 'h', 1},
    {"segment", 16, 'h', 1},
    {"user", 18, 'h', 8},
};

/* NULL: in memory. */
static inline hid_t raw_number(char kind, const raw *r) {
  if (r == NULL) {
    return kind == 'h'   ? H5T_NATIVE_UINT16
           : kind == 'i' ? H5T_NATIVE_UINT32
           : kind == 'q' ? H5T_NATIVE_UINT64
                         : H5T_NATIVE_FLOAT;
  }
  const int big = r->big_endian;
  switch (kind) {
    case 'h': return big ? H5T_STD_U16BE : H5T_STD_U16LE;
    case 'i': return big ? H5T_STD_U32BE : H5T_STD_U32LE;
    case 'q': return big ? H5T_STD_U64BE : H5T_STD_U64LE;
    default: return r->doubles ? H5T_IEEE_F64LE : big ? H5T_IEEE_F32BE : H5T_IEEE_F32LE;
  }
}

/* The members of a compound of `size` bytes; those of a file may go backwards, each 4 bytes after the one before. */
static inline hid_t raw_compound(const raw_member *members, int count, size_t size, const raw *r, hid_t nested) {
  /* Members one after another, whatever their sizes. */
  const bool spread = r != NULL && (r->backwards || r->doubled != NULL || r->doubles);
  const hid_t made = H5Tcreate(H5T_COMPOUND, spread ? 4096 : size);
  size_t at = 4;
  for (int i = 0; i < count; i++) {
    const raw_member *m = &members[r != NULL && r->backwards ? count - 1 - i : i];
    const hsize_t side = (hsize_t)m->count;
    if (r != NULL && r->without != NULL && strcmp(r->without, m->name) == 0) {
      continue;
    }
    const bool doubled = r != NULL && r->doubled != NULL && strcmp(r->doubled, m->name) == 0;
    const hid_t one = doubled ? H5T_IEEE_F64LE : m->name[0] == '*' ? nested : raw_number(m->kind, r);
    const hid_t all = m->count > 1 ? H5Tarray_create2(one, 1, &side) : H5Tcopy(one);
    assert_true(H5Tinsert(made, m->name[0] == '*' ? m->name + 1 : m->name, spread ? at : m->offset, all) >= 0);
    at += H5Tget_size(all) + 4;
    H5Tclose(all);
  }
  if (spread) {
    assert_true(H5Tset_size(made, at + 4) >= 0);
  }
  return made;
}

static inline hid_t raw_type(const raw *r) {
  enum {
    HEADS = sizeof head_members / sizeof head_members[0],
    COUNTERS = sizeof counter_members / sizeof counter_members[0]
  };
  raw_member all[HEADS + 1];
  memcpy(all, head_members, sizeof head_members);
  all[HEADS] = (raw_member){"*idx", offsetof(acquisition_head, counters), 'h', 1};
  const hid_t counters = raw_compound(counter_members, COUNTERS, 34, r, -1);
  const hid_t head = raw_compound(all, HEADS + 1, sizeof(acquisition_head), r, counters);
  const hid_t list = H5Tvlen_create(raw_number('f', r));
  const size_t head_size = H5Tget_size(head);
  const size_t place[3] = {0, head_size, head_size + sizeof(hvl_t)};
  const hid_t made = H5Tcreate(H5T_COMPOUND, r == NULL ? sizeof(acquisition) : head_size + 2 * sizeof(hvl_t));
  const struct {
    const char *name;
    hid_t type;
    size_t at;
  } parts[] = {{"head", head, offsetof(acquisition, head)},
               {"traj", list, offsetof(acquisition, trajectory)},
               {"data", list, offsetof(acquisition, data)}};
  for (int i = 0; i < 3; i++) {
    if (r == NULL || r->without == NULL || strcmp(r->without, parts[i].name) != 0) {
      assert_true(H5Tinsert(made, parts[i].name, r == NULL ? parts[i].at : place[i], parts[i].type) >= 0);
    }
  }
  H5Tclose(counters);
  H5Tclose(head);
  H5Tclose(list);
  return made;
}

static inline void put_xml(hid_t file, const raw *r) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  const hsize_t one = 1;
  const hid_t space = r->fixed_xml ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &one, NULL);
  H5Tset_size(type, r->fixed_xml ? strlen(r->xml) + 5 : H5T_VARIABLE);
  char *fixed = calloc(1, strlen(r->xml) + 5);
  strcpy(fixed, r->xml);
  const hid_t id = H5Dcreate2(file, "dataset/xml", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->fixed_xml ? fixed : (const void *)&r->xml) >= 0);
  free(fixed);
  H5Dclose(id);
  H5Sclose(space);
  H5Tclose(type);
}

static inline void put_raw(const char *path, const raw *r) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), plist = H5Pcreate(H5P_DATASET_CREATE);
  if (r->newest) {
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  }
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Gclose(H5Gcreate2(file, "dataset", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (r->xml != NULL) {
    put_xml(file, r);
  }
  if (!r->no_data) {
    const hsize_t count = (hsize_t)r->count, chunk = r->chunk > 0 ? (hsize_t)r->chunk : 1, most = H5S_UNLIMITED;
    const hid_t space = H5Screate_simple(1, &count, r->chunk < 0 || r->newest ? NULL : &most);
    const hid_t type = raw_type(r), memory = raw_type(NULL);
    if (r->chunk >= 0) {
      H5Pset_chunk(plist, 1, &chunk);
    }
    if (r->deflate) {
      H5Pset_shuffle(plist);
      H5Pset_deflate(plist, 6);
    }
    const hid_t id = H5Dcreate2(file, "dataset/data", type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(id >= 0 && H5Dwrite(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->list) >= 0);
    H5Dclose(id);
    H5Tclose(type);
    H5Tclose(memory);
    H5Sclose(space);
  }
  assert_true(H5Fclose(file) >= 0);
  H5Pclose(plist);
  H5Pclose(access);
}

/* `count` readouts whose numbers all differ; free with drop_acquisitions. Every third has a trajectory, coils change.
 */
static inline acquisition *make_acquisitions(int count, int samples, int coils) {
  acquisition *list = calloc((size_t)count, sizeof *list);
  assert_non_null(list);
  for (int i = 0; i < count; i++) {
    acquisition_head *h = &list[i].head;
    h->version = 1;
    h->flags = UINT64_C(1) << (i % 13 + 18) | UINT64_C(1) << 40;
    h->samples = (uint16_t)samples;
    h->coils = (uint16_t)(coils + i % 2);
    h->discard_before = (uint16_t)(i + 1), h->discard_after = (uint16_t)(i + 2), h->center = (uint16_t)(samples / 2);
    h->encoding = (uint16_t)(i % 3);
    h->axes = (uint16_t)(i % 3 == 1 ? 2 : 0);
    h->time_us = 2.5f + (float)i;
    for (int d = 0; d < 3; d++) {
      h->position[d] = (float)(10 * i + d) - 5;
      h->read[d] = d == i % 3, h->phase[d] = d == (i + 1) % 3, h->slice[d] = 0;
    }
    for (int c = 0; c < 9; c++) {
      h->counters[c] = (uint16_t)(100 * c + i);
    }
    const size_t floats = 2 * (size_t)samples * h->coils, points = (size_t)samples * h->axes;
    list[i].data = (hvl_t){.len = floats, .p = malloc(floats * sizeof(float) + 1)};
    list[i].trajectory = (hvl_t){.len = points, .p = malloc(points * sizeof(float) + 1)};
    for (size_t f = 0; f < floats; f++) {
      ((float *)list[i].data.p)[f] = (float)i * 1000 + (float)f * 0.25f;
    }
    for (size_t f = 0; f < points; f++) {
      ((float *)list[i].trajectory.p)[f] = (float)i - (float)f * 0.5f;
    }
  }
  return list;
}

static inline void drop_acquisitions(acquisition *list, int count) {
  for (int i = 0; i < count; i++) {
    free(list[i].data.p);
    free(list[i].trajectory.p);
  }
  free(list);
}

#define RAW_SPACES                                                                                              \
  "<encodedSpace><matrixSize><x>8</x><y>6</y><z>1</z></matrixSize><fieldOfView_mm><x>400</x><y>200</y><z>5</z>" \
  "</fieldOfView_mm></encodedSpace><reconSpace><matrixSize><x>4</x><y>6</y><z>1</z></matrixSize>"               \
  "<fieldOfView_mm><x>200.5</x><y>200</y><z>5</z></fieldOfView_mm></reconSpace>"
static const char plain_xml[] =
    "<?xml version=\"1.0\"?><ismrmrdHeader xmlns=\"http://www.ismrm.org/ISMRMRD\">"
    "<encoding>" RAW_SPACES "<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>";

#endif

#include "io/hdf5.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/*
 * HDF5 may be built without threads, and then its error stack is the whole process'. A library built with threads has a
 * lock of its own, beside which this one costs nothing.
 */
static pthread_mutex_t hdf5_lock = PTHREAD_MUTEX_INITIALIZER;

kvox_status kvox_io_hdf5_begin(kvox_io_hdf5_guest *guest) {
  *guest = (kvox_io_hdf5_guest){.errors = -1};
  pthread_mutex_lock(&hdf5_lock);
  /* The stack first: any other call of HDF5 clears it. */
  guest->errors = H5Eget_current_stack();
  if (guest->errors < 0 || H5Eauto_is_v2(H5E_DEFAULT, &guest->is_version_2) < 0) {
    pthread_mutex_unlock(&hdf5_lock);
    return kvox_extend_fail(KVOX_ERROR_INTERNAL, "the HDF5 library cannot be started");
  }
  if (guest->is_version_2) {
    H5Eget_auto2(H5E_DEFAULT, &guest->print_2, &guest->print_data);
  } else {
    H5Eget_auto1(&guest->print_1, &guest->print_data);
  }
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return KVOX_OK;
}

void kvox_io_hdf5_end(const kvox_io_hdf5_guest *guest) {
  if (guest->is_version_2) {
    H5Eset_auto2(H5E_DEFAULT, guest->print_2, guest->print_data);
  } else {
    H5Eset_auto1(guest->print_1, guest->print_data);
  }
  /* Closes the copy as well. */
  H5Eset_current_stack(guest->errors);
  pthread_mutex_unlock(&hdf5_lock);
}

/* The first entry is where the failure began. Its first line is enough: others hold times and addresses. */
static herr_t take_reason(unsigned n, const H5E_error2_t *error, void *user) {
  char *reason = user;
  if (n == 0 && error->desc != NULL) {
    snprintf(reason, 128, "%s", error->desc);
    reason[strcspn(reason, "\r\n")] = '\0';
  }
  return 0;
}

const char *kvox_io_hdf5_reason(char *text, size_t size) {
  char reason[128] = "";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, reason);
  if (reason[0] != '\0') {
    snprintf(text, size, "HDF5 says: %s", reason);
  } else {
    snprintf(text, size, "HDF5 says no more");
  }
  return text;
}

/* IEEE binary16 in the machine's byte order. */
static hid_t half_type(void) {
  const hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
  /* Sign bit 15, exponent bits 10 to 14, fraction bits 0 to 9, bias 15. */
  if (type >= 0 &&
      (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0)) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

hid_t kvox_io_hdf5_type(kvox_type type) {
  switch (type) {
    case KVOX_U8: return H5Tcopy(H5T_NATIVE_UINT8);
    case KVOX_I8: return H5Tcopy(H5T_NATIVE_INT8);
    case KVOX_U16: return H5Tcopy(H5T_NATIVE_UINT16);
    case KVOX_I16: return H5Tcopy(H5T_NATIVE_INT16);
    case KVOX_U32: return H5Tcopy(H5T_NATIVE_UINT32);
    case KVOX_I32: return H5Tcopy(H5T_NATIVE_INT32);
    case KVOX_F16: return half_type();
    case KVOX_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
    case KVOX_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
    default: return -1;
  }
}

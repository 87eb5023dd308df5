/*
 * HDF5's bytes go through kvox_io_output (a "virtual file driver" in HDF5's words). So a disk that is full is our
 * failure, which sticks, not HDF5's: after a failed flush HDF5 would keep its objects, and memory, until the process
 * ends.
 */
#include <string.h>

#include "io/hdf5.h"

#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#define CLASS_HEAD .version = H5FD_CLASS_VERSION, .value = (H5FD_class_value_t)600,
#else
#define CLASS_HEAD
#endif

/* What HDF5 holds. It outlives the target where HDF5 does not let go of a broken file. */
typedef struct instance {
  H5FD_t head;           /* first, as HDF5 wants it */
  kvox_context *context; /* held */
  kvox_io_hdf5_target *target;
  haddr_t eoa, eof; /* the end of what is allocated, of what is there */
} instance;

static H5FD_t *open_instance(const char *name, unsigned flags, hid_t fapl, haddr_t most) {
  (void)name, (void)flags, (void)most;
  kvox_io_hdf5_target *const *target = H5Pget_driver_info(fapl);
  if (target == NULL || *target == NULL || (*target)->instance != NULL) {
    return NULL;
  }
  kvox_context *context = (*target)->output->context;
  instance *made = kvox_extend_allocate(context, sizeof *made);
  if (made == NULL) {
    (*target)->output->status = KVOX_ERROR_MEMORY;
    return NULL;
  }
  memset(made, 0, sizeof *made);
  made->context = kvox_extend_hold(context);
  made->target = *target;
  (*target)->instance = made;
  return &made->head;
}

static herr_t close_instance(H5FD_t *head) {
  instance *i = (instance *)head;
  kvox_context *context = i->context;
  if (i->target != NULL) {
    i->target->instance = NULL;
  }
  kvox_extend_release(context, i);
  kvox_context_destroy(context);
  return 0;
}

static herr_t query(const H5FD_t *head, unsigned long *flags) {
  (void)head;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t get_eoa(const H5FD_t *head, H5FD_mem_t type) {
  (void)type;
  return ((const instance *)head)->eoa;
}

static herr_t set_eoa(H5FD_t *head, H5FD_mem_t type, haddr_t eoa) {
  (void)type;
  ((instance *)head)->eoa = eoa;
  return 0;
}

static haddr_t get_eof(const H5FD_t *head, H5FD_mem_t type) {
  (void)type;
  return ((const instance *)head)->eof;
}

/* What was written before; zeros beyond its end. */
static herr_t read_bytes(H5FD_t *head, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t size, void *out) {
  const instance *i = (const instance *)head;
  (void)type, (void)dxpl;
  if (i->target == NULL || at > INT64_MAX) {
    return -1;
  }
  kvox_io_output_read_back(i->target->output, (int64_t)at, out, size);
  return 0;
}

/* Never fails: the output keeps its first failure. */
static herr_t write_bytes(H5FD_t *head, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t size, const void *bytes) {
  instance *i = (instance *)head;
  (void)type, (void)dxpl;
  if (i->target != NULL) {
    kvox_io_output_patch(i->target->output, (int64_t)at, bytes, size);
    i->eof = at + size > i->eof ? at + size : i->eof;
  }
  return 0;
}

static herr_t truncate_file(H5FD_t *head, hid_t dxpl, hbool_t closing) {
  instance *i = (instance *)head;
  (void)dxpl, (void)closing;
  if (i->target != NULL && i->eof != i->eoa) {
    kvox_io_output_resize(i->target->output, (int64_t)i->eoa);
    i->eof = i->eoa;
  }
  return 0;
}

static const H5FD_class_t driver = {
    CLASS_HEAD.name = "kvox",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(kvox_io_hdf5_target *),
    .open = open_instance,
    .close = close_instance,
    .query = query,
    .get_eoa = get_eoa,
    .set_eoa = set_eoa,
    .get_eof = get_eof,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t kvox_io_hdf5_create(kvox_io_hdf5_target *target) {
  const hid_t id = H5FDregister(&driver);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  hid_t hdf5 = -1;
  if (id >= 0 && access >= 0 && H5Pset_driver(access, id, &target) >= 0) {
    hdf5 = H5Fcreate(target->output->name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  }
  if (access >= 0) {
    H5Pclose(access);
  }
  if (id >= 0) {
    H5FDunregister(id);
  }
  return hdf5;
}

void kvox_io_hdf5_close(kvox_io_hdf5_target *target, hid_t hdf5) {
  if (hdf5 >= 0) {
    H5Fclose(hdf5);
  }
  if (target->instance != NULL) {
    ((instance *)target->instance)->target = NULL;
  }
}

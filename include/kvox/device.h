/* Kvox: OpenCL devices, and arrays and volumes that live on them. */
#ifndef KVOX_DEVICE_H
#define KVOX_DEVICE_H

#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What this machine has ---- */

enum { KVOX_DEVICE_GPU = 1, KVOX_DEVICE_CPU = 2, KVOX_DEVICE_ACCELERATOR = 3, KVOX_DEVICE_OTHER = 4 };

/* Prepare with kvox_device_info_init. Texts are cut where they do not fit, and always ended by 0. */
typedef struct kvox_device_info {
  size_t struct_size;
  int32_t index; /* as kvox_device_get counts; -1: of a host's own context */
  int32_t type;  /* KVOX_DEVICE_... */
  int32_t compute_units;
  int32_t shares_host_memory; /* 1: a transfer is a copy within the same memory */
  char name[128];
  char platform[128]; /* "NVIDIA CUDA", "Portable Computing Language", ... */
  char version[128];  /* "OpenCL 3.0 ..." */
  char driver[64];
  uint64_t memory_bytes;         /* of the whole device */
  uint64_t largest_buffer_bytes; /* of one buffer */
  uint64_t local_memory_bytes;   /* of a work-group */
  uint64_t largest_group;        /* work-items of a work-group */
  int32_t has_double;
  char unusable[124]; /* why Kvox cannot compute on it: "it has no compiler", ...; empty where it can */
} kvox_device_info;

#define kvox_device_info_init(info) kvox_device_info_init_sized((info), sizeof(kvox_device_info))
KVOX_API void kvox_device_info_init_sized(kvox_device_info *info, size_t struct_size);

/*
 * How many OpenCL devices there are, in the order of their platforms; 0 where there is no OpenCL library (which is
 * looked for when it is first asked about, "libOpenCL.so.1"), no platform or no device: kvox_last_error then says why.
 */
KVOX_API int32_t kvox_device_count(void);

/* Facts about device `index` (0 to count - 1). */
KVOX_API kvox_status kvox_device_get(int32_t index, kvox_device_info *info);

/* Facts about the device that a context computes on; KVOX_ERROR_DEVICE where that is the CPU backend. */
KVOX_API kvox_status kvox_context_device(const kvox_context *context, kvox_device_info *info);

/* "gpu", "cpu", "accelerator", "other"; a constant string. */
KVOX_API const char *kvox_device_type_name(int32_t type);

/* ---- Memory on the device ---- */

/* A piece of a device's memory, of one context. Arrays and volumes are laid into it; it is held by each volume in it.
 * Any number of threads may use it, as long as none writes what another reads. */

/* New memory of zeros. KVOX_ERROR_DEVICE where the context computes on the CPU or the device has no room. */
KVOX_API kvox_status kvox_buffer_create(kvox_context *context, uint64_t bytes, kvox_buffer **buffer);

/* Around a host's own cl_mem of the context's cl_context, which is retained. */
KVOX_API kvox_status kvox_buffer_wrap(kvox_context *context, void *cl_mem_handle, kvox_buffer **buffer);

/* Gives up the caller's hold; NULL is fine. */
KVOX_API void kvox_buffer_destroy(kvox_buffer *buffer);

KVOX_API uint64_t kvox_buffer_bytes(const kvox_buffer *buffer);

/* The cl_mem, still the buffer's; commands on it that the host enqueues must be finished, or be in the queue that the
 * host gave to the context, before Kvox is called. Kvox's own are finished when a call returns. */
KVOX_API void *kvox_buffer_handle(const kvox_buffer *buffer);

/* Describes a part of a buffer, from `offset_bytes` (a multiple of the type's size) on, as a dense array. Array.data is
 * that offset. The buffer is not held. */
KVOX_API kvox_status kvox_array_init_buffer(kvox_array *array, kvox_buffer *buffer, uint64_t offset_bytes,
                                            kvox_type type, int32_t rank, const int64_t *shape);

/* A new volume of zeros on the context's device. */
KVOX_API kvox_status kvox_volume_create_device(kvox_context *context, kvox_type type, const kvox_grid *grid,
                                               kvox_volume **volume);

/* ---- Moving samples, between host and device in either direction, or within one of them ---- */

/*
 * The box of `array` that begins at `begin` and has `size` elements along each index, as an array of its own: a
 * description, nothing is copied. For arrays of the host and of devices.
 */
KVOX_API kvox_status kvox_array_region(const kvox_array *array, const int64_t *begin, const int64_t *size,
                                       kvox_array *part);

/* Copies all elements; both arrays have one type and shape, and may not overlap. Arrays on two devices must be of one
 * context. Finished when it returns. */
KVOX_API kvox_status kvox_array_copy(const kvox_array *from, const kvox_array *to);

enum { KVOX_MAP_READ = 1, KVOX_MAP_WRITE = 2 };

/*
 * Makes an array on a device readable or writable (or both: READ | WRITE) by the host as `host`, until kvox_array_unmap
 * of the same pair; nobody else may use the array in between. An array of the host is its own map.
 */
KVOX_API kvox_status kvox_array_map(const kvox_array *array, int32_t access, kvox_array *host);
KVOX_API kvox_status kvox_array_unmap(const kvox_array *array, const kvox_array *host);

#ifdef __cplusplus
}
#endif

#endif

/* The devices that there are, and the choice among them. Of this room. */
#ifndef KVOX_OCL_DEVICE_H
#define KVOX_OCL_DEVICE_H

#include "ocl/table.h"

typedef struct kvox_ocl_place {
  cl_platform_id platform;
  cl_device_id device;
} kvox_ocl_place;

enum { KVOX_OCL_MOST_DEVICES = 64 }; /* further ones are not seen */

typedef struct kvox_ocl_list {
  int32_t count; /* above 0 after success */
  kvox_ocl_place places[KVOX_OCL_MOST_DEVICES];
} kvox_ocl_list;

/* All devices in the order of their platforms. KVOX_ERROR_DEVICE with the reason where there is none. */
kvox_status kvox_ocl_devices(const kvox_ocl_table **cl, kvox_ocl_list *list);

/* Fills all but struct_size and index. */
kvox_status kvox_ocl_describe(const kvox_ocl_table *cl, kvox_ocl_place place, kvox_device_info *info);

/*
 * The device that `wanted` means, as in kvox_context_options; NULL: auto. `reason` says why this one. Nothing fits:
 * KVOX_ERROR_DEVICE; several do: KVOX_ERROR_ARGUMENT; the sentence lists what there is.
 */
kvox_status kvox_ocl_choose(const kvox_ocl_table *cl, const kvox_ocl_list *list, const char *wanted, bool gpu_alone,
                            int32_t *index, char *reason, size_t size);

#endif

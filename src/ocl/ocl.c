#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "ocl/device.h"

/* A context and queue of our own, for the device that was chosen. */
static kvox_status open_own(kvox_ocl *ocl, const kvox_ocl_options *options, char *reason, size_t size) {
  kvox_ocl_list list;
  int32_t index = 0;
  KVOX_TRY(kvox_ocl_devices(&ocl->cl, &list));
  KVOX_TRY(kvox_ocl_choose(ocl->cl, &list, options->device, options->gpu_alone, &index, reason, size));
  ocl->info.index = index;
  ocl->platform = list.places[index].platform;
  ocl->device = list.places[index].device;
  KVOX_TRY(kvox_ocl_describe(ocl->cl, list.places[index], &ocl->info));
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)ocl->platform, 0};
  cl_int error = CL_SUCCESS;
  ocl->context = ocl->cl->CreateContext(properties, 1, &ocl->device, NULL, NULL, &error);
  if (error != CL_SUCCESS || ocl->context == NULL) {
    ocl->context = NULL;
    return kvox_ocl_fail(ocl, "clCreateContext", error);
  }
  return KVOX_OK;
}

/* The host's own, after a look whether they belong together. */
static kvox_status open_host(kvox_ocl *ocl, const kvox_ocl_options *options, char *reason, size_t size) {
  cl_context context = options->context;
  cl_command_queue queue = options->queue;
  cl_context of_queue = NULL;
  cl_uint devices = 0;
  KVOX_TRY(kvox_ocl_table_get(&ocl->cl));
  const kvox_ocl_table *cl = ocl->cl;
  cl_int error = cl->GetContextInfo(context, CL_CONTEXT_NUM_DEVICES, sizeof devices, &devices, NULL);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, "clGetContextInfo of the host's context", error);
  }
  error = cl->GetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof of_queue, &of_queue, NULL);
  if (error == CL_SUCCESS) {
    error = cl->GetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof ocl->device, &ocl->device, NULL);
  }
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, "clGetCommandQueueInfo of the host's queue", error);
  }
  if (of_queue != context) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "options: opencl_queue is not one of opencl_context");
  }
  if (devices != 1) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "options: opencl_context has %u devices, must have one",
                     (unsigned)devices);
  }
  ocl->info.index = -1;
  error = cl->GetDeviceInfo(ocl->device, CL_DEVICE_PLATFORM, sizeof ocl->platform, &ocl->platform, NULL);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(NULL, "clGetDeviceInfo", error);
  }
  KVOX_TRY(kvox_ocl_describe(cl, (kvox_ocl_place){.platform = ocl->platform, .device = ocl->device}, &ocl->info));
  if (ocl->info.unusable[0] != '\0') {
    return kvox_fail(KVOX_ERROR_DEVICE, "the host's OpenCL device \"%s\" cannot be used: %s", ocl->info.name,
                     ocl->info.unusable);
  }
  error = cl->RetainContext(context);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clRetainContext", error);
  }
  ocl->context = context;
  error = cl->RetainCommandQueue(queue);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clRetainCommandQueue", error);
  }
  ocl->host_queue = queue;
  snprintf(reason, size, "the host's own context and queue");
  return KVOX_OK;
}

/* Times are always taken; out-of-order queues let independent pieces of work overlap where the device can. */
static kvox_status choose_queue_properties(kvox_ocl *ocl) {
  cl_command_queue_properties has = 0;
  const cl_int error = ocl->cl->GetDeviceInfo(ocl->device, CL_DEVICE_QUEUE_PROPERTIES, sizeof has, &has, NULL);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clGetDeviceInfo", error);
  }
  ocl->queue_properties = has & (CL_QUEUE_PROFILING_ENABLE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  return KVOX_OK;
}

static void release_handles(const kvox_ocl *ocl) {
  if (ocl->host_queue != NULL) {
    ocl->cl->ReleaseCommandQueue(ocl->host_queue);
  }
  if (ocl->context != NULL) {
    ocl->cl->ReleaseContext(ocl->context);
  }
}

kvox_status kvox_ocl_open(kvox_heap *heap, const kvox_ocl_options *options, kvox_ocl **ocl, char *reason, size_t size) {
  /* Nothing is allocated on the way to the answer that there is no device, which most contexts get. */
  kvox_ocl opened = {.info.struct_size = sizeof opened.info};
  kvox_status status =
      options->context != NULL ? open_host(&opened, options, reason, size) : open_own(&opened, options, reason, size);
  status = status == KVOX_OK ? choose_queue_properties(&opened) : status;
  kvox_ocl *made = status == KVOX_OK ? kvox_allocate(heap, sizeof *made) : NULL;
  if (made == NULL) {
    release_handles(&opened);
    return status != KVOX_OK ? status : KVOX_ERROR_MEMORY;
  }
  memcpy(made, &opened, sizeof *made);
  made->heap = kvox_heap_hold(heap);
  atomic_init(&made->holders, 1);
  KVOX_TRY_CLEANUP(kvox_ocl_queues_create(made));
  KVOX_TRY_CLEANUP(kvox_ocl_programs_create(made, options->cache_folder));
  *ocl = made;
  return KVOX_OK;
cleanup:
  kvox_ocl_drop(made);
  return status;
}

kvox_ocl *kvox_ocl_hold(kvox_ocl *ocl) {
  atomic_fetch_add_explicit(&ocl->holders, 1, memory_order_relaxed);
  return ocl;
}

void kvox_ocl_drop(kvox_ocl *ocl) {
  if (ocl == NULL || atomic_fetch_sub_explicit(&ocl->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  kvox_ocl_queues_destroy(ocl);
  kvox_ocl_programs_destroy(ocl);
  release_handles(ocl);
  kvox_heap *heap = ocl->heap;
  kvox_release(heap, ocl);
  kvox_heap_drop(heap);
}

const kvox_device_info *kvox_ocl_info(const kvox_ocl *ocl) { return &ocl->info; }

uint64_t kvox_ocl_usual_memory(const kvox_ocl *ocl) {
  /* Half of a device's own memory, so that a display or a second plan still has room; of memory that is the host's an
   * eighth, because caller, system and other programs live in it too. */
  return ocl->info.memory_bytes / (ocl->info.shares_host_memory ? 8 : 2);
}

/* The entry points that ask, make and release. */
#include <string.h>

#include "inside.h"

#define PLATFORM_NOT_FOUND (-1001) /* CL_PLATFORM_NOT_FOUND_KHR, of loaders that find no driver */

/* ---- Platforms and devices ---- */

cl_int clGetPlatformIDs(cl_uint most, cl_platform_id *platforms, cl_uint *count) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_HOST_MEMORY, &error);
  if (forward_ordered().no_platform || !forward_has_library()) {
    if (count != NULL) {
      *count = 0;
    }
    return PLATFORM_NOT_FOUND;
  }
  return cl != NULL ? cl->GetPlatformIDs(most, platforms, count) : error;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info name, size_t size, void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_HOST_MEMORY, &error);
  return cl != NULL ? cl->GetPlatformInfo(platform, name, size, value, needed) : error;
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint most, cl_device_id *devices,
                      cl_uint *count) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  const forward_orders orders = forward_ordered();
  if (cl == NULL) {
    return error;
  }
  if (orders.no_device || (orders.is_gpu && (type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT)) == 0)) {
    if (count != NULL) {
      *count = 0;
    }
    return CL_DEVICE_NOT_FOUND;
  }
  return cl->GetDeviceIDs(platform, orders.is_gpu ? CL_DEVICE_TYPE_ALL : type, most, devices, count);
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t size, void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  const forward_orders orders = forward_ordered();
  if (cl == NULL) {
    return error;
  }
  error = cl->GetDeviceInfo(device, name, size, value, needed);
  if (error != CL_SUCCESS || value == NULL) {
    return error;
  }
  if (name == CL_DEVICE_TYPE && orders.is_gpu) {
    *(cl_device_type *)value = CL_DEVICE_TYPE_GPU;
  } else if (name == CL_DEVICE_GLOBAL_MEM_SIZE && orders.device_bytes != 0) {
    *(cl_ulong *)value = orders.device_bytes;
  } else if (name == CL_DEVICE_MAX_MEM_ALLOC_SIZE && orders.largest_buffer != 0) {
    *(cl_ulong *)value = orders.largest_buffer;
  }
  return error;
}

/* ---- Making ---- */

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties,
                                      cl_int *status) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl != NULL && !forward_uses(__func__, FORWARD_CONTEXT, context)) {
    error = CL_INVALID_CONTEXT;
  }
  if (error != CL_SUCCESS) {
    return forward_refuse(status, error);
  }
  return forward_made(FORWARD_QUEUE, cl->CreateCommandQueue(context, device, properties, status), 0);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *status) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_MEM_OBJECT_ALLOCATION_FAILURE, &error);
  if (cl != NULL && !forward_uses(__func__, FORWARD_CONTEXT, context)) {
    error = CL_INVALID_CONTEXT;
  } else if (cl != NULL && !forward_has_room(size)) {
    error = CL_MEM_OBJECT_ALLOCATION_FAILURE;
  }
  if (error != CL_SUCCESS) {
    return forward_refuse(status, error);
  }
  return forward_made(FORWARD_MEMORY, cl->CreateBuffer(context, flags, size, host, status), size);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  if (!forward_uses(__func__, FORWARD_KERNEL, kernel)) {
    return CL_INVALID_KERNEL;
  }
  error = cl->SetKernelArg(kernel, index, size, value);
  if (error == CL_SUCCESS) {
    forward_set_argument(kernel, index, size, value);
  }
  return error;
}

/* ---- Asking ---- */

/* clGet...Info of an object that is watched. */
#define INFO_OF(call, kind, type, info, invalid)                                                         \
  cl_int cl##call(type object, info name, size_t size, void *value, size_t *needed) {                    \
    cl_int error = CL_SUCCESS;                                                                           \
    const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);                      \
    if (cl == NULL) {                                                                                    \
      return error;                                                                                      \
    }                                                                                                    \
    return forward_uses(__func__, kind, object) ? cl->call(object, name, size, value, needed) : invalid; \
  }

INFO_OF(GetContextInfo, FORWARD_CONTEXT, cl_context, cl_context_info, CL_INVALID_CONTEXT)
INFO_OF(GetCommandQueueInfo, FORWARD_QUEUE, cl_command_queue, cl_command_queue_info, CL_INVALID_COMMAND_QUEUE)
INFO_OF(GetMemObjectInfo, FORWARD_MEMORY, cl_mem, cl_mem_info, CL_INVALID_MEM_OBJECT)

cl_int clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info name, size_t size,
                                void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  return forward_uses(__func__, FORWARD_KERNEL, kernel)
             ? cl->GetKernelWorkGroupInfo(kernel, device, name, size, value, needed)
             : CL_INVALID_KERNEL;
}

cl_int clGetEventInfo(cl_event event, cl_event_info name, size_t size, void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  if (!forward_uses(__func__, FORWARD_EVENT, event)) {
    return CL_INVALID_EVENT;
  }
  error = cl->GetEventInfo(event, name, size, value, needed);
  const cl_int failure = forward_event_error(event);
  if (error == CL_SUCCESS && failure != CL_SUCCESS && name == CL_EVENT_COMMAND_EXECUTION_STATUS && value != NULL) {
    *(cl_int *)value = failure;
  }
  return error;
}

cl_int clGetEventProfilingInfo(cl_event event, cl_profiling_info name, size_t size, void *value, size_t *needed) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  if (!forward_uses(__func__, FORWARD_EVENT, event)) {
    return CL_INVALID_EVENT;
  }
  return forward_event_error(event) == CL_SUCCESS ? cl->GetEventProfilingInfo(event, name, size, value, needed)
                                                  : CL_PROFILING_INFO_NOT_AVAILABLE;
}

/* ---- Holding and releasing ---- */

/* A release that reports a failure has released. */
#define RELEASE(object, kind, type, invalid)                  \
  cl_int clRelease##object(type handle) {                     \
    const kvox_ocl_table *cl = NULL;                          \
    const cl_int error = forward_gate_release(__func__, &cl); \
    if (forward_release(__func__, kind, handle) < 0) {        \
      return invalid;                                         \
    }                                                         \
    const cl_int released = cl->Release##object(handle);      \
    return error != CL_SUCCESS ? error : released;            \
  }

#define RETAIN(object, kind, type, invalid)                                             \
  cl_int clRetain##object(type handle) {                                                \
    cl_int error = CL_SUCCESS;                                                          \
    const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);     \
    if (cl == NULL) {                                                                   \
      return error;                                                                     \
    }                                                                                   \
    return forward_hold(__func__, kind, handle) ? cl->Retain##object(handle) : invalid; \
  }

RELEASE(Context, FORWARD_CONTEXT, cl_context, CL_INVALID_CONTEXT)
RELEASE(CommandQueue, FORWARD_QUEUE, cl_command_queue, CL_INVALID_COMMAND_QUEUE)
RELEASE(MemObject, FORWARD_MEMORY, cl_mem, CL_INVALID_MEM_OBJECT)
RELEASE(Kernel, FORWARD_KERNEL, cl_kernel, CL_INVALID_KERNEL)
RELEASE(Event, FORWARD_EVENT, cl_event, CL_INVALID_EVENT)
RETAIN(Context, FORWARD_CONTEXT, cl_context, CL_INVALID_CONTEXT)
RETAIN(CommandQueue, FORWARD_QUEUE, cl_command_queue, CL_INVALID_COMMAND_QUEUE)
RETAIN(MemObject, FORWARD_MEMORY, cl_mem, CL_INVALID_MEM_OBJECT)

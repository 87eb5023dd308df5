/* The entry points of libOpenCL, opened at run time: there is no link dependency. Of the ocl and fft rooms. */
#ifndef KVOX_OCL_TABLE_H
#define KVOX_OCL_TABLE_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#endif
#include <CL/cl.h>

#include "ocl/ocl.h"

/* One list: the members of the table and the names that are looked up. */
#define KVOX_OCL_ENTRY_POINTS(entry)                                                                                 \
  entry(BuildProgram) entry(CreateBuffer) entry(CreateCommandQueue) entry(CreateContext) entry(CreateKernel)         \
      entry(CreateProgramWithBinary) entry(CreateProgramWithSource) entry(EnqueueBarrierWithWaitList)                \
          entry(EnqueueCopyBuffer) entry(EnqueueCopyBufferRect) entry(EnqueueFillBuffer) entry(EnqueueMapBuffer)     \
              entry(EnqueueNDRangeKernel) entry(EnqueueReadBuffer) entry(EnqueueReadBufferRect)                      \
                  entry(EnqueueUnmapMemObject) entry(EnqueueWriteBuffer) entry(EnqueueWriteBufferRect) entry(Finish) \
                      entry(Flush) entry(GetCommandQueueInfo) entry(GetContextInfo) entry(GetDeviceIDs)              \
                          entry(GetDeviceInfo) entry(GetEventInfo) entry(GetEventProfilingInfo)                      \
                              entry(GetKernelWorkGroupInfo) entry(GetMemObjectInfo) entry(GetPlatformIDs)            \
                                  entry(GetPlatformInfo) entry(GetProgramBuildInfo) entry(GetProgramInfo)            \
                                      entry(ReleaseCommandQueue) entry(ReleaseContext) entry(ReleaseEvent)           \
                                          entry(ReleaseKernel) entry(ReleaseMemObject) entry(ReleaseProgram)         \
                                              entry(RetainCommandQueue) entry(RetainContext) entry(RetainMemObject)  \
                                                  entry(RetainProgram) entry(SetKernelArg) entry(WaitForEvents)

typedef struct kvox_ocl_table {
#define KVOX_OCL_MEMBER(name) __typeof__(&cl##name) name;
  KVOX_OCL_ENTRY_POINTS(KVOX_OCL_MEMBER)
#undef KVOX_OCL_MEMBER
} kvox_ocl_table;

/* Opens the library at the first call of the process. KVOX_ERROR_DEVICE with the reason where there is none, or it
 * lacks an entry point. */
kvox_status kvox_ocl_table_get(const kvox_ocl_table **table);

/* The sentence for a call that failed: "NAME: clCreateBuffer failed with CL_OUT_OF_RESOURCES (-5) on DEVICE". Returns
 * KVOX_ERROR_DEVICE. `device` may be NULL. */
kvox_status kvox_ocl_fail(const kvox_ocl *ocl, const char *call, cl_int error);

/* What the room's files, and VkFFT's, know of a device in use. */
struct kvox_ocl {
  kvox_heap *heap;
  atomic_int holders;
  const kvox_ocl_table *cl;
  cl_platform_id platform;
  cl_device_id device;
  cl_context context;
  cl_command_queue host_queue;                  /* NULL: queues of our own */
  cl_command_queue_properties queue_properties; /* of our own queues: profiling, out of order where there is that */
  kvox_device_info info;
  struct kvox_ocl_queues *queues;     /* of queue.c: those that nobody has */
  struct kvox_ocl_programs *programs; /* of program.c: those that were built, and the folder */
};

/* Parts of open and drop. */
kvox_status kvox_ocl_queues_create(kvox_ocl *ocl);
void kvox_ocl_queues_destroy(kvox_ocl *ocl);
kvox_status kvox_ocl_programs_create(kvox_ocl *ocl, const char *cache_folder);
void kvox_ocl_programs_destroy(kvox_ocl *ocl);

/*
 * A built program of any source text, `name` for sentences, through the same caches as the programs of kernels/; what
 * kvox_ocl_program_get adds to the options is added. The caller releases it. Thread-safe.
 */
kvox_status kvox_ocl_build(kvox_ocl *ocl, const char *name, const char *source, size_t length, const char *options,
                           cl_program *program);

cl_mem kvox_ocl_memory(const kvox_buffer *buffer);

/* Enqueues a kernel whose arguments are set, behind the queue's last command: the one place where kernels start. */
kvox_status kvox_ocl_enqueue(kvox_ocl_queue *queue, cl_kernel kernel, cl_uint dimensions, const size_t *items,
                             const size_t *group);

#endif

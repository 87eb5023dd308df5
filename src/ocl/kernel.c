#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "ocl/program.h"

enum { NAME_BYTES = 64 };

struct kvox_ocl_kernel {
  kvox_ocl *ocl; /* held: it holds the program */
  cl_kernel kernel;
  uint64_t largest_group;
  char name[NAME_BYTES];
};

/* The sentence of a call about one kernel. */
static kvox_status fail(const kvox_ocl *ocl, const char *call, const char *kernel, cl_int error) {
  char text[2 * NAME_BYTES];
  snprintf(text, sizeof text, "%s (kernel %.*s)", call, NAME_BYTES - 1, kernel);
  return kvox_ocl_fail(ocl, text, error);
}

kvox_status kvox_ocl_kernel_create(kvox_ocl_program *program, const char *name, kvox_ocl_kernel **kernel) {
  kvox_ocl *ocl = kvox_ocl_program_device(program);
  size_t largest = 0;
  cl_int error = CL_SUCCESS;
  kvox_ocl_kernel *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  cl_kernel handle = ocl->cl->CreateKernel(kvox_ocl_program_handle(program), name, &error);
  if (handle == NULL || error != CL_SUCCESS) {
    kvox_release(ocl->heap, made);
    return fail(ocl, "clCreateKernel", name, error);
  }
  error =
      ocl->cl->GetKernelWorkGroupInfo(handle, ocl->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof largest, &largest, NULL);
  if (error != CL_SUCCESS) {
    ocl->cl->ReleaseKernel(handle);
    kvox_release(ocl->heap, made);
    return fail(ocl, "clGetKernelWorkGroupInfo", name, error);
  }
  made->ocl = kvox_ocl_hold(ocl);
  made->kernel = handle;
  made->largest_group = largest;
  snprintf(made->name, sizeof made->name, "%s", name);
  *kernel = made;
  return KVOX_OK;
}

void kvox_ocl_kernel_destroy(kvox_ocl_kernel *kernel) {
  if (kernel != NULL) {
    kvox_ocl *ocl = kernel->ocl;
    ocl->cl->ReleaseKernel(kernel->kernel);
    kvox_release(ocl->heap, kernel);
    kvox_ocl_drop(ocl);
  }
}

uint64_t kvox_ocl_kernel_largest_group(const kvox_ocl_kernel *kernel) { return kernel->largest_group; }

uint64_t kvox_ocl_kernel_group(const kvox_ocl_kernel *kernel, uint64_t wanted) {
  uint64_t group = 1;
  while (2 * group <= wanted && 2 * group <= kernel->largest_group) {
    group *= 2;
  }
  return group;
}

kvox_status kvox_ocl_kernel_get(kvox_ocl *ocl, const char *program, const char *options, const char *name,
                                kvox_ocl_kernel **kernel) {
  kvox_ocl_program *built = NULL;
  KVOX_TRY(kvox_ocl_program_get(ocl, program, options, &built));
  const kvox_status status = kvox_ocl_kernel_create(built, name, kernel);
  kvox_ocl_program_drop(built);
  return status;
}

static kvox_status set_argument(const kvox_ocl_kernel *kernel, int32_t index, const kvox_ocl_argument *argument) {
  const kvox_ocl *ocl = kernel->ocl;
  cl_int error = CL_SUCCESS;
  if (argument->buffer != NULL) {
    const cl_mem memory = kvox_ocl_memory(argument->buffer);
    error = ocl->cl->SetKernelArg(kernel->kernel, (cl_uint)index, sizeof memory, &memory);
  } else {
    error = ocl->cl->SetKernelArg(kernel->kernel, (cl_uint)index, argument->bytes, argument->value);
  }
  if (error != CL_SUCCESS) {
    char text[2 * NAME_BYTES];
    snprintf(text, sizeof text, "clSetKernelArg (argument %" PRId32 " of kernel %s)", index, kernel->name);
    return kvox_ocl_fail(ocl, text, error);
  }
  return KVOX_OK;
}

kvox_status kvox_ocl_run(kvox_ocl_queue *queue, kvox_ocl_kernel *kernel, const kvox_ocl_range *range,
                         const kvox_ocl_argument *arguments, int32_t count) {
  size_t items[3], group[3];
  cl_uint dimensions = 1;
  for (int32_t d = 0; d < 3; d++) {
    const uint64_t step = range->group[d] != 0 ? range->group[d] : 1,
                   wanted = range->items[d] != 0 ? range->items[d] : 1;
    if (wanted > SIZE_MAX - (step - 1)) {
      return kvox_fail(KVOX_ERROR_SIZE, "kernel %s: %" PRIu64 " work-items in groups of %" PRIu64 " do not fit 64 bits",
                       kernel->name, wanted, step);
    }
    group[d] = (size_t)step;
    items[d] = (size_t)((wanted + step - 1) / step * step);
    dimensions = items[d] > 1 ? (cl_uint)d + 1 : dimensions;
  }
  for (int32_t i = 0; i < count; i++) {
    KVOX_TRY(set_argument(kernel, i, &arguments[i]));
  }
  return kvox_ocl_enqueue(queue, kernel->kernel, dimensions, items, group);
}

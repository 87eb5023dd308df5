#include <inttypes.h>

#include "core/array.h"
#include "core/fail.h"
#include "ocl/queue.h"

cl_mem kvox_ocl_memory(const kvox_buffer *buffer) { return buffer->memory; }

static void release(kvox_buffer *buffer) {
  kvox_ocl *ocl = buffer->device;
  ocl->cl->ReleaseMemObject(buffer->memory);
  kvox_ocl_drop(ocl);
}

/* The bytes of a device that an array spans. */
static void span_of(const kvox_array *array, size_t *begin, size_t *bytes, int64_t *low) {
  int64_t high;
  kvox_array_extent(array, low, &high);
  *begin = (size_t)(uintptr_t)kvox_array_shifted(array, *low);
  *bytes = (size_t)(high - *low);
}

static kvox_status map_on(kvox_ocl_queue *queue, const kvox_array *array, int32_t access, kvox_array *host) {
  const kvox_ocl *ocl = array->buffer->device;
  const cl_map_flags flags = (access & KVOX_MAP_READ ? CL_MAP_READ : 0) | (access & KVOX_MAP_WRITE ? CL_MAP_WRITE : 0);
  kvox_ocl_command command;
  size_t begin, bytes;
  int64_t low;
  cl_int error = CL_SUCCESS;
  span_of(array, &begin, &bytes, &low);
  KVOX_TRY(kvox_ocl_begin(queue));
  KVOX_TRY(kvox_ocl_command_begin(queue, &command));
  void *mapped = ocl->cl->EnqueueMapBuffer(command.queue, array->buffer->memory, CL_FALSE, flags, begin, bytes,
                                           KVOX_OCL_WAIT_LIST(&command), &error);
  KVOX_TRY(kvox_ocl_command_end(queue, &command, "clEnqueueMapBuffer", error));
  kvox_status status = kvox_ocl_wait(queue);
  if (status != KVOX_OK) {
    /* Nobody learns of the mapping: it is given up without a look at the chain. */
    ocl->cl->EnqueueUnmapMemObject(command.queue, array->buffer->memory, mapped, 0, NULL, NULL);
    return status;
  }
  host->data = (char *)mapped - low;
  return KVOX_OK;
}

static kvox_status unmap_on(kvox_ocl_queue *queue, const kvox_array *array, const kvox_array *host) {
  const kvox_ocl *ocl = array->buffer->device;
  kvox_ocl_command command;
  size_t begin, bytes;
  int64_t low;
  span_of(array, &begin, &bytes, &low);
  /* Without kvox_ocl_begin: nobody else uses the array, and a failure there would leave it mapped. */
  KVOX_TRY(kvox_ocl_command_begin(queue, &command));
  const cl_int error = ocl->cl->EnqueueUnmapMemObject(command.queue, array->buffer->memory, (char *)host->data + low,
                                                      KVOX_OCL_WAIT_LIST(&command));
  KVOX_TRY(kvox_ocl_command_end(queue, &command, "clEnqueueUnmapMemObject", error));
  return kvox_ocl_finish(queue);
}

static kvox_status map(const kvox_array *array, int32_t access, kvox_array *host) {
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_ocl_queue_take(array->buffer->device, &queue));
  const kvox_status status = map_on(queue, array, access, host);
  kvox_ocl_queue_give_back(queue);
  return status;
}

static kvox_status unmap(const kvox_array *array, const kvox_array *host) {
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_ocl_queue_take(array->buffer->device, &queue));
  const kvox_status status = unmap_on(queue, array, host);
  kvox_ocl_queue_give_back(queue);
  return status;
}

static const kvox_buffer_kind opencl = {.release = release, .copy = kvox_ocl_copy_now, .map = map, .unmap = unmap};

/* Takes over `memory`, also where it fails. */
static kvox_status make(kvox_ocl *ocl, cl_mem memory, uint64_t bytes, kvox_buffer **buffer) {
  const kvox_status status = kvox_buffer_make(ocl->heap, &opencl, ocl, memory, bytes, buffer);
  if (status == KVOX_OK) {
    kvox_ocl_hold(ocl);
  } else {
    ocl->cl->ReleaseMemObject(memory);
  }
  return status;
}

kvox_status kvox_ocl_buffer_create(kvox_ocl *ocl, uint64_t bytes, const char *what, kvox_buffer **buffer) {
  const kvox_ocl_table *table = NULL;
  KVOX_TRY(kvox_ocl_table_get(&table));
  if (bytes == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: a buffer of 0 bytes; it needs at least 1", what);
  }
  if (bytes > ocl->info.largest_buffer_bytes) {
    return kvox_fail(KVOX_ERROR_DEVICE,
                     "%s: a buffer of %" PRIu64 " bytes is larger than the %" PRIu64 " that %s gives at once", what,
                     bytes, ocl->info.largest_buffer_bytes, ocl->info.name);
  }
  cl_int error = CL_SUCCESS;
  const uint64_t words = (bytes + 3) / 4; /* so that it can be filled by words */
  cl_mem memory = ocl->cl->CreateBuffer(ocl->context, CL_MEM_READ_WRITE, (size_t)(4 * words), NULL, &error);
  if (error != CL_SUCCESS) {
    kvox_ocl_fail(ocl, "clCreateBuffer", error);
    return kvox_fail(KVOX_ERROR_DEVICE, "%s (%" PRIu64 " bytes): %s", what, bytes, kvox_last_error());
  }
  return make(ocl, memory, bytes, buffer);
}

/* What is asked of a host's memory object. */
typedef struct facts {
  cl_mem_object_type type;
  cl_context context;
  size_t bytes, offset;
  cl_mem whole; /* NULL: no part of another */
} facts;

static cl_int ask(const kvox_ocl_table *cl, cl_mem memory, facts *f) {
  const struct {
    cl_mem_info what;
    void *to;
    size_t size;
  } questions[] = {
      {CL_MEM_TYPE, &f->type, sizeof f->type},
      {CL_MEM_CONTEXT, &f->context, sizeof f->context},
      {CL_MEM_SIZE, &f->bytes, sizeof f->bytes},
      {CL_MEM_OFFSET, &f->offset, sizeof f->offset},
      {CL_MEM_ASSOCIATED_MEMOBJECT, &f->whole, sizeof f->whole},
  };
  cl_int error = CL_SUCCESS;
  for (size_t i = 0; i < sizeof questions / sizeof *questions && error == CL_SUCCESS; i++) {
    error = cl->GetMemObjectInfo(memory, questions[i].what, questions[i].size, questions[i].to, NULL);
  }
  return error;
}

kvox_status kvox_ocl_buffer_wrap(kvox_ocl *ocl, void *cl_mem_handle, kvox_buffer **buffer) {
  const kvox_ocl_table *cl = NULL;
  facts f = {.type = 0};
  KVOX_TRY(kvox_ocl_table_get(&cl));
  cl_int error = ask(cl, cl_mem_handle, &f);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clGetMemObjectInfo", error);
  }
  if (f.type != CL_MEM_OBJECT_BUFFER) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_buffer_wrap: the memory object is an image or a pipe, must be a buffer");
  }
  if (f.context != ocl->context) {
    return kvox_fail(
        KVOX_ERROR_ARGUMENT,
        "kvox_buffer_wrap: the buffer is of another cl_context than the one that was given to the context");
  }
  error = cl->RetainMemObject(cl_mem_handle);
  if (error != CL_SUCCESS) {
    return kvox_ocl_fail(ocl, "clRetainMemObject", error);
  }
  kvox_buffer *made = NULL;
  KVOX_TRY(make(ocl, cl_mem_handle, f.bytes, &made));
  if (f.whole != NULL) {
    made->whole = f.whole;
    made->begin = f.offset;
  }
  *buffer = made;
  return KVOX_OK;
}

kvox_status kvox_ocl_check_place(const kvox_ocl *ocl, const kvox_array *array, const char *name) {
  if (array->buffer == NULL) {
    return KVOX_OK;
  }
  if (ocl == NULL) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "%s: lies on an OpenCL device, and this call computes on the CPU; copy it with kvox_array_copy",
                     name);
  }
  if (array->buffer->kind != &opencl || array->buffer->device != ocl) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "%s: lies on the device of another context; copy it by way of the host's memory", name);
  }
  return KVOX_OK;
}

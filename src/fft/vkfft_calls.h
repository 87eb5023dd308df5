/*
 * vkFFT.h and what it stands on. Included once, by fft_vkfft.c.
 *
 * VkFFT (Tolmachev 2023) is a header that calls OpenCL, the allocator, printf and setlocale by their names. Macros put
 * functions of ours in their places. Each finds the transform that it works for in a variable of VkFFT's that is in
 * sight at every call, `app` or `sc`, so that no state is shared: VkFFT's cl_context is really a pointer to this host.
 *
 * What VkFFT takes is kept in a list of the transform, from which all is released at its end: some of VkFFT's own ways
 * out leave things behind. A call that fails leaves VkFFT by longjmp: its code has nothing to clean up that is not in
 * the list, and does not look at every pointer that malloc gives it.
 */
#ifndef KVOX_FFT_VKFFT_CALLS_H
#define KVOX_FFT_VKFFT_CALLS_H

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "ocl/table.h"

typedef enum piece_kind { HOST_MEMORY, BUFFER, PROGRAM, KERNEL } piece_kind;

typedef struct vkfft_host vkfft_host;

/* One thing that VkFFT holds; host memory follows its piece. */
typedef struct piece {
  _Alignas(KVOX_ALIGNMENT) vkfft_host *host;
  struct piece *before, *after;
  piece_kind kind;
  uint64_t bytes; /* BUFFER */
  void *object;   /* kvox_buffer, cl_program, cl_kernel */
} piece;

struct vkfft_host {
  kvox_ocl *ocl;
  piece *pieces;
  kvox_ocl_queue *queue; /* NULL between calls */
  /* Nothing is made on the device, its memory is counted only. */
  bool rehearsal;
  uint64_t bytes, most_bytes;
  kvox_status status; /* of the call that failed */
  jmp_buf failed;
};

_Noreturn static void give_up(vkfft_host *host, kvox_status status) {
  host->status = status;
  longjmp(host->failed, 1);
}

static void expect(vkfft_host *host, kvox_status status) {
  if (status != KVOX_OK) {
    give_up(host, status);
  }
}

static cl_int expect_call(vkfft_host *host, const char *call, cl_int error) {
  if (error != CL_SUCCESS) {
    give_up(host, kvox_ocl_fail(host->ocl, call, error));
  }
  return CL_SUCCESS;
}

static piece *add_piece(vkfft_host *host, piece_kind kind, uint64_t bytes) {
  piece *p = kvox_allocate(host->ocl->heap, sizeof *p + bytes);
  if (p == NULL) {
    give_up(host, KVOX_ERROR_MEMORY);
  }
  *p = (piece){.host = host, .after = host->pieces, .kind = kind};
  if (p->after != NULL) {
    p->after->before = p;
  }
  host->pieces = p;
  return p;
}

static void drop_piece(piece *p) {
  vkfft_host *host = p->host;
  if (p->before != NULL) {
    p->before->after = p->after;
  } else {
    host->pieces = p->after;
  }
  if (p->after != NULL) {
    p->after->before = p->before;
  }
  host->bytes -= p->bytes;
  if (!host->rehearsal && p->object != NULL) {
    switch (p->kind) {
      case HOST_MEMORY: break;
      case BUFFER: kvox_buffer_destroy(p->object); break;
      case PROGRAM: host->ocl->cl->ReleaseProgram(p->object); break;
      case KERNEL: host->ocl->cl->ReleaseKernel(p->object); break;
    }
  }
  kvox_release(host->ocl->heap, p);
}

static void drop_pieces(vkfft_host *host) {
  while (host->pieces != NULL) {
    drop_piece(host->pieces);
  }
}

/* What VkFFT knows a piece by. */
static void *handle_of(const piece *p) {
  return p->kind == BUFFER && !p->host->rehearsal ? (void *)kvox_ocl_memory(p->object) : p->object;
}

static cl_int drop_object(vkfft_host *host, piece_kind kind, const void *handle) {
  for (piece *p = host->pieces; p != NULL; p = p->after) {
    if (p->kind == kind && handle_of(p) == handle) {
      drop_piece(p);
      break;
    }
  }
  return CL_SUCCESS;
}

/* ---- The host's memory ---- */

static void *take_memory(vkfft_host *host, uint64_t count, uint64_t size, bool zeros) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) {
    give_up(host, kvox_fail(KVOX_ERROR_MEMORY, "fft: out of memory"));
  }
  void *memory = add_piece(host, HOST_MEMORY, bytes) + 1;
  if (zeros) {
    memset(memory, 0, (size_t)bytes);
  }
  return memory;
}

static void give_memory(void *memory) {
  if (memory != NULL) {
    drop_piece((piece *)memory - 1);
  }
}

/* Numbers are written within uselocale, which is the thread's own. */
static const char *leave_locale(int category, const char *name) {
  (void)category;
  (void)name;
  return NULL;
}

/* ---- OpenCL ---- */

/* While a transform is made, a queue is taken when it is first needed. */
static kvox_ocl_queue *queue_of(vkfft_host *host) {
  if (host->queue == NULL) {
    expect(host, kvox_ocl_queue_take(host->ocl, &host->queue));
    expect(host, kvox_ocl_begin(host->queue));
  }
  return host->queue;
}

/* More local memory than any GPU of today gives to a group only makes the kernels of CPUs unwieldy. */
static const cl_ulong most_local_bytes = 65536;

static cl_int get_device_info(vkfft_host *host, cl_device_info what, size_t bytes, void *value) {
  expect_call(host, "clGetDeviceInfo", host->ocl->cl->GetDeviceInfo(host->ocl->device, what, bytes, value, NULL));
  if (what == CL_DEVICE_LOCAL_MEM_SIZE && *(cl_ulong *)value > most_local_bytes) {
    *(cl_ulong *)value = most_local_bytes;
  }
  return CL_SUCCESS;
}

static cl_mem create_buffer(vkfft_host *host, uint64_t bytes, const void *contents, cl_int *error) {
  piece *p = add_piece(host, BUFFER, 0);
  p->bytes = bytes;
  host->bytes += bytes;
  host->most_bytes = host->bytes > host->most_bytes ? host->bytes : host->most_bytes;
  *error = CL_SUCCESS;
  if (host->rehearsal) {
    p->object = p;
    return (cl_mem)(void *)p;
  }
  kvox_buffer *buffer = NULL;
  expect(host, kvox_ocl_buffer_create(host->ocl, bytes, "tables of a Fourier transform", &buffer));
  p->object = buffer;
  if (contents != NULL) {
    expect(host, kvox_ocl_write(queue_of(host), buffer, 0, contents, bytes));
  }
  return kvox_ocl_memory(buffer);
}

static cl_int write_buffer(vkfft_host *host, cl_mem memory, uint64_t offset, uint64_t bytes, const void *contents) {
  for (piece *p = host->pieces; p != NULL && !host->rehearsal; p = p->after) {
    if (p->kind == BUFFER && handle_of(p) == memory) {
      expect(host, kvox_ocl_write(queue_of(host), p->object, offset, contents, bytes));
      break;
    }
  }
  return CL_SUCCESS;
}

/* Created and built in one: from the device's cache where it can be. */
static cl_program create_program(vkfft_host *host, const char *source, size_t length, cl_int *error) {
  static const char head[] = "#pragma OPENCL FP_CONTRACT OFF\n";
  const size_t head_length = sizeof head - 1;
  piece *p = add_piece(host, PROGRAM, 0);
  *error = CL_SUCCESS;
  if (host->rehearsal) {
    p->object = p;
    return (cl_program)(void *)p;
  }
  char *text = take_memory(host, 1, head_length + length, false);
  memcpy(text, head, head_length);
  memcpy(text + head_length, source, length);
  cl_program program = NULL;
  expect(host, kvox_ocl_build(host->ocl, "vkfft", text, head_length + length, "", &program));
  p->object = program;
  give_memory(text);
  return program;
}

static cl_kernel create_kernel(vkfft_host *host, cl_program program, const char *name, cl_int *error) {
  piece *p = add_piece(host, KERNEL, 0);
  *error = CL_SUCCESS;
  p->object = host->rehearsal ? (void *)p : (void *)host->ocl->cl->CreateKernel(program, name, error);
  expect_call(host, "clCreateKernel", *error);
  return p->object;
}

static cl_int set_argument(vkfft_host *host, cl_kernel kernel, cl_uint index, size_t bytes, const void *value) {
  return host->rehearsal
             ? CL_SUCCESS
             : expect_call(host, "clSetKernelArg", host->ocl->cl->SetKernelArg(kernel, index, bytes, value));
}

static cl_int enqueue_kernel(vkfft_host *host, cl_kernel kernel, cl_uint dimensions, const size_t *items,
                             const size_t *group) {
  if (!host->rehearsal) {
    expect(host, kvox_ocl_enqueue(queue_of(host), kernel, dimensions, items, group));
  }
  return CL_SUCCESS;
}

static cl_int finish(vkfft_host *host) {
  if (!host->rehearsal) {
    expect(host, kvox_ocl_finish(queue_of(host)));
  }
  return CL_SUCCESS;
}

/* ---- In the places of VkFFT's calls ---- */

/* Where VkFFT has no variable of these names in sight they are these, and a call does not compile. */
enum { sc = 0, app = 0 };
typedef struct nobody {
  int none;
} nobody;
static vkfft_host *host_of_code(const void *code);
static vkfft_host *host_of_application(const void *application);
/* clang-format off */
#define HOST                                                                  \
  _Generic((sc),                                                              \
           VkFFTSpecializationConstantsLayout *: host_of_code(sc),            \
           default: _Generic((app),                                           \
                             VkFFTApplication *: host_of_application(app),    \
                             default: (nobody){0}))
/* clang-format on */

/* Names before their arguments, so that whoever looks for calls of the allocator finds none. */
#define TAKE_MEMORY(bytes) take_memory(HOST, 1, (bytes), false)
#define TAKE_ZEROS(count, size) take_memory(HOST, (count), (size), true)
#define SAY_NOTHING(...) ((void)0)
#define malloc TAKE_MEMORY
#define calloc TAKE_ZEROS
#define free give_memory
#define printf SAY_NOTHING
#define setlocale leave_locale

#define clGetDeviceInfo(device, what, bytes, value, got) get_device_info(HOST, what, bytes, value)
#define clCreateBuffer(context, flags, bytes, contents, error) create_buffer(HOST, bytes, contents, error)
#define clReleaseMemObject(memory) drop_object(HOST, BUFFER, memory)
#define clCreateProgramWithSource(context, count, source, length, error) \
  create_program(HOST, *(source), *(length), error)
#define clBuildProgram(program, count, devices, options, notify, data) CL_SUCCESS
#define clReleaseProgram(program) drop_object(HOST, PROGRAM, program)
#define clCreateKernel(program, name, error) create_kernel(HOST, program, name, error)
#define clReleaseKernel(kernel) drop_object(HOST, KERNEL, kernel)
#define clSetKernelArg(kernel, index, bytes, value) set_argument(HOST, kernel, index, bytes, value)
#define clCreateCommandQueue(context, device, properties, error) (*(error) = CL_SUCCESS, (cl_command_queue)NULL)
#define clReleaseCommandQueue(queue) CL_SUCCESS
#define clEnqueueWriteBuffer(queue, memory, wait, offset, bytes, contents, count, events, event) \
  write_buffer(HOST, memory, offset, bytes, contents)
#define clEnqueueNDRangeKernel(queue, kernel, dimensions, begin, items, group, count, events, event) \
  enqueue_kernel(HOST, kernel, dimensions, items, group)
#define clFinish(queue) finish(HOST)
/* Of ways that Kvox does not take: VkFFT's own log of a build, and its own store of binaries. */
#define clGetProgramBuildInfo(...) ((void)0)
#define clGetProgramInfo(...) CL_INVALID_OPERATION
#define clCreateProgramWithBinary(context, count, devices, lengths, binaries, status, error) \
  (*(error) = CL_INVALID_OPERATION, (cl_program)NULL)

#define VKFFT_BACKEND 3 /* OpenCL */
#include <vkFFT.h>

#undef malloc
#undef calloc
#undef free
#undef printf
#undef setlocale

/* Code is written into host memory that was taken for it. */
static vkfft_host *host_of_code(const void *code) {
  return ((const piece *)(const void *)((const VkFFTSpecializationConstantsLayout *)code)->code0 - 1)->host;
}

static vkfft_host *host_of_application(const void *application) {
  return (vkfft_host *)(void *)((const VkFFTApplication *)application)->configuration.context[0];
}

#endif

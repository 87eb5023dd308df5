/*
 * OpenCL as the other rooms see it: a device in use, memory on it, queues of commands, programs and their kernels. No
 * type of CL/cl.h appears here; ocl/table.h has those.
 *
 * Every failure of an OpenCL call is KVOX_ERROR_DEVICE with a sentence that names the call, its error and the device.
 */
#ifndef KVOX_OCL_OCL_H
#define KVOX_OCL_OCL_H

#include <stdbool.h>

#include "core/buffer.h"

/* ---- The device in use: shared by all that is made with one context ---- */

typedef struct kvox_ocl kvox_ocl;

typedef struct kvox_ocl_options {
  const char *device;       /* as in kvox_context_options, the environment applied; NULL: auto */
  bool gpu_alone;           /* auto means a GPU or nothing */
  const char *cache_folder; /* of built programs; NULL: none */
  void *context, *queue;    /* the host's own, both or none */
} kvox_ocl_options;

/* `reason` (of `size` bytes, empty before) says why this device, in words; after a failure, that there was one. */
kvox_status kvox_ocl_open(kvox_heap *heap, const kvox_ocl_options *options, kvox_ocl **ocl, char *reason, size_t size);
kvox_ocl *kvox_ocl_hold(kvox_ocl *ocl);
void kvox_ocl_drop(kvox_ocl *ocl); /* NULL is fine */

const kvox_device_info *kvox_ocl_info(const kvox_ocl *ocl);

/* What a plan may take of the device's memory when nobody sets a limit. */
uint64_t kvox_ocl_usual_memory(const kvox_ocl *ocl);

/* ---- Memory ---- */

/* Not cleared. `what` is for the sentence: "filtered views". */
kvox_status kvox_ocl_buffer_create(kvox_ocl *ocl, uint64_t bytes, const char *what, kvox_buffer **buffer);

/* A new one of `count` bytes of the host. */
kvox_status kvox_ocl_buffer_from(kvox_ocl *ocl, const char *what, const void *bytes, uint64_t count,
                                 kvox_buffer **buffer);

/* Around a host's cl_mem, which is retained. */
kvox_status kvox_ocl_buffer_wrap(kvox_ocl *ocl, void *cl_mem_handle, kvox_buffer **buffer);

/* Fails unless the array lies in the host's memory or on this device (`ocl` NULL: in the host's). */
kvox_status kvox_ocl_check_place(const kvox_ocl *ocl, const kvox_array *array, const char *name);

/* ---- Queues ---- */

/*
 * A line of commands, each waiting for the one before it by its event, so that an out-of-order queue keeps the order
 * too. One thread at a time. Commands belong to the stage that was named last; their device times add up by stage.
 * After a failure the queue takes nothing more until kvox_ocl_finish, which returns the failure.
 */
typedef struct kvox_ocl_queue kvox_ocl_queue;

/* Queues are kept and given out again: take and give_back cost nothing when warm. */
kvox_status kvox_ocl_queue_take(kvox_ocl *ocl, kvox_ocl_queue **queue);
void kvox_ocl_queue_give_back(kvox_ocl_queue *queue); /* waits for what is under way; NULL is fine */

/* Begins an execution: times forgotten; where the queue is the host's, behind all that the host put into it. */
kvox_status kvox_ocl_begin(kvox_ocl_queue *queue);

/* What follows belongs to this stage (a constant string). */
void kvox_ocl_stage(kvox_ocl_queue *queue, const char *stage);

/* Waits until what was enqueued before the last mark is done, and sets a mark here: the host runs at most one marked
 * piece of work ahead of the device. Reports its failure. */
kvox_status kvox_ocl_mark(kvox_ocl_queue *queue);

/* Waits for all. */
kvox_status kvox_ocl_finish(kvox_ocl_queue *queue);

/* Device seconds of the stages since begin, in the order met; valid after finish. NULL and 0 beyond the last, and where
 * the host's queue takes no times. */
const char *kvox_ocl_stage_name(const kvox_ocl_queue *queue, int32_t index);
double kvox_ocl_stage_seconds(const kvox_ocl_queue *queue, int32_t index);

/* ---- Commands ---- */

/*
 * Copies between arrays of one type and shape: host to device, back, or within the device. The host's memory may be
 * used again when it returns where `wait` is true, else after the next-but-one mark or finish. Strides may be anything;
 * boxes that OpenCL cannot copy at once are copied row by row.
 */
kvox_status kvox_ocl_copy(kvox_ocl_queue *queue, const kvox_array *from, const kvox_array *to, bool wait);

/* Bytes from and to the host's memory, which may be used again when these return. */
kvox_status kvox_ocl_write(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, const void *bytes,
                           uint64_t count);
kvox_status kvox_ocl_read(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, void *bytes, uint64_t count);

/* Fills with a 32-bit pattern; offset and count are multiples of 4 bytes. */
kvox_status kvox_ocl_fill(kvox_ocl_queue *queue, kvox_buffer *buffer, uint64_t offset, uint64_t count,
                          uint32_t pattern);

/* ---- Programs and kernels ---- */

typedef struct kvox_ocl_program kvox_ocl_program;
typedef struct kvox_ocl_kernel kvox_ocl_kernel;

/*
 * The program kernels/NAME.cl, built with `options` ("-D LANES=4"); what is always added is stated in docs. Taken from
 * memory, from the cache folder, or built; the build log is in the sentence when it fails. Thread-safe.
 */
kvox_status kvox_ocl_program_get(kvox_ocl *ocl, const char *name, const char *options, kvox_ocl_program **program);
void kvox_ocl_program_drop(kvox_ocl_program *program);

/* A kernel object of one execution: arguments are its state, so that no two threads may share it. Holds the program. */
kvox_status kvox_ocl_kernel_create(kvox_ocl_program *program, const char *name, kvox_ocl_kernel **kernel);
void kvox_ocl_kernel_destroy(kvox_ocl_kernel *kernel);

/* Most work-items of a group of this kernel on its device. */
uint64_t kvox_ocl_kernel_largest_group(const kvox_ocl_kernel *kernel);

/* The largest power of two up to `wanted` that such a group may have. */
uint64_t kvox_ocl_kernel_group(const kvox_ocl_kernel *kernel, uint64_t wanted);

/* The program and one kernel of it in one call: for kernels that an execution state owns. */
kvox_status kvox_ocl_kernel_get(kvox_ocl *ocl, const char *program, const char *options, const char *name,
                                kvox_ocl_kernel **kernel);

typedef struct kvox_ocl_argument {
  const void *value; /* NULL with no buffer: local memory of `bytes` */
  size_t bytes;
  const kvox_buffer *buffer; /* a buffer from its begin */
} kvox_ocl_argument;

#define KVOX_OCL_VALUE(x) ((kvox_ocl_argument){.value = &(x), .bytes = sizeof(x)})
#define KVOX_OCL_BUFFER(b) ((kvox_ocl_argument){.buffer = (b)})
#define KVOX_OCL_LOCAL(n) ((kvox_ocl_argument){.bytes = (n)})

typedef struct kvox_ocl_range {
  uint64_t items[3]; /* wanted: rounded up to whole groups, so that kernels test their bounds; 0 counts as 1 */
  uint64_t group[3]; /* 0 counts as 1 */
} kvox_ocl_range;

kvox_status kvox_ocl_run(kvox_ocl_queue *queue, kvox_ocl_kernel *kernel, const kvox_ocl_range *range,
                         const kvox_ocl_argument *arguments, int32_t count);

#endif

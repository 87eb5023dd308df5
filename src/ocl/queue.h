/* Commands behind one another: of this room. */
#ifndef KVOX_OCL_QUEUE_H
#define KVOX_OCL_QUEUE_H

#include "ocl/table.h"

/* A command about to be enqueued: where, and behind what. */
typedef struct kvox_ocl_command {
  cl_command_queue queue;
  cl_uint waits; /* 1 or 0 */
  cl_event last;
  cl_event event; /* what the call gives */
} kvox_ocl_command;

#define KVOX_OCL_WAIT_LIST(command) \
  (command)->waits, ((command)->waits > 0 ? &(command)->last : NULL), &(command)->event

/* Fails where the queue has failed. */
kvox_status kvox_ocl_command_begin(kvox_ocl_queue *queue, kvox_ocl_command *command);

/* What the call (a constant string) came to. */
kvox_status kvox_ocl_command_end(kvox_ocl_queue *queue, const kvox_ocl_command *command, const char *call,
                                 cl_int error);

/* Waits for all; the failure stays the queue's until kvox_ocl_finish. */
kvox_status kvox_ocl_wait(kvox_ocl_queue *queue);

kvox_ocl *kvox_ocl_queue_device(const kvox_ocl_queue *queue);

/* What kvox_array_copy does with arrays of these buffers. */
kvox_status kvox_ocl_copy_now(const kvox_array *from, const kvox_array *to);

#endif

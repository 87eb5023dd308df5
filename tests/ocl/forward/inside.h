/* What the files of the forwarding library share. */
#ifndef KVOX_TESTS_OCL_FORWARD_INSIDE_H
#define KVOX_TESTS_OCL_FORWARD_INSIDE_H

#include "forward.h"
#include "ocl/table.h"

/* The real library's. */
typedef struct forward_real {
  kvox_ocl_table cl;
  __typeof__(&clEnqueueMarkerWithWaitList) EnqueueMarkerWithWaitList;
} forward_real;
const forward_real *forward_library(void); /* NULL: there is none */

enum { FORWARD_MOST_ARGUMENTS = 48 };

typedef struct forward_object {
  void *handle;
  forward_kind kind;
  uint64_t serial; /* tells objects apart that had one address after the other */
  int64_t holds;
  uint64_t bytes; /* of memory */
  int64_t mapped; /* regions of memory */
  cl_int error;   /* of an event whose command failed */
  struct {
    void *handle;
    uint64_t serial;
  } arguments[FORWARD_MOST_ARGUMENTS]; /* of a kernel: those that are memory */
} forward_object;

/* Counts a call: the real table where it may go on, else NULL and its error. */
const kvox_ocl_table *forward_gate(const char *name, cl_int plausible, cl_int *error);
/* The same for a release or retain, which is forwarded whatever its error is. */
cl_int forward_gate_release(const char *name, const kvox_ocl_table **cl);

forward_orders forward_ordered(void);

void forward_add(forward_kind kind, void *handle, uint64_t bytes);
/* What a call that makes something returns: watched from here on, or the error instead. */
void *forward_made(forward_kind kind, void *handle, uint64_t bytes);
void *forward_refuse(cl_int *where, cl_int error);
/* Whether the object lives; complains where it does not. */
bool forward_uses(const char *name, forward_kind kind, const void *handle);
bool forward_hold(const char *name, forward_kind kind, const void *handle);
/* How often it is still held; negative where it does not live. */
int64_t forward_release(const char *name, forward_kind kind, const void *handle);
bool forward_has_room(uint64_t bytes);

void forward_set_argument(const void *kernel, cl_uint index, size_t size, const void *value);
bool forward_uses_arguments(const char *name, const void *kernel);

/* `change` regions more or fewer. */
bool forward_map(const char *name, const void *memory, int change);

/*
 * A command: its wait list is looked at, it is counted. CL_SUCCESS, or how it ends on the device: its own failure, or
 * that it waited for one that failed.
 */
cl_int forward_command(const char *name, cl_uint count, const cl_event *events, bool has_event);
void forward_set_event_error(const void *event, cl_int error);
/* The failure of the command that an event belongs to. */
cl_int forward_event_error(const void *event);

#endif

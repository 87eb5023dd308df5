/*
 * A libOpenCL that forwards to the real one, and fails where it is told to: what a library does then. The tests put its
 * folder first in LD_LIBRARY_PATH, so that Kvox opens it as "libOpenCL.so.1", and order faults through the functions
 * below. FORWARD_OPENCL names the real library; else it is looked for where it usually lies.
 */
#ifndef KVOX_TESTS_OCL_FORWARD_H
#define KVOX_TESTS_OCL_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

typedef enum forward_kind {
  FORWARD_CONTEXT,
  FORWARD_QUEUE,
  FORWARD_MEMORY,
  FORWARD_PROGRAM,
  FORWARD_KERNEL,
  FORWARD_EVENT,
  FORWARD_KINDS
} forward_kind;

/* Zero: nothing is wrong. */
typedef struct forward_orders {
  int64_t fail_at;         /* this call of any entry point fails, counted from 1; 0: none. A failed release releases */
  bool fail_after;         /* and all calls after it but releases' work: the device is lost */
  int32_t error;           /* with this; 0: with what is plausible for the call */
  const char *fail_call;   /* all calls of this name fail ("clFinish") */
  int64_t fail_command_at; /* this command is accepted and then fails on the device, as do those that wait for it */
  bool silent_waits;       /* clWaitForEvents succeeds all the same, as some drivers' does: events alone tell */
  uint64_t most_bytes;     /* of buffers that live at once; 0: no bound */
  bool no_platform, no_device;
  bool break_sources;                    /* programs made from source do not build; the log says "told to fail" */
  bool is_gpu;                           /* every device calls itself a GPU */
  uint64_t device_bytes, largest_buffer; /* what every device claims to have; 0: the truth */
} forward_orders;

typedef struct forward_account {
  int64_t calls, commands;
  int64_t failed; /* calls and commands that were made to fail */
  char first[48]; /* the name of the first of them */
  int64_t live[FORWARD_KINDS];
  int64_t mapped;             /* regions */
  int64_t queued;             /* commands without an event: a failure of theirs shows nowhere */
  int64_t wrong;              /* uses of what was released, releases of what was not held, and the like */
  char complaint[200];        /* the first of them */
  uint64_t bytes, most_bytes; /* of buffers now, and at most since the order */
} forward_account;

/* Counting begins anew; what lives is kept. */
typedef void forward_order_function(const forward_orders *orders);
typedef void forward_look_function(forward_account *account);
forward_order_function forward_order;
forward_look_function forward_look;

/* Whether there is a real library behind. */
typedef bool forward_has_library_function(void);
forward_has_library_function forward_has_library;

#endif

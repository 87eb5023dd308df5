/* The entry points that enqueue and wait. */
#include "inside.h"

/* One command on its way: what all calls that enqueue do before and after they forward. */
typedef struct command {
  const char *name;
  cl_command_queue queue;
  cl_uint count;
  const cl_event *events;
  cl_event *event;
  cl_bool blocking;
  cl_int error;  /* of the call, where it is refused */
  cl_int ending; /* CL_SUCCESS, or how the command ends on the device */
} command;

/* The real table where the command goes on. */
static const kvox_ocl_table *begin(command *c, cl_int plausible) {
  const kvox_ocl_table *cl = forward_gate(c->name, plausible, &c->error);
  if (cl == NULL) {
    return NULL;
  }
  if (!forward_uses(c->name, FORWARD_QUEUE, c->queue)) {
    c->error = CL_INVALID_COMMAND_QUEUE;
    return NULL;
  }
  c->ending = forward_command(c->name, c->count, c->events, c->event != NULL || c->blocking);
  if (c->ending == CL_INVALID_EVENT_WAIT_LIST) {
    c->error = c->ending;
    return NULL;
  }
  return cl;
}

/* A command that fails does nothing, when its turn comes. */
static cl_int fail_later(const command *c) {
  if (c->blocking) {
    return c->ending;
  }
  const cl_int error = forward_library()->EnqueueMarkerWithWaitList(c->queue, c->count, c->events, c->event);
  if (error == CL_SUCCESS && c->event != NULL) {
    forward_add(FORWARD_EVENT, *c->event, 0);
    forward_set_event_error(*c->event, c->ending);
  }
  return error;
}

static cl_int end(const command *c, cl_int error) {
  if (error == CL_SUCCESS && c->event != NULL) {
    forward_add(FORWARD_EVENT, *c->event, 0);
  }
  return error;
}

#define COMMAND(is_blocking) \
  { .name = __func__, .queue = queue, .count = count, .events = events, .event = event, .blocking = (is_blocking) }

/* Forwards a command, or lets it fail. */
#define FORWARD(c, call)                                                      \
  {                                                                           \
    const kvox_ocl_table *cl = begin(&(c), CL_OUT_OF_RESOURCES);              \
    if (cl == NULL) {                                                         \
      return (c).error;                                                       \
    }                                                                         \
    return (c).ending != CL_SUCCESS ? fail_later(&(c)) : end(&(c), cl->call); \
  }

/* Memory that a command uses. */
#define USES(memory)                                       \
  if (!forward_uses(__func__, FORWARD_MEMORY, (memory))) { \
    return CL_INVALID_MEM_OBJECT;                          \
  }

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes,
                           void *to, cl_uint count, const cl_event *events, cl_event *event) {
  command c = COMMAND(blocking);
  USES(memory)
  FORWARD(c, EnqueueReadBuffer(queue, memory, blocking, offset, bytes, to, count, events, event))
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t bytes,
                            const void *from, cl_uint count, const cl_event *events, cl_event *event) {
  command c = COMMAND(blocking);
  USES(memory)
  FORWARD(c, EnqueueWriteBuffer(queue, memory, blocking, offset, bytes, from, count, events, event))
}

cl_int clEnqueueReadBufferRect(cl_command_queue queue, cl_mem memory, cl_bool blocking, const size_t *origin,
                               const size_t *host_origin, const size_t *region, size_t row_pitch, size_t slice_pitch,
                               size_t host_row_pitch, size_t host_slice_pitch, void *to, cl_uint count,
                               const cl_event *events, cl_event *event) {
  command c = COMMAND(blocking);
  USES(memory)
  FORWARD(c, EnqueueReadBufferRect(queue, memory, blocking, origin, host_origin, region, row_pitch, slice_pitch,
                                   host_row_pitch, host_slice_pitch, to, count, events, event))
}

cl_int clEnqueueWriteBufferRect(cl_command_queue queue, cl_mem memory, cl_bool blocking, const size_t *origin,
                                const size_t *host_origin, const size_t *region, size_t row_pitch, size_t slice_pitch,
                                size_t host_row_pitch, size_t host_slice_pitch, const void *from, cl_uint count,
                                const cl_event *events, cl_event *event) {
  command c = COMMAND(blocking);
  USES(memory)
  FORWARD(c, EnqueueWriteBufferRect(queue, memory, blocking, origin, host_origin, region, row_pitch, slice_pitch,
                                    host_row_pitch, host_slice_pitch, from, count, events, event))
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
                           size_t bytes, cl_uint count, const cl_event *events, cl_event *event) {
  command c = COMMAND(CL_FALSE);
  USES(from)
  USES(to)
  FORWARD(c, EnqueueCopyBuffer(queue, from, to, from_offset, to_offset, bytes, count, events, event))
}

cl_int clEnqueueCopyBufferRect(cl_command_queue queue, cl_mem from, cl_mem to, const size_t *from_origin,
                               const size_t *to_origin, const size_t *region, size_t from_row_pitch,
                               size_t from_slice_pitch, size_t to_row_pitch, size_t to_slice_pitch, cl_uint count,
                               const cl_event *events, cl_event *event) {
  command c = COMMAND(CL_FALSE);
  USES(from)
  USES(to)
  FORWARD(c, EnqueueCopyBufferRect(queue, from, to, from_origin, to_origin, region, from_row_pitch, from_slice_pitch,
                                   to_row_pitch, to_slice_pitch, count, events, event))
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void *pattern, size_t pattern_size,
                           size_t offset, size_t bytes, cl_uint count, const cl_event *events, cl_event *event) {
  command c = COMMAND(CL_FALSE);
  USES(memory)
  FORWARD(c, EnqueueFillBuffer(queue, memory, pattern, pattern_size, offset, bytes, count, events, event))
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                              const size_t *items, const size_t *group, cl_uint count, const cl_event *events,
                              cl_event *event) {
  command c = COMMAND(CL_FALSE);
  if (!forward_uses(__func__, FORWARD_KERNEL, kernel) || !forward_uses_arguments(__func__, kernel)) {
    return CL_INVALID_KERNEL_ARGS;
  }
  FORWARD(c, EnqueueNDRangeKernel(queue, kernel, dimensions, offset, items, group, count, events, event))
}

cl_int clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint count, const cl_event *events, cl_event *event) {
  command c = COMMAND(CL_FALSE);
  FORWARD(c, EnqueueBarrierWithWaitList(queue, count, events, event))
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t bytes, cl_uint count, const cl_event *events, cl_event *event, cl_int *status) {
  command c = COMMAND(blocking);
  cl_int error = CL_INVALID_MEM_OBJECT;
  void *host = NULL;
  if (forward_uses(__func__, FORWARD_MEMORY, memory)) {
    const kvox_ocl_table *cl = begin(&c, CL_MAP_FAILURE);
    error = cl == NULL ? c.error : c.ending;
    if (error == CL_SUCCESS) {
      host = cl->EnqueueMapBuffer(queue, memory, blocking, flags, offset, bytes, count, events, event, &error);
    }
    if (host != NULL) {
      forward_map(__func__, memory, 1);
      end(&c, error);
    }
  }
  if (status != NULL) {
    *status = error;
  }
  return host;
}

/* One that is refused has unmapped all the same, as a release has released: there is nothing else to be done with the
 * region. */
cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void *host, cl_uint count, const cl_event *events,
                               cl_event *event) {
  command c = COMMAND(CL_FALSE);
  USES(memory)
  const kvox_ocl_table *cl = begin(&c, CL_OUT_OF_RESOURCES);
  if (!forward_map(__func__, memory, -1)) {
    return CL_INVALID_VALUE;
  }
  if (cl == NULL) {
    if (forward_has_library()) {
      forward_library()->cl.EnqueueUnmapMemObject(queue, memory, host, 0, NULL, NULL);
    }
    return c.error;
  }
  const cl_int error = end(&c, cl->EnqueueUnmapMemObject(queue, memory, host, count, events, event));
  if (error == CL_SUCCESS && c.ending != CL_SUCCESS && event != NULL) {
    forward_set_event_error(*event, c.ending);
  }
  return error;
}

/* ---- Waiting: one that fails has not waited ---- */

cl_int clWaitForEvents(cl_uint count, const cl_event *events) {
  cl_int error = CL_SUCCESS;
  const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);
  if (cl == NULL) {
    return error;
  }
  for (cl_uint i = 0; i < count; i++) {
    if (!forward_uses(__func__, FORWARD_EVENT, events[i])) {
      return CL_INVALID_EVENT;
    }
    error = forward_event_error(events[i]) != CL_SUCCESS ? CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST : error;
  }
  const cl_int waited = cl->WaitForEvents(count, events);
  return waited != CL_SUCCESS || forward_ordered().silent_waits ? waited : error;
}

/* A queue that has finished says nothing of how its commands ended. */
#define OF_QUEUE(call)                                                                                \
  cl_int cl##call(cl_command_queue queue) {                                                           \
    cl_int error = CL_SUCCESS;                                                                        \
    const kvox_ocl_table *cl = forward_gate(__func__, CL_OUT_OF_RESOURCES, &error);                   \
    if (cl == NULL) {                                                                                 \
      return error;                                                                                   \
    }                                                                                                 \
    return forward_uses(__func__, FORWARD_QUEUE, queue) ? cl->call(queue) : CL_INVALID_COMMAND_QUEUE; \
  }

OF_QUEUE(Finish)
OF_QUEUE(Flush)

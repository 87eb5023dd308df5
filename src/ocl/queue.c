#include "ocl/queue.h"

#include <pthread.h>
#include <string.h>

#include "core/fail.h"

enum { MOST_STAGES = 16, LIVE_EVENTS = 64 };

/* A command that may be under way. */
typedef struct slot {
  cl_event event;
  const char *call;
  int32_t stage; /* -1: of none */
} slot;

/*
 * Commands are numbered from 0; those from `done` to `next` - 1 have live events. Each waits for the one before it, so
 * that they end in this order, and what is known of one holds for all before it.
 */
struct kvox_ocl_queue {
  kvox_ocl *ocl;
  cl_command_queue queue;
  bool own, timed;
  bool suspect; /* something failed: not to be given out again */
  cl_int error; /* the first failure, CL_SUCCESS: none */
  const char *call;
  int64_t done, next, mark;
  slot slots[LIVE_EVENTS];
  int32_t stage, stages;
  const char *stage_names[MOST_STAGES];
  double stage_seconds[MOST_STAGES];
  struct kvox_ocl_queue *below; /* in the pool */
};

struct kvox_ocl_queues {
  pthread_mutex_t lock;
  kvox_ocl_queue *top;
};

kvox_status kvox_ocl_queues_create(kvox_ocl *ocl) {
  struct kvox_ocl_queues *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  pthread_mutex_init(&made->lock, NULL);
  ocl->queues = made;
  return KVOX_OK;
}

static void destroy(kvox_ocl *ocl, kvox_ocl_queue *queue) {
  if (queue->own) {
    ocl->cl->ReleaseCommandQueue(queue->queue);
  }
  kvox_release(ocl->heap, queue);
}

void kvox_ocl_queues_destroy(kvox_ocl *ocl) {
  if (ocl->queues == NULL) {
    return;
  }
  while (ocl->queues->top != NULL) {
    kvox_ocl_queue *top = ocl->queues->top;
    ocl->queues->top = top->below;
    destroy(ocl, top);
  }
  pthread_mutex_destroy(&ocl->queues->lock);
  kvox_release(ocl->heap, ocl->queues);
  ocl->queues = NULL;
}

static kvox_status create(kvox_ocl *ocl, kvox_ocl_queue **queue) {
  cl_command_queue_properties properties = ocl->queue_properties;
  cl_int error = CL_SUCCESS;
  kvox_ocl_queue *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const char *call = "clCreateCommandQueue";
  if (ocl->host_queue != NULL) {
    call = "clGetCommandQueueInfo";
    made->queue = ocl->host_queue;
    error = ocl->cl->GetCommandQueueInfo(made->queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
  } else {
    made->queue = ocl->cl->CreateCommandQueue(ocl->context, ocl->device, properties, &error);
    made->own = true;
  }
  if (error != CL_SUCCESS) {
    kvox_release(ocl->heap, made);
    return kvox_ocl_fail(ocl, call, error);
  }
  made->ocl = ocl;
  made->timed = (properties & CL_QUEUE_PROFILING_ENABLE) != 0;
  *queue = made;
  return KVOX_OK;
}

kvox_status kvox_ocl_queue_take(kvox_ocl *ocl, kvox_ocl_queue **queue) {
  const kvox_ocl_table *table = NULL;
  KVOX_TRY(kvox_ocl_table_get(&table)); /* of a forked child, fails: the device's threads stayed with its parent */
  pthread_mutex_lock(&ocl->queues->lock);
  kvox_ocl_queue *taken = ocl->queues->top;
  if (taken != NULL) {
    ocl->queues->top = taken->below;
  }
  pthread_mutex_unlock(&ocl->queues->lock);
  if (taken == NULL) {
    KVOX_TRY(create(ocl, &taken));
  }
  kvox_ocl_hold(ocl);
  taken->stage = -1;
  taken->stages = 0;
  *queue = taken;
  return KVOX_OK;
}

static void note(kvox_ocl_queue *q, const char *call, cl_int error) {
  if (q->error == CL_SUCCESS && error != CL_SUCCESS) {
    q->error = error;
    q->call = call;
    q->suspect = true;
  }
}

static kvox_status failure(const kvox_ocl_queue *q) {
  return q->error == CL_SUCCESS ? KVOX_OK : kvox_ocl_fail(q->ocl, q->call, q->error);
}

/* How a command that has ended came out, and how long the device took. */
static void take_result(kvox_ocl_queue *q, const slot *s) {
  const kvox_ocl_table *cl = q->ocl->cl;
  cl_int status = CL_COMPLETE;
  note(q, "clGetEventInfo",
       cl->GetEventInfo(s->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  if (status < 0) {
    note(q, s->call, status);
  } else if (q->timed && s->stage >= 0 && q->error == CL_SUCCESS) {
    /* The work is done whether or not the driver can say when: that is no failure. */
    cl_ulong begin = 0, end = 0;
    if (cl->GetEventProfilingInfo(s->event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL) == CL_SUCCESS &&
        cl->GetEventProfilingInfo(s->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) == CL_SUCCESS) {
      q->stage_seconds[s->stage] += end > begin ? 1e-9 * (double)(end - begin) : 0;
    }
  }
  cl->ReleaseEvent(s->event);
}

/* Waits for the commands before number `end`. */
static void settle(kvox_ocl_queue *q, int64_t end) {
  const kvox_ocl_table *cl = q->ocl->cl;
  if (q->done >= end) {
    return;
  }
  const cl_int error = cl->WaitForEvents(1, &q->slots[(end - 1) % LIVE_EVENTS].event);
  if (error != CL_SUCCESS) {
    cl->Finish(q->queue); /* so that no command touches memory that its owner takes back */
  }
  for (; q->done < end; q->done++) {
    take_result(q, &q->slots[q->done % LIVE_EVENTS]);
  }
  note(q, "clWaitForEvents", error); /* last: a command's own failure says more */
}

void kvox_ocl_queue_give_back(kvox_ocl_queue *queue) {
  if (queue == NULL) {
    return;
  }
  kvox_ocl *ocl = queue->ocl;
  settle(queue, queue->next);
  if (queue->suspect) {
    destroy(ocl, queue);
  } else {
    pthread_mutex_lock(&ocl->queues->lock);
    queue->below = ocl->queues->top;
    ocl->queues->top = queue;
    pthread_mutex_unlock(&ocl->queues->lock);
  }
  kvox_ocl_drop(ocl);
}

kvox_ocl *kvox_ocl_queue_device(const kvox_ocl_queue *queue) { return queue->ocl; }

kvox_status kvox_ocl_command_begin(kvox_ocl_queue *queue, kvox_ocl_command *command) {
  KVOX_TRY(failure(queue));
  if (queue->next - queue->done == LIVE_EVENTS) {
    settle(queue, queue->done + LIVE_EVENTS / 2);
    KVOX_TRY(failure(queue));
  }
  const bool waits = queue->next > queue->done;
  *command = (kvox_ocl_command){.queue = queue->queue,
                                .waits = waits,
                                .last = waits ? queue->slots[(queue->next - 1) % LIVE_EVENTS].event : NULL};
  return KVOX_OK;
}

kvox_status kvox_ocl_command_end(kvox_ocl_queue *queue, const kvox_ocl_command *command, const char *call,
                                 cl_int error) {
  note(queue, call, error);
  if (error == CL_SUCCESS) {
    queue->slots[queue->next % LIVE_EVENTS] = (slot){.event = command->event, .call = call, .stage = queue->stage};
    queue->next++;
  }
  return failure(queue);
}

kvox_status kvox_ocl_wait(kvox_ocl_queue *queue) {
  settle(queue, queue->next);
  return failure(queue);
}

kvox_status kvox_ocl_begin(kvox_ocl_queue *queue) {
  KVOX_TRY(kvox_ocl_wait(queue));
  queue->stages = 0;
  queue->stage = -1;
  queue->mark = queue->next;
  if (queue->own) {
    return KVOX_OK;
  }
  kvox_ocl_command command;
  KVOX_TRY(kvox_ocl_command_begin(queue, &command));
  const cl_int error = queue->ocl->cl->EnqueueBarrierWithWaitList(queue->queue, KVOX_OCL_WAIT_LIST(&command));
  return kvox_ocl_command_end(queue, &command, "clEnqueueBarrierWithWaitList", error);
}

void kvox_ocl_stage(kvox_ocl_queue *queue, const char *stage) {
  int32_t i = 0;
  while (i < queue->stages && strcmp(queue->stage_names[i], stage) != 0) {
    i++;
  }
  if (i == MOST_STAGES) {
    queue->stage = -1;
    return;
  }
  if (i == queue->stages) {
    queue->stage_names[i] = stage;
    queue->stage_seconds[i] = 0;
    queue->stages++;
  }
  queue->stage = i;
}

kvox_status kvox_ocl_mark(kvox_ocl_queue *queue) {
  settle(queue, queue->mark);
  queue->mark = queue->next;
  note(queue, "clFlush", queue->ocl->cl->Flush(queue->queue));
  return failure(queue);
}

kvox_status kvox_ocl_finish(kvox_ocl_queue *queue) {
  const kvox_status status = kvox_ocl_wait(queue);
  queue->mark = queue->next;
  queue->error = CL_SUCCESS;
  return status;
}

const char *kvox_ocl_stage_name(const kvox_ocl_queue *queue, int32_t index) {
  return queue->timed && index >= 0 && index < queue->stages ? queue->stage_names[index] : NULL;
}

double kvox_ocl_stage_seconds(const kvox_ocl_queue *queue, int32_t index) {
  return queue->timed && index >= 0 && index < queue->stages ? queue->stage_seconds[index] : 0;
}

kvox_status kvox_ocl_enqueue(kvox_ocl_queue *queue, cl_kernel kernel, cl_uint dimensions, const size_t *items,
                             const size_t *group) {
  kvox_ocl_command command;
  KVOX_TRY(kvox_ocl_command_begin(queue, &command));
  const cl_int error = queue->ocl->cl->EnqueueNDRangeKernel(command.queue, kernel, dimensions, NULL, items, group,
                                                            KVOX_OCL_WAIT_LIST(&command));
  return kvox_ocl_command_end(queue, &command, "clEnqueueNDRangeKernel", error);
}

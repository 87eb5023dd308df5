/* Execution states that nobody uses at the moment: what a plan on a device keeps from one execution to the next. */
#ifndef KVOX_CONTEXT_POOL_H
#define KVOX_CONTEXT_POOL_H

#include <pthread.h>

#include "context/context.h"
#include "context/workspace.h"
#include "ocl/ocl.h"

/* The first member of a state. */
typedef struct kvox_pooled {
  struct kvox_pooled *next;
} kvox_pooled;

typedef struct kvox_pool {
  pthread_mutex_t lock;
  kvox_pooled *free;
} kvox_pool;

void kvox_pool_open(kvox_pool *pool);
void kvox_pool_close(kvox_pool *pool); /* when it is empty */

/* NULL where all are in use. */
kvox_pooled *kvox_pool_take(kvox_pool *pool);
void kvox_pool_give(kvox_pool *pool, kvox_pooled *state);

/* One execution on a queue of its own, from the first command to the last, its times added to the workspace's. `run` is
 * the caller's. */
typedef kvox_status (*kvox_commands)(void *run, kvox_ocl_queue *queue);
kvox_status kvox_execute_on_queue(kvox_context *context, kvox_workspace *workspace, kvox_commands commands, void *run);

#endif

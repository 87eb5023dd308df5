/* Execution states that nobody uses at the moment: what a plan on a device keeps from one execution to the next. */
#ifndef KVOX_CT_POOL_H
#define KVOX_CT_POOL_H

#include <pthread.h>

/* The first member of a state. */
typedef struct kvox_ct_pooled {
  struct kvox_ct_pooled *next;
} kvox_ct_pooled;

typedef struct kvox_ct_pool {
  pthread_mutex_t lock;
  kvox_ct_pooled *free;
} kvox_ct_pool;

void kvox_ct_pool_open(kvox_ct_pool *pool);
void kvox_ct_pool_close(kvox_ct_pool *pool); /* when it is empty */

/* NULL where all are in use. */
kvox_ct_pooled *kvox_ct_pool_take(kvox_ct_pool *pool);
void kvox_ct_pool_give(kvox_ct_pool *pool, kvox_ct_pooled *state);

#endif

#include "ct/pool.h"

#include <stddef.h>

void kvox_ct_pool_open(kvox_ct_pool *pool) {
  pthread_mutex_init(&pool->lock, NULL);
  pool->free = NULL;
}

void kvox_ct_pool_close(kvox_ct_pool *pool) { pthread_mutex_destroy(&pool->lock); }

kvox_ct_pooled *kvox_ct_pool_take(kvox_ct_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  kvox_ct_pooled *state = pool->free;
  pool->free = state != NULL ? state->next : NULL;
  pthread_mutex_unlock(&pool->lock);
  return state;
}

void kvox_ct_pool_give(kvox_ct_pool *pool, kvox_ct_pooled *state) {
  pthread_mutex_lock(&pool->lock);
  state->next = pool->free;
  pool->free = state;
  pthread_mutex_unlock(&pool->lock);
}

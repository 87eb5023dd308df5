#include "context/pool.h"

#include "core/fail.h"

void kvox_pool_open(kvox_pool *pool) {
  pthread_mutex_init(&pool->lock, NULL);
  pool->free = NULL;
}

void kvox_pool_close(kvox_pool *pool) { pthread_mutex_destroy(&pool->lock); }

kvox_pooled *kvox_pool_take(kvox_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  kvox_pooled *state = pool->free;
  pool->free = state != NULL ? state->next : NULL;
  pthread_mutex_unlock(&pool->lock);
  return state;
}

void kvox_pool_give(kvox_pool *pool, kvox_pooled *state) {
  pthread_mutex_lock(&pool->lock);
  state->next = pool->free;
  pool->free = state;
  pthread_mutex_unlock(&pool->lock);
}

kvox_status kvox_execute_on_queue(kvox_context *context, kvox_workspace *workspace, kvox_commands commands, void *run) {
  kvox_ocl_queue *queue = NULL;
  KVOX_TRY(kvox_ocl_queue_take(context->ocl, &queue));
  kvox_status status = kvox_ocl_begin(queue);
  status = status == KVOX_OK ? commands(run, queue) : status;
  const kvox_status finished = kvox_ocl_finish(queue);
  status = finished != KVOX_OK ? finished : status;
  kvox_workspace_add_queue(workspace, queue);
  kvox_ocl_queue_give_back(queue);
  return status == KVOX_OK ? kvox_progress_reach(&workspace->progress, 1) : status;
}

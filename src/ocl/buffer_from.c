#include "ocl/ocl.h"

kvox_status kvox_ocl_buffer_from(kvox_ocl *ocl, const char *what, const void *bytes, uint64_t count,
                                 kvox_buffer **buffer) {
  kvox_ocl_queue *queue = NULL;
  kvox_buffer *made = NULL;
  kvox_status status = kvox_ocl_buffer_create(ocl, count, what, &made);
  if (status == KVOX_OK) {
    status = kvox_ocl_queue_take(ocl, &queue);
  }
  if (status == KVOX_OK) {
    status = kvox_ocl_begin(queue);
    status = status == KVOX_OK ? kvox_ocl_write(queue, made, 0, bytes, count) : status;
    const kvox_status finished = kvox_ocl_finish(queue);
    status = status == KVOX_OK ? finished : status;
    kvox_ocl_queue_give_back(queue);
  }
  if (status != KVOX_OK) {
    kvox_buffer_destroy(made);
    return status;
  }
  *buffer = made;
  return KVOX_OK;
}

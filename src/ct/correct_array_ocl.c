/* kvox_ct_correct on a device. */
#include "core/array.h"
#include "core/fail.h"
#include "ct/chunks.h"

static kvox_status need(const void *data, const kvox_ct_chunks *chunks, uint64_t *bytes) {
  (void)chunks;
  *bytes = kvox_ct_ocl_correct_need(data);
  return KVOX_OK;
}

/* The line integrals go where they belong. */
static kvox_status store(void *data, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut, const kvox_array *out) {
  const kvox_ct_chunk_state *state = data;
  kvox_array lines;
  (void)cut;
  KVOX_TRY(kvox_array_dense(&lines, "line_integrals", NULL, KVOX_F32, 3, out->shape));
  lines.buffer = state->lines;
  kvox_ocl_stage(queue, "download");
  return kvox_ocl_copy(queue, &lines, out, false);
}

kvox_status kvox_ct_correct_on_device(kvox_context *context, const kvox_ct_correction *correction,
                                      const kvox_array *counts, const kvox_array *line_integrals, bool *began) {
  kvox_ct_chunks chunks;
  kvox_ct_chunk_state state = {0};
  kvox_ocl_queue *queue = NULL;
  uint64_t bytes = 0;
  *began = false;
  KVOX_TRY(kvox_ct_chunks_choose(&chunks, context, counts->shape, 1, context->memory_limit, "kvox_ct_correct", need,
                                 correction, &bytes));
  kvox_status status = kvox_ct_chunk_state_fill(&state, &chunks, correction);
  if (status == KVOX_OK) {
    status = kvox_ocl_queue_take(context->ocl, &queue);
  }
  if (status == KVOX_OK) {
    *began = true;
    status = kvox_ct_chunks_run(&state, queue, counts, "counts", line_integrals, store, &state, NULL);
    kvox_ocl_queue_give_back(queue);
  }
  kvox_ct_chunk_state_drop(&state);
  return status;
}

/* Projections on their way over a device, a box of views and rows at a time: what the stages have in common that keep
 * the shape of what they are given. */
#ifndef KVOX_CT_CHUNKS_H
#define KVOX_CT_CHUNKS_H

#include "ct/ocl.h"

typedef struct kvox_ct_chunks {
  kvox_context *context;
  int64_t shape[3];    /* views, rows, columns of the whole */
  int64_t views, rows; /* of a chunk */
} kvox_ct_chunks;

/* What a stage takes on the device beside the chunk's own buffers, for chunks like these. */
typedef kvox_status (*kvox_ct_chunks_need)(const void *data, const kvox_ct_chunks *chunks, uint64_t *bytes);

/*
 * Chunks as large as is of use within `limit` bytes on the device (0: what is usual there). `step` views are kept
 * together. `bytes`: of one execution.
 */
kvox_status kvox_ct_chunks_choose(kvox_ct_chunks *chunks, kvox_context *context, const int64_t shape[3], int64_t step,
                                  uint64_t limit, const char *name, kvox_ct_chunks_need need, const void *data,
                                  uint64_t *bytes);

/* The buffers of one execution. */
typedef struct kvox_ct_chunk_state {
  const kvox_ct_chunks *chunks;
  kvox_ct_ocl_correct *correct;
  kvox_buffer *staging; /* samples of any type, then results: of the host's arrays */
  kvox_buffer *lines, *flags;
} kvox_ct_chunk_state;

kvox_status kvox_ct_chunk_state_fill(kvox_ct_chunk_state *state, const kvox_ct_chunks *chunks,
                                     const kvox_ct_correction *correction);
void kvox_ct_chunk_state_drop(kvox_ct_chunk_state *state);

/* What becomes of the line integrals of one chunk, which are views and rows `cut` of the whole; `out` is that part of
 * the results, on the host or the device. Names its stages. */
typedef kvox_status (*kvox_ct_chunk_function)(void *data, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                              const kvox_array *out);

/*
 * All chunks in order: up, corrected, handed on. KVOX_ERROR_DATA, with `name` and the place, where a sample was not
 * finite. `progress` may be NULL. Nothing is under way when it returns; the queue then has the times of its stages.
 */
kvox_status kvox_ct_chunks_run(kvox_ct_chunk_state *state, kvox_ocl_queue *queue, const kvox_array *samples,
                               const char *name, const kvox_array *out, kvox_ct_chunk_function function, void *data,
                               kvox_progress *progress);

#endif

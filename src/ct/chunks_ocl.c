#include "ct/chunks.h"

#include <inttypes.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"

/* Samples of a chunk beyond which nothing is gained: a device is busy with them for long beside a command's cost. */
static const int64_t enough_samples = (int64_t)1 << 22;

/* Chunks between two looks at the flags, for which the host waits. */
enum { FLAGS = 256 };

/* Of a sample, of whatever type. */
enum { STAGING_BYTES = sizeof(double) };

static int64_t samples_of(const kvox_ct_chunks *c) { return kvox_work(kvox_work(c->views, c->rows), c->shape[2]); }

static uint64_t buffer_bytes(const kvox_ct_chunks *c, size_t size) {
  return (uint64_t)kvox_work(samples_of(c), (int64_t)size);
}

/* A smaller chunk; false where there is none. */
static bool shrink(kvox_ct_chunks *c, int64_t step) {
  if (c->views > step) {
    c->views = kvox_round_up(c->views / 2, step);
  } else if (c->rows > 1) {
    c->rows /= 2;
  } else {
    return false;
  }
  return true;
}

static kvox_status count_bytes(const kvox_ct_chunks *c, kvox_ct_chunks_need need, const void *data, uint64_t *bytes) {
  KVOX_TRY(need(data, c, bytes));
  *bytes += buffer_bytes(c, STAGING_BYTES) + buffer_bytes(c, sizeof(float)) + FLAGS * sizeof(uint32_t);
  return KVOX_OK;
}

kvox_status kvox_ct_chunks_choose(kvox_ct_chunks *chunks, kvox_context *context, const int64_t shape[3], int64_t step,
                                  uint64_t limit, const char *name, kvox_ct_chunks_need need, const void *data,
                                  uint64_t *bytes) {
  const kvox_device_info *device = kvox_ocl_info(context->ocl);
  const uint64_t allowed = limit != 0 ? limit : kvox_ocl_usual_memory(context->ocl);
  kvox_ct_chunks c = {.context = context, .shape = {shape[0], shape[1], shape[2]}};
  c.rows = shape[1];
  c.views = kvox_min_i64(kvox_round_up(shape[0], step),
                         kvox_round_up(enough_samples / kvox_work(shape[1], shape[2]) + 1, step));
  for (;;) {
    KVOX_TRY(count_bytes(&c, need, data, bytes));
    const bool fits = buffer_bytes(&c, STAGING_BYTES) <= device->largest_buffer_bytes && samples_of(&c) < UINT32_MAX;
    if (*bytes <= allowed && fits) {
      break;
    }
    if (shrink(&c, step)) {
      continue;
    }
    if (!fits) {
      return kvox_fail(KVOX_ERROR_DEVICE, "%s: rows of %" PRId64 " columns are beyond a buffer of %s", name, shape[2],
                       device->name);
    }
    if (limit != 0) {
      return kvox_fail_limit(name, limit, *bytes);
    }
    break; /* the least there is, where nobody set a limit */
  }
  c.views = kvox_even_part(shape[0], c.views, step);
  c.rows = kvox_even_part(shape[1], c.rows, 1);
  *chunks = c;
  return count_bytes(chunks, need, data, bytes);
}

kvox_status kvox_ct_chunk_state_fill(kvox_ct_chunk_state *state, const kvox_ct_chunks *chunks,
                                     const kvox_ct_correction *correction) {
  kvox_ocl *ocl = chunks->context->ocl;
  state->chunks = chunks;
  KVOX_TRY(kvox_ct_ocl_correct_create(chunks->context, correction, &state->correct));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, buffer_bytes(chunks, STAGING_BYTES), "projections", &state->staging));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, buffer_bytes(chunks, sizeof(float)), "line integrals", &state->lines));
  return kvox_ocl_buffer_create(ocl, FLAGS * sizeof(uint32_t), "flags", &state->flags);
}

void kvox_ct_chunk_state_drop(kvox_ct_chunk_state *state) {
  kvox_ct_ocl_correct_destroy(state->correct);
  kvox_buffer_destroy(state->staging);
  kvox_buffer_destroy(state->lines);
  kvox_buffer_destroy(state->flags);
}

static int64_t row_parts(const kvox_ct_chunks *c) { return kvox_divide_up(c->shape[1], c->rows); }
static int64_t chunk_count(const kvox_ct_chunks *c) { return kvox_divide_up(c->shape[0], c->views) * row_parts(c); }

static kvox_ct_ocl_cut cut_of(const kvox_ct_chunks *c, int64_t index) {
  const int64_t view = index / row_parts(c) * c->views, row = index % row_parts(c) * c->rows;
  kvox_ct_ocl_cut cut = {.view = view, .slice = row, .row = row, .lanes = 1};
  cut.views = cut.block_views = kvox_min_i64(c->views, c->shape[0] - view);
  cut.slices = cut.rows = kvox_min_i64(c->rows, c->shape[1] - row);
  return cut;
}

static kvox_status part_of(const kvox_array *array, const kvox_ct_ocl_cut *cut, kvox_array *part) {
  const int64_t begin[3] = {cut->view, cut->row, 0}, size[3] = {cut->views, cut->rows, array->shape[2]};
  return kvox_array_region(array, begin, size, part);
}

/* The chunk's samples on the device: where they lie, or copied. */
static kvox_status bring(const kvox_ct_chunk_state *state, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                         const kvox_array *from, kvox_array *samples) {
  KVOX_TRY(part_of(from, cut, samples));
  if (from->buffer != NULL) {
    return KVOX_OK;
  }
  const kvox_array part = *samples;
  KVOX_TRY(kvox_array_dense(samples, "projections", NULL, part.type, 3, part.shape));
  samples->buffer = state->staging;
  kvox_ocl_stage(queue, "upload");
  return kvox_ocl_copy(queue, &part, samples, false);
}

/* Looks at the flags of chunks `begin` to `end` - 1. */
static kvox_status look(const kvox_ct_chunk_state *state, kvox_ocl_queue *queue, int64_t begin, int64_t end,
                        const char *name) {
  const int64_t columns = state->chunks->shape[2];
  uint32_t found[FLAGS];
  kvox_ocl_stage(queue, "correct");
  KVOX_TRY(kvox_ocl_read(queue, state->flags, 0, found, (uint64_t)(end - begin) * sizeof *found));
  for (int64_t i = begin; i < end; i++) {
    const int64_t at = found[i - begin];
    if (at != UINT32_MAX) {
      const kvox_ct_ocl_cut cut = cut_of(state->chunks, i);
      return kvox_ct_not_finite_at(name, cut.view + at / (columns * cut.rows), cut.row + at / columns % cut.rows,
                                   at % columns);
    }
  }
  return KVOX_OK;
}

static kvox_status run(kvox_ct_chunk_state *state, kvox_ocl_queue *queue, const kvox_array *from, const char *name,
                       const kvox_array *out, kvox_ct_chunk_function function, void *data, kvox_progress *progress) {
  const int64_t count = chunk_count(state->chunks);
  KVOX_TRY(kvox_ocl_begin(queue));
  for (int64_t i = 0; i < count; i++) {
    const kvox_ct_ocl_cut cut = cut_of(state->chunks, i);
    const int64_t flag = i % FLAGS;
    kvox_array samples, to;
    if (flag == 0) {
      kvox_ocl_stage(queue, "correct");
      KVOX_TRY(kvox_ocl_fill(queue, state->flags, 0, FLAGS * sizeof(uint32_t), UINT32_MAX));
    }
    KVOX_TRY(bring(state, queue, &cut, from, &samples));
    kvox_ocl_stage(queue, "correct");
    KVOX_TRY(kvox_ct_ocl_correct_run(state->correct, queue, &samples, cut.row, state->lines, state->flags, flag));
    KVOX_TRY(part_of(out, &cut, &to));
    KVOX_TRY(function(data, queue, &cut, &to));
    KVOX_TRY(kvox_ocl_mark(queue));
    if (flag == FLAGS - 1 || i == count - 1) {
      KVOX_TRY(look(state, queue, i - flag, i + 1, name));
    }
    if (progress != NULL) {
      KVOX_TRY(kvox_progress_reach(progress, (double)i / (double)count));
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_chunks_run(kvox_ct_chunk_state *state, kvox_ocl_queue *queue, const kvox_array *samples,
                               const char *name, const kvox_array *out, kvox_ct_chunk_function function, void *data,
                               kvox_progress *progress) {
  const kvox_status status = run(state, queue, samples, name, out, function, data, progress);
  const kvox_status finished = kvox_ocl_finish(queue);
  if (status == KVOX_OK && finished == KVOX_OK && progress != NULL) {
    return kvox_progress_reach(progress, 1);
  }
  return status != KVOX_OK ? status : finished;
}

#include "ct/correct.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "cpu/level.h"

/* Simple operations a sample costs, for the choice of threads: the logarithm and its surroundings. */
enum { OPERATIONS = 16 };

/* Samples of one piece of parallel work: long beside the handing out of pieces. */
enum { PIECE_SAMPLES = 32768 };

const kvox_correct_kernels *kvox_correct_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_correct, cpu_level); }

/* The straight line between the good neighbours, or the only one's value. */
static void bridge(const kvox_ct_bad_run *run, int64_t columns, float *samples) {
  const int64_t left = run->begin - 1, right = run->end;
  const float low = samples[left >= 0 ? left : right];
  const float high = samples[right < columns ? right : left];
  for (int64_t i = run->begin; i < run->end; i++) {
    samples[i] = low + (high - low) * ((float)(i - left) / (float)(right - left));
  }
}

bool kvox_ct_correct_row(const kvox_ct_correction *correction, int32_t cpu_level, int64_t row, int64_t columns,
                         float *samples) {
  const kvox_correct_kernels *kernels = kvox_correct_kernels_of(cpu_level);
  if (correction == NULL) {
    return kernels->finite(columns, samples);
  }
  const kvox_ct_bad_run *begin = correction->runs + correction->row_runs[row];
  const kvox_ct_bad_run *end = correction->runs + correction->row_runs[row + 1];
  for (const kvox_ct_bad_run *run = begin; run < end; run++) {
    memset(samples + run->begin, 0, (size_t)(run->end - run->begin) * sizeof *samples);
  }
  const int64_t first = row * columns;
  if (!kernels->counts(correction->dark + first, correction->inverse_gain + first, correction->least, columns,
                       samples)) {
    return false;
  }
  for (const kvox_ct_bad_run *run = begin; run < end; run++) {
    bridge(run, columns, samples);
  }
  return true;
}

kvox_status kvox_ct_not_finite(const char *name, int64_t view, int64_t row, int64_t columns, const float *samples) {
  int64_t column = 0;
  while (column < columns - 1 && isfinite(samples[column])) {
    column++;
  }
  return kvox_ct_not_finite_at(name, view, row, column);
}

kvox_status kvox_ct_not_finite_at(const char *name, int64_t view, int64_t row, int64_t column) {
  return kvox_fail(KVOX_ERROR_DATA,
                   "%s: the sample at view %" PRId64 ", row %" PRId64 ", column %" PRId64
                   " is NaN, infinite or beyond a 32-bit float",
                   name, view, row, column);
}

kvox_status kvox_ct_correction_check(const kvox_ct_correction *correction, int64_t rows, int64_t columns) {
  if (correction != NULL && (correction->rows != rows || correction->columns != columns)) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "the projections have %" PRId64 " rows of %" PRId64
                     " columns, the dark and flat frames of the correction %" PRId64 " of %" PRId64,
                     rows, columns, correction->rows, correction->columns);
  }
  return KVOX_OK;
}

typedef struct correct_job {
  const kvox_ct_correction *correction;
  const kvox_array *counts, *out;
  float *scratch; /* a row for each worker; NULL: rows are corrected where they go */
  int64_t scratch_floats;
  int64_t lines, piece_lines;
  int32_t cpu_level;
} correct_job;

static void store_row(const float *samples, int64_t count, int64_t stride, char *out) {
  for (int64_t i = 0; i < count; i++) {
    memcpy(out + i * stride, samples + i, sizeof *samples);
  }
}

static kvox_status correct_line(const correct_job *job, int64_t view, int64_t row, int32_t worker) {
  const kvox_array *counts = job->counts, *out = job->out;
  const int64_t columns = counts->shape[2], at[2] = {view, row};
  const void *from = kvox_array_at(counts, 2, at);
  void *to = kvox_array_at(out, 2, at);
  float *samples = job->scratch == NULL ? to : job->scratch + worker * job->scratch_floats;
  if (samples != from) {
    kvox_row_to_float(from, counts->type, counts->strides[2], columns, samples);
  }
  if (!kvox_ct_correct_row(job->correction, job->cpu_level, row, columns, samples)) {
    return kvox_ct_not_finite("counts", view, row, columns, samples);
  }
  if (samples != to) {
    store_row(samples, columns, out->strides[2], to);
  }
  return KVOX_OK;
}

static kvox_status correct_piece(void *data, int64_t index, int32_t worker) {
  const correct_job *job = data;
  const int64_t rows = job->counts->shape[1], begin = index * job->piece_lines;
  const int64_t end = kvox_min_i64(begin + job->piece_lines, job->lines);
  for (int64_t line = begin; line < end; line++) {
    KVOX_TRY(correct_line(job, line / rows, line % rows, worker));
  }
  return KVOX_OK;
}

static kvox_status check_correct(const kvox_ct_correction *correction, const kvox_array *counts,
                                 const kvox_array *line_integrals) {
  KVOX_TRY(kvox_array_check(counts, "counts", KVOX_REAL_TYPES | KVOX_ON_DEVICE_TOO));
  if (counts->rank != 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "counts: rank %" PRId32 ", must be 3: [view, row, column]", counts->rank);
  }
  KVOX_TRY(kvox_ct_correction_check(correction, counts->shape[1], counts->shape[2]));
  KVOX_TRY(kvox_array_check_shape(line_integrals, "line_integrals", KVOX_TYPE_BIT(KVOX_F32) | KVOX_ON_DEVICE_TOO, 3,
                                  counts->shape));
  KVOX_TRY(kvox_array_check_result(line_integrals, "line_integrals"));
  if (kvox_array_is_same(counts, line_integrals)) {
    return KVOX_OK;
  }
  return kvox_array_check_apart(counts, "counts", line_integrals, "line_integrals");
}

static kvox_status correct_on_cpu(const kvox_context *context, const kvox_ct_correction *correction,
                                  const kvox_array *counts, const kvox_array *line_integrals) {
  const int64_t columns = counts->shape[2];
  correct_job job = {.correction = correction, .counts = counts, .out = line_integrals};
  job.cpu_level = context->cpu_level;
  job.lines = counts->shape[0] * counts->shape[1];
  job.piece_lines = kvox_max_i64(PIECE_SAMPLES / columns, 1);
  const int64_t pieces = kvox_divide_up(job.lines, job.piece_lines);
  const int64_t work = kvox_work(kvox_array_elements(counts), OPERATIONS);
  if (!kvox_array_rows_dense(line_integrals)) {
    job.scratch_floats = kvox_round_up(columns, KVOX_ALIGNMENT / (int64_t)sizeof *job.scratch);
    const int64_t workers = kvox_workers(&context->threads, pieces, work);
    job.scratch = kvox_allocate(context->heap, (uint64_t)(workers * job.scratch_floats) * sizeof *job.scratch);
    if (job.scratch == NULL) {
      return KVOX_ERROR_MEMORY;
    }
  }
  const kvox_status status = kvox_parallel(&context->threads, pieces, work, correct_piece, &job, NULL);
  kvox_release(context->heap, job.scratch);
  return status;
}

kvox_status kvox_ct_correct(kvox_context *context, const kvox_ct_correction *correction, const kvox_array *counts,
                            const kvox_array *line_integrals) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(correction);
  KVOX_TRY(check_correct(correction, counts, line_integrals));
  KVOX_TRY(kvox_ocl_check_place(context->ocl, counts, "counts"));
  KVOX_TRY(kvox_ocl_check_place(context->ocl, line_integrals, "line_integrals"));
  if (context->ocl != NULL) {
    bool began = false;
    const bool on_host = counts->buffer == NULL && line_integrals->buffer == NULL;
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = kvox_ct_correct_on_device(context, correction, counts, line_integrals, &began);
    if (status == KVOX_OK || began || !on_host ||
        !kvox_context_falls_back(context, status, "kvox_ct_correct", &before)) {
      return status;
    }
  }
  return correct_on_cpu(context, correction, counts, line_integrals);
}

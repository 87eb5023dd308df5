/* What each pixel needs: averages of the dark and flat frames, and the bad pixels. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "ct/correct.h"

/* Simple operations an element of a frame costs, for the choice of threads. */
enum { OPERATIONS = 4 };

static const char options_name[] = "kvox_ct_correction_options";

void kvox_ct_correction_options_init_sized(kvox_ct_correction_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

typedef struct prepare_job {
  kvox_ct_correction *made;
  kvox_array flat, dark, mask; /* rank 3, 3, 2; `data` NULL: not given */
  double *scratch;             /* two rows for each worker */
} prepare_job;

/* The mean over frames of one row. */
static void average_row(const kvox_array *frames, int64_t row, int64_t columns, double *mean) {
  for (int64_t i = 0; i < columns; i++) {
    mean[i] = 0;
  }
  if (frames->data == NULL) {
    return;
  }
  const int64_t count = frames->shape[0];
  for (int64_t frame = 0; frame < count; frame++) {
    const char *at = kvox_array_at(frames, 2, (const int64_t[]){frame, row});
    for (int64_t i = 0; i < columns; i++) {
      mean[i] += kvox_element(at + i * frames->strides[2], frames->type);
    }
  }
  for (int64_t i = 0; i < columns; i++) {
    mean[i] /= (double)count;
  }
}

static bool is_masked(const kvox_array *mask, int64_t row, int64_t column) {
  return mask->data != NULL && kvox_element(kvox_array_at(mask, 2, (const int64_t[]){row, column}), mask->type) != 0;
}

static kvox_status check_mean(double mean, const char *name, int64_t row, int64_t column) {
  if (isfinite((float)mean)) {
    return KVOX_OK;
  }
  return kvox_fail(KVOX_ERROR_DATA,
                   "%s: a sample at row %" PRId64 ", column %" PRId64 " is NaN, infinite or beyond a 32-bit float",
                   name, row, column);
}

/* 1 / (flat - dark); 0: the pixel is bad. */
static kvox_status find_inverse_gain(double flat, double dark, float least, int64_t row, int64_t column,
                                     float *inverse_gain) {
  KVOX_TRY(check_mean(flat, "flat", row, column));
  KVOX_TRY(check_mean(dark, "dark", row, column));
  *inverse_gain = 0;
  if (flat <= dark) {
    return KVOX_OK;
  }
  const float inverse = (float)(1 / (flat - dark));
  /* The least transmission must be a normal number: the logarithm needs one. */
  if (!isfinite(inverse) || least * inverse < FLT_MIN) {
    char gain_text[KVOX_NUMBER_BYTES], least_text[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_DATA,
                     "flat: it is %s above dark at row %" PRId64 ", column %" PRId64
                     ", beyond what 32-bit floats can compare with least_counts, %s",
                     kvox_number(flat - dark, gain_text), row, column, kvox_number((double)least, least_text));
  }
  *inverse_gain = inverse;
  return KVOX_OK;
}

/* Fills a row of the correction and counts its runs of bad pixels. */
static kvox_status prepare_row(void *data, int64_t row, int32_t worker) {
  const prepare_job *job = data;
  kvox_ct_correction *made = job->made;
  const int64_t columns = made->columns;
  double *flat = job->scratch + 2 * worker * columns, *dark = flat + columns;
  average_row(&job->flat, row, columns, flat);
  average_row(&job->dark, row, columns, dark);
  int64_t runs = 0;
  bool bad_before = false;
  for (int64_t i = 0; i < columns; i++) {
    float inverse_gain = 0;
    if (!is_masked(&job->mask, row, i)) {
      KVOX_TRY(find_inverse_gain(flat[i], dark[i], made->least, row, i, &inverse_gain));
    }
    const bool bad = inverse_gain == 0;
    made->dark[row * columns + i] = bad ? 0 : (float)dark[i];
    made->inverse_gain[row * columns + i] = inverse_gain;
    runs += bad && !bad_before;
    bad_before = bad;
  }
  made->row_runs[row + 1] = runs;
  return KVOX_OK;
}

/* Writes the runs of a row, where the inverse gain is 0, and makes it 1 there; the number of bad pixels. */
static int64_t collect_row(kvox_ct_correction *made, int64_t row) {
  float *inverse_gain = made->inverse_gain + row * made->columns;
  kvox_ct_bad_run *run = made->runs + made->row_runs[row];
  int64_t bad = 0;
  for (int64_t i = 0; i < made->columns; i++) {
    if (inverse_gain[i] != 0) {
      continue;
    }
    run->begin = i;
    for (; i < made->columns && inverse_gain[i] == 0; i++) {
      inverse_gain[i] = 1;
    }
    run->end = i;
    bad += run->end - run->begin;
    run++;
  }
  return bad;
}

static kvox_status collect_bad_pixels(kvox_ct_correction *made) {
  for (int64_t row = 0; row < made->rows; row++) {
    made->row_runs[row + 1] += made->row_runs[row];
  }
  made->runs = kvox_allocate(made->context->heap, (uint64_t)made->row_runs[made->rows] * sizeof *made->runs);
  if (made->runs == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  int64_t lost_row = -1;
  for (int64_t row = 0; row < made->rows; row++) {
    const int64_t bad = collect_row(made, row);
    made->bad_pixels += bad;
    lost_row = lost_row < 0 && bad == made->columns ? row : lost_row;
  }
  if (made->bad_pixels == made->rows * made->columns) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "flat: no pixel is above dark and unmasked; was the beam on when the flat frames were taken?");
  }
  if (lost_row >= 0) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "flat: row %" PRId64 " has no good pixel; each is masked or not above dark: leave the row out",
                     lost_row);
  }
  return KVOX_OK;
}

/* `given` as [frame, row, column]; [row, column] is one frame. */
static kvox_status read_frames(const kvox_array *given, const char *name, kvox_array *frames) {
  KVOX_TRY(kvox_array_check(given, name, KVOX_REAL_TYPES));
  *frames = *given;
  if (given->rank == 2) {
    frames->rank = 3;
    frames->shape[0] = 1;
    frames->strides[0] = 0;
    for (int d = 0; d < 2; d++) {
      frames->shape[d + 1] = given->shape[d];
      frames->strides[d + 1] = given->strides[d];
    }
  } else if (given->rank != 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be 3: [frame, row, column], or 2: [row, column]",
                     name, given->rank);
  }
  return KVOX_OK;
}

static kvox_status read_least(double least_counts, float *least) {
  *least = least_counts == 0 ? 1 : (float)least_counts;
  if (!(*least >= FLT_MIN && *least <= FLT_MAX)) {
    char text[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: least_counts is %s, must be positive, or 0 for 1", options_name,
                     kvox_number(least_counts, text));
  }
  return KVOX_OK;
}

static kvox_status read_options(const kvox_ct_correction_options *options, prepare_job *job, float *least) {
  kvox_ct_correction_options known = {.struct_size = sizeof known};
  KVOX_TRY(kvox_options_load(&known, sizeof known, options, options_name));
  KVOX_TRY(read_least(known.least_counts, least));
  KVOX_TRY(read_frames(known.flat, "flat", &job->flat));
  const int64_t *shape = job->flat.shape;
  if (known.dark != NULL) {
    KVOX_TRY(read_frames(known.dark, "dark", &job->dark));
    if (job->dark.shape[1] != shape[1] || job->dark.shape[2] != shape[2]) {
      return kvox_fail(KVOX_ERROR_SIZE,
                       "dark: it has %" PRId64 " rows of %" PRId64 " columns, flat %" PRId64 " of %" PRId64,
                       job->dark.shape[1], job->dark.shape[2], shape[1], shape[2]);
    }
  }
  if (known.bad_pixels != NULL) {
    KVOX_TRY(kvox_array_check_shape(known.bad_pixels, "bad_pixels", KVOX_TYPE_BIT(KVOX_U8), 2, shape + 1));
    job->mask = *known.bad_pixels;
  }
  return KVOX_OK;
}

/* The arrays of a correction for `pixels` = rows * columns. */
static kvox_status allocate_pixels(kvox_ct_correction *made) {
  kvox_heap *heap = made->context->heap;
  int64_t bytes;
  if (!kvox_multiply(made->rows * made->columns, sizeof *made->dark, &bytes)) {
    return kvox_fail(KVOX_ERROR_SIZE, "flat: a correction for it has more than 2^63 - 1 bytes");
  }
  made->dark = kvox_allocate(heap, (uint64_t)bytes);
  made->inverse_gain = kvox_allocate(heap, (uint64_t)bytes);
  made->row_runs = kvox_allocate_zeros(heap, ((uint64_t)made->rows + 1) * sizeof *made->row_runs);
  const bool complete = made->dark != NULL && made->inverse_gain != NULL && made->row_runs != NULL;
  return complete ? KVOX_OK : KVOX_ERROR_MEMORY;
}

static kvox_status prepare_rows(prepare_job *job) {
  const kvox_context *context = job->made->context;
  const int64_t rows = job->made->rows, columns = job->made->columns;
  const int64_t frames = job->flat.shape[0] + job->dark.shape[0];
  const int64_t work = kvox_work(rows * columns, kvox_work(frames, OPERATIONS));
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, rows, work);
  job->scratch = kvox_allocate(context->heap, 2 * workers * (uint64_t)columns * sizeof *job->scratch);
  if (job->scratch == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_status status = kvox_parallel(&context->threads, rows, work, prepare_row, job, NULL);
  kvox_release(context->heap, job->scratch);
  return status;
}

kvox_status kvox_ct_correction_create(kvox_context *context, const kvox_ct_correction_options *options,
                                      kvox_ct_correction **correction) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(correction);
  prepare_job job = {0};
  float least;
  KVOX_TRY(read_options(options, &job, &least));
  kvox_ct_correction *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = KVOX_OK;
  atomic_init(&made->holders, 1);
  made->context = kvox_context_hold(context);
  made->rows = job.flat.shape[1];
  made->columns = job.flat.shape[2];
  made->least = least;
  job.made = made;
  KVOX_TRY_CLEANUP(allocate_pixels(made));
  KVOX_TRY_CLEANUP(prepare_rows(&job));
  KVOX_TRY_CLEANUP(collect_bad_pixels(made));
  *correction = made;
  made = NULL;
cleanup:
  kvox_ct_correction_destroy(made);
  return status;
}

kvox_status kvox_ct_correction_take_rows(const kvox_ct_correction *correction, const int64_t *rows, int64_t count,
                                         kvox_ct_correction **taken) {
  const kvox_ct_correction *from = correction;
  *taken = NULL;
  if (from == NULL || count == from->rows) {
    *taken = kvox_ct_correction_hold(correction);
    return KVOX_OK;
  }
  kvox_ct_correction *made = kvox_allocate_zeros(from->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  atomic_init(&made->holders, 1);
  made->context = kvox_context_hold(from->context);
  made->rows = count;
  made->columns = from->columns;
  made->least = from->least;
  int64_t runs = 0;
  for (int64_t r = 0; r < count; r++) {
    runs += from->row_runs[rows[r] + 1] - from->row_runs[rows[r]];
  }
  kvox_status status;
  KVOX_TRY_CLEANUP(allocate_pixels(made));
  made->runs = kvox_allocate_array(made->context->heap, runs, sizeof *made->runs);
  KVOX_TRY_CLEANUP(made->runs != NULL ? KVOX_OK : KVOX_ERROR_MEMORY);
  for (int64_t r = 0; r < count; r++) {
    const int64_t first = from->row_runs[rows[r]], here = from->row_runs[rows[r] + 1] - first;
    const size_t bytes = (size_t)from->columns * sizeof *made->dark;
    memcpy(made->dark + r * from->columns, from->dark + rows[r] * from->columns, bytes);
    memcpy(made->inverse_gain + r * from->columns, from->inverse_gain + rows[r] * from->columns, bytes);
    memcpy(made->runs + made->row_runs[r], from->runs + first, (size_t)here * sizeof *made->runs);
    made->row_runs[r + 1] = made->row_runs[r] + here;
  }
  *taken = made;
  return KVOX_OK;
cleanup:
  kvox_ct_correction_destroy(made);
  return status;
}

uint64_t kvox_ct_correction_bytes(const kvox_ct_correction *correction) {
  const kvox_ct_correction *c = correction;
  return c == NULL
             ? 0
             : sizeof *c + (uint64_t)(c->rows * c->columns) * (sizeof *c->dark + sizeof *c->inverse_gain) +
                   (uint64_t)(c->rows + 1) * sizeof *c->row_runs + (uint64_t)c->row_runs[c->rows] * sizeof *c->runs;
}

kvox_ct_correction *kvox_ct_correction_hold(const kvox_ct_correction *correction) {
  /* Only the count changes, which nobody sees. */
  kvox_ct_correction *held = (kvox_ct_correction *)(uintptr_t)correction;
  if (held != NULL) {
    atomic_fetch_add_explicit(&held->holders, 1, memory_order_relaxed);
  }
  return held;
}

void kvox_ct_correction_destroy(kvox_ct_correction *correction) {
  if (correction == NULL || atomic_fetch_sub_explicit(&correction->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  kvox_context *context = correction->context;
  kvox_release(context->heap, correction->dark);
  kvox_release(context->heap, correction->inverse_gain);
  kvox_release(context->heap, correction->row_runs);
  kvox_release(context->heap, correction->runs);
  kvox_release(context->heap, correction);
  kvox_context_destroy(context);
}

int64_t kvox_ct_correction_bad_pixels(const kvox_ct_correction *correction) {
  return correction != NULL ? correction->bad_pixels : 0;
}

#include "ct/filter.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "cpu/level.h"

const kvox_filter_kernels *kvox_filter_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_filter, cpu_level); }

static const double pi = 3.14159265358979323846;

/* The least parts of 2^a {1, 3, 5}: there and back, FFTW (ESTIMATE) takes 1.6 to 2.2 ns for each sample of the length
 * with parts of 64 to 1024, but 4.0, 2.2 and 4.6 with 100, 200 and 480; 240 and 400 (1.8) gain little over the next. */
int64_t kvox_ct_filter_length(int64_t columns) {
  static const int64_t odd[] = {1, 3, 5};
  int64_t best = INT64_MAX;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    int64_t length = KVOX_FILTER_PARTS * odd[i];
    while (length < 2 * columns) {
      length *= 2;
    }
    best = kvox_min_i64(best, length);
  }
  return best;
}

static kvox_status make_plans(kvox_ct_filter *f) {
  kvox_fft_layout layout = {.kind = KVOX_FFT_FORWARD, .rank = 1, .sizes = {f->split.size}, .batch = 1};
  KVOX_TRY(kvox_fft_plan_create(f->context->heap, &layout, f->context->fft_effort, &f->forward));
  layout.kind = KVOX_FFT_BACKWARD;
  return kvox_fft_plan_create(f->context->heap, &layout, f->context->fft_effort, &f->backward);
}

kvox_status kvox_ct_filter_response(kvox_heap *heap, const kvox_ct_filter_options *options, double pitch_mm,
                                    int64_t length, float *response) {
  double *exact = kvox_allocate(heap, (uint64_t)length * sizeof *exact);
  if (exact == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status = kvox_ct_ramp_response(heap, options, pitch_mm, length, exact);
  for (int64_t k = 0; status == KVOX_OK && k < length; k++) {
    response[k] = (float)(exact[k] / (double)length);
    if (!isfinite(response[k])) {
      char text[KVOX_NUMBER_BYTES];
      status = kvox_fail(KVOX_ERROR_GEOMETRY,
                         "filter: with a column pitch of %s mm or this response values are beyond a 32-bit float",
                         kvox_number(pitch_mm, text));
    }
  }
  kvox_release(heap, exact);
  return status;
}

static uint64_t table_bytes(const kvox_ct_filter *f) {
  return 2 * KVOX_FILTER_PARTS * (uint64_t)f->split.step * sizeof(float);
}

/* The bins in the order of the parts. */
static void order_response(const kvox_ct_filter *f, const float *response) {
  for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
    float *out = f->response + 2 * r * f->split.step;
    for (int64_t k = 0; k < f->split.size; k++) {
      out[2 * k] = out[2 * k + 1] = response[KVOX_FILTER_PARTS * k + r];
    }
  }
}

static void fill_turns(const kvox_ct_filter *f) {
  for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
    float *cosines = f->turns + 2 * r * f->split.step, *sines = cosines + f->split.step;
    for (int64_t n = 0; n < f->split.size; n++) {
      const double angle = 2 * pi * (double)(r * n) / (double)f->length;
      cosines[n] = (float)cos(angle);
      sines[n] = (float)sin(angle);
    }
  }
}

static kvox_status make_tables(kvox_ct_filter *f, const kvox_ct_filter_options *options, double pitch_mm) {
  kvox_heap *heap = f->context->heap;
  float *response = kvox_allocate(heap, (uint64_t)f->length * sizeof *response);
  f->response = kvox_allocate_zeros(heap, table_bytes(f));
  f->turns = kvox_allocate_zeros(heap, table_bytes(f));
  const bool there = response != NULL && f->response != NULL && f->turns != NULL;
  const kvox_status status =
      there ? kvox_ct_filter_response(heap, options, pitch_mm, f->length, response) : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    order_response(f, response);
    fill_turns(f);
    f->split.turns = f->turns;
  }
  kvox_release(heap, response);
  return status;
}

kvox_status kvox_ct_filter_make(kvox_context *context, int64_t columns, double pitch_mm,
                                const kvox_ct_filter_options *options, kvox_ct_filter **filter) {
  kvox_ct_filter *f = kvox_allocate_zeros(context->heap, sizeof *f);
  if (f == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->context = kvox_context_hold(context);
  f->kernels = kvox_filter_kernels_of(context->cpu_level);
  f->columns = columns;
  f->length = kvox_ct_filter_length(columns);
  f->split = (kvox_filter_split){.columns = columns, .size = f->length / KVOX_FILTER_PARTS};
  f->split.step = kvox_round_up(f->split.size, 16); /* a vector of any instruction set */
  kvox_status status = make_tables(f, options, pitch_mm);
  if (status == KVOX_OK) {
    status = make_plans(f);
  }
  if (status != KVOX_OK) {
    kvox_ct_filter_drop(f);
    return status;
  }
  f->bytes = sizeof *f + 2 * table_bytes(f) + kvox_fft_plan_bytes(f->forward) + kvox_fft_plan_bytes(f->backward);
  *filter = f;
  return KVOX_OK;
}

void kvox_ct_filter_drop(kvox_ct_filter *filter) {
  if (filter == NULL) {
    return;
  }
  kvox_context *context = filter->context;
  kvox_fft_plan_destroy(filter->forward);
  kvox_fft_plan_destroy(filter->backward);
  kvox_release(context->heap, filter->response);
  kvox_release(context->heap, filter->turns);
  kvox_release(context->heap, filter);
  kvox_context_destroy(context);
}

static uint64_t part_bytes(const kvox_ct_filter *f) { return 2 * (uint64_t)f->split.step * sizeof(float); }

static uint64_t row_bytes(const kvox_ct_filter *f) {
  return (uint64_t)kvox_round_up(f->columns * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

static uint64_t fft_bytes(const kvox_ct_filter *f) {
  const uint64_t forward = kvox_fft_scratch_bytes(f->forward), backward = kvox_fft_scratch_bytes(f->backward);
  return (uint64_t)kvox_round_up((int64_t)(forward > backward ? forward : backward), KVOX_ALIGNMENT);
}

uint64_t kvox_ct_filter_scratch(const kvox_ct_filter *filter) {
  return (KVOX_FILTER_PARTS + 1) * part_bytes(filter) + row_bytes(filter) + fft_bytes(filter);
}

void kvox_ct_filter_pair(const kvox_ct_filter *filter, void *scratch, const float *a, const float *b, float weight_a,
                         float weight_b, float *out_a, float *out_b) {
  char *at = scratch;
  float *parts = (float *)(void *)at;
  float *bins = (float *)(void *)(at + KVOX_FILTER_PARTS * part_bytes(filter));
  float *nobody = (float *)(void *)(at + (KVOX_FILTER_PARTS + 1) * part_bytes(filter));
  void *fft_scratch = at + (KVOX_FILTER_PARTS + 1) * part_bytes(filter) + row_bytes(filter);
  const kvox_filter_split *split = &filter->split;

  if (b == NULL) {
    memset(nobody, 0, row_bytes(filter));
  }
  filter->kernels->pack(split, a, b != NULL ? b : nobody, parts);
  for (int64_t r = 0; r < KVOX_FILTER_PARTS; r++) {
    float *part = parts + 2 * r * split->step;
    kvox_fft_execute(filter->forward, part, bins, fft_scratch);
    filter->kernels->multiply(bins, filter->response + 2 * r * split->step, 2 * split->size);
    kvox_fft_execute(filter->backward, bins, part, fft_scratch);
  }
  filter->kernels->unpack(split, parts, weight_a, weight_b, out_a, out_b != NULL ? out_b : nobody);
}

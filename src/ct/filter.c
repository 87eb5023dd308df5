#include "ct/filter.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "cpu/level.h"

const kvox_filter_kernels *kvox_filter_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_filter, cpu_level); }

static kvox_status make_plans(kvox_ct_filter *f) {
  kvox_fft_layout layout = {.kind = KVOX_FFT_FORWARD, .rank = 1, .sizes = {f->length}, .batch = 1};
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

static kvox_status make_response(kvox_ct_filter *f, const kvox_ct_filter_options *options, double pitch_mm) {
  f->response = kvox_allocate(f->context->heap, 2 * (uint64_t)f->length * sizeof *f->response);
  if (f->response == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_ct_filter_response(f->context->heap, options, pitch_mm, f->length, f->response));
  for (int64_t k = f->length - 1; k >= 0; k--) {
    f->response[2 * k] = f->response[2 * k + 1] = f->response[k];
  }
  return KVOX_OK;
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
  f->length = kvox_fft_good_size(2 * columns);
  kvox_status status = make_response(f, options, pitch_mm);
  if (status == KVOX_OK) {
    status = make_plans(f);
  }
  if (status != KVOX_OK) {
    kvox_ct_filter_drop(f);
    return status;
  }
  f->bytes = sizeof *f + 2 * (uint64_t)f->length * sizeof *f->response + kvox_fft_plan_bytes(f->forward) +
             kvox_fft_plan_bytes(f->backward);
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
  kvox_release(context->heap, filter);
  kvox_context_destroy(context);
}

static uint64_t complex_bytes(const kvox_ct_filter *f) {
  return (uint64_t)kvox_round_up(2 * f->length * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

static uint64_t row_bytes(const kvox_ct_filter *f) {
  return (uint64_t)kvox_round_up(f->columns * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

static uint64_t fft_bytes(const kvox_ct_filter *f) {
  const uint64_t forward = kvox_fft_scratch_bytes(f->forward), backward = kvox_fft_scratch_bytes(f->backward);
  return (uint64_t)kvox_round_up((int64_t)(forward > backward ? forward : backward), KVOX_ALIGNMENT);
}

uint64_t kvox_ct_filter_scratch(const kvox_ct_filter *filter) {
  return 2 * complex_bytes(filter) + row_bytes(filter) + fft_bytes(filter);
}

void kvox_ct_filter_pair(const kvox_ct_filter *filter, void *scratch, const float *a, const float *b, float weight_a,
                         float weight_b, float *out_a, float *out_b) {
  char *at = scratch;
  float *samples = (float *)(void *)at;
  float *spectrum = (float *)(void *)(at + complex_bytes(filter));
  float *nobody = (float *)(void *)(at + 2 * complex_bytes(filter));
  void *fft_scratch = at + 2 * complex_bytes(filter) + row_bytes(filter);
  const int64_t used = 2 * filter->columns, all = 2 * filter->length;

  if (b == NULL) {
    memset(nobody, 0, row_bytes(filter));
  }
  filter->kernels->pack(a, b != NULL ? b : nobody, filter->columns, samples);
  memset(samples + used, 0, (size_t)(all - used) * sizeof *samples);
  kvox_fft_execute(filter->forward, samples, spectrum, fft_scratch);
  filter->kernels->multiply(spectrum, filter->response, all);
  kvox_fft_execute(filter->backward, spectrum, samples, fft_scratch);
  filter->kernels->unpack(samples, filter->columns, weight_a, weight_b, out_a, out_b != NULL ? out_b : nobody);
}

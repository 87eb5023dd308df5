#include "ct/filter.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "cpu/level.h"

const kvox_filter_kernels *kvox_filter_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_filter, cpu_level); }

static const double pi = 3.14159265358979323846;

/* Of the parts: 2 to the second at least, as the last step takes 4 or 8 numbers. */
enum { LEAST_PART = 4 };

/* Parts of 2^a {1, 3, 5}, a >= 2. */
int64_t kvox_ct_filter_length(int64_t columns) {
  static const int64_t odd[] = {1, 3, 5};
  int64_t best = INT64_MAX;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    int64_t length = KVOX_FILTER_PARTS * LEAST_PART * odd[i];
    while (length < 2 * columns) {
      length *= 2;
    }
    best = kvox_min_i64(best, length);
  }
  return best;
}

static void add_step(kvox_filter_split *split, int64_t *block, int32_t radix) {
  split->each[split->steps++] = (kvox_filter_step){.block = *block, .radix = radix};
  *block /= radix;
}

/* As few steps as 8 numbers at once allow; none of two numbers. */
static void choose_steps(kvox_filter_split *split) {
  int64_t block = split->size;
  for (int32_t odd = 3; odd <= 5; odd += 2) {
    if (block % odd == 0) {
      add_step(split, &block, odd);
    }
  }
  split->last = block == 4 || block == 16 ? 4 : 8;
  while (block > split->last) {
    const int64_t rest = block / split->last;
    add_step(split, &block, rest == 4 || rest == 16 ? 4 : 8);
  }
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

/* The bin that comes out at a place: the steps' digits, the first the least. */
static int64_t bin_at(const kvox_filter_split *split, int64_t place) {
  int64_t bin = 0, unit = 1;
  for (int32_t n = 0; n < split->steps; n++) {
    const int64_t stride = split->each[n].block / split->each[n].radix;
    bin += unit * (place / stride);
    unit *= split->each[n].radix;
    place %= stride;
  }
  return bin + unit * place;
}

/* Bins 8 bin + part in the lane of the part. */
static void order_response(const kvox_ct_filter *f, const float *response) {
  for (int64_t place = 0; place < f->split.size; place++) {
    const float *bins = response + KVOX_FILTER_PARTS * bin_at(&f->split, place);
    for (int64_t lane = 0; lane < KVOX_FILTER_LANES; lane++) {
      f->response[place * KVOX_FILTER_LANES + lane] = bins[lane % KVOX_FILTER_PARTS];
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

static uint64_t step_floats(const kvox_filter_step *step) {
  return (uint64_t)(3 * (step->radix - 1) * (step->block / step->radix));
}

static void fill_step_turns(kvox_ct_filter *f) {
  float *turns = f->step_turns;
  for (int32_t i = 0; i < f->split.steps; i++) {
    kvox_filter_step *step = &f->split.each[i];
    step->turns = turns;
    for (int64_t n = 0; n < step->block / step->radix; n++) {
      for (int64_t j = 1; j < step->radix; j++, turns += 3) {
        const double angle = 2 * pi * (double)(n * j) / (double)step->block;
        turns[0] = (float)cos(angle);
        turns[1] = (float)sin(angle);
        turns[2] = -turns[1];
      }
    }
  }
}

static kvox_status make_tables(kvox_ct_filter *f, const kvox_ct_filter_options *options, double pitch_mm) {
  kvox_heap *heap = f->context->heap;
  uint64_t step_turns = 1;
  for (int32_t i = 0; i < f->split.steps; i++) {
    step_turns += step_floats(&f->split.each[i]);
  }
  const uint64_t turns = 2 * KVOX_FILTER_PARTS * (uint64_t)f->split.step;
  const uint64_t lanes = KVOX_FILTER_LANES * (uint64_t)f->split.size;
  float *response = kvox_allocate(heap, (uint64_t)f->length * sizeof *response);
  f->response = kvox_allocate(heap, lanes * sizeof(float));
  f->turns = kvox_allocate_zeros(heap, turns * sizeof(float));
  f->step_turns = kvox_allocate_zeros(heap, step_turns * sizeof(float));
  const bool there = response != NULL && f->response != NULL && f->turns != NULL && f->step_turns != NULL;
  const kvox_status status =
      there ? kvox_ct_filter_response(heap, options, pitch_mm, f->length, response) : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    order_response(f, response);
    fill_turns(f);
    fill_step_turns(f);
    f->split.turns = f->turns;
    f->split.response = f->response;
    f->bytes = sizeof *f + (lanes + turns + step_turns) * sizeof(float);
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
  choose_steps(&f->split);
  const kvox_status status = make_tables(f, options, pitch_mm);
  if (status != KVOX_OK) {
    kvox_ct_filter_drop(f);
    return status;
  }
  *filter = f;
  return KVOX_OK;
}

void kvox_ct_filter_drop(kvox_ct_filter *filter) {
  if (filter == NULL) {
    return;
  }
  kvox_context *context = filter->context;
  kvox_release(context->heap, filter->response);
  kvox_release(context->heap, filter->turns);
  kvox_release(context->heap, filter->step_turns);
  kvox_release(context->heap, filter);
  kvox_context_destroy(context);
}

static uint64_t lane_bytes(const kvox_ct_filter *f) {
  return 2 * KVOX_FILTER_LANES * (uint64_t)f->split.step * sizeof(float);
}

static uint64_t row_bytes(const kvox_ct_filter *f) {
  return (uint64_t)kvox_round_up(f->columns * (int64_t)sizeof(float), KVOX_ALIGNMENT);
}

uint64_t kvox_ct_filter_scratch(const kvox_ct_filter *filter) { return lane_bytes(filter) + row_bytes(filter); }

void kvox_ct_filter_pairs(const kvox_ct_filter *filter, void *scratch, const kvox_filter_pair *pairs, int32_t count) {
  float *lanes = scratch, *nobody = (float *)(void *)((char *)scratch + lane_bytes(filter));
  kvox_filter_pair whole[KVOX_FILTER_PAIRS];
  for (int32_t n = 0; n < count; n++) {
    whole[n] = pairs[n];
    if (pairs[n].b == NULL) {
      memset(nobody, 0, row_bytes(filter));
      whole[n].b = whole[n].out_b = nobody;
    }
  }
  filter->kernels->pack(&filter->split, whole, count, lanes);
  filter->kernels->convolve(&filter->split, count, lanes);
  filter->kernels->unpack(&filter->split, lanes, whole, count);
}

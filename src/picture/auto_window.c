/*
 * Quantiles by exact selection: samples become whole numbers that are ordered as they are, and their digits are counted
 * from the highest on, keeping only those that agree with the digits found so far. No copy of the image, no sort, and
 * counts do not depend on who counts.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/number.h"
#include "kvox/picture.h"
#include "picture/runs.h"

enum { DIGIT_BITS = 16, DIGITS = 1 << DIGIT_BITS, ENDS = 2 };

typedef struct selection {
  const kvox_array *image;
  int32_t key_bits;     /* 32 where floats hold every sample, else 64 */
  int32_t shift;        /* of the digit that is counted */
  uint64_t found[ENDS]; /* the digits above it */
  int64_t *counts;      /* [worker][end][digit] */
} selection;

/* The order of floating-point numbers is that of their bits, once those of negative ones are turned over. */
static uint64_t key_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

static uint64_t key_of_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits >> 63) != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_of_key(uint64_t key, int32_t key_bits) {
  if (key_bits == 32) {
    const uint32_t bits = (key & 0x80000000u) != 0 ? (uint32_t)key & 0x7fffffffu : ~(uint32_t)key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
  }
  const uint64_t bits = (key >> 63) != 0 ? key & ~((uint64_t)1 << 63) : ~key;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void count_key(const selection *s, int64_t *counts, uint64_t key) {
  const uint64_t digit = (key >> s->shift) & (DIGITS - 1);
  /* Shifted in two steps: by all of 64 bits at once would mean nothing. */
  const uint64_t above = key >> s->shift >> DIGIT_BITS;
  for (int end = 0; end < ENDS; end++) {
    if (above == s->found[end]) {
      counts[end * DIGITS + (int64_t)digit]++;
    }
  }
}

static kvox_status count_piece(void *data, int64_t piece, int32_t worker) {
  const selection *s = data;
  int64_t *counts = s->counts + (int64_t)worker * ENDS * DIGITS;
  const int64_t begin = piece * KVOX_PIECE_SAMPLES;
  const int64_t end = kvox_min_i64(begin + KVOX_PIECE_SAMPLES, kvox_array_elements(s->image));
  kvox_run run;
  for (int64_t at = begin; at < end; at += run.count) {
    run = kvox_run_at(s->image, at, end);
    if (s->key_bits == 32) {
      float values[KVOX_RUN_SAMPLES];
      kvox_row_to_float(kvox_run_start(s->image, run), s->image->type, s->image->strides[s->image->rank - 1], run.count,
                        values);
      for (int64_t i = 0; i < run.count; i++) {
        if (isfinite(values[i])) {
          count_key(s, counts, key_of_float(values[i]));
        }
      }
    } else {
      double values[KVOX_RUN_SAMPLES];
      kvox_run_to_double(s->image, run, values);
      for (int64_t i = 0; i < run.count; i++) {
        if (isfinite(values[i])) {
          count_key(s, counts, key_of_double(values[i]));
        }
      }
    }
  }
  return KVOX_OK;
}

/* Adds all workers' counts to the first one's. */
static void merge(int64_t *counts, int32_t workers) {
  for (int64_t worker = 1; worker < workers; worker++) {
    for (int64_t i = 0; i < ENDS * DIGITS; i++) {
      counts[i] += counts[worker * ENDS * DIGITS + i];
    }
  }
}

static int64_t total(const int64_t *counts) {
  int64_t sum = 0;
  for (int64_t digit = 0; digit < DIGITS; digit++) {
    sum += counts[digit];
  }
  return sum;
}

/* The digit that holds the sample of this rank, which becomes the rank within it. */
static uint64_t find_digit(const int64_t *counts, int64_t *rank) {
  uint64_t digit = 0;
  while (digit < DIGITS - 1 && *rank >= counts[digit]) {
    *rank -= counts[digit++];
  }
  return digit;
}

static kvox_status select_ends(kvox_context *context, selection *s, const double quantiles[ENDS], int64_t work,
                               double values[ENDS]) {
  const int64_t pieces = kvox_run_pieces(s->image);
  const int32_t workers = kvox_workers(&context->threads, pieces, work);
  int64_t ranks[ENDS] = {0};
  for (s->shift = s->key_bits - DIGIT_BITS; s->shift >= 0; s->shift -= DIGIT_BITS) {
    memset(s->counts, 0, (size_t)workers * ENDS * DIGITS * sizeof *s->counts);
    KVOX_TRY(kvox_parallel(&context->threads, pieces, work, count_piece, s, NULL));
    merge(s->counts, workers);
    if (s->shift == s->key_bits - DIGIT_BITS) {
      const int64_t finite = total(s->counts);
      if (finite == 0) {
        return kvox_fail(KVOX_ERROR_DATA, "kvox_picture_auto_window: the image has no finite sample");
      }
      for (int end = 0; end < ENDS; end++) {
        ranks[end] = kvox_min_i64((int64_t)(quantiles[end] * (double)(finite - 1) + 0.5), finite - 1);
      }
    }
    for (int end = 0; end < ENDS; end++) {
      s->found[end] = s->found[end] << DIGIT_BITS | find_digit(s->counts + end * DIGITS, &ranks[end]);
    }
  }
  for (int end = 0; end < ENDS; end++) {
    values[end] = value_of_key(s->found[end], s->key_bits);
  }
  return KVOX_OK;
}

kvox_status kvox_picture_auto_window(kvox_context *context, const kvox_array *image, double low, double high,
                                     double *center, double *width) {
  const int64_t operations = 8; /* of one sample */
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(center);
  KVOX_REQUIRE(width);
  KVOX_TRY(kvox_array_check(image, "kvox_picture_auto_window: image", KVOX_REAL_TYPES));
  if (!(low >= 0 && low < high && high <= 1)) {
    char low_text[KVOX_NUMBER_BYTES], high_text[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_picture_auto_window: the quantiles are %s and %s, must be 0 <= low < high <= 1",
                     kvox_number(low, low_text), kvox_number(high, high_text));
  }
  const int64_t work = kvox_work(kvox_array_elements(image), operations);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, kvox_run_pieces(image), work);
  selection s = {.image = image, .key_bits = kvox_run_fits_float(image->type) ? 32 : 64};
  s.counts = kvox_allocate(context->heap, workers * ENDS * DIGITS * sizeof *s.counts);
  if (s.counts == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const double quantiles[ENDS] = {low, high};
  double values[ENDS] = {0};
  const kvox_status status = select_ends(context, &s, quantiles, work, values);
  kvox_release(context->heap, s.counts);
  if (status == KVOX_OK) {
    const double range = fmin(values[1] - values[0], DBL_MAX);
    *center = 0.5 * values[0] + 0.5 * values[1];
    *width = range > 0 ? range : 1;
  }
  return status;
}

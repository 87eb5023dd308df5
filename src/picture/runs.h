/* Arrays of any shape as pieces of parallel work: dense runs of samples, in C order. */
#ifndef KVOX_PICTURE_RUNS_H
#define KVOX_PICTURE_RUNS_H

#include "core/array.h"
#include "core/size.h"

enum {
  KVOX_PIECE_SAMPLES = 16384, /* of one piece of parallel work: long beside the handing out of pieces */
  KVOX_RUN_SAMPLES = 512      /* of one run: short enough for the stack */
};

/* Samples [begin, begin + count) of a row. */
typedef struct kvox_run {
  int64_t row, begin, count;
} kvox_run;

static inline int64_t kvox_run_pieces(const kvox_array *array) {
  return kvox_divide_up(kvox_array_elements(array), KVOX_PIECE_SAMPLES);
}

/* The run that begins at sample `at` of a piece's samples up to `end`. */
static inline kvox_run kvox_run_at(const kvox_array *array, int64_t at, int64_t end) {
  const int64_t columns = array->shape[array->rank - 1];
  const kvox_run run = {.row = at / columns, .begin = at % columns};
  const int64_t left = kvox_min_i64(end - at, columns - run.begin);
  return (kvox_run){run.row, run.begin, kvox_min_i64(left, KVOX_RUN_SAMPLES)};
}

static inline void *kvox_run_start(const kvox_array *array, kvox_run run) {
  return (char *)kvox_array_row(array, run.row) + run.begin * array->strides[array->rank - 1];
}

/* Types whose every value is a float. */
static inline bool kvox_run_fits_float(kvox_type type) {
  return type != KVOX_U32 && type != KVOX_I32 && type != KVOX_F64;
}

/* A run as double, which every real type fits. */
static inline void kvox_run_to_double(const kvox_array *array, kvox_run run, double *out) {
  const char *at = kvox_run_start(array, run);
  for (int64_t i = 0; i < run.count; i++, at += array->strides[array->rank - 1]) {
    out[i] = kvox_element(at, array->type);
  }
}

#endif

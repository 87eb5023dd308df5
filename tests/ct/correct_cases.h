/* What the tests of the correction share. */
#ifndef KVOX_TESTS_CT_CORRECT_CASES_H
#define KVOX_TESTS_CT_CORRECT_CASES_H

#include <stdlib.h>

#include "ct/correct.h"
#include "fixture.h"
#include "kvox/kvox.h"

enum { VIEWS = 3, ROWS = 4, COLUMNS = 37, PIXELS = ROWS * COLUMNS, SAMPLES = VIEWS * PIXELS };

static inline kvox_array dense(void *data, kvox_type type, int32_t rank, int64_t a, int64_t b, int64_t c) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, rank, (int64_t[]){a, b, c}));
  return array;
}

static inline kvox_array frame(double *pixels) { return dense(pixels, KVOX_F64, 2, ROWS, COLUMNS, 0); }

static inline kvox_ct_correction *correction_of(kvox_context *context, const kvox_array *dark, const kvox_array *flat,
                                                const kvox_array *bad_pixels, double least) {
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.dark = dark;
  options.flat = flat;
  options.bad_pixels = bad_pixels;
  options.least_counts = least;
  kvox_ct_correction *correction = NULL;
  assert_ok(kvox_ct_correction_create(context, &options, &correction));
  return correction;
}

/* A correction of uneven frames, enough of them for several threads, with a few bad pixels. */
static inline kvox_ct_correction *uneven(kvox_context *context, int64_t rows, int64_t columns) {
  const size_t pixels = (size_t)(rows * columns);
  double *dark_pixels = calloc(pixels, sizeof *dark_pixels), *flat_pixels = calloc(pixels, sizeof *flat_pixels);
  assert_true(dark_pixels != NULL && flat_pixels != NULL);
  for (size_t i = 0; i < pixels; i++) {
    dark_pixels[i] = 100 + (double)(i * 7 % 13) / 4;
    flat_pixels[i] = i % 41 == 5 ? 0 : 30000 + (double)(i * 31 % 5003);
  }
  const kvox_array dark = dense(dark_pixels, KVOX_F64, 2, rows, columns, 0);
  kvox_array flat = dense(flat_pixels, KVOX_F64, 3, 1, rows, columns);
  flat.shape[0] = 64;
  flat.strides[0] = 0; /* the same frame again and again */
  kvox_ct_correction *correction = correction_of(context, &dark, &flat, NULL, 0);
  free(dark_pixels);
  free(flat_pixels);
  return correction;
}

#endif

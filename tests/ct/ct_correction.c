/* Making a correction: what is refused and in which words, and memory that is not there. */
#include <math.h>

#include "ct/correct_cases.h"
#include "failing_heap.h"

static kvox_status try_create(kvox_context *context, const kvox_array *dark, const kvox_array *flat,
                              const kvox_array *bad_pixels, double least) {
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.dark = dark;
  options.flat = flat;
  options.bad_pixels = bad_pixels;
  options.least_counts = least;
  kvox_ct_correction *correction = NULL;
  const kvox_status status = kvox_ct_correction_create(context, &options, &correction);
  assert_true((status == KVOX_OK) == (correction != NULL));
  kvox_ct_correction_destroy(correction);
  return status;
}

static void test_refused_frames(void **state) {
  double dark_pixels[PIXELS], flat_pixels[PIXELS];
  uint8_t mask_pixels[PIXELS] = {0};
  for (int i = 0; i < PIXELS; i++) {
    dark_pixels[i] = flat_pixels[i] = 0;
  }
  const kvox_array dark = frame(dark_pixels), flat = frame(flat_pixels);
  const kvox_array mask = dense(mask_pixels, KVOX_U8, 2, ROWS, COLUMNS, 0);
  assert_fails(KVOX_ERROR_DATA, "was the beam on", try_create(*state, NULL, &flat, NULL, 0));
  assert_fails(KVOX_ERROR_DATA, "was the beam on", try_create(*state, &dark, &flat, &mask, 0));
  for (int i = 0; i < PIXELS; i++) {
    flat_pixels[i] = i / COLUMNS == 3 ? 0 : 100;
  }
  assert_fails(KVOX_ERROR_DATA, "row 3 has no good pixel", try_create(*state, &dark, &flat, NULL, 0));
  for (int i = 0; i < PIXELS; i++) {
    flat_pixels[i] = 100;
    mask_pixels[i] = i / COLUMNS % 2 == 1; /* the first of two is named */
  }
  assert_fails(KVOX_ERROR_DATA, "row 1 has no good pixel", try_create(*state, &dark, &flat, &mask, 0));

  memset(mask_pixels, 0, sizeof mask_pixels);
  flat_pixels[2 * COLUMNS + 7] = NAN;
  assert_fails(KVOX_ERROR_DATA, "flat: a sample at row 2, column 7", try_create(*state, &dark, &flat, NULL, 0));
  mask_pixels[2 * COLUMNS + 7] = 1; /* a pixel known to be bad may say anything */
  assert_ok(try_create(*state, &dark, &flat, &mask, 0));
  dark_pixels[COLUMNS + 36] = -INFINITY;
  assert_fails(KVOX_ERROR_DATA, "dark: a sample at row 1, column 36", try_create(*state, &dark, &flat, &mask, 0));
  dark_pixels[COLUMNS + 36] = 1e300;
  assert_fails(KVOX_ERROR_DATA, "beyond a 32-bit float", try_create(*state, &dark, &flat, &mask, 0));
  dark_pixels[COLUMNS + 36] = 0;
  flat_pixels[COLUMNS + 36] = 1e38;
  assert_fails(KVOX_ERROR_DATA, "1e+38 above dark at row 1, column 36", try_create(*state, &dark, &flat, &mask, 0));
  flat_pixels[COLUMNS + 36] = 1e-42; /* its inverse is beyond floats */
  assert_fails(KVOX_ERROR_DATA, "1e-42 above dark at row 1, column 36", try_create(*state, &dark, &flat, &mask, 0));
}

static void test_refused_options(void **state) {
  double pixels[PIXELS];
  for (int i = 0; i < PIXELS; i++) {
    pixels[i] = 100;
  }
  const kvox_array flat = frame(pixels);
  kvox_array other = dense(pixels, KVOX_F64, 2, ROWS - 1, COLUMNS, 0);
  assert_fails(KVOX_ERROR_ARGUMENT, "flat", try_create(*state, &flat, NULL, NULL, 0));
  assert_fails(KVOX_ERROR_SIZE, "dark: it has 3 rows of 37 columns, flat 4 of 37",
               try_create(*state, &other, &flat, NULL, 0));
  assert_fails(KVOX_ERROR_ARGUMENT, "bad_pixels: element type f64", try_create(*state, NULL, &flat, &flat, 0));
  other = dense(pixels, KVOX_U8, 2, ROWS, COLUMNS + 1, 0);
  assert_fails(KVOX_ERROR_SIZE, "bad_pixels: its shape is 4 x 38", try_create(*state, NULL, &flat, &other, 0));
  other = dense(pixels, KVOX_F64, 1, COLUMNS, 0, 0);
  assert_fails(KVOX_ERROR_ARGUMENT, "flat: rank 1", try_create(*state, NULL, &other, NULL, 0));
  other = dense(pixels, KVOX_C64, 2, ROWS, COLUMNS, 0);
  assert_fails(KVOX_ERROR_ARGUMENT, "flat: element type c64", try_create(*state, NULL, &other, NULL, 0));
  static const double wrong[] = {-1, NAN, INFINITY, 1e-60, 1e60};
  for (int i = 0; i < 5; i++) {
    assert_fails(KVOX_ERROR_ARGUMENT, "least_counts is", try_create(*state, NULL, &flat, NULL, wrong[i]));
  }
  kvox_ct_correction *correction = NULL;
  kvox_ct_correction_options options = {0};
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size", kvox_ct_correction_create(*state, &options, &correction));
  assert_fails(KVOX_ERROR_ARGUMENT, "context", kvox_ct_correction_create(NULL, &options, &correction));
  assert_fails(KVOX_ERROR_ARGUMENT, "options", kvox_ct_correction_create(*state, NULL, &correction));
  assert_fails(KVOX_ERROR_ARGUMENT, "correction", kvox_ct_correction_create(*state, &options, NULL));
  assert_int_equal(kvox_ct_correction_bad_pixels(NULL), 0);
  kvox_ct_correction_destroy(NULL);
}

static kvox_status scenario(const kvox_context_options *options, void *data) {
  (void)data;
  double flat_pixels[PIXELS];
  uint16_t samples[SAMPLES];
  float result[2 * SAMPLES];
  for (int i = 0; i < PIXELS; i++) {
    flat_pixels[i] = i % 41 == 5 ? 0 : 1000;
  }
  for (int i = 0; i < SAMPLES; i++) {
    samples[i] = 500;
  }
  const kvox_array flat = frame(flat_pixels), counts = dense(samples, KVOX_U16, 3, VIEWS, ROWS, COLUMNS);
  kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  for (int d = 0; d < 3; d++) {
    out.strides[d] *= 2; /* needs a row of scratch */
  }
  kvox_ct_correction_options correction_options;
  kvox_ct_correction_options_init(&correction_options);
  correction_options.flat = &flat;
  kvox_context *context = NULL;
  kvox_ct_correction *correction = NULL;
  kvox_status status = kvox_context_create(options, &context);
  if (status == KVOX_OK) {
    status = kvox_ct_correction_create(context, &correction_options, &correction);
  }
  if (status == KVOX_OK) {
    status = kvox_ct_correct(context, correction, &counts, &out);
  }
  kvox_ct_correction_destroy(correction);
  kvox_context_destroy(context);
  return status;
}

static void test_memory(void **state) {
  (void)state;
  /* Heap, context, correction, its four arrays, the scratch of frames, the scratch of rows. */
  assert_int_equal(failing_heap_try(scenario, NULL), 9);
}

/* A dense result needs no memory at all. */
static void test_allocates_nothing(void **state) {
  (void)state;
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  kvox_ct_correction *correction = uneven(context, ROWS, COLUMNS);
  uint16_t samples[SAMPLES] = {0};
  float result[SAMPLES];
  const kvox_array counts = dense(samples, KVOX_U16, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  const int64_t before = heap->calls;
  assert_ok(kvox_ct_correct(context, correction, &counts, &out));
  assert_int_equal(heap->calls, before);
  kvox_ct_correction_destroy(correction);
  kvox_context_destroy(context);
  failing_heap_destroy(heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused_frames),
      cmocka_unit_test(test_refused_options),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

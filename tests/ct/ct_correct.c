/* Correction of raw counts: exact truth at every type, bad pixels, clamping, strides, in place, threads. */
#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "ct/correct_cases.h"

/* What a pixel's three roundings (count - dark, the inverse gain, their product: 2^-24 each) and the logarithm's 1 ulp
 * may leave. */
static double tolerance(double p) { return 4 * 0x1p-24 + fabs(p) * 0x1p-23; }

static void put(void *data, kvox_type type, int64_t at, double value) {
  switch (type) {
    case KVOX_U8: ((uint8_t *)data)[at] = (uint8_t)value; break;
    case KVOX_I8: ((int8_t *)data)[at] = (int8_t)value; break;
    case KVOX_U16: ((uint16_t *)data)[at] = (uint16_t)value; break;
    case KVOX_I16: ((int16_t *)data)[at] = (int16_t)value; break;
    case KVOX_U32: ((uint32_t *)data)[at] = (uint32_t)value; break;
    case KVOX_I32: ((int32_t *)data)[at] = (int32_t)value; break;
    case KVOX_F16: { /* whole numbers from 1 to 1024 */
      const int exponent = ilogb(value);
      const double fraction = value / ldexp(1, exponent) - 1;
      ((uint16_t *)data)[at] = (uint16_t)(((exponent + 15) << 10) + (int)(fraction * 1024));
      break;
    }
    case KVOX_F32: ((float *)data)[at] = (float)value; break;
    default: ((double *)data)[at] = value;
  }
}

/* Gain 64, dark 3: a count of 3 + 64 / 2^k is a line integral of k ln 2, in every type. */
static void test_halving_layers(void **state) {
  double dark_pixels[PIXELS], flat_pixels[PIXELS];
  for (int i = 0; i < PIXELS; i++) {
    dark_pixels[i] = 3;
    flat_pixels[i] = 67;
  }
  const kvox_array dark = frame(dark_pixels), flat = frame(flat_pixels);
  kvox_ct_correction *correction = correction_of(*state, &dark, &flat, NULL, 0);
  assert_int_equal(kvox_ct_correction_bad_pixels(correction), 0);
  for (kvox_type type = KVOX_U8; type <= KVOX_F64; type++) {
    double memory[SAMPLES];
    float result[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
      put(memory, type, i, 3 + ldexp(64, -(i % 7)));
    }
    const kvox_array counts = dense(memory, type, 3, VIEWS, ROWS, COLUMNS);
    const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
    assert_ok(kvox_ct_correct(*state, correction, &counts, &out));
    for (int i = 0; i < SAMPLES; i++) {
      const double truth = (i % 7) * log(2);
      assert_close((double)result[i], truth, truth * 0x1p-23); /* nothing but the logarithm rounds */
    }
  }
  kvox_ct_correction_destroy(correction);
}

/* Frames whose means no integer holds, counts of a known object, against the formula in double. */
static void test_averaged_frames(void **state) {
  enum { DARKS = 3, FLATS = 7 };
  static uint16_t darks[DARKS][PIXELS], flats[FLATS][PIXELS], samples[SAMPLES];
  static float result[SAMPLES];
  double dark_mean[PIXELS], flat_mean[PIXELS];
  srand(7);
  for (int i = 0; i < PIXELS; i++) {
    dark_mean[i] = flat_mean[i] = 0;
    for (int k = 0; k < DARKS; k++) {
      darks[k][i] = (uint16_t)(90 + rand() % 20);
      dark_mean[i] += darks[k][i] / (double)DARKS;
    }
    for (int k = 0; k < FLATS; k++) {
      flats[k][i] = (uint16_t)(30000 + rand() % 20000);
      flat_mean[i] += flats[k][i] / (double)FLATS;
    }
  }
  for (int i = 0; i < SAMPLES; i++) {
    const double known = 4.0 * (i % 101) / 100;
    samples[i] = (uint16_t)lrint(dark_mean[i % PIXELS] + (flat_mean[i % PIXELS] - dark_mean[i % PIXELS]) * exp(-known));
  }
  const kvox_array dark = dense(darks, KVOX_U16, 3, DARKS, ROWS, COLUMNS);
  const kvox_array flat = dense(flats, KVOX_U16, 3, FLATS, ROWS, COLUMNS);
  const kvox_array counts = dense(samples, KVOX_U16, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  kvox_ct_correction *correction = correction_of(*state, &dark, &flat, NULL, 0);
  assert_ok(kvox_ct_correct(*state, correction, &counts, &out));
  for (int i = 0; i < SAMPLES; i++) {
    const double gain = flat_mean[i % PIXELS] - dark_mean[i % PIXELS];
    const double truth = log(gain / (samples[i] - dark_mean[i % PIXELS]));
    assert_close((double)result[i], truth, tolerance(truth));
    /* And the known object, as well as whole counts can tell it. */
    const double known = 4.0 * (i % 101) / 100;
    assert_close((double)result[i], known, 0.51 / (gain * exp(-known)) * 1.01 + tolerance(known));
  }
  kvox_ct_correction_destroy(correction);
}

static void test_clamping(void **state) {
  double flat_pixels[PIXELS], dark_pixels[PIXELS];
  for (int i = 0; i < PIXELS; i++) {
    flat_pixels[i] = 1100;
    dark_pixels[i] = 100;
  }
  const kvox_array flat = frame(flat_pixels), dark = frame(dark_pixels);
  float samples[COLUMNS], result[COLUMNS];
  static const double least[] = {0, 1, 0.25, 10};
  for (int k = 0; k < 4; k++) {
    kvox_ct_correction *correction = correction_of(*state, &dark, &flat, NULL, least[k]);
    for (int i = 0; i < COLUMNS; i++) {
      samples[i] = i % 3 == 0 ? 100 : i % 3 == 1 ? -1e30f : 99.5f;
    }
    memcpy(result, samples, sizeof result);
    assert_true(kvox_ct_correct_row(correction, kvox_context_cpu_level(*state), 1, COLUMNS, result));
    const double floor_counts = least[k] == 0 ? 1 : least[k];
    for (int i = 0; i < COLUMNS; i++) {
      assert_close((double)result[i], log(1000 / floor_counts), tolerance(8));
    }
    kvox_ct_correction_destroy(correction);
  }
  /* Brighter than the flat: negative, however bright. */
  kvox_ct_correction *correction = correction_of(*state, &dark, &flat, NULL, 0);
  for (int i = 0; i < COLUMNS; i++) {
    result[i] = i % 2 == 0 ? 2100 : 3e38f;
  }
  assert_true(kvox_ct_correct_row(correction, kvox_context_cpu_level(*state), 1, COLUMNS, result));
  assert_close((double)result[0], -log(2), tolerance(1));
  assert_close((double)result[1], -log(3e38 / 1000), tolerance(90));
  kvox_ct_correction_destroy(correction);
}

/* Bad in row 2: columns 0 and 1, 5, 9 to 12, the last three; in row 0 runs whose neighbours are the first and the last.
 */
static bool is_bad(int row, int column) {
  if (row == 0) {
    return column == 1 || (column >= 20 && column < COLUMNS - 1);
  }
  return row == 2 && (column <= 1 || column == 5 || (column >= 9 && column <= 12) || column >= COLUMNS - 3);
}

/* Line integrals that are straight over a row: what replaces a bad pixel between two good ones is the truth itself, and
 * at an end the last good one's. */
static double straight(int row, int column) { return 0.1 * row + 0.05 * column; }

static double bridged(int row, int column) {
  const int within = column < 2 ? 2 : column > COLUMNS - 4 ? COLUMNS - 4 : column;
  return straight(row, row == 2 ? within : column);
}

static void check_bridged(kvox_context *context, const kvox_ct_correction *correction, float spoilt) {
  float samples[SAMPLES], result[SAMPLES];
  for (int i = 0; i < SAMPLES; i++) {
    const int row = i / COLUMNS % ROWS, column = i % COLUMNS;
    samples[i] = is_bad(row, column) ? spoilt : (float)(50 + 20000 * exp(-straight(row, column)));
  }
  const kvox_array counts = dense(samples, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  assert_ok(kvox_ct_correct(context, correction, &counts, &out));
  for (int i = 0; i < SAMPLES; i++) {
    const double truth = bridged(i / COLUMNS % ROWS, i % COLUMNS);
    assert_close((double)result[i], truth, 3 * tolerance(truth));
  }
}

static void test_bad_pixels(void **state) {
  double dark_pixels[PIXELS], spoilt_dark[PIXELS], good_flat[PIXELS], bad_flat[PIXELS];
  uint8_t mask_pixels[PIXELS];
  int bad = 0;
  for (int i = 0; i < PIXELS; i++) {
    const bool is = is_bad(i / COLUMNS, i % COLUMNS);
    dark_pixels[i] = 50;
    spoilt_dark[i] = is ? NAN : 50; /* not looked at where the mask says bad */
    good_flat[i] = 20050;
    bad_flat[i] = !is ? 20050 : i % 2 == 0 ? 50 : 3; /* as dark, or darker */
    mask_pixels[i] = is ? (uint8_t)(1 + i % 255) : 0;
    bad += is;
  }
  const kvox_array dark = frame(dark_pixels), good = frame(good_flat), poor = frame(bad_flat);
  const kvox_array spoilt_frame = frame(spoilt_dark);
  const kvox_array mask = dense(mask_pixels, KVOX_U8, 2, ROWS, COLUMNS, 0);
  kvox_ct_correction *masked = correction_of(*state, &spoilt_frame, &good, &mask, 0);
  kvox_ct_correction *found = correction_of(*state, &dark, &poor, NULL, 0);
  assert_int_equal(kvox_ct_correction_bad_pixels(masked), bad);
  assert_int_equal(kvox_ct_correction_bad_pixels(found), bad);
  static const float spoilt[] = {0, 65535, NAN, -INFINITY}; /* whatever a bad pixel counts */
  for (int i = 0; i < 4; i++) {
    check_bridged(*state, masked, spoilt[i]);
    check_bridged(*state, found, spoilt[i]);
  }
  kvox_ct_correction_destroy(masked);
  kvox_ct_correction_destroy(found);
}

static void test_one_good_pixel(void **state) {
  double flat_pixels[PIXELS] = {0};
  for (int row = 0; row < ROWS; row++) {
    flat_pixels[row * COLUMNS + 11 * row] = 8;
  }
  const kvox_array flat = frame(flat_pixels);
  kvox_ct_correction *correction = correction_of(*state, NULL, &flat, NULL, 0);
  assert_int_equal(kvox_ct_correction_bad_pixels(correction), PIXELS - ROWS);
  for (int row = 0; row < ROWS; row++) {
    float samples[COLUMNS] = {0};
    samples[11 * row] = 2;
    assert_true(kvox_ct_correct_row(correction, kvox_context_cpu_level(*state), row, COLUMNS, samples));
    for (int i = 0; i < COLUMNS; i++) {
      assert_close((double)samples[i], 2 * log(2), tolerance(2));
    }
  }
  kvox_ct_correction_destroy(correction);
}

static void test_not_finite(void **state) {
  kvox_ct_correction *correction = uneven(*state, ROWS, COLUMNS);
  static const double spoilt[] = {NAN, INFINITY, -INFINITY, 1e300};
  double samples[SAMPLES];
  float result[SAMPLES];
  const kvox_array counts = dense(samples, KVOX_F64, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  for (int k = 0; k < 4; k++) {
    for (int i = 0; i < SAMPLES; i++) {
      samples[i] = 5000;
    }
    samples[(1 * ROWS + 3) * COLUMNS + 36] = spoilt[k];
    samples[(2 * ROWS + 0) * COLUMNS + 2] = NAN;
    assert_fails(KVOX_ERROR_DATA, "counts: the sample at view 1, row 3, column 36 is NaN",
                 kvox_ct_correct(*state, correction, &counts, &out));
  }
  /* In place, where the row is already overwritten when the count is found. */
  for (int i = 0; i < SAMPLES; i++) {
    result[i] = 5000;
  }
  result[(2 * ROWS + 1) * COLUMNS + 6] = INFINITY;
  result[(2 * ROWS + 1) * COLUMNS + 30] = NAN;
  assert_fails(KVOX_ERROR_DATA, "view 2, row 1, column 6", kvox_ct_correct(*state, correction, &out, &out));
  kvox_ct_correction_destroy(correction);
}

/* Without a correction a row of line integrals is looked at alone. */
static void test_line_integrals(void **state) {
  const int32_t level = kvox_context_cpu_level(*state);
  float samples[COLUMNS], before[COLUMNS];
  for (int i = 0; i < COLUMNS; i++) {
    before[i] = (float)(i - 5) * 1e37f;
  }
  memcpy(samples, before, sizeof samples);
  assert_true(kvox_ct_correct_row(NULL, level, 0, COLUMNS, samples));
  assert_memory_equal(samples, before, sizeof samples);
  for (int at = 0; at < COLUMNS; at++) {
    samples[at] = at % 2 == 0 ? NAN : -INFINITY;
    assert_false(kvox_ct_correct_row(NULL, level, 0, COLUMNS, samples));
    char words[64];
    snprintf(words, sizeof words, "projections: the sample at view 8, row 9, column %d is", at);
    assert_fails(KVOX_ERROR_DATA, words, kvox_ct_not_finite("projections", 8, 9, COLUMNS, samples));
    samples[at] = before[at];
  }
  assert_ok(kvox_ct_correction_check(NULL, 1, 1));
}

/* Any strides give the bits of dense arrays. */
static void test_strides(void **state) {
  kvox_ct_correction *correction = uneven(*state, ROWS, COLUMNS);
  uint16_t samples[SAMPLES], spread[3 * SAMPLES];
  float want[SAMPLES];
  static unsigned char room[16 * SAMPLES + 16];
  for (int i = 0; i < SAMPLES; i++) {
    samples[i] = (uint16_t)(120 + i * 37 % 30000);
    spread[3 * (SAMPLES - 1 - i)] = samples[i];
  }
  kvox_array counts = dense(samples, KVOX_U16, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array dense_out = dense(want, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  assert_ok(kvox_ct_correct(*state, correction, &counts, &dense_out));
  counts.data = spread + 3 * (SAMPLES - 1); /* backwards, every third */
  for (int d = 0; d < 3; d++) {
    counts.strides[d] *= -3;
  }
  /* Column stride, row stride, begin: padded rows; backwards; every other float; not aligned. */
  static const struct {
    int64_t column, row, begin;
  } layouts[] = {{4, 4 * COLUMNS + 8, 0},
                 {-4, -4 * COLUMNS, 4 * (SAMPLES - 1)},
                 {8, 8 * COLUMNS + 4, 0},
                 {4, 4 * COLUMNS + 1, 3},
                 {4, -4 * COLUMNS, 4 * COLUMNS * (VIEWS * ROWS - 1)}};
  for (size_t k = 0; k < sizeof layouts / sizeof layouts[0]; k++) {
    kvox_array out = dense_out;
    out.data = room + layouts[k].begin;
    out.strides[2] = layouts[k].column;
    out.strides[1] = layouts[k].row;
    out.strides[0] = layouts[k].row * ROWS;
    memset(room, 0x5a, sizeof room);
    assert_ok(kvox_ct_correct(*state, correction, &counts, &out));
    for (int64_t i = 0; i < SAMPLES; i++) {
      const int64_t at[3] = {i / PIXELS, i / COLUMNS % ROWS, i % COLUMNS};
      char *got = kvox_array_at(&out, 3, at);
      assert_memory_equal(got, want + i, sizeof *want);
      memset(got, 0x5a, sizeof *want);
    }
    for (size_t i = 0; i < sizeof room; i++) {
      assert_int_equal(room[i], 0x5a); /* nothing between the samples was written */
    }
  }
  kvox_ct_correction_destroy(correction);
}

static void test_in_place(void **state) {
  kvox_ct_correction *correction = uneven(*state, ROWS, COLUMNS);
  float samples[2 * SAMPLES], want[SAMPLES];
  for (int i = 0; i < SAMPLES; i++) {
    samples[i] = (float)(120 + i * 37 % 30000);
  }
  kvox_array counts = dense(samples, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(want, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  assert_ok(kvox_ct_correct(*state, correction, &counts, &out));
  kvox_array shifted = counts;
  shifted.data = samples + PIXELS;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_correct(*state, correction, &counts, &shifted));
  shifted = counts;
  shifted.type = KVOX_I32;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_correct(*state, correction, &shifted, &counts));
  shifted = counts; /* the same bytes, the rows the other way round */
  shifted.data = samples + (ROWS - 1) * COLUMNS;
  shifted.strides[1] = -counts.strides[1];
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_correct(*state, correction, &counts, &shifted));
  kvox_array sparse = counts; /* the same views, their rows twice as far apart */
  sparse.strides[0] *= 2;
  shifted = sparse;
  shifted.strides[1] *= 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_correct(*state, correction, &sparse, &shifted));
  assert_ok(kvox_ct_correct(*state, correction, &counts, &counts));
  assert_memory_equal(samples, want, sizeof want);

  /* Columns backwards: the rows are not rows of floats, the result is the same. */
  for (int i = 0; i < SAMPLES; i++) {
    samples[SAMPLES - 1 - i] = (float)(120 + i * 37 % 30000);
  }
  counts.data = samples + SAMPLES - 1;
  for (int d = 0; d < 3; d++) {
    counts.strides[d] = -counts.strides[d];
  }
  assert_ok(kvox_ct_correct(*state, correction, &counts, &counts));
  for (int i = 0; i < SAMPLES; i++) {
    assert_memory_equal(samples + SAMPLES - 1 - i, want + i, sizeof *want);
  }
  kvox_ct_correction_destroy(correction);
}

static void test_refused_arrays(void **state) {
  kvox_ct_correction *correction = uneven(*state, ROWS, COLUMNS);
  uint16_t samples[SAMPLES] = {0};
  float result[SAMPLES];
  const kvox_array counts = dense(samples, KVOX_U16, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array out = dense(result, KVOX_F32, 3, VIEWS, ROWS, COLUMNS);
  const kvox_array row = dense(samples, KVOX_U16, 2, ROWS, COLUMNS, 0);
  const kvox_array fewer = dense(samples, KVOX_U16, 3, VIEWS, ROWS - 1, COLUMNS);
  const kvox_array wider = dense(result, KVOX_F32, 3, VIEWS - 1, ROWS, COLUMNS + 1);
  kvox_array doubles = out, pairs = counts;
  doubles.type = KVOX_F64;
  pairs.type = KVOX_C64;
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_ct_correct(NULL, correction, &counts, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "correction is NULL", kvox_ct_correct(*state, NULL, &counts, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "counts", kvox_ct_correct(*state, correction, NULL, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "line_integrals", kvox_ct_correct(*state, correction, &counts, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "counts: rank 2", kvox_ct_correct(*state, correction, &row, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "c64", kvox_ct_correct(*state, correction, &pairs, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "line_integrals: element type f64",
               kvox_ct_correct(*state, correction, &counts, &doubles));
  assert_fails(KVOX_ERROR_SIZE, "projections have 3 rows of 37 columns, the dark and flat frames",
               kvox_ct_correct(*state, correction, &fewer, &out));
  assert_fails(KVOX_ERROR_SIZE, "line_integrals: its shape is 2 x 4 x 38, must be 3 x 4 x 37",
               kvox_ct_correct(*state, correction, &counts, &wider));
  kvox_ct_correction_destroy(correction);
}

enum { MANY_VIEWS = 60, MANY_ROWS = 17, MANY_COLUMNS = 131, MANY = MANY_VIEWS * MANY_ROWS * MANY_COLUMNS };

/* `stride` floats apart: 1, or more for rows that need scratch. */
static void correct_with(int32_t threads, const uint16_t *samples, int64_t stride, float *result) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.threads = threads;
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  kvox_ct_correction *correction = uneven(context, MANY_ROWS, MANY_COLUMNS);
  uint16_t *own = malloc(MANY * sizeof *own);
  assert_non_null(own);
  memcpy(own, samples, MANY * sizeof *own);
  const kvox_array counts = dense(own, KVOX_U16, 3, MANY_VIEWS, MANY_ROWS, MANY_COLUMNS);
  kvox_array out = dense(result, KVOX_F32, 3, MANY_VIEWS, MANY_ROWS, MANY_COLUMNS);
  for (int d = 0; d < 3; d++) {
    out.strides[d] *= stride;
  }
  assert_ok(kvox_ct_correct(context, correction, &counts, &out));
  free(own);
  kvox_context_destroy(context); /* the correction holds it */
  kvox_ct_correction_destroy(correction);
}

static void test_threads(void **state) {
  (void)state;
  static uint16_t samples[MANY];
  static float one[MANY], several[MANY], spread[2 * MANY];
  for (int i = 0; i < MANY; i++) {
    samples[i] = (uint16_t)(i * 7919LL % 40000);
  }
  correct_with(1, samples, 1, one);
  static const int32_t threads[] = {2, 7};
  for (int i = 0; i < 2; i++) {
    memset(several, 0, sizeof several);
    correct_with(threads[i], samples, 1, several);
    assert_memory_equal(one, several, sizeof one);
    correct_with(threads[i], samples, 2, spread);
    for (int k = 0; k < MANY; k++) {
      assert_memory_equal(one + k, spread + 2 * k, sizeof *one);
    }
  }
}

/* The first place is named whichever thread meets another before. */
static void test_first_of_many(void **state) {
  kvox_context_options options;
  kvox_context_options_init(&options);
  options.threads = 7;
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(&options, &context));
  kvox_ct_correction *correction = uneven(*state, MANY_ROWS, MANY_COLUMNS);
  static float samples[MANY];
  const kvox_array counts = dense(samples, KVOX_F32, 3, MANY_VIEWS, MANY_ROWS, MANY_COLUMNS);
  for (int i = 0; i < MANY; i++) {
    samples[i] = i > (40 * MANY_ROWS + 5) * MANY_COLUMNS + 76 ? NAN : 1000;
  }
  assert_fails(KVOX_ERROR_DATA, "view 40, row 5, column 77", kvox_ct_correct(context, correction, &counts, &counts));
  kvox_ct_correction_destroy(correction);
  kvox_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_halving_layers), cmocka_unit_test(test_averaged_frames),
      cmocka_unit_test(test_clamping),       cmocka_unit_test(test_bad_pixels),
      cmocka_unit_test(test_one_good_pixel), cmocka_unit_test(test_not_finite),
      cmocka_unit_test(test_line_integrals), cmocka_unit_test(test_strides),
      cmocka_unit_test(test_in_place),       cmocka_unit_test(test_refused_arrays),
      cmocka_unit_test(test_threads),        cmocka_unit_test(test_first_of_many),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

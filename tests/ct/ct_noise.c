/* Photon noise: the generator's known answers, Poisson statistics, and what the call promises. */
#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "ct/noise.h"
#include "kvox/kvox.h"
#include "test.h"

static kvox_context *context_of_threads(int32_t threads) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.threads = threads;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* The vectors that the authors of Philox publish (Random123, kat_vectors). */
static void test_philox(void **state) {
  (void)state;
  static const uint32_t cases[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
       0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
       0x24126ea1},
  };
  for (int c = 0; c < 3; c++) {
    uint32_t out[4];
    kvox_philox(cases[c], cases[c] + 4, out);
    assert_memory_equal(out, cases[c] + 6, sizeof out);
  }
}

/* Mean and variance within five of their own deviations: sqrt(m / N), sqrt((2 m^2 + m) / N). */
static void test_moments(void **state) {
  (void)state;
  enum { N = 200000 };
  static const double means[] = {0.01, 0.3, 1, 4.5, 9.99, 10, 12.5, 40, 1e3, 1e6, 1e9, 1e12, 1e15};
  for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
    const double m = means[i];
    double sum = 0, squares = 0;
    for (uint64_t n = 0; n < N; n++) {
      const double count = kvox_ct_poisson(m, 42, n);
      assert_true(count >= 0 && count == floor(count));
      sum += count - m;
      squares += (count - m) * (count - m);
    }
    assert_close(sum / N, 0, 5 * sqrt(m / N));
    assert_close(squares / N, m, 5 * sqrt((2 * m * m + m) / N));
  }
  for (uint64_t n = 0; n < 1000; n++) {
    assert_true(kvox_ct_poisson(0, 42, n) == 0);
  }
}

/* Pearson's chi-square over all counts that are expected 25 times or more, the tails in one bin each. Its mean is its
 * degrees of freedom, its variance twice that; small means by inversion, the others by rejection. */
static void test_distribution(void **state) {
  (void)state;
  enum { N = 400000, MOST = 2000 };
  static const double means[] = {0.7, 3, 9.5, 10, 10.5, 15, 30, 100, 300, 1000};
  for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
    static double seen[MOST], expected[MOST];
    memset(seen, 0, sizeof seen);
    for (int k = 0; k < MOST; k++) {
      expected[k] = N * exp(k * log(means[i]) - means[i] - lgamma(k + 1.0));
    }
    for (uint64_t n = 0; n < N; n++) {
      const double count = kvox_ct_poisson(means[i], 7, n);
      assert_true(count < MOST);
      seen[(int)count]++;
    }
    int low = 0, high = MOST - 1;
    for (; expected[low] < 25; low++) {
      expected[low + 1] += expected[low];
      seen[low + 1] += seen[low];
    }
    for (; expected[high] < 25; high--) {
      expected[high - 1] += expected[high];
      seen[high - 1] += seen[high];
    }
    double chi_square = 0;
    for (int k = low; k <= high; k++) {
      chi_square += (seen[k] - expected[k]) * (seen[k] - expected[k]) / expected[k];
    }
    const double freedom = high - low;
    assert_close(chi_square, freedom, 4.5 * sqrt(2 * freedom));
  }
}

/* Neighbours, views apart, and other seeds have nothing to do with each other. */
static void test_independence(void **state) {
  (void)state;
  enum { N = 100000 };
  static const double means[] = {3, 200};
  static const struct {
    uint64_t seed, shift;
  } others[] = {{1, 1}, {1, 729}, {1, 1u << 16}, {1, (uint64_t)1 << 32}, {2, 0}, {(uint64_t)1 << 32 | 1, 0}};
  for (int m = 0; m < 2; m++) {
    for (size_t o = 0; o < sizeof others / sizeof *others; o++) {
      double product = 0;
      for (uint64_t n = 0; n < N; n++) {
        product += (kvox_ct_poisson(means[m], 1, n) - means[m]) *
                   (kvox_ct_poisson(means[m], others[o].seed, n + others[o].shift) - means[m]);
      }
      assert_close(product / (N * means[m]), 0, 5 / sqrt(N));
    }
  }
}

enum { VIEWS = 6, ROWS = 5, COLUMNS = 700 };

static kvox_array array_of(void *data, kvox_type type) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, 3, (int64_t[]){VIEWS, ROWS, COLUMNS}));
  return array;
}

static double line_integral(int64_t element) { return 0.001 * (double)(element % 5000); }

static double values[VIEWS * ROWS * COLUMNS], again[VIEWS * ROWS * COLUMNS];

static void draw(double *out) {
  for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
    out[e] = line_integral(e);
  }
}

/* -log(n / photons): mean p + 1 / (2 m) and variance 1 / m of m = photons exp(-p). */
static void test_line_integrals(void **state) {
  (void)state;
  const double photons = 1e5;
  kvox_context *context = context_of_threads(2);
  const kvox_array array = array_of(values, KVOX_F64);
  draw(values);
  assert_ok(kvox_ct_add_noise(context, photons, 3, &array));
  double sum = 0, squares = 0, n = VIEWS * ROWS * COLUMNS;
  for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
    const double m = photons * exp(-line_integral(e));
    const double normal = (values[e] - line_integral(e) - 0.5 / m) * sqrt(m);
    const double count = photons * exp(-values[e]);
    assert_close(count, floor(count + 0.5), 1e-9 * count + 1e-9);
    sum += normal;
    squares += normal * normal;
  }
  assert_close(sum / n, 0, 5 / sqrt(n));
  /* m >= 674: the third and fourth moments move the variance by less than 2 / m. */
  assert_close(squares / n, 1, 5 * sqrt(2 / n) + 0.003);

  /* Hardly a photon comes through: one is counted. */
  for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
    values[e] = 60;
  }
  assert_ok(kvox_ct_add_noise(context, photons, 3, &array));
  for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
    assert_close(values[e], log(photons), 1e-12);
  }
  kvox_context_destroy(context);
}

/* Same seed and place, same noise: whatever threads, type, strides. */
static void test_same_noise(void **state) {
  (void)state;
  enum { STEP = 2, ROW = COLUMNS * STEP + 1 };
  float *memory = malloc(VIEWS * ROWS * ROW * sizeof *memory);
  const int32_t threads[] = {1, 2, 7};
  for (int t = 0; t < 3; t++) {
    kvox_context *context = context_of_threads(threads[t]);
    double *out = t == 0 ? values : again;
    draw(out);
    const kvox_array array = array_of(out, KVOX_F64);
    assert_ok(kvox_ct_add_noise(context, 5000, 9, &array));
    assert_memory_equal(values, out, sizeof values);
    for (int64_t e = 0; e < VIEWS * ROWS * ROW; e++) {
      memory[e] = 77;
    }
    for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
      memory[e / COLUMNS * ROW + e % COLUMNS * STEP] = (float)line_integral(e);
    }
    const kvox_array strided = {.data = memory,
                                .type = KVOX_F32,
                                .rank = 3,
                                .shape = {VIEWS, ROWS, COLUMNS},
                                .strides = {4 * ROWS * ROW, 4 * ROW, 4 * STEP}};
    assert_ok(kvox_ct_add_noise(context, 5000, 9, &strided));
    int64_t differ = 0;
    for (int64_t e = 0; e < VIEWS * ROWS * COLUMNS; e++) {
      float *at = memory + e / COLUMNS * ROW + e % COLUMNS * STEP;
      /* The line integrals were rounded: now and then that is worth a photon. */
      differ += fabs((double)*at - values[e]) > 1e-6;
      *at = 77;
    }
    assert_true(differ < VIEWS * ROWS * COLUMNS / 1000);
    for (int64_t e = 0; e < VIEWS * ROWS * ROW; e++) {
      assert_true(memory[e] == 77);
    }
    kvox_context_destroy(context);
  }
  free(memory);
}

/* A failure leaves the line integrals as they were. */
static void test_bad_arguments(void **state) {
  (void)state;
  kvox_context *context = context_of_threads(2);
  const kvox_array array = array_of(values, KVOX_F64), whole = array_of(values, KVOX_U16);
  draw(values);
  assert_int_equal(kvox_ct_add_noise(context, 0, 1, &array), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "photons is 0"));
  assert_int_equal(kvox_ct_add_noise(context, (double)NAN, 1, &array), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_add_noise(context, 1e16, 1, &array), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_add_noise(context, 100, 1, &whole), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_add_noise(context, 100, 1, NULL), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_ct_add_noise(NULL, 100, 1, &array), KVOX_ERROR_ARGUMENT);
  values[7 * COLUMNS + 12] = (double)NAN;
  assert_int_equal(kvox_ct_add_noise(context, 100, 1, &array), KVOX_ERROR_DATA);
  assert_non_null(strstr(kvox_last_error(), "row 7 (of all views), column 12 is nan"));
  values[7 * COLUMNS + 12] = -40; /* e^40 times as many photons as in air */
  assert_int_equal(kvox_ct_add_noise(context, 100, 1, &array), KVOX_ERROR_DATA);
  values[7 * COLUMNS + 12] = line_integral(7 * COLUMNS + 12);
  draw(again);
  assert_memory_equal(values, again, sizeof values);
  kvox_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_philox),         cmocka_unit_test(test_moments),    cmocka_unit_test(test_distribution),
      cmocka_unit_test(test_independence),   cmocka_unit_test(test_same_noise), cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_line_integrals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

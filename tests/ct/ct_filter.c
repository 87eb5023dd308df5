#include "ct/filter.h"

#include "context/context.h"
#include "ct/scan.h"

static const double pi = 3.14159265358979323846;

static kvox_ct_filter_plan *plan_filter(const scan *s, int32_t window, double cutoff) {
  kvox_ct_filter_options o;
  kvox_ct_filter_plan *plan = NULL;
  kvox_ct_filter_options_init(&o);
  o.window = window;
  o.cutoff = cutoff;
  assert_ok(kvox_ct_filter_plan_create(s->context, s->geometry, &o, &plan));
  return plan;
}

static float *filtered_by(const scan *s, kvox_ct_filter_plan *plan) {
  const int64_t count = s->options.views * s->options.rows * s->options.columns;
  float *out = malloc((size_t)count * sizeof *out);
  kvox_array array = s->projections;
  array.data = out;
  assert_ok(kvox_ct_filter_execute(plan, NULL, &s->projections, &array));
  return out;
}

/* The definition: q(n) = pitch sum_m h(n - m) p(m), in double. */
static double convolved(const float *row, int64_t columns, int64_t n, double pitch) {
  double sum = 0;
  for (int64_t m = 0; m < columns; m++) {
    const int64_t d = n - m;
    const double h = d == 0 ? 0.25 : d % 2 != 0 ? -1 / (pi * pi * (double)(d * d)) : 0;
    sum += h / (pitch * pitch) * (double)row[m];
  }
  return sum * pitch;
}

/* Rows of noise, odd widths, an odd number of views: each row as if it were alone. The transform's error is some 1e-7
 * of the largest sample, times the ramp's gain of 0.5 / pitch at most. */
static void rows_are_convolved_with_the_ramp(void **state) {
  (void)state;
  static const int64_t widths[] = {1, 2, 3, 17, 64, 70, 90, 129, 300, 640};
  for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
    scan s = scan_options(5, 2, widths[w]);
    s.options.column_pitch_mm = 0.25;
    scan_begin(&s);
    fill_noise(s.samples, 5 * 2 * widths[w], 7);
    kvox_ct_filter_plan *plan = plan_filter(&s, KVOX_CT_RAMP, 0);
    float *out = filtered_by(&s, plan);
    for (int64_t row = 0; row < 10; row++) {
      for (int64_t n = 0; n < widths[w]; n++) {
        const double want = convolved(s.samples + row * widths[w], widths[w], n, 0.25);
        assert_close((double)out[row * widths[w] + n], want, 2e-6);
      }
    }
    free(out);
    kvox_ct_filter_plan_destroy(plan);
    scan_end(&s);
  }
}

/* Windows by their formulas, at the frequencies of the transform, against the plain ramp. */
static void windows_multiply_the_ramp(void **state) {
  (void)state;
  enum { LENGTH = 64 };
  const double cutoff = 0.7, factors[3] = {1, 0.25, 0.5};
  double ramp[LENGTH], windowed[LENGTH];
  kvox_context *context = context_of_threads(1);
  for (int32_t window = KVOX_CT_SHEPP_LOGAN; window <= KVOX_CT_CUSTOM; window++) {
    kvox_ct_filter_options o;
    kvox_ct_filter_options_init(&o);
    assert_ok(kvox_ct_ramp_response(context->heap, &o, 2, LENGTH, ramp));
    o.window = window;
    o.cutoff = cutoff;
    o.response = factors;
    o.response_count = 3;
    assert_ok(kvox_ct_ramp_response(context->heap, &o, 2, LENGTH, windowed));
    for (int k = 0; k < LENGTH; k++) {
      const double t = fmin(k, LENGTH - k) / (LENGTH / 2) / cutoff;
      const double expected[] = {0,
                                 t > 0 ? sin(pi * t / 2) / (pi * t / 2) : 1,
                                 cos(pi * t / 2),
                                 0.54 + 0.46 * cos(pi * t),
                                 0.5 + 0.5 * cos(pi * t),
                                 t < 0.5 ? 1 - 1.5 * t : 0.25 + 0.5 * (t - 0.5)};
      assert_close(windowed[k], t <= 1 ? ramp[k] * expected[window] : 0, 1e-12);
    }
  }
  /* Towards Nyquist the ramp is |f|: 0.5 cycles a pitch over the pitch of 2. */
  assert_close(ramp[LENGTH / 2], 0.25, 2e-3);
  assert_string_equal(kvox_ct_window_name(KVOX_CT_HANN), "hann");
  assert_int_equal(kvox_ct_window_by_name("shepp-logan"), KVOX_CT_SHEPP_LOGAN);
  assert_int_equal(kvox_ct_window_by_name("hanning"), -1);
  kvox_context_destroy(context);
}

/* Every kind of length there is, against the sum that defines the transform. Then a width beyond line
 * cameras': what takes L log L steps is done at once, L^2 took half a minute. */
static void the_ramp_is_the_transform_of_its_kernel(void **state) {
  (void)state;
  static const int64_t lengths[] = {2, 4, 6, 10, 48, 50, 80, 128, 150, 240, 400};
  double ramp[400];
  kvox_context *context = context_of_threads(1);
  kvox_ct_filter_options o;
  kvox_ct_filter_options_init(&o);
  for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
    const int64_t length = lengths[l];
    assert_ok(kvox_ct_ramp_response(context->heap, &o, 0.5, length, ramp));
    for (int64_t k = 0; k < length; k++) {
      double sum = 0.25;
      for (int64_t n = 1 - (length + 1) / 2; n <= length / 2; n++) {
        sum -= n % 2 == 0 ? 0 : cos(2 * pi * (double)(k * n) / (double)length) / (pi * pi * (double)(n * n));
      }
      assert_close(ramp[k], sum / 0.5, 1e-13);
    }
  }
  const int64_t columns = 1 << 17, length = 2 * columns;
  double *wide = malloc((size_t)length * sizeof *wide);
  assert_ok(kvox_ct_ramp_response(context->heap, &o, 1, length, wide));
  for (int64_t k = 1; k <= columns; k *= 2) {
    /* |f|, but for what the kernel has beyond half a period: less than 2 / (pi^2 length). */
    assert_close(wide[k], (double)k / (double)length, 0.21 / (double)length);
  }
  free(wide);
  kvox_context_destroy(context);
}

static void every_cut_gives_the_same_bits(void **state) {
  (void)state;
  float *first = NULL;
  for (int32_t threads = 1; threads <= 7; threads += 3) {
    scan s = scan_options(33, 3, 101);
    kvox_context_destroy(s.context);
    s.context = context_of_threads(threads);
    scan_begin(&s);
    fill_noise(s.samples, 33 * 3 * 101, 3);
    kvox_ct_filter_plan *plan = plan_filter(&s, KVOX_CT_HAMMING, 0.8);
    float *out = filtered_by(&s, plan);
    if (first == NULL) {
      first = out;
    } else {
      assert_memory_equal(out, first, 33 * 3 * 101 * sizeof *out);
      free(out);
    }
    kvox_ct_filter_plan_destroy(plan);
    scan_end(&s);
  }
  free(first);
}

/* The transform is the library's own, of the same operations in the same order. */
static void every_cpu_level_gives_the_same_bits(void **state) {
  (void)state;
  static const int64_t widths[] = {3, 70, 90, 101, 300, 1200}; /* lengths of 2^a {1, 3, 5} */
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    const size_t count = (size_t)(3 * 3 * widths[w]);
    float *first = NULL;
    for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
      scan s = scan_options(3, 3, widths[w]);
      kvox_context_options options;
      kvox_context_options_init(&options);
      options.backend = KVOX_BACKEND_CPU;
      options.cpu_level = level;
      kvox_context_destroy(s.context);
      s.context = NULL;
      const kvox_status status = kvox_context_create(&options, &s.context);
      if (status == KVOX_ERROR_UNSUPPORTED) {
        continue;
      }
      assert_ok(status);
      scan_begin(&s);
      fill_noise(s.samples, (int64_t)count, 3);
      kvox_ct_filter_plan *plan = plan_filter(&s, KVOX_CT_HANN, 0.9);
      float *out = filtered_by(&s, plan);
      if (first == NULL) {
        first = out;
      } else {
        assert_memory_equal(out, first, count * sizeof *out);
        free(out);
      }
      kvox_ct_filter_plan_destroy(plan);
      scan_end(&s);
    }
    free(first);
  }
}

static void wrong_filters_are_named(void **state) {
  (void)state;
  kvox_ct_filter_options o;
  kvox_ct_filter_plan *plan = NULL;
  scan s = scan_options(10, 1, 20);
  scan_begin(&s);
  kvox_ct_filter_options_init(&o);
  o.window = 9;
  assert_fails(KVOX_ERROR_ARGUMENT, "window 9", kvox_ct_filter_plan_create(s.context, s.geometry, &o, &plan));
  o.window = KVOX_CT_CUSTOM;
  assert_fails(KVOX_ERROR_ARGUMENT, "response", kvox_ct_filter_plan_create(s.context, s.geometry, &o, &plan));
  const double factors[2] = {1, NAN};
  o.response = factors;
  o.response_count = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "response[1]", kvox_ct_filter_plan_create(s.context, s.geometry, &o, &plan));
  o.window = KVOX_CT_RAMP;
  o.cutoff = 1.5;
  assert_fails(KVOX_ERROR_ARGUMENT, "cutoff is 1.5", kvox_ct_filter_plan_create(s.context, s.geometry, &o, &plan));
  o.cutoff = 1;
  o.memory_limit = 100;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "at least", kvox_ct_filter_plan_create(s.context, s.geometry, &o, &plan));
  o.memory_limit = 0;
  s.options.column_pitch_mm = 1e-300;
  kvox_ct_geometry *tiny = NULL;
  assert_ok(kvox_ct_geometry_create_parallel(s.context, &s.options, &tiny));
  assert_fails(KVOX_ERROR_GEOMETRY, "pitch of 1e-300 mm", kvox_ct_filter_plan_create(s.context, tiny, &o, &plan));
  kvox_ct_geometry_destroy(tiny);
  assert_null(plan);
  plan = plan_filter(&s, KVOX_CT_RAMP, 1);
  kvox_array filtered = s.projections;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_ct_filter_execute(plan, NULL, &s.projections, &filtered));
  float *out = filtered_by(&s, plan);
  filtered.data = out;
  s.samples[7 * 20 + 4] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "view 7", kvox_ct_filter_execute(plan, NULL, &s.projections, &filtered));
  free(out);
  kvox_ct_filter_plan_destroy(plan);
  scan_end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_convolved_with_the_ramp),        cmocka_unit_test(windows_multiply_the_ramp),
      cmocka_unit_test(the_ramp_is_the_transform_of_its_kernel), cmocka_unit_test(every_cut_gives_the_same_bits),
      cmocka_unit_test(every_cpu_level_gives_the_same_bits),     cmocka_unit_test(wrong_filters_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

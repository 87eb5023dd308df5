/* Noise of coils: a known covariance found again, whitening, SNR units, and what is refused. */
#include "mri/support.h"

enum { SAMPLES = 20000, COILS = NOISE_COILS };

static float complex noise_samples[COILS * SAMPLES], whitened[COILS * SAMPLES], again[COILS * SAMPLES];

static kvox_mri_noise *measure(kvox_context *context, const kvox_array *samples, double sample_time_us) {
  kvox_mri_noise_sum *sum = NULL;
  kvox_mri_noise *noise = NULL;
  assert_ok(kvox_mri_noise_sum_create(context, COILS, sample_time_us, &sum));
  assert_ok(kvox_mri_noise_sum_add(sum, samples));
  assert_ok(kvox_mri_noise_sum_finish(sum, &noise));
  kvox_mri_noise_sum_destroy(sum);
  return noise;
}

/* An element's variance over measurements is c_ii c_jj / N: 5 of its deviations. */
static void assert_covariance(const kvox_mri_noise *noise, double scale, double samples) {
  double complex found[COILS][COILS];
  assert_ok(kvox_mri_noise_covariance(noise, (double *)found));
  for (int i = 0; i < COILS; i++) {
    for (int j = 0; j < COILS; j++) {
      const double deviation = scale * sqrt(creal(true_covariance(i, i)) * creal(true_covariance(j, j)) / samples);
      assert_true(cabs(found[i][j] - scale * true_covariance(i, j)) < 5 * deviation);
      assert_true(found[i][j] == conj(found[j][i]));
    }
  }
}

static void test_covariance(void **state) {
  uint64_t seed = 11;
  make_noise(&seed, 1, SAMPLES, noise_samples);
  const kvox_array samples = array_of(noise_samples, KVOX_C64, 2, (int64_t[]){COILS, SAMPLES});
  kvox_mri_noise *noise = measure(*state, &samples, 2.5);
  assert_covariance(noise, 1, SAMPLES);
  assert_int_equal(kvox_mri_noise_coils(noise), COILS);
  assert_int_equal(kvox_mri_noise_samples(noise), SAMPLES);
  assert_true(kvox_mri_noise_sample_time_us(noise) == 2.5);
  /* Half the time: twice the bandwidth and variance, and what the filter took. */
  kvox_mri_noise *rescaled = NULL;
  assert_ok(kvox_mri_noise_rescale(noise, 1.25, 0.79, &rescaled));
  double a[2 * COILS * COILS], b[2 * COILS * COILS];
  assert_ok(kvox_mri_noise_covariance(noise, a));
  assert_ok(kvox_mri_noise_covariance(rescaled, b));
  for (int i = 0; i < 2 * COILS * COILS; i++) {
    assert_close(b[i], a[i] * 2 / 0.79, 1e-12 * 100);
  }
  kvox_mri_noise_destroy(rescaled);
  kvox_mri_noise_destroy(noise);
}

static void assert_same_noise(const kvox_mri_noise *a, const kvox_mri_noise *b) {
  double x[2 * COILS * COILS], y[2 * COILS * COILS];
  assert_ok(kvox_mri_noise_covariance(a, x));
  assert_ok(kvox_mri_noise_covariance(b, y));
  assert_memory_equal(x, y, sizeof x);
}

/* Strided samples, readouts, pieces of odd sizes, one thread or three: the same bits. */
static void test_cuts(void **state) {
  uint64_t seed = 12;
  make_noise(&seed, 1, SAMPLES, noise_samples);
  const kvox_array samples = array_of(noise_samples, KVOX_C64, 2, (int64_t[]){COILS, SAMPLES});
  kvox_mri_noise *whole = measure(*state, &samples, 5);
  kvox_context *three = context_of_threads(3);
  kvox_mri_noise_sum *sum = NULL;
  assert_ok(kvox_mri_noise_sum_create(three, COILS, 0, &sum));
  for (int64_t begin = 0, count = 1; begin < SAMPLES; begin += count, count = 2 * count + 1) {
    count = begin + count > SAMPLES ? SAMPLES - begin : count;
    if (count % 3 == 0) {
      kvox_array part = samples;
      part.data = noise_samples + begin;
      part.shape[1] = count;
      assert_ok(kvox_mri_noise_sum_add(sum, &part));
      continue;
    }
    float complex *data = malloc(sizeof *data * (size_t)(COILS * (count + 5)));
    for (int64_t c = 0; c < COILS; c++) {
      for (int64_t n = 0; n < count + 5; n++) {
        data[c * (count + 5) + n] = n < 2 || n >= count + 2 ? NAN : noise_samples[c * SAMPLES + begin + n - 2];
      }
    }
    const kvox_mri_readout readout = {.coils = COILS,
                                      .samples = (int32_t)count + 5,
                                      .discard_before = 2,
                                      .discard_after = 3,
                                      .sample_time_us = 5,
                                      .data = (float *)data};
    assert_ok(kvox_mri_noise_sum_add_readout(sum, &readout));
    free(data);
  }
  kvox_mri_noise *parts = NULL;
  assert_ok(kvox_mri_noise_sum_finish(sum, &parts));
  kvox_mri_noise_sum_destroy(sum);
  kvox_context_destroy(three);
  assert_same_noise(whole, parts);
  assert_true(kvox_mri_noise_sample_time_us(parts) == 5);
  kvox_mri_noise_destroy(whole);
  kvox_mri_noise_destroy(parts);
}

/* Noise with a strong signal in the middle, and lines that were not measured. */
static void test_edges(void **state) {
  enum { Y = 100, X = 200, EDGE = 2 * 2 * 15 * 30 };
  uint64_t seed = 13;
  make_noise(&seed, 3, Y * X, noise_samples);
  for (int c = 0; c < COILS; c++) {
    for (int i = 0; i < Y * X; i++) {
      const int y = i / X, x = i % X;
      const bool middle = (y >= 15 && y < 85) || (x >= 30 && x < 170);
      noise_samples[c * Y * X + i] += middle ? 1e6f : 0;
      if (y >= 90) {
        noise_samples[c * Y * X + i] = 0;
      }
    }
  }
  const kvox_array kspace = array_of(noise_samples, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X});
  kvox_mri_noise_sum *sum = NULL;
  kvox_mri_noise *noise = NULL;
  assert_ok(kvox_mri_noise_sum_create(*state, COILS, 0, &sum));
  assert_ok(kvox_mri_noise_sum_add_edges(sum, &kspace, 0.15));
  assert_ok(kvox_mri_noise_sum_finish(sum, &noise));
  assert_int_equal(kvox_mri_noise_samples(noise), EDGE - 10 * 60);
  assert_covariance(noise, 9, EDGE - 10 * 60);
  kvox_mri_noise_sum_destroy(sum);
  kvox_mri_noise_destroy(noise);
}

/* The covariance of `count` samples of each coil, coils `stride` apart. */
static double complex sample_covariance(const float complex *z, int i, int j) {
  double complex sum = 0;
  for (int n = 0; n < SAMPLES; n++) {
    sum += (double complex)z[i * SAMPLES + n] * conj((double complex)z[j * SAMPLES + n]);
  }
  return sum / SAMPLES;
}

/* By its own covariance: exactly 1, to the rounding of floats. */
static void test_whiten(void **state) {
  uint64_t seed = 14;
  make_noise(&seed, 1e-5, SAMPLES, noise_samples);
  const kvox_array samples = array_of(noise_samples, KVOX_C64, 2, (int64_t[]){COILS, SAMPLES});
  kvox_mri_noise *noise = measure(*state, &samples, 0);
  const int64_t shape[4] = {COILS, 2, 100, 100};
  const kvox_array in = array_of(noise_samples, KVOX_C64, 4, shape), out = array_of(whitened, KVOX_C64, 4, shape);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_whiten(*state, noise, workspace, &in, &out));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "whiten");
  for (int i = 0; i < COILS; i++) {
    for (int j = 0; j < COILS; j++) {
      assert_true(cabs(sample_covariance(whitened, i, j) - (i == j)) < 1e-5);
    }
  }
  /* Other strides (coils run first, rows and columns backwards), other threads, in place: the same bits. */
  kvox_context *one = context_of_threads(1);
  kvox_array turned = array_of(again, KVOX_C64, 4, shape);
  const int64_t size = sizeof(float complex);
  turned.strides[0] = size;
  turned.strides[1] = COILS * size;
  turned.strides[2] = 2 * COILS * size;
  turned.strides[3] = -200 * COILS * size;
  turned.data = again + 99 * 200 * COILS;
  assert_ok(kvox_mri_whiten(one, noise, NULL, &in, &turned));
  assert_ok(kvox_mri_whiten(*state, noise, workspace, &in, &in));
  assert_memory_equal(noise_samples, whitened, sizeof whitened);
  for (int64_t c = 0; c < COILS; c++) {
    for (int64_t i = 0; i < SAMPLES; i++) {
      const char *at = (char *)turned.data + c * turned.strides[0] + i / 10000 * turned.strides[1] +
                       i / 100 % 100 * turned.strides[2] + i % 100 * turned.strides[3];
      assert_memory_equal(at, &whitened[c * SAMPLES + i], sizeof *whitened);
    }
  }
  kvox_context_destroy(one);
  kvox_workspace_destroy(workspace);
  kvox_mri_noise_destroy(noise);
}

static void test_snr_scale(void **state) {
  (void)state;
  assert_close(kvox_mri_snr_scale(64, 64), sqrt(2), 1e-15);
  assert_close(kvox_mri_snr_scale(16, 64), sqrt(8), 1e-15); /* three quarters filled with zeros */
  assert_true(isnan(kvox_mri_snr_scale(0, 64)) && isnan(kvox_mri_snr_scale(NAN, 64)) &&
              isnan(kvox_mri_snr_scale(1, 0)));
}

/*
 * Monte Carlo: a sample of known signal s in every coil plus noise of the known covariance, whitened and combined:
 * magnitudes have mean sqrt(2) |W s| and deviation 1. The mean of a Rice distribution of n coils is above the signal's
 * size A by (2 n - 1) / (2 A), which is taken off; the deviation is 1 - (n - 1/2) / A^2 or so. 5 deviations of
 * either: 5 / sqrt(N), 5 / sqrt(2 N).
 */
static void test_snr_units(void **state) {
  uint64_t seed = 15;
  static float magnitude[SAMPLES];
  double complex covariance[COILS][COILS];
  for (int i = 0; i < COILS * COILS; i++) {
    covariance[i / COILS][i % COILS] = true_covariance(i / COILS, i % COILS);
  }
  kvox_mri_noise *noise = NULL;
  assert_ok(kvox_mri_noise_create(*state, COILS, (double *)covariance, 0, &noise));
  double complex whitening[COILS][COILS], signal[COILS];
  assert_ok(kvox_mri_noise_whitening(noise, (double *)whitening));
  double size = 0;
  for (int i = 0; i < COILS; i++) {
    signal[i] = 120 * cexp(0.7 * i * i * I);
    double complex sum = 0;
    for (int j = 0; j <= i; j++) {
      sum += whitening[i][j] * signal[j];
    }
    size += creal(sum * conj(sum));
  }
  make_noise(&seed, 1, SAMPLES, noise_samples);
  for (int i = 0; i < COILS * SAMPLES; i++) {
    noise_samples[i] += (float complex)signal[i / SAMPLES];
  }
  const kvox_array in = array_of(noise_samples, KVOX_C64, 4, (int64_t[]){COILS, 1, 1, SAMPLES});
  const kvox_array out = array_of(magnitude, KVOX_F32, 3, (int64_t[]){1, 1, SAMPLES});
  assert_ok(kvox_mri_whiten(*state, noise, NULL, &in, &in));
  assert_ok(kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  const double scale = kvox_mri_snr_scale(SAMPLES, SAMPLES), snr = scale * sqrt(size);
  double sum = 0, squares = 0;
  for (int n = 0; n < SAMPLES; n++) {
    const double off = scale * magnitude[n] - snr;
    sum += off;
    squares += off * off;
  }
  const double mean = sum / SAMPLES, deviation = sqrt(squares / SAMPLES - mean * mean);
  assert_true(snr > 50);
  assert_close(mean, (2 * COILS - 1) / (2 * snr), 5 / sqrt(SAMPLES));
  assert_close(deviation, 1, 5 / sqrt(2.0 * SAMPLES) + COILS / (snr * snr));
  kvox_mri_noise_destroy(noise);
}

/* No signal: the mean that the header tells of n = 5 coils. */
static void test_snr_background(void **state) {
  uint64_t seed = 16;
  static float magnitude[SAMPLES];
  for (int i = 0; i < COILS * SAMPLES; i++) {
    noise_samples[i] = (float complex)random_normal(&seed);
  }
  const kvox_array in = array_of(noise_samples, KVOX_C64, 4, (int64_t[]){COILS, 1, 1, SAMPLES});
  const kvox_array out = array_of(magnitude, KVOX_F32, 3, (int64_t[]){1, 1, SAMPLES});
  assert_ok(kvox_mri_root_sum_of_squares(*state, NULL, &in, &out));
  double sum = 0;
  for (int n = 0; n < SAMPLES; n++) {
    sum += magnitude[n] * kvox_mri_snr_scale(SAMPLES, SAMPLES);
  }
  const double odd = 9 * 7 * 5 * 3, factorial = 24;
  assert_close(sum / SAMPLES, sqrt(pi / 2) * odd / (16 * factorial), 5 / sqrt(SAMPLES));
}

static void test_refused(void **state) {
  kvox_context *context = *state;
  kvox_mri_noise_sum *sum = NULL;
  kvox_mri_noise *noise = NULL;
  uint64_t seed = 17;
  assert_fails(KVOX_ERROR_ARGUMENT, "coils is 0", kvox_mri_noise_sum_create(context, 0, 0, &sum));
  assert_fails(KVOX_ERROR_ARGUMENT, "sample_time_us is -1", kvox_mri_noise_sum_create(context, 2, -1, &sum));
  assert_ok(kvox_mri_noise_sum_create(context, COILS, 4, &sum));
  assert_fails(KVOX_ERROR_DATA, "there are 0 samples of 5 coils", kvox_mri_noise_sum_finish(sum, &noise));
  kvox_array samples = array_of(noise_samples, KVOX_C64, 2, (int64_t[]){COILS - 1, 10});
  assert_fails(KVOX_ERROR_SIZE, "it has 4 coils, the noise so far 5", kvox_mri_noise_sum_add(sum, &samples));
  make_noise(&seed, 1, 100, noise_samples);
  noise_samples[3 * 100 + 7] = NAN;
  samples = array_of(noise_samples, KVOX_C64, 2, (int64_t[]){COILS, 100});
  assert_fails(KVOX_ERROR_DATA, "a sample of coil 3 is NaN", kvox_mri_noise_sum_add(sum, &samples));
  kvox_mri_readout readout = {.coils = 6, .samples = 100, .data = (float *)noise_samples, .sample_time_us = 4};
  assert_fails(KVOX_ERROR_SIZE, "it has 6 coils", kvox_mri_noise_sum_add_readout(sum, &readout));
  readout.coils = COILS;
  readout.sample_time_us = 5;
  assert_fails(KVOX_ERROR_DATA, "took 5 us each, those of the noise so far 4",
               kvox_mri_noise_sum_add_readout(sum, &readout));
  readout.sample_time_us = 4;
  readout.discard_before = 101;
  assert_fails(KVOX_ERROR_ARGUMENT, "to be discarded", kvox_mri_noise_sum_add_readout(sum, &readout));
  const kvox_array small = array_of(noise_samples, KVOX_C64, 4, (int64_t[]){COILS, 1, 1, 3});
  assert_fails(KVOX_ERROR_ARGUMENT, "no axis", kvox_mri_noise_sum_add_edges(sum, &small, 0));
  assert_fails(KVOX_ERROR_ARGUMENT, "share is 0.5", kvox_mri_noise_sum_add_edges(sum, &small, 0.5));
  kvox_mri_noise_sum_destroy(sum);

  /* Coil 4 is coil 1 again; coil 2 is off. */
  for (int off = 0; off < 2; off++) {
    make_noise(&seed, 1, 100, noise_samples);
    memcpy(noise_samples + 400, noise_samples + 100, 100 * sizeof *noise_samples);
    memset(noise_samples + 200, 0, (size_t)off * 100 * sizeof *noise_samples);
    assert_ok(kvox_mri_noise_sum_create(context, COILS, 0, &sum));
    assert_ok(kvox_mri_noise_sum_add(sum, &samples));
    assert_fails(KVOX_ERROR_DATA, off ? "coil 2 is zero" : "coil 4 depends", kvox_mri_noise_sum_finish(sum, &noise));
    kvox_mri_noise_sum_destroy(sum);
  }
  double covariance[8] = {1, 0, 0, 1, 0, 1, 1, 0};
  assert_fails(KVOX_ERROR_ARGUMENT, "conjugate", kvox_mri_noise_create(context, 2, covariance, 0, &noise));
  covariance[5] = NAN;
  assert_fails(KVOX_ERROR_DATA, "NaN", kvox_mri_noise_create(context, 2, covariance, 0, &noise));
}

static void test_whiten_refused(void **state) {
  static const double covariance[8] = {1, 0, 0.5, 0, 0.5, 0, 1, 0};
  kvox_mri_noise *noise = NULL, *rescaled = NULL;
  assert_ok(kvox_mri_noise_create(*state, 2, covariance, 0, &noise));
  assert_fails(KVOX_ERROR_ARGUMENT, "own sample time", kvox_mri_noise_rescale(noise, 1, 0, &rescaled));
  memset(noise_samples, 0, sizeof noise_samples);
  kvox_array in = array_of(noise_samples, KVOX_C64, 5, (int64_t[]){3, 2, 4, 5, 7});
  kvox_array three = array_of(noise_samples, KVOX_C64, 4, (int64_t[]){3, 4, 5, 7});
  kvox_array flat = array_of(noise_samples, KVOX_C64, 3, (int64_t[]){2, 5, 7});
  kvox_array shifted = in;
  shifted.data = noise_samples + 1;
  assert_fails(KVOX_ERROR_SIZE, "it has 3 coils, the noise 2", kvox_mri_whiten(*state, noise, NULL, &three, &three));
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 3", kvox_mri_whiten(*state, noise, NULL, &flat, &flat));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_whiten(*state, noise, NULL, &in, &shifted));
  assert_fails(KVOX_ERROR_SIZE, "shape", kvox_mri_whiten(*state, noise, NULL, &in, &three));
  noise_samples[(1 * 2 + 1) * 140 + 2 * 35 + 3 * 7 + 4] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "volume 1, coil 1 at z 2, y 3, x 4", kvox_mri_whiten(*state, noise, NULL, &in, &in));
  kvox_mri_noise_destroy(noise);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_covariance),     cmocka_unit_test(test_cuts),      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_whiten),         cmocka_unit_test(test_snr_scale), cmocka_unit_test(test_snr_units),
      cmocka_unit_test(test_snr_background), cmocka_unit_test(test_refused),   cmocka_unit_test(test_whiten_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

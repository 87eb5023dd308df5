/* T2* by fit: closed form, noise against the bound of Cramer and Rao, the noise floor, voxels without signal. */
#include "mri/support.h"

enum { Z = 2, Y = 40, X = 61, VOXELS = Z * Y * X, MOST_ECHOES = 12 };

static float magnitudes[MOST_ECHOES * VOXELS];
static float t2star[VOXELS], s0[VOXELS], r2star[VOXELS], again[2 * VOXELS];
static const double even_ms[8] = {2, 5, 8, 11, 14, 17, 20, 23}, uneven_ms[6] = {1.2, 3, 7, 8.5, 19, 40};

static kvox_array echoes_of(int echoes) { return array_of(magnitudes, KVOX_F32, 4, (int64_t[]){echoes, Z, Y, X}); }

static kvox_array map_of(float *data) { return array_of(data, KVOX_F32, 3, (int64_t[]){Z, Y, X}); }

static kvox_status fit(kvox_context *context, const kvox_mri_t2star_options *options, int echoes,
                       const double *times_ms) {
  const kvox_array in = echoes_of(echoes), t = map_of(t2star), s = map_of(s0), r = map_of(r2star);
  return kvox_mri_t2star(context, options, NULL, &in, times_ms, &t, &s, &r);
}

/* From 3 to 60 ms, sizes far apart. */
static double true_t2star(int i) { return 3 * pow(20, (double)i / (VOXELS - 1)); }
static double true_s0(int i) { return exp(10 * sin(0.37 * i)); }

static void make_clean(int echoes, const double *times_ms) {
  for (int e = 0; e < echoes; e++) {
    for (int i = 0; i < VOXELS; i++) {
      magnitudes[e * VOXELS + i] = (float)(true_s0(i) * exp(-times_ms[e] / true_t2star(i)));
    }
  }
}

/* Roundings of magnitudes, 6e-8, are what is left: over how much they decay between echoes, 3 / 60 at least. */
static void check_clean(void *context, int32_t method, int echoes, const double *times_ms, double share) {
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  options.method = method;
  make_clean(echoes, times_ms);
  assert_ok(fit(context, &options, echoes, times_ms));
  for (int i = 0; i < VOXELS; i++) {
    const double truth = true_t2star(i);
    assert_close(t2star[i], truth, share * truth);
    assert_close(s0[i], true_s0(i), share * true_s0(i));
    assert_close(r2star[i], 1000 / truth, share * 1000 / truth);
  }
}

static void test_closed_form(void **state) {
  check_clean(*state, KVOX_MRI_LEAST_SQUARES, 8, even_ms, 2e-6);
  check_clean(*state, KVOX_MRI_LEAST_SQUARES, 6, uneven_ms, 2e-6);
  check_clean(*state, KVOX_MRI_LEAST_SQUARES, 2, even_ms, 5e-6);
  check_clean(*state, KVOX_MRI_LOG_LINEAR, 8, even_ms, 2e-5);
  check_clean(*state, KVOX_MRI_LOG_LINEAR, 6, uneven_ms, 2e-5);
}

/* The least standard deviation of T2* that any unbiased estimate can have, for noise of standard deviation 1. */
static double least_deviation(int echoes, const double *times_ms, double signal, double decay_ms) {
  double aa = 0, at = 0, tt = 0;
  for (int e = 0; e < echoes; e++) {
    const double decay = exp(-times_ms[e] / decay_ms), by_t = signal * decay * times_ms[e] / (decay_ms * decay_ms);
    aa += decay * decay;
    at += decay * by_t;
    tt += by_t * by_t;
  }
  return sqrt(aa / (aa * tt - at * at));
}

/* Magnitudes with noise of standard deviation 1 in both parts. */
static void make_noisy(int echoes, const double *times_ms, double signal, double decay_ms, uint64_t seed) {
  for (int i = 0; i < echoes * VOXELS; i++) {
    const double complex noise = sqrt(2) * random_normal(&seed);
    magnitudes[i] = (float)cabs(signal * exp(-times_ms[i / VOXELS] / decay_ms) + noise);
  }
}

static void statistics(double *mean, double *deviation) {
  double sum = 0, squares = 0;
  for (int i = 0; i < VOXELS; i++) {
    sum += t2star[i];
    squares += (double)t2star[i] * t2star[i];
  }
  *mean = sum / VOXELS;
  *deviation = sqrt(squares / VOXELS - *mean * *mean);
}

/* 4880 voxels tell a deviation to 1 %; at 100 times the noise the bias of magnitudes is far below it. */
static void test_noise(void **state) {
  static const double decays_ms[] = {6, 12, 25, 50};
  for (int k = 0; k < 4; k++) {
    double mean, deviation;
    const double least = least_deviation(8, even_ms, 100, decays_ms[k]);
    make_noisy(8, even_ms, 100, decays_ms[k], 31 + (uint64_t)k);
    assert_ok(fit(*state, NULL, 8, even_ms));
    statistics(&mean, &deviation);
    assert_close(deviation, least, 0.1 * least);
    assert_close(mean, decays_ms[k], 0.02 * decays_ms[k]);
  }
}

/* Where late echoes sink into the noise: its mean, sqrt(pi / 2), is the difference between a quarter too long and
 * right. */
static void test_noise_floor(void **state) {
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  double without, with, deviation;
  make_noisy(8, even_ms, 12, 6, 91);
  assert_ok(fit(*state, &options, 8, even_ms));
  statistics(&without, &deviation);
  options.noise_floor = sqrt(pi / 2);
  assert_ok(fit(*state, &options, 8, even_ms));
  statistics(&with, &deviation);
  assert_true(without > 1.2 * 6);
  assert_close(with, 6, 0.02 * 6);
  /* Magnitudes as the model has them: to rounding, as without a floor. */
  for (int i = 0; i < 8 * VOXELS; i++) {
    const double signal = 10 * exp(-even_ms[i / VOXELS] / true_t2star(i % VOXELS));
    magnitudes[i] = (float)sqrt(signal * signal + pi / 2);
  }
  assert_ok(fit(*state, &options, 8, even_ms));
  for (int i = 0; i < VOXELS; i++) {
    assert_close(t2star[i], true_t2star(i), 2e-5 * true_t2star(i));
    assert_close(s0[i], 10, 2e-4);
  }
  options.method = KVOX_MRI_LOG_LINEAR;
  assert_ok(fit(*state, &options, 8, even_ms));
  for (int i = 0; i < VOXELS; i++) {
    assert_close(t2star[i], true_t2star(i), 1e-3 * true_t2star(i));
  }
}

/* Signal that rises out of the noise in the last echo alone: no decay, as bright as is least square; not nothing, which
 * is no minimum there. Where it is one, at the floor, there is no signal. */
static void test_late_signal(void **state) {
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  options.noise_floor = 10;
  for (int i = 0; i < 8 * VOXELS; i++) {
    const int voxel = i % VOXELS, echo = i / VOXELS;
    const double last = voxel % 2 == 0 ? 10.5 + 0.1 * voxel : 8;
    magnitudes[i] = (float)(echo == 7 ? last : voxel % 2 == 0 ? 9 : 12 - echo);
  }
  assert_ok(fit(*state, &options, 8, even_ms));
  for (int i = 0; i < VOXELS; i += 2) {
    /* Of a constant signal s the cost is 7 (9 - m)^2 + (last - m)^2, m = sqrt(s^2 + 100). */
    const double mean = (7 * 9 + 10.5 + 0.1 * i) / 8;
    assert_close(t2star[i], mean > 10 ? 2300 : 0, 0.1);
    assert_close(hypot(s0[i], 10), fmax(mean, 10), 0.01 * mean);
  }
  for (int i = 1; i < VOXELS; i += 2) { /* a little above the floor at first */
    assert_true(isfinite(t2star[i]) && s0[i] < 100);
  }
}

/* The result is a least square: no neighbour in the plane of parameters is better. */
static double cost_of(int i, int echoes, const double *times_ms, double signal, double decay_ms) {
  double sum = 0;
  for (int e = 0; e < echoes; e++) {
    const double rest = magnitudes[e * VOXELS + i] - signal * exp(-times_ms[e] / decay_ms);
    sum += rest * rest;
  }
  return sum;
}

static void test_least_squares(void **state) {
  make_noisy(6, uneven_ms, 8, 9, 17);
  assert_ok(fit(*state, NULL, 6, uneven_ms));
  for (int i = 0; i < VOXELS; i++) {
    const double best = cost_of(i, 6, uneven_ms, s0[i], t2star[i]);
    const bool within = t2star[i] > 0.0901 && t2star[i] < 3999;
    for (int k = 0; within && k < 8; k++) {
      const double signal = s0[i] * (1 + 1e-3 * cos(k * pi / 4)), decay_ms = t2star[i] * (1 + 1e-3 * sin(k * pi / 4));
      assert_true(cost_of(i, 6, uneven_ms, signal, decay_ms) >= best * (1 - 1e-9));
    }
  }
}

/* Nothing, one echo, growing signals: finite, within bounds, 0 where there is nothing. */
static void test_odd_voxels(void **state) {
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  options.shortest_ms = 0.5;
  options.longest_ms = 500;
  for (int32_t method = 0; method < 2; method++) {
    make_clean(8, even_ms);
    for (int e = 0; e < 8; e++) {
      magnitudes[e * VOXELS] = 0;
      magnitudes[e * VOXELS + 1] = e == 0 ? 5 : 0;
      magnitudes[e * VOXELS + 2] = e == 3 ? 5 : 0;
      magnitudes[e * VOXELS + 3] = 1 + (float)e;
      magnitudes[e * VOXELS + 4] = 7;
      magnitudes[e * VOXELS + 5] = 1e-30f;
      magnitudes[e * VOXELS + 6] = 1e18f;
    }
    options.method = method;
    assert_ok(fit(*state, &options, 8, even_ms));
    assert_true(t2star[0] == 0 && s0[0] == 0 && r2star[0] == 0);
    assert_close(t2star[1], 0.5, 0.01);
    assert_true(t2star[2] >= 0.5f && t2star[2] <= 500);
    assert_close(t2star[3], 500, 1e-4);
    assert_close(t2star[4], 500, 1e-4);
    assert_true(t2star[5] == 0 && s0[5] == 0);
    assert_close(t2star[6], 500, 1e-4);
    for (int i = 0; i < VOXELS; i++) {
      assert_true(isfinite(t2star[i]) && isfinite(s0[i]) && isfinite(r2star[i]));
    }
  }
}

/* Squares of magnitudes times squares of times would leave the range of floats. */
static void test_largest_magnitudes(void **state) {
  static const double sizes[] = {1e18, 1e-16}, times_ms[4] = {100, 200, 300, 400}, decay_ms = 500;
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  for (int k = 0; k < 4; k++) {
    const double size = sizes[k / 2];
    options.method = k % 2;
    for (int i = 0; i < 4 * VOXELS; i++) {
      magnitudes[i] = (float)(size * exp(-times_ms[i / VOXELS] / decay_ms));
    }
    assert_ok(fit(*state, &options, 4, times_ms));
    assert_close(t2star[7], decay_ms, 2e-5 * decay_ms);
    assert_close(s0[7], size, 2e-5 * size);
  }
}

static void test_threads_and_strides(void **state) {
  (void)state;
  make_noisy(8, even_ms, 20, 15, 8);
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  const kvox_array in = echoes_of(8), out = map_of(t2star);
  kvox_array spread = map_of(again);
  for (int d = 0; d < 3; d++) {
    spread.strides[d] *= 2;
  }
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(three, &workspace));
  assert_ok(kvox_mri_t2star(three, NULL, workspace, &in, even_ms, &out, NULL, NULL));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "t2star");
  assert_ok(kvox_mri_t2star(one, NULL, NULL, &in, even_ms, &spread, NULL, NULL));
  for (int i = 0; i < VOXELS; i++) {
    assert_memory_equal(&again[2 * i], &t2star[i], sizeof *again);
  }
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

static void test_refused(void **state) {
  kvox_mri_t2star_options options;
  kvox_mri_t2star_options_init(&options);
  make_clean(8, even_ms);
  kvox_array in = echoes_of(8);
  const kvox_array out = map_of(t2star);
  assert_fails(KVOX_ERROR_ARGUMENT, "are NULL", kvox_mri_t2star(*state, NULL, NULL, &in, even_ms, NULL, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_t2star(*state, NULL, NULL, &in, even_ms, &out, &out, NULL));
  options.method = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "method 2 is not known", fit(*state, &options, 8, even_ms));
  options.method = 0;
  options.noise_floor = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "noise_floor is nan", fit(*state, &options, 8, even_ms));
  options.noise_floor = 0;
  options.shortest_ms = 700;
  options.longest_ms = 600;
  assert_fails(KVOX_ERROR_ARGUMENT, "shortest_ms 700 and longest_ms 600", fit(*state, &options, 8, even_ms));
  options.shortest_ms = 1e-310;
  assert_fails(KVOX_ERROR_ARGUMENT, "from 1e-30 to 1e30", fit(*state, &options, 8, even_ms));
  options.shortest_ms = 0;
  options.longest_ms = 1e300;
  assert_fails(KVOX_ERROR_ARGUMENT, "from 1e-30 to 1e30", fit(*state, &options, 8, even_ms));
  magnitudes[3 * VOXELS + Y * X + 5 * X + 6] = -1;
  assert_fails(KVOX_ERROR_DATA, "echo 3 at z 1, y 5, x 6", fit(*state, NULL, 8, even_ms));
  magnitudes[3 * VOXELS + Y * X + 5 * X + 6] = NAN;
  assert_fails(KVOX_ERROR_DATA, "echo 3 at z 1, y 5, x 6", fit(*state, NULL, 8, even_ms));
  in.rank = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "[.., echo, z, y, x]",
               kvox_mri_t2star(*state, NULL, NULL, &in, even_ms, &out, NULL, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_closed_form),         cmocka_unit_test(test_noise),
      cmocka_unit_test(test_noise_floor),         cmocka_unit_test(test_late_signal),
      cmocka_unit_test(test_least_squares),       cmocka_unit_test(test_odd_voxels),
      cmocka_unit_test(test_threads_and_strides), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_largest_magnitudes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

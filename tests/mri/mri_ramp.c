/* Ramp regridding: positions against the integral, samples of a known object to its grid, noise, layouts, mistakes. */
#include "support.h"

enum { N = 96, SIZE = 100, LINES = 37 };

static const kvox_mri_ramps usual = {.up_us = 100, .flat_us = 160, .down_us = 100, .delay_us = 36, .dwell_us = 3};
/* Not symmetric, and begins late. */
static const kvox_mri_ramps crooked = {.up_us = 130, .flat_us = 120, .down_us = 90, .delay_us = 25, .dwell_us = 3.1};

static float complex in[LINES][N], out[LINES][SIZE], again[LINES][SIZE];

static kvox_mri_ramp *make(kvox_context *context, const kvox_mri_ramps *ramps) {
  kvox_mri_ramp *ramp = NULL;
  assert_ok(kvox_mri_ramp_create(context, ramps, N, SIZE, &ramp));
  return ramp;
}

static kvox_array lines_of(void *data, int64_t lines, int64_t samples) {
  return array_of(data, KVOX_C64, 2, (int64_t[]){lines, samples});
}

static double gradient(const kvox_mri_ramps *r, double t) {
  const double left = r->up_us + r->flat_us + r->down_us - t;
  return fmax(0, fmin(1, fmin(t / r->up_us, left / r->down_us)));
}

/* The integral by the midpoint rule in steps of 0.01 us: a sample is met up to one step late. */
static void test_positions(void **state) {
  (void)state;
  const kvox_mri_ramps *ramps[2] = {&usual, &crooked};
  for (int i = 0; i < 2; i++) {
    const kvox_mri_ramps *r = ramps[i];
    double k[N], area[N], sum = 0, half;
    int64_t n = 0;
    assert_ok(kvox_mri_ramp_positions(r, N, SIZE, k));
    const int64_t steps = (int64_t)((r->up_us + r->flat_us + r->down_us) * 100 + 0.5);
    for (int64_t s = 0; s < steps; s++) {
      const double t = 0.01 * (double)s;
      if (n < N && t >= r->delay_us + ((double)n + 0.5) * r->dwell_us) {
        area[n++] = sum;
      }
      sum += 0.01 * gradient(r, t + 0.005);
    }
    assert_int_equal(n, N);
    half = 0.5 * sum;
    for (n = 0; n < N; n++) {
      const double scale = (SIZE - 1) / (area[N - 1] - area[0]);
      assert_close(k[n], (area[n] - half) * scale, 0.012 * scale);
    }
    assert_close(k[N - 1] - k[0], SIZE - 1, 1e-9);
    assert_true(i == 1 || fabs(k[0] + k[N - 1]) < 1e-9);
  }
}

/* An object of unlike pixels, one short of the edge of those that are known. */
static double complex pixel(int64_t x, int64_t half) {
  return llabs(x) < half ? (1 + 0.5 * cos(0.7 * (double)x)) * cexp(0.3 * I * (double)x) : 0;
}

static double complex kspace(double k, int64_t half) {
  double complex sum = 0;
  for (int64_t x = -SIZE / 2; x < SIZE / 2; x++) {
    sum += pixel(x, half) * cexp(-2 * pi * I * k * (double)x / SIZE);
  }
  return sum;
}

/* Exact but for rounding and regularisation, some 1e-6 each: 1e-5 of the largest sample. */
static void check_object(kvox_context *context, const kvox_mri_ramps *r, int32_t reversed) {
  kvox_mri_ramp *ramp = make(context, r);
  double k[N], worst = 0, most = 0;
  assert_ok(kvox_mri_ramp_positions(r, N, SIZE, k));
  const int64_t half = kvox_mri_ramp_pixels(ramp) / 2;
  for (int n = 0; n < N; n++) {
    in[0][n] = (float complex)kspace(reversed ? -k[n] : k[n], half);
  }
  const kvox_array from = lines_of(in, 1, N), to = lines_of(out, 1, SIZE);
  assert_ok(kvox_mri_ramp_apply(ramp, NULL, reversed, &from, &to));
  for (int j = 0; j < SIZE; j++) {
    const double complex truth = kspace(j - SIZE / 2, half);
    worst = fmax(worst, cabs(out[0][j] - truth));
    most = fmax(most, cabs(truth));
  }
  printf("%d pixels, noise %.3f: error %.2g of the largest sample\n", (int)kvox_mri_ramp_pixels(ramp),
         kvox_mri_ramp_noise_gain(ramp), worst / most);
  assert_true(worst < 1e-5 * most);
  kvox_mri_ramp_destroy(ramp);
}

static void test_object(void **state) {
  for (int32_t reversed = 0; reversed < 2; reversed++) {
    check_object(*state, &usual, reversed);
    check_object(*state, &crooked, reversed);
  }
}

/* White noise: its power in the window is as told; beyond it there is less than a hundredth. The power of 74 pixels of
 * 37 x 20 lines has a deviation of 0.5 %. */
static void test_noise(void **state) {
  kvox_mri_ramp *ramp = make(*state, &usual);
  const int64_t pixels = kvox_mri_ramp_pixels(ramp);
  const double gain = kvox_mri_ramp_noise_gain(ramp);
  uint64_t seed = 11;
  double all = 0, beyond = 0;
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < LINES * N; i++) {
      (&in[0][0])[i] = (float complex)random_normal(&seed);
    }
    const kvox_array from = lines_of(in, LINES, N), to = lines_of(out, LINES, SIZE);
    assert_ok(kvox_mri_ramp_apply(ramp, NULL, round % 2, &from, &to));
    for (int l = 0; l < LINES; l++) {
      for (int j = 0; j < SIZE; j++) {
        all += pow(cabsf(out[l][j]), 2);
      }
      double complex edge = 0;
      for (int j = 0; j < SIZE; j++) {
        edge += out[l][j] * cexp(pi * I * (double)(j - SIZE / 2)) / sqrt(SIZE);
      }
      beyond += pow(cabs(edge), 2);
    }
  }
  assert_close(all / (20 * LINES * (double)pixels), gain * gain, 0.02 * gain * gain);
  assert_true(beyond / (20 * LINES) < 0.01);
  assert_true(gain > 1 && gain < 1.15);
  kvox_mri_ramp_destroy(ramp);
}

/* Without ramps nothing but turning, also in place. */
static void test_turning(void **state) {
  const kvox_mri_ramps none = {.delay_us = 10, .dwell_us = 2, .navigators = 3};
  kvox_mri_ramp *ramp = NULL;
  assert_ok(kvox_mri_ramp_create(*state, &none, N, N, &ramp));
  assert_int_equal(kvox_mri_ramp_pixels(ramp), N);
  assert_close(kvox_mri_ramp_noise_gain(ramp), 1, 0);
  for (int i = 0; i < LINES * N; i++) {
    (&in[0][0])[i] = (float)i - 7 * I;
  }
  const kvox_array lines = lines_of(in, LINES, N);
  assert_ok(kvox_mri_ramp_apply(ramp, NULL, 0, &lines, &lines));
  assert_true(in[3][5] == (float)(3 * N + 5) - 7 * I);
  assert_ok(kvox_mri_ramp_apply(ramp, NULL, 1, &lines, &lines));
  assert_true(in[3][5] == (float)(3 * N + N - 1 - 5) - 7 * I);
  in[4][2] = NAN;
  assert_fails(KVOX_ERROR_DATA, "sample 2 of line 4", kvox_mri_ramp_apply(ramp, NULL, 1, &lines, &lines));
  kvox_mri_ramp_destroy(ramp);
}

/* The same bits line by line, for any threads, with strides, and where the workspace is warm nothing is allocated. */
static void test_cut(void **state) {
  kvox_mri_ramp *ramp = make(*state, &usual);
  uint64_t seed = 12;
  for (int i = 0; i < LINES * N; i++) {
    (&in[0][0])[i] = (float complex)random_normal(&seed);
  }
  kvox_array from = lines_of(in, LINES, N), to = lines_of(out, LINES, SIZE);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_ramp_apply(ramp, workspace, 1, &from, &to));
  const uint64_t bytes = kvox_workspace_bytes(workspace);
  kvox_memory_use memory;
  assert_ok(kvox_mri_ramp_memory(ramp, &memory));
  assert_true(bytes <= memory.workspace);
  for (int l = 0; l < LINES; l++) {
    const kvox_array one = lines_of(in[l], 1, N), one_out = lines_of(again[l], 1, SIZE);
    assert_ok(kvox_mri_ramp_apply(ramp, workspace, 1, &one, &one_out));
  }
  assert_int_equal(kvox_workspace_bytes(workspace), bytes);
  assert_memory_equal(out, again, sizeof out);
  kvox_workspace_destroy(workspace);
  kvox_context *one = context_of_threads(1);
  kvox_mri_ramp *other = make(one, &usual);
  static float complex wide[SIZE][LINES];
  to = array_of(wide, KVOX_C64, 2, (int64_t[]){LINES, SIZE});
  to.strides[0] = sizeof wide[0][0];
  to.strides[1] = sizeof wide[0];
  assert_ok(kvox_mri_ramp_apply(other, NULL, 1, &from, &to));
  for (int i = 0; i < LINES * SIZE; i++) {
    assert_memory_equal(&wide[i % SIZE][i / SIZE], &out[i / SIZE][i % SIZE], sizeof wide[0][0]);
  }
  kvox_mri_ramp_destroy(other);
  kvox_context_destroy(one);
  kvox_mri_ramp_destroy(ramp);
}

/* More than one tile of the grid. */
static void test_long(void **state) {
  enum { LONG = 300, GRID = 520 };
  const kvox_mri_ramps ramps = {.up_us = 100, .flat_us = 480, .down_us = 100, .delay_us = 40, .dwell_us = 2};
  static float complex samples[LONG], grid[GRID];
  double k[LONG];
  kvox_mri_ramp *ramp = NULL;
  assert_ok(kvox_mri_ramp_create(*state, &ramps, LONG, GRID, &ramp));
  assert_ok(kvox_mri_ramp_positions(&ramps, LONG, GRID, k));
  const int64_t half = kvox_mri_ramp_pixels(ramp) / 2 - 8;
  for (int n = 0; n < LONG; n++) {
    double complex sum = 0;
    for (int64_t x = -half; x <= half; x++) {
      sum += pixel(x, half) * cexp(-2 * pi * I * k[n] * (double)x / GRID);
    }
    samples[n] = (float complex)sum;
  }
  const kvox_array from = lines_of(samples, 1, LONG), to = lines_of(grid, 1, GRID);
  assert_ok(kvox_mri_ramp_apply(ramp, NULL, 0, &from, &to));
  for (int j = 0; j < GRID; j += 7) {
    double complex sum = 0;
    for (int64_t x = -half; x <= half; x++) {
      sum += pixel(x, half) * cexp(-2 * pi * I * (double)(j - GRID / 2) * (double)x / GRID);
    }
    assert_true(cabs(grid[j] - sum) < 1e-3 * (double)half);
  }
  kvox_mri_ramp_destroy(ramp);
}

static void test_mistakes(void **state) {
  kvox_mri_ramp *ramp = NULL;
  kvox_mri_ramps r = usual;
  double k[N];
  assert_fails(KVOX_ERROR_ARGUMENT, "samples is 1, must be from 2", kvox_mri_ramp_create(*state, &r, 1, SIZE, &ramp));
  assert_fails(KVOX_ERROR_ARGUMENT, "size is 4096", kvox_mri_ramp_create(*state, &r, N, 4096, &ramp));
  r.dwell_us = 4;
  assert_fails(KVOX_ERROR_ARGUMENT, "would be taken at 418 us, must be within the 360 us",
               kvox_mri_ramp_create(*state, &r, N, SIZE, &ramp));
  r.dwell_us = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "must be within", kvox_mri_ramp_positions(&r, N, SIZE, k));
  r = usual;
  r.up_us = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "up_us is nan", kvox_mri_ramp_create(*state, &r, N, SIZE, &ramp));
  r = usual;
  r.samples = 12;
  assert_fails(KVOX_ERROR_SIZE, "samples is 12, the readouts have 96",
               kvox_mri_ramp_create(*state, &r, N, SIZE, &ramp));
  memset(&r, 0, sizeof r);
  assert_fails(KVOX_ERROR_SIZE, "must be 96", kvox_mri_ramp_create(*state, &r, N, SIZE, &ramp));
  assert_fails(KVOX_ERROR_ARGUMENT, "no trapezoid", kvox_mri_ramp_positions(&r, N, SIZE, k));
  ramp = make(*state, &usual);
  kvox_array from = lines_of(in, LINES, N), to = lines_of(out, LINES, SIZE);
  const kvox_array few = lines_of(out, LINES - 1, SIZE);
  assert_fails(KVOX_ERROR_ARGUMENT, "reversed is 2", kvox_mri_ramp_apply(ramp, NULL, 2, &from, &to));
  assert_fails(KVOX_ERROR_SIZE, "its shape is", kvox_mri_ramp_apply(ramp, NULL, 0, &from, &few));
  assert_fails(KVOX_ERROR_SIZE, "lines have 100 samples, must have 96", kvox_mri_ramp_apply(ramp, NULL, 0, &few, &to));
  to = lines_of(&in[0][1], LINES - 5, SIZE);
  from = lines_of(in, LINES - 5, N);
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_ramp_apply(ramp, NULL, 0, &from, &to));
  memset(in, 0, sizeof in);
  in[21][40] = INFINITY;
  to = lines_of(out, LINES - 5, SIZE);
  assert_fails(KVOX_ERROR_DATA, "sample 40 of line 21", kvox_mri_ramp_apply(ramp, NULL, 0, &from, &to));
  kvox_mri_ramp_destroy(ramp);
  kvox_mri_ramp_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_positions), cmocka_unit_test(test_object), cmocka_unit_test(test_noise),
      cmocka_unit_test(test_turning),   cmocka_unit_test(test_cut),    cmocka_unit_test(test_long),
      cmocka_unit_test(test_mistakes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

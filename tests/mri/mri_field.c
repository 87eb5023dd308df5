/* The field from echoes: closed form, many coils, fast fields among more echoes, noise against its bound. */
#include "mri/support.h"

enum { COILS = 4, Z = 2, Y = 15, X = 33, VOXELS = Z * Y * X, MOST_ECHOES = 6 };

static float complex images[MOST_ECHOES * COILS * VOXELS];
static float field[VOXELS], weight[VOXELS], again[2 * VOXELS];

/* Coils with phases of their own, one of them near nothing. */
static double complex coil(int c, int i) {
  return (0.2 + c) * cexp(I * (2.3 * c + 0.07 * c * (i % X))) * (1 - 0.3 * sin(0.01 * i));
}

/* Rises over the image from -most to most. */
static double true_hz(int i, double most) { return most * (2.0 * i / (VOXELS - 1) - 1); }

static void make_images(int echoes, const double *times_ms, double most_hz, double noise, uint64_t seed) {
  for (int e = 0; e < echoes; e++) {
    for (int c = 0; c < COILS; c++) {
      for (int i = 0; i < VOXELS; i++) {
        const double turns = 1e-3 * times_ms[e] * true_hz(i, most_hz), decay = exp(-times_ms[e] / 30);
        const double complex clean = 100 * coil(c, i) * decay * cexp(2 * pi * I * turns + 0.9 * I);
        images[(e * COILS + c) * VOXELS + i] = (float complex)(clean + noise * random_normal(&seed));
      }
    }
  }
}

static kvox_array images_of(int echoes) { return array_of(images, KVOX_C64, 5, (int64_t[]){echoes, COILS, Z, Y, X}); }

static kvox_array map_of(float *data) { return array_of(data, KVOX_F32, 3, (int64_t[]){Z, Y, X}); }

static double square_sum(int e, int i) {
  double sum = 0;
  for (int c = 0; c < COILS; c++) {
    const double size = cabs((double complex)images[(e * COILS + c) * VOXELS + i]);
    sum += size * size;
  }
  return sum;
}

/* The phase is right to 1e-6 rad in each step. The weight of two echoes is (2 pi dt)^2 times twice the harmonic sum. */
static void test_two_echoes(void **state) {
  const double times_ms[2] = {4.1, 6.5}, dt = 2.4e-3;
  make_images(2, times_ms, 205, 0, 1);
  const kvox_array in = images_of(2), out = map_of(field), inverse = map_of(weight);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_field_map(*state, workspace, &in, times_ms, &out, &inverse));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "field");
  for (int i = 0; i < VOXELS; i++) {
    assert_close(field[i], true_hz(i, 205), 1e-6 / (2 * pi * dt));
    const double a = square_sum(0, i), b = square_sum(1, i), expected = 8 * pi * pi * dt * dt * a * b / (a + b);
    assert_close(weight[i], expected, 1e-5 * expected);
  }
  kvox_workspace_destroy(workspace);
}

/* Beyond half a turn a step it wraps by 1 / dt. */
static void test_wraps(void **state) {
  const double times_ms[2] = {2, 4};
  make_images(2, times_ms, 900, 0, 1);
  const kvox_array in = images_of(2), out = map_of(field);
  assert_ok(kvox_mri_field_map(*state, NULL, &in, times_ms, &out, NULL));
  for (int i = 0; i < VOXELS; i++) {
    const double truth = true_hz(i, 900), wrapped = truth - 500 * rint(truth / 500);
    if (fabs(fabs(wrapped) - 250) > 1e-3) {
      assert_close(field[i], wrapped, 1e-3);
    }
  }
}

/* Uneven steps: the shortest one sets the range, the others are unwrapped by it. */
static void test_more_echoes(void **state) {
  const double times_ms[6] = {1.5, 4, 5, 6, 11, 19};
  make_images(6, times_ms, 480, 0, 1);
  const kvox_array in = images_of(6), out = map_of(field);
  assert_ok(kvox_mri_field_map(*state, NULL, &in, times_ms, &out, NULL));
  for (int i = 0; i < VOXELS; i++) {
    assert_close(field[i], true_hz(i, 480), 1e-3);
  }
}

/* The error over its told deviation has variance 1: of 990 voxels to 4.5 %, of 8 of them to 1.6 %. */
static void check_noise(void **state, int echoes, const double *times_ms) {
  enum { ROUNDS = 8 };
  double sum = 0, squares = 0;
  for (int round = 0; round < ROUNDS; round++) {
    make_images(echoes, times_ms, 60, 1, 100 + (uint64_t)round);
    const kvox_array in = images_of(echoes), out = map_of(field), inverse = map_of(weight);
    assert_ok(kvox_mri_field_map(*state, NULL, &in, times_ms, &out, &inverse));
    for (int i = 0; i < VOXELS; i++) {
      const double error = (field[i] - true_hz(i, 60)) * sqrt(weight[i]);
      sum += error;
      squares += error * error;
    }
  }
  const double count = ROUNDS * VOXELS;
  assert_close(sum / count, 0, 4 / sqrt(count));
  assert_close(squares / count, 1, 4 * sqrt(2 / count));
}

static void test_noise(void **state) {
  check_noise(state, 2, (double[]){3, 5});
  check_noise(state, 5, (double[]){3, 5, 7, 9, 12});
}

/* No signal, or none from some echo on. */
static void test_empty(void **state) {
  const double times_ms[3] = {2, 4, 6};
  make_images(3, times_ms, 100, 0, 1);
  for (int c = 0; c < COILS; c++) {
    images[c * VOXELS + 5] = images[(COILS + c) * VOXELS + 5] = images[(2 * COILS + c) * VOXELS + 5] = 0;
    images[(2 * COILS + c) * VOXELS + 6] = 0;
    images[(COILS + c) * VOXELS + 7] = 0;
  }
  const kvox_array in = images_of(3), out = map_of(field), inverse = map_of(weight);
  assert_ok(kvox_mri_field_map(*state, NULL, &in, times_ms, &out, &inverse));
  assert_true(field[5] == 0 && weight[5] == 0);
  assert_close(field[6], true_hz(6, 100), 1e-3);
  assert_true(field[7] == 0 && weight[7] == 0);
}

static void test_strides_and_threads(void **state) {
  (void)state;
  const double times_ms[4] = {2, 4, 6, 8};
  make_images(4, times_ms, 100, 3, 9);
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  const kvox_array in = images_of(4), out = map_of(field);
  kvox_array spread = map_of(again);
  for (int d = 0; d < 3; d++) {
    spread.strides[d] *= 2;
  }
  assert_ok(kvox_mri_field_map(three, NULL, &in, times_ms, &out, NULL));
  assert_ok(kvox_mri_field_map(one, NULL, &in, times_ms, &spread, NULL));
  for (int i = 0; i < VOXELS; i++) {
    assert_memory_equal(&again[2 * i], &field[i], sizeof *again);
  }
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

static void test_refused(void **state) {
  const double times_ms[2] = {2, 4}, falling[2] = {4, 2}, negative[2] = {-1, 2};
  make_images(2, times_ms, 100, 0, 1);
  kvox_array in = images_of(2);
  const kvox_array out = map_of(field), coils = map_of(weight);
  assert_fails(KVOX_ERROR_ARGUMENT, "echo_times_ms is NULL", kvox_mri_field_map(*state, NULL, &in, NULL, &out, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "echo_times_ms[1] is 2, must be finite, not negative and greater than 4",
               kvox_mri_field_map(*state, NULL, &in, falling, &out, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "echo_times_ms[0] is -1",
               kvox_mri_field_map(*state, NULL, &in, negative, &out, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_field_map(*state, NULL, &in, times_ms, &out, &out));
  const kvox_array single = images_of(1);
  assert_fails(KVOX_ERROR_SIZE, "two or more", kvox_mri_field_map(*state, NULL, &single, times_ms, &out, NULL));
  images[(COILS + 2) * VOXELS + Y * X + 3 * X + 4] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "volume 1, coil 2 at z 1, y 3, x 4",
               kvox_mri_field_map(*state, NULL, &in, times_ms, &out, &coils));
  in.rank = 4;
  assert_fails(KVOX_ERROR_ARGUMENT, "[.., echo, coil, z, y, x]",
               kvox_mri_field_map(*state, NULL, &in, times_ms, &out, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_echoes), cmocka_unit_test(test_wraps), cmocka_unit_test(test_more_echoes),
      cmocka_unit_test(test_noise),      cmocka_unit_test(test_empty), cmocka_unit_test(test_strides_and_threads),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

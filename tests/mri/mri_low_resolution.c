/* Images of the middle of k-space: against the sum as it is defined, and maps made of them against the truth. */
#include "mri/support.h"

enum { COILS = 4, Z = 3, Y = 11, X = 12, NZ = 4, NY = 14, NX = 9, MOST = COILS * 64 * 64 };

static float complex kspace[MOST], images[MOST], again[MOST];

static double hann(int64_t k, int64_t region) { return 0.5 + 0.5 * cos(2 * pi * (double)k / (double)region); }

/* exp(+2 pi i k x / n) / sqrt(n), both from their middles. */
static double complex wave(int64_t k, int64_t x, int64_t n) {
  return cexp(2 * pi * I * (double)(k * (x - n / 2)) / (double)n) / sqrt((double)n);
}

/* Odd and even sizes on both sides, regions of both, in 3D; samples are floats of some 10: 1e-5. */
static void test_definition(void **state) {
  static const int64_t region[3] = {7, 6, 3};
  uint64_t seed = 61;
  for (int i = 0; i < COILS * Z * Y * X; i++) {
    kspace[i] = (float complex)(3 * random_normal(&seed));
  }
  const kvox_array in = array_of(kspace, KVOX_C64, 4, (int64_t[]){COILS, Z, Y, X});
  const kvox_array out = array_of(images, KVOX_C64, 4, (int64_t[]){COILS, NZ, NY, NX});
  assert_ok(kvox_mri_low_resolution(*state, region, NULL, &in, &out));
  for (int64_t i = 0; i < COILS * NZ * NY * NX; i++) {
    const int64_t c = i / (NZ * NY * NX), z = i / (NY * NX) % NZ, y = i / NX % NY, x = i % NX;
    double complex sum = 0;
    for (int64_t kz = -1; kz <= 1; kz++) {
      for (int64_t ky = -3; ky <= 2; ky++) {
        for (int64_t kx = -3; kx <= 3; kx++) {
          const double complex sample = kspace[((c * Z + Z / 2 + kz) * Y + Y / 2 + ky) * X + X / 2 + kx];
          sum += hann(kx, 7) * hann(ky, 6) * hann(kz, 3) * sample * wave(kx, x, NX) * wave(ky, y, NY) * wave(kz, z, NZ);
        }
      }
    }
    assert_true(cabs(sum - images[i]) < 1e-5);
  }
}

/* A flat object in the whole picture, its coils' sensitivities waves of one cycle; its exact k-space by the sum. Of 24
 * samples the window takes 0.017 off one cycle (0.3 of a map, or 0.25 in phase) and 0.067 off two (J2(0.5) = 0.03): in
 * all less than 0.02. */
static double complex sensitivity(int c, int x, int y) {
  return (1 + 0.3 * cos(2 * pi * (x + 3 * c) / 32.0)) * cexp(I * (c + 0.5 * sin(2 * pi * (y + 8 * c) / 32.0)));
}

static void test_maps(void **state) {
  enum { N = 32 };
  for (int c = 0; c < COILS; c++) {
    static double complex half[N][N];
    memset(half, 0, sizeof half);
    for (int i = 0; i < N * N; i++) { /* along x */
      for (int x = 0; x < N; x++) {
        half[i / N][i % N] += sensitivity(c, x, i / N) * conj(wave(i % N - N / 2, x, N));
      }
    }
    for (int i = 0; i < N * N; i++) {
      double complex sum = 0;
      for (int y = 0; y < N; y++) {
        sum += half[y][i % N] * conj(wave(i / N - N / 2, y, N));
      }
      kspace[c * N * N + i] = (float complex)sum;
    }
  }
  const int64_t shape[4] = {COILS, 1, N, N};
  const kvox_array in = array_of(kspace, KVOX_C64, 4, shape), low = array_of(images, KVOX_C64, 4, shape);
  const kvox_array maps = array_of(again, KVOX_C64, 4, shape);
  assert_ok(kvox_mri_low_resolution(*state, NULL, NULL, &in, &low));
  assert_ok(kvox_mri_relative_maps(*state, NULL, &low, &maps));
  double worst = 0;
  for (int i = 0; i < N * N; i++) {
    double size = 0;
    for (int c = 0; c < COILS; c++) {
      const double a = cabs(sensitivity(c, i % N, i / N));
      size += a * a;
    }
    for (int c = 0; c < COILS; c++) {
      worst = fmax(worst, cabs(again[c * N * N + i] - sensitivity(c, i % N, i / N) / sqrt(size)));
    }
  }
  printf("greatest error of a relative map: %.2g\n", worst);
  assert_true(worst < 0.02);
}

static void test_threads(void **state) {
  (void)state;
  uint64_t seed = 62;
  for (int i = 0; i < MOST; i++) {
    kspace[i] = (float complex)random_normal(&seed);
  }
  const int64_t shape[4] = {COILS, 1, 64, 64};
  const kvox_array in = array_of(kspace, KVOX_C64, 4, shape), one_out = array_of(images, KVOX_C64, 4, shape);
  const kvox_array three_out = array_of(again, KVOX_C64, 4, shape);
  kvox_context *one = context_of_threads(1), *three = context_of_threads(3);
  assert_ok(kvox_mri_low_resolution(one, NULL, NULL, &in, &one_out));
  assert_ok(kvox_mri_low_resolution(three, NULL, NULL, &in, &three_out));
  assert_memory_equal(images, again, sizeof images);
  kvox_context_destroy(three);
  kvox_context_destroy(one);
}

static void test_refused(void **state) {
  memset(kspace, 0, sizeof kspace);
  const kvox_array in = array_of(kspace, KVOX_C64, 4, (int64_t[]){COILS, 1, 8, 8});
  kvox_array out = array_of(images, KVOX_C64, 4, (int64_t[]){COILS, 1, 16, 16});
  assert_fails(KVOX_ERROR_ARGUMENT, "region[1] is 9, must be from 1 to 8",
               kvox_mri_low_resolution(*state, (int64_t[]){0, 9, 0}, NULL, &in, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_low_resolution(*state, NULL, NULL, &in, &in));
  kspace[64 + 3 * 8 + 4] = NAN;
  assert_fails(KVOX_ERROR_DATA, "coil 1 at z 0, y 3, x 4", kvox_mri_low_resolution(*state, NULL, NULL, &in, &out));
  out.shape[0] = 3;
  assert_fails(KVOX_ERROR_SIZE, "its shape is 3 x 1", kvox_mri_low_resolution(*state, NULL, NULL, &in, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_definition),
      cmocka_unit_test(test_maps),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Compression of coils: energy, orthonormal rows, what the geometric one does better. */
#include "mri/support.h"

enum { COILS = 8, SOURCES = 3, Z = 2, Y = 15, X = 70, VOXELS = Z * Y * X, SAMPLES = COILS * VOXELS };

static float complex kspace[SAMPLES], compressed[SAMPLES], again[SAMPLES];

/* Three sources seen by eight coils, the mixture turning along x by `turning` from end to end, and a little noise. */
static void make_kspace(double turning, double noise) {
  uint64_t seed = 41;
  for (int n = 0; n < VOXELS; n++) {
    double complex sources[SOURCES];
    for (int s = 0; s < SOURCES; s++) {
      sources[s] = random_normal(&seed) / (s + 1);
    }
    const double t = turning * (n % X) / (X - 1);
    for (int c = 0; c < COILS; c++) {
      double complex sum = noise * random_normal(&seed);
      for (int s = 0; s < SOURCES; s++) {
        sum += cexp(I * (1.1 * c * s + t * c)) * cos(0.5 * c + s + t * s) * sources[s];
      }
      kspace[c * VOXELS + n] = (float complex)sum;
    }
  }
}

static double energy_of(const float complex *samples, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double complex z = samples[i];
    sum += creal(z * conj(z));
  }
  return sum;
}

static void assert_orthonormal(const double complex *matrix, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < rows; j++) {
      double complex inner = 0;
      for (int64_t c = 0; c < COILS; c++) {
        inner += matrix[i * COILS + c] * conj(matrix[j * COILS + c]);
      }
      assert_true(cabs(inner - (i == j)) < 1e-10);
    }
  }
}

static kvox_array coils_of(float complex *data, int64_t coils) {
  return array_of(data, KVOX_C64, 4, (int64_t[]){coils, Z, Y, X});
}

/* The energy that it tells is that of what comes out; samples are floats: 1e-6. */
static double compress(kvox_context *context, const kvox_mri_compression *c, int64_t virtual_coils,
                       float complex *result) {
  const kvox_array in = coils_of(kspace, COILS), out = coils_of(result, virtual_coils);
  assert_ok(kvox_mri_compress(context, c, NULL, &in, &out));
  return energy_of(result, virtual_coils * VOXELS) / energy_of(kspace, SAMPLES);
}

static void test_svd(void **state) {
  make_kspace(0, 1e-3);
  const kvox_array in = coils_of(kspace, COILS);
  double before = 0;
  for (int64_t v = 1; v <= COILS; v++) {
    kvox_mri_compression *c = NULL;
    double complex matrix[COILS * COILS];
    assert_ok(kvox_mri_compression_create_svd(*state, &in, v, &c));
    assert_ok(kvox_mri_compression_matrix(c, 0, (double *)matrix));
    assert_orthonormal(matrix, v);
    const double energy = kvox_mri_compression_energy(c);
    assert_close(compress(*state, c, v, compressed), energy, 1e-6);
    assert_true(energy > before - 1e-12);
    assert_true(v < SOURCES || energy > 1 - 1e-5); /* all but the noise of 1e-6 */
    before = energy;
    if (v == COILS) { /* unitary: its adjoint takes it back */
      for (int n = 0; n < VOXELS; n++) {
        for (int i = 0; i < COILS; i++) {
          double complex sum = 0;
          for (int k = 0; k < COILS; k++) {
            sum += conj(matrix[k * COILS + i]) * compressed[k * VOXELS + n];
          }
          assert_true(cabs(sum - kspace[i * VOXELS + n]) < 1e-5);
        }
      }
    }
    kvox_mri_compression_destroy(c);
  }
  assert_close(before, 1, 1e-12);
}

/* Where the mixture turns along x three coils are not enough for all positions, but for each. */
static void test_geometric(void **state) {
  make_kspace(3, 1e-3);
  const kvox_array in = coils_of(kspace, COILS);
  kvox_mri_compression *svd = NULL, *geometric = NULL;
  assert_ok(kvox_mri_compression_create_svd(*state, &in, SOURCES, &svd));
  assert_ok(kvox_mri_compression_create_geometric(*state, &in, SOURCES, 1, &geometric));
  const double energy = kvox_mri_compression_energy(geometric);
  assert_true(energy > 1 - 1e-5);
  assert_true(kvox_mri_compression_energy(svd) < 0.95);
  assert_close(compress(*state, geometric, SOURCES, compressed), energy, 1e-6);
  /* Neighbours' subspaces differ by some 3 x 7 / 69 = 0.3 in the coil that turns most; unturned, the virtual coils
   * themselves would differ by up to 2 sqrt 3. */
  double complex matrix[SOURCES * COILS], before[SOURCES * COILS];
  double most = 0;
  for (int64_t x = 0; x < X; x++) {
    assert_ok(kvox_mri_compression_matrix(geometric, x, (double *)matrix));
    assert_orthonormal(matrix, SOURCES);
    double squares = 0;
    for (int i = 0; x > 0 && i < SOURCES * COILS; i++) {
      squares += creal((matrix[i] - before[i]) * conj(matrix[i] - before[i]));
    }
    most = fmax(most, sqrt(squares));
    memcpy(before, matrix, sizeof before);
  }
  printf("kept by 3 of 8 virtual coils: %.6f, by SVD %.6f; neighbours differ by %.3f at most\n", energy,
         kvox_mri_compression_energy(svd), most);
  assert_true(most < 0.5);
  kvox_mri_compression_destroy(svd);
  kvox_mri_compression_destroy(geometric);
}

/* What one matrix does, the matrices of positions do where they are the same: nothing turns, a window over all. */
static void test_geometric_against_svd(void **state) {
  make_kspace(0, 0);
  const kvox_array in = coils_of(kspace, COILS);
  kvox_mri_compression *geometric = NULL;
  assert_ok(kvox_mri_compression_create_geometric(*state, &in, COILS, 31, &geometric));
  assert_close(kvox_mri_compression_energy(geometric), 1, 1e-12);
  assert_close(compress(*state, geometric, COILS, compressed), 1, 1e-6);
  /* By the matrix of each position, written out. */
  for (int64_t n = 0; n < VOXELS; n++) {
    double complex matrix[COILS * COILS];
    assert_ok(kvox_mri_compression_matrix(geometric, n % X, (double *)matrix));
    assert_orthonormal(matrix, COILS);
    for (int v = 0; v < COILS; v++) {
      double complex sum = 0;
      for (int c = 0; c < COILS; c++) {
        sum += matrix[v * COILS + c] * kspace[c * VOXELS + n];
      }
      assert_true(cabs(sum - compressed[v * VOXELS + n]) < 1e-5);
    }
  }
  kvox_mri_compression_destroy(geometric);
}

/* Positions that hold nothing. */
static void test_empty_positions(void **state) {
  make_kspace(1, 1e-3);
  for (int i = 0; i < SAMPLES; i++) {
    kspace[i] = i % X < 20 || i % X >= 60 ? 0 : kspace[i];
  }
  const kvox_array in = coils_of(kspace, COILS);
  kvox_mri_compression *geometric = NULL;
  double complex matrix[SOURCES * COILS], last[SOURCES * COILS];
  assert_ok(kvox_mri_compression_create_geometric(*state, &in, SOURCES, 0, &geometric));
  assert_ok(kvox_mri_compression_matrix(geometric, 61, (double *)last));
  for (int64_t x = 62; x < X; x++) {
    assert_ok(kvox_mri_compression_matrix(geometric, x, (double *)matrix));
    assert_memory_equal(matrix, last, sizeof last);
  }
  kvox_mri_compression_destroy(geometric);
}

static void test_threads(void **state) {
  (void)state;
  make_kspace(2, 1e-2);
  const kvox_array in = coils_of(kspace, COILS);
  for (int geometric = 0; geometric < 2; geometric++) {
    for (int threads = 1; threads <= 3; threads += 2) {
      kvox_context *context = context_of_threads(threads);
      kvox_mri_compression *c = NULL;
      assert_ok(geometric ? kvox_mri_compression_create_geometric(context, &in, 4, 0, &c)
                          : kvox_mri_compression_create_svd(context, &in, 4, &c));
      compress(context, c, 4, threads == 1 ? compressed : again);
      kvox_context_destroy(context);
      kvox_mri_compression_destroy(c);
    }
    assert_memory_equal(compressed, again, 4 * VOXELS * sizeof *again);
  }
}

static void test_refused(void **state) {
  make_kspace(0, 0);
  kvox_mri_compression *c = NULL;
  kvox_array in = coils_of(kspace, COILS), out = coils_of(compressed, 2);
  assert_fails(KVOX_ERROR_ARGUMENT, "virtual_coils is 9, must be from 1 to the 8 coils",
               kvox_mri_compression_create_svd(*state, &in, 9, &c));
  assert_fails(KVOX_ERROR_ARGUMENT, "virtual_coils is 0", kvox_mri_compression_create_geometric(*state, &in, 0, 0, &c));
  assert_fails(KVOX_ERROR_ARGUMENT, "window is 2", kvox_mri_compression_create_geometric(*state, &in, 1, 2, &c));
  assert_ok(kvox_mri_compression_create_geometric(*state, &in, 2, 0, &c));
  double matrix[4 * COILS];
  assert_fails(KVOX_ERROR_ARGUMENT, "x is 70", kvox_mri_compression_matrix(c, 70, matrix));
  in.shape[3]--;
  assert_fails(KVOX_ERROR_SIZE, "69 positions along x, the compression 70",
               kvox_mri_compress(*state, c, NULL, &in, &out));
  in.shape[3]++;
  in.shape[0]--;
  assert_fails(KVOX_ERROR_SIZE, "7 coils, the compression 8", kvox_mri_compress(*state, c, NULL, &in, &out));
  in.shape[0]++;
  kvox_array wrong = coils_of(compressed, 3);
  assert_fails(KVOX_ERROR_SIZE, "its shape is 3 x", kvox_mri_compress(*state, c, NULL, &in, &wrong));
  kspace[2 * VOXELS + 5] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "coil 2 at z 0, y 0, x 5", kvox_mri_compress(*state, c, NULL, &in, &out));
  kvox_mri_compression_destroy(c);
  assert_fails(KVOX_ERROR_DATA, "coil 2 at z 0, y 0, x 5", kvox_mri_compression_create_svd(*state, &in, 2, &c));
  assert_fails(KVOX_ERROR_DATA, "coil 2 at z 0, y 0, x 5",
               kvox_mri_compression_create_geometric(*state, &in, 2, 0, &c));
  memset(kspace, 0, sizeof kspace);
  assert_fails(KVOX_ERROR_DATA, "all samples are zero", kvox_mri_compression_create_svd(*state, &in, 2, &c));
  assert_fails(KVOX_ERROR_DATA, "all samples are zero", kvox_mri_compression_create_geometric(*state, &in, 2, 0, &c));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_svd),
      cmocka_unit_test(test_geometric),
      cmocka_unit_test(test_geometric_against_svd),
      cmocka_unit_test(test_empty_positions),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

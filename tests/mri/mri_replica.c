/* Pseudo-replicas: the noise's covariance, SNR of combinations whose noise is known, and what reconstructions may do.
 */
#include "kvox/extend.h"
#include "mri/support.h"

enum { COILS = NOISE_COILS, Y = 24, X = 30, VOXELS = Y * X };

static float complex kspace[COILS * VOXELS], maps[COILS * VOXELS];
static float snr[VOXELS], deviation[VOXELS], again[2 * VOXELS];

static kvox_array coils_of(float complex *data) { return array_of(data, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X}); }
static kvox_array image_of(float *data) { return array_of(data, KVOX_F32, 3, (int64_t[]){1, Y, X}); }

static kvox_mri_noise *noise_of(void *context, bool correlated) {
  double covariance[2 * COILS * COILS];
  kvox_mri_noise *noise = NULL;
  for (int i = 0; i < COILS; i++) {
    for (int j = 0; j < COILS; j++) {
      const double complex element = correlated ? true_covariance(i, j) : i == j ? 1 : 0;
      covariance[2 * (i * COILS + j)] = creal(element);
      covariance[2 * (i * COILS + j) + 1] = cimag(element);
    }
  }
  assert_ok(kvox_mri_noise_create(context, COILS, covariance, 0, &noise));
  return noise;
}

static double complex sensitivity(int c, int i) {
  return (1 + 0.5 * c - 0.02 * (i % X)) * cexp(I * (1.1 * c + 0.05 * (i / X)));
}

/* What coils see of a real object of 300, in image space or as if it were k-space. */
static void make_images(void) {
  for (int i = 0; i < COILS * VOXELS; i++) {
    maps[i] = (float complex)sensitivity(i / VOXELS, i % VOXELS);
    kspace[i] = 300 * maps[i];
  }
}

static kvox_mri_replica_options options_of(int64_t replicas, kvox_type type) {
  kvox_mri_replica_options options;
  kvox_mri_replica_options_init(&options);
  options.replicas = replicas;
  options.seed = 7;
  options.image_type = type;
  return options;
}

/* ---- The noise ---- */

/* Sums of products of what was added, between coils, in one sample and its neighbour, and in this and the last call. */
typedef struct noise_sums {
  int calls;
  double complex products[COILS][COILS], neighbours, calls_apart;
  float complex last[VOXELS];
} noise_sums;

static kvox_status sum_noise(void *user, const kvox_array *noisy, const kvox_array *image) {
  noise_sums *sums = user;
  const float complex *z = noisy->data;
  memset(image->data, 0, VOXELS * sizeof(float));
  for (int i = 0; sums->calls > 0 && i < VOXELS; i++) {
    double complex added[COILS], next = (double complex)z[(i + 1) % VOXELS] - kspace[(i + 1) % VOXELS];
    for (int c = 0; c < COILS; c++) {
      added[c] = (double complex)z[c * VOXELS + i] - kspace[c * VOXELS + i];
    }
    for (int c = 0; c < COILS; c++) {
      for (int d = 0; d < COILS; d++) {
        sums->products[c][d] += added[c] * conj(added[d]);
      }
    }
    sums->neighbours += added[0] * conj(next);
    sums->calls_apart += sums->calls > 1 ? added[0] * conj(sums->last[i]) : 0;
    sums->last[i] = (float complex)added[0];
  }
  sums->calls++;
  return KVOX_OK;
}

/* 720 samples of 60 replicas tell a covariance to 1 / sqrt(43200) of the variances. */
static void test_covariance(void **state) {
  static noise_sums sums;
  enum { REPLICAS = 60 };
  kvox_mri_noise *noise = noise_of(*state, true);
  const kvox_mri_replica_options options = options_of(REPLICAS, KVOX_F32);
  const kvox_array in = coils_of(kspace), out = image_of(snr);
  make_images();
  assert_ok(kvox_mri_replica_snr(*state, noise, &options, sum_noise, &sums, NULL, &in, &out, NULL));
  assert_int_equal(sums.calls, REPLICAS + 1);
  const double count = REPLICAS * VOXELS, tolerance = 5 / sqrt(count);
  for (int c = 0; c < COILS; c++) {
    for (int d = 0; d < COILS; d++) {
      const double size = sqrt(creal(true_covariance(c, c)) * creal(true_covariance(d, d)));
      assert_close(cabs(sums.products[c][d] / count - true_covariance(c, d)), 0, tolerance * size);
    }
  }
  const double size = creal(true_covariance(0, 0));
  assert_close(cabs(sums.neighbours) / count, 0, tolerance * size);
  assert_close(cabs(sums.calls_apart) / count, 0, tolerance * size);
  for (int i = 0; i < VOXELS; i++) {
    assert_true(snr[i] == 0);
  }
  kvox_mri_noise_destroy(noise);
}

/* ---- SNR that is known ---- */

typedef struct combination {
  kvox_context *context;
  const kvox_mri_noise *noise;
  kvox_workspace *workspace;
} combination;

static kvox_status combine(void *user, const kvox_array *noisy, const kvox_array *image) {
  const combination *c = user;
  const kvox_array map = coils_of(maps);
  return kvox_mri_combine(c->context, c->noise, c->workspace, noisy, &map, image);
}

/* s^H covariance^-1 s by way of whitening. */
static double whitened_square(const kvox_mri_noise *noise, int i) {
  double whitening[2 * COILS * COILS], sum = 0;
  assert_ok(kvox_mri_noise_whitening(noise, whitening));
  for (int c = 0; c < COILS; c++) {
    double complex white = 0;
    for (int d = 0; d < COILS; d++) {
      const double *w = whitening + 2 * (c * COILS + d);
      white += (w[0] + w[1] * I) * (double complex)maps[d * VOXELS + i];
    }
    sum += creal(white) * creal(white) + cimag(white) * cimag(white);
  }
  return sum;
}

/* The variance of N replicas scatters by sqrt(2 / (N - 1)) of itself, the mean over voxels by a part of that. */
static void check_deviations(int64_t replicas, const double *expected) {
  double sum = 0, squares = 0;
  for (int i = 0; i < VOXELS; i++) {
    const double share = (double)deviation[i] * deviation[i] / (expected[i] * expected[i]) - 1;
    sum += share;
    squares += share * share;
  }
  const double scatter = sqrt(2.0 / (double)(replicas - 1));
  assert_close(sum / VOXELS, 0, 4 * scatter / sqrt(VOXELS));
  assert_close(sqrt(squares / VOXELS), scatter, 0.15 * scatter);
}

/* Roemer's combination: the real part of the noise has half of the variance 1 / (s^H covariance^-1 s). */
static void test_combination(void **state) {
  enum { REPLICAS = 200 };
  static double expected[VOXELS];
  combination c = {.context = *state, .noise = noise_of(*state, true)};
  assert_ok(kvox_workspace_create(*state, &c.workspace));
  kvox_mri_replica_options options = options_of(REPLICAS, 0);
  const kvox_array in = coils_of(kspace), out = image_of(snr), noise = image_of(deviation);
  make_images();
  for (int i = 0; i < VOXELS; i++) {
    expected[i] = sqrt(0.5 / whitened_square(c.noise, i));
  }
  assert_ok(kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, &noise));
  check_deviations(REPLICAS, expected);
  for (int i = 0; i < VOXELS; i++) {
    assert_close((double)snr[i] * deviation[i], 300, 1e-3);
  }
  /* From the mean of replicas: the same noise, and a signal that noise of 1 / sqrt(N) moves. */
  options.from_mean = 1;
  memcpy(again, deviation, sizeof deviation);
  assert_ok(kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, &noise));
  assert_memory_equal(again, deviation, sizeof deviation);
  for (int i = 0; i < VOXELS; i++) {
    assert_close((double)snr[i] * deviation[i], 300, 6 * deviation[i] / sqrt(REPLICAS));
  }
  kvox_workspace_destroy(c.workspace);
  kvox_mri_noise_destroy((kvox_mri_noise *)(uintptr_t)c.noise);
}

/* Root sum of squares of a unitary transform, far above the noise: that of a real part; with half of the lines at 0,
 * half of the variance, as kvox_mri_snr_scale has it. */
static void check_fourier(kvox_context *context, bool half) {
  enum { REPLICAS = 200 };
  static double expected[VOXELS];
  kvox_mri_noise *noise = noise_of(context, false);
  kvox_mri_fourier_options size;
  kvox_mri_fourier_options_init(&size);
  size.kspace_size[0] = X;
  size.kspace_size[1] = Y;
  size.kspace_size[2] = 1;
  kvox_mri_fourier *fourier = NULL;
  assert_ok(kvox_mri_fourier_create(context, &size, &fourier));
  make_images();
  for (int i = 0; i < COILS * VOXELS; i++) {
    maps[i] = kspace[i] * (float)(1 + 0.2 * sin(i % VOXELS));
  }
  const kvox_array images = coils_of(maps), in = coils_of(kspace), out = image_of(snr), std = image_of(deviation);
  assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &images, &in));
  for (int i = 0; half && i < COILS * VOXELS; i++) {
    kspace[i] = i % VOXELS / X % 2 == 0 ? kspace[i] : 0;
  }
  for (int i = 0; i < VOXELS; i++) {
    expected[i] = 1 / kvox_mri_snr_scale(half ? VOXELS / 2 : VOXELS, VOXELS);
  }
  const kvox_mri_replica_options options = options_of(REPLICAS, 0);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_mri_replica_snr_fourier(context, noise, &options, fourier, workspace, &in, &out, &std));
  check_deviations(REPLICAS, expected);
  assert_int_equal(kvox_workspace_stage_count(workspace), 3);
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "noise");
  assert_string_equal(kvox_workspace_stage_name(workspace, 1), "reconstruct");
  assert_string_equal(kvox_workspace_stage_name(workspace, 2), "statistics");
  const kvox_array root = image_of(again);
  assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &in, &root));
  for (int i = 0; i < VOXELS; i++) {
    assert_close((double)snr[i] * deviation[i], again[i], 1e-6 * again[i]);
  }
  kvox_workspace_destroy(workspace);
  kvox_mri_fourier_destroy(fourier);
  kvox_mri_noise_destroy(noise);
}

static void test_fourier(void **state) {
  check_fourier(*state, false);
  check_fourier(*state, true);
}

/* ---- The rest of the contract ---- */

static void test_threads_and_seed(void **state) {
  (void)state;
  kvox_context *three = context_of_threads(3), *one = context_of_threads(1);
  combination c = {.context = three, .noise = noise_of(three, true)};
  kvox_mri_replica_options options = options_of(5, 0);
  make_images();
  const kvox_array in = coils_of(kspace), out = image_of(snr);
  kvox_array spread = image_of(again);
  for (int d = 0; d < 3; d++) {
    spread.strides[d] *= 2;
  }
  assert_ok(kvox_mri_replica_snr(three, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  c.context = one;
  assert_ok(kvox_mri_replica_snr(one, c.noise, &options, combine, &c, NULL, &in, &spread, NULL));
  for (int i = 0; i < VOXELS; i++) {
    assert_memory_equal(&again[2 * i], &snr[i], sizeof *again);
  }
  options.seed++;
  const kvox_array other = image_of(again);
  assert_ok(kvox_mri_replica_snr(one, c.noise, &options, combine, &c, NULL, &in, &other, NULL));
  int same = 0;
  for (int i = 0; i < VOXELS; i++) {
    same += again[i] == snr[i];
  }
  assert_true(same < VOXELS / 100);
  kvox_mri_noise_destroy((kvox_mri_noise *)(uintptr_t)c.noise);
  kvox_context_destroy(one);
  kvox_context_destroy(three);
}

static void test_memory(void **state) {
  combination c = {.context = *state, .noise = noise_of(*state, true)};
  const kvox_mri_replica_options options = options_of(2, 0);
  kvox_workspace *workspace = NULL;
  kvox_memory_use use;
  assert_ok(kvox_workspace_create(*state, &workspace));
  make_images();
  const kvox_array in = coils_of(kspace), out = image_of(snr);
  assert_ok(kvox_mri_replica_memory(*state, &options, &in, &out, &use));
  assert_ok(kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, workspace, &in, &out, NULL));
  assert_int_equal(use.workspace, kvox_workspace_bytes(workspace));
  kvox_workspace_destroy(workspace);
  kvox_context_options limited;
  kvox_context_options_init(&limited);
  limited.memory_limit = 1000;
  kvox_context *small = NULL;
  assert_ok(kvox_context_create(&limited, &small));
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "limit",
               kvox_mri_replica_snr(small, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  kvox_context_destroy(small);
  kvox_mri_noise_destroy((kvox_mri_noise *)(uintptr_t)c.noise);
}

static kvox_status give_up(void *user, const kvox_array *noisy, const kvox_array *image) {
  (void)noisy, (void)image, (void)user;
  return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "not on Sundays");
}

static kvox_status make_nan(void *user, const kvox_array *noisy, const kvox_array *image) {
  (void)noisy, (void)user;
  for (int i = 0; i < VOXELS; i++) {
    ((float *)image->data)[i] = i == 17 ? NAN : 1;
  }
  return KVOX_OK;
}

static int32_t stop(void *user, double fraction) {
  (void)user;
  return fraction > 0.4;
}

static void test_refused(void **state) {
  combination c = {.context = *state, .noise = noise_of(*state, true)};
  kvox_mri_replica_options options = options_of(4, 0);
  make_images();
  kvox_array in = coils_of(kspace);
  const kvox_array out = image_of(snr);
  assert_ok(kvox_workspace_create(*state, &c.workspace));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "not on Sundays",
               kvox_mri_replica_snr(*state, c.noise, &options, give_up, NULL, NULL, &in, &out, NULL));
  /* The workspace of the call is no workspace for the reconstruction; afterwards it is free again. */
  assert_fails(KVOX_ERROR_ARGUMENT, "workspace",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, c.workspace, &in, &out, NULL));
  kvox_workspace *other = c.workspace;
  c.workspace = NULL;
  assert_ok(kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, other, &in, &out, NULL));
  kvox_workspace_set_progress(other, stop, NULL);
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, other, &in, &out, NULL));
  kvox_workspace_destroy(other);
  options.image_type = KVOX_F32;
  assert_fails(KVOX_ERROR_DATA, "voxel 17",
               kvox_mri_replica_snr(*state, c.noise, &options, make_nan, NULL, NULL, &in, &out, NULL));
  options.image_type = KVOX_U8;
  assert_fails(KVOX_ERROR_ARGUMENT, "image_type is u8",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  options.image_type = 0;
  options.replicas = 1;
  assert_fails(KVOX_ERROR_ARGUMENT, "replicas is 1",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  options.replicas = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, &out));
  kspace[2 * VOXELS + 5 * X + 6] = NAN;
  assert_fails(KVOX_ERROR_DATA, "volume 0, coil 2 at z 0, y 5, x 6",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  in.shape[0]--;
  assert_fails(KVOX_ERROR_SIZE, "coils",
               kvox_mri_replica_snr(*state, c.noise, &options, combine, &c, NULL, &in, &out, NULL));
  kvox_mri_noise_destroy((kvox_mri_noise *)(uintptr_t)c.noise);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_covariance),       cmocka_unit_test(test_combination), cmocka_unit_test(test_fourier),
      cmocka_unit_test(test_threads_and_seed), cmocka_unit_test(test_memory),      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

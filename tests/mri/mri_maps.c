/* Sensitivity maps and the combination by them: simulated smooth maps are found again. */
#include "linalg/linalg.h"
#include "mri/support.h"

enum { COILS = NOISE_COILS, SIDE = 64, VOXELS = SIDE * SIDE, IMAGES = COILS * VOXELS };

static const int64_t shape[4] = {COILS, 1, SIDE, SIDE}, combined_shape[3] = {1, SIDE, SIDE};
static float complex images[IMAGES], maps[IMAGES], other_maps[IMAGES], white[IMAGES];
static float complex combined[VOXELS], other[VOXELS];
static float magnitude[VOXELS];

/* A coil on a circle around the image: falling off with distance, its phase turning slowly. */
static double complex sensitivity(int coil, int i) {
  const double x = (i % SIDE - 31.5) / SIDE, y = (i / SIDE - 31.5) / SIDE, angle = 2 * pi * coil / COILS;
  const double dx = x - 0.8 * cos(angle), dy = y - 0.8 * sin(angle);
  return cexp(I * (coil + 1.5 * x * sin(angle) - y)) / (0.3 + dx * dx + dy * dy);
}

/* A disc with a brighter one in it, and a phase of its own; 0 outside. */
static double complex object(int i) {
  const double x = (i % SIDE - 31.5) / SIDE, y = (i / SIDE - 31.5) / SIDE, r = hypot(x, y);
  return r > 0.4 ? 0 : (hypot(x - 0.1, y) < 0.12 ? 3 : 1) * cexp(I * x * 3);
}

static void make_images(void) {
  for (int i = 0; i < IMAGES; i++) {
    images[i] = (float complex)(sensitivity(i / VOXELS, i % VOXELS) * object(i % VOXELS));
  }
}

static kvox_array images_of(float complex *data) { return array_of(data, KVOX_C64, 4, shape); }
static kvox_array combined_of(float complex *data) { return array_of(data, KVOX_C64, 3, combined_shape); }

/* The virtual coil of most energy: the first eigenvector of the sum of x x^H. */
static void find_reference(double complex *reference) {
  kvox_complex gram[COILS * COILS] = {0}, vectors[COILS * COILS];
  double values[COILS];
  for (int i = 0; i < COILS * COILS; i++) {
    for (int n = 0; n < VOXELS; n++) {
      gram[i] += (double complex)images[i / COILS * VOXELS + n] * conj((double complex)images[i % COILS * VOXELS + n]);
    }
  }
  assert_ok(kvox_eigen(COILS, gram, values, vectors));
  for (int c = 0; c < COILS; c++) {
    reference[c] = vectors[c * COILS];
  }
}

/*
 * Within a window of 5 a map turns by less than 2 x 1.5 / 64 + 2 x 1 / 64 < 0.08 in phase, and the sizes of coils by
 * like parts; a mean over the window, lopsided at the object's edges, errs by less. So u is within an angle of 0.1 of
 * the truth: 1 - cos 0.1 = 0.005 for sizes, 0.1 for phases.
 */
static void test_walsh(void **state) {
  make_images();
  const kvox_array in = images_of(images), out = images_of(maps), image = combined_of(combined);
  kvox_workspace *workspace = NULL;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_walsh_maps(*state, NULL, workspace, &in, &out));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "maps");
  assert_ok(kvox_mri_combine(*state, NULL, workspace, &in, &out, &image));
  assert_string_equal(kvox_workspace_stage_name(workspace, 0), "combine");
  kvox_workspace_destroy(workspace);
  double complex reference[COILS];
  find_reference(reference);
  double worst = 0;
  for (int n = 0; n < VOXELS; n++) {
    double complex seen = 0, inner = 0;
    double size = 0, unit = 0;
    for (int c = 0; c < COILS; c++) {
      const double complex s = sensitivity(c, n), u = maps[c * VOXELS + n];
      seen += conj(reference[c]) * s;
      inner += conj(u) * s;
      size += creal(s * conj(s));
      unit += creal(u * conj(u));
    }
    if (object(n) == 0) {
      assert_true(combined[n] == 0); /* there is no signal, whatever the maps */
      continue;
    }
    const double complex want = sqrt(size) * object(n) * seen / cabs(seen);
    assert_close(unit, 1, 1e-6);
    assert_true(cabs(inner) > 0.995 * sqrt(size));
    assert_close(cabs(combined[n]), cabs(want), 0.005 * cabs(want));
    assert_close(carg(combined[n] / want), 0, 0.1);
    worst = fmax(worst, cabs(combined[n] - want) / cabs(want));
  }
  printf("greatest error of an image combined adaptively: %.2g\n", worst);
}

/* One voxel as a window, no noise: images are a multiple of the maps, so the combination is the root sum of squares. */
static void test_window_of_one(void **state) {
  make_images();
  const kvox_array in = images_of(images), out = images_of(maps), image = combined_of(combined);
  const kvox_array root = array_of(magnitude, KVOX_F32, 3, combined_shape);
  kvox_mri_walsh_options options;
  kvox_mri_walsh_options_init(&options);
  options.window[0] = options.window[1] = options.window[2] = 1;
  assert_ok(kvox_mri_walsh_maps(*state, &options, NULL, &in, &out));
  assert_ok(kvox_mri_combine(*state, NULL, NULL, &in, &out, &image));
  assert_ok(kvox_mri_root_sum_of_squares(*state, NULL, &in, &root));
  for (int n = 0; n < VOXELS; n++) {
    assert_close(cabs(combined[n]), magnitude[n], 2e-6 * magnitude[n]); /* some 30 roundings of 2^-24 */
    assert_true(object(n) != 0 || maps[n] == 0);
  }
}

/* With noise: the same image as that of whitened coils without, and maps in their own units. */
static void test_noise(void **state) {
  uint64_t seed = 31;
  double complex covariance[COILS][COILS], whitening[COILS][COILS];
  for (int i = 0; i < COILS * COILS; i++) {
    covariance[i / COILS][i % COILS] = true_covariance(i / COILS, i % COILS);
  }
  kvox_mri_noise *noise = NULL;
  assert_ok(kvox_mri_noise_create(*state, COILS, (double *)covariance, 0, &noise));
  assert_ok(kvox_mri_noise_whitening(noise, (double *)whitening));
  make_images();
  make_noise(&seed, 0.02, VOXELS, white);
  for (int i = 0; i < IMAGES; i++) {
    images[i] += white[i];
  }
  kvox_mri_walsh_options options;
  kvox_mri_walsh_options_init(&options);
  options.noise = noise;
  const kvox_array in = images_of(images), out = images_of(maps), whitened = images_of(white);
  const kvox_array white_maps = images_of(other_maps), image = combined_of(combined), white_image = combined_of(other);
  assert_ok(kvox_mri_walsh_maps(*state, &options, NULL, &in, &out));
  assert_ok(kvox_mri_combine(*state, noise, NULL, &in, &out, &image));
  assert_ok(kvox_mri_whiten(*state, noise, NULL, &in, &whitened));
  assert_ok(kvox_mri_walsh_maps(*state, NULL, NULL, &whitened, &white_maps));
  assert_ok(kvox_mri_combine(*state, NULL, NULL, &whitened, &white_maps, &white_image));
  for (int n = 0; n < VOXELS; n++) {
    assert_true(cabs(combined[n] - other[n]) < 1e-4);
    double unit = 0;
    for (int i = 0; i < COILS; i++) {
      double complex sum = 0;
      for (int j = 0; j <= i; j++) {
        sum += whitening[i][j] * maps[j * VOXELS + n];
      }
      unit += creal(sum * conj(sum));
    }
    assert_close(unit, 1, 1e-5);
  }
  kvox_mri_noise_destroy(noise);
}

static void test_relative(void **state) {
  make_images();
  const kvox_array in = images_of(images), out = images_of(maps), image = combined_of(combined);
  const kvox_array root = array_of(magnitude, KVOX_F32, 3, combined_shape);
  assert_ok(kvox_mri_relative_maps(*state, NULL, &in, &out));
  assert_ok(kvox_mri_root_sum_of_squares(*state, NULL, &in, &root));
  assert_ok(kvox_mri_combine(*state, NULL, NULL, &in, &out, &image));
  for (int n = 0; n < VOXELS; n++) {
    assert_true(cabs(combined[n] - magnitude[n]) <= 2e-6 * magnitude[n]);
    for (int c = 0; c < COILS; c++) {
      const double complex want = magnitude[n] > 0 ? images[c * VOXELS + n] / magnitude[n] : 0;
      assert_true(cabs(maps[c * VOXELS + n] - want) <= 1e-6);
    }
  }
}

/* Three threads and one, maps for one volume and for two: the same bits. */
static void test_same_bits(void **state) {
  (void)state;
  make_images();
  kvox_context *one = context_of_threads(1), *three = context_of_threads(3);
  const kvox_array in = images_of(images), out = images_of(maps), image = combined_of(combined);
  const kvox_array out_three = images_of(other_maps), image_three = combined_of(other);
  assert_ok(kvox_mri_walsh_maps(one, NULL, NULL, &in, &out));
  assert_ok(kvox_mri_walsh_maps(three, NULL, NULL, &in, &out_three));
  assert_memory_equal(maps, other_maps, sizeof maps);
  assert_ok(kvox_mri_combine(one, NULL, NULL, &in, &out, &image));
  assert_ok(kvox_mri_combine(three, NULL, NULL, &in, &out, &image_three));
  assert_memory_equal(combined, other, sizeof other);
  /* Volumes of half the rows: [2, coil, 1, 32, 64], the maps of the upper half for both. */
  const int64_t halves[5] = {2, COILS, 1, SIDE / 2, SIDE}, half_image[4] = {2, 1, SIDE / 2, SIDE};
  kvox_array two = array_of(images, KVOX_C64, 5, halves), two_image = array_of(other, KVOX_C64, 4, half_image);
  two.strides[0] = VOXELS / 2 * (int64_t)sizeof *images;
  two.strides[1] = VOXELS * (int64_t)sizeof *images;
  kvox_array upper = images_of(maps);
  upper.shape[2] = SIDE / 2;
  assert_ok(kvox_mri_combine(three, NULL, NULL, &two, &upper, &two_image));
  assert_memory_equal(combined, other, sizeof other / 2);
  kvox_context_destroy(three);
  kvox_context_destroy(one);
}

static void test_refused(void **state) {
  make_images();
  const kvox_array in = images_of(images), image = combined_of(combined);
  kvox_array out = images_of(maps);
  kvox_mri_walsh_options options;
  kvox_mri_walsh_options_init(&options);
  options.window[1] = 4;
  assert_fails(KVOX_ERROR_ARGUMENT, "window[1] is 4, must be odd",
               kvox_mri_walsh_maps(*state, &options, NULL, &in, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_walsh_maps(*state, NULL, NULL, &in, &in));
  out.shape[3]--;
  assert_fails(KVOX_ERROR_SIZE, "shape", kvox_mri_walsh_maps(*state, NULL, NULL, &in, &out));
  assert_fails(KVOX_ERROR_SIZE, "maps: its shape", kvox_mri_combine(*state, NULL, NULL, &in, &out, &image));
  out.shape[3]++;
  static const double covariance[8] = {1, 0, 0, 0, 0, 0, 1, 0};
  kvox_mri_noise *two = NULL;
  assert_ok(kvox_mri_noise_create(*state, 2, covariance, 0, &two));
  options.window[1] = 0;
  options.noise = two;
  assert_fails(KVOX_ERROR_SIZE, "5 coils, the noise 2", kvox_mri_walsh_maps(*state, &options, NULL, &in, &out));
  assert_fails(KVOX_ERROR_SIZE, "5 coils, the noise 2", kvox_mri_combine(*state, two, NULL, &in, &out, &image));
  kvox_mri_noise_destroy(two);
  memset(maps, 0, sizeof maps);
  images[3 * VOXELS + 7 * SIDE + 9] = NAN;
  assert_fails(KVOX_ERROR_DATA, "coil 3 at z 0, y 7, x 9", kvox_mri_walsh_maps(*state, NULL, NULL, &in, &out));
  assert_fails(KVOX_ERROR_DATA, "coil 3 at z 0, y 7, x 9", kvox_mri_relative_maps(*state, NULL, &in, &out));
  assert_fails(KVOX_ERROR_DATA, "images: the sample of volume 0, coil 3 at z 0, y 7, x 9",
               kvox_mri_combine(*state, NULL, NULL, &in, &out, &image));
  make_images();
  maps[5] = NAN;
  assert_fails(KVOX_ERROR_DATA, "maps: the sample of volume 0, coil 0 at z 0, y 0, x 5",
               kvox_mri_combine(*state, NULL, NULL, &in, &out, &image));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_walsh),    cmocka_unit_test(test_window_of_one), cmocka_unit_test(test_noise),
      cmocka_unit_test(test_relative), cmocka_unit_test(test_same_bits),     cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

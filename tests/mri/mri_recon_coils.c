/* Coils in a reconstruction: noise, whitening, SNR units, compression, combination: what the stages alone give. */
#include "mri/scan.h"

static const double rounding = 2e-6;

/* Noise readouts of so many samples whose covariance is a mixture's (support.h), as many microseconds long. */
static void push_noise(kvox_mri_recon *recon, uint64_t *seed, double scale, int readouts, double sample_time_us) {
  enum { SAMPLES = 100 };
  float complex data[NOISE_COILS * SAMPLES];
  for (int i = 0; i < readouts; i++) {
    make_noise(seed, scale, SAMPLES, data);
    const kvox_mri_readout r = {.flags = KVOX_MRI_NOISE,
                                .coils = NOISE_COILS,
                                .samples = SAMPLES,
                                .data = (const float *)data,
                                .sample_time_us = sample_time_us};
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
}

static void push_lines(scan *s, kvox_mri_recon *recon, double sample_time_us) {
  for (int32_t y = 0; y < s->protocol.encoded_size[1]; y++) {
    kvox_mri_readout r = scan_readout(s, 0, 0, 0, y);
    r.sample_time_us = sample_time_us;
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
}

/* In SNR units each image's real part has variance 1 and coils do not correlate, but for a constant. Edges tell
 * `samples` of the noise; four standard deviations of either are allowed. */
static void check_white(const float complex *images, int64_t count, double samples) {
  for (int i = 0; i < NOISE_COILS; i++) {
    for (int j = 0; j <= i; j++) {
      double complex sum = 0, mean_i = 0, mean_j = 0;
      for (int64_t n = 0; n < count; n++) {
        mean_i += (double complex)images[i * count + n] / (double)count;
        mean_j += (double complex)images[j * count + n] / (double)count;
        sum += (double complex)images[i * count + n] * conj((double complex)images[j * count + n]);
      }
      sum = sum / (double)count - mean_i * conj(mean_j);
      assert_close(cabs(sum - (i == j ? 2 : 0)), 0, 2 * 4 * (1 / sqrt((double)count) + 1 / sqrt(samples)));
    }
  }
}

/* Noise alone, of readouts that are oversampled by two; some lines are not measured, some twice. */
static void check_snr(kvox_context *context, const kvox_mri_recon_options *o, double image_us, double factor) {
  enum { X = 60, Y = 50 };
  scan s = scan_of(NOISE_COILS, X, Y, 1);
  uint64_t seed = 7;
  scan_image(&s, 0, X / 2, 1);
  s.protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, Y - 11, Y / 2 - 10};
  s.protocol.limits[KVOX_MRI_AVERAGE].last = 1;
  scan_fill(&s, 1);
  kvox_mri_recon *recon = recon_of(context, &s, o);
  push_noise(recon, &seed, 3, 100, 5);
  for (int32_t y = 0; y < Y - 10; y++) {
    for (int a = 0; a <= y % 2; a++) {
      kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
      r.sample_time_us = image_us;
      r.counters[KVOX_MRI_AVERAGE] = a;
      make_noise(&seed, 3 * factor, X, s.line);
      assert_ok(kvox_mri_recon_push(recon, &r));
    }
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  const int64_t count = (o->image_size[0] > 0 ? o->image_size[0] : X / 2) * Y;
  /* A fifth of the lines is 0; under two windows four pixels tell about as much as one. */
  check_white(images, count, o->window[0] != 0 ? 1000 : 10000);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static void test_snr(void **state) {
  kvox_mri_recon_options o = separate_coils();
  o.snr_units = 1;
  check_snr(*state, &o, 5, 1);
  /* Four times as long: half the standard deviation. */
  check_snr(*state, &o, 20, 0.5);
  /* Not told: as the noise's. */
  check_snr(*state, &o, 0, 1);
  /* Windows, and pixels so large that the edge of k-space is left out. */
  o.window[0] = KVOX_MRI_HANN;
  o.window[1] = KVOX_MRI_HAMMING;
  check_snr(*state, &o, 5, 1);
  o.image_size[0] = 20;
  check_snr(*state, &o, 5, 1);
}

/* The signal in SNR units is the truth's over the noise's deviation, whatever the covariance is that was given. */
static void test_known_noise(void **state) {
  enum { X = 12, Y = 8 };
  double covariance[NOISE_COILS][NOISE_COILS][2] = {{{0}}}, whitening[NOISE_COILS][NOISE_COILS][2];
  kvox_mri_noise *noise = NULL;
  for (int i = 0; i < NOISE_COILS; i++) {
    for (int j = 0; j < NOISE_COILS; j++) {
      covariance[i][j][0] = creal(true_covariance(i, j));
      covariance[i][j][1] = cimag(true_covariance(i, j));
    }
  }
  assert_ok(kvox_mri_noise_create(*state, NOISE_COILS, &covariance[0][0][0], 0, &noise));
  assert_ok(kvox_mri_noise_whitening(noise, &whitening[0][0][0]));
  kvox_mri_recon_options o = separate_coils();
  o.snr_units = 1;
  o.known_noise = noise;
  scan s = scan_of(NOISE_COILS, X, Y, 1);
  scan_fill(&s, 5);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  kvox_mri_noise_destroy(noise);
  push_lines(&s, recon, 0);
  for (int64_t n = 0; n < X * Y; n++) {
    double complex white[NOISE_COILS] = {0};
    for (int i = 0; i < NOISE_COILS; i++) {
      for (int j = 0; j <= i; j++) {
        white[i] += sqrt(2) * (whitening[i][j][0] + I * whitening[i][j][1]) * (double complex)s.kspace[j * X * Y + n];
      }
    }
    for (int i = 0; i < NOISE_COILS; i++) {
      s.kspace[i * X * Y + n] = (float complex)white[i];
    }
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, rounding);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

static void test_edges(void **state) {
  enum { X = 60, Y = 60 };
  kvox_mri_recon_options o = separate_coils();
  o.noise = KVOX_MRI_NOISE_FROM_EDGES;
  o.snr_units = 1;
  scan s = scan_of(NOISE_COILS, X, Y, 1);
  uint64_t seed = 9;
  scan_fill(&s, 1);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int32_t y = 0; y < Y; y++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
    make_noise(&seed, 3, X, s.line);
    for (int c = 0; c < NOISE_COILS && y == Y / 2; c++) {
      s.line[c * X + X / 2] += 1000; /* of a constant, not taken for noise */
    }
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  assert_non_null(strstr(kvox_mri_recon_provenance(recon), "edges"));
  check_white(images, X * Y, 12 * 12);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* Half echoes and reversed ones: their ends are where their middle says, and the middle of k-space is none. */
static void test_edges_of_echoes(void **state) {
  enum { X = 60, Y = 60 };
  static const struct {
    int samples, center;
    uint32_t flags;
  } echoes[] = {{30, 0, 0}, {42, 12, 0}, {42, 12, KVOX_MRI_REVERSE}};
  kvox_mri_recon_options o = separate_coils();
  o.noise = KVOX_MRI_NOISE_FROM_EDGES;
  o.snr_units = 1;
  for (size_t e = 0; e < sizeof echoes / sizeof echoes[0]; e++) {
    scan s = scan_of(NOISE_COILS, X, Y, 1);
    uint64_t seed = 9;
    s.samples = echoes[e].samples;
    s.center = echoes[e].center;
    s.flags = echoes[e].flags;
    scan_fill(&s, 1);
    kvox_mri_recon *recon = recon_of(*state, &s, &o);
    for (int32_t y = 0; y < Y; y++) {
      kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
      const int middle = s.flags != 0 ? s.samples - 1 - s.center : s.center;
      make_noise(&seed, 3, s.samples, s.line);
      for (int c = 0; c < NOISE_COILS; c++) {
        s.line[c * s.samples + middle] += 1000; /* of every line: row Y / 2 of the image */
      }
      assert_ok(kvox_mri_recon_push(recon, &r));
    }
    float complex *images = recon_images(recon, KVOX_C64, NULL);
    for (int c = 0; c < NOISE_COILS; c++) {
      const float complex *of_coil = images + c * X * Y;
      float complex *noise = images + c * X * (Y - 1);
      memmove(noise, of_coil, Y / 2 * X * sizeof *noise);
      memmove(noise + Y / 2 * X, of_coil + (Y / 2 + 1) * X, (Y - Y / 2 - 1) * X * sizeof *noise);
    }
    check_white(images, X * (Y - 1), 12 * 6);
    free(images);
    kvox_mri_recon_destroy(recon);
    scan_free(&s);
  }
}

/* Too few samples to tell the noise: said where it is wanted, passed over where it is not. */
static void test_few_edges(void **state) {
  kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(NOISE_COILS, 12, 8, 1);
  kvox_array images;
  int64_t shape[5];
  static float complex data[NOISE_COILS * 12 * 8];
  scan_fill(&s, 1);
  o.noise = KVOX_MRI_NOISE_FROM_EDGES;
  for (int snr = 0; snr < 2; snr++) {
    o.snr_units = snr;
    kvox_mri_recon *recon = recon_of(*state, &s, &o);
    scan_push(&s, recon, 0, 0, 0, 4);
    assert_ok(kvox_mri_recon_shape(recon, shape));
    assert_ok(kvox_array_init(&images, data, KVOX_C64, 5, shape));
    if (snr == 0) {
      assert_ok(kvox_mri_recon_image(recon, NULL, &images));
    } else {
      assert_fails(KVOX_ERROR_DATA, "samples", kvox_mri_recon_image(recon, NULL, &images));
    }
    kvox_mri_recon_destroy(recon);
  }
  scan_free(&s);
}

/* ---- The chain is its stages ---- */

enum { COILS = 4, VIRTUAL = 2, X = 40, Y = 30, Z = 3, VOXELS = X * Y * Z };

typedef struct stages {
  kvox_context *context;
  float complex coils[COILS * VOXELS], few[VIRTUAL * VOXELS], maps[COILS * VOXELS];
} stages;

static kvox_array volume_of(float complex *data, int64_t coils) {
  return array_of(data, KVOX_C64, 4, (int64_t[]){coils, Z, Y, X});
}

/* Along x, then along y and z: what is between them is compressed in the chain. */
static void transform(stages *t, const scan *s, int32_t axes, float complex *from, float complex *to, int64_t coils) {
  kvox_mri_fourier_options o;
  kvox_mri_fourier *plan = NULL;
  kvox_mri_fourier_options_init(&o);
  o.axes = axes;
  memcpy(o.kspace_size, s->protocol.encoded_size, sizeof o.kspace_size);
  const kvox_array in = volume_of(from, coils), out = volume_of(to, coils);
  assert_ok(kvox_mri_fourier_create(t->context, &o, &plan));
  assert_ok(kvox_mri_fourier_to_image(plan, NULL, &in, &out));
  kvox_mri_fourier_destroy(plan);
}

static void test_stages(void **state) {
  static stages t;
  static float magnitude[VOXELS];
  static float complex combined[VOXELS];
  t.context = *state;
  scan s = scan_of(COILS, X, Y, Z);
  scan_fill(&s, 13);
  for (int how = 0; how < 4; how++) {
    kvox_mri_recon_options o;
    kvox_mri_recon_options_init(&o);
    o.combine = how % 2 == 0 ? KVOX_MRI_ROOT_SUM_OF_SQUARES : KVOX_MRI_ADAPTIVE;
    o.virtual_coils = how < 2 ? 0 : VIRTUAL;
    const int64_t coils = how < 2 ? COILS : VIRTUAL;
    /* Compression's rounding may differ: its matrix is of sums in another order. On a device's context readouts are
     * transformed along x by the CPU, here by the device: maps of voxels without a leading coil enlarge that rounding
     * a hundredfold (6e-5 of images up to 3.4 was seen). */
    const bool mixed = kvox_context_backend(*state) == KVOX_BACKEND_OPENCL && how % 2 != 0;
    const double tolerance = mixed ? 2e-4 : how < 2 ? 1e-6 : 1e-5;
    kvox_mri_recon *recon = recon_of(*state, &s, &o);
    scan_push_all(&s, recon);
    transform(&t, &s, KVOX_MRI_X, s.kspace, t.coils, COILS);
    if (how >= 2) {
      kvox_mri_compression *compression = NULL;
      /* Its 24 lines in the middle, and all partitions. */
      kvox_array all = volume_of(t.coils, COILS), few = volume_of(t.few, VIRTUAL), middle = all;
      middle.shape[2] = 24;
      middle.data = t.coils + (Y / 2 - 12) * X;
      assert_ok(kvox_mri_compression_create_svd(*state, &middle, VIRTUAL, &compression));
      assert_ok(kvox_mri_compress(*state, compression, NULL, &all, &few));
      kvox_mri_compression_destroy(compression);
      memcpy(t.coils, t.few, sizeof t.few);
    }
    transform(&t, &s, KVOX_MRI_Y | KVOX_MRI_Z, t.coils, t.coils, coils);
    const kvox_array images = volume_of(t.coils, coils), maps = volume_of(t.maps, coils);
    const kvox_array one = array_of(combined, KVOX_C64, 3, (int64_t[]){Z, Y, X});
    const kvox_array root = array_of(magnitude, KVOX_F32, 3, (int64_t[]){Z, Y, X});
    if (how % 2 == 0) {
      assert_ok(kvox_mri_root_sum_of_squares(*state, NULL, &images, &root));
    } else {
      assert_ok(kvox_mri_walsh_maps(*state, NULL, NULL, &images, &maps));
      assert_ok(kvox_mri_combine(*state, NULL, NULL, &images, &maps, &one));
    }
    float *is = recon_images(recon, KVOX_F32, NULL);
    float complex *complex_is = recon_images(recon, KVOX_C64, NULL);
    for (int64_t i = 0; i < VOXELS; i++) {
      const double complex must = how % 2 == 0 ? (double)magnitude[i] : (double complex)combined[i];
      assert_close(cabs((double complex)complex_is[i] - must), 0, tolerance);
      assert_close((double)is[i], cabs(must), tolerance);
    }
    free(is);
    free(complex_is);
    kvox_mri_recon_destroy(recon);
  }
  scan_free(&s);
}

/* The same bits for any number of threads, in every way to combine. */
static void test_threads(void **state) {
  static const int32_t threads[] = {1, 2, 7};
  (void)state;
  scan s = scan_of(COILS, 96, 64, 2);
  s.frames = 2;
  scan_fill(&s, 17);
  for (int how = 0; how < 6; how++) {
    float complex *first = NULL;
    for (int i = 0; i < 3; i++) {
      int64_t count = 0;
      kvox_context *context = context_of_threads(threads[i]);
      kvox_mri_recon_options o;
      kvox_mri_recon_options_init(&o);
      o.combine = how % 3;
      o.virtual_coils = how / 3 * 2;
      o.noise = how / 3 * KVOX_MRI_NOISE_FROM_EDGES;
      kvox_mri_recon *recon = recon_of(context, &s, &o);
      scan_push_all(&s, recon);
      float complex *images = recon_images(recon, KVOX_C64, &count);
      if (first == NULL) {
        first = images;
      } else {
        assert_memory_equal(images, first, (size_t)count * sizeof *images);
        free(images);
      }
      kvox_mri_recon_destroy(recon);
      kvox_context_destroy(context);
    }
    free(first);
  }
  scan_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_snr),       cmocka_unit_test(test_known_noise),
      cmocka_unit_test(test_edges),     cmocka_unit_test(test_edges_of_echoes),
      cmocka_unit_test(test_few_edges), cmocka_unit_test(test_stages),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

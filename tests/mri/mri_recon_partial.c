/* Lines, partitions and echoes of which a part was measured: homodyne and POCS within the chain. */
#include "mri/scan.h"

enum { X = 64, Y = 48, COILS = 2 };

/* Ellipses with sharp edges and a smooth phase, seen by coils that differ. */
static void make_object(kvox_context *context, scan *s) {
  static float complex image[COILS][Y][X];
  kvox_mri_fourier_options o;
  kvox_mri_fourier *plan = NULL;
  for (int c = 0; c < COILS; c++) {
    for (int y = 0; y < Y; y++) {
      for (int x = 0; x < X; x++) {
        const double u = (x - X / 2) / (0.5 * X), v = (y - Y / 2) / (0.5 * Y);
        const double size = (hypot(u / 0.8, v / 0.85) < 1) + 0.6 * (hypot((u - 0.2) / 0.2, (v + 0.3) / 0.3) < 1);
        image[c][y][x] = (float complex)(size * (1 + 0.3 * c * u) * cexp(I * (0.4 + 0.7 * u - 0.5 * v * v + 0.3 * c)));
      }
    }
  }
  const kvox_array from = array_of(image, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X});
  const kvox_array to = array_of(s->kspace, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X});
  kvox_mri_fourier_options_init(&o);
  memcpy(o.kspace_size, s->protocol.encoded_size, sizeof o.kspace_size);
  assert_ok(kvox_mri_fourier_create(context, &o, &plan));
  assert_ok(kvox_mri_fourier_to_kspace(plan, NULL, &from, &to));
  kvox_mri_fourier_destroy(plan);
}

/* 6 of 8 parts of an axis: 0 is x. */
static scan partial_scan(kvox_context *context, int axis) {
  scan s = scan_of(COILS, X, Y, 1);
  if (axis == 0) {
    s.samples = X * 6 / 8;
    s.center = s.samples - X / 2;
  } else if (axis == 1) {
    s.protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, Y * 6 / 8 - 1, Y * 2 / 8};
  }
  scan_fill(&s, 1);
  make_object(context, &s);
  return s;
}

static float complex *images_of(kvox_context *context, scan *s, int32_t method, int32_t combine) {
  kvox_mri_recon_options o = separate_coils();
  o.partial = method;
  o.combine = combine;
  kvox_mri_recon *recon = recon_of(context, s, &o);
  scan_push_all(s, recon);
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  kvox_mri_recon_destroy(recon);
  return images;
}

static double error_of(const float complex *is, const float complex *must, int64_t count) {
  double difference = 0, sum = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += pow(cabs((double complex)is[i] - (double complex)must[i]), 2);
    sum += pow(cabs((double complex)must[i]), 2);
  }
  return sqrt(difference / sum);
}

/* At most half of what zeros leave, along either axis, of coils and of what they are combined to. */
static void test_methods(void **state) {
  scan whole = partial_scan(*state, -1);
  for (int combine = 0; combine < 3; combine += 2) {
    const int64_t count = (combine == 0 ? 1 : COILS) * X * Y;
    float complex *truth = images_of(*state, &whole, KVOX_MRI_ZERO_FILL, combine);
    for (int axis = 0; axis < 2; axis++) {
      double errors[3];
      scan s = partial_scan(*state, axis);
      for (int32_t method = KVOX_MRI_ZERO_FILL; method <= KVOX_MRI_POCS; method++) {
        float complex *images = images_of(*state, &s, method, combine);
        errors[method] = error_of(images, truth, count);
        free(images);
      }
      printf("axis %d: zeros %.4f, homodyne %.4f, POCS %.4f\n", axis, errors[0], errors[1], errors[2]);
      assert_true(errors[1] < 0.5 * errors[0] && errors[2] < 0.5 * errors[0]);
      scan_free(&s);
    }
    free(truth);
  }
  scan_free(&whole);
}

/* The same as the stage alone: lines that are images along x; whole k-space of an asymmetric echo. */
static void test_stages(void **state) {
  static float complex lines[COILS][Y][X];
  const kvox_array between = array_of(lines, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X});
  for (int axis = 0; axis < 2; axis++) {
    scan s = partial_scan(*state, axis);
    const kvox_array kspace = array_of(s.kspace, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X});
    kvox_mri_fourier_options o;
    kvox_mri_partial_options p;
    kvox_mri_fourier *x = NULL, *rest = NULL;
    kvox_mri_partial *partial = NULL;
    kvox_mri_fourier_options_init(&o);
    kvox_mri_partial_options_init(&p);
    memcpy(o.kspace_size, s.protocol.encoded_size, sizeof o.kspace_size);
    memcpy(p.size, o.kspace_size, sizeof p.size);
    p.method = KVOX_MRI_POCS;
    p.axes = axis == 0 ? KVOX_MRI_X | KVOX_MRI_Y : KVOX_MRI_Y;
    p.first[axis] = axis == 0 ? X * 2 / 8 : Y * 2 / 8;
    o.axes = KVOX_MRI_X;
    assert_ok(kvox_mri_fourier_create(*state, &o, &x));
    o.axes = p.axes;
    assert_ok(kvox_mri_fourier_create(*state, &o, &rest));
    assert_ok(kvox_mri_partial_create(*state, &p, &partial));
    for (int i = 0; i < COILS * X * Y; i++) {
      const bool measured = axis == 0 ? i % X >= X * 2 / 8 : i / X % Y >= Y * 2 / 8;
      (&lines[0][0][0])[i] = measured ? s.kspace[i] : 0;
    }
    if (axis == 1) {
      assert_ok(kvox_mri_fourier_to_image(x, NULL, &between, &between));
    }
    assert_ok(kvox_mri_partial_to_kspace(partial, NULL, &between, &between));
    assert_ok(kvox_mri_fourier_to_image(rest, NULL, &between, &kspace));
    float complex *images = NULL;
    scan again = partial_scan(*state, axis);
    images = images_of(*state, &again, KVOX_MRI_POCS, KVOX_MRI_SEPARATE);
    /* On a device the chain transforms its lines elsewhere than the stage: where there is little signal its phase,
     * which the iteration holds on to, turns with the rounding. */
    const bool on_device = kvox_context_backend(*state) == KVOX_BACKEND_OPENCL;
    assert_true(error_of(images, s.kspace, COILS * X * Y) < (on_device ? 5e-5 : 1e-6));
    free(images);
    kvox_mri_partial_destroy(partial);
    kvox_mri_fourier_destroy(rest);
    kvox_mri_fourier_destroy(x);
    scan_free(&again);
    scan_free(&s);
  }
}

/* Echoes that lie elsewhere cannot be completed together; zeros take them. */
static void test_other_echo(void **state) {
  kvox_mri_recon_options o = separate_coils();
  scan s = partial_scan(*state, 0);
  o.partial = KVOX_MRI_POCS;
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  scan_push(&s, recon, 0, 0, 0, 0);
  kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 1);
  r.center_sample++;
  assert_fails(KVOX_ERROR_DATA, "elsewhere", kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  o.partial = KVOX_MRI_ZERO_FILL;
  recon = recon_of(*state, &s, &o);
  scan_push(&s, recon, 0, 0, 0, 0);
  assert_ok(kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* ---- On a device ---- */

static kvox_context *context_there(int32_t backend, uint64_t limit) {
  kvox_context_options options;
  kvox_context *context = NULL;
  kvox_context_options_init(&options);
  options.backend = backend;
  options.ignore_environment = backend == KVOX_BACKEND_CPU;
  options.device = getenv("KVOX_DEVICE");
  options.memory_limit = limit;
  assert_ok(kvox_context_create(&options, &context));
  return context;
}

/* Images by what is completed there, of one buffer or (where the limit leaves no room for it) coil by coil; `device`:
 * what was told of its memory. */
static float *chain_of(kvox_context *context, scan *s, const kvox_mri_recon_options *o, kvox_type type, int64_t *floats,
                       uint64_t *device) {
  kvox_memory_use memory;
  int64_t count = 0;
  kvox_mri_recon *recon = recon_of(context, s, o);
  scan_push_all(s, recon);
  assert_ok(kvox_mri_recon_memory(recon, &memory));
  *device = memory.device;
  float *images = recon_images(recon, type, &count);
  *floats = count * (type == KVOX_C64 ? 2 : 1);
  kvox_mri_recon_destroy(recon);
  return images;
}

static double distance_of(const float *is, const float *must, int64_t count) {
  double difference = 0, sum = 0;
  for (int64_t i = 0; i < count; i++) {
    difference += pow((double)is[i] - (double)must[i], 2);
    sum += pow((double)must[i], 2);
  }
  return sqrt(difference / sum);
}

/* All coils of a slice at once, mixed before or not, give what the CPU gives one by one; without room for them at once
 * the bits are the same. */
static void test_there(void **state) {
  if (kvox_context_backend(*state) != KVOX_BACKEND_OPENCL) {
    printf("skipped: the context computes on the CPU\n");
    return;
  }
  kvox_context *cpu = context_there(KVOX_BACKEND_CPU, 0);
  double worst = 0;
  for (int i = 0; i < 8; i++) {
    kvox_mri_recon_options o = separate_coils();
    scan s = partial_scan(*state, i % 2);
    const kvox_type type = i / 2 % 2 == 0 ? KVOX_F32 : KVOX_C64;
    int64_t floats = 0;
    uint64_t there = 0, without = 0, none = 0;
    o.partial = i / 4 == 0 ? KVOX_MRI_POCS : KVOX_MRI_HOMODYNE;
    o.combine = (int32_t[]){KVOX_MRI_SEPARATE, KVOX_MRI_ROOT_SUM_OF_SQUARES, KVOX_MRI_ADAPTIVE}[i % 3];
    o.virtual_coils = i % 4 == 3 ? 1 : 0;
    float *got = chain_of(*state, &s, &o, type, &floats, &there);
    float *want = chain_of(cpu, &s, &o, type, &floats, &none);
    worst = fmax(worst, distance_of(got, want, floats));
    kvox_context *tight = context_there(KVOX_BACKEND_OPENCL, there - 1);
    float *narrow = chain_of(tight, &s, &o, type, &floats, &without);
    assert_true(none == 0 && without < there);
    assert_memory_equal(narrow, got, (size_t)floats * sizeof *got);
    kvox_context_destroy(tight);
    free(narrow);
    free(got);
    free(want);
    scan_free(&s);
  }
  printf("the chain there differs from the CPU by %.2g\n", worst);
  assert_true(worst < 5e-5); /* as test_stages has it */
  kvox_context_destroy(cpu);
}

/* ---- The noise ---- */

typedef struct noise_case {
  const char *name;
  int axis; /* that is partial */
  int32_t method, combine, window;
  double image_share; /* of a sample's size along x and y */
  double bend;        /* of the phase along the partial axes, radians at the edge */
  double edge;        /* how sharp the object is: its width in parts of the image */
  double tolerance;
} noise_case;

enum { NX = 40, NY = 32, MOST_VOXELS = 4 * NX * NY, REPLICAS = 40 };

static void noise_object(const noise_case *n, kvox_context *context, scan *s) {
  static float complex image[COILS * NY * NX];
  kvox_mri_fourier_options o;
  kvox_mri_fourier *plan = NULL;
  for (int i = 0; i < COILS * NY * NX; i++) {
    const int c = i / (NY * NX), y = i / NX % NY, x = i % NX;
    const double u = (x - NX / 2) / (0.5 * NX), v = (y - NY / 2) / (0.5 * NY), r = hypot(u, v);
    const double size = n->edge > 0 ? 0.5 * erfc((r - 0.75) / n->edge) : exp(-4 * r * r);
    const double bend = n->axis == 0 ? u * u : v * v;
    image[i] = (float complex)(size * (1 + 0.3 * c * u) * cexp(I * (0.4 + 0.3 * c + n->bend * bend)));
  }
  const int64_t shape[4] = {COILS, 1, NY, NX};
  const kvox_array from = array_of(image, KVOX_C64, 4, shape), to = array_of(s->kspace, KVOX_C64, 4, shape);
  kvox_mri_fourier_options_init(&o);
  memcpy(o.kspace_size, s->protocol.encoded_size, sizeof o.kspace_size);
  assert_ok(kvox_mri_fourier_create(context, &o, &plan));
  assert_ok(kvox_mri_fourier_to_kspace(plan, NULL, &from, &to));
  kvox_mri_fourier_destroy(plan);
}

/* The deviation over replicas of an image in units of it, averaged over where the object is bright. */
static double deviation_of(kvox_context *context, const noise_case *n) {
  static const double sigma = 0.01;
  static double sum[MOST_VOXELS], squares[MOST_VOXELS];
  kvox_mri_recon_options o;
  scan s = scan_of(COILS, NX, NY, 1);
  kvox_mri_noise *noise = NULL;
  uint64_t seed = 99;
  double covariance[2 * COILS * COILS] = {0}, mean = 0, most = 0;
  int64_t count = 0, bright = 0;
  if (n->axis == 0) {
    s.samples = NX * 6 / 8;
    s.center = s.samples - NX / 2;
  } else {
    s.protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, NY * 6 / 8 - 1, NY * 2 / 8};
  }
  scan_image(&s, 0, (int64_t)(NX / n->image_share), n->image_share);
  scan_image(&s, 1, (int64_t)(NY / n->image_share), n->image_share);
  scan_fill(&s, 1);
  noise_object(n, context, &s);
  for (int c = 0; c < COILS; c++) {
    covariance[2 * (c * COILS + c)] = sigma * sigma;
  }
  assert_ok(kvox_mri_noise_create(context, COILS, covariance, 0, &noise));
  kvox_mri_recon_options_init(&o);
  o.partial = n->method;
  o.combine = n->combine;
  o.snr_units = 1;
  o.known_noise = noise;
  o.window[0] = o.window[1] = n->window;
  memset(sum, 0, sizeof sum);
  memset(squares, 0, sizeof squares);
  float complex *clean = malloc((size_t)(COILS * scan_volume(&s)) * sizeof *clean);
  assert_non_null(clean);
  memcpy(clean, s.kspace, (size_t)(COILS * scan_volume(&s)) * sizeof *clean);
  for (int k = 0; k < REPLICAS; k++) {
    for (int64_t i = 0; i < COILS * scan_volume(&s); i++) {
      s.kspace[i] = clean[i] + (float complex)(sigma * random_normal(&seed));
    }
    kvox_mri_recon *recon = recon_of(context, &s, &o);
    scan_push_all(&s, recon);
    float *image = recon_images(recon, KVOX_F32, &count);
    for (int64_t i = 0; i < count; i++) {
      sum[i] += (double)image[i];
      squares[i] += (double)image[i] * (double)image[i];
      most = fmax(most, sum[i] / REPLICAS);
    }
    free(image);
    kvox_mri_recon_destroy(recon);
  }
  for (int64_t i = 0; i < count; i++) {
    if (sum[i] / REPLICAS > 0.5 * most) {
      mean += (squares[i] - sum[i] * sum[i] / REPLICAS) / (REPLICAS - 1);
      bright++;
    }
  }
  free(clean);
  kvox_mri_noise_destroy(noise);
  scan_free(&s);
  return sqrt(mean / (double)bright);
}

/* In SNR units the noise is 1, whichever way partial Fourier went: by replicas, each with noise of its own. Some ten
 * thousand independent values tell the deviation to 0.7 %. */
static void test_snr_units(void **state) {
  const int32_t rss = KVOX_MRI_ROOT_SUM_OF_SQUARES, adaptive = KVOX_MRI_ADAPTIVE;
  const noise_case cases[] = {
      {"zeros, y", 1, KVOX_MRI_ZERO_FILL, rss, 0, 1, 0.5, 0.03, 0.025},
      {"homodyne, y", 1, KVOX_MRI_HOMODYNE, rss, 0, 1, 0.5, 0.03, 0.025},
      {"homodyne, x", 0, KVOX_MRI_HOMODYNE, rss, 0, 1, 0.5, 0.03, 0.025},
      {"homodyne, y, adaptive", 1, KVOX_MRI_HOMODYNE, adaptive, 0, 1, 0.5, 0.03, 0.025},
      {"homodyne, y, Hann, finer", 1, KVOX_MRI_HOMODYNE, rss, KVOX_MRI_HANN, 0.5, 0.5, 0.03, 0.025},
      {"homodyne, y, bent", 1, KVOX_MRI_HOMODYNE, rss, 0, 1, 6, 0.03, 0.03},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const double deviation = deviation_of(*state, &cases[i]);
    printf("%s: %.4f\n", cases[i].name, deviation);
    assert_close(deviation, 1, cases[i].tolerance);
  }
}

/* What POCS makes of the noise has no closed form; where nothing is partial it has nothing to do. */
static void test_snr_units_of_pocs(void **state) {
  kvox_mri_recon *recon = NULL;
  kvox_mri_recon_options o = separate_coils();
  o.partial = KVOX_MRI_POCS;
  o.snr_units = 1;
  o.noise = KVOX_MRI_NOISE_FROM_EDGES;
  scan s = partial_scan(*state, 1);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "POCS", kvox_mri_recon_create(*state, &s.protocol, &o, &recon));
  scan_free(&s);
  s = partial_scan(*state, 0); /* which the first echo tells */
  recon = recon_of(*state, &s, &o);
  const kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 0);
  assert_fails(KVOX_ERROR_UNSUPPORTED, "POCS", kvox_mri_recon_push(recon, &r));
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
  s = partial_scan(*state, -1);
  recon = recon_of(*state, &s, &o);
  scan_push_all(&s, recon);
  free(recon_images(recon, KVOX_F32, NULL));
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_methods),    cmocka_unit_test(test_stages),
                                     cmocka_unit_test(test_other_echo), cmocka_unit_test(test_there),
                                     cmocka_unit_test(test_snr_units),  cmocka_unit_test(test_snr_units_of_pocs)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

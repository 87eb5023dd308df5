/* The centred transform against the sums themselves: axes, sizes odd and even, zeros, crops, windows, shifts. */
#include "mri/fourier_truth.h"

enum { VOLUMES = 3, ROOM = 40000 };

static float complex kspace[VOLUMES * ROOM], image[VOLUMES * ROOM];
static float magnitude[ROOM];
static double complex wanted[ROOM], coils[VOLUMES][ROOM];

/* Beyond the sums of FFTs, whose error grows with log2 of the size, factors are rounded to floats. */
static const double tolerance = 1e-6;

static void fill(float complex *data, int64_t count, uint64_t seed) {
  for (int64_t n = 0; n < count; n++) {
    data[n] = (float complex)random_normal(&seed);
  }
}

static kvox_array volumes_of(void *data, kvox_type type, int64_t volumes, const int64_t size[3]) {
  return array_of(data, type, 4, (int64_t[]){volumes, size[2], size[1], size[0]});
}

/* The largest difference, of the root mean square of what is wanted; the largest of thousands is some 5 times as large
 * as their own, and KissFFT's sums err more than FFTW's. */
static void assert_near(const char *what, const float complex *got, const double complex *right, int64_t count) {
  double most = 0, sum = 0;
  for (int64_t n = 0; n < count; n++) {
    most = fmax(most, cabs((double complex)got[n] - right[n]));
    sum += cabs(right[n]) * cabs(right[n]);
  }
  const double rms = sqrt(sum / (double)count);
  if (!(most <= 8 * tolerance * fmax(rms, 1e-3))) {
    fail_msg("%s: off by %g of %g", what, most, rms);
  }
}

static void check_magnitude(const kvox_mri_fourier *fourier, const truth *t) {
  const kvox_array in = volumes_of(kspace, KVOX_C64, VOLUMES, t->options.kspace_size);
  const int64_t *size = t->options.image_size;
  const kvox_array out = array_of(magnitude, KVOX_F32, 3, (int64_t[]){size[2], size[1], size[0]});
  assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &in, &out));
  for (int64_t n = 0; n < t->pixels; n++) {
    double sum = 0;
    for (int v = 0; v < VOLUMES; v++) {
      sum += pow(cabs(coils[v][n]), 2);
    }
    assert_close(magnitude[n], sqrt(sum), 1e-5);
  }
}

static void check(kvox_context *context, const kvox_mri_fourier_options *options) {
  const truth t = truth_of(options);
  assert_true(t.samples <= ROOM && t.pixels <= ROOM);
  kvox_mri_fourier *fourier = NULL;
  assert_ok(kvox_mri_fourier_create(context, options, &fourier));
  fill(kspace, VOLUMES * t.samples, 3);
  const kvox_array in = volumes_of(kspace, KVOX_C64, VOLUMES, t.options.kspace_size);
  const kvox_array out = volumes_of(image, KVOX_C64, VOLUMES, t.options.image_size);
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &in, &out));
  for (int v = 0; v < VOLUMES; v++) {
    truth_transform(&t, false, kspace + v * t.samples, coils[v]);
    assert_near("to_image", image + v * t.pixels, coils[v], t.pixels);
  }
  check_magnitude(fourier, &t);
  fill(image, VOLUMES * t.pixels, 4);
  assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &out, &in));
  for (int v = 0; v < VOLUMES; v++) {
    truth_transform(&t, true, image + v * t.pixels, wanted);
    assert_near("to_kspace", kspace + v * t.samples, wanted, t.samples);
  }
  kvox_mri_fourier_destroy(fourier);
}

static kvox_mri_fourier_options sizes(int32_t axes, int64_t x, int64_t y, int64_t z) {
  kvox_mri_fourier_options o;
  kvox_mri_fourier_options_init(&o);
  o.axes = axes;
  o.kspace_size[0] = x;
  o.kspace_size[1] = y;
  o.kspace_size[2] = z;
  return o;
}

/* A device meets each set of axes with sizes of one parity here, and with others in mri_fourier_ocl. */
static void test_axes(void **state) {
  for (int32_t axes = 0; axes < 8; axes++) {
    const bool thrifty = is_on_device(state);
    const kvox_mri_fourier_options even = sizes(axes, 20, 18, 16), odd = sizes(axes, 21, 17, 5);
    const kvox_mri_fourier_options one = sizes(axes, 1, 7, 1), wide = sizes(axes, 50, 3, 4), all = sizes(axes, 1, 1, 1);
    if (!thrifty || axes % 2 == 0) {
      check(*state, &even);
    }
    if (!thrifty || axes % 2 == 1) {
      check(*state, &odd);
    }
    if (!thrifty || axes == 7) {
      check(*state, &wide);
    }
    check(*state, &one);
    check(*state, &all);
  }
}

/* More pixels than samples, fewer, and cropped: each way along each axis, the parities mixed. A device has one of three
 * mixtures, in which each way still comes along each axis. */
static void test_sizes(void **state) {
  static const int64_t cuts[][3] = {{12, 20, 20}, {13, 20, 17}, {12, 21, 8}, {13, 21, 21}, {20, 12, 12},
                                    {21, 12, 7},  {20, 13, 13}, {21, 13, 6}, {16, 1, 1},   {24, 24, 12}};
  enum { CUTS = sizeof cuts / sizeof *cuts };
  const int first = is_on_device(state) ? CUTS : 0, end = is_on_device(state) ? 2 * CUTS : 3 * CUTS;
  for (int c = first; c < end; c++) {
    kvox_mri_fourier_options o = sizes(7, 9, 9, 9);
    for (int d = 0; d < 3; d++) {
      const int64_t *cut = cuts[(c + d * (1 + c / CUTS)) % CUTS];
      o.kspace_size[d] = cut[0];
      o.transform_size[d] = cut[1];
      o.image_size[d] = cut[2];
    }
    check(*state, &o);
  }
}

static void test_windows_and_shifts(void **state) {
  for (int32_t kind = KVOX_MRI_NO_WINDOW; kind <= KVOX_MRI_FERMI; kind++) {
    for (int variant = 0; variant < 4; variant++) {
      kvox_mri_fourier_options o = sizes(variant == 3 ? KVOX_MRI_X | KVOX_MRI_Y : 7, 14, 9, 6);
      for (int d = 0; d < (variant == 3 ? 2 : 3); d++) {
        o.window[d] = (kind + d * (variant & 1)) % (KVOX_MRI_FERMI + 1);
        o.shift_px[d] = variant == 0 ? 0 : 0.3 * d - 1.7;
        o.transform_size[d] = variant == 2 ? o.kspace_size[d] + 5 - 4 * d : 0;
      }
      o.window_parameter[0] = variant == 1 ? 0.8 : 0;
      o.window_parameter[1] = variant == 1 ? 0.2 : 0;
      check(*state, &o);
    }
  }
}

/* A shift by a multiple of the image is none, however large. */
static void test_whole_turns(void **state) {
  float complex samples[14], still[14], moved[14];
  uint64_t seed = 3;
  for (int i = 0; i < 14; i++) {
    samples[i] = (float complex)random_normal(&seed);
  }
  kvox_mri_fourier_options o = sizes(KVOX_MRI_X, 14, 1, 1);
  for (int k = 0; k < 2; k++) {
    kvox_mri_fourier *plan = NULL;
    o.shift_px[0] = k * 14e12;
    assert_ok(kvox_mri_fourier_create(*state, &o, &plan));
    const kvox_array in = array_of(samples, KVOX_C64, 3, (int64_t[]){1, 1, 14});
    kvox_array out = array_of(k == 0 ? still : moved, KVOX_C64, 3, (int64_t[]){1, 1, 14});
    /* What nobody steps by. */
    out.strides[0] = INT64_MAX;
    out.strides[1] = INT64_MIN + 1;
    assert_ok(kvox_mri_fourier_to_image(plan, NULL, &in, &out));
    kvox_mri_fourier_destroy(plan);
  }
  for (int i = 0; i < 14; i++) {
    assert_close(cabsf(moved[i] - still[i]), 0, 1e-6);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_axes),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_windows_and_shifts),
      cmocka_unit_test(test_whole_turns),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

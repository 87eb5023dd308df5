/* What the transform promises beside its sums: unitary, adjoint, inverse, shifts, the same bits however it is cut. */
#include "mri/fourier_truth.h"

enum { COILS = 3, ROOM = 60000 };

static float complex kspace[COILS * ROOM], image[COILS * ROOM], other[2 * COILS * ROOM];
static float magnitude[ROOM], same_magnitude[2 * ROOM];

static void fill(float complex *data, int64_t count, uint64_t seed) {
  for (int64_t n = 0; n < count; n++) {
    data[n] = (float complex)random_normal(&seed);
  }
}

static double complex dot(const float complex *a, const float complex *b, int64_t count) {
  double complex sum = 0;
  for (int64_t n = 0; n < count; n++) {
    sum += conj((double complex)a[n]) * b[n];
  }
  return sum;
}

static double norm(const float complex *a, int64_t count) { return sqrt(creal(dot(a, a, count))); }

static kvox_array volumes_of(void *data, kvox_type type, int64_t volumes, const int64_t size[3]) {
  return array_of(data, type, 4, (int64_t[]){volumes, size[2], size[1], size[0]});
}

static kvox_mri_fourier_options sizes(int64_t x, int64_t y, int64_t z) {
  kvox_mri_fourier_options o;
  kvox_mri_fourier_options_init(&o);
  o.kspace_size[0] = x;
  o.kspace_size[1] = y;
  o.kspace_size[2] = z;
  return o;
}

static kvox_mri_fourier *fourier_of(kvox_context *context, const kvox_mri_fourier_options *options) {
  kvox_mri_fourier *fourier = NULL;
  assert_ok(kvox_mri_fourier_create(context, options, &fourier));
  return fourier;
}

/* Oversampled along x, zero-filled along y, cut along z, windows and shifts. */
static kvox_mri_fourier_options everything(void) {
  kvox_mri_fourier_options o = sizes(64, 37, 13);
  static const int64_t transform[3] = {64, 50, 9}, kept[3] = {33, 45, 8};
  for (int d = 0; d < 3; d++) {
    o.transform_size[d] = transform[d];
    o.image_size[d] = kept[d];
    o.window[d] = KVOX_MRI_HAMMING + d;
    o.shift_px[d] = 1.5 - d;
  }
  return o;
}

static void check_adjoint(kvox_context *context, const kvox_mri_fourier_options *options) {
  const truth t = truth_of(options);
  kvox_mri_fourier *fourier = fourier_of(context, options);
  fill(kspace, t.samples, 1);
  fill(image, t.pixels, 2);
  float complex *forward = other, *back = other + ROOM;
  const kvox_array x = volumes_of(kspace, KVOX_C64, 1, t.options.kspace_size);
  const kvox_array y = volumes_of(image, KVOX_C64, 1, t.options.image_size);
  const kvox_array ax = volumes_of(forward, KVOX_C64, 1, t.options.image_size);
  const kvox_array ay = volumes_of(back, KVOX_C64, 1, t.options.kspace_size);
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &x, &ax));
  assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &y, &ay));
  const double complex difference = dot(forward, image, t.pixels) - dot(kspace, back, t.samples);
  assert_true(cabs(difference) < 1e-6 * norm(forward, t.pixels) * norm(image, t.pixels));
  kvox_mri_fourier_destroy(fourier);
}

static void test_adjoint(void **state) {
  const kvox_mri_fourier_options all = everything();
  check_adjoint(*state, &all);
  /* One thing at a time. */
  for (int d = 0; d < 3; d++) {
    for (int32_t window = KVOX_MRI_HANN; window <= KVOX_MRI_FERMI; window++) {
      kvox_mri_fourier_options o = sizes(20, 21, 22);
      o.window[d] = window;
      check_adjoint(*state, &o);
    }
    kvox_mri_fourier_options filled = sizes(20, 21, 22), cut = filled, cropped = filled, shifted = filled;
    filled.transform_size[d] = filled.kspace_size[d];
    filled.kspace_size[d] = 13;
    check_adjoint(*state, &filled);
    cut.transform_size[d] = cut.kspace_size[d];
    cut.kspace_size[d] = 31;
    check_adjoint(*state, &cut);
    cropped.image_size[d] = 10;
    check_adjoint(*state, &cropped);
    shifted.shift_px[d] = -2.25;
    check_adjoint(*state, &shifted);
  }
}

/* Energy is kept, and the adjoint is the inverse: with a shift too. */
static void test_unitary(void **state) {
  for (int64_t n = is_on_device(state) ? 32 : 30; n < 34; n++) {
    kvox_mri_fourier_options o = sizes(n, n + 7, n - 11);
    o.shift_px[1] = n == 32 ? 0.4 : 0;
    const int64_t samples = n * (n + 7) * (n - 11);
    kvox_mri_fourier *fourier = fourier_of(*state, &o);
    fill(kspace, samples, 5);
    const kvox_array k = volumes_of(kspace, KVOX_C64, 1, o.kspace_size);
    const kvox_array i = volumes_of(image, KVOX_C64, 1, o.kspace_size);
    const kvox_array again = volumes_of(other, KVOX_C64, 1, o.kspace_size);
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &k, &i));
    assert_close(norm(image, samples) / norm(kspace, samples), 1, 1e-6);
    assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &i, &again));
    for (int64_t s = 0; s < samples; s++) {
      assert_close(cabsf(other[s] - kspace[s]), 0, 5e-6);
    }
    kvox_mri_fourier_destroy(fourier);
  }
}

/* A smooth object: a Gaussian that is nothing at the edges of image and k-space, off the middle. */
static double gaussian(double x, double center) { return exp(-(x - center) * (x - center) / 18); }

enum { N = 48 };
static void fill_gaussians(void) {
  for (int y = 0; y < N; y++) {
    for (int x = 0; x < N; x++) {
      image[y * N + x] = (float complex)(gaussian(x, 22) * gaussian(y, 27));
    }
  }
}

/* k-space of it, then an image with other options; what is expected at pixel x, y: the object at x a + b. */
static void check_object(kvox_context *context, const kvox_mri_fourier_options *options, double step, double x0,
                         double y0) {
  const kvox_mri_fourier_options plain = sizes(N, N, 1);
  const truth t = truth_of(options);
  kvox_mri_fourier *fourier = fourier_of(context, &plain), *changed = fourier_of(context, options);
  fill_gaussians();
  const kvox_array i = volumes_of(image, KVOX_C64, 1, plain.kspace_size);
  const kvox_array k = volumes_of(kspace, KVOX_C64, 1, plain.kspace_size);
  const kvox_array o = volumes_of(other, KVOX_C64, 1, t.options.image_size);
  assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &i, &k));
  assert_ok(kvox_mri_fourier_to_image(changed, NULL, &k, &o));
  const int64_t width = t.options.image_size[0], height = t.options.image_size[1];
  for (int64_t y = 0; y < height; y++) {
    for (int64_t x = 0; x < width; x++) {
      const double wanted = gaussian(x0 + step * (double)x, 22) * gaussian(y0 + step * (double)y, 27);
      assert_close(crealf(other[y * width + x]), wanted, 2e-6);
      assert_close(cimagf(other[y * width + x]), 0, 2e-6);
    }
  }
  kvox_mri_fourier_destroy(fourier);
  kvox_mri_fourier_destroy(changed);
}

static void test_objects(void **state) {
  kvox_mri_fourier_options whole = sizes(N, N, 1), part = whole, finer = whole, cropped = whole;
  whole.shift_px[0] = 3;
  whole.shift_px[1] = -5;
  check_object(*state, &whole, 1, 3, -5);
  part.shift_px[0] = 0.37;
  part.shift_px[1] = -2.6;
  check_object(*state, &part, 1, 0.37, -2.6);
  /* Pixels half as large, the middle where it was, intensity too; odd numbers of them. */
  finer.transform_size[0] = finer.transform_size[1] = 2 * N;
  check_object(*state, &finer, 0.5, 0, 0);
  finer.image_size[0] = finer.image_size[1] = 61;
  check_object(*state, &finer, 0.5, N / 2 - 15, N / 2 - 15);
  cropped.image_size[0] = 31;
  cropped.image_size[1] = 24;
  check_object(*state, &cropped, 1, N / 2 - 15, N / 2 - 12);
}

static void run_everything(kvox_context *context, const kvox_mri_fourier_options *options, int64_t volumes) {
  const truth t = truth_of(options);
  kvox_mri_fourier *fourier = fourier_of(context, options);
  const kvox_array k = volumes_of(kspace, KVOX_C64, volumes, t.options.kspace_size);
  const kvox_array i = volumes_of(image, KVOX_C64, volumes, t.options.image_size);
  const int64_t *size = t.options.image_size;
  const kvox_array m = array_of(magnitude, KVOX_F32, 3, (int64_t[]){size[2], size[1], size[0]});
  const kvox_array back = volumes_of(other, KVOX_C64, volumes, t.options.kspace_size);
  fill(kspace, volumes * t.samples, 8);
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &k, &i));
  assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &k, &m));
  assert_ok(kvox_mri_fourier_to_kspace(fourier, NULL, &i, &back));
  kvox_mri_fourier_destroy(fourier);
}

/* Three ways of sharing the work: by volumes, by planes, within them; and one volume at a time. */
static void check_cuts(const kvox_mri_fourier_options *options) {
  static float complex first[2][COILS * ROOM];
  static float first_magnitude[ROOM];
  const truth t = truth_of(options);
  for (int32_t threads = 1; threads <= 7; threads += threads == 1 ? 1 : 5) {
    kvox_context *context = context_of_threads(threads);
    run_everything(context, options, COILS);
    const size_t images = sizeof *image * (size_t)(COILS * t.pixels),
                 samples = sizeof *other * (size_t)(COILS * t.samples);
    if (threads == 1) {
      memcpy(first[0], image, images);
      memcpy(first[1], other, samples);
      memcpy(first_magnitude, magnitude, sizeof *magnitude * (size_t)t.pixels);
    }
    assert_memory_equal(image, first[0], images);
    assert_memory_equal(other, first[1], samples);
    assert_memory_equal(magnitude, first_magnitude, sizeof *magnitude * (size_t)t.pixels);
    run_everything(context, options, 1);
    assert_memory_equal(image, first[0], sizeof *image * (size_t)t.pixels);
    assert_memory_equal(other, first[1], sizeof *other * (size_t)t.samples);
    kvox_context_destroy(context);
  }
}

/* Threads and workspaces are the CPU's; what devices promise is in mri_fourier_ocl. */
static void test_cuts(void **state) {
  if (is_on_device(state)) {
    return;
  }
  kvox_mri_fourier_options o = everything();
  check_cuts(&o);
  const kvox_mri_fourier_options flat = sizes(70, 90, 1), stack = sizes(32, 40, 11), cube = sizes(40, 41, 33);
  check_cuts(&flat);
  check_cuts(&cube);
  for (int32_t axes = 1; axes < 8; axes++) {
    o = stack;
    o.axes = axes;
    check_cuts(&o);
  }
}

/* In place, and in arrays that are turned, spread and backwards. */
static void test_places(void **state) {
  for (int32_t axes = is_on_device(state) ? 6 : 1; axes < 8; axes++) { /* of devices mri_fourier_ocl asks the others */
    kvox_mri_fourier_options o = sizes(33, 20, 18);
    o.axes = axes;
    const int64_t samples = 33 * 20 * 18;
    kvox_mri_fourier *fourier = fourier_of(*state, &o);
    fill(kspace, COILS * samples, 9);
    const kvox_array k = volumes_of(kspace, KVOX_C64, COILS, o.kspace_size);
    const kvox_array i = volumes_of(image, KVOX_C64, COILS, o.kspace_size);
    const kvox_array m = array_of(magnitude, KVOX_F32, 3, (int64_t[]){18, 20, 33});
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &k, &i));
    assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &k, &m));
    /* [x][y][volume][z], each second sample, x from the end. */
    kvox_array loose = k;
    const int64_t step = 2 * (int64_t)sizeof *other;
    loose.strides[1] = step;
    loose.strides[0] = 18 * step;
    loose.strides[2] = COILS * 18 * step;
    loose.strides[3] = -20 * COILS * 18 * step;
    loose.data = (char *)other - 32 * loose.strides[3];
    kvox_array loose_m = m;
    for (int d = 0; d < 3; d++) {
      loose_m.strides[d] *= 2;
    }
    loose_m.data = same_magnitude;
    assert_ok(kvox_array_copy(&k, &loose));
    assert_ok(kvox_mri_fourier_to_magnitude(fourier, NULL, &loose, &loose_m));
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &loose, &loose));
    assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &k, &k));
    assert_memory_equal(kspace, image, sizeof *image * (size_t)(COILS * samples));
    assert_ok(kvox_array_copy(&loose, &k));
    assert_memory_equal(kspace, image, sizeof *image * (size_t)(COILS * samples));
    for (int64_t n = 0; n < samples; n++) {
      assert_memory_equal(&same_magnitude[2 * n], &magnitude[n], sizeof *magnitude);
    }
    kvox_mri_fourier_destroy(fourier);
  }
}

/* Stages are told, and what it takes is what the plan says; less memory gives the same bits. */
static void test_memory(void **state) {
  if (is_on_device(state)) {
    return;
  }
  kvox_context *context = context_of_threads(3);
  kvox_mri_fourier_options o = everything();
  run_everything(context, &o, COILS);
  memcpy(other, image, sizeof image);
  kvox_mri_fourier *fourier = fourier_of(context, &o);
  kvox_memory_use use, less;
  assert_ok(kvox_mri_fourier_memory(fourier, &use));
  kvox_mri_fourier_destroy(fourier);
  o.memory_limit = 1000;
  assert_fails(KVOX_ERROR_MEMORY_LIMIT, "kvox_mri_fourier_create", kvox_mri_fourier_create(context, &o, &fourier));
  for (o.memory_limit = use.workspace - 1; kvox_mri_fourier_create(context, &o, &fourier) == KVOX_OK;
       o.memory_limit = less.workspace - 1) {
    kvox_workspace *workspace = NULL;
    const truth t = truth_of(&o);
    const kvox_array k = volumes_of(kspace, KVOX_C64, COILS, t.options.kspace_size);
    const kvox_array i = volumes_of(image, KVOX_C64, COILS, t.options.image_size);
    assert_ok(kvox_mri_fourier_memory(fourier, &less));
    assert_true(less.workspace <= o.memory_limit);
    assert_ok(kvox_workspace_create(context, &workspace));
    assert_ok(kvox_mri_fourier_to_image(fourier, workspace, &k, &i));
    assert_string_equal(kvox_workspace_stage_name(workspace, 0), "fourier");
    assert_true(kvox_workspace_bytes(workspace) <= less.workspace);
    assert_memory_equal(image, other, sizeof *image * (size_t)(COILS * t.pixels));
    kvox_workspace_destroy(workspace);
    kvox_mri_fourier_destroy(fourier);
  }
  kvox_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adjoint), cmocka_unit_test(test_unitary), cmocka_unit_test(test_objects),
      cmocka_unit_test(test_cuts),    cmocka_unit_test(test_places),  cmocka_unit_test(test_memory),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

/*
 * Partial Fourier of exact k-space of ellipses whose phase is smooth: 1, 2 and 3 axes, against what full k-space gives.
 * The phase is that of the object itself, a sum of plane waves, which shift its k-space.
 */
#define _XOPEN_SOURCE 700 /* Bessel functions */
#include "support.h"

enum { N = 128, MOST = 2 * N * N };

static float complex kspace[MOST], full[MOST], found[MOST], again[MOST];

typedef struct ellipse {
  double x, y, a, b, value;
} ellipse;

/* A head, in pixels of 128. */
static const ellipse head[] = {
    {0, 0, 46, 56, 1},  {0, 2, 42, 51, -0.4},  {14, 0, 7, 20, -0.25}, {-14, 0, 10, 25, -0.25}, {0, -22, 13, 16, 0.3},
    {0, 6, 3, 3, 0.35}, {-5, 38, 3, 1.5, 0.3}, {6, 38, 1.5, 3, 0.3},  {20, -30, 5, 5, 0.5},    {-22, -28, 2.5, 6, 0.5}};

/* The transform of an ellipse at k (cycles over n): area 2 J1(r) / r. */
static double complex ellipse_at(const ellipse *e, double kx, double ky, double nx, double ny) {
  const double u = 2 * pi * kx / nx, v = 2 * pi * ky / ny, r = sqrt(pow(u * e->a, 2) + pow(v * e->b, 2));
  const double shape = r < 1e-6 ? 1 : 2 * j1(r) / r;
  return e->value * pi * e->a * e->b * shape * cexp(-I * (u * e->x + v * e->y));
}

/* Waves of the object's phase factor exp(i (0.8 sin(2 pi x / nx) + 0.7 cos(2 pi y / ny) + 0.4)), by Bessel functions;
 * the rest, below 1e-3 each, is left out. */
static double complex sample(int64_t kx, int64_t ky, int64_t nx, int64_t ny, double strength) {
  enum { WAVES = 5 };
  static const double complex turns[4] = {1, I, -1, -I};
  double complex sum = 0;
  for (int p = -WAVES; p <= WAVES; p++) {
    for (int q = -WAVES; q <= WAVES; q++) {
      const double complex wave = jn(p, 0.8 * strength) * jn(q, 0.7 * strength) * turns[q & 3];
      if (cabs(wave) < 1e-3) {
        continue;
      }
      for (size_t e = 0; e < sizeof head / sizeof head[0]; e++) {
        sum += wave * ellipse_at(&head[e], (double)kx - p, (double)ky - q, (double)nx, (double)ny);
      }
    }
  }
  return sum * cexp(0.4 * I) / sqrt((double)(nx * ny));
}

static void make_head(int64_t nx, int64_t ny, double strength) {
  static float complex made[N * N];
  static double made_for[3];
  const double wanted[3] = {(double)nx, (double)ny, strength};
  if (memcmp(made_for, wanted, sizeof wanted) != 0) {
    memcpy(made_for, wanted, sizeof wanted);
    for (int64_t i = 0; i < nx * ny; i++) {
      made[i] = (float complex)sample(i % nx - nx / 2, i / nx - ny / 2, nx, ny, strength);
    }
  }
  memcpy(kspace, made, (size_t)(nx * ny) * sizeof *kspace);
}

static kvox_mri_partial_options options_of(int32_t method, int64_t nx, int64_t ny, int64_t nz) {
  kvox_mri_partial_options options;
  kvox_mri_partial_options_init(&options);
  options.method = method;
  options.size[0] = nx;
  options.size[1] = ny;
  options.size[2] = nz;
  return options;
}

static void run(kvox_context *context, const kvox_mri_partial_options *options, int64_t coils, float complex *out) {
  const int64_t shape[4] = {coils, options->size[2], options->size[1], options->size[0]};
  kvox_mri_partial *partial = NULL;
  const kvox_array in = array_of(kspace, KVOX_C64, 4, shape), images = array_of(out, KVOX_C64, 4, shape);
  assert_ok(kvox_mri_partial_create(context, options, &partial));
  assert_ok(kvox_mri_partial_to_image(partial, NULL, &in, &images));
  kvox_mri_partial_destroy(partial);
}

static void run_full(kvox_context *context, const kvox_mri_partial_options *options, int64_t coils) {
  const kvox_mri_partial_options whole =
      options_of(KVOX_MRI_ZERO_FILL, options->size[0], options->size[1], options->size[2]);
  run(context, &whole, coils, full);
}

/* Of complex images; and of their magnitudes. */
static double nrmse(const float complex *image, int64_t count, bool magnitude) {
  double error = 0, power = 0;
  for (int64_t i = 0; i < count; i++) {
    const double d = magnitude ? (double)cabsf(image[i]) - (double)cabsf(full[i]) : (double)cabsf(image[i] - full[i]);
    error += d * d;
    power += pow(cabsf(full[i]), 2);
  }
  return sqrt(error / power);
}

/* Parts of k-space along y, from either side, and along x: the error at most half of zero-filling's, of complex images
 * and of magnitudes, and the intensity that of the full image. */
static void test_parts(void **state) {
  make_head(N, N, 1);
  for (int i = 0; i < 9; i++) {
    const int eighths = 5 + i / 3, side = i % 3, axis = side == 2 ? 0 : 1;
    double error[4], magnitude[4];
    for (int32_t way = 0; way < 4; way++) {
      kvox_mri_partial_options options = options_of(way == 3 ? KVOX_MRI_HOMODYNE : way, N, N, 1);
      options.weighting = way == 3 ? KVOX_MRI_WEIGHTS_RAMP : KVOX_MRI_WEIGHTS_STEP;
      options.first[axis] = side == 1 ? 0 : N - N * eighths / 8;
      options.last[axis] = side == 1 ? N * eighths / 8 - 1 : 0;
      run_full(*state, &options, 1);
      run(*state, &options, 1, found);
      error[way] = nrmse(found, N * N, false);
      magnitude[way] = nrmse(found, N * N, true);
      double sum = 0, full_sum = 0;
      for (int n = 0; n < N * N; n++) {
        sum += (double)cabsf(found[n]) * cabsf(full[n]);
        full_sum += (double)cabsf(full[n]) * cabsf(full[n]);
      }
      assert_close(sum / full_sum, 1, way == 3 ? 0.025 : 0.01);
    }
    printf(
        "%d/8, side %d: zeros %.4f (of magnitudes %.4f), homodyne %.4f (%.4f), with a ramp %.4f (%.4f), POCS %.4f "
        "(%.4f)\n",
        eighths, side, error[0], magnitude[0], error[1], magnitude[1], error[3], magnitude[3], error[2], magnitude[2]);
    for (int way = 1; way < 3; way++) {
      assert_true(error[way] < 0.5 * error[0]);
      assert_true(magnitude[way] < 0.5 * magnitude[0]);
    }
  }
}

/* Noise of 2 % of the head in each pixel, and a rougher phase, of twice as many radians: still better. */
static void test_harder(void **state) {
  for (int hard = 0; hard < 2; hard++) {
    make_head(N, N, hard == 0 ? 1 : 2);
    kvox_mri_partial_options options = options_of(KVOX_MRI_ZERO_FILL, N, N, 1);
    run_full(*state, &options, 1);
    uint64_t seed = 4;
    for (int i = 0; i < N * N && hard == 0; i++) {
      kspace[i] += (float complex)(0.02 * random_normal(&seed));
    }
    double error[3];
    for (int32_t way = 0; way < 3; way++) {
      options.method = way;
      options.first[1] = N / 4;
      run(*state, &options, 1, found);
      error[way] = nrmse(found, N * N, false);
    }
    printf("%s: zeros %.4f, homodyne %.4f, POCS %.4f\n", hard == 0 ? "noise" : "rough phase", error[0], error[1],
           error[2]);
    assert_true(error[1] < 0.85 * error[0] && error[2] < 0.85 * error[0]);
  }
}

/* POCS of both axes, odd sizes; samples as measured stay, those beyond reach are zero; the phase is right. */
static void test_two_axes(void **state) {
  enum { NX = 121, NY = 105 };
  make_head(NX, NY, 1);
  kvox_mri_partial_options options = options_of(KVOX_MRI_POCS, NX, NY, 1);
  run_full(*state, &options, 1);
  options.first[0] = 24;
  options.first[1] = 5; /* 47 before the middle, 25 after it: lines 5 to 99 come out */
  options.last[1] = 77;
  run(*state, &options, 1, found);
  const double error = nrmse(found, NX * NY, false);
  double phase = 0, weight = 0;
  for (int i = 0; i < NX * NY; i++) {
    if (cabsf(full[i]) > 0.3f) {
      phase += pow(cargf(found[i] * conjf(full[i])), 2);
      weight++;
    }
  }
  options.method = KVOX_MRI_ZERO_FILL;
  run(*state, &options, 1, again);
  const double zeros = nrmse(again, NX * NY, false);
  printf("two axes: zeros %.4f, POCS %.4f, its phase %.4f rad\n", zeros, error, sqrt(phase / weight));
  assert_true(error < 0.55 * zeros);
  assert_true(sqrt(phase / weight) < 0.02);
  options.method = KVOX_MRI_POCS;
  kvox_mri_partial *partial = NULL;
  assert_ok(kvox_mri_partial_create(*state, &options, &partial));
  const kvox_array in = array_of(kspace, KVOX_C64, 3, (int64_t[]){1, NY, NX});
  const kvox_array out = array_of(found, KVOX_C64, 3, (int64_t[]){1, NY, NX});
  assert_ok(kvox_mri_partial_to_kspace(partial, NULL, &in, &out));
  kvox_mri_partial_destroy(partial);
  double filled = 0;
  for (int y = 0; y < NY; y++) {
    for (int x = 0; x < NX; x++) {
      const float complex z = found[y * NX + x];
      if (x >= 24 && y >= 5 && y <= 77) {
        assert_memory_equal(&z, &kspace[y * NX + x], sizeof z);
      } else if (y < 5 || y > 99) {
        assert_true(z == 0);
      } else {
        filled += cabsf(z) > 0;
      }
    }
  }
  assert_true(filled > 0.99 * (95 * NX - 73 * (NX - 24)));
}

/* Two coils of three partitions, of which partial z; the other two axes hybrid or not give the same. Bits do not depend
 * on threads, on coils beside, on strides or place. */
static void test_volumes(void **state) {
  enum { NX = 40, NY = 36, NZ = 10, VOLUME = NX * NY * NZ };
  static float complex turned[MOST];
  for (int64_t i = 0; i < 2 * VOLUME; i++) {
    const int64_t x = i % NX - NX / 2, y = i / NX % NY - NY / 2, z = i / (NX * NY) % NZ - NZ / 2, c = i / VOLUME;
    const double along_z = z == 0 ? 4 : sin(0.4 * pi * (double)z) / (0.1 * pi * (double)z) + 0.3;
    kspace[i] = (float complex)(sample(3 * x, 3 * y, 3 * NX, 3 * NY, 0) * along_z * cexp(0.2 * I * (double)(z + c)));
  }
  kvox_mri_partial_options options = options_of(KVOX_MRI_POCS, NX, NY, NZ);
  options.last[2] = 7;
  options.first[1] = 8;
  options.iterations = 12;
  run(*state, &options, 2, found);
  kvox_context *one = context_of_threads(1);
  run(one, &options, 2, again);
  assert_memory_equal(found, again, 2 * VOLUME * sizeof *found);
  run(one, &options, 1, again);
  assert_memory_equal(found, again, VOLUME * sizeof *found);
  kvox_context_destroy(one);
  kvox_mri_partial *partial = NULL;
  kvox_workspace *workspace = NULL;
  kvox_memory_use memory;
  assert_ok(kvox_workspace_create(*state, &workspace));
  assert_ok(kvox_mri_partial_create(*state, &options, &partial));
  assert_ok(kvox_mri_partial_memory(partial, &memory));
  memcpy(again, kspace, 2 * VOLUME * sizeof *kspace);
  const kvox_array place = array_of(again, KVOX_C64, 4, (int64_t[]){2, NZ, NY, NX});
  assert_ok(kvox_mri_partial_to_image(partial, workspace, &place, &place));
  assert_memory_equal(found, again, 2 * VOLUME * sizeof *found);
  assert_int_equal(kvox_workspace_bytes(workspace), memory.workspace);
  kvox_array strided = array_of(turned, KVOX_C64, 4, (int64_t[]){2, NZ, NY, NX});
  strided.strides[0] = 8;
  strided.strides[1] = 16 * NX * NY;
  strided.strides[2] = 16;
  strided.strides[3] = 16 * NY;
  const kvox_array in = array_of(kspace, KVOX_C64, 4, (int64_t[]){2, NZ, NY, NX});
  assert_ok(kvox_mri_partial_to_image(partial, workspace, &in, &strided));
  for (int64_t i = 0; i < 2 * VOLUME; i++) {
    const int64_t x = i % NX, y = i / NX % NY, z = i / (NX * NY) % NZ, c = i / VOLUME;
    assert_memory_equal(&turned[((z * NX + x) * NY + y) * 2 + c], &found[i], sizeof *found);
  }
  kvox_mri_partial_destroy(partial);
  kvox_workspace_destroy(workspace);
}

static void transform(kvox_context *context, int32_t axes, const kvox_array *array, bool to_image) {
  kvox_mri_fourier_options options;
  kvox_mri_fourier *fourier = NULL;
  kvox_mri_fourier_options_init(&options);
  options.axes = axes;
  for (int a = 0; a < 3; a++) {
    options.kspace_size[a] = array->shape[array->rank - 1 - a];
  }
  assert_ok(kvox_mri_fourier_create(context, &options, &fourier));
  assert_ok(to_image ? kvox_mri_fourier_to_image(fourier, NULL, array, array)
                     : kvox_mri_fourier_to_kspace(fourier, NULL, array, array));
  kvox_mri_fourier_destroy(fourier);
}

/* Hybrid data, an image along x already, give the image that k-space gives; completed k-space transforms to that image.
 * Rounding: 1e-5 of the largest pixel, about 1. */
static void test_hybrid(void **state) {
  for (int32_t method = KVOX_MRI_ZERO_FILL; method <= KVOX_MRI_POCS; method++) {
    make_head(N, N, 1);
    kvox_mri_partial_options options = options_of(method, N, N, 1);
    options.first[1] = N / 4;
    options.transition = method == KVOX_MRI_POCS ? 4 : 0;
    run(*state, &options, 1, found);
    for (int hybrid = 0; hybrid < 2; hybrid++) {
      const kvox_array array = array_of(hybrid ? kspace : again, KVOX_C64, 3, (int64_t[]){1, N, N});
      const kvox_array in = array_of(kspace, KVOX_C64, 3, (int64_t[]){1, N, N});
      kvox_mri_partial *partial = NULL;
      if (hybrid) {
        transform(*state, KVOX_MRI_X, &array, true);
        options.axes = KVOX_MRI_Y;
      }
      assert_ok(kvox_mri_partial_create(*state, &options, &partial));
      assert_ok(kvox_mri_partial_to_kspace(partial, NULL, &in, &array));
      kvox_mri_partial_destroy(partial);
      transform(*state, hybrid ? KVOX_MRI_Y : KVOX_MRI_X | KVOX_MRI_Y, &array, true);
      for (int i = 0; i < N * N; i++) {
        assert_true(cabsf(found[i] - (hybrid ? kspace : again)[i]) < 1e-5f);
      }
    }
  }
}

/* An axis of which as much is missing on either side is no partial one: it comes out as from zeros there, whole. */
static void test_even_axis(void **state) {
  for (int32_t method = KVOX_MRI_HOMODYNE; method <= KVOX_MRI_POCS; method++) {
    make_head(N, N, 1);
    kvox_mri_partial_options options = options_of(method, N, N, 1);
    options.first[0] = N / 4;
    options.first[1] = 9;
    options.last[1] = N - 9;
    options.transition = method == KVOX_MRI_POCS ? 4 : 0;
    run(*state, &options, 1, found);
    memset(kspace, 0, 9 * N * sizeof *kspace);
    memset(kspace + (N - 8) * N, 0, 8 * N * sizeof *kspace);
    options.first[1] = options.last[1] = 0;
    run(*state, &options, 1, again);
    assert_memory_equal(found, again, N * N * sizeof *found);
  }
}

/* Between what was measured and what was found, `transition` samples deep. */
static void test_transition(void **state) {
  make_head(N, N, 1);
  kvox_mri_partial_options options = options_of(KVOX_MRI_POCS, N, N, 1);
  options.first[1] = N / 4;
  options.transition = 3;
  kvox_mri_partial *partial = NULL;
  assert_ok(kvox_mri_partial_create(*state, &options, &partial));
  const kvox_array in = array_of(kspace, KVOX_C64, 3, (int64_t[]){1, N, N});
  const kvox_array out = array_of(found, KVOX_C64, 3, (int64_t[]){1, N, N});
  assert_ok(kvox_mri_partial_to_kspace(partial, NULL, &in, &out));
  kvox_mri_partial_destroy(partial);
  for (int y = N / 4; y < N; y++) {
    double change = 0;
    for (int x = 0; x < N; x++) {
      change += cabsf(found[y * N + x] - kspace[y * N + x]);
    }
    assert_true(y < N / 4 + 3 ? change > 0 : change < 1e-4 * N); /* two transforms along x round */
  }
}

static int32_t stop(void *user, double fraction) {
  double *last = user;
  assert_true(fraction >= *last && fraction <= 1);
  *last = fraction;
  return fraction > 0.3;
}

static void test_mistakes(void **state) {
  kvox_mri_partial *partial = NULL;
  kvox_mri_partial_options o = options_of(KVOX_MRI_HOMODYNE, 16, 12, 1);
  o.first[0] = 3;
  o.first[1] = 2;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "2 are partial: use POCS", kvox_mri_partial_create(*state, &o, &partial));
  o.first[0] = 9;
  assert_fails(KVOX_ERROR_ARGUMENT, "samples 9 to 15 along x", kvox_mri_partial_create(*state, &o, &partial));
  o.first[0] = 0;
  o.last[1] = 12;
  assert_fails(KVOX_ERROR_ARGUMENT, "samples 2 to 12 along y", kvox_mri_partial_create(*state, &o, &partial));
  o.last[1] = 0;
  o.axes = KVOX_MRI_X;
  assert_fails(KVOX_ERROR_ARGUMENT, "which is an image already", kvox_mri_partial_create(*state, &o, &partial));
  o.axes = 9;
  assert_fails(KVOX_ERROR_ARGUMENT, "axes is 9", kvox_mri_partial_create(*state, &o, &partial));
  o.axes = 0;
  o.method = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "method is 3", kvox_mri_partial_create(*state, &o, &partial));
  o.method = KVOX_MRI_POCS;
  o.tolerance = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "tolerance is nan", kvox_mri_partial_create(*state, &o, &partial));
  o.tolerance = 0;
  o.size[2] = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "size[2] is 0", kvox_mri_partial_create(*state, &o, &partial));
  o.size[2] = 1;
  assert_ok(kvox_mri_partial_create(*state, &o, &partial));
  make_head(16, 12, 1);
  kvox_array in = array_of(kspace, KVOX_C64, 3, (int64_t[]){1, 12, 16});
  const kvox_array out = array_of(found, KVOX_C64, 3, (int64_t[]){1, 12, 16});
  const kvox_array other = array_of(found, KVOX_C64, 3, (int64_t[]){1, 12, 15});
  const kvox_array over = array_of(kspace + 1, KVOX_C64, 3, (int64_t[]){1, 12, 16});
  assert_fails(KVOX_ERROR_SIZE, "its shape is", kvox_mri_partial_to_image(partial, NULL, &in, &other));
  assert_fails(KVOX_ERROR_ARGUMENT, "overlap", kvox_mri_partial_to_image(partial, NULL, &in, &over));
  kspace[16] = NAN; /* line 1 was not measured */
  assert_ok(kvox_mri_partial_to_image(partial, NULL, &in, &out));
  kspace[5 * 16 + 4] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "at z 0, y 5, x 4", kvox_mri_partial_to_image(partial, NULL, &in, &out));
  in.rank = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 2, must be at least 3", kvox_mri_partial_to_image(partial, NULL, &in, &out));
  kspace[5 * 16 + 4] = 1;
  in.rank = 3;
  kvox_workspace *workspace = NULL;
  double last = 0;
  assert_ok(kvox_workspace_create(*state, &workspace));
  kvox_workspace_set_progress(workspace, stop, &last);
  kvox_mri_partial_destroy(partial);
  o.tolerance = 1e-30; /* all iterations */
  assert_ok(kvox_mri_partial_create(*state, &o, &partial));
  assert_fails(KVOX_ERROR_CANCELLED, "cancelled", kvox_mri_partial_to_image(partial, workspace, &in, &out));
  assert_true(last > 0.3 && last < 0.6);
  kvox_workspace_destroy(workspace);
  kvox_mri_partial_destroy(partial);
  kvox_mri_partial_destroy(NULL);
}

int main(void) {
  /* Those that share the head's k-space one after the other: it takes most of the time. */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts),     cmocka_unit_test(test_hybrid),   cmocka_unit_test(test_transition),
      cmocka_unit_test(test_even_axis), cmocka_unit_test(test_harder),   cmocka_unit_test(test_volumes),
      cmocka_unit_test(test_two_axes),  cmocka_unit_test(test_mistakes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

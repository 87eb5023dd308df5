/*
 * Partial Fourier of exact k-space of ellipses whose phase is smooth: 1, 2 and 3 axes, against what full k-space gives.
 * The phase is that of the object itself, a sum of plane waves, which shift its k-space.
 */
#define _XOPEN_SOURCE 700 /* Bessel functions */
#include "support.h"

enum { N = 128, MOST = 3 * N * N };

static float complex kspace[MOST], full[MOST], found[MOST];

typedef struct ellipse {
  double x, y, a, b, value;
} ellipse;

/* A head, in pixels of 128. */
static const ellipse head[] = {{0, 0, 46, 56, 1},     {0, 2, 42, 51, -0.4},    {14, 0, 7, 20, -0.25}, {-14, 0, 10, 25, -0.25},
                               {0, -22, 13, 16, 0.3}, {0, 6, 3, 3, 0.35},      {-5, 38, 3, 1.5, 0.3}, {6, 38, 1.5, 3, 0.3},
                               {20, -30, 5, 5, 0.5},  {-22, -28, 2.5, 6, 0.5}};

/* The transform of an ellipse at k (cycles over n): area 2 J1(r) / r. */
static double complex ellipse_at(const ellipse *e, double kx, double ky, double nx, double ny) {
  const double u = 2 * pi * kx / nx, v = 2 * pi * ky / ny, r = sqrt(pow(u * e->a, 2) + pow(v * e->b, 2));
  const double shape = r < 1e-6 ? 1 : 2 * j1(r) / r;
  return e->value * pi * e->a * e->b * shape * cexp(-I * (u * e->x + v * e->y));
}

/* Waves of the object's phase factor exp(i (0.8 sin(2 pi x / nx) + 0.7 cos(2 pi y / ny) + 0.4)), by Bessel functions; the
 * rest is below 1e-4. */
static double complex sample(int64_t kx, int64_t ky, int64_t nx, int64_t ny, double strength) {
  enum { WAVES = 5 };
  static const double complex turns[4] = {1, I, -1, -I};
  double complex sum = 0;
  for (int p = -WAVES; p <= WAVES; p++) {
    for (int q = -WAVES; q <= WAVES; q++) {
      const double complex wave = jn(p, 0.8 * strength) * jn(q, 0.7 * strength) * turns[q & 3];
      if (cabs(wave) < 1e-5) {
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
  for (int64_t i = 0; i < nx * ny; i++) {
    kspace[i] = (float complex)sample(i % nx - nx / 2, i / nx - ny / 2, nx, ny, strength);
  }
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

/* Parts of k-space along y, from either side, and along x: the error at most half of zero-filling's. */
static void test_parts(void **state) {
  make_head(N, N, 1);
  for (int eighths = 5; eighths <= 7; eighths++) {
    for (int side = 0; side < 3; side++) {
      double error[4];
      for (int32_t way = 0; way < 4; way++) {
        kvox_mri_partial_options options = options_of(way == 3 ? KVOX_MRI_HOMODYNE : way, N, N, 1);
        options.weighting = way == 3 ? KVOX_MRI_WEIGHTS_RAMP : KVOX_MRI_WEIGHTS_STEP;
        const int axis = side == 2 ? 0 : 1;
        options.first[axis] = side == 1 ? 0 : N - N * eighths / 8;
        options.last[axis] = side == 1 ? N * eighths / 8 - 1 : 0;
        run_full(*state, &options, 1);
        run(*state, &options, 1, found);
        error[way] = nrmse(found, N * N, false);
        printf("%s%.4f (magnitude %.4f)", way == 0 ? "" : ", ", error[way], nrmse(found, N * N, true));
      }
      printf(": zero-filled, homodyne, POCS, homodyne with a ramp, %d/8 side %d\n", eighths, side);
      if (eighths == 6) {
        assert_true(error[1] < 0.5 * error[0]);
        assert_true(error[2] < 0.5 * error[0]);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

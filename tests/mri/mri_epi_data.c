/* EPI of a phantom, from both raw files of the same scan: how much of the ghost is left, and whether the picture is
 * round. Its middle 80 of 160 pixels along x are the field of view of 200 mm; the phantom fills a circle around the
 * middle with a radius of 37 pixels, so that its ghost, 40 lines away, shows in the corners. */
#include "epi_scan.h"
#include "kvox/io.h"

enum { X = SCAN_SAMPLES, Y = SCAN_LINES, C = SCAN_COILS };

static float complex hybrid[C][1][Y][X], navigators[SCAN_NAVIGATORS][C][X], corrected[C][1][Y][X], image[C][1][Y][X];

typedef struct region {
  int x0, x1, y0, y1; /* the last ones not included; x counts all 160 pixels */
} region;

/* Outside the phantom (at least 4 pixels), inside its ghost; and outside both, at the same distance and nearby, so that
 * Gibbs' ringing and the noise of the coils are alike. */
static const region ghosts[4] = {{45, 53, 0, 10}, {108, 115, 0, 10}, {45, 53, 72, 80}, {108, 115, 72, 80}};
static const region airs[4] = {{36, 42, 12, 26}, {119, 125, 12, 26}, {36, 42, 54, 68}, {119, 125, 54, 68}};
static const region object = {60, 100, 50, 70};

static double power(const region *regions, int count) {
  double sum = 0, pixels = 0;
  for (int r = 0; r < count; r++) {
    for (int y = regions[r].y0; y < regions[r].y1; y++) {
      for (int x = regions[r].x0; x < regions[r].x1; x++, pixels++) {
        for (int c = 0; c < C; c++) {
          const double a = cabsf(image[c][0][y][x]);
          sum += a * a;
        }
      }
    }
  }
  return sum / pixels;
}

static double ghost_ratio(void) { return sqrt(fmax(power(ghosts, 4) - power(airs, 4), 0) / power(&object, 1)); }

static kvox_mri_fourier *transform_along(kvox_context *context, int32_t axis, int64_t y) {
  kvox_mri_fourier_options options;
  kvox_mri_fourier *fourier = NULL;
  kvox_mri_fourier_options_init(&options);
  options.axes = axis;
  options.kspace_size[0] = X;
  options.kspace_size[1] = y;
  options.kspace_size[2] = 1;
  assert_ok(kvox_mri_fourier_create(context, &options, &fourier));
  return fourier;
}

/* Readouts to lines along x of the picture. */
static void make_hybrid(kvox_context *context, const epi_scan *scan) {
  kvox_mri_ramp *ramp = NULL;
  assert_ok(kvox_mri_ramp_create(context, &scan->protocol.ramps, SCAN_SAMPLES, X, &ramp));
  printf("ramps: %d pixels, noise %.3f\n", (int)kvox_mri_ramp_pixels(ramp), kvox_mri_ramp_noise_gain(ramp));
  for (int l = 0; l < Y + SCAN_NAVIGATORS; l++) {
    const bool navigator = l >= Y;
    kvox_array in = array_of(navigator ? (void *)scan->navigators[l - Y] : (void *)scan->lines[l], KVOX_C64, 2,
                             (int64_t[]){C, SCAN_SAMPLES});
    kvox_array out =
        array_of(navigator ? (void *)navigators[l - Y] : (void *)&hybrid[0][0][l][0], KVOX_C64, 2, (int64_t[]){C, X});
    out.strides[0] = navigator ? (int64_t)sizeof navigators[0][0] : (int64_t)sizeof hybrid[0];
    assert_ok(
        kvox_mri_ramp_apply(ramp, NULL, navigator ? scan->navigator_reversed[l - Y] : scan->reversed[l], &in, &out));
  }
  kvox_mri_ramp_destroy(ramp);
  kvox_mri_fourier *x = transform_along(context, KVOX_MRI_X, Y);
  const kvox_array lines = array_of(hybrid, KVOX_C64, 4, (int64_t[]){C, 1, Y, X});
  assert_ok(kvox_mri_fourier_to_image(x, NULL, &lines, &lines));
  kvox_mri_fourier_destroy(x);
  x = transform_along(context, KVOX_MRI_X, C);
  const kvox_array navigator_lines = array_of(navigators, KVOX_C64, 4, (int64_t[]){SCAN_NAVIGATORS, 1, C, X});
  assert_ok(kvox_mri_fourier_to_image(x, NULL, &navigator_lines, &navigator_lines));
  kvox_mri_fourier_destroy(x);
}

static double corrected_ratio(kvox_context *context, const epi_scan *scan, const kvox_mri_ghost *found,
                              const char *what) {
  const kvox_array in = array_of(hybrid, KVOX_C64, 4, (int64_t[]){C, 1, Y, X});
  const kvox_array out = array_of(corrected, KVOX_C64, 4, (int64_t[]){C, 1, Y, X});
  const kvox_array picture = array_of(image, KVOX_C64, 4, (int64_t[]){C, 1, Y, X});
  assert_ok(kvox_mri_ghost_apply(context, NULL, found, scan->reversed, &in, &out));
  kvox_mri_fourier *y = transform_along(context, KVOX_MRI_Y, Y);
  assert_ok(kvox_mri_fourier_to_image(y, NULL, &out, &picture));
  kvox_mri_fourier_destroy(y);
  const double ratio = ghost_ratio();
  printf("%s: ghost %.2f %%", what, 100 * ratio);
  for (int c = 0; c < C; c++) {
    printf("; coil %d: %.3f rad %+.5f rad/px, gain %+.5f/px", c, found[c].constant_rad, found[c].linear_rad_per_px,
           found[c].log_gain_per_px);
  }
  printf("\n");
  return ratio;
}

static void write_picture(const char *name) {
  const char *folder = getenv("KVOX_EPI_PICTURES");
  if (folder == NULL) {
    return;
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.pgm", folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  double most = 0;
  static double root[Y][X];
  for (int i = 0; i < Y * X; i++) {
    double sum = 0;
    for (int c = 0; c < C; c++) {
      sum += pow(cabsf((&image[c][0][0][0])[i]), 2);
    }
    (&root[0][0])[i] = sqrt(sum);
    most = fmax(most, sqrt(sum));
  }
  fprintf(file, "P5 %d %d 255\n", X / 2, Y);
  for (int y = 0; y < Y; y++) {
    for (int x = X / 4; x < 3 * X / 4; x++) {
      fputc((int)(255 * sqrt(root[y][x] / most)), file);
    }
  }
  fclose(file);
}

static void check_scan(kvox_context *context, const char *name) {
  static epi_scan scan;
  if (!epi_scan_read(context, name, &scan)) {
    return;
  }
  make_hybrid(context, &scan);
  const kvox_array lines = array_of(hybrid, KVOX_C64, 4, (int64_t[]){C, 1, Y, X});
  const kvox_array navigator_lines = array_of(navigators, KVOX_C64, 3, (int64_t[]){SCAN_NAVIGATORS, C, X});
  const kvox_mri_ghost none[C] = {{0}};
  kvox_mri_ghost navigated[C], found[C];
  printf("%s\n", name);
  const double left = corrected_ratio(context, &scan, none, "as measured");
  assert_ok(kvox_mri_ghost_from_navigators(context, NULL, &navigator_lines, scan.navigator_reversed, navigated));
  const double by_navigators = corrected_ratio(context, &scan, navigated, "navigators");
  assert_ok(kvox_mri_ghost_from_image(context, NULL, &lines, scan.reversed, NULL, found));
  const double by_image = corrected_ratio(context, &scan, found, "image");
  assert_ok(kvox_mri_ghost_from_image(context, NULL, &lines, scan.reversed, navigated, found));
  const double by_both = corrected_ratio(context, &scan, found, "both");
  write_picture(name);
  assert_true(left > 0.1 && by_navigators < left);
  assert_true(by_image < 0.02);
  assert_true(by_both < 0.02);
}

static void test_ismrmrd(void **state) { check_scan(*state, "epi_phantom_2ch.h5"); }
static void test_twix(void **state) { check_scan(*state, "siemens_ve_epi.dat"); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ismrmrd), cmocka_unit_test(test_twix)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

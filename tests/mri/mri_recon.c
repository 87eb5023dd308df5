/* Readouts of every form that scanners send become the images that sums written out say. */
#include "mri/scan.h"

/* Random samples of variance 1: images too; floats and transforms of some hundred samples leave this much. */
static const double rounding = 2e-6;

static void check(kvox_context *context, scan *s, const kvox_mri_recon_options *o) {
  kvox_mri_recon *recon = recon_of(context, s, o);
  int64_t lines = 0, expected = 0;
  scan_push_all(s, recon);
  kvox_mri_recon_progress(recon, &lines, &expected);
  assert_int_equal(lines, expected);
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(s, o, NULL, images, rounding);
  free(images);
  kvox_mri_recon_destroy(recon);
}

static void test_sizes(void **state) {
  const int sizes[][3] = {{16, 12, 1}, {15, 11, 1}, {8, 6, 5}, {9, 1, 1}, {1, 4, 1}};
  const kvox_mri_recon_options o = separate_coils();
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    scan s = scan_of(3, sizes[i][0], sizes[i][1], sizes[i][2]);
    scan_fill(&s, 1 + i);
    check(*state, &s, &o);
    scan_free(&s);
  }
}

/* Twice oversampled readouts; lines and partitions beyond the image; pixels smaller and larger than samples. */
static void test_spaces(void **state) {
  kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 20, 12, 6);
  scan_image(&s, 0, 10, 1);
  scan_image(&s, 1, 9, 1);
  scan_image(&s, 2, 4, 1);
  scan_fill(&s, 11);
  check(*state, &s, &o);
  o.oversampled = 1;
  check(*state, &s, &o);
  o.oversampled = 0;
  o.image_size[0] = 16;
  o.image_size[1] = 18;
  check(*state, &s, &o);
  o.image_size[0] = 7;
  o.image_size[1] = 6;
  check(*state, &s, &o);
  o.shift_px[0] = 1.5;
  o.shift_px[1] = -2.25;
  o.shift_px[2] = 0.5;
  check(*state, &s, &o);
  scan_free(&s);
}

/* Lines of zeros where nothing was measured: k = 0 is not in the middle of what was. */
static void test_partial(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 16, 12, 6);
  s.samples = 11;
  s.center = 3;
  s.protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, 7, 2};
  s.protocol.limits[KVOX_MRI_STEP_2] = (kvox_mri_limits){2, 5, 4};
  scan_fill(&s, 21);
  check(*state, &s, &o);
  scan_free(&s);
}

static void test_reversed(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 16, 6, 1);
  s.samples = 13;
  s.center = 6;
  s.discard_before = 1;
  s.discard_after = 3;
  scan_fill(&s, 31);
  check(*state, &s, &o);
  s.flags = KVOX_MRI_REVERSE;
  check(*state, &s, &o);
  scan_free(&s);
}

/* Writers that leave the centre at 0. */
static void test_centre_not_told(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(1, 16, 4, 1);
  scan_fill(&s, 35);
  s.center = 0;
  check(*state, &s, &o);
  scan_free(&s);
}

static void test_order(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 10, 7, 3);
  s.frames = 2;
  s.slices = 3;
  scan_fill(&s, 41);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  /* 17 and the number of readouts have no common factor. */
  const int all = s.frames * s.slices * 3 * 7;
  for (int i = 0; i < all; i++) {
    const int at = i * 17 % all;
    scan_push(&s, recon, at / 63, at / 21 % 3, at / 7 % 3, at % 7);
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, rounding);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* Frames: repetition, phase, set, contrast, the last fastest; limits need not begin at 0. */
static void test_frames(void **state) {
  static const int axes[4] = {KVOX_MRI_REPETITION, KVOX_MRI_PHASE, KVOX_MRI_SET, KVOX_MRI_CONTRAST};
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(1, 4, 1, 1);
  scan_fill(&s, 51);
  for (int a = 0; a < 4; a++) {
    s.protocol.limits[axes[a]] = (kvox_mri_limits){a, a + 1 + a % 2, 0};
  }
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  const int sizes[4] = {2, 3, 2, 3};
  for (int frame = 0; frame < 36; frame++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, 0, 0);
    for (int a = 3, rest = frame; a >= 0; rest /= sizes[a--]) {
      r.counters[axes[a]] = a + rest % sizes[a];
    }
    for (int n = 0; n < 4; n++) {
      s.line[n] = n == 2 ? (float)frame : 0;
    }
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  int64_t count = 0;
  float complex *images = recon_images(recon, KVOX_C64, &count);
  assert_int_equal(count, 36 * 4);
  for (int i = 0; i < 36 * 4; i++) {
    assert_close(cabs((double complex)images[i] - i / 4 / 2.0), 0, 36 * rounding);
  }
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* Averages are averaged, also where a line has more of them than another. */
static void test_averages(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 8, 6, 1);
  s.protocol.limits[KVOX_MRI_AVERAGE].last = 3;
  scan_fill(&s, 61);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int32_t y = 0; y < 6; y++) {
    for (int a = 0; a <= (y % 2 == 0 ? 3 : 1); a++) {
      kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
      const double all = y % 2 == 0 ? 4 : 2, factor = 1 + (a - (all - 1) / 2);
      r.counters[KVOX_MRI_AVERAGE] = a;
      for (int i = 0; i < 2 * 8; i++) {
        s.line[i] *= (float)factor;
      }
      assert_ok(kvox_mri_recon_push(recon, &r));
    }
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, 4 * rounding);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* At any moment: what did not come is zero. Asking changes nothing. */
static void test_any_moment(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 8, 6, 2), part = scan_of(2, 8, 6, 2);
  s.slices = part.slices = 2;
  scan_fill(&s, 71);
  scan_fill(&part, 71);
  memset(part.kspace, 0, (size_t)(4 * scan_volume(&part)) * sizeof *part.kspace);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int i = -1; i < 24; i++) {
    if (i >= 0) {
      scan_push(&s, recon, 0, i % 2, i / 12, i / 2 % 6);
      for (int c = 0; c < 2; c++) {
        memcpy(scan_row(&part, 0, i % 2, c, i / 12, i / 2 % 6), scan_row(&s, 0, i % 2, c, i / 12, i / 2 % 6),
               8 * sizeof *s.kspace);
      }
    }
    float complex *images = recon_images(recon, KVOX_C64, NULL);
    scan_compare(&part, &o, NULL, images, rounding);
    free(images);
  }
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
  scan_free(&part);
}

/* Slices as they lie along their axis, however they are numbered and measured. */
static void test_slices(void **state) {
  static const double positions_mm[4] = {7, -3, 12, 2};
  static const int order[4] = {1, 3, 0, 2};
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 6, 5, 1);
  s.slices = 4;
  scan_fill(&s, 81);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int i = 0; i < 20; i++) {
    const int slice = (2 * i + i / 2 % 2) % 4;
    kvox_mri_readout r = scan_readout(&s, 0, slice, 0, i / 4);
    for (int d = 0; d < 3; d++) {
      const double axes[3][3] = {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}};
      r.read_axis[d] = axes[0][d];
      r.phase_axis[d] = axes[1][d];
      r.slice_axis[d] = axes[2][d];
    }
    r.position_mm[0] = 1;
    r.position_mm[1] = positions_mm[slice];
    r.position_mm[2] = -1;
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  kvox_grid grid;
  double origins[12];
  scan_compare(&s, &o, order, images, rounding);
  assert_ok(kvox_mri_recon_grid(recon, &grid, origins));
  for (int i = 0; i < 4; i++) {
    /* Voxel (3, 2) of the slice lies at its position: x goes along z, y along x. */
    assert_close(origins[3 * i], 1 - 2 * 2, 1e-12);
    assert_close(origins[3 * i + 1], positions_mm[order[i]], 1e-12);
    assert_close(origins[3 * i + 2], -1 - 3 * 2, 1e-12);
  }
  assert_close(grid.spacing_mm[2], 5, 1e-12);
  assert_close(grid.axes[2][1], 1, 1e-12);
  assert_close(grid.axes[0][2], 1, 1e-12);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* A point's k-space: its image lies where the grid says that it was. */
static void test_point(void **state) {
  kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(1, 24, 10, 6);
  scan_image(&s, 0, 12, 1);
  scan_image(&s, 1, 16, 0.5);
  scan_fill(&s, 91);
  s.protocol.image_mm[1] = 16;
  o.shift_px[0] = 2;
  o.shift_px[1] = -3;
  o.shift_px[2] = 1;
  /* 3, 2 and -2 voxels from the middle of the slab, at (5, 6, 7) mm, along its axes. */
  const double offset_mm[3] = {3 * 2, 2 * 1, -2 * 4}, middle_mm[3] = {5, 6, 7};
  const double axes[3][3] = {{0, 0.6, 0.8}, {-1, 0, 0}, {0, 0.8, -0.6}};
  for (int64_t i = 0; i < scan_volume(&s); i++) {
    const double k[3] = {(double)(i % 24 - 12), (double)(i / 24 % 10 - 5), (double)(i / 240 - 3)};
    double turns = 0;
    for (int a = 0; a < 3; a++) {
      turns += k[a] * offset_mm[a] / s.protocol.encoded_mm[a];
    }
    s.kspace[i] = (float complex)cexp(-2 * pi * I * turns);
  }
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int i = 0; i < 60; i++) {
    kvox_mri_readout r = scan_readout(&s, 0, 0, i / 10, i % 10);
    memcpy(r.position_mm, middle_mm, sizeof middle_mm);
    memcpy(r.read_axis, axes[0], sizeof axes[0]);
    memcpy(r.phase_axis, axes[1], sizeof axes[1]);
    memcpy(r.slice_axis, axes[2], sizeof axes[2]);
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  int64_t count = 0, most = 0;
  kvox_grid grid;
  float complex *image = recon_images(recon, KVOX_C64, &count);
  assert_ok(kvox_mri_recon_grid(recon, &grid, NULL));
  assert_int_equal(count, grid.size[0] * grid.size[1] * grid.size[2]);
  for (int64_t i = 0; i < count; i++) {
    most = cabsf(image[i]) > cabsf(image[most]) ? i : most;
  }
  const double index[3] = {(double)(most % grid.size[0]), (double)(most / grid.size[0] % grid.size[1]),
                           (double)(most / grid.size[0] / grid.size[1])};
  for (int d = 0; d < 3; d++) {
    double is = grid.origin_mm[d], must = middle_mm[d];
    for (int a = 0; a < 3; a++) {
      is += grid.axes[a][d] * grid.spacing_mm[a] * index[a];
      must += axes[a][d] * offset_mm[a];
    }
    assert_close(is, must, 1e-9);
  }
  free(image);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

/* Readouts of other uses have no part, whatever they hold; those for both uses do. */
static void test_uses(void **state) {
  const uint32_t out[] = {KVOX_MRI_CALIBRATION, KVOX_MRI_OTHER_USE, KVOX_MRI_PHASE_CORRECTION,
                          KVOX_MRI_CALIBRATION | KVOX_MRI_REVERSE | KVOX_MRI_PHASE_CORRECTION};
  const kvox_mri_recon_options o = separate_coils();
  scan s = scan_of(2, 8, 6, 1);
  scan_fill(&s, 101);
  kvox_mri_recon *recon = recon_of(*state, &s, &o);
  for (int32_t y = 0; y < 6; y++) {
    for (size_t u = 0; u < sizeof out / sizeof out[0]; u++) {
      kvox_mri_readout r = scan_readout(&s, 0, 0, 0, y);
      r.flags = out[u];
      r.counters[KVOX_MRI_AVERAGE] = 77;
      assert_ok(kvox_mri_recon_push(recon, &r));
    }
    s.flags = y % 2 == 0 ? KVOX_MRI_CALIBRATION_AND_IMAGE : KVOX_MRI_CALIBRATION_AND_IMAGE | KVOX_MRI_CALIBRATION;
    scan_push(&s, recon, 0, 0, 0, y);
  }
  kvox_mri_readout other = scan_readout(&s, 0, 0, 0, 0);
  other.encoding = 1;
  assert_ok(kvox_mri_recon_push(recon, &other));
  float complex *images = recon_images(recon, KVOX_C64, NULL);
  scan_compare(&s, &o, NULL, images, rounding);
  free(images);
  kvox_mri_recon_destroy(recon);
  scan_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sizes),           cmocka_unit_test(test_spaces), cmocka_unit_test(test_partial),
      cmocka_unit_test(test_reversed),        cmocka_unit_test(test_order),  cmocka_unit_test(test_frames),
      cmocka_unit_test(test_averages),        cmocka_unit_test(test_slices), cmocka_unit_test(test_any_moment),
      cmocka_unit_test(test_centre_not_told), cmocka_unit_test(test_point),  cmocka_unit_test(test_uses),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

/*
 * Images at any moment of a scan, of whatever it is made: those that the lines so far give, whether or not there were
 * images before, and none of them changes a later one.
 */
#include "mri/scan.h"

enum { COILS = 4, X = 20, Y = 16, Z = 6 };

typedef struct kind {
  const char *name;
  int z, slices, contrasts, averages;
  int32_t trajectory, combine, noise, partial, virtual_coils;
  int missing; /* lines before the first, of the 16; -1: samples of the echo */
} kind;

static const kind kinds[] = {
    {"2D", 1, 1, 1, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_ROOT_SUM_OF_SQUARES, KVOX_MRI_NOISE_IGNORED, 0, 0, 0},
    {"3D, adaptive", Z, 1, 1, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_ADAPTIVE, KVOX_MRI_NOISE_IGNORED, 0, 0, 0},
    {"slices, contrasts, averages", 1, 3, 2, 3, KVOX_MRI_CARTESIAN, KVOX_MRI_SEPARATE, KVOX_MRI_NOISE_IGNORED, 0, 0, 0},
    {"slices, adaptive, compressed", 1, 3, 1, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_ADAPTIVE, KVOX_MRI_NOISE_IGNORED, 0, 2,
     0},
    {"3D, edges, compressed", Z, 1, 2, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_SEPARATE, KVOX_MRI_NOISE_FROM_EDGES, 0, 2, 0},
    {"homodyne, slices", 1, 2, 1, 2, KVOX_MRI_CARTESIAN, KVOX_MRI_SEPARATE, KVOX_MRI_NOISE_IGNORED, KVOX_MRI_HOMODYNE,
     0, 4},
    {"homodyne of an echo, adaptive", 1, 2, 1, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_ADAPTIVE, KVOX_MRI_NOISE_IGNORED,
     KVOX_MRI_HOMODYNE, 0, -1},
    {"3D, POCS", Z, 1, 1, 1, KVOX_MRI_CARTESIAN, KVOX_MRI_SEPARATE, KVOX_MRI_NOISE_IGNORED, KVOX_MRI_POCS, 0, 4},
    {"EPI, slices, contrasts", 1, 3, 2, 1, KVOX_MRI_EPI, KVOX_MRI_SEPARATE, KVOX_MRI_NOISE_IGNORED, 0, 0, 0},
    {"EPI, adaptive, POCS", 1, 2, 1, 2, KVOX_MRI_EPI, KVOX_MRI_ADAPTIVE, KVOX_MRI_NOISE_IGNORED, KVOX_MRI_POCS, 0, 4},
};

static scan scan_of_kind(const kind *k) {
  scan s = scan_of(COILS, X, Y, k->z);
  s.slices = k->slices;
  s.frames = k->contrasts;
  s.protocol.trajectory = k->trajectory;
  s.protocol.limits[KVOX_MRI_AVERAGE].last = k->averages - 1;
  if (k->missing > 0) {
    s.protocol.limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, Y - 1 - k->missing, Y / 2 - k->missing};
  } else if (k->missing < 0) {
    s.samples = X * 3 / 4;
    s.center = s.samples - X / 2;
  }
  scan_fill(&s, 17);
  return s;
}

static kvox_mri_recon *recon_of_kind(kvox_context *context, const scan *s, const kind *k) {
  kvox_mri_recon_options o;
  kvox_mri_recon_options_init(&o);
  o.combine = k->combine;
  o.noise = k->noise;
  o.partial = k->partial;
  o.virtual_coils = k->virtual_coils;
  return recon_of(context, s, &o);
}

static int lines_of(const scan *s, const kind *k) {
  return (s->protocol.limits[0].last + 1) * k->z * k->slices * k->contrasts * k->averages;
}

/* Line `n`, in an order that has little of itself: slices, partitions, echoes in between each other. */
static void push_one(kvox_mri_recon *recon, scan *s, const kind *k, int n) {
  const int all = lines_of(s, k), lines = s->protocol.limits[0].last + 1;
  int step = all * 5 / 8 | 1;
  for (int a = all, b = step; b != 0;) { /* no common divisor with all */
    const int rest = a % b;
    a = b;
    b = rest;
    if (b == 0 && a != 1) {
      step += 2;
      a = all;
      b = step;
    }
  }
  int at = (int)((int64_t)n * step % all);
  const int y = at % lines, z = (at /= lines) % k->z, slice = (at /= k->z) % k->slices;
  const int contrast = (at /= k->slices) % k->contrasts, average = at / k->contrasts;
  s->flags = k->trajectory == KVOX_MRI_EPI && y % 2 == 1 ? KVOX_MRI_REVERSE : 0;
  kvox_mri_readout r = scan_readout(s, contrast, slice, z, y);
  r.counters[KVOX_MRI_AVERAGE] = average;
  r.position_mm[2] = 5.0 * slice;
  for (int i = 0; i < COILS * s->samples; i++) {
    s->line[i] *= (float)(1 + 0.1 * average); /* so that it matters which average came */
  }
  assert_ok(kvox_mri_recon_push(recon, &r));
}

static void check_kind(kvox_context *context, const kind *k) {
  scan s = scan_of_kind(k);
  const int all = lines_of(&s, k), moments[] = {0, 1, all / 5, all / 2, all - 1, all};
  kvox_mri_recon *live = recon_of_kind(context, &s, k);
  int pushed = 0;
  for (size_t m = 0; m < sizeof moments / sizeof moments[0]; m++) {
    for (; pushed < moments[m]; pushed++) {
      push_one(live, &s, k, pushed);
    }
    kvox_mri_recon *fresh = recon_of_kind(context, &s, k);
    for (int n = 0; n < moments[m]; n++) {
      push_one(fresh, &s, k, n);
    }
    int64_t count, lines;
    float complex *is = recon_images(live, KVOX_C64, &count);
    float complex *again = recon_images(live, KVOX_C64, NULL);
    float complex *must = recon_images(fresh, KVOX_C64, NULL);
    double most = 0;
    for (int64_t i = 0; i < count; i++) {
      assert_true(isfinite(crealf(is[i])) && isfinite(cimagf(is[i])));
      most = fmax(most, cabs((double complex)is[i]));
    }
    if (memcmp(is, must, (size_t)count * sizeof *is) != 0 || memcmp(is, again, (size_t)count * sizeof *is) != 0) {
      fail_msg("%s: after %d of %d lines the image depends on images before", k->name, moments[m], all);
    }
    assert_true(moments[m] == 0 ? most == 0 : most > 0);
    kvox_mri_recon_progress(live, &lines, NULL);
    assert_int_equal(lines, moments[m]);
    free(must);
    free(again);
    free(is);
    kvox_mri_recon_destroy(fresh);
  }
  kvox_mri_recon_destroy(live);
  scan_free(&s);
}

static void test_kinds(void **state) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    check_kind(*state, &kinds[i]);
  }
}

/* Lines that did not come are zero, in a slab and between slices: by sums written out. */
static void test_zeros(void **state) {
  const kvox_mri_recon_options o = separate_coils();
  for (int how = 0; how < 2; how++) {
    scan s = scan_of(2, 10, 8, how == 0 ? 4 : 1);
    s.slices = how == 0 ? 1 : 3;
    s.frames = 2;
    scan_fill(&s, 23);
    kvox_mri_recon *recon = recon_of(*state, &s, &o);
    const int depth = how == 0 ? 4 : 1;
    for (int f = 0; f < s.frames; f++) {
      for (int n = 0; n < s.slices; n++) {
        for (int i = 0; i < depth * 8; i++) {
          if ((3 * i + 5 * n + 7 * f) % 4 < 2 && (f == 0 || n == 0)) {
            scan_push(&s, recon, f, n, i / 8, i % 8);
          } else {
            for (int c = 0; c < s.coils; c++) {
              memset(scan_row(&s, f, n, c, i / 8, i % 8), 0, 10 * sizeof(float complex));
            }
          }
        }
      }
    }
    float complex *images = recon_images(recon, KVOX_C64, NULL);
    scan_compare(&s, &o, NULL, images, 2e-6);
    free(images);
    kvox_mri_recon_destroy(recon);
    scan_free(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_zeros)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

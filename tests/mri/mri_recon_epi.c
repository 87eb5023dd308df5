/*
 * EPI as a scanner would measure a phantom, pushed line by line: exact k-space where each sample was taken, to and fro,
 * on ramps, each coil delayed by its own part of a sample and turned by its own phase. What the images hold beside
 * those of the same scan without delay is the ghost.
 */
#include "mri/support.h"

enum { X = 128, Y = 64, COILS = 3, SLICES = 2, NAVIGATORS = 3, PIXELS = X / 2 };

/* A reversed line is `shift` samples and `turn` rad from a forward one: half of it to either. */
static const double shift[COILS] = {0.40, 0.48, 0.31}, turn[COILS] = {0.70, 0.64, 0.76};
static const double radius_mm = 50;

typedef struct epi {
  kvox_mri_protocol protocol;
  const char *phantom;
  float complex lines[SLICES][Y][COILS][X]; /* as they were measured, odd ones reversed */
  float complex navigators[SLICES][NAVIGATORS][COILS][X];
} epi;

static bool is_reversed(int line) { return line % 2 == 1; }

/* The samples of one line, in the order they were measured, of a coil whose clocks are off by so much. */
static void line_points(const double *positions, bool reversed, double off, double ky, double *points) {
  for (int n = 0; n < X; n++) {
    points[2 * n] = positions[reversed ? X - 1 - n : n] + (reversed ? 0.5 : -0.5) * off;
    points[2 * n + 1] = ky;
  }
}

/* The samples of Y lines and of the navigators, which lie at ky = 0 and follow each other with a decay. Slices differ
 * in brightness. */
static void measure(kvox_context *context, epi *e, const double *positions, bool ideal) {
  enum { LINES = Y + NAVIGATORS };
  static double points[LINES][X][2];
  static float complex samples[COILS][LINES][X];
  kvox_phantom *phantom = NULL;
  kvox_phantom_coils *coils = NULL;
  kvox_grid grid;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){X, Y, 1}, (double[]){2, 2, 5}, NULL));
  assert_ok(kvox_phantom_create(context, e->phantom, radius_mm, 1, &phantom));
  assert_ok(kvox_phantom_coils_create_loops(context, COILS, 1, radius_mm, &coils));
  const kvox_array at = array_of(points, KVOX_F64, 3, (int64_t[]){LINES, X, 2});
  const kvox_array out = array_of(samples, KVOX_C64, 3, (int64_t[]){COILS, LINES, X});
  for (int c = 0; c < COILS; c++) {
    const double off = ideal ? 0 : shift[c], phase = ideal ? 0 : turn[c];
    for (int l = 0; l < LINES; l++) {
      const bool reversed = l < Y ? is_reversed(l) : !is_reversed(l - Y);
      line_points(positions, reversed, off, l < Y ? l - Y / 2 : 0, &points[l][0][0]);
    }
    assert_ok(kvox_phantom_kspace_points(phantom, coils, &grid, &at, &out));
    for (int i = 0; i < SLICES * LINES * X; i++) {
      const int slice = i / (LINES * X), l = i / X % LINES, n = i % X;
      const bool reversed = l < Y ? is_reversed(l) : !is_reversed(l - Y);
      const double complex z = samples[c][l][n] * (1 - 0.3 * slice) * cexp(I * (reversed ? 0.5 : -0.5) * phase);
      if (l < Y) {
        e->lines[slice][l][c][n] = (float complex)z;
      } else {
        e->navigators[slice][l - Y][c][n] = (float complex)(z * cexp((0.15 * I - 0.03) * (l - Y)));
      }
    }
  }
  kvox_phantom_coils_destroy(coils);
  kvox_phantom_destroy(phantom);
}

static void make(kvox_context *context, epi *e, const char *phantom, bool ramps, bool ideal) {
  static const kvox_mri_protocol none;
  double positions[X];
  kvox_mri_protocol *p = &e->protocol;
  *p = none;
  e->phantom = phantom;
  p->trajectory = KVOX_MRI_EPI;
  p->coils = COILS;
  const int64_t size[3] = {X, Y, 1};
  for (int a = 0; a < 3; a++) {
    p->encoded_size[a] = size[a];
    p->image_size[a] = a == 0 ? PIXELS : size[a];
    p->encoded_mm[a] = 2.0 * (double)p->encoded_size[a];
    p->image_mm[a] = 2.0 * (double)p->image_size[a];
  }
  p->limits[KVOX_MRI_STEP_1] = (kvox_mri_limits){0, Y - 1, Y / 2};
  p->limits[KVOX_MRI_SLICE].last = SLICES - 1;
  for (int n = 0; n < X; n++) {
    positions[n] = n - X / 2;
  }
  if (ramps) { /* a third of the time on each of them */
    p->ramps = (kvox_mri_ramps){.up_us = 150, .flat_us = 150, .down_us = 150, .delay_us = 10, .samples = X};
    p->ramps.dwell_us = (450 - 2 * 10.0) / X;
    assert_ok(kvox_mri_ramp_positions(&p->ramps, X, X, positions));
  }
  measure(context, e, positions, ideal);
}

static void push(kvox_mri_recon *recon, const float complex *data, uint32_t flags, int slice, int line) {
  kvox_mri_readout r = {.flags = flags | (is_reversed(line) ? KVOX_MRI_REVERSE : 0),
                        .coils = COILS,
                        .samples = X,
                        .center_sample = X / 2,
                        .data = (const float *)data,
                        .read_axis = {1, 0, 0},
                        .phase_axis = {0, 1, 0},
                        .slice_axis = {0, 0, 1},
                        .position_mm = {0, 0, 6.0 * slice}};
  r.counters[KVOX_MRI_STEP_1] = (flags & KVOX_MRI_PHASE_CORRECTION) != 0 ? Y / 2 : line;
  r.counters[KVOX_MRI_SLICE] = slice;
  assert_ok(kvox_mri_recon_push(recon, &r));
}

static void push_navigators(kvox_mri_recon *recon, const epi *e, int slice) {
  for (int n = 0; n < NAVIGATORS; n++) {
    push(recon, &e->navigators[slice][n][0][0], KVOX_MRI_PHASE_CORRECTION, slice, n + 1); /* the first is reversed */
  }
}

static float complex *images_of(kvox_context *context, const epi *e, int32_t ghost, int32_t combine, bool navigators) {
  kvox_mri_recon_options o;
  kvox_mri_recon *recon = NULL;
  int64_t shape[5];
  kvox_array images;
  kvox_mri_recon_options_init(&o);
  o.ghost = ghost;
  /* Lines that are apart by a part of a sample end at different places, and so their ringing along x differs, whatever
   * is taken off them: the window ends it. */
  o.window[0] = KVOX_MRI_HANN;
  o.combine = combine;
  assert_ok(kvox_mri_recon_create(context, &e->protocol, &o, &recon));
  for (int slice = 0; slice < SLICES; slice++) {
    if (navigators) {
      push_navigators(recon, e, slice);
    }
    for (int y = 0; y < Y; y++) {
      push(recon, &e->lines[slice][y][0][0], 0, slice, y);
    }
  }
  assert_ok(kvox_mri_recon_shape(recon, shape));
  assert_true(shape[2] == SLICES && shape[3] == Y && shape[4] == PIXELS);
  float complex *data = malloc((size_t)(shape[1] * SLICES * Y * PIXELS) * sizeof *data);
  assert_non_null(data);
  assert_ok(kvox_array_init(&images, data, KVOX_C64, 5, shape));
  assert_ok(kvox_mri_recon_image(recon, NULL, &images));
  kvox_mri_recon_destroy(recon);
  return data;
}

/* Whether pixel y, x lies in the head's outline, larger by so many pixels. */
static bool is_inside(int y, int x, double margin) {
  const double px = 2 * (x - PIXELS / 2), py = 2 * (y - Y / 2);
  return hypot(px / (0.69 * radius_mm + 2 * margin), py / (0.92 * radius_mm + 2 * margin)) < 1;
}

/* Root mean square of what differs from the ideal where a ghost of the head stands alone, over that of the head: the
 * worst of all coils and slices. */
static double ghost_of(const float complex *is, const float complex *ideal, int coils) {
  double worst = 0;
  for (int i = 0; i < coils * SLICES; i++) {
    double left = 0, signal = 0;
    int ghosts = 0, pixels = 0;
    for (int j = 0; j < Y * PIXELS; j++) {
      const int y = j / PIXELS, x = j % PIXELS, partner = (y + Y / 2) % Y;
      const double complex a = is[i * Y * PIXELS + j], b = ideal[i * Y * PIXELS + j];
      if (is_inside(y, x, 0)) {
        signal += pow(cabs(b), 2);
        pixels++;
      } else if (!is_inside(y, x, 2) && is_inside(partner, x, -1)) {
        left += pow(cabs(a - b), 2);
        ghosts++;
      }
    }
    assert_true(ghosts > 100 && pixels > 1000);
    worst = fmax(worst, sqrt(left / ghosts) / sqrt(signal / pixels));
  }
  return worst;
}

static const struct {
  const char *name;
  int32_t ghost;
  bool navigators;
} ways[] = {{"left", KVOX_MRI_GHOST_LEFT, true},
            {"navigators", KVOX_MRI_GHOST_NAVIGATORS, true},
            {"image", KVOX_MRI_GHOST_FROM_IMAGE, true},
            {"auto", KVOX_MRI_GHOST_AUTO, true},
            {"auto without navigators", KVOX_MRI_GHOST_AUTO, false}};
enum { LEFT, NAVIGATED, WAYS = sizeof ways / sizeof ways[0] };

static void measure_ghosts(kvox_context *context, const char *phantom, bool ramps, int32_t combine,
                           double ghosts[WAYS]) {
  static epi ideal, real;
  const int coils = combine == KVOX_MRI_SEPARATE ? COILS : 1;
  make(context, &ideal, phantom, ramps, true);
  make(context, &real, phantom, ramps, false);
  float complex *truth = images_of(context, &ideal, KVOX_MRI_GHOST_LEFT, combine, false);
  for (int w = 0; w < WAYS; w++) {
    float complex *images = images_of(context, &real, ways[w].ghost, combine, ways[w].navigators);
    ghosts[w] = ghost_of(images, truth, coils);
    printf("%s, %s, %s, %s: %.3f %%\n", phantom, ramps ? "ramps" : "no ramps", coils > 1 ? "worst coil" : "combined",
           ways[w].name, 100 * ghosts[w]);
    free(images);
  }
  free(truth);
}

/* Below 0.5 % by navigators, by the image, and by both, of every coil and of what they become; the ghost is a third. */
static void test_ghost(void **state) {
  for (int how = 0; how < 3; how++) {
    double ghosts[WAYS];
    measure_ghosts(*state, "discs", how > 0, how < 2 ? KVOX_MRI_ROOT_SUM_OF_SQUARES : KVOX_MRI_SEPARATE, ghosts);
    assert_true(ghosts[LEFT] > 0.3);
    for (int w = NAVIGATED; w < WAYS; w++) {
      assert_true(ghosts[w] < 0.005);
    }
  }
}

/* A head of nine tenths of the field of view leaves few pixels where its ghost stands alone. */
static void test_tall_head(void **state) {
  double ghosts[WAYS];
  measure_ghosts(*state, "shepp-logan", true, KVOX_MRI_ROOT_SUM_OF_SQUARES, ghosts);
  assert_true(ghosts[LEFT] > 0.15);
  for (int w = NAVIGATED; w < WAYS; w++) {
    assert_true(ghosts[w] < 0.005);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ghost), cmocka_unit_test(test_tall_head)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

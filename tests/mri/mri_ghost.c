/*
 * Ghosts whose cause is known. Lines [coil][ky][x] of ellipses are exact: a column of an ellipse is a box along y,
 * whose transform is a sinc. Reversed lines are multiplied with what a ghost is; what the corrected picture holds
 * outside the object, the truth's own ringing taken off, is the ghost that is left.
 */
#include "support.h"

enum { X = 96, Y = 64, COILS = 3, NAVIGATORS = 3 };

typedef struct ellipse {
  double x, y, a, b, value; /* middle, half axes, in pixels */
} ellipse;

/* Half as high as the field of view: the ghost hardly meets the object. And 0.8 of it, with holes. */
static const ellipse small[] = {{3, -2, 30, 15, 1}, {-8, 1, 6, 5, -0.6}};
static const ellipse large[] = {{2, 1, 36, 26, 1}, {8, -4, 10, 8, -0.5}, {-14, 6, 7, 9, 0.4}, {0, 16, 20, 2, -0.9}};

typedef struct scene {
  const ellipse *ellipses;
  int count;
} scene;
static const scene scenes[2] = {{small, 2}, {large, 4}};

static float complex truth[COILS][1][Y][X], ghosted[COILS][1][Y][X], noisy[COILS][1][Y][X], corrected[COILS][1][Y][X];
static float complex image[COILS][1][Y][X], ideal[COILS][1][Y][X], navigators[NAVIGATORS][COILS][X];
static uint8_t reversed[Y];

/* Sensitivities are linear in y, which is a derivative in ky, and curved in x; each coil has a phase. */
static double complex column(const scene *s, int coil, double x, double ky) {
  double complex sum = 0;
  for (int e = 0; e < s->count; e++) {
    const ellipse *o = s->ellipses + e;
    const double across = (x - o->x) / o->a;
    if (fabs(across) >= 1) {
      continue;
    }
    /* The mean of two shifted lines: a sensitivity of cos(pi (y - y0) / (2 Y)). */
    const double half = o->b * sqrt(1 - across * across), y0 = 20.0 * (coil - 1);
    for (int sign = -1; sign <= 1; sign += 2) {
      const double w = 2 * pi * (ky + 0.25 * sign) / Y;
      const double box = fabs(w) < 1e-9 ? 2 * half : 2 * sin(w * half) / w;
      sum += 0.5 * o->value * box * cexp(-I * w * o->y) * cexp(-I * (double)sign * pi * y0 / (2 * Y));
    }
  }
  return sum / sqrt(Y) * (1 + 0.004 * (coil - 1) * x) * cexp(I * (1.1 * coil + 0.02 * x));
}

static double complex factor(const kvox_mri_ghost *g, int x, double share) {
  const double px = x - X / 2;
  return cexp(share * (g->log_gain_per_px * px + I * (g->constant_rad + g->linear_rad_per_px * px)));
}

/* Noise of standard deviation `noise` in every sample of the lines (and so of the image). */
static void make(const scene *s, const kvox_mri_ghost *ghosts, double noise, uint64_t seed) {
  for (int y = 0; y < Y; y++) {
    reversed[y] = (uint8_t)(y % 2);
  }
  for (int i = 0; i < COILS * Y * X; i++) {
    const int c = i / (Y * X), y = i / X % Y, x = i % X;
    const double complex sample = column(s, c, x - X / 2, y - Y / 2);
    truth[c][0][y][x] = (float complex)(sample * factor(&ghosts[c], x, 0.5));
    ghosted[c][0][y][x] = (float complex)(sample * (reversed[y] ? factor(&ghosts[c], x, 1) : 1));
    noisy[c][0][y][x] = ghosted[c][0][y][x] + (float complex)(noise * random_normal(&seed));
  }
  /* Off resonance, 0.2 rad from line to line, decaying by 4 %. */
  for (int i = 0; i < NAVIGATORS * COILS * X; i++) {
    const int l = i / (COILS * X), c = i / X % COILS, x = i % X;
    const double complex sample = column(s, c, x - X / 2, 0) * cexp((0.2 * I - 0.04) * l);
    navigators[l][c][x] =
        (float complex)(sample * (l % 2 ? 1 : factor(&ghosts[c], x, 1)) + noise * random_normal(&seed));
  }
}

static kvox_array lines_of(void *data) { return array_of(data, KVOX_C64, 4, (int64_t[]){COILS, 1, Y, X}); }

static void to_image(kvox_context *context, void *lines, void *picture) {
  kvox_mri_fourier_options options;
  kvox_mri_fourier *fourier = NULL;
  kvox_mri_fourier_options_init(&options);
  options.axes = KVOX_MRI_Y;
  options.kspace_size[0] = X;
  options.kspace_size[1] = Y;
  options.kspace_size[2] = 1;
  assert_ok(kvox_mri_fourier_create(context, &options, &fourier));
  const kvox_array in = lines_of(lines), out = lines_of(picture);
  assert_ok(kvox_mri_fourier_to_image(fourier, NULL, &in, &out));
  kvox_mri_fourier_destroy(fourier);
}

static bool inside(const ellipse *o, double x, double y, double margin) {
  const double u = (x - o->x) / (o->a + margin), v = (y - o->y) / (o->b + margin);
  return u * u + v * v < 1;
}

/* Root mean square of what is left where the ghost stands alone, over that of the object. */
static double ghost_left(kvox_context *context, const scene *s, const kvox_mri_ghost *found) {
  const kvox_array in = lines_of(ghosted), out = lines_of(corrected);
  assert_ok(kvox_mri_ghost_apply(context, NULL, found, reversed, &in, &out));
  to_image(context, corrected, image);
  to_image(context, truth, ideal);
  double left = 0, signal = 0;
  int ghosts = 0, objects = 0;
  for (int i = 0; i < Y * X; i++) {
    const int y = i / X, x = i % X;
    const double px = x - X / 2, py = y - Y / 2;
    const double partner = py + (py < 0 ? Y / 2 : -Y / 2);
    for (int c = 0; c < COILS; c++) {
      if (inside(s->ellipses, px, py, -2)) {
        signal += pow(cabsf(ideal[c][0][y][x]), 2);
        objects++;
      } else if (!inside(s->ellipses, px, py, 2) && inside(s->ellipses, px, partner, -2)) {
        left += pow(cabsf(image[c][0][y][x] - ideal[c][0][y][x]), 2);
        ghosts++;
      }
    }
  }
  return sqrt(left / ghosts) / sqrt(signal / objects);
}

static const kvox_mri_ghost one_ghost = {0.35, 0.021, 0};
/* As receivers differ: beside what they have in common. */
static const kvox_mri_ghost own_ghosts[COILS] = {{0.35, 0.021, 0.001}, {0.33, 0.027, 0.002}, {0.36, 0.016, 0.0015}};

typedef enum method { NAVIGATED, FROM_IMAGE, BOTH } method;
static const char *method_names[] = {"navigators", "image", "both"};

static void find(kvox_context *context, method how, kvox_mri_ghost *found) {
  const kvox_array lines = lines_of(noisy), nav = array_of(navigators, KVOX_C64, 3, (int64_t[]){NAVIGATORS, COILS, X});
  static const uint8_t navigator_reversed[NAVIGATORS] = {1, 0, 1};
  if (how != FROM_IMAGE) {
    assert_ok(kvox_mri_ghost_from_navigators(context, NULL, &nav, navigator_reversed, found));
  }
  if (how != NAVIGATED) {
    assert_ok(kvox_mri_ghost_from_image(context, NULL, &lines, reversed, how == BOTH ? found : NULL, found));
  }
}

/* The demand: below 0.5 % of the object, without noise and with noise of 5 % of the object in every pixel of each coil;
 * the ghost itself is 20 % and more. */
static void check(kvox_context *context, const kvox_mri_ghost *ghosts, double noise) {
  for (int s = 0; s < 2; s++) {
    make(&scenes[s], ghosts, noise, 3);
    const kvox_mri_ghost none[COILS] = {{0}};
    const double before = ghost_left(context, &scenes[s], none);
    assert_true(before > 0.15);
    for (method how = NAVIGATED; how <= BOTH; how++) {
      kvox_mri_ghost found[COILS];
      find(context, how, found);
      const double left = ghost_left(context, &scenes[s], found);
      printf("%s object, noise %.2f, %s: %.1f %% to %.3f %%\n", s == 0 ? "small" : "large", noise, method_names[how],
             100 * before, 100 * left);
      assert_true(left < 0.005);
    }
  }
}

static void test_common(void **state) {
  const kvox_mri_ghost ghosts[COILS] = {one_ghost, one_ghost, one_ghost};
  check(*state, ghosts, 0);
  check(*state, ghosts, 0.05);
}

static void test_own(void **state) {
  check(*state, own_ghosts, 0);
  check(*state, own_ghosts, 0.05);
}

/* Constants and slopes of all sizes, from the image alone: found to 0.02 rad anywhere in the object. */
static void test_range(void **state) {
  for (int i = 0; i < 12; i++) {
    const kvox_mri_ghost g = {-1.4 + 0.25 * i, 0.18 * sin(2.0 * i), 0};
    const kvox_mri_ghost ghosts[COILS] = {g, g, g};
    kvox_mri_ghost found[COILS];
    make(&scenes[1], ghosts, 0.05, 7);
    find(*state, FROM_IMAGE, found);
    for (int c = 0; c < COILS; c++) {
      assert_close(found[c].constant_rad, g.constant_rad, 0.02);
      assert_close(found[c].linear_rad_per_px * 36, g.linear_rad_per_px * 36, 0.03);
    }
    find(*state, NAVIGATED, found);
    for (int c = 0; c < COILS; c++) {
      assert_close(found[c].constant_rad, g.constant_rad, 0.02);
      assert_close(found[c].linear_rad_per_px * 36, g.linear_rad_per_px * 36, 0.03);
    }
  }
}

/* A coil that holds noise alone is given what is common, to half a radian at most; the others do not suffer. */
static void test_blind_coil(void **state) {
  uint64_t seed = 9;
  const kvox_mri_ghost ghosts[COILS] = {one_ghost, one_ghost, one_ghost};
  make(&scenes[1], ghosts, 0.02, 8);
  for (int i = 0; i < Y * X; i++) {
    (&noisy[1][0][0][0])[i] = (float complex)(0.02 * random_normal(&seed));
  }
  for (int i = 0; i < NAVIGATORS * X; i++) {
    navigators[i / X][1][i % X] = (float complex)(0.02 * random_normal(&seed));
  }
  for (method how = NAVIGATED; how <= BOTH; how++) {
    kvox_mri_ghost found[COILS];
    find(*state, how, found);
    printf("%s, coil of noise: %.3f rad %+.4f rad/px %+.4f\n", method_names[how], found[1].constant_rad,
           found[1].linear_rad_per_px, found[1].log_gain_per_px);
    assert_close(found[1].constant_rad, one_ghost.constant_rad, 0.5);
    assert_close(found[1].linear_rad_per_px * 48, one_ghost.linear_rad_per_px * 48, 0.5);
    assert_close(found[0].constant_rad, one_ghost.constant_rad, 0.01);
  }
}

/* Applying is linear, and undone by the opposite; in place, strided, line by line: the same bits. */
static void test_apply(void **state) {
  make(&scenes[1], own_ghosts, 0.1, 4);
  kvox_mri_ghost opposite[COILS];
  for (int c = 0; c < COILS; c++) {
    opposite[c] =
        (kvox_mri_ghost){-own_ghosts[c].constant_rad, -own_ghosts[c].linear_rad_per_px, -own_ghosts[c].log_gain_per_px};
  }
  const kvox_array in = lines_of(noisy), out = lines_of(corrected), back = lines_of(image);
  assert_ok(kvox_mri_ghost_apply(*state, NULL, own_ghosts, reversed, &in, &out));
  assert_ok(kvox_mri_ghost_apply(*state, NULL, opposite, reversed, &out, &back));
  for (int i = 0; i < COILS * Y * X; i++) {
    const int c = i / (Y * X), y = i / X % Y, x = i % X;
    const double complex expected = noisy[c][0][y][x] * factor(&own_ghosts[c], x, reversed[y] ? -0.5 : 0.5);
    assert_true(cabs(corrected[c][0][y][x] - expected) < 1e-6 * (cabs(expected) + 1e-3));
    assert_true(cabsf(image[c][0][y][x] - noisy[c][0][y][x]) < 2e-6f * (cabsf(noisy[c][0][y][x]) + 1e-3f));
  }
  for (int y = 0; y < Y; y++) {
    kvox_array line = array_of(&noisy[0][0][y][0], KVOX_C64, 4, (int64_t[]){COILS, 1, 1, X});
    line.strides[0] = sizeof noisy[0];
    assert_ok(kvox_mri_ghost_apply(*state, NULL, own_ghosts, &reversed[y], &line, &line));
  }
  assert_memory_equal(noisy, corrected, sizeof noisy);
}

static void test_threads(void **state) {
  (void)state;
  kvox_mri_ghost found[2][COILS];
  make(&scenes[1], own_ghosts, 0.05, 5);
  for (int t = 0; t < 2; t++) {
    kvox_context *context = context_of_threads(t == 0 ? 1 : 3);
    find(context, BOTH, found[t]);
    const kvox_array in = lines_of(noisy), out = lines_of(t == 0 ? corrected : image);
    assert_ok(kvox_mri_ghost_apply(context, NULL, found[t], reversed, &in, &out));
    kvox_context_destroy(context);
  }
  assert_memory_equal(found[0], found[1], sizeof found[0]);
  assert_memory_equal(corrected, image, sizeof image);
}

static void test_mistakes(void **state) {
  kvox_mri_ghost found[COILS] = {{0}};
  uint8_t other[Y] = {0};
  make(&scenes[0], own_ghosts, 0, 6);
  kvox_array lines = lines_of(noisy), out = lines_of(image);
  kvox_array nav = array_of(navigators, KVOX_C64, 3, (int64_t[]){NAVIGATORS, COILS, X});
  assert_fails(KVOX_ERROR_ARGUMENT, "all 64 lines are not reversed",
               kvox_mri_ghost_from_image(*state, NULL, &lines, other, NULL, found));
  assert_fails(KVOX_ERROR_ARGUMENT, "all 3 lines are reversed",
               kvox_mri_ghost_from_navigators(*state, NULL, &nav, (uint8_t[]){1, 1, 1}, found));
  other[5] = 7;
  assert_fails(KVOX_ERROR_ARGUMENT, "reversed[5] is 7",
               kvox_mri_ghost_from_image(*state, NULL, &lines, other, NULL, found));
  assert_fails(KVOX_ERROR_ARGUMENT, "reversed[5] is 7", kvox_mri_ghost_apply(*state, NULL, found, other, &lines, &out));
  assert_fails(KVOX_ERROR_ARGUMENT, "reversed is NULL",
               kvox_mri_ghost_from_image(*state, NULL, &lines, NULL, NULL, found));
  found[1].linear_rad_per_px = NAN;
  assert_fails(KVOX_ERROR_ARGUMENT, "start[1] is not finite",
               kvox_mri_ghost_from_image(*state, NULL, &lines, reversed, found, found));
  assert_fails(KVOX_ERROR_ARGUMENT, "ghosts[1] is not finite",
               kvox_mri_ghost_apply(*state, NULL, found, reversed, &lines, &out));
  found[1] = (kvox_mri_ghost){0, 0, 1};
  assert_fails(KVOX_ERROR_ARGUMENT, "ghosts[1] is not finite, or its gain",
               kvox_mri_ghost_apply(*state, NULL, found, reversed, &lines, &out));
  found[1] = (kvox_mri_ghost){0, 0, 0};
  noisy[2][0][7][30] = NAN;
  assert_fails(KVOX_ERROR_DATA, "at x 30 is NaN",
               kvox_mri_ghost_from_image(*state, NULL, &lines, reversed, NULL, found));
  assert_fails(KVOX_ERROR_DATA, "coil 2 at z 0, y 7, x 30",
               kvox_mri_ghost_apply(*state, NULL, found, reversed, &lines, &out));
  navigators[1][2][3] = INFINITY;
  assert_fails(KVOX_ERROR_DATA, "line 1, coil 2 at x 3",
               kvox_mri_ghost_from_navigators(*state, NULL, &nav, (uint8_t[]){1, 0, 1}, found));
  nav.rank = 2;
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 2, must be at least 3",
               kvox_mri_ghost_from_navigators(*state, NULL, &nav, (uint8_t[]){1, 0, 1}, found));
  lines.rank = 3;
  assert_fails(KVOX_ERROR_ARGUMENT, "rank 3, must be at least 4",
               kvox_mri_ghost_from_image(*state, NULL, &lines, reversed, NULL, found));
}

/* Nothing to see: nothing is changed. */
static void test_empty(void **state) {
  memset(noisy, 0, sizeof noisy);
  memset(navigators, 0, sizeof navigators);
  make(&(scene){small, 0}, own_ghosts, 0, 1);
  kvox_mri_ghost found[COILS] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
  const kvox_mri_ghost none[COILS] = {{0}};
  find(*state, BOTH, found);
  assert_memory_equal(found, none, sizeof none);
}

/* Navigators of noise alone tell nothing, as if there were none. */
static void test_noise(void **state) {
  const kvox_mri_ghost none[COILS] = {{0}};
  for (uint64_t seed = 1; seed <= 50; seed++) {
    make(&(scene){small, 0}, own_ghosts, 1, seed);
    kvox_mri_ghost found[COILS] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
    find(*state, NAVIGATED, found);
    assert_memory_equal(found, none, sizeof none);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_common),     cmocka_unit_test(test_own),   cmocka_unit_test(test_range),
      cmocka_unit_test(test_blind_coil), cmocka_unit_test(test_apply), cmocka_unit_test(test_threads),
      cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_empty), cmocka_unit_test(test_noise),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

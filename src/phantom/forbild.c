/*
 * The central section of the FORBILD head phantom: Yu, Noo, Dennerlein, Wunderlich, Lauritsch, Hornegger 2012,
 * "Simulation tools for two-dimensional experiments in x-ray computed tomography using the FORBILD head phantom", Phys
 * Med Biol 57 N237. Centimetres; densities relative to water.
 */
#include <math.h>

#include "core/fail.h"
#include "phantom/phantom.h"

static const double degree = 0.017453292519943295; /* pi / 180 */

/* A clip line keeps cos(angle) (x - x0) + sin(angle) (y - y0) < distance. */
typedef struct clip {
  double distance, angle_deg;
} clip;

typedef struct structure {
  double x, y, a, b, turn_deg, density;
  int32_t clips;
  clip clip[4];
} structure;

/* Structure 16, the protuberance at the back of the skull: a clipped part of the skull's inside (a), rounded by the tip
 * of an ellipse (b) above the line that both end on. */
static const double y_16b = -14.294530834372887;
static const double skull_cut_y = -10.71177;

static kvox_status add(kvox_phantom *phantom, const structure *s) {
  const double center[3] = {s->x, s->y, 0}, semi_axes[3] = {s->a, s->b, (double)INFINITY};
  KVOX_TRY(kvox_phantom_add_turned(phantom, s->density, center, semi_axes, s->turn_deg));
  for (int32_t i = 0; i < s->clips; i++) {
    const double angle = s->clip[i].angle_deg * degree;
    const double normal[3] = {cos(angle), sin(angle), 0};
    KVOX_TRY(kvox_phantom_cut(phantom, normal, s->clip[i].distance));
  }
  return KVOX_OK;
}

/* Structures 1 to 16 of the paper's table, in its order; the brain's inside (6) depends on the right ear. */
static kvox_status add_head(kvox_phantom *phantom, bool right_ear) {
  const structure head[] = {
      {-4.7, 4.3, 1.79989, 1.79989, 0, 0.010, 0, {{0, 0}}}, /* 1, 2: eyes */
      {4.7, 4.3, 1.79989, 1.79989, 0, 0.010, 0, {{0, 0}}},
      {-1.08, -9, 0.4, 0.4, 0, 0.0025, 0, {{0, 0}}}, /* 3, 4: low contrast spheres */
      {1.08, -9, 0.4, 0.4, 0, -0.0025, 0, {{0, 0}}},
      {0, 0, 9.6, 12, 0, 1.8, 0, {{0, 0}}},                       /* 5: skull */
      {0, 8.4, 1.8, 3.0, 0, -1.05, 0, {{0, 0}}},                  /* 7: frontal sinus */
      {1.9, 5.4, 0.41633, 1.17425, -31.07698, 0.75, 0, {{0, 0}}}, /* 8 to 11: bones about the eyes */
      {-1.9, 5.4, 0.41633, 1.17425, 31.07698, 0.75, 0, {{0, 0}}},
      {-4.3, 6.8, 1.8, 0.24, -30, 0.75, 0, {{0, 0}}},
      {4.3, 6.8, 1.8, 0.24, 30, 0.75, 0, {{0, 0}}},
      {0, -3.6, 1.8, 3.6, 0, -0.005, 0, {{0, 0}}},                                                /* 12: ventricle */
      {6.39395, -6.39395, 1.2, 0.42, 58.1, 0.005, 0, {{0, 0}}},                                   /* 13: haematoma */
      {0, 3.6, 2, 2, 0, 0.75, 4, {{1.2, 0}, {1.2, 180}, {0.27884, 90}, {0.27884, 270}}},          /* 14 */
      {0, 9.6, 1.8, 3.0, 0, 1.8, 4, {{0.60687, 90}, {0.60687, 270}, {0.2, 0}, {0.2, 180}}},       /* 15 */
      {0, 0, 9.0, 11.4, 0, 0.75, 3, {{-2.605, 15}, {-2.605, 165}, {skull_cut_y, 90}}},            /* 16a */
      {0, y_16b, 0.443194085308632, 3.892760834372886, 0, 0.75, 1, {{y_16b - skull_cut_y, 270}}}, /* 16b */
      {0, 0, 9.0, 11.4, 0, -0.75, right_ear ? 1 : 0, {{8.8874, 0}}},                              /* 6: brain */
  };
  for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
    KVOX_TRY(add(phantom, head + i));
  }
  return KVOX_OK;
}

/* Left: a resolution pattern, 16 groups of five bone discs each; columns get finer, the four rows of groups are alike.
 */
static kvox_status add_left_ear(kvox_phantom *phantom) {
  static const double diameter[4] = {0.0357, 0.0312, 0.0278, 0.0250};
  const double unit = 0.04;
  for (int32_t column = 0; column < 4; column++) {
    for (int32_t row = 0; row < 4; row++) {
      for (int32_t disc = 0; disc < 5; disc++) {
        const double radius = 0.5 * diameter[column];
        const structure s = {.x = -7.0 + 2 * column * unit,
                             .y = -1.0 + 2 * disc * diameter[column] + 12 * row * unit,
                             .a = radius,
                             .b = radius,
                             .density = 0.75};
        KVOX_TRY(add(phantom, &s));
      }
    }
  }
  return KVOX_OK;
}

/* Right: petrous bone with 53 air cells on a hexagonal lattice of 0.4 cm. */
static kvox_status add_right_ear(kvox_phantom *phantom) {
  const structure bone = {9.1, 0, 4.2, 1.8, 0, 0.75, 1, {{-0.2126, 0}}};
  KVOX_TRY(add(phantom, &bone));
  static const int32_t cells[4] = {9, 8, 8, 6}; /* in the middle row and in each outer row */
  for (int32_t row = -3; row <= 3; row++) {
    const int32_t out = row < 0 ? -row : row;
    for (int32_t i = 0; i < cells[out]; i++) {
      const structure cell = {
          .x = 8.8 - 0.4 * i - 0.2 * (out % 2), .y = 0.2 * sqrt(3) * row, .a = 0.15, .b = 0.15, .density = -1.8};
      KVOX_TRY(add(phantom, &cell));
    }
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_build_forbild_head(kvox_phantom *phantom) {
  KVOX_TRY(add_left_ear(phantom));
  KVOX_TRY(add_head(phantom, true));
  return add_right_ear(phantom);
}

kvox_status kvox_phantom_build_forbild_head_plain(kvox_phantom *phantom) { return add_head(phantom, false); }

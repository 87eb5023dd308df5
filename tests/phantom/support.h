/* What the phantom tests share: a context, reproducible random numbers, random rotations. */
#ifndef KVOX_TESTS_PHANTOM_SUPPORT_H
#define KVOX_TESTS_PHANTOM_SUPPORT_H

#include <math.h>

#include "fixture.h"
#include "kvox/kvox.h"

static const double pi = 3.14159265358979324;

static inline kvox_phantom *phantom_of(kvox_context *context, const char *name, double radius_mm) {
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_create(context, name, radius_mm, 1, &phantom));
  return phantom;
}

static inline double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static inline void random_direction(uint64_t *state, double out[3]) {
  double length;
  do {
    for (int c = 0; c < 3; c++) {
      out[c] = random_signed(state);
    }
    length = sqrt(dot(out, out));
  } while (length > 1 || length < 0.1);
  for (int c = 0; c < 3; c++) {
    out[c] /= length;
  }
}

/* Three orthogonal unit vectors. */
static inline void random_axes(uint64_t *state, double axes[3][3]) {
  random_direction(state, axes[0]);
  double along, length;
  do {
    random_direction(state, axes[1]);
    along = dot(axes[0], axes[1]);
  } while (fabs(along) > 0.9);
  for (int c = 0; c < 3; c++) {
    axes[1][c] -= along * axes[0][c];
  }
  length = sqrt(dot(axes[1], axes[1]));
  for (int c = 0; c < 3; c++) {
    axes[1][c] /= length;
  }
  for (int c = 0; c < 3; c++) {
    axes[2][c] = axes[0][(c + 1) % 3] * axes[1][(c + 2) % 3] - axes[0][(c + 2) % 3] * axes[1][(c + 1) % 3];
  }
}

#endif

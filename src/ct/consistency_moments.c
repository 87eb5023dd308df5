#include <math.h>

#include "core/fail.h"
#include "ct/angles.h"
#include "ct/consistency.h"

/* An object whose mass changes more from view to view was not seen whole by each. */
static const double steady_mass = 0.05;

/* Below this part of its greatest value a determinant is zero: the arc tells the terms not apart. */
static const double least_determinant = 1e-6;

/* Weighted sums for fitting x0 + x1 cos nb + x2 sin nb. */
typedef struct normal {
  double a[3][3], b[3], square;
} normal;

static void add(normal *n, double weight, double angle_deg, double value) {
  double wave[3] = {1, 0, 0};
  kvox_ct_cos_sin_deg(angle_deg, &wave[1], &wave[2]);
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) {
      n->a[r][c] += weight * wave[r] * wave[c];
    }
    n->b[r] += weight * wave[r] * value;
  }
  n->square += weight * value * value;
}

/* Solves for the terms from `first` on by elimination (the matrix is positive), the rest 0; false where an arc is too
 * short. `residual` is the mean square that is left. */
static bool solve(const normal *n, int first, double x[3], double *residual) {
  double a[3][4];
  double explained = 0;
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) {
      a[r][c] = n->a[r][c];
    }
    a[r][3] = n->b[r];
    x[r] = 0;
  }
  for (int i = first; i < 3; i++) {
    if (!(a[i][i] > least_determinant * n->a[0][0])) {
      return false;
    }
    for (int r = i + 1; r < 3; r++) {
      const double factor = a[r][i] / a[i][i];
      for (int c = i; c < 4; c++) {
        a[r][c] -= factor * a[i][c];
      }
    }
  }
  for (int i = 2; i >= first; i--) {
    double sum = a[i][3];
    for (int c = i + 1; c < 3; c++) {
      sum -= a[i][c] * x[c];
    }
    x[i] = sum / a[i][i];
    explained += x[i] * n->b[i];
  }
  *residual = fmax(n->square - explained, 0) / n->a[0][0];
  return true;
}

/* Mean and relative standard deviation of the mass. */
static double mass_of(const kvox_ct_sinogram *s, double *mean) {
  double sum = 0, squares = 0;
  for (int64_t v = 0; v < s->views; v++) {
    sum += s->mass[v];
  }
  *mean = sum / (double)s->views;
  for (int64_t v = 0; v < s->views; v++) {
    squares += (s->mass[v] - *mean) * (s->mass[v] - *mean);
  }
  return *mean > 0 ? sqrt(squares / (double)s->views) / *mean : 1;
}

kvox_status kvox_ct_moments_fit(const kvox_ct_sinogram *s, double angle_factor, kvox_ct_moments *moments) {
  double mean = 0, x[3], left = 0, left_with = 0, left_width = 0, width2 = 0;
  *moments = (kvox_ct_moments){.mass_part = 1};
  if (s->mass == NULL) {
    return KVOX_OK;
  }
  moments->mass_part = mass_of(s, &mean);
  if (s->edges > KVOX_CT_TRUNCATED_FROM || moments->mass_part > steady_mass) {
    return KVOX_OK;
  }
  normal center = {.square = 0}, width = {.square = 0};
  for (int64_t v = 0; v < s->views; v++) {
    const double weight = s->geometry->weights_rad[v], angle = angle_factor * s->geometry->angles_deg[v];
    const double at = s->moment[v] / s->mass[v], around = s->second[v] / s->mass[v] - at * at;
    add(&center, weight, angle, at);
    add(&width, weight, 2 * angle, around);
  }
  if (!solve(&width, 0, x, &left_width) || !solve(&center, 1, x, &left) || !solve(&center, 0, x, &left_with)) {
    return KVOX_OK;
  }
  width2 = width.b[0] / width.a[0][0];
  moments->known = width2 > 0;
  moments->distance = sqrt(left);
  moments->distance_with_offset = sqrt(left_with);
  moments->offset_px = x[0];
  moments->width = moments->known ? 0.5 * sqrt(left_width / width2) : 0;
  return KVOX_OK;
}

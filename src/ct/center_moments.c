/*
 * The centre of mass of a slice projects to c + x cos b + y sin b: its sinusoid gives c for any set of angles (Azevedo,
 * Schneberk, Fitch, Martz 1990).
 */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/angles.h"
#include "ct/center.h"

/* Below this part of its greatest possible value the determinant says that the angles do not tell c from x and y: an
 * arc of less than about 60 degrees. */
static const double least_determinant = 1e-4;

/* Root mean square distance of the centres of mass from their sinusoid, as a part of the columns: below 0.005 for
 * objects seen by 1000 photons a pixel, 0.16 for noise. */
static const double worst_fit = 0.02;

enum { CENTERS, WEIGHTS, RESIDUALS, DEGENERATE, MOMENT_SUMS };

/* Sums over the views of one row: products of w (1, cos, sin) with each other and with the first moment, w the mass. */
typedef struct normal {
  double a[3][3], b[3], moment2;
} normal;

static double determinant(double a[3][3]) {
  return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
         a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

/* Cramer's rule; false where the angles tell nothing. */
static bool solve(normal *n, double x[3]) {
  const double whole = determinant(n->a);
  if (!(whole > least_determinant * n->a[0][0] * n->a[0][0] * n->a[0][0])) {
    return false;
  }
  for (int i = 0; i < 3; i++) {
    double replaced[3][3];
    for (int r = 0; r < 3; r++) {
      for (int c = 0; c < 3; c++) {
        replaced[r][c] = c == i ? n->b[r] : n->a[r][c];
      }
    }
    x[i] = determinant(replaced) / whole;
  }
  return true;
}

static void add_view(const float *row, int64_t columns, double angle_deg, normal *n) {
  double mass = 0, moment = 0, wave[3] = {1, 0, 0};
  const double middle = 0.5 * (double)(columns - 1);
  for (int64_t i = 0; i < columns; i++) {
    mass += (double)row[i];
    moment += (double)row[i] * ((double)i - middle);
  }
  kvox_ct_cos_sin_deg(angle_deg, &wave[1], &wave[2]);
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 3; c++) {
      n->a[r][c] += mass * mass * wave[r] * wave[c];
    }
    n->b[r] += mass * moment * wave[r];
  }
  n->moment2 += moment * moment;
}

static kvox_status fit_row(void *data, int64_t index, int32_t worker) {
  const kvox_ct_center_loop *loop = data;
  const kvox_ct_center_scan *scan = loop->scan;
  float *row = (float *)(void *)(loop->scratch + (uint64_t)worker * loop->scratch_bytes);
  double *sums = loop->results + index * loop->doubles;
  normal n = {0};
  for (int64_t view = 0; view < scan->views; view++) {
    KVOX_TRY(kvox_ct_center_load(scan, index, view, row));
    kvox_ct_center_level(scan->columns, row);
    add_view(row, scan->columns, scan->order[view].angle_deg, &n);
  }
  double x[3];
  if (!solve(&n, x)) {
    sums[DEGENERATE] = 1;
    return KVOX_OK;
  }
  /* A row's c is as good as its mass is great. */
  sums[CENTERS] = n.a[0][0] * x[0];
  sums[WEIGHTS] = n.a[0][0];
  sums[RESIDUALS] = n.moment2 - (x[0] * n.b[0] + x[1] * n.b[1] + x[2] * n.b[2]);
  return KVOX_OK;
}

kvox_status kvox_ct_center_by_moments(const kvox_ct_center_scan *scan, double *center_px) {
  kvox_ct_center_loop loop = {
      .scan = scan,
      .doubles = MOMENT_SUMS,
      .scratch_bytes = (uint64_t)kvox_round_up(scan->columns * (int64_t)sizeof(float), KVOX_ALIGNMENT),
  };
  kvox_status status = kvox_ct_center_run(&loop, fit_row);
  if (status == KVOX_OK) {
    const double *sums = loop.results;
    const double middle = 0.5 * (double)(scan->columns - 1), offset = sums[CENTERS] / sums[WEIGHTS];
    const double distance = sqrt(fmax(sums[RESIDUALS], 0) / sums[WEIGHTS]);
    if (sums[DEGENERATE] == (double)scan->used_rows) {
      status = kvox_fail(KVOX_ERROR_GEOMETRY, "center: the angles span too little of a turn to tell the center");
    } else if (!(distance < worst_fit * (double)scan->columns) || fabs(offset) > middle) {
      status = kvox_fail(KVOX_ERROR_DATA,
                         "center: the steps between views are not equal, and the centers of mass follow no sinusoid");
    } else {
      *center_px = middle + offset;
    }
  }
  kvox_ct_center_release(&loop);
  return status;
}

/* Planes and rays of one view. */
#ifndef KVOX_CT_VECTORS_H
#define KVOX_CT_VECTORS_H

#include <math.h>
#include <stdbool.h>

#include "kvox/ct.h"

static inline double kvox_ct_dot(const double a[3], const double b[3]) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void kvox_ct_cross(const double a[3], const double b[3], double out[3]) {
  out[0] = a[1] * b[2] - a[2] * b[1];
  out[1] = a[2] * b[0] - a[0] * b[2];
  out[2] = a[0] * b[1] - a[1] * b[0];
}

/* Of a diverging view: the detector's unit normal, away from the source; returns the source's distance from its plane.
 */
static inline double kvox_ct_view_depth(const kvox_ct_view *view, double normal[3]) {
  double to_detector[3];
  kvox_ct_cross(view->row_step_mm, view->column_step_mm, normal);
  for (int c = 0; c < 3; c++) {
    to_detector[c] = view->detector_mm[c] - view->source_mm[c];
  }
  const double length = sqrt(kvox_ct_dot(normal, normal)), signed_depth = kvox_ct_dot(normal, to_detector);
  const double scale = (signed_depth < 0 ? -1 : 1) / length;
  for (int c = 0; c < 3; c++) {
    normal[c] *= scale;
  }
  return signed_depth * scale;
}

/* The middle of pixel (0, 0). */
static inline void kvox_ct_view_corner(const kvox_ct_view *view, int64_t rows, int64_t columns, double corner[3]) {
  for (int c = 0; c < 3; c++) {
    corner[c] = view->detector_mm[c] - 0.5 * (double)(columns - 1) * view->column_step_mm[c] -
                0.5 * (double)(rows - 1) * view->row_step_mm[c];
  }
}

/* kvox_ct_geometry_matrix of one view with one source (or a parallel beam, `parallel`). */
void kvox_ct_view_matrix(const kvox_ct_view *view, bool parallel, int64_t rows, int64_t columns, double matrix[12]);

#endif

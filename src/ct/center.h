/* Stage "center": the column that the rotation axis projects to, found in the data. */
#ifndef KVOX_CT_CENTER_H
#define KVOX_CT_CENTER_H

#include "ct/geometry.h"
#include "ct/rows.h"

typedef struct kvox_ct_center_view {
  double angle_deg;
  int64_t view;
} kvox_ct_center_view;

/* By angle, those alike as they were measured. */
void kvox_ct_center_sort(kvox_ct_center_view *views, int64_t count);

/* The projections as the methods read them. A place among the views counts from the first in order of angle, in steps.
 */
typedef struct kvox_ct_center_scan {
  kvox_context *context;
  kvox_ct_rows rows;
  int64_t views, columns;
  int64_t all_rows, used_rows; /* the used rows lie evenly among all */
  kvox_ct_center_view *order;  /* the views by angle */
  double half_turn;            /* 180 degrees in steps; 0: the steps are not equal, or too wide */
  int64_t half_views;          /* its whole steps, where nearly whole counts as whole */
  int64_t pairs;               /* views 0 ... pairs - 1 have an opposite one, half a turn on */
  bool truncated;              /* the object reaches beyond the detector */
} kvox_ct_center_scan;

/* Line integrals of the `index`th used row in the view `at` of the order. */
kvox_status kvox_ct_center_load(const kvox_ct_center_scan *scan, int64_t index, int64_t at, float *row);

/* The same at a place between views, or a little beyond the ends, by the straight line through two views. */
kvox_status kvox_ct_center_load_between(const kvox_ct_center_scan *scan, int64_t index, double place, float *row,
                                        float *spare);

/* Takes off the straight line through the means of the first and last few columns: what an uneven beam leaves. */
void kvox_ct_center_level(int64_t columns, float *row);

/* Rows of results in `doubles` a used row, worked out in parallel; `scratch_bytes` (whole cache lines) for each worker
 * at scratch + worker * scratch_bytes. */
typedef struct kvox_ct_center_loop {
  const kvox_ct_center_scan *scan;
  const void *method;
  double *results;
  int64_t doubles;
  char *scratch;
  uint64_t scratch_bytes;
} kvox_ct_center_loop;

/* Allocates results and scratch within the memory limit, runs `body` with the loop as its data for every used row and
 * adds the rows' results, in order, into the first row's. Release results and scratch whatever comes back. */
kvox_status kvox_ct_center_run(kvox_ct_center_loop *loop, kvox_body body);
void kvox_ct_center_release(kvox_ct_center_loop *loop);

/* ---- The methods ---- */

/* Opposite views, or the emptiness of the transform of a full turn stitched of two halves. Equal steps. */
kvox_status kvox_ct_center_by_phase(const kvox_ct_center_scan *scan, double *center_px);

/* Opposite views compared where both measured, for objects that reach beyond the detector. Equal steps. */
kvox_status kvox_ct_center_by_overlap(const kvox_ct_center_scan *scan, double *center_px);

/* The sinusoid that the centres of mass follow, for any angles. */
kvox_status kvox_ct_center_by_moments(const kvox_ct_center_scan *scan, double *center_px);

/* sum over k of Re(c[k] exp(2 pi i k x / length)) for x = 0 ... count - 1; c is [terms][2], terms <= length. */
kvox_status kvox_ct_center_waves(kvox_heap *heap, const double *c, int64_t terms, int64_t length, double *values,
                                 int64_t count);

#endif

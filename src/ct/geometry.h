/* The description of a scan: per view a ray direction or source, a detector and its steps. */
#ifndef KVOX_CT_GEOMETRY_H
#define KVOX_CT_GEOMETRY_H

#include "context/context.h"
#include "kvox/ct.h"

struct kvox_ct_geometry {
  kvox_context *context;
  atomic_int holders;
  int64_t views, rows, columns;
  double column_pitch_mm, row_pitch_mm; /* 1 where not known */
  bool pitch_known;
  double center_column_px, center_row_px; /* where the axis and z = 0 project to */
  double arc_gap_deg;                     /* the largest step on the circle of 180 degrees between views */
  double arc_step_deg;                    /* the mean step of the views that differ */
  double *angles_deg;                     /* as given */
  double *weights_rad;
};

/* One more holder, for a plan; kvox_ct_geometry_destroy gives it up. */
kvox_ct_geometry *kvox_ct_geometry_hold(const kvox_ct_geometry *geometry);

/* Parallel geometry onto an upright grid: voxel (i, j) of every slice meets column a i + b j + c of a view. */
typedef struct kvox_ct_line {
  double a, b, c;
} kvox_ct_line;
kvox_ct_line kvox_ct_geometry_line(const kvox_ct_geometry *geometry, int64_t view, const kvox_grid *grid);

/* The detector row that slice k of the grid lies on; may be between two. */
double kvox_ct_geometry_row(const kvox_ct_geometry *geometry, const kvox_grid *grid, int64_t k);

/* The grid is upright and every slice lies within the rows; a sentence otherwise. `name` opens it. */
kvox_status kvox_ct_geometry_check_grid(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name);

/* The views leave no gap in the half turn. */
kvox_status kvox_ct_geometry_check_arc(const kvox_ct_geometry *geometry, const char *name);

#endif

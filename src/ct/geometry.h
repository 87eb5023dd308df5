/* The description of a scan: per view a ray direction or source, a detector and its steps. */
#ifndef KVOX_CT_GEOMETRY_H
#define KVOX_CT_GEOMETRY_H

#include "context/context.h"
#include "kvox/ct.h"

struct kvox_ct_geometry {
  kvox_context *context;
  atomic_int holders;
  int32_t beam; /* KVOX_CT_PARALLEL, ... */
  int64_t views, rows, columns;
  double column_pitch_mm, row_pitch_mm; /* 1 where not known */
  bool pitch_known;
  double source_to_axis_mm, source_to_detector_mm; /* 0: parallel; means where each view was given by itself */
  double center_column_px, center_row_px;          /* where the axis and z = 0 project to */
  double arc_gap_deg;                              /* the largest step between views on the circle of their angles */
  double arc_step_deg;                             /* the mean step of the views that differ */
  double *angles_deg;                              /* as given */
  double *weights_rad;
  kvox_ct_view *described; /* each view given by itself; NULL: all follow from their angles */
};

/* An empty geometry with room for its views, held once. `described` too where asked. */
kvox_status kvox_ct_geometry_start(kvox_context *context, int64_t views, bool described, kvox_ct_geometry **geometry);

/* Sizes that fit. */
kvox_status kvox_ct_geometry_check_shape(int64_t views, int64_t rows, int64_t columns);

/* Weights, from the angles and the beam. */
kvox_status kvox_ct_geometry_weigh(kvox_ct_geometry *geometry);

/* Views this far apart measure the same rays: 180 degrees for a parallel beam, else 360. */
double kvox_ct_geometry_circle_deg(const kvox_ct_geometry *geometry);

/* The detector's pitch over that at the axis: 1 for a parallel beam. */
double kvox_ct_geometry_magnification(const kvox_ct_geometry *geometry);

/* The angles of the detector's outer edges from the ray that meets the axis: low_rad < high_rad, that of column x being
 * atan((x - center_column_px) column_pitch_mm / source_to_detector_mm). 0 for a parallel beam. */
typedef struct kvox_ct_fan {
  double low_rad, high_rad;
} kvox_ct_fan;
kvox_ct_fan kvox_ct_geometry_fan(const kvox_ct_geometry *geometry);

/* Degrees of the full circle that the views of a diverging beam measure, one step at the ends included: 360 for a full
 * turn. A short scan needs 180 and the fan angle, twice the larger side of the fan. */
double kvox_ct_geometry_arc_deg(const kvox_ct_geometry *geometry);
double kvox_ct_geometry_short_scan_deg(const kvox_ct_geometry *geometry);

/* Views that follow from their angles, of any beam. `name` opens the sentence. */
kvox_status kvox_ct_geometry_check_circular(const kvox_ct_geometry *geometry, const char *name);

/* A parallel beam whose views follow from their angles: for what does nothing else yet. `name` opens the sentence. */
kvox_status kvox_ct_geometry_check_parallel(const kvox_ct_geometry *geometry, const char *name);

/* One more holder, for a plan; kvox_ct_geometry_destroy gives it up. */
kvox_ct_geometry *kvox_ct_geometry_hold(const kvox_ct_geometry *geometry);

/* Parallel geometry onto an upright grid: voxel (i, j) of every slice meets column a i + b j + c of a view. */
typedef struct kvox_ct_line {
  double a, b, c;
} kvox_ct_line;
kvox_ct_line kvox_ct_geometry_line(const kvox_ct_geometry *geometry, int64_t view, const kvox_grid *grid);

/* The detector row that slice k of the grid lies on (of a cone, at the axis); may be between two. */
double kvox_ct_geometry_row(const kvox_ct_geometry *geometry, const kvox_grid *grid, int64_t k);

/* The grid is upright, in front of every source, and every slice lies within the rows (of a cone, at the axis); a
 * sentence otherwise. `name` opens it. */
kvox_status kvox_ct_geometry_check_grid(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name);

/* Parts of it: the grid's axes are the world's; the grid and `margin` voxels around the middles of its outer ones lie
 * in front of every source. */
kvox_status kvox_ct_geometry_check_upright(const kvox_grid *grid, const char *name);
kvox_status kvox_ct_geometry_check_sources(const kvox_ct_geometry *geometry, const kvox_grid *grid, double margin,
                                           const char *name);

/* The views leave no gap in the half turn; those of a diverging beam make a full turn or a short scan. */
kvox_status kvox_ct_geometry_check_arc(const kvox_ct_geometry *geometry, const char *name);

#endif

/*
 * Views given by themselves that stay near a circle about z: a C-arm that sags, a calibrated scanner. What all of them
 * see, and what analytic reconstruction asks of them.
 */
#ifndef KVOX_CT_ORBIT_H
#define KVOX_CT_ORBIT_H

#include "ct/geometry.h"

/* Whether the detector stands on its side: its columns run across the axis, its rows along it. */
bool kvox_ct_view_is_turned(const kvox_ct_view *view);

/*
 * The ray from the source of a view to `direction`, seen from above, as the circle of the mean distance about z has it:
 * its view and fan angle there (those of its own source where that is on the circle). What measures a line twice agrees
 * about them, however far each source stands.
 */
typedef struct kvox_ct_orbit_ray {
  double view_rad, fan_rad;
} kvox_ct_orbit_ray;
kvox_ct_orbit_ray kvox_ct_orbit_ray_of(const kvox_ct_geometry *geometry, int64_t view, const double direction[3]);

/* The edges of the detector in the plane z = 0 as kvox_ct_geometry_fan has them: those that some view reaches, those
 * that every view does, and their means. */
typedef struct kvox_ct_orbit_fan {
  kvox_ct_fan widest, narrowest, mean;
} kvox_ct_orbit_fan;
kvox_ct_orbit_fan kvox_ct_orbit_fan_of(const kvox_ct_geometry *geometry);

/*
 * How the sources' distance from the axis changes with their angle: that of a source at angle b is about r[0] + r[1]
 * cos b + r[2] sin b + r[3] cos 2b + r[4] sin 2b, fitted to all. A circle about another axis and what gravity does are
 * of this kind; differences of neighbours would be noise where a scan passes a place twice.
 */
typedef struct kvox_ct_orbit_radius {
  double r[5];
} kvox_ct_orbit_radius;
kvox_ct_orbit_radius kvox_ct_orbit_radius_of(const kvox_ct_geometry *geometry);

/* Its derivative, mm a radian. */
double kvox_ct_orbit_climb(const kvox_ct_orbit_radius *radius, double angle_deg);

/* Of the axis, what every view sees: between the middles of its outer rows. */
void kvox_ct_orbit_heights(const kvox_ct_geometry *geometry, double *low_mm, double *high_mm);

/* Their default grid: columns squared, and the slices whose rows every view has at the axis. */
kvox_status kvox_ct_orbit_grid(const kvox_ct_geometry *geometry, kvox_grid *grid);

/* Every view has a row for every slice at the axis; a sentence otherwise, which `name` opens. */
kvox_status kvox_ct_orbit_check_rows(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name);

/* Views that filtered back-projection holds for; a sentence otherwise, which `name` opens. */
kvox_status kvox_ct_orbit_check(const kvox_ct_geometry *geometry, const char *name);

#endif

/*
 * Views given by themselves that stay near a circle about z: a C-arm that sags, a calibrated scanner. What all of them
 * see, and what analytic reconstruction asks of them.
 */
#ifndef KVOX_CT_ORBIT_H
#define KVOX_CT_ORBIT_H

#include "ct/geometry.h"

/* Whether the detector stands on its side: its columns run across the axis, its rows along it. */
bool kvox_ct_view_is_turned(const kvox_ct_view *view);

/* The angle about z of a ray from the source to `direction`, from the ray to the axis on, positive towards u of a
 * circular scan. */
double kvox_ct_view_fan_rad(const kvox_ct_view *view, const double direction[3]);

/* The edges of the detector in the plane z = 0 as kvox_ct_geometry_fan has them: those that some view reaches, and
 * those that every view does. */
typedef struct kvox_ct_orbit_fan {
  kvox_ct_fan widest, narrowest;
} kvox_ct_orbit_fan;
kvox_ct_orbit_fan kvox_ct_orbit_fan_of(const kvox_ct_geometry *geometry);

/* Of the axis, what every view sees: between the middles of its outer rows. */
void kvox_ct_orbit_heights(const kvox_ct_geometry *geometry, double *low_mm, double *high_mm);

/* Their default grid: columns squared, and the slices whose rows every view has at the axis. */
kvox_status kvox_ct_orbit_grid(const kvox_ct_geometry *geometry, kvox_grid *grid);

/* Every view has a row for every slice at the axis; a sentence otherwise, which `name` opens. */
kvox_status kvox_ct_orbit_check_rows(const kvox_ct_geometry *geometry, const kvox_grid *grid, const char *name);

/* Views that filtered back-projection holds for; a sentence otherwise, which `name` opens. */
kvox_status kvox_ct_orbit_check(const kvox_ct_geometry *geometry, const char *name);

#endif

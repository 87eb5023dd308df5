/*
 * How often the scan of a diverging beam measures a ray, as continuous functions of view angle and fan angle. A ray of
 * view b at fan angle g (s = SOD sin g) comes again at b + 180 degrees - 2 g and -g; the weights of both sum to 1.
 */
#ifndef KVOX_CT_REDUNDANCY_H
#define KVOX_CT_REDUNDANCY_H

#include "ct/geometry.h"

typedef struct kvox_ct_redundancy {
  bool full_turn;
  double start_rad;   /* short scan: where the measured arc begins, half a step before the first view */
  double virtual_rad; /* half of what the arc has over 180 degrees: at least the fan's larger side */
  double near_rad;    /* full turn: the fan's smaller side */
  double edge_rad;    /* full turn: the overlap's outer part, in which weights leave 1/2 */
  double side;        /* full turn: 1 where the larger side has positive fan angles, else -1 */
} kvox_ct_redundancy;

/* Of fan and cone. KVOX_ERROR_GEOMETRY for an offset detector without a full turn. */
kvox_status kvox_ct_redundancy_make(const kvox_ct_geometry *geometry, const char *name, kvox_ct_redundancy *redundancy);

/* The weight of a ray; 0 outside the arc. */
double kvox_ct_redundancy_weight(const kvox_ct_redundancy *redundancy, double view_rad, double fan_rad);

#endif

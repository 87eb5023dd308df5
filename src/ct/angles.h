/* Angles of views: exact sines, quadrature on their circle. */
#ifndef KVOX_CT_ANGLES_H
#define KVOX_CT_ANGLES_H

#include <stdbool.h>

#include "core/heap.h"

/* Exact at every multiple of 90 degrees, whatever the number of turns. */
void kvox_ct_cos_sin_deg(double angle_deg, double *cosine, double *sine);

/* As kvox_ct_geometry_weights on a circle of 180 or 360 degrees; also the widest gap between neighbours and the mean
 * step of the rest. */
kvox_status kvox_ct_angle_weights(kvox_heap *heap, double circle_deg, const double *angles_deg, int64_t views,
                                  double *weights_rad, double *gap_deg, double *step_deg);

/* Whether the widest gap is more than a missing view or an uneven step. */
bool kvox_ct_arc_is_short(double gap_deg, double step_deg);

#endif

/* Closed-form Fourier transforms of a phantom's shapes, seen from a grid. */
#ifndef KVOX_PHANTOM_KSPACE_H
#define KVOX_PHANTOM_KSPACE_H

#include "phantom/phantom.h"

/*
 * A shape as k-space sees it, r in mm along the grid's axes from its middle voxel: an ellipsoid, or a section of one
 * (an ellipse), or an elliptic cylinder along one of the axes, cut off at both ends. Its transform at q is amount *
 * ball(2 pi sqrt(q Q q)) * sinc(q_a length) * exp(-2 pi i q . center) where ball is 3 (sin x - x cos x) / x^3 of an
 * ellipsoid, 2 J1(x) / x of an ellipse; both are 1 at 0.
 */
typedef struct kvox_kspace_shape {
  bool is_ellipsoid;
  double amount; /* density times volume (area) */
  double center[3];
  double metric[3][3]; /* Q; zero along an axis that is not the ellipse's */
  double length[3];    /* of the cylinder, along its axis; 0 along others */
} kvox_kspace_shape;

/* Those of a phantom that meet the grid; `shapes` has room for the phantom's. KVOX_ERROR_UNSUPPORTED where a transform
 * has no closed form. */
kvox_status kvox_kspace_look(const kvox_phantom *phantom, const kvox_grid *grid, kvox_kspace_shape *shapes,
                             int32_t *count);

/* All of the transform but amount and exp(...), of a shape that is no ellipsoid (phantom/ball.h has those). */
double kvox_kspace_shape_at(const kvox_kspace_shape *shape, const double q[3]);

#endif

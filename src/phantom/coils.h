/* Coils whose sensitivities are sums of complex exponentials. */
#ifndef KVOX_PHANTOM_COILS_H
#define KVOX_PHANTOM_COILS_H

#include "context/context.h"
#include "kvox/phantom.h"

enum { KVOX_PHANTOM_MOST_COILS = 1024 };

struct kvox_phantom_coils {
  kvox_context *context;
  int64_t count, terms;
  double *frequencies; /* [term][x, y, z], cycles per mm */
  double *weights;     /* [coil][term][real, imaginary] */
};

/* Of so many coils and terms, all zero. */
kvox_status kvox_phantom_coils_start(kvox_context *context, int64_t coils, int64_t terms, kvox_phantom_coils **made);

/* Where the grid's voxel (size / 2) lies, from which k-space counts its phases. */
void kvox_grid_middle(const kvox_grid *grid, double middle_mm[3]);

#endif

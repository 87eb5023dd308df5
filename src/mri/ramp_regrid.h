/* Samples on the ramps of a gradient: the matrices of kvox_mri_ramp. */
#ifndef KVOX_MRI_RAMP_REGRID_H
#define KVOX_MRI_RAMP_REGRID_H

#include <stdbool.h>

#include "context/context.h"
#include "kvox/mri_epi.h"

struct kvox_mri_ramp {
  kvox_context *context;
  int64_t samples, size;
  int64_t pixels;
  double noise_gain;
  /* Of lines as they are, and of reversed ones: [tile of the grid][sample] rows of KVOX_MRI_TILE_ROW floats, c64 with
   * imaginary parts of 0. NULL: nothing but turning. */
  float *matrices[2];
  bool is_there; /* on the context's device too; see epi_ocl.h */
  kvox_buffer *there[2];
};

/* Fills both matrices from the positions, and what is known of them. */
kvox_status kvox_mri_ramp_solve(kvox_mri_ramp *ramp, const double *positions);

/* The failure of a sample, lines counted over all leading axes. */
kvox_status kvox_mri_ramp_not_finite(int64_t sample, int64_t line);

#endif

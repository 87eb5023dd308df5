/* The adaptive maps' own parts. */
#ifndef KVOX_MRI_WALSH_H
#define KVOX_MRI_WALSH_H

#include "kvox/mri_coils.h"
#include "mri/gram.h"
#include "mri/maps.h"
#include "mri/noise.h"

/* Voxels along x that are worked on at once; with the widest window they are within a tile. */
enum { KVOX_MRI_WALSH_TILE = 32 };
_Static_assert((int)KVOX_MRI_WALSH_TILE + (int)KVOX_MRI_MOST_WINDOW <= (int)KVOX_MRI_TILE, "a tile is too short");

/* What kvox_mri_walsh_maps takes of its workspace, with the usual window, for images of this shape (whose data are not
 * looked at). */
uint64_t kvox_mri_walsh_bytes(const kvox_context *context, const kvox_array *images);

/* Scratch of the search, and what it finds: real parts, then imaginary ones. */
typedef struct kvox_mri_walsh_vectors {
  double *matrix;       /* [2][coil][coil] */
  double *found, *next; /* [2][coil] */
} kvox_mri_walsh_vectors;

/* The unit eigenvector of the largest eigenvalue of a packed matrix (gram.h), in any phase; 0 where the matrix is. */
void kvox_mri_walsh_first(int64_t coils, const double *packed, const kvox_mri_walsh_vectors *v);

#endif

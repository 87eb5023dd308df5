/* Nyquist ghosts: what lines of either direction tell of each other, and the fit to it. */
#ifndef KVOX_MRI_EPI_PRIVATE_H
#define KVOX_MRI_EPI_PRIVATE_H

#include "context/workspace.h"
#include "kvox/mri_epi.h"

/* Sums over samples of one coil at one x: conj(forward) reversed, |forward|^2, |reversed|^2. */
typedef struct kvox_mri_parity {
  double re, im, forward, reversed;
} kvox_mri_parity;

/* Both kinds of lines are there. `name` opens the sentence. */
kvox_status kvox_mri_epi_check_directions(const char *name, const uint8_t *reversed, int64_t lines);

/* What a ghost is at pixel x: log of reversed over forward, real and imaginary part. */
static inline void kvox_mri_ghost_at(const kvox_mri_ghost *g, int64_t x, int64_t size, double *log_gain,
                                     double *phase) {
  const double px = (double)(x - size / 2);
  *log_gain = g->log_gain_per_px * px;
  *phase = g->constant_rad + g->linear_rad_per_px * px;
}

/* Takes what `ghosts` explain off the sums [coil][x]. */
void kvox_mri_epi_remove(int64_t coils, int64_t size, const kvox_mri_ghost *ghosts, kvox_mri_parity *sums);

/* Adds to the ghosts what the sums [coil][x] still tell, which should be less than half a turn: a line common to all
 * coils to what is expected of each, then each coil's own to its ghost, drawn to what is expected where its fit is
 * uncertain. Both have an entry for each coil. */
void kvox_mri_epi_refine(int64_t coils, int64_t size, const kvox_mri_parity *sums, kvox_mri_ghost *expected,
                         kvox_mri_ghost *ghosts);

#endif

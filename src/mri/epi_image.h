/* Images of forward and of reversed lines, column by column. */
#ifndef KVOX_MRI_EPI_IMAGE_H
#define KVOX_MRI_EPI_IMAGE_H

#include "fft/fft.h"
#include "mri/epi.h"
#include "mri/tiles.h"

typedef struct kvox_mri_epi_lines {
  const kvox_array *hybrid; /* [.., coil, z, y, x] */
  const uint8_t *reversed;
  int64_t coils, z, y, x, planes; /* planes: z and all leading axes */
  int64_t row;                    /* floats of a padded line along y */
  const kvox_fft_plan *fft;
} kvox_mri_epi_lines;

/* Sums over coils at a pixel: the power of the picture is both + re cos(theta) + im sin(theta), theta being the phase
 * that is taken off the reversed lines. */
typedef struct kvox_mri_powers {
  double both, re, im;
} kvox_mri_powers;

/* The transform of `y` lines; sizes of lines that have hybrid, reversed and fft. */
kvox_status kvox_mri_epi_plan(kvox_context *context, int64_t y, kvox_fft_plan **fft);
void kvox_mri_epi_lines_lay_out(kvox_mri_epi_lines *lines);
uint64_t kvox_mri_epi_lines_bytes(const kvox_mri_epi_lines *lines);

/* Powers [plane][y] at x, the ghosts taken off. `block` has kvox_mri_epi_lines_bytes, aligned. */
kvox_status kvox_mri_epi_powers(const kvox_mri_epi_lines *lines, const kvox_mri_ghost *ghosts, int64_t x, void *block,
                                kvox_mri_powers *powers);

/* Sums [coil][x] at x over pixels that hold a ghost alone, the ghosts taken off: there the picture has less than
 * `alone` of the power of E and O, which is half of that of the ghost's object. */
void kvox_mri_epi_parities(const kvox_mri_epi_lines *lines, const kvox_mri_ghost *ghosts, int64_t x, double mean_power,
                           double alone, void *block, kvox_mri_parity *sums);

/* kvox_mri_ghost_from_image with a transform that was planned before: it allocates nothing once its workspace is warm.
 */
kvox_status kvox_mri_ghost_from_image_planned(kvox_context *context, kvox_workspace *workspace,
                                              const kvox_fft_plan *fft, const kvox_array *hybrid,
                                              const uint8_t *reversed, const kvox_mri_ghost *start,
                                              kvox_mri_ghost *ghosts);

#endif

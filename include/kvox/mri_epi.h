/* Kvox: echo-planar imaging: samples that were taken on the gradient's ramps, lines read to and fro, Nyquist ghosts. */
#ifndef KVOX_MRI_EPI_H
#define KVOX_MRI_EPI_H

#include <kvox/context.h>
#include <kvox/mri_readout.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The order of things: readouts, as they were measured, through kvox_mri_ramp_apply; transformed along x; the ghost is
 * estimated from these lines and taken off them; they are transformed along y. On an OpenCL device, where the context
 * has one, lines are regridded and ghosts taken off: these calls take arrays there as well as the host's. Ghosts are
 * estimated on the CPU, from the host's memory. Results are the same for any number of threads and however lines are
 * cut into calls.
 */

/* ---- Ramps, and reversed lines ---- */

/*
 * Where the samples of a readout that is not reversed lie, in steps of a grid of `size` samples, k = 0 at half of the
 * gradient's area: `positions` (`samples` numbers) are the area under the trapezoid up to delay + (n + 1/2) dwell, so
 * scaled that the first and the last are size - 1 apart, as scanners do it. Those of a reversed readout are the same
 * with the other sign. Samples before the trapezoid or after it, or a trapezoid without area, are KVOX_ERROR_ARGUMENT.
 */
KVOX_API kvox_status kvox_mri_ramp_positions(const kvox_mri_ramps *ramps, int64_t samples, int64_t size,
                                             double *positions);

/* From samples where they were taken to samples on the grid. Immutable, shared by any number of threads. Its memory on
 * a device is that of its matrices; beside it a call takes what holds some lines that are not there. */
typedef struct kvox_mri_ramp kvox_mri_ramp;

/*
 * For readouts of `samples` (2 to 1024) that become `size` samples (2 to 1024). The regularised least-squares solution
 * for an object within the middle kvox_mri_ramp_pixels of `size` pixels, which the widest gap between samples can tell
 * apart: c = D^T (D' + 1e-6 m)^-1 s, D and D' being the transforms of that window (Dirichlet's kernel) between samples
 * and grid and between samples, m the mean of D's diagonal. What lies beyond comes out as aliases: oversample.
 * `ramps` whose up, flat and down are all 0: there are no ramps, `size` is `samples`, and nothing but turning is done.
 */
KVOX_API kvox_status kvox_mri_ramp_create(kvox_context *context, const kvox_mri_ramps *ramps, int64_t samples,
                                          int64_t size, kvox_mri_ramp **ramp);
KVOX_API void kvox_mri_ramp_destroy(kvox_mri_ramp *ramp);
KVOX_API kvox_status kvox_mri_ramp_memory(const kvox_mri_ramp *ramp, kvox_memory_use *memory);

/* How many pixels in the middle an object may fill, and the root mean square over them of what noise of standard
 * deviation 1 in every sample has after the unitary transform: 1 without ramps, some 1.05 with usual ones. Noise of
 * neighbouring samples is no longer independent; beyond those pixels there is next to none. */
KVOX_API int64_t kvox_mri_ramp_pixels(const kvox_mri_ramp *ramp);
KVOX_API double kvox_mri_ramp_noise_gain(const kvox_mri_ramp *ramp);

/*
 * Readouts c64 [.., samples], as they were measured, to c64 [.., size], any strides, left to right: `reversed` (0 or 1,
 * of all of them) lines are turned. They may be the same array where the sizes are equal. Samples that are not finite
 * are KVOX_ERROR_DATA. Stage: "regrid".
 */
KVOX_API kvox_status kvox_mri_ramp_apply(const kvox_mri_ramp *ramp, kvox_workspace *workspace, int32_t reversed,
                                         const kvox_array *in, const kvox_array *out);

/* ---- Ghosts: in hybrid data c64, transformed to the image along x alone ---- */

/*
 * By what reversed lines differ from others, for one coil: at pixel x, counted from the middle (size / 2), they hold
 * exp(log_gain_per_px x + i (constant_rad + linear_rad_per_px x)) times as much. Phases come of eddy currents and
 * delays of the gradient, and of the coil's receiver, whose filter sees the frequencies of a reversed line with the
 * other sign: hence one for each coil, and the gain. Fixed: this struct does not grow.
 */
typedef struct kvox_mri_ghost {
  double constant_rad, linear_rad_per_px, log_gain_per_px;
} kvox_mri_ghost;

/*
 * From navigators [.., line, coil, x], at least 2 lines in the order they were measured, each reversed (1) or not (0)
 * as `reversed` (one byte a line) says; leading axes are summed over. A line is compared with the mean of its
 * neighbours of the other direction, which takes off what changes evenly from line to line (Heid 1997: of three, the
 * second with the mean of the first and third). The phase's line is fitted over x with the weight |product|, to all
 * coils together, then to each, drawn to the common one by as much as the coil's fit is uncertain. `ghosts`: one for
 * each coil. Navigators without signal, or of which the lines agree no better than noise does, give zeros. Stage:
 * "ghost".
 */
KVOX_API kvox_status kvox_mri_ghost_from_navigators(kvox_context *context, kvox_workspace *workspace,
                                                    const kvox_array *navigators, const uint8_t *reversed,
                                                    kvox_mri_ghost *ghosts);

/*
 * From the image's lines [.., coil, z, y, x] themselves; `reversed` has a byte for each y, leading axes and z share
 * the ghosts. First the phase common to all coils that makes the entropy of the root sum of squares least (Clare 2003;
 * Atkinson et al. 1997), among |constant| <= pi / 2 and |linear| <= 6 pi / size away from `start`; then each coil's
 * phase and gain from pixels that hold a ghost alone (Buonocore and Gao 1997), drawn to the common one as above.
 * `start`: one for each coil, as navigators gave them, or NULL: zeros. An image whose ghost is shifted by half the
 * field of view is as good as itself: without navigators, the constant must be within pi / 2 of `start`. Lines of zeros
 * count as not measured. `ghosts` may be `start`. Allocates its transform at each call. Stage: "ghost".
 */
KVOX_API kvox_status kvox_mri_ghost_from_image(kvox_context *context, kvox_workspace *workspace,
                                               const kvox_array *hybrid, const uint8_t *reversed,
                                               const kvox_mri_ghost *start, kvox_mri_ghost *ghosts);

/*
 * Takes the ghosts (one for each coil) off lines c64 [.., coil, z, y, x]; they may be the same array. Half of each goes
 * to either direction, so that the image keeps its place. `reversed` has a byte for each y. Stage: "ghost".
 */
KVOX_API kvox_status kvox_mri_ghost_apply(kvox_context *context, kvox_workspace *workspace,
                                          const kvox_mri_ghost *ghosts, const uint8_t *reversed, const kvox_array *in,
                                          const kvox_array *out);

#ifdef __cplusplus
}
#endif

#endif

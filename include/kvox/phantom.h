/* Kvox: phantoms, objects whose line integrals, voxel averages and Fourier transforms are known exactly. */
#ifndef KVOX_PHANTOM_H
#define KVOX_PHANTOM_H

#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once made: any number of threads may use one at once. */
typedef struct kvox_phantom kvox_phantom;

/*
 * Makes a phantom by name; kvox_phantom_name lists the names, "shepp-logan" and so on. `radius_mm` scales it: it is the
 * half-width of the square [-1, 1]^2 of the definition (12.8 cm for the FORBILD head, so that 128 is life-size), and
 * the object lies inside a circle of this radius about the axis. Heads are published with the face up, at +y; in the
 * world +y is posterior, so their y is mirrored: shown as pictures of axial slices are, they look as published.
 * Phantoms defined in the plane are cylinders without end along z. `density` multiplies every value (1: as published).
 * An unknown name, a radius that is not positive and finite, or a density that is not finite is KVOX_ERROR_ARGUMENT.
 */
KVOX_API kvox_status kvox_phantom_create(kvox_context *context, const char *name, double radius_mm, double density,
                                         kvox_phantom **phantom);
KVOX_API void kvox_phantom_destroy(kvox_phantom *phantom);

/* The name of the phantom of that index, NULL beyond the last; and one line about it with its source. */
KVOX_API const char *kvox_phantom_name(int32_t index);
KVOX_API const char *kvox_phantom_description(int32_t index);

/* The value at a point: the sum of the densities of the shapes that hold it. 0 outside, also for a point that is not
 * finite. */
KVOX_API double kvox_phantom_value(const kvox_phantom *phantom, const double point_mm[3]);

/*
 * The integral along the whole line through `point_mm` with `direction` (any length but 0), in value * mm; exact but
 * for rounding. Infinite for a line that runs inside a cylinder along its axis and so never leaves it.
 */
KVOX_API double kvox_phantom_line_integral(const kvox_phantom *phantom, const double point_mm[3],
                                           const double direction[3]);

/*
 * The average over each voxel, shape by shape: the density of a shape times the share of `samples`^3 midpoints (1 to 64
 * along each axis) that lie in it, where its surface may cross the voxel; all or nothing elsewhere. Along an axis of
 * the grid that a shape does not change along one sample is enough, so that it is `samples`^2 for sections of
 * cylinders. The volume is f32 or f64, of any grid (oblique axes, origins of its own for each slice); its unit stays as
 * it is. Threads: those of the phantom's context; the same bits for any number of them.
 */
KVOX_API kvox_status kvox_phantom_fill(const kvox_phantom *phantom, int32_t samples, kvox_volume *volume);

/* ---- k-space: what an ideal MRI scanner would measure of a phantom ---- */

/*
 * Coils whose sensitivities are sums of complex exponentials, s(r) = sum over j of w_j exp(2 pi i f_j . r). Their
 * product with an object is a sum of shifted transforms, so that k-space stays exact (after Guerquin-Kern, Lejeune,
 * Pruessmann, Unser 2012, "Realistic analytical phantoms for parallel magnetic resonance imaging"). Immutable, shared
 * by any number of threads.
 */
typedef struct kvox_phantom_coils kvox_phantom_coils;

/* `frequencies` are [term][x, y, z] in cycles per mm of the world, `weights` [coil][term][real, imaginary]; all finite.
 * 1 to 1024 coils and terms. Both are copied. */
KVOX_API kvox_status kvox_phantom_coils_create(kvox_context *context, int64_t coils, int64_t terms,
                                               const double *frequencies, const double *weights,
                                               kvox_phantom_coils **made);

/*
 * `rings` rings about z of `coils_of_ring` loops each, which stand around a head of that radius (1.4 of it from the
 * axis) and overlap their neighbours by some; coil 0 of each ring is at +x, the next one towards +y. The field Bx - i
 * By of each loop (Biot and Savart) inside the ball of the radius is fitted by 105 exponentials, 37 in a section (least
 * squares with a ridge, to some 2 %): the sensitivities are those sums, not the field. The root sum of squares of all
 * coils is 1 in the middle. One ring suits sections.
 */
KVOX_API kvox_status kvox_phantom_coils_create_loops(kvox_context *context, int64_t coils_of_ring, int64_t rings,
                                                     double radius_mm, kvox_phantom_coils **made);
KVOX_API void kvox_phantom_coils_destroy(kvox_phantom_coils *coils);

KVOX_API int64_t kvox_phantom_coils_count(const kvox_phantom_coils *coils);

/* The sensitivities at the middle of each voxel of a grid: c64 [coil, z, y, x]. One beyond floats is KVOX_ERROR_DATA.
 * Threads: those of the coils' context; the same bits for any number of them. */
KVOX_API kvox_status kvox_phantom_coil_maps(const kvox_phantom_coils *coils, const kvox_grid *grid,
                                            const kvox_array *maps);

/*
 * The k-space of the image that `grid` describes, c64 [coil, kz, ky, kx]; `coils` NULL: one of sensitivity 1. Sample
 * (kx, ky, kz) is the integral of the object times the sensitivity times exp(-2 pi i q . r), r in mm from voxel
 * (size / 2, rounded down, on each axis), q = (k - size / 2) / (size * spacing) along the grid's axes; times
 * sqrt(number of samples) / (size * spacing of each axis), so that the unitary transform of it (mri_fourier.h) has the
 * phantom's own values in its voxels, within what the finite number of samples allows (Gibbs' ringing). Exact but for
 * rounding.
 *
 * A grid of several slices is one volume, encoded along z; a grid of one slice is the section through it, infinitely
 * thin (ellipsoids are cut to ellipses). Shapes without end must run along an axis of such a volume, and are cut off
 * where its voxels end; shapes cut by planes must be cylinders, the planes across them. Phantoms that are cut in other
 * ways (the FORBILD heads) have no closed form: KVOX_ERROR_UNSUPPORTED. Samples beyond floats (of a vast density) are
 * KVOX_ERROR_DATA. Threads: those of the phantom's context; the same bits for any number of them.
 */
KVOX_API kvox_status kvox_phantom_kspace(const kvox_phantom *phantom, const kvox_phantom_coils *coils,
                                         const kvox_grid *grid, const kvox_array *kspace);

/*
 * The same at any points: `points` f32 or f64 [.., point, axis], 2 or 3 axes x, y, z, in cycles over the field of view
 * (so that the Cartesian sample of index k is at k - size / 2); `samples` c64 [coil, .., point]. For a section z plays
 * no part. A point that is not finite, or beyond 1e15 cycles, is KVOX_ERROR_DATA.
 */
KVOX_API kvox_status kvox_phantom_kspace_points(const kvox_phantom *phantom, const kvox_phantom_coils *coils,
                                                const kvox_grid *grid, const kvox_array *points,
                                                const kvox_array *samples);

#ifdef __cplusplus
}
#endif

#endif

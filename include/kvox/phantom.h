/* Kvox: phantoms, objects whose line integrals and voxel averages are known exactly. */
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

#ifdef __cplusplus
}
#endif

#endif

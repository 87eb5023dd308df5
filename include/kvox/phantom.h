/* Kvox: phantoms, objects whose line integrals and voxel averages are known exactly. */
#ifndef KVOX_PHANTOM_H
#define KVOX_PHANTOM_H

#include <kvox/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kvox_phantom kvox_phantom;

/*
 * Makes a phantom by name; kvox_phantom_name lists the names. `radius_mm` scales it: the half-width of the square
 * [-1, 1]^2 (or [-10 cm, 10 cm]-like box of its definition) that holds the object, so that the object lies inside a
 * circle of this radius about the axis. `density` multiplies every value (1: as published).
 */
KVOX_API kvox_status kvox_phantom_create(kvox_context *context, const char *name, double radius_mm, double density,
                                         kvox_phantom **phantom);
KVOX_API void kvox_phantom_destroy(kvox_phantom *phantom);

/* The name of the phantom of that index, NULL beyond the last; and one line about it with its source. */
KVOX_API const char *kvox_phantom_name(int32_t index);
KVOX_API const char *kvox_phantom_description(int32_t index);

/* The value at a point (the sum over the shapes that hold it). */
KVOX_API double kvox_phantom_value(const kvox_phantom *phantom, const double point_mm[3]);

/* The integral along the whole line through `point_mm` with unit vector `direction`, in value * mm; exact. */
KVOX_API double kvox_phantom_line_integral(const kvox_phantom *phantom, const double point_mm[3],
                                           const double direction[3]);

/*
 * The average over each voxel, by `samples`^3 midpoints in voxels that a surface crosses (`samples`^2 where the object
 * does not change along z) and one elsewhere. The volume is f32 or f64 and any grid. Threads: the context's.
 */
KVOX_API kvox_status kvox_phantom_fill(const kvox_phantom *phantom, int32_t samples, kvox_volume *volume);

#ifdef __cplusplus
}
#endif

#endif

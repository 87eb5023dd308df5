/* Kvox: volumes are arrays with a frame, a unit and a provenance. World is LPS in millimetres. */
#ifndef KVOX_VOLUME_H
#define KVOX_VOLUME_H

#include <kvox/array.h>
#include <kvox/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where voxels are: voxel (i, j, k) has its centre at origin + sum over a of axes[a] * spacing[a] * index[a].
 * Sizes, spacings and axes are given as x, y, z (i fastest in memory). The axes are unit vectors that need not be
 * orthogonal. Fixed: this struct does not grow.
 */
typedef struct kvox_grid {
  int64_t size[3];
  double origin_mm[3];
  double spacing_mm[3];
  double axes[3][3];
} kvox_grid;

enum { KVOX_UNIT_ARBITRARY = 0, KVOX_UNIT_HU = 1, KVOX_UNIT_PER_MM = 2, KVOX_UNIT_PER_PIXEL = 3 };

/* An upright grid whose middle is at `center_mm` (NULL: the world's origin). Fails where a size is below 1 or a spacing
 * is not positive and finite. */
KVOX_API kvox_status kvox_grid_init(kvox_grid *grid, const int64_t size[3], const double spacing_mm[3],
                                    const double center_mm[3]);

typedef struct kvox_volume kvox_volume;

/* A new volume of zeros whose memory belongs to it. Types: all but C64 for grey values, C64 for complex images. */
KVOX_API kvox_status kvox_volume_create(kvox_context *context, kvox_type type, const kvox_grid *grid,
                                        kvox_volume **volume);

/* A volume around the caller's memory, which must outlive it: `array` is [k, j, i] and has the grid's size. Of an array
 * on a device (kvox/device.h) the volume holds the buffer. */
KVOX_API kvox_status kvox_volume_wrap(kvox_context *context, const kvox_array *array, const kvox_grid *grid,
                                      kvox_volume **volume);

KVOX_API void kvox_volume_destroy(kvox_volume *volume);

/* The samples, [k, j, i]; they stay the volume's (or the wrapped caller's). */
KVOX_API kvox_status kvox_volume_array(const kvox_volume *volume, kvox_array *array);

KVOX_API kvox_status kvox_volume_grid(const kvox_volume *volume, kvox_grid *grid);
KVOX_API kvox_status kvox_volume_set_grid(kvox_volume *volume, const kvox_grid *grid);

/* One origin a slice, 3 * size[2] numbers, for tilted and unevenly spaced stacks; they replace origin + axes[2] *
 * spacing[2] * k. NULL: back to the even stack. The numbers are copied. */
KVOX_API kvox_status kvox_volume_set_slice_origins(kvox_volume *volume, const double *origins_mm);

/* The slice origins, or NULL for an even stack; they stay the volume's. */
KVOX_API const double *kvox_volume_slice_origins(const kvox_volume *volume);

KVOX_API int32_t kvox_volume_unit(const kvox_volume *volume); /* KVOX_UNIT_... */
KVOX_API kvox_status kvox_volume_set_unit(kvox_volume *volume, int32_t unit);

/* Index (may be fractional; k is rounded down to its slice where slices have origins of their own) to millimetres. */
KVOX_API kvox_status kvox_volume_index_to_world(const kvox_volume *volume, const double index[3], double world_mm[3]);

/* How the samples came to be, as JSON; "" when nobody said. The text stays the volume's. */
KVOX_API const char *kvox_volume_provenance(const kvox_volume *volume);
KVOX_API kvox_status kvox_volume_set_provenance(kvox_volume *volume, const char *json);

#ifdef __cplusplus
}
#endif

#endif

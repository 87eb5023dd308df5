/* Arrays [.., coil, z, y, x] tile by tile: a run of samples (in C order of z, y, x) of every coil, dense and padded. */
#ifndef KVOX_MRI_TILES_H
#define KVOX_MRI_TILES_H

#include "core/array.h"
#include "core/size.h"
#include "ocl/ocl.h"

/* Samples of a tile; kernels take whole steps, filled up with zeros. Rows of c64 are KVOX_MRI_TILE_ROW floats apart:
 * not a power of two, whose lines would share few places of a cache. */
enum { KVOX_MRI_TILE = 256, KVOX_MRI_STEP = 16, KVOX_MRI_TILE_ROW = 2 * KVOX_MRI_TILE + 16 };

/* An array of rank 4 or more, of the host; with `_on`, or on this device (NULL: of the host). */
kvox_status kvox_mri_check_coils(const kvox_array *array, const char *name);
kvox_status kvox_mri_check_coils_on(const kvox_ocl *ocl, const kvox_array *array, const char *name);
/* Shape and type of what comes of combining `images`. */
kvox_status kvox_mri_check_combined(const kvox_ocl *ocl, const kvox_array *combined, const char *name, kvox_type type,
                                    const kvox_array *images);

/* The number of coils; of samples in [z, y, x]; of [z, y, x] in all, which are counted in C order. */
static inline int64_t kvox_mri_coils_of(const kvox_array *array) { return array->shape[array->rank - 4]; }
int64_t kvox_mri_volume_samples(const kvox_array *array);
int64_t kvox_mri_volumes(const kvox_array *array);
void *kvox_mri_volume(const kvox_array *array, int64_t index);

/* An array of any rank with leading axes of 1 up to [z, y, x]. */
kvox_array kvox_mri_with_volume(const kvox_array *array);

/* `count` samples of a volume, from sample `begin` on, to and from dense memory. */
void kvox_mri_read(const kvox_array *array, int64_t volume, int64_t begin, int64_t count, void *samples);
void kvox_mri_write(const kvox_array *array, int64_t volume, int64_t begin, int64_t count, const void *samples);

/* The same of `coils` volumes from `volume` on, KVOX_MRI_TILE_ROW floats apart, zeros up to a whole step. */
void kvox_mri_read_tile(const kvox_array *array, int64_t volume, int64_t coils, int64_t begin, int64_t count,
                        float *tile);
void kvox_mri_write_tile(const kvox_array *array, int64_t volume, int64_t coils, int64_t begin, int64_t count,
                         const float *tile);

/* Where a tile lies: its volume (coils not counted) and samples. */
typedef struct kvox_mri_tile {
  int64_t volume, begin, count, padded;
} kvox_mri_tile;

static inline int64_t kvox_mri_tiles_of_volume(const kvox_array *array) {
  return kvox_divide_up(kvox_mri_volume_samples(array), KVOX_MRI_TILE);
}

static inline kvox_mri_tile kvox_mri_tile_at(const kvox_array *array, int64_t index) {
  const int64_t tiles = kvox_mri_tiles_of_volume(array), begin = index % tiles * KVOX_MRI_TILE;
  const int64_t count = kvox_min_i64(KVOX_MRI_TILE, kvox_mri_volume_samples(array) - begin);
  return (kvox_mri_tile){index / tiles, begin, count, kvox_round_up(count, KVOX_MRI_STEP)};
}

/* The failure of a sample of such an array. */
kvox_status kvox_mri_not_finite(const char *name, const kvox_array *array, int64_t volume, int64_t coil,
                                int64_t sample);
/* The same, of the first one in a tile; of the largest where all are finite, but what came of them is not. */
kvox_status kvox_mri_tile_not_finite(const char *name, const kvox_array *array, const kvox_mri_tile *at, int64_t coils,
                                     const float *tile);

#endif

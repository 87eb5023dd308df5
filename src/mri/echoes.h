/* Echoes: what maps along time share. */
#ifndef KVOX_MRI_ECHOES_H
#define KVOX_MRI_ECHOES_H

#include <float.h>

#include "mri/tiles.h"

/* Two echoes or more, at times that are finite, rise and are not negative. `name` opens the sentence. */
kvox_status kvox_mri_check_echoes(const char *name, int64_t echoes, const double *echo_times_ms);

/* The shortest step between echoes. Those that are this close to it count as equal. */
double kvox_mri_shortest_step(int64_t echoes, const double *echo_times_ms);
#define KVOX_MRI_SAME_STEP 1e-3

/* Sums of squares beyond this have products that may leave the range of floats. The failure of the field's sample; coil
 * -1: of a sum over coils. */
#define KVOX_MRI_MOST_SQUARES (FLT_MAX / 4)
kvox_status kvox_mri_field_refuse(const kvox_array *images, int64_t volume, int64_t coil, int64_t sample);

/* A result f32 [.., z, y, x] of `images`, without their axes from -3 - `axes` to -4; apart from them. In the host's
 * memory or on this device (NULL: in the host's). */
kvox_status kvox_mri_check_map(const kvox_ocl *ocl, const kvox_array *map, const char *name, const kvox_array *images,
                               int32_t axes);

#endif

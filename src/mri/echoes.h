/* Echoes: what maps along time share. */
#ifndef KVOX_MRI_ECHOES_H
#define KVOX_MRI_ECHOES_H

#include "mri/tiles.h"

/* Two echoes or more, at times that are finite, rise and are not negative. `name` opens the sentence. */
kvox_status kvox_mri_check_echoes(const char *name, int64_t echoes, const double *echo_times_ms);

/* A result f32 [.., z, y, x] of `images`, without their axes from -3 - `axes` to -4; apart from them. In the host's
 * memory or on this device (NULL: in the host's). */
kvox_status kvox_mri_check_map(const kvox_ocl *ocl, const kvox_array *map, const char *name, const kvox_array *images,
                               int32_t axes);

#endif

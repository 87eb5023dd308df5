/* What the makers of sensitivity maps share. */
#ifndef KVOX_MRI_MAPS_INSIDE_H
#define KVOX_MRI_MAPS_INSIDE_H

#include "core/array.h"
#include "ocl/ocl.h"

/* Images with coils, and maps of their shape in memory of their own; of the host, or on this device (NULL: of the
 * host). */
kvox_status kvox_mri_check_maps(const kvox_ocl *ocl, const char *images_name, const kvox_array *images,
                                const char *maps_name, const kvox_array *maps);

/* A window: odd, 1 to 31 voxels; 0: 5, or the most that an axis of so many voxels has room for. */
enum { KVOX_MRI_MOST_WINDOW = 31, KVOX_MRI_USUAL_WINDOW = 5 };
kvox_status kvox_mri_window_radius(const char *name, int64_t window, int64_t size, int64_t *radius);

#endif

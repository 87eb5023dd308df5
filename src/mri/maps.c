#include "mri/maps.h"

#include <inttypes.h>

#include "core/fail.h"
#include "mri/tiles.h"

kvox_status kvox_mri_check_maps(const kvox_ocl *ocl, const char *images_name, const kvox_array *images,
                                const char *maps_name, const kvox_array *maps) {
  const uint32_t types = KVOX_TYPE_BIT(KVOX_C64) | (ocl != NULL ? KVOX_ON_DEVICE_TOO : 0);
  KVOX_TRY(kvox_array_check(images, images_name, types));
  KVOX_TRY(kvox_mri_check_coils_on(ocl, images, images_name));
  KVOX_TRY(kvox_array_check_shape(maps, maps_name, types, images->rank, images->shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, maps, maps_name));
  KVOX_TRY(kvox_array_check_result(maps, maps_name));
  return kvox_array_check_apart(images, "images", maps, "maps");
}

kvox_status kvox_mri_window_radius(const char *name, int64_t window, int64_t size, int64_t *radius) {
  if (window < 0 || window > KVOX_MRI_MOST_WINDOW || (window != 0 && window % 2 == 0)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s is %" PRId64 ", must be odd and from 1 to %d, or 0 for %d", name, window,
                     KVOX_MRI_MOST_WINDOW, KVOX_MRI_USUAL_WINDOW);
  }
  *radius = (window == 0 ? kvox_min_i64(KVOX_MRI_USUAL_WINDOW, size) - 1 : window - 1) / 2;
  return KVOX_OK;
}

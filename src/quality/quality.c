#include "quality/quality.h"

#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"

void kvox_quality_read(const kvox_array *array, int64_t row, int64_t begin, int64_t count, double *out) {
  const int64_t stride = array->strides[array->rank - 1];
  const char *at = (const char *)kvox_array_row(array, row) + begin * stride;
  for (int64_t i = 0; i < count; i++, at += stride) {
    out[i] = kvox_element(at, array->type);
  }
}

kvox_status kvox_quality_check_image(const kvox_array *image, const char *name) {
  KVOX_TRY(kvox_array_check(image, name, KVOX_REAL_TYPES));
  if (image->rank != 2) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: its rank is %" PRId32 ", must be 2: one image", name, image->rank);
  }
  return KVOX_OK;
}

kvox_status kvox_quality_not_finite(const char *name, int64_t row, int64_t index) {
  return kvox_fail(KVOX_ERROR_DATA, "%s: the sample in row %" PRId64 ", column %" PRId64 " is not finite", name, row,
                   index);
}

/* The first whole number at or above x, kept to 0 ... count. */
static int64_t index_up(double x, int64_t count) {
  return !(x > 0) ? 0 : x >= (double)count ? count : (int64_t)ceil(x);
}

kvox_quality_box kvox_quality_box_about(const kvox_array *image, const double center_px[2], double radius_px) {
  kvox_quality_box box;
  for (int a = 0; a < 2; a++) {
    const int64_t size = image->shape[1 - a];
    box.begin[a] = index_up(center_px[a] - radius_px, size);
    box.end[a] = index_up(floor(center_px[a] + radius_px) + 1, size);
  }
  return box;
}

kvox_status kvox_quality_check_circle(const char *name, const double center_px[2], double radius_px, double least) {
  char radius[KVOX_NUMBER_BYTES], bound[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(center_px);
  if (!isfinite(center_px[0]) || !isfinite(center_px[1])) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the centre is not finite", name);
  }
  if (!(radius_px >= least) || !isfinite(radius_px)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the radius is %s pixels, must be at least %s", name,
                     kvox_number(radius_px, radius), kvox_number(least, bound));
  }
  return KVOX_OK;
}

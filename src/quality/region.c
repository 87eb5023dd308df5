/* Means of round regions: uniformity and accuracy. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "quality/quality.h"

/* The mean of the pixels whose middles lie in the circle, which must lie in the image. */
static kvox_status region_mean(const kvox_array *image, const char *name, const double center_px[2], double radius_px,
                               double *mean) {
  for (int a = 0; a < 2; a++) {
    /* Half a pixel reaches from the outermost middles to the image's border. */
    if (!(center_px[a] - radius_px >= -0.5 && center_px[a] + radius_px <= (double)image->shape[1 - a] - 0.5)) {
      char x[KVOX_NUMBER_BYTES], y[KVOX_NUMBER_BYTES], radius[KVOX_NUMBER_BYTES];
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "%s: the region at (%s, %s) of radius %s pixels reaches beyond the image of %" PRId64
                       " x %" PRId64,
                       name, kvox_number(center_px[0], x), kvox_number(center_px[1], y), kvox_number(radius_px, radius),
                       image->shape[1], image->shape[0]);
    }
  }
  const kvox_quality_box box = kvox_quality_box_about(image, center_px, radius_px);
  double sum = 0;
  int64_t count = 0;
  for (int64_t j = box.begin[1]; j < box.end[1]; j++) {
    for (int64_t i = box.begin[0]; i < box.end[0]; i++) {
      const double x = (double)i - center_px[0], y = (double)j - center_px[1];
      if (x * x + y * y <= radius_px * radius_px) {
        const double value = kvox_quality_pixel(image, i, j);
        if (!isfinite(value)) {
          return kvox_quality_not_finite(name, j, i);
        }
        sum += value;
        count++;
      }
    }
  }
  if (count == 0) {
    char radius[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: no pixel's middle lies in a region of radius %s pixels", name,
                     kvox_number(radius_px, radius));
  }
  *mean = sum / (double)count;
  return KVOX_OK;
}

kvox_status kvox_quality_uniformity(const kvox_array *image, const double center_px[2], double distance_px,
                                    double region_px, double means[5], double *greatest_difference) {
  static const char name[] = "kvox_quality_uniformity";
  static const double directions[5][2] = {{0, 0}, {1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  KVOX_REQUIRE(means);
  KVOX_REQUIRE(greatest_difference);
  KVOX_TRY(kvox_quality_check_image(image, name));
  KVOX_TRY(kvox_quality_check_circle(name, center_px, region_px, 0));
  if (!(distance_px > 0) || !isfinite(distance_px)) {
    char number[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: distance_px is %s, must be positive", name,
                     kvox_number(distance_px, number));
  }
  double measured[5], greatest = 0;
  for (int r = 0; r < 5; r++) {
    const double at[2] = {center_px[0] + distance_px * directions[r][0], center_px[1] + distance_px * directions[r][1]};
    KVOX_TRY(region_mean(image, name, at, region_px, measured + r));
    greatest = fmax(greatest, fabs(measured[r] - measured[0]));
  }
  for (int r = 0; r < 5; r++) {
    means[r] = measured[r];
  }
  *greatest_difference = greatest;
  return KVOX_OK;
}

kvox_status kvox_quality_region_error(const kvox_array *image, const double center_px[2], double region_px,
                                      double expected, double *error) {
  static const char name[] = "kvox_quality_region_error";
  KVOX_REQUIRE(error);
  KVOX_TRY(kvox_quality_check_image(image, name));
  KVOX_TRY(kvox_quality_check_circle(name, center_px, region_px, 0));
  if (!isfinite(expected)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the expected value is not finite", name);
  }
  double mean = 0;
  KVOX_TRY(region_mean(image, name, center_px, region_px, &mean));
  *error = mean - expected;
  return KVOX_OK;
}

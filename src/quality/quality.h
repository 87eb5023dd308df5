/* What the measures share: samples as double, and the checks of images. */
#ifndef KVOX_QUALITY_QUALITY_H
#define KVOX_QUALITY_QUALITY_H

#include "core/array.h"
#include "kvox/quality.h"

/* Samples [begin, begin + count) of row `row` (of all indices but the last, in C order). */
void kvox_quality_read(const kvox_array *array, int64_t row, int64_t begin, int64_t count, double *out);

/* A real 2D image. `name` opens the sentence. */
kvox_status kvox_quality_check_image(const kvox_array *image, const char *name);

/* The failure of a sample that is not finite. */
kvox_status kvox_quality_not_finite(const char *name, int64_t row, int64_t index);

/* The sample of column i and row j of a 2D image. */
static inline double kvox_quality_pixel(const kvox_array *image, int64_t i, int64_t j) {
  return kvox_element((const char *)image->data + j * image->strides[0] + i * image->strides[1], image->type);
}

/* The columns and rows of a 2D image that a circle may touch: [begin, end) along each. */
typedef struct kvox_quality_box {
  int64_t begin[2], end[2];
} kvox_quality_box;
kvox_quality_box kvox_quality_box_about(const kvox_array *image, const double center_px[2], double radius_px);

/* Fails unless the centre is finite and the radius finite and above `least`. */
kvox_status kvox_quality_check_circle(const char *name, const double center_px[2], double radius_px, double least);

#endif

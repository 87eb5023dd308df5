/* Differences and statistics over any shape. Each row has its own sum, so that none grows long. */
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "quality/quality.h"

enum { CHUNK = 256 };

/* Samples that a mask picks: `add` is told of each. */
typedef struct walk {
  const kvox_array *image, *truth, *mask;
  double (*term)(double image, double truth, double mean);
  double mean;
} walk;

static double squared_difference(double image, double truth, double mean) {
  (void)mean;
  return (image - truth) * (image - truth);
}

static double itself(double image, double truth, double mean) {
  (void)truth;
  (void)mean;
  return image;
}

static double squared_deviation(double image, double truth, double mean) {
  (void)truth;
  return (image - mean) * (image - mean);
}

static kvox_status add_row(const walk *w, int64_t row, double *sum, int64_t *count) {
  double image[CHUNK], truth[CHUNK] = {0}, mask[CHUNK];
  const int64_t length = w->image->shape[w->image->rank - 1];
  for (int64_t begin = 0; begin < length; begin += CHUNK) {
    const int64_t n = length - begin < CHUNK ? length - begin : CHUNK;
    kvox_quality_read(w->image, row, begin, n, image);
    if (w->truth != NULL) {
      kvox_quality_read(w->truth, row, begin, n, truth);
    }
    if (w->mask != NULL) {
      kvox_quality_read(w->mask, row, begin, n, mask);
    }
    for (int64_t i = 0; i < n; i++) {
      if (w->mask != NULL && mask[i] == 0) {
        continue;
      }
      if (!isfinite(image[i]) || !isfinite(truth[i])) {
        return kvox_quality_not_finite(isfinite(truth[i]) ? "image" : "truth", row, begin + i);
      }
      *sum += w->term(image[i], truth[i], w->mean);
      (*count)++;
    }
  }
  return KVOX_OK;
}

static kvox_status mean_of(const walk *w, double *mean) {
  const int64_t rows = kvox_array_row_count(w->image);
  double sum = 0;
  int64_t count = 0;
  for (int64_t row = 0; row < rows; row++) {
    double row_sum = 0;
    KVOX_TRY(add_row(w, row, &row_sum, &count));
    sum += row_sum;
  }
  if (count == 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "mask: it picks no element");
  }
  *mean = sum / (double)count;
  return KVOX_OK;
}

static kvox_status check(const walk *w) {
  KVOX_TRY(kvox_array_check(w->image, "image", KVOX_REAL_TYPES));
  if (w->truth != NULL) {
    KVOX_TRY(kvox_array_check_shape(w->truth, "truth", KVOX_REAL_TYPES, w->image->rank, w->image->shape));
  }
  if (w->mask != NULL) {
    KVOX_TRY(kvox_array_check_shape(w->mask, "mask", KVOX_TYPE_BIT(KVOX_U8), w->image->rank, w->image->shape));
  }
  return KVOX_OK;
}

kvox_status kvox_quality_rmse(const kvox_array *image, const kvox_array *truth, const kvox_array *mask, double *rmse) {
  KVOX_REQUIRE(truth);
  KVOX_REQUIRE(rmse);
  const walk w = {.image = image, .truth = truth, .mask = mask, .term = squared_difference};
  KVOX_TRY(check(&w));
  double mean = 0;
  KVOX_TRY(mean_of(&w, &mean));
  *rmse = sqrt(mean);
  return KVOX_OK;
}

kvox_status kvox_quality_psnr(const kvox_array *image, const kvox_array *truth, const kvox_array *mask, double peak,
                              double *psnr_db) {
  char number[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(psnr_db);
  if (!(peak > 0) || !isfinite(peak)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_quality_psnr: peak is %s, must be positive and finite",
                     kvox_number(peak, number));
  }
  double rmse = 0;
  KVOX_TRY(kvox_quality_rmse(image, truth, mask, &rmse));
  *psnr_db = rmse > 0 ? 20 * log10(peak / rmse) : (double)INFINITY;
  return KVOX_OK;
}

kvox_status kvox_quality_statistics(const kvox_array *image, const kvox_array *mask, double *mean, double *deviation) {
  KVOX_REQUIRE(mean);
  KVOX_REQUIRE(deviation);
  walk w = {.image = image, .mask = mask, .term = itself};
  KVOX_TRY(check(&w));
  KVOX_TRY(mean_of(&w, &w.mean));
  w.term = squared_deviation;
  double variance = 0;
  KVOX_TRY(mean_of(&w, &variance));
  *mean = w.mean;
  *deviation = sqrt(variance);
  return KVOX_OK;
}

/* Structural similarity: Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment", IEEE Trans Image Process 13.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"
#include "quality/quality.h"

enum { SIDE = 11, MOMENTS = 5 /* x, y, xx, yy, xy */ };

static const double sigma = 1.5, k1 = 0.01, k2 = 0.03;

typedef struct similarity {
  const kvox_array *image, *truth;
  double weights[SIDE];
  double c1, c2;
  int64_t columns;
  double *scratch;  /* for each worker: two rows of samples, five of moments */
  double *row_sums; /* of every row of the map */
} similarity;

/* Moments of the SIDE rows from `row` on, weighted along the column alone. */
static kvox_status blur_columns(const similarity *s, int64_t row, double *samples, double *moments) {
  double *x = samples, *y = samples + s->columns;
  memset(moments, 0, (size_t)(MOMENTS * s->columns) * sizeof *moments);
  for (int64_t r = 0; r < SIDE; r++) {
    kvox_quality_read(s->image, row + r, 0, s->columns, x);
    kvox_quality_read(s->truth, row + r, 0, s->columns, y);
    const double weight = s->weights[r];
    for (int64_t i = 0; i < s->columns; i++) {
      if (!isfinite(x[i]) || !isfinite(y[i])) {
        return kvox_quality_not_finite(isfinite(y[i]) ? "image" : "truth", row + r, i);
      }
      moments[i] += weight * x[i];
      moments[i + s->columns] += weight * y[i];
      moments[i + 2 * s->columns] += weight * x[i] * x[i];
      moments[i + 3 * s->columns] += weight * y[i] * y[i];
      moments[i + 4 * s->columns] += weight * x[i] * y[i];
    }
  }
  return KVOX_OK;
}

static kvox_status sum_row(void *data, int64_t row, int32_t worker) {
  const similarity *s = data;
  double *samples = s->scratch + worker * (2 + MOMENTS) * s->columns, *moments = samples + 2 * s->columns;
  KVOX_TRY(blur_columns(s, row, samples, moments));
  double sum = 0;
  for (int64_t i = 0; i + SIDE <= s->columns; i++) {
    double m[MOMENTS] = {0};
    for (int64_t c = 0; c < SIDE; c++) {
      for (int k = 0; k < MOMENTS; k++) {
        m[k] += s->weights[c] * moments[i + c + k * s->columns];
      }
    }
    const double variance_x = m[2] - m[0] * m[0], variance_y = m[3] - m[1] * m[1], covariance = m[4] - m[0] * m[1];
    sum += (2 * m[0] * m[1] + s->c1) * (2 * covariance + s->c2) /
           ((m[0] * m[0] + m[1] * m[1] + s->c1) * (variance_x + variance_y + s->c2));
  }
  s->row_sums[row] = sum;
  return KVOX_OK;
}

static kvox_status check(const kvox_array *image, const kvox_array *truth, double range) {
  char number[KVOX_NUMBER_BYTES];
  KVOX_TRY(kvox_quality_check_image(image, "kvox_quality_ssim: image"));
  KVOX_TRY(kvox_array_check_shape(truth, "kvox_quality_ssim: truth", KVOX_REAL_TYPES, 2, image->shape));
  if (image->shape[0] < SIDE || image->shape[1] < SIDE) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_quality_ssim: the image is %" PRId64 " x %" PRId64 ", smaller than the window of %d x %d",
                     image->shape[1], image->shape[0], SIDE, SIDE);
  }
  if (!(range > 0) || !isfinite(range)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_quality_ssim: range is %s, must be positive and finite",
                     kvox_number(range, number));
  }
  return KVOX_OK;
}

kvox_status kvox_quality_ssim(kvox_context *context, const kvox_array *image, const kvox_array *truth, double range,
                              double *ssim) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(ssim);
  KVOX_TRY(check(image, truth, range));
  const int64_t columns = image->shape[1], rows = image->shape[0] - SIDE + 1;
  const int64_t work = kvox_work(rows, (SIDE * MOMENTS * 2) * columns);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, rows, work);
  similarity s = {
      .image = image,
      .truth = truth,
      .c1 = (k1 * range) * (k1 * range),
      .c2 = (k2 * range) * (k2 * range),
      .columns = columns,
      .scratch = kvox_allocate(context->heap, workers * (2 + MOMENTS) * (uint64_t)columns * sizeof *s.scratch),
      .row_sums = kvox_allocate(context->heap, (uint64_t)rows * sizeof *s.row_sums)};
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s.scratch == NULL || s.row_sums == NULL) {
    goto cleanup;
  }
  double whole = 0;
  for (int i = 0; i < SIDE; i++) {
    const double x = (i - SIDE / 2) / sigma;
    s.weights[i] = exp(-0.5 * x * x);
    whole += s.weights[i];
  }
  for (int i = 0; i < SIDE; i++) {
    s.weights[i] /= whole;
  }
  KVOX_TRY_CLEANUP(kvox_parallel(&context->threads, rows, work, sum_row, &s, NULL));
  double sum = 0;
  for (int64_t row = 0; row < rows; row++) {
    sum += s.row_sums[row];
  }
  *ssim = sum / ((double)rows * (double)(columns - SIDE + 1));
cleanup:
  kvox_release(context->heap, s.row_sums);
  kvox_release(context->heap, s.scratch);
  return status;
}

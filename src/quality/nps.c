/* The radial noise power spectrum: ICRU Report 87 (2012), "Radiation dose and image-quality assessment in CT". */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/size.h"
#include "quality/quality.h"

static const double two_pi = 6.283185307179586;
enum { LEAST_SIDE = 4, MOST_SIDE = 1024 /* the transforms are written out */ };

typedef struct spectrum {
  const kvox_array *image;
  int64_t side, half; /* frequencies 0 ... side / 2 of real rows */
  int64_t across;     /* regions in a row of regions */
  int32_t count;
  double *cosines, *sines; /* of 2 pi n / side */
  double *scratch;         /* for each worker: a region, its rows' transforms */
  double *powers;          /* [region][bin], and a row for the bins' frequencies */
} spectrum;

/* Takes off the plane a + b x + c y that is nearest; x and y from the middle are orthogonal over a square. */
static void take_off_plane(double *region, int64_t side) {
  const double middle = 0.5 * (double)(side - 1);
  double sum = 0, sum_x = 0, sum_y = 0, square = 0;
  for (int64_t j = 0; j < side; j++) {
    const double y = (double)j - middle;
    for (int64_t i = 0; i < side; i++) {
      const double value = region[j * side + i];
      sum += value;
      sum_x += value * ((double)i - middle);
      sum_y += value * y;
    }
    square += y * y * (double)side;
  }
  const double mean = sum / (double)(side * side), slope_x = sum_x / square, slope_y = sum_y / square;
  for (int64_t j = 0; j < side; j++) {
    for (int64_t i = 0; i < side; i++) {
      region[j * side + i] -= mean + slope_x * ((double)i - middle) + slope_y * ((double)j - middle);
    }
  }
}

/* DFT of every row, [row][frequency] as re, im. */
static void transform_rows(const spectrum *s, const double *region, double *rows) {
  for (int64_t j = 0; j < s->side; j++) {
    for (int64_t u = 0; u <= s->half; u++) {
      double re = 0, im = 0;
      for (int64_t i = 0, phase = 0; i < s->side; i++, phase = (phase + u) % s->side) {
        re += region[j * s->side + i] * s->cosines[phase];
        im -= region[j * s->side + i] * s->sines[phase];
      }
      rows[2 * (j * (s->half + 1) + u)] = re;
      rows[2 * (j * (s->half + 1) + u) + 1] = im;
    }
  }
}

/* |DFT|^2 at frequency (u, v). */
static double power_at(const spectrum *s, const double *rows, int64_t u, int64_t v) {
  double re = 0, im = 0;
  for (int64_t j = 0, phase = 0; j < s->side; j++, phase = (phase + v) % s->side) {
    const double *row = rows + 2 * (j * (s->half + 1) + u);
    re += row[0] * s->cosines[phase] + row[1] * s->sines[phase];
    im += row[1] * s->cosines[phase] - row[0] * s->sines[phase];
  }
  return re * re + im * im;
}

/* The bin of frequency (u, v), or `count` and more beyond Nyquist. */
static int64_t bin_of(const spectrum *s, int64_t u, int64_t v) {
  const double along_v = (double)(v > s->side / 2 ? s->side - v : v);
  const double frequency = hypot((double)u, along_v) / (double)s->side;
  return (int64_t)(frequency * 2 * (s->count - 1) + 0.5);
}

/* Only half of the plane is transformed: most frequencies stand for their mirror images too. */
static double mirror_weight(const spectrum *s, int64_t u) { return u == 0 || 2 * u == s->side ? 1 : 2; }

static kvox_status measure_region(void *data, int64_t index, int32_t worker) {
  const spectrum *s = data;
  const int64_t size = s->side * s->side;
  double *region = s->scratch + worker * (size + 2 * s->side * (s->half + 1)), *rows = region + size;
  double *powers = s->powers + index * s->count;
  const int64_t first_row = index / s->across * s->side, first_column = index % s->across * s->side;
  for (int64_t j = 0; j < s->side; j++) {
    kvox_quality_read(s->image, first_row + j, first_column, s->side, region + j * s->side);
    for (int64_t i = 0; i < s->side; i++) {
      if (!isfinite(region[j * s->side + i])) {
        return kvox_quality_not_finite("kvox_quality_nps", first_row + j, first_column + i);
      }
    }
  }
  take_off_plane(region, s->side);
  transform_rows(s, region, rows);
  memset(powers, 0, (size_t)s->count * sizeof *powers);
  for (int64_t u = 0; u <= s->half; u++) {
    for (int64_t v = 0; v < s->side; v++) {
      const int64_t bin = bin_of(s, u, v);
      if (bin < s->count && u + v > 0) {
        powers[bin] += mirror_weight(s, u) * power_at(s, rows, u, v);
      }
    }
  }
  return KVOX_OK;
}

/* The mean over regions and over the frequencies of a bin, over the pixels of a region; 0 for a bin without any. */
static void average(const spectrum *s, int64_t regions, double *frequencies, double *nps) {
  memset(frequencies, 0, (size_t)s->count * sizeof *frequencies);
  for (int64_t u = 0; u <= s->half; u++) {
    for (int64_t v = 0; v < s->side; v++) {
      const int64_t bin = bin_of(s, u, v);
      if (bin < s->count && u + v > 0) {
        frequencies[bin] += mirror_weight(s, u);
      }
    }
  }
  for (int32_t n = 0; n < s->count; n++) {
    double sum = 0;
    for (int64_t r = 0; r < regions; r++) {
      sum += s->powers[r * s->count + n];
    }
    nps[n] = frequencies[n] > 0 ? sum / (frequencies[n] * (double)regions * (double)(s->side * s->side)) : 0;
  }
}

static kvox_status check(const kvox_array *image, int32_t side_px, int32_t count) {
  KVOX_TRY(kvox_quality_check_image(image, "kvox_quality_nps"));
  if (side_px < LEAST_SIDE || side_px > MOST_SIDE || side_px > image->shape[0] || side_px > image->shape[1]) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_quality_nps: side_px is %" PRId32 ", must be from %d to %d and fit the image of %" PRId64
                     " x %" PRId64,
                     side_px, LEAST_SIDE, MOST_SIDE, image->shape[1], image->shape[0]);
  }
  if (count < 2 || count > side_px / 2 + 1) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_quality_nps: count is %" PRId32 ", must be from 2 to %" PRId32 ", half the side and one",
                     count, side_px / 2 + 1);
  }
  return KVOX_OK;
}

kvox_status kvox_quality_nps(kvox_context *context, const kvox_array *image, int32_t side_px, double *nps,
                             int32_t count) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(nps);
  KVOX_TRY(check(image, side_px, count));
  kvox_heap *heap = context->heap;
  spectrum s = {
      .image = image, .side = side_px, .half = side_px / 2, .across = image->shape[1] / side_px, .count = count};
  const int64_t regions = s.across * (image->shape[0] / side_px);
  const int64_t work = kvox_work(regions, s.side * s.side * s.side);
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, regions, work);
  s.cosines = kvox_allocate(heap, (uint64_t)s.side * sizeof *s.cosines);
  s.sines = kvox_allocate(heap, (uint64_t)s.side * sizeof *s.sines);
  s.scratch =
      kvox_allocate(heap, workers * (uint64_t)(s.side * s.side + 2 * s.side * (s.half + 1)) * sizeof *s.scratch);
  s.powers = kvox_allocate(heap, (uint64_t)((regions + 1) * count) * sizeof *s.powers);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s.cosines == NULL || s.sines == NULL || s.scratch == NULL || s.powers == NULL) {
    goto cleanup;
  }
  for (int64_t n = 0; n < s.side; n++) {
    s.cosines[n] = cos(two_pi * (double)n / (double)s.side);
    s.sines[n] = sin(two_pi * (double)n / (double)s.side);
  }
  KVOX_TRY_CLEANUP(kvox_parallel(&context->threads, regions, work, measure_region, &s, NULL));
  average(&s, regions, s.powers + regions * count, nps);
cleanup:
  kvox_release(heap, s.powers);
  kvox_release(heap, s.scratch);
  kvox_release(heap, s.sines);
  kvox_release(heap, s.cosines);
  return status;
}

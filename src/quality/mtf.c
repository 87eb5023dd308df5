/* Modulation transfer functions of an edge and of a wire. */
#define _XOPEN_SOURCE 700 /* j0 */
#include <inttypes.h>
#include <math.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/number.h"
#include "quality/quality.h"

static const double two_pi = 6.283185307179586;

/* Bins a pixel; the outermost pixel on either side of the band counts as flat; most empty bins in a row. */
enum { BINS_A_PIXEL = 10, PLATEAU_BINS = BINS_A_PIXEL, WIDEST_GAP = BINS_A_PIXEL / 2 };
static const double least_band_px = 2;
static const double bin_px = 1.0 / BINS_A_PIXEL;

static kvox_status check_curve(const char *name, const double *mtf, int32_t count) {
  KVOX_REQUIRE(mtf);
  if (count < 2) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: count is %" PRId32 ", must be at least 2", name, count);
  }
  return KVOX_OK;
}

/* ---- Edge ---- */

/* Sums of the pixels by their distance from the circle, `bins` of them from -band on. */
static kvox_status bin_pixels(const kvox_array *image, const double center_px[2], double radius_px, double band_px,
                              int64_t bins, double *sums, double *counts) {
  const kvox_quality_box box = kvox_quality_box_about(image, center_px, radius_px + band_px);
  for (int64_t b = 0; b < bins; b++) {
    sums[b] = counts[b] = 0;
  }
  for (int64_t j = box.begin[1]; j < box.end[1]; j++) {
    for (int64_t i = box.begin[0]; i < box.end[0]; i++) {
      const double distance = hypot((double)i - center_px[0], (double)j - center_px[1]) - radius_px + band_px;
      if (!(distance >= 0 && distance < (double)bins * bin_px)) {
        continue;
      }
      const double value = kvox_quality_pixel(image, i, j);
      if (!isfinite(value)) {
        return kvox_quality_not_finite("kvox_quality_mtf_edge", j, i);
      }
      const int64_t bin = (int64_t)(distance * BINS_A_PIXEL);
      sums[bin < bins ? bin : bins - 1] += value;
      counts[bin < bins ? bin : bins - 1] += 1;
    }
  }
  return KVOX_OK;
}

/* Sums become means; short gaps are bridged by straight lines. */
static kvox_status bridge_gaps(int64_t bins, double *profile, const double *counts) {
  int64_t last = -1;
  for (int64_t b = 0; b < bins; b++) {
    if (counts[b] == 0) {
      continue;
    }
    profile[b] /= counts[b];
    if (b - last > WIDEST_GAP + 1 || (last < 0 && b > 0)) {
      break;
    }
    for (int64_t gap = last + 1; gap < b; gap++) {
      profile[gap] = profile[last] + (profile[b] - profile[last]) * (double)(gap - last) / (double)(b - last);
    }
    last = b;
  }
  if (last != bins - 1) {
    return kvox_fail(KVOX_ERROR_DATA,
                     "kvox_quality_mtf_edge: too few pixels of the image lie in the band to sample it in steps of a "
                     "tenth of a pixel; use a larger disc");
  }
  return KVOX_OK;
}

/* The outermost bins become their mean; returns the step between the two. */
static double flatten_ends(int64_t bins, double *profile) {
  double inner = 0, outer = 0;
  for (int64_t b = 0; b < PLATEAU_BINS; b++) {
    inner += profile[b] / PLATEAU_BINS;
    outer += profile[bins - 1 - b] / PLATEAU_BINS;
  }
  for (int64_t b = 0; b < PLATEAU_BINS; b++) {
    profile[b] = inner;
    profile[bins - 1 - b] = outer;
  }
  return outer - inner;
}

/* |transform of the derivative|, freed of the widths of bin and difference. */
static double edge_modulation(const double *profile, int64_t bins, double step, double frequency) {
  double re = 0, im = 0;
  for (int64_t b = 0; b + 1 < bins; b++) {
    const double rise = profile[b + 1] - profile[b], phase = two_pi * frequency * bin_px * (double)b;
    re += rise * cos(phase);
    im -= rise * sin(phase);
  }
  const double half = 0.5 * two_pi * frequency * bin_px;
  const double box = half > 0 ? sin(half) / half : 1;
  return sqrt(re * re + im * im) / (fabs(step) * box * box);
}

kvox_status kvox_quality_mtf_edge(kvox_context *context, const kvox_array *image, const double center_px[2],
                                  double radius_px, double band_px, double *mtf, int32_t count) {
  static const char name[] = "kvox_quality_mtf_edge";
  char number[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(context);
  KVOX_TRY(check_curve(name, mtf, count));
  KVOX_TRY(kvox_quality_check_image(image, name));
  KVOX_TRY(kvox_quality_check_circle(name, center_px, radius_px, least_band_px));
  if (!(band_px >= least_band_px && band_px <= radius_px)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: band_px is %s, must be from 2 to the radius", name,
                     kvox_number(band_px, number));
  }
  if (!(radius_px <= (double)image->shape[0] + (double)image->shape[1])) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: radius_px is %s, beyond the image of %" PRId64 " x %" PRId64, name,
                     kvox_number(radius_px, number), image->shape[1], image->shape[0]);
  }
  const int64_t bins = (int64_t)(2 * band_px * BINS_A_PIXEL);
  double *profile = kvox_allocate(context->heap, 2 * (uint64_t)bins * sizeof *profile);
  if (profile == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  kvox_status status;
  KVOX_TRY_CLEANUP(bin_pixels(image, center_px, radius_px, band_px, bins, profile, profile + bins));
  KVOX_TRY_CLEANUP(bridge_gaps(bins, profile, profile + bins));
  const double step = flatten_ends(bins, profile);
  if (step == 0) {
    status = kvox_fail(KVOX_ERROR_DATA, "%s: there is no step between the two sides of the circle", name);
    goto cleanup;
  }
  for (int32_t n = 0; n < count; n++) {
    mtf[n] = edge_modulation(profile, bins, step, (double)n / (count - 1));
  }
cleanup:
  kvox_release(context->heap, profile);
  return status;
}

/* ---- Wire ---- */

/* The background is taken from the outer part of the circle, the centre from the inner. */
static const double background_from = 0.8, centroid_to = 0.5;
enum { CENTERINGS = 4 };

/* The pixels of a circle and their distances from its middle. */
typedef struct spot {
  const kvox_array *image;
  double center_px[2], radius_px;
  double background;
} spot;

typedef struct pixel {
  double x, y, distance, value;
} pixel;

/* Calls `add` for every pixel of the circle. */
static kvox_status visit(const spot *s, void (*add)(void *data, const pixel *p), void *data) {
  const kvox_quality_box box = kvox_quality_box_about(s->image, s->center_px, s->radius_px);
  for (int64_t j = box.begin[1]; j < box.end[1]; j++) {
    for (int64_t i = box.begin[0]; i < box.end[0]; i++) {
      pixel p = {.x = (double)i - s->center_px[0], .y = (double)j - s->center_px[1]};
      p.distance = sqrt(p.x * p.x + p.y * p.y);
      if (p.distance <= s->radius_px) {
        p.value = kvox_quality_pixel(s->image, i, j);
        if (!isfinite(p.value)) {
          return kvox_quality_not_finite("kvox_quality_mtf_wire", j, i);
        }
        p.value -= s->background;
        add(data, &p);
      }
    }
  }
  return KVOX_OK;
}

typedef struct sums {
  double limit; /* of distances that count */
  double value, x, y, count;
} sums;

static void add_outer(void *data, const pixel *p) {
  sums *s = data;
  if (p->distance > s->limit) {
    s->value += p->value;
    s->count += 1;
  }
}

static void add_inner(void *data, const pixel *p) {
  sums *s = data;
  if (p->distance <= s->limit) {
    s->value += p->value;
    s->x += p->value * p->x;
    s->y += p->value * p->y;
  }
}

/* Background and centre of gravity, by turns. */
static kvox_status settle(spot *s) {
  const double given_px[2] = {s->center_px[0], s->center_px[1]};
  for (int turn = 0; turn < CENTERINGS; turn++) {
    s->background = 0;
    sums outer = {.limit = background_from * s->radius_px}, inner = {.limit = centroid_to * s->radius_px};
    KVOX_TRY(visit(s, add_outer, &outer));
    if (outer.count == 0) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_quality_mtf_wire: the circle holds no background of the image");
    }
    s->background = outer.value / outer.count;
    KVOX_TRY(visit(s, add_inner, &inner));
    s->center_px[0] += inner.x / inner.value;
    s->center_px[1] += inner.y / inner.value;
    const double moved = hypot(s->center_px[0] - given_px[0], s->center_px[1] - given_px[1]);
    if (!(moved <= inner.limit)) {
      return kvox_fail(KVOX_ERROR_DATA, "kvox_quality_mtf_wire: there is no wire in the inner half of the circle");
    }
  }
  return KVOX_OK;
}

typedef struct wave {
  double frequency, sum;
} wave;

static void add_wave(void *data, const pixel *p) {
  wave *w = data;
  w->sum += p->value * j0(two_pi * w->frequency * p->distance);
}

kvox_status kvox_quality_mtf_wire(kvox_context *context, const kvox_array *image, const double center_px[2],
                                  double radius_px, double *mtf, int32_t count) {
  static const char name[] = "kvox_quality_mtf_wire";
  const double nyquist = 0.5, least_radius_px = 3;
  KVOX_REQUIRE(context);
  KVOX_TRY(check_curve(name, mtf, count));
  KVOX_TRY(kvox_quality_check_image(image, name));
  KVOX_TRY(kvox_quality_check_circle(name, center_px, radius_px, least_radius_px));
  for (int a = 0; a < 2; a++) {
    if (!(center_px[a] >= 0 && center_px[a] <= (double)(image->shape[1 - a] - 1))) {
      return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: the centre lies beside the image of %" PRId64 " x %" PRId64, name,
                       image->shape[1], image->shape[0]);
    }
  }
  spot s = {.image = image, .center_px = {center_px[0], center_px[1]}, .radius_px = radius_px};
  KVOX_TRY(settle(&s));
  double whole = 0;
  for (int32_t n = 0; n < count; n++) {
    wave w = {.frequency = (double)n / (count - 1)};
    if (w.frequency <= nyquist) {
      KVOX_TRY(visit(&s, add_wave, &w));
    }
    whole = n == 0 ? w.sum : whole;
    mtf[n] = fabs(w.sum / whole);
  }
  return KVOX_OK;
}

/* ---- Reading a curve ---- */

kvox_status kvox_quality_mtf_frequency(const double *mtf, int32_t count, double level, double *frequency) {
  static const char name[] = "kvox_quality_mtf_frequency";
  char number[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(frequency);
  KVOX_TRY(check_curve(name, mtf, count));
  if (!(level > 0 && level < 1)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: level is %s, must be between 0 and 1", name, kvox_number(level, number));
  }
  for (int32_t n = 0; n < count; n++) {
    if (!isfinite(mtf[n])) {
      return kvox_fail(KVOX_ERROR_DATA, "%s: mtf[%" PRId32 "] is not finite", name, n);
    }
    if (mtf[n] <= level) {
      const double back = n == 0 ? 0 : (level - mtf[n]) / (mtf[n - 1] - mtf[n]);
      *frequency = ((double)n - back) / (count - 1);
      return KVOX_OK;
    }
  }
  return kvox_fail(KVOX_ERROR_DATA, "%s: the curve never falls to %s", name, kvox_number(level, number));
}

/* Sizes of a reconstruction: encoded and image spaces, where lines lie, how many frames there are. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "mri/recon.h"

static const char *const axis_names[] = {"x", "y", "z"};

/* As ISMRMRD's counters and sizes have 16 bits, none is near this; products of three stay within 64 bits. */
enum { MOST_SIZE = 1 << 20 };

static kvox_status check_axis(const kvox_mri_protocol *p, const kvox_mri_recon_options *o, int a) {
  char encoded[KVOX_NUMBER_BYTES], image[KVOX_NUMBER_BYTES];
  if (p->encoded_size[a] < 1 || p->encoded_size[a] > MOST_SIZE || p->image_size[a] < 1 ||
      p->image_size[a] > MOST_SIZE) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_mri_recon_create: protocol: encoded_size and image_size along %s are %" PRId64
                     " and %" PRId64 ", must be from 1 to %d",
                     axis_names[a], p->encoded_size[a], p->image_size[a], MOST_SIZE);
  }
  const bool unknown = p->encoded_mm[a] == 0 && p->image_mm[a] == 0;
  const bool known = p->encoded_mm[a] > 0 && p->image_mm[a] > 0 && isfinite(p->encoded_mm[a] + p->image_mm[a]);
  if (!unknown && !known) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: protocol: encoded_mm and image_mm along %s are %s and %s, must be "
                     "positive, or both 0 where they are not known",
                     axis_names[a], kvox_number(p->encoded_mm[a], encoded), kvox_number(p->image_mm[a], image));
  }
  if (o->image_size[a] < 0 || o->image_size[a] > MOST_SIZE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: image_size along %s is %" PRId64
                     ", must be from 1 to %d, or 0 for the "
                     "protocol's",
                     axis_names[a], o->image_size[a], MOST_SIZE);
  }
  return KVOX_OK;
}

/*
 * Pixels are as large as the image's, or nearly so, since a whole number of them fills the encoded field of view: more
 * than it has samples where zeros are added, fewer where its edge is left out. An image that reaches beyond what was
 * encoded ends there. One sample is one pixel.
 */
static kvox_status size_axis(const kvox_mri_protocol *p, const kvox_mri_recon_options *o, int a,
                             kvox_mri_recon_layout *l) {
  const int64_t wanted = o->image_size[a] > 0 ? o->image_size[a] : p->image_size[a];
  const bool known = p->encoded_mm[a] > 0;
  l->encoded[a] = p->encoded_size[a];
  l->spacing_mm[a] = known ? p->image_mm[a] / (double)wanted : 1;
  if (l->encoded[a] == 1) {
    l->transform[a] = l->image[a] = 1;
    l->spacing_mm[a] = known ? p->image_mm[a] : 1;
    return KVOX_OK;
  }
  const double share = known ? p->encoded_mm[a] / p->image_mm[a] : (double)l->encoded[a] / (double)p->image_size[a];
  const double pixels = round(share * (double)wanted);
  if (!(pixels >= 1 && pixels <= MOST_SIZE)) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_mri_recon_create: protocol: along %s the encoded field of view would have %s pixels, must "
                     "be from 1 to %d",
                     axis_names[a], pixels < 1 ? "no" : "too many", MOST_SIZE);
  }
  l->transform[a] = (int64_t)pixels;
  l->image[a] = a == 0 && o->oversampled != 0 ? l->transform[a] : kvox_min_i64(wanted, l->transform[a]);
  l->spacing_mm[a] = known ? p->encoded_mm[a] / pixels : 1;
  return KVOX_OK;
}

static kvox_status check_limits(const kvox_mri_limits *m, int counter) {
  if (m->first < 0 || m->last < m->first) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: protocol: limits[%d] are %" PRId32 " to %" PRId32
                     ", must begin at 0 or above and not end before they begin",
                     counter, m->first, m->last);
  }
  return KVOX_OK;
}

/* Lines lie where k = 0 comes to the middle. Of one partition the counter means nothing. */
static kvox_status place_lines(const kvox_mri_protocol *p, int a, kvox_mri_recon_layout *l) {
  const kvox_mri_limits *m = &p->limits[a - 1];
  l->offset[a] = l->encoded[a] > 1 ? l->encoded[a] / 2 - m->center : -(int64_t)m->first;
  l->first[a] = m->first + l->offset[a];
  l->end[a] = m->last + l->offset[a] + 1;
  if (l->first[a] < 0 || l->end[a] > l->encoded[a]) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_recon_create: protocol: limits[%d] are %" PRId32 " to %" PRId32 " with k = 0 at %" PRId32
                     ", which does not fit the %" PRId64 " that are encoded along %s",
                     a - 1, m->first, m->last, m->center, l->encoded[a], axis_names[a]);
  }
  return KVOX_OK;
}

static kvox_status count_frames(const kvox_mri_protocol *p, kvox_mri_recon_layout *l) {
  static const int axes[KVOX_MRI_RECON_FRAME_AXES] = {KVOX_MRI_REPETITION, KVOX_MRI_PHASE, KVOX_MRI_SET,
                                                      KVOX_MRI_CONTRAST};
  bool fits = true;
  l->frames = 1;
  for (int f = 0; f < KVOX_MRI_RECON_FRAME_AXES; f++) {
    l->frame_sizes[f] = (int64_t)p->limits[axes[f]].last - p->limits[axes[f]].first + 1;
    fits = fits && kvox_multiply(l->frames, l->frame_sizes[f], &l->frames);
  }
  l->slices = (int64_t)p->limits[KVOX_MRI_SLICE].last - p->limits[KVOX_MRI_SLICE].first + 1;
  int64_t volumes = 0, lines = 1;
  fits = fits && kvox_multiply(l->frames, l->slices, &volumes);
  for (int a = 1; a < 3; a++) {
    const double factor = p->acceleration[a - 1];
    const int64_t all = l->end[a] - l->first[a];
    const int64_t taken = factor > 1 && isfinite(factor) ? (int64_t)ceil((double)all / factor) : all;
    fits = fits && kvox_multiply(lines, kvox_max_i64(taken, 1), &lines);
  }
  fits = fits && kvox_multiply(lines, volumes, &lines);
  const int64_t averages = (int64_t)p->limits[KVOX_MRI_AVERAGE].last - p->limits[KVOX_MRI_AVERAGE].first + 1;
  fits = fits && kvox_multiply(lines, averages, &lines);
  l->lines = lines;
  if (!fits) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_recon_create: protocol: its limits announce more than 2^63 - 1 lines");
  }
  return l->slices <= MOST_SIZE
             ? KVOX_OK
             : kvox_fail(KVOX_ERROR_SIZE,
                         "kvox_mri_recon_create: protocol: limits[%d] announce %" PRId64 " slices, may be %d",
                         KVOX_MRI_SLICE, l->slices, MOST_SIZE);
}

kvox_status kvox_mri_recon_plan_layout(const kvox_mri_protocol *protocol, const kvox_mri_recon_options *options,
                                       kvox_mri_recon_layout *layout) {
  *layout = (kvox_mri_recon_layout){.frames = 1};
  for (int c = 0; c < KVOX_MRI_COUNTERS; c++) {
    KVOX_TRY(check_limits(&protocol->limits[c], c));
  }
  for (int a = 0; a < 3; a++) {
    KVOX_TRY(check_axis(protocol, options, a));
    KVOX_TRY(size_axis(protocol, options, a, layout));
  }
  layout->end[0] = layout->encoded[0];
  KVOX_TRY(place_lines(protocol, 1, layout));
  KVOX_TRY(place_lines(protocol, 2, layout));
  return count_frames(protocol, layout);
}

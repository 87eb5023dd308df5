/*
 * Opposite rays: that of view b at fan angle g is measured again, from the other side, at b + 180 degrees - 2 g and -g.
 * Both must tell the same.
 */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/center.h"
#include "ct/consistency.h"

static const double pi = 3.14159265358979323846;

/* Neighbouring views this far apart, or by so many of the mean step, are not read between. */
static const double widest_blend_deg = 10, widest_steps = 2.5;

/* A view met to this part of a gap is that view. */
static const double same_view = 0.02;

/* Rays that leave the detector by less than this part of a bin are at its edge. */
static const double edge_px = 1e-9;

/* Simple operations a pair costs, for the choice of threads. */
enum { OPERATIONS = 64 };

/* Where the opposite ray of a bin is. */
typedef struct opposite {
  double turn_deg;
  int64_t bin; /* -1: beside the detector */
  float fraction;
} opposite;

typedef struct sums {
  double differences; /* squared */
  double count, values, squares;
  double noise, blending;
} sums;

typedef struct comparison {
  const kvox_ct_sinogram *sinogram;
  kvox_ct_center_view *order; /* by angle on the circle of 360 degrees */
  opposite *opposites;        /* of each bin */
  sums *sums;                 /* of each view looked at */
  int64_t stride;
} comparison;

static double on_circle(double angle_deg) {
  const double r = fmod(angle_deg, 360);
  const double turned = r < 0 ? r + 360 : r;
  return turned < 360 ? turned : 0;
}

static void order_views(comparison *c, kvox_ct_change change) {
  const kvox_ct_sinogram *s = c->sinogram;
  const double factor = change.what == KVOX_CT_DIRECTION ? -1 : change.what == KVOX_CT_ANGLE_STEP ? change.amount : 1;
  for (int64_t v = 0; v < s->views; v++) {
    c->order[v] = (kvox_ct_center_view){on_circle(factor * s->geometry->angles_deg[v]), v};
  }
  kvox_ct_center_sort(c->order, s->views);
}

static void find_opposites(comparison *c, kvox_ct_change change) {
  const kvox_ct_sinogram *s = c->sinogram;
  const kvox_ct_geometry *g = s->geometry;
  const double half_bin = 0.5 * (double)(s->bin_columns - 1), last = (double)(s->columns - 1);
  const double axis = g->center_column_px + (change.what == KVOX_CT_COLUMN_OFFSET ? change.amount : 0);
  const double distance = g->source_to_detector_mm * (change.what == KVOX_CT_SOURCE_DISTANCE ? change.amount : 1);
  const bool flipped = change.what == KVOX_CT_COLUMNS_FLIPPED;
  for (int64_t k = 0; k < s->bins; k++) {
    const double column = (double)(k * s->bin_columns) + half_bin;
    const double x = (flipped ? last - column : column) - axis;
    const double mirrored = flipped ? last - (axis - x) : axis - x;
    const double bin = (mirrored - half_bin) / (double)s->bin_columns;
    opposite *o = &c->opposites[k];
    *o = (opposite){.bin = -1};
    if (!(bin >= -edge_px && bin <= (double)(s->bins - 1) + edge_px)) {
      continue;
    }
    const double inside = fmin(fmax(floor(bin), 0), (double)(s->bins - 2));
    o->bin = (int64_t)inside;
    o->fraction = (float)fmin(fmax(bin - inside, 0), 1);
    o->turn_deg = g->beam == KVOX_CT_PARALLEL ? 180 : 180 - 2 * atan(x * g->column_pitch_mm / distance) * (180 / pi);
  }
}

/* The views on either side of an angle, and how far between. */
typedef struct between {
  int64_t before, after;
  float fraction;
} between;

/* `near` is where the search begins and ends. False in a gap. */
static bool find_views(const comparison *c, double angle_deg, int64_t *near, between *found) {
  const int64_t views = c->sinogram->views;
  const kvox_ct_center_view *order = c->order;
  int64_t at = *near;
  while (at > 0 && order[at].angle_deg > angle_deg) {
    at--;
  }
  while (at + 1 < views && order[at + 1].angle_deg <= angle_deg) {
    at++;
  }
  *near = at;
  const bool below_first = order[at].angle_deg > angle_deg;
  const int64_t before = below_first ? views - 1 : at, after = before + 1 < views ? before + 1 : 0;
  const double begin = order[before].angle_deg - (below_first ? 360 : 0);
  const double end = order[after].angle_deg + (after == 0 && !below_first ? 360 : 0);
  const double gap = end - begin;
  const double fraction = gap > 0 ? (angle_deg - begin) / gap : 0;
  *found = (between){order[before].view, order[after].view, (float)fraction};
  if (gap <= fmin(widest_blend_deg, widest_steps * 360 / (double)views)) {
    return true;
  }
  found->fraction = fraction < 0.5 ? 0 : 1;
  return fabs(fraction - (double)found->fraction) < same_view;
}

static kvox_status compare_view(void *data, int64_t index, int32_t worker) {
  const comparison *c = data;
  const kvox_ct_sinogram *s = c->sinogram;
  const kvox_ct_center_view view = c->order[index * c->stride];
  const float *here = s->samples + view.view * s->bins;
  int64_t near = s->views / 2;
  sums *result = &c->sums[index];
  (void)worker;
  *result = (sums){.count = 0};
  for (int64_t k = 0; k < s->bins; k++) {
    const opposite *o = &c->opposites[k];
    between views;
    if (o->bin < 0) {
      continue;
    }
    const double angle = view.angle_deg + o->turn_deg; /* both of 0 to 360 */
    if (!find_views(c, angle < 360 ? angle : angle - 360, &near, &views)) {
      continue;
    }
    const float *a = s->samples + views.before * s->bins + o->bin, *b = s->samples + views.after * s->bins + o->bin;
    const float first = a[0] + o->fraction * (a[1] - a[0]), second = b[0] + o->fraction * (b[1] - b[0]);
    const double d = (double)here[k] - (double)(first + views.fraction * (second - first));
    const double e = (double)here[k] - s->mean;
    result->differences += d * d;
    result->count += 1;
    result->values += e;
    result->squares += e * e;
    result->noise += s->noise[k];
    result->blending += s->blending[k];
  }
  return KVOX_OK;
}

kvox_status kvox_ct_pairs_compare(const kvox_ct_sinogram *sinogram, kvox_ct_change change, int64_t most_views,
                                  kvox_ct_pairs *pairs) {
  kvox_heap *heap = sinogram->context->heap;
  comparison c = {.sinogram = sinogram, .stride = kvox_divide_up(sinogram->views, most_views)};
  const int64_t looked_at = kvox_divide_up(sinogram->views, c.stride);
  c.order = kvox_allocate_array(heap, sinogram->views, sizeof *c.order);
  c.opposites = kvox_allocate_array(heap, sinogram->bins, sizeof *c.opposites);
  c.sums = kvox_allocate_array(heap, looked_at, sizeof *c.sums);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (c.order != NULL && c.opposites != NULL && c.sums != NULL) {
    order_views(&c, change);
    find_opposites(&c, change);
    status = kvox_parallel(&sinogram->context->threads, looked_at, kvox_work(looked_at * OPERATIONS, sinogram->bins),
                           compare_view, &c, NULL);
  }
  sums all = {.count = 0};
  for (int64_t i = 0; status == KVOX_OK && i < looked_at; i++) {
    all.differences += c.sums[i].differences;
    all.count += c.sums[i].count;
    all.values += c.sums[i].values;
    all.squares += c.sums[i].squares;
    all.noise += c.sums[i].noise;
    all.blending += c.sums[i].blending;
  }
  kvox_release(heap, c.sums);
  kvox_release(heap, c.opposites);
  kvox_release(heap, c.order);
  /* Around the mean of what was compared: air has no say. */
  const double energy = all.count > 0 ? all.squares - all.values * all.values / all.count : 0;
  const double whole = sinogram->variance * (double)looked_at * (double)sinogram->bins;
  *pairs = (kvox_ct_pairs){.energy = 0};
  if (energy > 0 && whole > 0) {
    *pairs = (kvox_ct_pairs){.misfit = sqrt(all.differences / (2 * energy)),
                             .energy = energy / whole,
                             .of_noise = sqrt(all.noise / energy),
                             .of_blending = sqrt(all.blending / (2 * energy))};
  }
  return status;
}

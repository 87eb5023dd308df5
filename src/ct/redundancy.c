#include "ct/redundancy.h"

#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/number.h"
#include "ct/orbit.h"

static const double pi = 3.14159265358979323846;

/* Full turn: the weights leave 1/2 over so many times what the larger side has over the smaller, or the whole overlap.
 */
static const double edge_share = 4;

/* Short scan: the smaller side of the fan is at least this share of the larger; a detector mounted askew, not aside. */
static const double least_symmetry = 0.9;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double on_circle(double angle_deg) {
  const double r = fmod(angle_deg, 360);
  return r < 0 ? r + 360 : r;
}

/* The view after the widest gap. */
static kvox_status find_start(const kvox_ct_geometry *g, double *start_deg) {
  double *sorted = kvox_allocate_array(g->context->heap, g->views, sizeof *sorted);
  if (sorted == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < g->views; v++) {
    sorted[v] = on_circle(g->angles_deg[v]);
  }
  qsort(sorted, (size_t)g->views, sizeof *sorted, by_value);
  double widest = sorted[0] + 360 - sorted[g->views - 1];
  *start_deg = sorted[0];
  for (int64_t v = 1; v < g->views; v++) {
    if (sorted[v] - sorted[v - 1] > widest) {
      widest = sorted[v] - sorted[v - 1];
      *start_deg = sorted[v];
    }
  }
  kvox_release(g->context->heap, sorted);
  return KVOX_OK;
}

kvox_status kvox_ct_redundancy_make(const kvox_ct_geometry *geometry, const char *name,
                                    kvox_ct_redundancy *redundancy) {
  const kvox_ct_orbit_fan fan = kvox_ct_orbit_fan_of(geometry);
  const double arc_deg = kvox_ct_geometry_arc_deg(geometry);
  const double small = fmin(-fan.narrowest.low_rad, fan.narrowest.high_rad);
  const double large = fmax(-fan.widest.low_rad, fan.widest.high_rad);
  *redundancy = (kvox_ct_redundancy){.full_turn = arc_deg >= 360, .side = fan.widest.high_rad == large ? 1 : -1};
  if (small <= 0) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "%s: the axis projects beside the detector; every ray near it must be measured", name);
  }
  if (redundancy->full_turn) {
    redundancy->near_rad = small;
    redundancy->edge_rad = fmin(small, edge_share * (large - small));
    return KVOX_OK;
  }
  if (fmin(-fan.mean.low_rad, fan.mean.high_rad) < least_symmetry * fmax(-fan.mean.low_rad, fan.mean.high_rad)) {
    char text[KVOX_NUMBER_BYTES];
    return kvox_fail(KVOX_ERROR_GEOMETRY, "%s: an offset detector needs a full turn, the views cover %s degrees of it",
                     name, kvox_number(arc_deg, text));
  }
  double start_deg = 0;
  KVOX_TRY(find_start(geometry, &start_deg));
  redundancy->start_rad = (start_deg - 0.5 * geometry->arc_step_deg) * (pi / 180);
  redundancy->virtual_rad = 0.5 * (arc_deg - 180) * (pi / 180);
  return KVOX_OK;
}

/* Wang 2002 (Med Phys 29, 1634) where the overlap is left whole: half on rays measured twice, 1 and 0 at the ends of
 * the overlap, sin between. */
static double full_turn_weight(const kvox_ct_redundancy *r, double fan_rad) {
  const double outer = r->side * fan_rad, inner = r->near_rad - r->edge_rad;
  if (fabs(outer) <= inner) {
    return 0.5;
  }
  const double t = fmin((fabs(outer) - inner) / r->edge_rad, 1);
  return 0.5 * (1 + copysign(sin(0.5 * pi * t), outer));
}

/* sin^2 that reaches 1 at `length`. */
static double rise(double way, double length) {
  const double s = way < length ? sin(0.5 * pi * way / length) : 1;
  return s * s;
}

/* Parker 1982 (Med Phys 9, 254); beyond 180 degrees + fan the fan is the virtual one that the arc would be just enough
 * for (Silver 2000, Med Phys 27, 773). */
static double short_scan_weight(const kvox_ct_redundancy *r, double view_rad, double fan_rad) {
  double way = fmod(view_rad - r->start_rad, 2 * pi);
  way = way < 0 ? way + 2 * pi : way;
  const double left = pi + 2 * r->virtual_rad - way;
  if (left <= 0) {
    return 0;
  }
  const double first = 2 * (r->virtual_rad + fan_rad), last = 2 * (r->virtual_rad - fan_rad);
  return way < first ? rise(way, first) : left < last ? rise(left, last) : 1;
}

double kvox_ct_redundancy_weight(const kvox_ct_redundancy *redundancy, double view_rad, double fan_rad) {
  return redundancy->full_turn ? full_turn_weight(redundancy, fan_rad)
                               : short_scan_weight(redundancy, view_rad, fan_rad);
}

#include "ct/angles.h"

#include <math.h>
#include <stdlib.h>

#include "core/fail.h"

static const double pi = 3.14159265358979323846;

/* Views closer than this (degrees, on their circle) measure the same rays. */
static const double same_rays_deg = 1e-6;

/* The golden angle's steps differ by at most 2.6 (three-distance theorem) and a lost view or two should not stop a
 * reconstruction; beyond this ratio of the widest gap to the mean step, part of the object is not measured. */
static const double widest_gap_in_steps = 3.5;

void kvox_ct_cos_sin_deg(double angle_deg, double *cosine, double *sine) {
  const double turned = fmod(angle_deg, 360);
  const double quarter = nearbyint(turned / 90);
  const double rest = (turned - 90 * quarter) * (pi / 180);
  const double c = cos(rest), s = sin(rest);
  switch (((int)quarter + 8) % 4) {
    case 0: *cosine = c, *sine = s; break;
    case 1: *cosine = -s, *sine = c; break;
    case 2: *cosine = -c, *sine = -s; break;
    default: *cosine = s, *sine = -c; break;
  }
}

bool kvox_ct_arc_is_short(double gap_deg, double step_deg) { return gap_deg > widest_gap_in_steps * step_deg; }

/* Angles in ascending order on a circle of 180 degrees, where a view measures the rays of its opposite, or of 360. */
typedef struct ray_angle {
  double deg; /* 0 <= deg < the circle */
  int64_t view;
} ray_angle;

static int by_angle(const void *a, const void *b) {
  const ray_angle *x = a, *y = b;
  if (x->deg != y->deg) {
    return x->deg < y->deg ? -1 : 1;
  }
  return x->view < y->view ? -1 : 1;
}

static double on_circle(double angle_deg, double circle_deg) {
  const double r = fmod(angle_deg, circle_deg);
  const double deg = r < 0 ? r + circle_deg : r;
  /* 179.9999999 of 180 is 0 again. */
  return deg > circle_deg - same_rays_deg ? 0 : deg;
}

/* Views from `begin` on that measure the same rays end here. */
static int64_t group_end(const ray_angle *sorted, int64_t views, int64_t begin) {
  int64_t end = begin + 1;
  while (end < views && sorted[end].deg - sorted[begin].deg < same_rays_deg) {
    end++;
  }
  return end;
}

/* From the group that ends at `end` to the next one, once round at the last. */
static double gap_after(const ray_angle *sorted, int64_t views, double circle_deg, int64_t begin, int64_t end) {
  return (end < views ? sorted[end].deg : sorted[0].deg + circle_deg) - sorted[begin].deg;
}

typedef struct ray_gaps {
  double widest_deg, next_deg; /* the two widest; 0 where there is none */
  double step_deg;             /* the mean of all but the widest */
} ray_gaps;

static ray_gaps find_gaps(const ray_angle *sorted, int64_t views, double circle_deg) {
  ray_gaps gaps = {0};
  int64_t groups = 0;
  for (int64_t begin = 0, end; begin < views; begin = end) {
    end = group_end(sorted, views, begin);
    const double gap_deg = gap_after(sorted, views, circle_deg, begin, end);
    gaps.next_deg = fmax(gaps.next_deg, fmin(gap_deg, gaps.widest_deg));
    gaps.widest_deg = fmax(gaps.widest_deg, gap_deg);
    groups++;
  }
  gaps.step_deg = groups > 1 ? (circle_deg - gaps.widest_deg) / (double)(groups - 1) : 0;
  return gaps;
}

/* What of a gap its two neighbours stand for: all, but only a step of one that nothing measured, lest the view at its
 * edge be drawn as a streak. Such a gap stands out from every other: the wide ones among steps of several widths, or
 * random ones, were measured as well as the scan could. A single direction stands for all that there is. */
static double stood_for(double gap_deg, const ray_gaps *gaps) {
  return gaps->step_deg > 0 && gap_deg > widest_gap_in_steps * gaps->next_deg ? gaps->step_deg : gap_deg;
}

kvox_status kvox_ct_angle_weights(kvox_heap *heap, double circle_deg, const double *angles_deg, int64_t views,
                                  double *weights_rad, double *gap_deg, double *step_deg) {
  ray_angle *sorted = kvox_allocate_array(heap, views, sizeof *sorted);
  if (sorted == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < views; v++) {
    sorted[v] = (ray_angle){on_circle(angles_deg[v], circle_deg), v};
  }
  qsort(sorted, (size_t)views, sizeof *sorted, by_angle);
  const ray_gaps gaps = find_gaps(sorted, views, circle_deg);
  *gap_deg = gaps.widest_deg;
  *step_deg = gaps.step_deg;

  double before = stood_for(gap_after(sorted, views, circle_deg, views - 1, views), &gaps);
  for (int64_t begin = 0, end; begin < views; begin = end) {
    end = group_end(sorted, views, begin);
    const double after = stood_for(gap_after(sorted, views, circle_deg, begin, end), &gaps);
    for (int64_t i = begin; i < end; i++) {
      weights_rad[sorted[i].view] = 0.5 * (before + after) * (pi / 180) / (double)(end - begin);
    }
    before = after;
  }
  kvox_release(heap, sorted);
  return KVOX_OK;
}

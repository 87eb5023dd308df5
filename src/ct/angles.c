#include "ct/angles.h"

#include <math.h>
#include <stdlib.h>

#include "core/fail.h"

static const double pi = 3.14159265358979323846;

/* Views closer than this (degrees, on the circle of 180) measure the same rays. */
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

typedef struct ray_angle {
  double deg; /* 0 <= deg < 180 */
  int64_t view;
} ray_angle;

static int by_angle(const void *a, const void *b) {
  const ray_angle *x = a, *y = b;
  if (x->deg != y->deg) {
    return x->deg < y->deg ? -1 : 1;
  }
  return x->view < y->view ? -1 : 1;
}

static double on_half_circle(double angle_deg) {
  const double r = fmod(angle_deg, 180);
  const double deg = r < 0 ? r + 180 : r;
  /* 179.9999999 is 0 again. */
  return deg > 180 - same_rays_deg ? 0 : deg;
}

kvox_status kvox_ct_angle_weights(kvox_heap *heap, const double *angles_deg, int64_t views, double *weights_rad,
                                  double *gap_deg, double *step_deg) {
  ray_angle *sorted = kvox_allocate(heap, (uint64_t)views * sizeof *sorted);
  if (sorted == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < views; v++) {
    sorted[v] = (ray_angle){on_half_circle(angles_deg[v]), v};
  }
  qsort(sorted, (size_t)views, sizeof *sorted, by_angle);

  int64_t groups = 0;
  double widest = 0;
  double before = sorted[views - 1].deg - 180; /* the direction before the first, once round */
  for (int64_t begin = 0, end; begin < views; begin = end) {
    end = begin + 1;
    while (end < views && sorted[end].deg - sorted[begin].deg < same_rays_deg) {
      end++;
    }
    const double here = sorted[begin].deg;
    const double after = end < views ? sorted[end].deg : sorted[0].deg + 180;
    const double weight = 0.5 * (after - before) * (pi / 180) / (double)(end - begin);
    for (int64_t i = begin; i < end; i++) {
      weights_rad[sorted[i].view] = weight;
    }
    widest = fmax(widest, after - here);
    before = here;
    groups++;
  }
  kvox_release(heap, sorted);
  *gap_deg = widest;
  *step_deg = groups > 1 ? (180 - widest) / (double)(groups - 1) : 0;
  return KVOX_OK;
}

bool kvox_ct_arc_is_short(double gap_deg, double step_deg) { return gap_deg > widest_gap_in_steps * step_deg; }

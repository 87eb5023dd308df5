/*
 * Projection onto convex sets (Haacke, Lindskog, Lin 1991): images that have the phase of the middle of k-space, and
 * k-spaces that hold the measured samples, by turns. What was found last waits where nothing was measured, so that the
 * change can be told.
 */
#include <math.h>
#include <string.h>

#include "mri/partial.h"

static bool is_known(const kvox_partial_axis *a, int64_t i) { return i >= a->known[0] && i <= a->known[1]; }
static bool is_within(const kvox_partial_axis *a, int64_t i) { return i >= a->low && i <= a->high; }

/* Keeps samples `begin` to below `end` of a row that were found; the energy of their change. */
static double keep(const kvox_partial_work *w, const float *found, float *kept, int64_t begin, int64_t end) {
  if (end <= begin) {
    return 0;
  }
  const double change = w->plan->kernels->energy(end - begin, found + 2 * begin, kept + 2 * begin);
  memcpy(kept + 2 * begin, found + 2 * begin, (size_t)(2 * (end - begin)) * sizeof *kept);
  return change;
}

/* Measured samples put back; sums[row]: the energy of the change of the others. */
static kvox_status restore_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const kvox_partial_axis *x = &w->plan->axes[0], *y = &w->plan->axes[1], *z = &w->plan->axes[2];
  const int64_t iy = row % y->size, iz = row / y->size;
  float *found = w->image + 2 * row * x->size, *measured = w->measured + 2 * row * x->size;
  w->sums[row] = 0;
  if (is_within(y, iy) && is_within(z, iz)) {
    const bool any = is_known(y, iy) && is_known(z, iz);
    const int64_t first = any ? x->known[0] : x->high + 1, end = any ? x->known[1] + 1 : x->high + 1;
    w->sums[row] = keep(w, found, measured, x->low, first) + keep(w, found, measured, end, x->high + 1);
  }
  memcpy(found, measured, (size_t)(2 * x->size) * sizeof *found); /* beyond what is found there are zeros */
  return KVOX_OK;
}

/* Where some measured samples are trusted less: between them and what was found. */
static kvox_status blend_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const kvox_partial_axis *x = &w->plan->axes[0], *y = &w->plan->axes[1], *z = &w->plan->axes[2];
  const int64_t iy = row % y->size, iz = row / y->size, begin = 2 * row * x->size;
  float *found = w->image + begin;
  const bool within = is_within(y, iy) && is_within(z, iz);
  const int64_t low = within ? x->low : 0, end = within ? x->high + 1 : 0;
  memset(found, 0, (size_t)(2 * low) * sizeof *found);
  memset(found + 2 * end, 0, (size_t)(2 * (x->size - end)) * sizeof *found);
  w->plan->kernels->blend(end - low, fminf(y->trust[iy], z->trust[iz]), x->trust + low, w->measured + begin + 2 * low,
                          found + 2 * low);
  return KVOX_OK;
}

static kvox_status energy_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  w->sums[row] = w->plan->kernels->energy(nx, w->measured + 2 * row * nx, NULL);
  return KVOX_OK;
}

static double sum_of_rows(const kvox_partial_work *w) {
  double sum = 0;
  for (int64_t row = 0; row < w->plan->axes[1].size * w->plan->axes[2].size; row++) {
    sum += w->sums[row];
  }
  return sum;
}

static kvox_status project(kvox_partial_work *work) {
  /* The paper keeps the magnitude instead; here that ended with twice the error. */
  KVOX_TRY(kvox_partial_rows(work, kvox_partial_onto_phase));
  return kvox_partial_transform(work, work->plan->along, false, work->image);
}

kvox_status kvox_partial_pocs(kvox_partial_work *work, bool keep_kspace) {
  const kvox_mri_partial *plan = work->plan;
  KVOX_TRY(kvox_partial_phase(work));
  KVOX_TRY(kvox_partial_rows(work, energy_row));
  const double least = plan->options.tolerance * plan->options.tolerance * sum_of_rows(work);
  memcpy(work->image, work->measured, (size_t)(2 * plan->samples) * sizeof *work->image);
  bool done = false;
  for (int64_t i = 0; i < plan->options.iterations && !done; i++) {
    KVOX_TRY(kvox_partial_transform(work, plan->along, true, work->image));
    KVOX_TRY(project(work));
    KVOX_TRY(kvox_partial_rows(work, restore_row));
    done = sum_of_rows(work) <= least;
  }
  if (plan->options.transition > 0) {
    KVOX_TRY(kvox_partial_transform(work, plan->along, true, work->image));
    KVOX_TRY(project(work));
    KVOX_TRY(kvox_partial_rows(work, blend_row));
  }
  return keep_kspace ? KVOX_OK : kvox_partial_transform(work, plan->along, true, work->image);
}

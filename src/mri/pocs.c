/*
 * Projection onto convex sets (Haacke, Lindskog, Lin 1991): images that have the phase of the middle of k-space, and
 * k-spaces that hold the measured samples, by turns. What was found last waits where nothing was measured, so that the
 * change can be told.
 */
#include <math.h>
#include <string.h>

#include "mri/partial.h"

static bool is_measured(const kvox_partial_axis *a, int64_t i) { return i >= a->first && i <= a->last; }
static bool is_within(const kvox_partial_axis *a, int64_t i) { return i >= a->low && i <= a->high; }

/* Measured samples put back; sums[row]: the energy of the change of the others. */
static kvox_status restore_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const kvox_partial_axis *x = &w->plan->axes[0], *y = &w->plan->axes[1], *z = &w->plan->axes[2];
  const int64_t iy = row % y->size, iz = row / y->size;
  float *found = w->image + 2 * row * x->size, *measured = w->measured + 2 * row * x->size;
  const bool within = is_within(y, iy) && is_within(z, iz);
  const bool row_measured = is_measured(y, iy) && is_measured(z, iz);
  double change = 0;
  for (int64_t i = 0; i < x->size; i++) {
    float *to = found + 2 * i, *from = measured + 2 * i;
    if (row_measured && is_measured(x, i)) {
      to[0] = from[0];
      to[1] = from[1];
      continue;
    }
    if (!within || !is_within(x, i)) {
      to[0] = to[1] = 0;
      continue;
    }
    const double re = (double)to[0] - from[0], im = (double)to[1] - from[1];
    change += re * re + im * im;
    from[0] = to[0];
    from[1] = to[1];
  }
  w->sums[row] = change;
  return KVOX_OK;
}

/* Where some measured samples are trusted less: between them and what was found. */
static kvox_status blend_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const kvox_partial_axis *x = &w->plan->axes[0], *y = &w->plan->axes[1], *z = &w->plan->axes[2];
  const int64_t iy = row % y->size, iz = row / y->size;
  const float outer = fminf(y->trust[iy], z->trust[iz]);
  const bool within = is_within(y, iy) && is_within(z, iz);
  float *found = w->image + 2 * row * x->size;
  const float *measured = w->measured + 2 * row * x->size;
  for (int64_t i = 0; i < x->size; i++) {
    const float trust = fminf(outer, x->trust[i]), keep = within && is_within(x, i) ? 1 - trust : 0;
    found[2 * i] = trust * measured[2 * i] + keep * found[2 * i];
    found[2 * i + 1] = trust * measured[2 * i + 1] + keep * found[2 * i + 1];
  }
  return KVOX_OK;
}

static kvox_status energy_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  const float *z = w->measured + 2 * row * nx;
  double sum = 0;
  for (int64_t i = 0; i < 2 * nx; i++) {
    sum += (double)z[i] * z[i];
  }
  w->sums[row] = sum;
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

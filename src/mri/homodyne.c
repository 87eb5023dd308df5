/* Homodyne detection (Noll, Nishimura, Macovski 1991), and the phase from the middle of k-space that POCS takes too. */
#include "mri/partial.h"

void kvox_partial_scale_row(const kvox_mri_partial *plan, kvox_partial_factor factor, int64_t row, const float *in,
                            float *out) {
  const int64_t nx = plan->axes[0].size, ny = plan->axes[1].size, begin = 2 * row * nx;
  const float outer = kvox_partial_factors_of(&plan->axes[1], factor)[row % ny] *
                      kvox_partial_factors_of(&plan->axes[2], factor)[row / ny];
  plan->kernels->scale(nx, outer, kvox_partial_factors_of(&plan->axes[0], factor), in + begin, out + begin);
}

static kvox_status smooth_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  kvox_partial_scale_row(w->plan, KVOX_PARTIAL_SMOOTH, row, w->measured, w->phasor);
  return KVOX_OK;
}

static kvox_status weigh_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  kvox_partial_scale_row(w->plan, KVOX_PARTIAL_WEIGHTS, row, w->measured, w->image);
  return KVOX_OK;
}

static kvox_status normalise_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  w->plan->kernels->normalise(nx, w->phasor + 2 * row * nx);
  return KVOX_OK;
}

kvox_status kvox_partial_onto_phase(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  w->plan->kernels->onto_phase(nx, w->phasor + 2 * row * nx, w->image + 2 * row * nx);
  return KVOX_OK;
}

kvox_status kvox_partial_phase(kvox_partial_work *work) {
  KVOX_TRY(kvox_partial_rows(work, smooth_row));
  KVOX_TRY(kvox_partial_transform(work, work->plan->along, true, work->phasor));
  return kvox_partial_rows(work, normalise_row);
}

kvox_status kvox_partial_homodyne(kvox_partial_work *work) {
  KVOX_TRY(kvox_partial_phase(work));
  KVOX_TRY(kvox_partial_rows(work, weigh_row));
  KVOX_TRY(kvox_partial_transform(work, work->plan->along, true, work->image));
  return kvox_partial_rows(work, kvox_partial_onto_phase);
}

/* Homodyne detection (Noll, Nishimura, Macovski 1991), and the phase from the middle of k-space that POCS takes too. */
#include <math.h>
#include <string.h>

#include "mri/partial.h"

static const float *factors_of(const kvox_partial_axis *axis, kvox_partial_factor factor) {
  return factor == KVOX_PARTIAL_SMOOTH ? axis->smooth : axis->weights;
}

void kvox_partial_scale_row(const kvox_mri_partial *plan, kvox_partial_factor factor, int64_t row, const float *in,
                            float *out) {
  const int64_t nx = plan->axes[0].size, ny = plan->axes[1].size;
  const float *along_x = factors_of(&plan->axes[0], factor);
  const float outer = factors_of(&plan->axes[1], factor)[row % ny] * factors_of(&plan->axes[2], factor)[row / ny];
  in += 2 * row * nx;
  out += 2 * row * nx;
  for (int64_t x = 0; x < nx; x++) {
    const float f = outer * along_x[x];
    out[2 * x] = f * in[2 * x];
    out[2 * x + 1] = f * in[2 * x + 1];
  }
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

/* Unit numbers; 1 where there is no phase. */
static kvox_status normalise_row(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  float *z = w->phasor + 2 * row * nx;
  for (int64_t x = 0; x < nx; x++) {
    const double re = z[2 * x], im = z[2 * x + 1], size = sqrt(re * re + im * im);
    z[2 * x] = size > 0 ? (float)(re / size) : 1;
    z[2 * x + 1] = size > 0 ? (float)(im / size) : 0;
  }
  return KVOX_OK;
}

kvox_status kvox_partial_onto_phase(void *data, int64_t row, int32_t worker) {
  (void)worker;
  const kvox_partial_work *w = data;
  const int64_t nx = w->plan->axes[0].size;
  const float *p = w->phasor + 2 * row * nx;
  float *z = w->image + 2 * row * nx;
  for (int64_t x = 0; x < nx; x++) {
    const float real = z[2 * x] * p[2 * x] + z[2 * x + 1] * p[2 * x + 1];
    z[2 * x] = real * p[2 * x];
    z[2 * x + 1] = real * p[2 * x + 1];
  }
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

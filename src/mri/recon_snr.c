/*
 * Images in units of their noise: that of the real part along the image's phase (Kellman and McVeigh 2005). Homodyne is
 * linear once the phase is known: its weights go in as those of a window do. POCS is not taken: its noise grows with
 * every step, by what the phase lets it (a fifth more where that bends by a few samples of k-space).
 */
#include "mri/fourier.h"
#include "mri/partial.h"
#include "mri/recon.h"

static double square(double a) { return a * a; }

/* Homodyne's weight of sample `i` of an axis; 1 where there is none. */
static double partial_weight(const kvox_mri_recon *r, int axis, int64_t i) {
  return r->partial != NULL ? (double)r->partial->axes[axis].weights[i] : 1;
}

/* Squared weights along a readout. What ramps make of the noise is told for its middle. */
static double readout_weights(const kvox_mri_recon *r) {
  const kvox_mri_fourier_options *o = r->store.raw ? &r->across->options : &r->along_x->options;
  double sum = 0;
  for (int64_t x = r->layout.first[0]; x < r->layout.end[0]; x++) {
    const double along = r->store.raw ? partial_weight(r, 0, x) : 1;
    sum += square(along * kvox_fourier_window_at(o, 0, x));
  }
  return r->ramp != NULL ? sum * square(kvox_mri_ramp_noise_gain(r->ramp)) : sum;
}

/* The sum over the samples that a slice has: a mean of n readouts has 1 / n of the noise of one. */
double kvox_mri_recon_snr_scale(const kvox_mri_recon *r, int64_t frame, int64_t slice) {
  const kvox_mri_recon_layout *l = &r->layout;
  const kvox_mri_fourier_options *o = &r->across->options;
  const int32_t *counts = kvox_mri_recon_counts(r, frame, slice);
  double lines = 0;
  for (int64_t i = 0; i < r->store.rows; i++) {
    const int64_t y = i % l->encoded[1], z = i / l->encoded[1];
    if (counts[i] > 0) {
      const double window = kvox_fourier_window_at(o, 1, y) * kvox_fourier_window_at(o, 2, z);
      lines += square(window * partial_weight(r, 1, y) * partial_weight(r, 2, z)) / (double)counts[i];
    }
  }
  return kvox_mri_snr_scale(lines * readout_weights(r), l->encoded[0] * r->store.rows);
}

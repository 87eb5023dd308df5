/* Images in units of their noise. */
#include "mri/recon.h"

/* The sum over what a slice has of an axis' or line's squared weights; a mean of n readouts has 1 / n of one's noise.
 */
double kvox_mri_recon_snr_scale(const kvox_mri_recon *r, int64_t frame, int64_t slice) {
  const kvox_mri_recon_layout *l = &r->layout;
  const int32_t *counts = kvox_mri_recon_counts(r, frame, slice);
  double lines = 0;
  for (int64_t i = 0; i < r->store.rows; i++) {
    lines += counts[i] > 0 ? 1 / (double)counts[i] : 0;
  }
  const double gain = r->ramp != NULL ? kvox_mri_ramp_noise_gain(r->ramp) : 1;
  const double samples = r->ramp != NULL ? (double)l->encoded[0] : (double)r->kept_samples;
  return kvox_mri_snr_scale(lines * samples * gain * gain, l->encoded[0] * r->store.rows);
}

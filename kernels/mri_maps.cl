/* Maps of single voxels: magnitude and phase of samples; a work-item for each, with the CPU's vector kernels' sums. */

/* By the ratio of the smaller part to the larger: no square leaves the range of floats. */
static float size_of(const float2 z) {
  const float larger = fmax(fabs(z.x), fabs(z.y));
  const float t = larger > 0 ? fmin(fabs(z.x), fabs(z.y)) / larger : 0;
  return larger * sqrt(fma(t, t, 1.0f));
}

/* vf_atan2 of cpu/vec_math.h, operation by operation: above -pi and up to pi, to 3e-7. */
static float angle_of(const float2 z) {
  const float ax = fabs(z.x), ay = fabs(z.y), larger = fmax(ax, ay);
  const float t = larger > 0 ? fmin(ax, ay) / larger : 0, tt = t * t;
  float p = fma(tt, 0.0026222445238715374f, -0.015132536126256375f);
  p = fma(tt, p, 0.041121859705897226f);
  p = fma(tt, p, -0.07366706081552328f);
  p = fma(tt, p, 0.10573932079670455f);
  p = fma(tt, p, -0.14185975300781606f);
  p = fma(tt, p, 0.19990396626751264f);
  p = fma(tt, p, -0.3333298705953742f);
  float a = fma(p * tt, t, t);
  a = ax < ay ? 0x1.921fb6p+0f - a : a;
  a = z.x < 0 ? 0x1.921fb6p+1f - a : a;
  return fmax(z.y < 0 ? 0 - a : a, -0x1.921fb4p+1f);
}

static bool is_finite(const float2 z) { return isfinite(z.x) && isfinite(z.y); }

kernel void magnitude(global const float2 *images, const coil_samples images_at, global float *magnitudes,
                      const coil_samples magnitudes_at, const sample_box box, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  const float2 z = images[place_of(images_at)];
  const float size = size_of(z);
  magnitudes[place_of(magnitudes_at)] = size;
  tell_spoilt(!is_finite(z) || !isfinite(size), box, flags + flag);
}

kernel void phase(global const float2 *images, const coil_samples images_at, global float *phases,
                  const coil_samples phases_at, const sample_box box, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  const float2 z = images[place_of(images_at)];
  phases[place_of(phases_at)] = angle_of(z);
  tell_spoilt(!is_finite(z), box, flags + flag);
}

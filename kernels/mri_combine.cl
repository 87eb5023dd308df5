/* Stage "combine": one image from those of all coils, a work-item for each sample; the CPU's vector kernels' sums. */

kernel void root_sum_of_squares(global const float2 *images, const coil_samples images_at, global float *magnitude,
                                const coil_samples magnitude_at, const sample_box box, const long coils,
                                global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  global const float2 *from = images + place_of(images_at);
  float sum = 0;
  for (long c = 0; c < coils; c++) {
    const float2 z = from[c * images_at.coil];
    sum = fma(z.x, z.x, fma(z.y, z.y, sum));
  }
  const float root = sqrt(sum);
  magnitude[place_of(magnitude_at)] = root;
  tell_spoilt(!isfinite(root), box, flags + flag);
}

/* sum conj(map) image / sum |map|^2; 0 where the maps are. */
kernel void weigh(global const float2 *images, const coil_samples images_at, global const float2 *maps,
                  const coil_samples maps_at, global float2 *combined, const coil_samples combined_at,
                  const sample_box box, const long coils, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  global const float2 *image = images + place_of(images_at), *map = maps + place_of(maps_at);
  float2 sum = (float2)(0);
  float norm = 0;
  for (long c = 0; c < coils; c++, image += images_at.coil, map += maps_at.coil) {
    const float2 z = *image, w = *map;
    sum = fma((float2)(w.x), z, fma((float2)(w.y, -w.y), z.yx, sum));
    norm = fma(w.x, w.x, fma(w.y, w.y, norm));
  }
  const float2 result = norm > 0 ? sum / norm : (float2)(0);
  combined[place_of(combined_at)] = result;
  tell_spoilt(!isfinite(sum.x) || !isfinite(sum.y) || !isfinite(norm) || !isfinite(result.x) || !isfinite(result.y),
              box, flags + flag);
}

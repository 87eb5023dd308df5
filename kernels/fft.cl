/* Real transforms that VkFFT does not have, by complex ones: rows of `n` samples, dense in `wide`. */

kernel void widen(global const float *real, const long real_step, const long n, global float2 *wide) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    wide[member * n + i] = (float2)(real[member * real_step + i], 0);
  }
}

kernel void keep_half(global const float2 *wide, const long n, global float2 *half_row, const long half_step) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i <= n / 2) {
    half_row[member * half_step + i] = wide[member * n + i];
  }
}

/* X[n - k] = conj X[k]. */
kernel void complete(global const float2 *half_row, const long half_step, const long n, global float2 *wide) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    const float2 x = half_row[member * half_step + min(i, n - i)];
    wide[member * n + i] = i <= n / 2 ? x : (float2)(x.x, -x.y);
  }
}

kernel void keep_real(global const float2 *wide, const long n, global float *real, const long real_step) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    real[member * real_step + i] = wide[member * n + i].x;
  }
}

/* Real transforms that VkFFT does not have, by complex ones: rows of `n` samples, dense in `wide`. */

__kernel void widen(__global const float *real, const long real_step, const long n, __global float2 *wide) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    wide[member * n + i] = (float2)(real[member * real_step + i], 0);
  }
}

__kernel void keep_half(__global const float2 *wide, const long n, __global float2 *half_row, const long half_step) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i <= n / 2) {
    half_row[member * half_step + i] = wide[member * n + i];
  }
}

/* X[n - k] = conj X[k]. */
__kernel void complete(__global const float2 *half_row, const long half_step, const long n, __global float2 *wide) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    const float2 x = half_row[member * half_step + min(i, n - i)];
    wide[member * n + i] = i <= n / 2 ? x : (float2)(x.x, -x.y);
  }
}

__kernel void keep_real(__global const float2 *wide, const long n, __global float *real, const long real_step) {
  const long i = get_global_id(0), member = get_global_id(1);
  if (i < n) {
    real[member * real_step + i] = wide[member * n + i].x;
  }
}

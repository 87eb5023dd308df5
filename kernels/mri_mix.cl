/*
 * Stage "mix": the coils of every sample times a matrix. A work-item has a sample, and OUTPUTS results of it at a time,
 * from the last to the first: where results overwrite their samples, a matrix that is zero above its diagonal needs
 * only those that are still there.
 */

/*
 * out[o] = sum over i of matrix[o][i] in[i], which lies as [o / OUTPUTS][i][o % OUTPUTS][real, imaginary], zeros beyond
 * the last. The sums of the CPU's vector kernels, in their order: real parts times z, imaginary parts times z, and then
 * both together.
 */
kernel void mix_coils(global const float2 *in, const coil_samples in_at, global float2 *out, const coil_samples out_at,
                      const sample_box box, global const float *matrix, const int inputs, const int outputs,
                      const int lower, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  global const float2 *from = in + place_of(in_at);
  global float2 *to = out + place_of(out_at);
  int spoilt = 0;
  for (int first = (outputs - 1) / OUTPUTS * OUTPUTS; first >= 0; first -= OUTPUTS) {
    float4 sums[OUTPUTS];
    for (int o = 0; o < OUTPUTS; o++) {
      sums[o] = (float4)(0);
    }
    const int whole = lower ? first : inputs;
    global const float2 *weights = (global const float2 *)matrix + (long)first * inputs;
    for (int i = 0; i < whole; i++, weights += OUTPUTS) {
      const float2 z = from[i * in_at.coil];
      for (int o = 0; o < OUTPUTS; o++) {
        sums[o] = fma(weights[o].xxyy, z.xyxy, sums[o]);
      }
    }
    for (int d = 0; d < OUTPUTS && whole + d < inputs; d++, weights += OUTPUTS) { /* the block on the diagonal */
      const float2 z = from[(whole + d) * in_at.coil];
      for (int o = 0; o < OUTPUTS; o++) {
        sums[o] = o < d ? sums[o] : fma(weights[o].xxyy, z.xyxy, sums[o]);
      }
    }
    for (int o = 0; o < OUTPUTS && first + o < outputs; o++) {
      const float2 result = sums[o].xy + (float2)(0 - sums[o].w, sums[o].z);
      spoilt |= !isfinite(result.x) || !isfinite(result.y);
      to[(first + o) * out_at.coil] = result;
    }
  }
  tell_spoilt(spoilt, box, flags + flag);
}

/* The same with a matrix for each position along x: `weights` [output][input][x], rows of `row` samples, are the
 * conjugates of its elements. */
kernel void mix_positions(global const float2 *in, const coil_samples in_at, global float2 *out,
                          const coil_samples out_at, const sample_box box, global const float2 *weights, const long row,
                          const int inputs, const int outputs, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  global const float2 *from = in + place_of(in_at);
  global float2 *to = out + place_of(out_at);
  global const float2 *weight = weights + get_global_id(0);
  int spoilt = 0;
  for (int o = 0; o < outputs; o++) {
    float2 sum = (float2)(0);
    for (int i = 0; i < inputs; i++, weight += row) {
      const float2 z = from[i * in_at.coil], w = *weight;
      sum = fma((float2)(w.x), z, fma((float2)(w.y, -w.y), z.yx, sum));
    }
    spoilt |= !isfinite(sum.x) || !isfinite(sum.y);
    to[o * out_at.coil] = sum;
  }
  tell_spoilt(spoilt, box, flags + flag);
}

/*
 * EPI: readouts as they were measured to the grid, and a ghost taken off lines. Sums of the CPU's vector kernels, in
 * their order.
 */

static bool is_finite(const float2 z) { return isfinite(z.x) && isfinite(z.y); }

/* Leaves the number of the first sample, of all lines, that is not finite; of a line whose results alone are not, its
 * first. The host bounds it to 32 bits. */
static void tell_line(global const float2 *line, const long step, const int samples, const long number,
                      global uint *flag) {
  int bad = 0;
  while (bad < samples && is_finite(line[bad * step])) {
    bad++;
  }
  atomic_min(flag, (uint)(number * samples + (bad < samples ? bad : 0)));
}

/* out[line][x] = sum over samples of matrix[sample][x] in[line][sample]. A work-item has x of LINES lines. `box` is the
 * output's, in lines along y and z. */
kernel void regrid(global const float2 *in, const coil_samples in_at, global float2 *out, const coil_samples out_at,
                   const sample_box box, global const float *matrix, const int samples, global uint *flags,
                   const long flag) {
  const long x = get_global_id(0), first = (long)get_global_id(1) * LINES, z = get_global_id(2);
  if (x >= box.x || first >= box.y || z >= box.z) {
    return;
  }
  const int lines = (int)min((long)LINES, box.y - first);
  global const float2 *from = in + in_at.begin + z * in_at.z + first * in_at.y;
  float2 sums[LINES];
  for (int l = 0; l < LINES; l++) {
    sums[l] = (float2)(0);
  }
  for (int i = 0; i < samples; i++) {
    const float weight = matrix[(long)i * box.x + x];
    for (int l = 0; l < LINES; l++) { /* the last line again where there is none */
      sums[l] = fma((float2)(weight), from[min(l, lines - 1) * in_at.y + i * in_at.x], sums[l]);
    }
  }
  for (int l = 0; l < LINES; l++) {
    if (l < lines) {
      out[out_at.begin + z * out_at.z + (first + l) * out_at.y + x * out_at.x] = sums[l];
      if (!is_finite(sums[l])) {
        tell_line(from + l * in_at.y, in_at.x, samples, z * box.y + first + l, flags + flag);
      }
    }
  }
}

/* As they are, or from the last sample to the first. */
kernel void turn_lines(global const float2 *in, const coil_samples in_at, global float2 *out, const coil_samples out_at,
                       const sample_box box, const int reversed, global uint *flags, const long flag) {
  const long x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
  if (!is_within(box)) {
    return;
  }
  const long from = reversed ? box.x - 1 - x : x;
  const float2 value = in[in_at.begin + z * in_at.z + y * in_at.y + from * in_at.x];
  out[place_of(out_at)] = value;
  if (!is_finite(value)) {
    atomic_min(flags + flag, (uint)((z * box.y + y) * box.x + from));
  }
}

/* Times factors [coil][direction][x]; `first_line` is the y of the piece's first row, of `lines` in [y]. */
kernel void ghost(global const float2 *in, const coil_samples in_at, global float2 *out, const coil_samples out_at,
                  const sample_box box, const long coils, global const float2 *factors, global const uchar *reversed,
                  const long first_line, const long lines, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  const long x = get_global_id(0), row = first_line + (long)get_global_id(1), y = row - row / lines * lines;
  global const float2 *from = in + place_of(in_at), *factor = factors + reversed[y] * box.x + x;
  global float2 *to = out + place_of(out_at);
  int spoilt = 0;
  for (long c = 0; c < coils; c++, factor += 2 * box.x) {
    const float2 z = from[c * in_at.coil], f = *factor;
    const float2 result = fma((float2)(f.y), (float2)(-z.y, z.x), f.x * z);
    to[c * out_at.coil] = result;
    spoilt |= !is_finite(result);
  }
  tell_spoilt(spoilt, box, flags + flag);
}

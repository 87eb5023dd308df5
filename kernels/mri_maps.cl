/*
 * Maps of single voxels: magnitude and phase of samples, the main field from the phases of echoes; a work-item for each
 * voxel, with the CPU's vector kernels' sums.
 */

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

/* ---- The main field ---- */

/* Sums of squares beyond this have products that may leave the range of floats. */
#define MOST_SQUARES (FLT_MAX / 4)

/* The scratch has echoes' sums of squares and then the steps' phases, `element` floats apart. The field in Hz of a turn
 * in the shortest step, and in all the time; the weight of a spread of squared shares of it, as c 2^e. */
typedef struct train {
  long echoes, coils, element;
  float hz_of_step, hz_of_span, weight;
  int exponent;
} train;

/* Of each echo its time as a share of the last one; of each step from the one before it its length in shortest ones,
 * and whether it is one. */
typedef struct echo {
  float time, step, is_shortest;
} echo;

static float2 add_conjugate(const float2 sum, const float2 w, const float2 z) {
  return fma((float2)(w.x), z, fma((float2)(w.y, -w.y), z.yx, sum));
}

#define TURNS 0.159154943f /* in a radian */

/* Squares of each echo, phases of steps in turns, to the scratch: the phase of the shortest ones together. Leaves the
 * largest sum of squares, NaN where one is out of range. */
static float sum_echoes(const train t, global const echo *echoes, global const float2 *images, const long coil_step,
                        global float *scratch, float *largest) {
  float2 together = (float2)(0);
  *largest = 0;
  for (long e = 0; e < t.echoes; e++) {
    global const float2 *at = images + e * t.coils * coil_step;
    float2 product = (float2)(0);
    float squares = 0;
    for (long c = 0; c < t.coils; c++, at += coil_step) {
      const float2 z = *at;
      squares = fma(z.x, z.x, fma(z.y, z.y, squares));
      if (e > 0) {
        product = add_conjugate(product, at[-t.coils * coil_step], z);
      }
    }
    scratch[e * t.element] = squares;
    *largest = squares <= MOST_SQUARES ? fmax(*largest, squares) : NAN;
    if (!(squares <= MOST_SQUARES)) {
      return 0;
    }
    if (e > 0) {
      scratch[(t.echoes + e) * t.element] = TURNS * angle_of(product);
      together = echoes[e].is_shortest > 0 ? together + product : together;
    }
  }
  return TURNS * angle_of(together);
}

/* The sums of the line through what the steps' phases are ahead of `turns` a shortest step, about (time, ahead). Echoes
 * from the first one without signal on do not count. */
typedef struct sums {
  float w, t, p, tt, tp;
} sums;

static sums add_echoes(const train t, global const echo *echoes, global const float *scratch, const float turns,
                       const float scale, const float time, const float ahead) {
  sums s = {0, 0, 0, 0, 0};
  float p = 0;
  for (long e = 0; e < t.echoes; e++) {
    const float w = scale * scratch[e * t.element];
    if (!(w > 0)) {
      break;
    }
    if (e > 0) {
      const float step = scratch[(t.echoes + e) * t.element], more = fma(-turns, echoes[e].step, step);
      p += more - rint(more);
    }
    const float from_mean = echoes[e].time - time;
    s.w += w;
    s.t = fma(w, echoes[e].time, s.t);
    s.p = fma(w, p, s.p);
    s.tt = fma(w * from_mean, from_mean, s.tt);
    s.tp = fma(w * from_mean, p - ahead, s.tp);
  }
  return s;
}

kernel void field_map(global const float2 *images, const coil_samples images_at, const train t,
                      global const echo *echoes, global float *all_scratch, global float *field,
                      const coil_samples field_at, const int has_weight, global float *weight,
                      const coil_samples weight_at, const sample_box box, global uint *flags, const long flag) {
  if (!is_within(box)) {
    return;
  }
  global float *scratch =
      all_scratch + ((long)get_global_id(2) * box.y + (long)get_global_id(1)) * box.x + (long)get_global_id(0);
  float largest;
  const float turns = sum_echoes(t, echoes, images + place_of(images_at), images_at.coil, scratch, &largest);
  tell_spoilt(isnan(largest), box, flags + flag);
  float hz = 0, of_hz = 0;
  if (!isnan(largest)) {
    const int exponent = clamp(as_int(largest) >> 23, 1, 253) - 127;
    const float scale = as_float((127 - exponent) << 23);
    const sums mean = add_echoes(t, echoes, scratch, turns, scale, 0, 0);
    const float inverse = mean.w > 0 ? 1 / mean.w : 0;
    const sums s = add_echoes(t, echoes, scratch, turns, scale, inverse * mean.t, inverse * mean.p);
    if (s.tt > 0) {
      hz = fma(t.hz_of_step, turns, t.hz_of_span * (s.tp / s.tt));
      of_hz = fmin(ldexp(t.weight * s.tt, t.exponent + exponent), FLT_MAX);
    }
  }
  field[place_of(field_at)] = hz;
  if (has_weight) {
    weight[place_of(weight_at)] = of_hz;
  }
}

/* The oracle of the transforms of lanes: rounds where the vectors do. */
#include <math.h>

#include "ct/filter_ref.h"

static number scaled(number a, float factor) { return (number){a.re * factor, a.im * factor}; }

/* factor a + b */
static number add_scaled(number a, float factor, number b) {
  return (number){fmaf(a.re, factor, b.re), fmaf(a.im, factor, b.im)};
}

static number turned(number x, const float *turn) {
  return (number){fmaf(x.re, turn[0], x.im * turn[1]), fmaf(x.im, turn[0], x.re * turn[2])};
}

static void third(number *x) {
  const number sum = plus(x[1], x[2]), difference = scaled(minus(x[1], x[2]), KVOX_FILTER_SIN_60);
  const number rest = add_scaled(sum, -0.5F, x[0]);
  x[0] = plus(x[0], sum);
  x[1] = minus_i(rest, difference);
  x[2] = plus_i(rest, difference);
}

/* Of x[0], x[step], x[2 step], x[3 step] */
static void fourth(number *x, int64_t step) {
  const number e = plus(x[0], x[2 * step]), f = minus(x[0], x[2 * step]);
  const number g = plus(x[step], x[3 * step]), h = minus(x[step], x[3 * step]);
  x[0] = plus(e, g);
  x[step] = minus_i(f, h);
  x[2 * step] = minus(e, g);
  x[3 * step] = plus_i(f, h);
}

static void fifth(number *x) {
  const number s = plus(x[1], x[4]), d = minus(x[1], x[4]), t = plus(x[2], x[3]), c = minus(x[2], x[3]);
  const number p = add_scaled(t, KVOX_FILTER_COS_144, add_scaled(s, KVOX_FILTER_COS_72, x[0]));
  const number q = add_scaled(t, KVOX_FILTER_COS_72, add_scaled(s, KVOX_FILTER_COS_144, x[0]));
  const number u = add_scaled(c, KVOX_FILTER_SIN_144, scaled(d, KVOX_FILTER_SIN_72));
  const number v = add_scaled(c, -KVOX_FILTER_SIN_72, scaled(d, KVOX_FILTER_SIN_144));
  x[0] = plus(x[0], plus(s, t));
  x[1] = minus_i(p, u);
  x[2] = minus_i(q, v);
  x[3] = plus_i(q, v);
  x[4] = plus_i(p, u);
}

static void eighth(number *x) {
  const float half = KVOX_FILTER_ROOT_HALF;
  fourth(x, 2);
  fourth(x + 1, 2);
  const number even[4] = {x[0], x[2], x[4], x[6]};
  const number odd[4] = {x[1],
                         {half * (x[3].re + x[3].im), half * (x[3].im - x[3].re)},
                         {x[5].im, -x[5].re},
                         {half * (x[7].im - x[7].re), -(half * (x[7].re + x[7].im))}};
  for (int32_t k = 0; k < 4; k++) {
    x[k] = plus(even[k], odd[k]);
    x[k + 4] = minus(even[k], odd[k]);
  }
}

static void transform(number *x, int32_t radix) {
  if (radix == 3) {
    third(x);
  } else if (radix == 4) {
    fourth(x, 1);
  } else if (radix == 5) {
    fifth(x);
  } else {
    eighth(x);
  }
}

/* The way back is the way there with real and imaginary parts exchanged. */
static number exchanged(number x, bool back) { return back ? (number){x.im, x.re} : x; }

static void take_step(const kvox_filter_step *step, int64_t size, float *lane, bool back) {
  const int64_t stride = step->block / step->radix, next = 2 * KVOX_FILTER_LANES;
  for (int64_t i = 0; i < size / step->radix; i++) {
    const int64_t n = i % stride, first = i / stride * step->block + n;
    const float *turns = step->turns + 3 * (step->radix - 1) * n;
    number x[8] = {0};
    for (int64_t j = 0; j < step->radix; j++) {
      x[j] = exchanged(lane_get(lane + (first + j * stride) * next), back);
      x[j] = back && j > 0 ? turned(x[j], turns + 3 * (j - 1)) : x[j];
    }
    transform(x, step->radix);
    for (int64_t j = 0; j < step->radix; j++) {
      const number y = !back && j > 0 ? turned(x[j], turns + 3 * (j - 1)) : x[j];
      lane_put(lane + (first + j * stride) * next, exchanged(y, back));
    }
  }
}

static void convolve_lane(const kvox_filter_split *split, float *lane, const float *response) {
  static const float no_turns[3 * 7] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
  const kvox_filter_step last = {.block = split->last, .radix = split->last, .turns = no_turns};
  for (int32_t n = 0; n < split->steps; n++) {
    take_step(&split->each[n], split->size, lane, false);
  }
  take_step(&last, split->size, lane, false);
  for (int64_t n = 0; n < split->size; n++) {
    lane[n * 2 * KVOX_FILTER_LANES] *= response[n * KVOX_FILTER_LANES];
    lane[n * 2 * KVOX_FILTER_LANES + KVOX_FILTER_LANES] *= response[n * KVOX_FILTER_LANES];
  }
  take_step(&last, split->size, lane, true);
  for (int32_t n = split->steps - 1; n >= 0; n--) {
    take_step(&split->each[n], split->size, lane, true);
  }
}

void kvox_filter_convolve_ref(const kvox_filter_split *split, int32_t count, float *lanes) {
  for (int32_t lane = 0; lane < count * KVOX_FILTER_PARTS; lane++) {
    convolve_lane(split, lanes + lane, split->response + lane);
  }
}

/* The transforms of lanes there and back, of filter_body.h. */
#include "cpu/vec.h"
#include "ct/filter.h"

typedef struct numbers {
  vf re, im;
} numbers;

static inline numbers plus(numbers a, numbers b) { return (numbers){vf_add(a.re, b.re), vf_add(a.im, b.im)}; }
static inline numbers minus(numbers a, numbers b) { return (numbers){vf_sub(a.re, b.re), vf_sub(a.im, b.im)}; }

/* a plus and minus i b */
static inline numbers plus_i(numbers a, numbers b) { return (numbers){vf_sub(a.re, b.im), vf_add(a.im, b.re)}; }
static inline numbers minus_i(numbers a, numbers b) { return (numbers){vf_add(a.re, b.im), vf_sub(a.im, b.re)}; }

static inline numbers scaled(numbers a, float factor) {
  return (numbers){vf_mul(a.re, vf_set(factor)), vf_mul(a.im, vf_set(factor))};
}

/* factor a + b */
static inline numbers add_scaled(numbers a, float factor, numbers b) {
  return (numbers){vf_fma(a.re, vf_set(factor), b.re), vf_fma(a.im, vf_set(factor), b.im)};
}

/* x exp(-i angle), of which `turn` is the cosine, the sine and minus the sine */
static inline numbers turned(numbers x, const float *turn) {
  const vf cosine = vf_set(turn[0]);
  return (numbers){vf_fma(x.re, cosine, vf_mul(x.im, vf_set(turn[1]))),
                   vf_fma(x.im, cosine, vf_mul(x.re, vf_set(turn[2])))};
}

static inline void third(numbers *x) {
  const numbers sum = plus(x[1], x[2]), difference = scaled(minus(x[1], x[2]), KVOX_FILTER_SIN_60);
  const numbers rest = add_scaled(sum, -0.5F, x[0]);
  x[0] = plus(x[0], sum);
  x[1] = minus_i(rest, difference);
  x[2] = plus_i(rest, difference);
}

static inline void fourth(numbers *x0, numbers *x1, numbers *x2, numbers *x3) {
  const numbers e = plus(*x0, *x2), f = minus(*x0, *x2), g = plus(*x1, *x3), h = minus(*x1, *x3);
  *x0 = plus(e, g);
  *x1 = minus_i(f, h);
  *x2 = minus(e, g);
  *x3 = plus_i(f, h);
}

static inline void fifth(numbers *x) {
  const numbers s = plus(x[1], x[4]), d = minus(x[1], x[4]), t = plus(x[2], x[3]), c = minus(x[2], x[3]);
  const numbers p = add_scaled(t, KVOX_FILTER_COS_144, add_scaled(s, KVOX_FILTER_COS_72, x[0]));
  const numbers q = add_scaled(t, KVOX_FILTER_COS_72, add_scaled(s, KVOX_FILTER_COS_144, x[0]));
  const numbers u = add_scaled(c, KVOX_FILTER_SIN_144, scaled(d, KVOX_FILTER_SIN_72));
  const numbers v = add_scaled(c, -KVOX_FILTER_SIN_72, scaled(d, KVOX_FILTER_SIN_144));
  x[0] = plus(x[0], plus(s, t));
  x[1] = minus_i(p, u);
  x[2] = minus_i(q, v);
  x[3] = plus_i(q, v);
  x[4] = plus_i(p, u);
}

static inline void eighth(numbers *x) {
  const vf half = vf_set(KVOX_FILTER_ROOT_HALF);
  fourth(&x[0], &x[2], &x[4], &x[6]);
  fourth(&x[1], &x[3], &x[5], &x[7]);
  /* x[3] exp(-i pi / 4), x[5] / i, x[7] exp(-3 i pi / 4) = (w.re, -w.im) */
  const numbers u = {vf_mul(half, vf_add(x[3].re, x[3].im)), vf_mul(half, vf_sub(x[3].im, x[3].re))};
  const numbers w = {vf_mul(half, vf_sub(x[7].im, x[7].re)), vf_mul(half, vf_add(x[7].re, x[7].im))};
  const numbers a = x[0], b = x[2], c = x[4], d = x[6], o = x[1], p = x[5];
  x[0] = plus(a, o);
  x[1] = plus(b, u);
  x[2] = minus_i(c, p);
  x[3] = (numbers){vf_add(d.re, w.re), vf_sub(d.im, w.im)};
  x[4] = minus(a, o);
  x[5] = minus(b, u);
  x[6] = plus_i(c, p);
  x[7] = (numbers){vf_sub(d.re, w.re), vf_add(d.im, w.im)};
}

/* x[k] = sum over n of x[n] exp(-2 pi i k n / radix) */
static inline __attribute__((always_inline)) void transform(numbers *x, const int32_t radix) {
  if (radix == 3) {
    third(x);
  } else if (radix == 4) {
    fourth(&x[0], &x[1], &x[2], &x[3]);
  } else if (radix == 5) {
    fifth(x);
  } else {
    eighth(x);
  }
}

/* The way back is the way there with real and imaginary parts exchanged. */
static inline numbers get(const float *at, const bool back) {
  const vf re = vf_load(at), im = vf_load(at + KVOX_FILTER_LANES);
  return back ? (numbers){im, re} : (numbers){re, im};
}

static inline void put(float *at, const bool back, numbers x) {
  vf_store(at, back ? x.im : x.re);
  vf_store(at + KVOX_FILTER_LANES, back ? x.re : x.im);
}

/* Decimation in frequency there, in time on the way back; of `size` numbers from `lanes` on. */
static inline __attribute__((always_inline)) void take_step(const kvox_filter_step *step, int64_t size, int32_t count,
                                                            float *lanes, const int32_t radix, const bool back) {
  const int64_t stride = step->block / radix, apart = stride * 2 * KVOX_FILTER_LANES;
  for (int64_t n = 0; n < stride; n++) {
    const float *turns = step->turns + 3 * (radix - 1) * n;
    for (int64_t first = n; first < size; first += step->block) {
      float *at = lanes + first * 2 * KVOX_FILTER_LANES;
      for (int32_t lane = 0; lane < count * KVOX_FILTER_PARTS; lane += VL, at += VL) {
        numbers x[8];
        for (int32_t j = 0; j < radix; j++) {
          x[j] = get(at + j * apart, back);
          x[j] = back && j > 0 ? turned(x[j], turns + 3 * (j - 1)) : x[j];
        }
        transform(x, radix);
        for (int32_t j = 0; j < radix; j++) {
          put(at + j * apart, back, !back && j > 0 ? turned(x[j], turns + 3 * (j - 1)) : x[j]);
        }
      }
    }
  }
}

static inline __attribute__((always_inline)) void take(const kvox_filter_step *step, int64_t size, int32_t count,
                                                       float *lanes, const bool back) {
  if (step->radix == 3) {
    take_step(step, size, count, lanes, 3, back);
  } else if (step->radix == 4) {
    take_step(step, size, count, lanes, 4, back);
  } else if (step->radix == 5) {
    take_step(step, size, count, lanes, 5, back);
  } else {
    take_step(step, size, count, lanes, 8, back);
  }
}

static void there(const kvox_filter_step *step, int64_t size, int32_t count, float *lanes) {
  take(step, size, count, lanes, false);
}
static void back(const kvox_filter_step *step, int64_t size, int32_t count, float *lanes) {
  take(step, size, count, lanes, true);
}

/* The last step there, the response, and the first step back. */
static inline __attribute__((always_inline)) void respond(int64_t size, const float *response, int32_t count,
                                                          float *lanes, const int32_t radix) {
  for (int64_t first = 0; first < size; first += radix) {
    for (int32_t lane = 0; lane < count * KVOX_FILTER_PARTS; lane += VL) {
      float *at = lanes + first * 2 * KVOX_FILTER_LANES + lane;
      const float *factors = response + first * KVOX_FILTER_LANES + lane;
      numbers x[8];
      for (int32_t j = 0; j < radix; j++) {
        x[j] = get(at + j * 2 * KVOX_FILTER_LANES, false);
      }
      transform(x, radix);
      for (int32_t j = 0; j < radix; j++) {
        const vf factor = vf_load(factors + j * KVOX_FILTER_LANES);
        x[j] = (numbers){vf_mul(x[j].im, factor), vf_mul(x[j].re, factor)};
      }
      transform(x, radix);
      for (int32_t j = 0; j < radix; j++) {
        put(at + j * 2 * KVOX_FILTER_LANES, true, x[j]);
      }
    }
  }
}

/* Numbers of two pairs that half of a first-level cache of 32 KiB holds. */
enum { NEAREST = 128 };

/* A block of step `first`: what it becomes is worked on to the end before the next, where the cache holds that alone.
 */
static void convolve_block(const kvox_filter_split *split, int32_t first, int64_t size, const float *response,
                           int32_t count, float *lanes) {
  const kvox_filter_step *step = split->each + first, *end = split->each + split->steps;
  if (size > NEAREST && step < end) {
    const int64_t part = size / step->radix;
    there(step, size, count, lanes);
    for (int64_t n = 0; n < size; n += part) {
      convolve_block(split, first + 1, part, response + n * KVOX_FILTER_LANES, count,
                     lanes + n * 2 * KVOX_FILTER_LANES);
    }
    back(step, size, count, lanes);
    return;
  }
  for (const kvox_filter_step *next = step; next < end; next++) {
    there(next, size, count, lanes);
  }
  if (split->last == 4) {
    respond(size, response, count, lanes, 4);
  } else {
    respond(size, response, count, lanes, 8);
  }
  for (const kvox_filter_step *next = end; next-- > step;) {
    back(next, size, count, lanes);
  }
}

static void convolve(const kvox_filter_split *split, int32_t count, float *lanes) {
  convolve_block(split, 0, split->size, split->response, count, lanes);
}

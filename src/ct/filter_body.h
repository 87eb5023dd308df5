/* The vector body; see filter.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "ct/convolve_body.h"
#include "ct/filter.h"

/* At `at` of `count` floats, zeros behind them. */
static inline vf load_up_to(const float *floats, int64_t at, int64_t count) {
  return at + VL <= count ? vf_load(floats + at) : at < count ? vf_load_part(floats + at, count - at) : vf_zero();
}

static inline void store_up_to(float *floats, int64_t at, int64_t count, vf x) {
  if (at + VL <= count) {
    vf_store(floats + at, x);
  } else if (at < count) {
    vf_store_part(floats + at, x, count - at);
  }
}

/* A vector of the numbers n, n + 1 ... of each part of the pairs that are worked on together. */
enum { TOGETHER = VL > KVOX_FILTER_PARTS ? VL / KVOX_FILTER_PARTS : 1, GROUP = TOGETHER * KVOX_FILTER_PARTS };

/* From a number to the next. */
enum { NEXT = 2 * KVOX_FILTER_LANES };

static inline void put_lanes(vf parts[GROUP], float *lanes) {
  for (int32_t g = 0; g < GROUP; g += VL) {
    vf_transpose(parts + g);
    for (int32_t n = 0; n < VL; n++) {
      vf_store(lanes + n * NEXT + g, parts[g + n]);
    }
  }
}

static inline void get_lanes(const float *lanes, vf parts[GROUP]) {
  for (int32_t g = 0; g < GROUP; g += VL) {
    for (int32_t n = 0; n < VL; n++) {
      parts[g + n] = vf_load(lanes + n * NEXT + g);
    }
    vf_transpose(parts + g);
  }
}

/* Times exp(-2 pi i r n / length) */
static inline void turn_part(const kvox_filter_split *split, int64_t r, int64_t n, numbers x, vf *re, vf *im) {
  const float *turns = split->turns + 2 * r * split->step + n;
  const vf cosine = vf_load(turns), sine = vf_load(turns + split->step);
  re[r] = vf_fma(x.re, cosine, vf_mul(x.im, sine));
  im[r] = vf_sub(vf_mul(x.im, cosine), vf_mul(x.re, sine));
}

/* Times exp(+...) */
static inline numbers turned_back(const kvox_filter_split *split, int64_t r, int64_t n, const vf *re, const vf *im) {
  const float *turns = split->turns + 2 * r * split->step + n;
  const vf cosine = vf_load(turns), sine = vf_load(turns + split->step);
  return (numbers){vf_sub(vf_mul(re[r], cosine), vf_mul(im[r], sine)), vf_fma(im[r], cosine, vf_mul(re[r], sine))};
}

static inline void pack_pair(const kvox_filter_split *split, const kvox_filter_pair *pair, int64_t n, vf *re, vf *im) {
  const vf half = vf_set(KVOX_FILTER_ROOT_HALF);
  numbers x[4];
  for (int64_t p = 0; p < 4; p++) {
    x[p].re = load_up_to(pair->a, n + p * split->size, split->columns);
    x[p].im = load_up_to(pair->b, n + p * split->size, split->columns);
  }
  const numbers e = plus(x[0], x[2]), f = minus(x[0], x[2]), g = plus(x[1], x[3]), h = minus(x[1], x[3]);
  re[0] = vf_add(e.re, g.re);
  im[0] = vf_add(e.im, g.im);
  turn_part(split, 2, n, minus_i(f, h), re, im);
  turn_part(split, 4, n, minus(e, g), re, im);
  turn_part(split, 6, n, plus_i(f, h), re, im);
  /* x[1] exp(-i pi / 4) = (u1, v1), x[2] / i, x[3] exp(-3 i pi / 4) = (v3, -u3) */
  const vf u1 = vf_mul(half, vf_add(x[1].re, x[1].im)), v1 = vf_mul(half, vf_sub(x[1].im, x[1].re));
  const vf u3 = vf_mul(half, vf_add(x[3].re, x[3].im)), v3 = vf_mul(half, vf_sub(x[3].im, x[3].re));
  const numbers k = minus_i(x[0], x[2]), l = plus_i(x[0], x[2]);
  const numbers o = {vf_add(u1, v3), vf_sub(v1, u3)}, q = {vf_sub(u1, v3), vf_add(v1, u3)};
  turn_part(split, 1, n, plus(k, o), re, im);
  turn_part(split, 3, n, minus_i(l, q), re, im);
  turn_part(split, 5, n, minus(k, o), re, im);
  turn_part(split, 7, n, plus_i(l, q), re, im);
}

static void pack(const kvox_filter_split *split, const kvox_filter_pair *pairs, int32_t count, float *lanes) {
  for (int32_t first = 0; first < count; first += TOGETHER) {
    for (int64_t n = 0; n < split->size; n += VL) {
      vf re[GROUP], im[GROUP];
      for (int32_t p = 0; p < TOGETHER; p++) { /* where there is no second one, the first again */
        const kvox_filter_pair *pair = &pairs[first + p < count ? first + p : first];
        pack_pair(split, pair, n, re + p * KVOX_FILTER_PARTS, im + p * KVOX_FILTER_PARTS);
      }
      float *at = lanes + n * NEXT + first * KVOX_FILTER_PARTS;
      put_lanes(re, at);
      put_lanes(im, at + KVOX_FILTER_LANES);
    }
  }
}

/* The sums of parts first, first + 2, first + 4, first + 6 times the powers of exp(2 pi i / 4) */
static inline void fourth_back(const kvox_filter_split *split, int64_t first, int64_t n, const vf *re, const vf *im,
                               numbers out[4]) {
  const numbers x = first > 0 ? turned_back(split, first, n, re, im) : (numbers){re[0], im[0]};
  const numbers y = turned_back(split, first + 4, n, re, im);
  const numbers z = turned_back(split, first + 2, n, re, im), w = turned_back(split, first + 6, n, re, im);
  const numbers e = plus(x, y), f = minus(x, y), g = plus(z, w), h = minus(z, w);
  out[0] = plus(e, g);
  out[1] = plus_i(f, h);
  out[2] = minus(e, g);
  out[3] = minus_i(f, h);
}

static inline void unpack_pair(const kvox_filter_split *split, const kvox_filter_pair *pair, int64_t n, const vf *re,
                               const vf *im) {
  const int64_t size = split->size;
  const vf half = vf_set(KVOX_FILTER_ROOT_HALF), wa = vf_set(pair->weight_a), wb = vf_set(pair->weight_b);
  numbers even[4], odd[4], y[4];
  fourth_back(split, 0, n, re, im, even);
  fourth_back(split, 1, n, re, im, odd);
  const vf difference = vf_mul(half, vf_sub(odd[1].re, odd[1].im)), sum = vf_mul(half, vf_add(odd[1].re, odd[1].im));
  const vf third = vf_mul(half, vf_add(odd[3].re, odd[3].im)), rest = vf_mul(half, vf_sub(odd[3].re, odd[3].im));
  y[0] = plus(even[0], odd[0]);
  y[1] = (numbers){vf_add(even[1].re, difference), vf_add(even[1].im, sum)};
  y[2] = plus_i(even[2], odd[2]);
  y[3] = (numbers){vf_sub(even[3].re, third), vf_add(even[3].im, rest)};
  for (int64_t p = 0; p < 4; p++) {
    const int64_t first = p * size, count = split->columns - first < size ? split->columns - first : size;
    store_up_to(pair->out_a + first, n, count, vf_mul(wa, y[p].re));
    store_up_to(pair->out_b + first, n, count, vf_mul(wb, y[p].im));
  }
}

static void unpack(const kvox_filter_split *split, const float *lanes, const kvox_filter_pair *pairs, int32_t count) {
  for (int32_t first = 0; first < count; first += TOGETHER) {
    for (int64_t n = 0; n < split->size; n += VL) {
      const float *at = lanes + n * NEXT + first * KVOX_FILTER_PARTS;
      vf re[GROUP], im[GROUP];
      get_lanes(at, re);
      get_lanes(at + KVOX_FILTER_LANES, im);
      for (int32_t p = 0; p < TOGETHER && first + p < count; p++) {
        unpack_pair(split, &pairs[first + p], n, re + p * KVOX_FILTER_PARTS, im + p * KVOX_FILTER_PARTS);
      }
    }
  }
}

static void multiply(float *floats, const float *factors, int64_t count) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    vf_store(floats + i, vf_mul(vf_load(floats + i), vf_load(factors + i)));
  }
  for (; i < count; i++) {
    floats[i] *= factors[i];
  }
}

static inline __attribute__((always_inline)) void turn_rows(const float *rows, int64_t step, int64_t count, float *out,
                                                            int64_t out_step, void (*const store)(float *p, vf x)) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    vf m[KVOX_STACK / VL][VL];
    for (int64_t k = 0; k < KVOX_STACK / VL; k++) {
      for (int64_t n = 0; n < VL; n++) {
        m[k][n] = vf_load(rows + (k * VL + n) * step + i);
      }
      vf_transpose(m[k]);
    }
    for (int64_t n = 0; n < VL; n++) {
      for (int64_t k = 0; k < KVOX_STACK / VL; k++) {
        store(out + (i + n) * out_step + k * VL, m[k][n]);
      }
    }
  }
  for (; i < count; i++) {
    for (int64_t k = 0; k < KVOX_STACK; k++) {
      out[i * out_step + k] = rows[k * step + i];
    }
  }
}

static void interleave(const float *rows, int64_t step, int64_t count, float *out) {
  turn_rows(rows, step, count, out, KVOX_STACK, vf_store);
}

static void turn(const float *rows, int64_t step, int64_t count, float *out, int64_t out_step) {
  turn_rows(rows, step, count, out, out_step, vf_stream);
  vf_stream_end();
}

const kvox_filter_kernels KERNELS = {pack, convolve, unpack, multiply, interleave, turn};

/* The vector body; see filter.h. Included once per instruction set, with KERNELS naming the table. */
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

/* Times exp(-2 pi i r n / length) to part r; it has room for whole vectors. */
static inline void store_part(const kvox_filter_split *split, int64_t r, int64_t n, numbers x, float *parts) {
  const float *turns = split->turns + 2 * r * split->step + n;
  float *at = parts + 2 * (r * split->step + n);
  vf low, high;
  if (r > 0) {
    const vf cosine = vf_load(turns), sine = vf_load(turns + split->step);
    x = (numbers){vf_fma(x.re, cosine, vf_mul(x.im, sine)), vf_sub(vf_mul(x.im, cosine), vf_mul(x.re, sine))};
  }
  vf_zip(x.re, x.im, &low, &high);
  vf_store(at, low);
  vf_store(at + VL, high);
}

static inline numbers load_part(const kvox_filter_split *split, int64_t r, int64_t n, const float *parts) {
  const float *turns = split->turns + 2 * r * split->step + n, *at = parts + 2 * (r * split->step + n);
  numbers x;
  vf_unzip(vf_load(at), vf_load(at + VL), &x.re, &x.im);
  if (r == 0) {
    return x;
  }
  const vf cosine = vf_load(turns), sine = vf_load(turns + split->step);
  return (numbers){vf_sub(vf_mul(x.re, cosine), vf_mul(x.im, sine)), vf_fma(x.im, cosine, vf_mul(x.re, sine))};
}

static void pack(const kvox_filter_split *split, const float *a, const float *b, float *parts) {
  const int64_t size = split->size;
  const vf half = vf_set(KVOX_FILTER_ROOT_HALF);
  for (int64_t n = 0; n < size; n += VL) {
    numbers x[4];
    for (int64_t p = 0; p < 4; p++) {
      x[p].re = load_up_to(a, n + p * size, split->columns);
      x[p].im = load_up_to(b, n + p * size, split->columns);
    }
    const numbers e = plus(x[0], x[2]), f = minus(x[0], x[2]), g = plus(x[1], x[3]), h = minus(x[1], x[3]);
    store_part(split, 0, n, plus(e, g), parts);
    store_part(split, 2, n, minus_i(f, h), parts);
    store_part(split, 4, n, minus(e, g), parts);
    store_part(split, 6, n, plus_i(f, h), parts);
    /* x[1] exp(-i pi / 4) = (u1, v1), x[2] / i, x[3] exp(-3 i pi / 4) = (v3, -u3) */
    const vf u1 = vf_mul(half, vf_add(x[1].re, x[1].im)), v1 = vf_mul(half, vf_sub(x[1].im, x[1].re));
    const vf u3 = vf_mul(half, vf_add(x[3].re, x[3].im)), v3 = vf_mul(half, vf_sub(x[3].im, x[3].re));
    const numbers k = minus_i(x[0], x[2]), l = plus_i(x[0], x[2]);
    const numbers o = {vf_add(u1, v3), vf_sub(v1, u3)}, q = {vf_sub(u1, v3), vf_add(v1, u3)};
    store_part(split, 1, n, plus(k, o), parts);
    store_part(split, 3, n, minus_i(l, q), parts);
    store_part(split, 5, n, minus(k, o), parts);
    store_part(split, 7, n, plus_i(l, q), parts);
  }
}

static void multiply(float *floats, const float *response, int64_t count) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    vf_store(floats + i, vf_mul(vf_load(floats + i), vf_load(response + i)));
  }
  for (; i < count; i++) {
    floats[i] *= response[i];
  }
}

/* The sums of parts first, first + 2, first + 4, first + 6 times the powers of exp(2 pi i / 4) */
static inline void fourth_back(const kvox_filter_split *split, int64_t first, int64_t n, const float *parts,
                               numbers out[4]) {
  const numbers x = load_part(split, first, n, parts), y = load_part(split, first + 4, n, parts);
  const numbers z = load_part(split, first + 2, n, parts), w = load_part(split, first + 6, n, parts);
  const numbers e = plus(x, y), f = minus(x, y), g = plus(z, w), h = minus(z, w);
  out[0] = plus(e, g);
  out[1] = plus_i(f, h);
  out[2] = minus(e, g);
  out[3] = minus_i(f, h);
}

static void unpack(const kvox_filter_split *split, const float *parts, float weight_a, float weight_b, float *a,
                   float *b) {
  const int64_t size = split->size;
  const vf half = vf_set(KVOX_FILTER_ROOT_HALF), wa = vf_set(weight_a), wb = vf_set(weight_b);
  for (int64_t n = 0; n < size; n += VL) {
    numbers even[4], odd[4], y[4];
    fourth_back(split, 0, n, parts, even);
    fourth_back(split, 1, n, parts, odd);
    const vf difference = vf_mul(half, vf_sub(odd[1].re, odd[1].im)), sum = vf_mul(half, vf_add(odd[1].re, odd[1].im));
    const vf third = vf_mul(half, vf_add(odd[3].re, odd[3].im)), rest = vf_mul(half, vf_sub(odd[3].re, odd[3].im));
    y[0] = plus(even[0], odd[0]);
    y[1] = (numbers){vf_add(even[1].re, difference), vf_add(even[1].im, sum)};
    y[2] = plus_i(even[2], odd[2]);
    y[3] = (numbers){vf_sub(even[3].re, third), vf_add(even[3].im, rest)};
    for (int64_t p = 0; p < 4; p++) {
      const int64_t first = p * size, count = split->columns - first < size ? split->columns - first : size;
      store_up_to(a + first, n, count, vf_mul(wa, y[p].re));
      store_up_to(b + first, n, count, vf_mul(wb, y[p].im));
    }
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

const kvox_filter_kernels KERNELS = {pack, multiply, unpack, interleave, turn};

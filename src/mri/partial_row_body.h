/* The vector body; see partial_row.h. Included once per instruction set, with KERNELS naming the table. Real and
 * imaginary parts stay where they lie. */
#include <math.h>
#include <stddef.h>

#include "cpu/vec.h"
#include "mri/partial_row.h"

/* Lanes that sums have in every instruction set: the same bits. */
enum { LANES = 16, VECTORS = LANES / VL };

static inline vf size_of(vf a) { return vf_bits(vi_and(vi_bits(a), vi_set(0x7fffffff))); }

/* Factors of VL samples, as those of their 2 VL parts. `left` samples are there, zeros behind them. */
static inline void load_factors(const float *factors, int64_t left, vf *low, vf *high) {
  const vf f = left < VL ? vf_load_part(factors, left) : vf_load(factors);
  vf_zip(f, f, low, high);
}

static inline vf load_part(const float *p, int64_t left) {
  return left >= VL ? vf_load(p) : left > 0 ? vf_load_part(p, left) : vf_zero();
}

static inline void store_part(float *p, vf x, int64_t left) {
  if (left >= VL) {
    vf_store(p, x);
  } else if (left > 0) {
    vf_store_part(p, x, left);
  }
}

static void scale(int64_t count, float outer, const float *factors, const float *in, float *out) {
  const vf all = vf_set(outer);
  for (int64_t n = 0; n < count; n += VL) {
    const int64_t left = 2 * (count - n);
    const vf first = load_part(in + 2 * n, left), second = load_part(in + 2 * n + VL, left - VL);
    vf low, high;
    load_factors(factors + n, count - n, &low, &high);
    store_part(out + 2 * n, vf_mul(vf_mul(all, low), first), left);
    store_part(out + 2 * n + VL, vf_mul(vf_mul(all, high), second), left - VL);
  }
}

/* By the larger part: no square leaves the range of floats. */
static void normalise(int64_t count, float *samples) {
  float one[VL];
  for (int i = 0; i < VL; i++) {
    one[i] = i % 2 == 0;
  }
  const vf zero = vf_zero(), none = vf_load(one);
  for (int64_t n = 0; n < 2 * count; n += VL) {
    const vf z = load_part(samples + n, 2 * count - n), a = size_of(z), larger = vf_max(a, vf_swap(a));
    const vf t = vf_div(z, larger), square = vf_mul(t, t);
    const vf unit = vf_div(t, vf_sqrt(vf_add(square, vf_swap(square))));
    store_part(samples + n, vf_select_less(zero, larger, unit, none), 2 * count - n);
  }
}

static void onto_phase(int64_t count, const float *phasor, float *samples) {
  for (int64_t n = 0; n < 2 * count; n += VL) {
    const vf p = load_part(phasor + n, 2 * count - n), products = vf_mul(load_part(samples + n, 2 * count - n), p);
    store_part(samples + n, vf_mul(vf_add(products, vf_swap(products)), p), 2 * count - n);
  }
}

static inline void blend_part(vf t, const float *measured, float *found, int64_t left) {
  const vf rest = vf_mul(vf_sub(vf_set(1), t), load_part(found, left));
  store_part(found, vf_fma(t, load_part(measured, left), rest), left);
}

static void blend(int64_t count, float most, const float *trust, const float *measured, float *found) {
  const vf limit = vf_set(most);
  for (int64_t n = 0; n < count; n += VL) {
    const int64_t left = 2 * (count - n);
    vf low, high;
    load_factors(trust + n, count - n, &low, &high);
    blend_part(vf_min(limit, low), measured + 2 * n, found + 2 * n, left);
    blend_part(vf_min(limit, high), measured + 2 * n + VL, found + 2 * n + VL, left - VL);
  }
}

static inline vf difference(const float *a, const float *b, int64_t n, int64_t floats) {
  const vf x = load_part(a + n, floats - n);
  return b != NULL ? vf_sub(x, load_part(b + n, floats - n)) : x;
}

static float largest_of(int64_t floats, const float *a, const float *b) {
  vf most = vf_zero();
  float lanes[VL], largest = 0;
  for (int64_t n = 0; n < floats; n += VL) {
    most = vf_max(most, size_of(difference(a, b, n, floats)));
  }
  vf_store(lanes, most);
  for (int i = 0; i < VL; i++) {
    largest = lanes[i] > largest ? lanes[i] : largest;
  }
  return largest;
}

/* Scaled by a power of two that brings the largest near 1, so that squares are within the range of floats. */
static double energy(int64_t count, const float *a, const float *b) {
  const int64_t floats = 2 * count;
  const float largest = largest_of(floats, a, b);
  if (!(largest > 0 && largest < INFINITY)) {
    return largest;
  }
  const int exponent = ilogbf(largest), power = exponent > 126 ? -126 : exponent < -126 ? 126 : -exponent;
  const vf factor = vf_set(ldexpf(1, power));
  vf sums[VECTORS];
  for (int i = 0; i < VECTORS; i++) {
    sums[i] = vf_zero();
  }
  for (int64_t n = 0; n < floats; n += LANES) {
    for (int i = 0; i < VECTORS; i++) {
      const vf d = vf_mul(difference(a, b, n + i * VL, floats), factor);
      sums[i] = vf_fma(d, d, sums[i]);
    }
  }
  double sum = 0;
  for (int i = 0; i < VECTORS; i++) {
    float lanes[VL];
    vf_store(lanes, sums[i]);
    for (int k = 0; k < VL; k++) {
      sum += lanes[k];
    }
  }
  return ldexp(sum, -2 * power);
}

const kvox_partial_row_kernels KERNELS = {scale, normalise, onto_phase, blend, energy};

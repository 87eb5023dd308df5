/* The vector body; see mix.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "cpu/vec_finite.h"
#include "mri/mix.h"

/* Sums of z times real parts and of z times imaginary parts of weights, over VL samples as they lie: re, im, re, ... */
typedef struct sums {
  vf real_low, real_high, imaginary_low, imaginary_high;
} sums;

static inline void add(sums *s, const float *weight, vf low, vf high) {
  const vf a = vf_set(weight[0]), b = vf_set(weight[1]);
  s->real_low = vf_fma(a, low, s->real_low);
  s->real_high = vf_fma(a, high, s->real_high);
  s->imaginary_low = vf_fma(b, low, s->imaginary_low);
  s->imaginary_high = vf_fma(b, high, s->imaginary_high);
}

/* sum a z + i sum b z. Returns what finite() of the results adds up to. */
static inline vf finish(const sums *s, vf zero_so_far, float *out) {
  vf re, im, low, high;
  vf_unzip(s->imaginary_low, s->imaginary_high, &re, &im);
  vf_zip(vf_sub(vf_zero(), im), re, &low, &high);
  low = vf_add(s->real_low, low);
  high = vf_add(s->real_high, high);
  vf_store(out, low);
  vf_store(out + VL, high);
  return vf_fma(high, vf_zero(), vf_fma(low, vf_zero(), zero_so_far));
}

/* Two outputs at once: each load serves both, and enough sums run side by side. */
static inline vf two_rows(const kvox_mix *m, int64_t output, int64_t floats, const float *in, float *out, vf zero) {
  const float *first = m->matrix + 2 * output * m->inputs, *second = first + 2 * m->inputs;
  const int64_t both = m->lower ? output + 1 : m->inputs;
  for (int64_t n = 0; n < floats; n += 2 * VL) {
    sums a = {vf_zero(), vf_zero(), vf_zero(), vf_zero()}, b = a;
    const float *z = in + n;
    for (int64_t i = 0; i < both; i++, z += KVOX_MRI_TILE_ROW) {
      const vf low = vf_load(z), high = vf_load(z + VL);
      add(&a, first + 2 * i, low, high);
      add(&b, second + 2 * i, low, high);
    }
    if (m->lower) {
      add(&b, second + 2 * both, vf_load(z), vf_load(z + VL));
    }
    zero = finish(&a, zero, out + output * KVOX_MRI_TILE_ROW + n);
    zero = finish(&b, zero, out + (output + 1) * KVOX_MRI_TILE_ROW + n);
  }
  return zero;
}

static inline vf one_row(const kvox_mix *m, int64_t output, int64_t floats, const float *in, float *out, vf zero) {
  const float *weights = m->matrix + 2 * output * m->inputs;
  const int64_t inputs = m->lower ? output + 1 : m->inputs;
  for (int64_t n = 0; n < floats; n += 2 * VL) {
    sums a = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
    const float *z = in + n;
    for (int64_t i = 0; i < inputs; i++, z += KVOX_MRI_TILE_ROW) {
      add(&a, weights + 2 * i, vf_load(z), vf_load(z + VL));
    }
    zero = finish(&a, zero, out + output * KVOX_MRI_TILE_ROW + n);
  }
  return zero;
}

static bool mix(const kvox_mix *m, int64_t count, const float *in, float *out) {
  vf zero = vf_zero();
  int64_t output = 0;
  for (; output + 2 <= m->outputs; output += 2) {
    zero = two_rows(m, output, 2 * count, in, out, zero);
  }
  if (output < m->outputs) {
    zero = one_row(m, output, 2 * count, in, out, zero);
  }
  return all_zero(zero);
}

const kvox_mix_kernels KERNELS = {mix};

/* Functions over the vector layer. The same bits on every instruction set. */
#ifndef KVOX_CPU_VEC_MATH_H
#define KVOX_CPU_VEC_MATH_H

#include "cpu/vec.h"

/*
 * The natural logarithm of positive floats, error below 1 ulp. Zero and denormals read as 2^-127 to 2^-126, in order,
 * +Inf as 2^128: the result is always finite. Negative numbers and NaN give no meaning.
 *
 * x = 2^e m with m in [sqrt(1/2), sqrt(2)); f = m - 1 is exact and t = f / (2 + f) = (m - 1) / (m + 1) is below 0.172,
 * so log m = 2 atanh t = 2 t + t r, r = 2 t^2 / 3 + 2 t^4 / 5 + ...: four terms leave 2e-9 of the value. 2 t = f - t f,
 * therefore log m = f - t (f - r), in which only a fraction of f is rounded more than once: near x = 1 too the error is
 * that of the last sum. ln 2 is split so that e times its first part, 15 bits, is exact.
 */
static inline vf vf_log(vf x) {
  const vi lowest = vi_set(0x3f3504f3); /* sqrt(1/2) as bits: those of x above it, 23 a power of two */
  const vi above = vi_sub(vi_bits(x), lowest);
  const vf e = vf_from_int(vi_shift_right(above, 23));
  const vf m = vf_bits(vi_add(vi_and(above, vi_set(0x7fffff)), lowest));
  const vf f = vf_sub(m, vf_set(1));
  const vf t = vf_div(f, vf_add(m, vf_set(1)));
  const vf tt = vf_mul(t, t);
  vf r = vf_fma(tt, vf_set(2.0f / 9), vf_set(2.0f / 7));
  r = vf_fma(tt, r, vf_set(2.0f / 5));
  r = vf_fma(tt, r, vf_set(2.0f / 3));
  r = vf_mul(tt, r);
  const vf ln2_first = vf_set(0x1.62e4p-1f), ln2_rest = vf_set(0x1.7f7d1cp-20f);
  const vf rest = vf_fma(t, vf_sub(r, f), vf_mul(e, ln2_rest));
  return vf_fma(e, ln2_first, vf_add(f, rest));
}

#endif

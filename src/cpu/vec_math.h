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

/*
 * The angle of (x, y) in radians, above -pi and up to pi, to 3e-7: finite numbers; 0 at the origin. Negative zeros read
 * as 0, so that the angle of a negative x with either is pi.
 *
 * With t = min / max of |x|, |y| in [0, 1]: atan t = t + t^3 p(t^2), whose eight coefficients (Lawson's algorithm)
 * leave 8e-9. The rest is the rounding of sums with pi. What would round to -pi is the next float above.
 */
static inline vf vf_atan2(vf y, vf x) {
  const vi magnitude = vi_set(0x7fffffff);
  const vf zero = vf_zero(), ax = vf_bits(vi_and(vi_bits(x), magnitude)), ay = vf_bits(vi_and(vi_bits(y), magnitude));
  const vf larger = vf_max(ax, ay);
  const vf t = vf_select_less(zero, larger, vf_div(vf_min(ax, ay), larger), zero), tt = vf_mul(t, t);
  vf p = vf_fma(tt, vf_set(0.0026222445238715374f), vf_set(-0.015132536126256375f));
  p = vf_fma(tt, p, vf_set(0.041121859705897226f));
  p = vf_fma(tt, p, vf_set(-0.07366706081552328f));
  p = vf_fma(tt, p, vf_set(0.10573932079670455f));
  p = vf_fma(tt, p, vf_set(-0.14185975300781606f));
  p = vf_fma(tt, p, vf_set(0.19990396626751264f));
  p = vf_fma(tt, p, vf_set(-0.3333298705953742f));
  vf a = vf_fma(vf_mul(p, tt), t, t);
  a = vf_select_less(ax, ay, vf_sub(vf_set(0x1.921fb6p+0f), a), a);
  a = vf_select_less(x, zero, vf_sub(vf_set(0x1.921fb6p+1f), a), a);
  return vf_max(vf_select_less(y, zero, vf_sub(zero, a), a), vf_set(-0x1.921fb4p+1f));
}

#endif

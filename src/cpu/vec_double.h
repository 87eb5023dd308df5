/*
 * Doubles for coordinates: vd holds VL / 2 of them, and two of it become a vector of floats or whole numbers. After
 * cpu/vec.h, in the same manner.
 */
#ifndef KVOX_CPU_VEC_DOUBLE_H
#define KVOX_CPU_VEC_DOUBLE_H

#include "cpu/vec.h"

/* vf_of and vi_of: the lower half of the lanes is `a`, the upper `b`; vi_of truncates. */
#if defined(KVOX_VEC_AVX512)
typedef __m512d vd;
static inline vd vd_set(double x) { return _mm512_set1_pd(x); }
static inline vd vd_load(const double *p) { return _mm512_loadu_pd(p); }
static inline void vd_store(double *p, vd x) { _mm512_storeu_pd(p, x); }
static inline vd vd_add(vd a, vd b) { return _mm512_add_pd(a, b); }
static inline vd vd_sub(vd a, vd b) { return _mm512_sub_pd(a, b); }
static inline vd vd_mul(vd a, vd b) { return _mm512_mul_pd(a, b); }
/* Quicker than a division and as it rounds: two steps of Newton from 14 bits come within an ulp, from where the third
 * rounds correctly (Markstein 1990) but where all bits of the significand are set. */
static inline vd vd_inverse(vd a) {
  const vd one = vd_set(1);
  vd y = _mm512_rcp14_pd(a);
  y = _mm512_fmadd_pd(_mm512_fnmadd_pd(a, y, one), y, y);
  y = _mm512_fmadd_pd(_mm512_fnmadd_pd(a, y, one), y, y);
  return _mm512_fmadd_pd(_mm512_fnmadd_pd(a, y, one), y, y);
}
static inline vd vd_min(vd a, vd b) { return _mm512_min_pd(a, b); }
static inline vd vd_max(vd a, vd b) { return _mm512_max_pd(a, b); }
static inline vd vd_floor(vd a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
static inline vd vd_truncate(vd a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
static inline vf vf_of(vd a, vd b) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a)), _mm512_cvtpd_ps(b), 1);
}
static inline vi vi_of(vd a, vd b) {
  return _mm512_inserti32x8(_mm512_castsi256_si512(_mm512_cvttpd_epi32(a)), _mm512_cvttpd_epi32(b), 1);
}
#elif defined(KVOX_VEC_AVX2)
typedef __m256d vd;
static inline vd vd_set(double x) { return _mm256_set1_pd(x); }
static inline vd vd_load(const double *p) { return _mm256_loadu_pd(p); }
static inline void vd_store(double *p, vd x) { _mm256_storeu_pd(p, x); }
static inline vd vd_add(vd a, vd b) { return _mm256_add_pd(a, b); }
static inline vd vd_sub(vd a, vd b) { return _mm256_sub_pd(a, b); }
static inline vd vd_mul(vd a, vd b) { return _mm256_mul_pd(a, b); }
static inline vd vd_inverse(vd a) { return _mm256_div_pd(vd_set(1), a); }
static inline vd vd_min(vd a, vd b) { return _mm256_min_pd(a, b); }
static inline vd vd_max(vd a, vd b) { return _mm256_max_pd(a, b); }
static inline vd vd_floor(vd a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
static inline vd vd_truncate(vd a) { return _mm256_round_pd(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
static inline vf vf_of(vd a, vd b) { return _mm256_set_m128(_mm256_cvtpd_ps(b), _mm256_cvtpd_ps(a)); }
static inline vi vi_of(vd a, vd b) { return _mm256_set_m128i(_mm256_cvttpd_epi32(b), _mm256_cvttpd_epi32(a)); }
#else
typedef float64x2_t vd;
static inline vd vd_set(double x) { return vdupq_n_f64(x); }
static inline vd vd_load(const double *p) { return vld1q_f64(p); }
static inline void vd_store(double *p, vd x) { vst1q_f64(p, x); }
static inline vd vd_add(vd a, vd b) { return vaddq_f64(a, b); }
static inline vd vd_sub(vd a, vd b) { return vsubq_f64(a, b); }
static inline vd vd_mul(vd a, vd b) { return vmulq_f64(a, b); }
static inline vd vd_inverse(vd a) { return vdivq_f64(vd_set(1), a); }
static inline vd vd_min(vd a, vd b) { return vminq_f64(a, b); }
static inline vd vd_max(vd a, vd b) { return vmaxq_f64(a, b); }
static inline vd vd_floor(vd a) { return vrndmq_f64(a); }
static inline vd vd_truncate(vd a) { return vrndq_f64(a); }
static inline vf vf_of(vd a, vd b) { return vcombine_f32(vcvt_f32_f64(a), vcvt_f32_f64(b)); }
static inline vi vi_of(vd a, vd b) { return vcombine_s32(vmovn_s64(vcvtq_s64_f64(a)), vmovn_s64(vcvtq_s64_f64(b))); }
#endif

#endif

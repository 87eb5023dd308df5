/* 16 lanes. */
#ifndef KVOX_CPU_VEC_AVX512_H
#define KVOX_CPU_VEC_AVX512_H

#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__) || !defined(__AVX512BW__)
#error "this file needs -mavx512f -mavx512dq -mavx512vl -mavx512bw"
#endif
#include <immintrin.h>

#define VL 16
typedef __m512 vf;
typedef __m512i vi;

static inline vf vf_zero(void) { return _mm512_setzero_ps(); }
static inline vf vf_set(float x) { return _mm512_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
/* Past the caches, to whole vectors' addresses; vf_stream_end() before another thread reads. */
static inline void vf_stream(float *p, vf x) { _mm512_stream_ps(p, x); }
static inline void vf_stream_end(void) { _mm_sfence(); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
/* a * b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
/* The greater; b where a is NaN. */
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
/* 0, 1, ..., VL - 1. */
static inline vf vf_lanes(void) { return _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
/* a < b ? x : y in each lane; y where either is NaN. */
static inline vf vf_select_less(vf a, vf b, vf x, vf y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}

static inline vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
static inline vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void vi_store(int32_t *p, vi x) { _mm512_storeu_si512(p, x); }
static inline vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
static inline vi vi_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm512_max_epi32(a, b); }
static inline vi vi_min(vi a, vi b) { return _mm512_min_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
#define vi_shift_left(a, bits) _mm512_slli_epi32((a), (bits))
/* Arithmetic: the sign is kept. */
#define vi_shift_right(a, bits) _mm512_srai_epi32((a), (bits))
static inline vi vi_truncate(vf x) { return _mm512_cvttps_epi32(x); }
static inline vf vf_from_int(vi x) { return _mm512_cvtepi32_ps(x); }
/* x - whole, where x >= 0 and whole = vi_truncate(x). */
static inline vf vf_fraction(vf x, vi whole) {
  (void)whole;
  return _mm512_reduce_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
static inline vi vi_bits(vf x) { return _mm512_castps_si512(x); }
static inline vf vf_bits(vi x) { return _mm512_castsi512_ps(x); }

/* The first n lanes, 0 <= n <= VL; the rest is 0 when loaded and untouched when stored. */
static inline __mmask16 vf_first(int64_t n) { return (__mmask16)((1u << n) - 1u); }
static inline vf vf_load_part(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
static inline void vf_store_part(float *p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, vf_first(n), x); }

/* p[0] += q[0], p[1] += q[1] */
static inline void vf_add_pair(float *p, const float *q) {
  const __m128 a = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
  const __m128 b = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)q));
  _mm_storel_epi64((__m128i *)(void *)p, _mm_castps_si128(_mm_add_ps(a, b)));
}

/* p[index] and p[index + 1], gathered as 64-bit pairs: half as many loads as two gathers of floats. */
static inline void vf_gather_pair(const float *p, vi index, vf *low, vf *high) {
  const double *pairs = (const double *)(const void *)p;
  const vf a = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_castsi512_si256(index), pairs, 4));
  const vf b = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_extracti32x8_epi32(index, 1), pairs, 4));
  *low = _mm512_permutex2var_ps(a, _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0), b);
  *high = _mm512_permutex2var_ps(a, _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1), b);
}

/* p[index] where 0 <= index < VL: one load. */
static inline vf vf_pick(const float *p, vi index) { return _mm512_permutexvar_ps(index, vf_load(p)); }

/* p[index] and p[index + 1] where 0 <= index < 2 VL - 1: two loads. */
static inline void vf_pick_pair_2(const float *p, vi index, vf *low, vf *high) {
  const vf a = vf_load(p), b = vf_load(p + VL);
  *low = _mm512_permutex2var_ps(a, index, b);
  *high = _mm512_permutex2var_ps(a, _mm512_add_epi32(index, _mm512_set1_epi32(1)), b);
}
/* p[index] and p[index + 1] within the 2 VL from `first` on; for AVX2 halves are apart. */
static inline void vf_pick_halves(const float *p, vi index, int32_t first, int32_t second, vf *low, vf *high) {
  (void)second;
  vf_pick_pair_2(p + first, _mm512_sub_epi32(index, _mm512_set1_epi32(first)), low, high);
}
/* The same where 0 <= index < 3 VL - 1: three loads. */
static inline void vf_pick_pair_3(const float *p, vi index, vf *low, vf *high) {
  const vf c = vf_load(p + 2 * VL);
  const vi next = _mm512_add_epi32(index, _mm512_set1_epi32(1)), begin = _mm512_set1_epi32(2 * VL);
  vf_pick_pair_2(p, index, low, high);
  *low = _mm512_mask_permutexvar_ps(*low, _mm512_cmpge_epi32_mask(index, begin), index, c);
  *high = _mm512_mask_permutexvar_ps(*high, _mm512_cmpge_epi32_mask(next, begin), next, c);
}

/* Elements index and index + 1 of the sums p + a q, rounded once. Indices rise evenly from lane to lane, by less than
 * VF_SUM_RISE each; `first` is lane 0's or one less, `second` that of lane VL / 2. */
#define VF_SUM_RISE 1.999 /* 1 + 15 rises and one more element lie in two vectors */
static inline vf vf_sum(const float *p, const float *q, vf a) { return vf_fma(a, vf_load(q), vf_load(p)); }
static inline void vf_pick_sum(const float *p, const float *q, vf a, vi index, int64_t first, int64_t second, vf *low,
                               vf *high) {
  (void)second;
  const vi at = _mm512_sub_epi32(index, _mm512_set1_epi32((int32_t)first));
  const vf sum0 = vf_sum(p + first, q + first, a), sum1 = vf_sum(p + first + VL, q + first + VL, a);
  *low = _mm512_permutex2var_ps(sum0, at, sum1);
  *high = _mm512_permutex2var_ps(sum0, _mm512_add_epi32(at, _mm512_set1_epi32(1)), sum1);
}
/* The same where they rise by VF_SUM_RISE ... VF_WIDE_RISE each, and 0 <= index < 3 VL - 1: the first ten lanes lie in
 * two vectors, the others in the second and third, whose order in the table lets indices stand as they are. */
static inline vf vf_pick_wide(vf a, vf b, vf c, vi index) {
  const vf first = _mm512_mask2_permutex2var_ps(a, index, 0x03ff, b);
  return _mm512_mask2_permutex2var_ps(c, _mm512_castps_si512(first), 0xfc00, b);
}
static inline void vf_pick_sum_wide(const float *p, const float *q, vf a, vi index, vf *low, vf *high) {
  const vf sum0 = vf_sum(p, q, a), sum1 = vf_sum(p + VL, q + VL, a), sum2 = vf_sum(p + 2 * VL, q + 2 * VL, a);
  *low = vf_pick_wide(sum0, sum1, sum2, index);
  *high = vf_pick_wide(sum0, sum1, sum2, _mm512_add_epi32(index, _mm512_set1_epi32(1)));
}

/* a0 b0 a1 b1 ...: the first VL into low, the rest into high; and back. */
static inline void vf_zip(vf a, vf b, vf *low, vf *high) {
  *low = _mm512_permutex2var_ps(a, _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0), b);
  *high = _mm512_permutex2var_ps(a, _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8), b);
}
static inline void vf_unzip(vf low, vf high, vf *a, vf *b) {
  *a = _mm512_permutex2var_ps(low, _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0), high);
  *b = _mm512_permutex2var_ps(low, _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1), high);
}

/* Lanes 2 n and 2 n + 1 exchanged. */
static inline vf vf_swap(vf a) { return _mm512_permute_ps(a, 0xb1); }

/* Rows of pairs become columns: lanes 2 j and 2 j + 1 of in[i] go to lanes 2 i and 2 i + 1 of out[j]. */
static inline void vf_transpose_pairs(vf m[VL / 2]) {
  __m512d t[8], s[8];
  for (int i = 0; i < 4; i++) {
    const __m512d a = _mm512_castps_pd(m[2 * i]), b = _mm512_castps_pd(m[2 * i + 1]);
    t[2 * i] = _mm512_unpacklo_pd(a, b);
    t[2 * i + 1] = _mm512_unpackhi_pd(a, b);
  }
  for (int i = 0; i < 2; i++) {
    s[i] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88);
    s[i + 2] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
    s[i + 4] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
    s[i + 6] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    m[i] = _mm512_castpd_ps(_mm512_shuffle_f64x2(s[i], s[i + 4], 0x88));
    m[i + 4] = _mm512_castpd_ps(_mm512_shuffle_f64x2(s[i], s[i + 4], 0xdd));
  }
}

/* Rows become columns: lane j of in[i] goes to lane i of out[j]. */
static inline void vf_transpose(vf m[VL]) {
  vf t[16];
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_ps(m[2 * i], m[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(m[2 * i], m[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    m[4 * i + 0] = _mm512_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    m[4 * i + 1] = _mm512_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    m[4 * i + 2] = _mm512_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    m[4 * i + 3] = _mm512_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(m[i], m[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(m[i], m[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    m[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    m[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    m[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    m[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

#endif

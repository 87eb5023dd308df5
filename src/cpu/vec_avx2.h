/* 8 lanes. */
#ifndef KVOX_CPU_VEC_AVX2_H
#define KVOX_CPU_VEC_AVX2_H

#if !defined(__AVX2__) || !defined(__FMA__)
#error "this file needs -mavx2 -mfma"
#endif
#include <immintrin.h>

#define VL 8
typedef __m256 vf;
typedef __m256i vi;

static inline vf vf_zero(void) { return _mm256_setzero_ps(); }
static inline vf vf_set(float x) { return _mm256_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
/* Past the caches, to whole vectors' addresses; vf_stream_end() before another thread reads. */
static inline void vf_stream(float *p, vf x) { _mm256_stream_ps(p, x); }
static inline void vf_stream_end(void) { _mm_sfence(); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
/* a * b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
/* The greater; b where a is NaN. */
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
/* 0, 1, ..., VL - 1. */
static inline vf vf_lanes(void) { return _mm256_set_ps(7, 6, 5, 4, 3, 2, 1, 0); }
/* a < b ? x : y in each lane; y where either is NaN. */
static inline vf vf_select_less(vf a, vf b, vf x, vf y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

static inline vi vi_set(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline void vi_store(int32_t *p, vi x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
static inline vi vi_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
static inline vi vi_min(vi a, vi b) { return _mm256_min_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
#define vi_shift_left(a, bits) _mm256_slli_epi32((a), (bits))
/* Arithmetic: the sign is kept. */
#define vi_shift_right(a, bits) _mm256_srai_epi32((a), (bits))
static inline vi vi_truncate(vf x) { return _mm256_cvttps_epi32(x); }
static inline vf vf_from_int(vi x) { return _mm256_cvtepi32_ps(x); }
/* x - whole, where x >= 0 and whole = vi_truncate(x). */
static inline vf vf_fraction(vf x, vi whole) { return _mm256_sub_ps(x, _mm256_cvtepi32_ps(whole)); }
static inline vi vi_bits(vf x) { return _mm256_castps_si256(x); }
static inline vf vf_bits(vi x) { return _mm256_castsi256_ps(x); }

/* The first n lanes, 0 <= n <= VL; the rest is 0 when loaded and untouched when stored. */
static inline __m256i vf_first(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}
static inline vf vf_load_part(const float *p, int64_t n) { return _mm256_maskload_ps(p, vf_first(n)); }
static inline void vf_store_part(float *p, vf x, int64_t n) { _mm256_maskstore_ps(p, vf_first(n), x); }

/* p[0] += q[0], p[1] += q[1] */
static inline void vf_add_pair(float *p, const float *q) {
  const __m128 a = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
  const __m128 b = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)q));
  _mm_storel_epi64((__m128i *)(void *)p, _mm_castps_si128(_mm_add_ps(a, b)));
}

/* p[index] and p[index + 1], gathered as 64-bit pairs: half as many loads as two gathers of floats. */
static inline void vf_gather_pair(const float *p, vi index, vf *low, vf *high) {
  const vi order = _mm256_permute4x64_epi64(index, 0xd8); /* 0 1 4 5 | 2 3 6 7, for the shuffles below */
  const double *pairs = (const double *)(const void *)p;
  const vf a = _mm256_castpd_ps(_mm256_i32gather_pd(pairs, _mm256_castsi256_si128(order), 4));
  const vf b = _mm256_castpd_ps(_mm256_i32gather_pd(pairs, _mm256_extracti128_si256(order, 1), 4));
  *low = _mm256_shuffle_ps(a, b, 0x88);
  *high = _mm256_shuffle_ps(a, b, 0xdd);
}

/* p[index] where 0 <= index < VL: one load. */
static inline vf vf_pick(const float *p, vi index) { return _mm256_permutevar8x32_ps(vf_load(p), index); }

/* p[index] and p[index + 1] where 0 <= index < 2 VL - 1: two loads. */
static inline void vf_pick_pair_2(const float *p, vi index, vf *low, vf *high) {
  const vf a = vf_load(p), b = vf_load(p + VL);
  const vi next = _mm256_add_epi32(index, _mm256_set1_epi32(1));
  const vf index_in_b = vf_bits(_mm256_slli_epi32(index, 28)), next_in_b = vf_bits(_mm256_slli_epi32(next, 28));
  *low = _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, index), _mm256_permutevar8x32_ps(b, index), index_in_b);
  *high = _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, next), _mm256_permutevar8x32_ps(b, next), next_in_b);
}
/* p[index] and p[index + 1], the lower half of the lanes within the VL from `first` on, the upper from `second` on. */
static inline void vf_pick_halves(const float *p, vi index, int32_t first, int32_t second, vf *low, vf *high) {
  const vi at0 = _mm256_sub_epi32(index, _mm256_set1_epi32(first));
  const vi at1 = _mm256_sub_epi32(index, _mm256_set1_epi32(second));
  const float *p0 = p + first, *p1 = p + second;
  *low = _mm256_blend_ps(_mm256_permutevar8x32_ps(vf_load(p0), at0), _mm256_permutevar8x32_ps(vf_load(p1), at1), 0xf0);
  *high = _mm256_blend_ps(_mm256_permutevar8x32_ps(vf_load(p0 + 1), at0),
                          _mm256_permutevar8x32_ps(vf_load(p1 + 1), at1), 0xf0);
}
/* The same where 0 <= index < 3 VL - 1. */
static inline void vf_pick_pair_3(const float *p, vi index, vf *low, vf *high) { vf_gather_pair(p, index, low, high); }

/* Whole numbers to load: quicker here than to move them from the integer registers. */
static const int32_t vi_whole[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                                   19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37};

/* Elements index and index + 1 of the sums p + a q, rounded once. Indices rise evenly from lane to lane, by less than
 * VF_SUM_RISE each; `first` is lane 0's or one less, `second` that of lane VL / 2; neither is beyond 37. */
#define VF_SUM_RISE 2.333 /* 1 + 3 rises lie in one vector */
static inline vf vf_sum(const float *p, const float *q, vf a) { return vf_fma(a, vf_load(q), vf_load(p)); }
static inline void vf_pick_sum(const float *p, const float *q, vf a, vi index, int64_t first, int64_t second, vf *low,
                               vf *high) {
  const vi at0 = _mm256_sub_epi32(index, _mm256_set1_epi32(vi_whole[first]));
  const vi at1 = _mm256_sub_epi32(index, _mm256_set1_epi32(vi_whole[second]));
  const float *p0 = p + first, *q0 = q + first, *p1 = p + second, *q1 = q + second;
  *low = _mm256_blend_ps(_mm256_permutevar8x32_ps(vf_sum(p0, q0, a), at0),
                         _mm256_permutevar8x32_ps(vf_sum(p1, q1, a), at1), 0xf0);
  *high = _mm256_blend_ps(_mm256_permutevar8x32_ps(vf_sum(p0 + 1, q0 + 1, a), at0),
                          _mm256_permutevar8x32_ps(vf_sum(p1 + 1, q1 + 1, a), at1), 0xf0);
}

/* The same where they rise by less than VF_CLOSE_RISE: half as many loads. */
#define VF_CLOSE_RISE 1.99 /* 2 + 3 rises lie in one vector */
static inline void vf_pick_sum_close(const float *p, const float *q, vf a, vi index, int64_t first, int64_t second,
                                     vf *low, vf *high) {
  const vi at0 = _mm256_sub_epi32(index, _mm256_set1_epi32(vi_whole[first]));
  const vi at1 = _mm256_sub_epi32(index, _mm256_set1_epi32(vi_whole[second]));
  const vi one = _mm256_set1_epi32(1);
  const vf sum0 = vf_sum(p + first, q + first, a), sum1 = vf_sum(p + second, q + second, a);
  *low = _mm256_blend_ps(_mm256_permutevar8x32_ps(sum0, at0), _mm256_permutevar8x32_ps(sum1, at1), 0xf0);
  *high = _mm256_blend_ps(_mm256_permutevar8x32_ps(sum0, _mm256_add_epi32(at0, one)),
                          _mm256_permutevar8x32_ps(sum1, _mm256_add_epi32(at1, one)), 0xf0);
}

/* a0 b0 a1 b1 ...: the first VL into low, the rest into high; and back. */
static inline void vf_zip(vf a, vf b, vf *low, vf *high) {
  const vf l = _mm256_unpacklo_ps(a, b), h = _mm256_unpackhi_ps(a, b);
  *low = _mm256_permute2f128_ps(l, h, 0x20);
  *high = _mm256_permute2f128_ps(l, h, 0x31);
}
static inline void vf_unzip(vf low, vf high, vf *a, vf *b) {
  const vf l = _mm256_permute2f128_ps(low, high, 0x20), h = _mm256_permute2f128_ps(low, high, 0x31);
  *a = _mm256_shuffle_ps(l, h, 0x88);
  *b = _mm256_shuffle_ps(l, h, 0xdd);
}

/* Lanes 2 n and 2 n + 1 exchanged. */
static inline vf vf_swap(vf a) { return _mm256_permute_ps(a, 0xb1); }

/* Rows of pairs become columns: lanes 2 j and 2 j + 1 of in[i] go to lanes 2 i and 2 i + 1 of out[j]. */
static inline void vf_transpose_pairs(vf m[VL / 2]) {
  const __m256d a = _mm256_castps_pd(m[0]), b = _mm256_castps_pd(m[1]);
  const __m256d c = _mm256_castps_pd(m[2]), d = _mm256_castps_pd(m[3]);
  const __m256d ab0 = _mm256_unpacklo_pd(a, b), ab1 = _mm256_unpackhi_pd(a, b);
  const __m256d cd0 = _mm256_unpacklo_pd(c, d), cd1 = _mm256_unpackhi_pd(c, d);
  m[0] = _mm256_castpd_ps(_mm256_permute2f128_pd(ab0, cd0, 0x20));
  m[1] = _mm256_castpd_ps(_mm256_permute2f128_pd(ab1, cd1, 0x20));
  m[2] = _mm256_castpd_ps(_mm256_permute2f128_pd(ab0, cd0, 0x31));
  m[3] = _mm256_castpd_ps(_mm256_permute2f128_pd(ab1, cd1, 0x31));
}

/* Rows become columns: lane j of in[i] goes to lane i of out[j]. */
static inline void vf_transpose(vf m[VL]) {
  vf t[8];
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_ps(m[2 * i], m[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(m[2 * i], m[2 * i + 1]);
  }
  vf s[8];
  for (int i = 0; i < 2; i++) {
    s[4 * i + 0] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    s[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    s[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    s[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    m[i] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x20);
    m[i + 4] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x31);
  }
}

#endif

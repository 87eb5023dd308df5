/* 4 lanes. */
#ifndef KVOX_CPU_VEC_NEON_H
#define KVOX_CPU_VEC_NEON_H

#if !defined(__aarch64__)
#error "this file needs a 64-bit ARM compiler"
#endif
#include <arm_neon.h>

#define VL 4
typedef float32x4_t vf;
typedef int32x4_t vi;

static inline vf vf_zero(void) { return vdupq_n_f32(0); }
static inline vf vf_set(float x) { return vdupq_n_f32(x); }
static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline void vf_store(float *p, vf x) { vst1q_f32(p, x); }
/* Past the caches where that can be told; vf_stream_end() before another thread reads. */
static inline void vf_stream(float *p, vf x) { vst1q_f32(p, x); }
static inline void vf_stream_end(void) {}
static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
/* a * b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
/* The greater; b where a is NaN. */
static inline vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
/* 0, 1, ..., VL - 1. */
static inline vf vf_lanes(void) {
  static const float lanes[VL] = {0, 1, 2, 3};
  return vf_load(lanes);
}
/* a < b ? x : y in each lane; y where either is NaN. */
static inline vf vf_select_less(vf a, vf b, vf x, vf y) { return vbslq_f32(vcltq_f32(a, b), x, y); }

static inline vi vi_set(int32_t x) { return vdupq_n_s32(x); }
static inline vi vi_load(const int32_t *p) { return vld1q_s32(p); }
static inline void vi_store(int32_t *p, vi x) { vst1q_s32(p, x); }
static inline vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
static inline vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
static inline vi vi_mul(vi a, vi b) { return vmulq_s32(a, b); }
static inline vi vi_max(vi a, vi b) { return vmaxq_s32(a, b); }
static inline vi vi_min(vi a, vi b) { return vminq_s32(a, b); }
static inline vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
static inline vi vi_or(vi a, vi b) { return vorrq_s32(a, b); }
#define vi_shift_left(a, bits) vshlq_n_s32((a), (bits))
/* Arithmetic: the sign is kept. */
#define vi_shift_right(a, bits) vshrq_n_s32((a), (bits))
static inline vi vi_truncate(vf x) { return vcvtq_s32_f32(x); }
static inline vf vf_from_int(vi x) { return vcvtq_f32_s32(x); }
/* x - whole, where x >= 0 and whole = vi_truncate(x). */
static inline vf vf_fraction(vf x, vi whole) { return vsubq_f32(x, vcvtq_f32_s32(whole)); }
static inline vi vi_bits(vf x) { return vreinterpretq_s32_f32(x); }
static inline vf vf_bits(vi x) { return vreinterpretq_f32_s32(x); }

/* The first n lanes, 0 <= n <= VL; the rest is 0 when loaded and untouched when stored. */
static inline vf vf_load_part(const float *p, int64_t n) {
  float lanes[VL] = {0};
  for (int64_t i = 0; i < n; i++) {
    lanes[i] = p[i];
  }
  return vf_load(lanes);
}
static inline void vf_store_part(float *p, vf x, int64_t n) {
  float lanes[VL];
  vf_store(lanes, x);
  for (int64_t i = 0; i < n; i++) {
    p[i] = lanes[i];
  }
}

/* p[0] += q[0], p[1] += q[1] */
static inline void vf_add_pair(float *p, const float *q) { vst1_f32(p, vadd_f32(vld1_f32(p), vld1_f32(q))); }

/* p[index] and p[index + 1]. */
static inline void vf_gather_pair(const float *p, vi index, vf *low, vf *high) {
  int32_t at[VL];
  vi_store(at, index);
  const float32x4_t a = vcombine_f32(vld1_f32(p + at[0]), vld1_f32(p + at[1]));
  const float32x4_t b = vcombine_f32(vld1_f32(p + at[2]), vld1_f32(p + at[3]));
  *low = vuzp1q_f32(a, b);
  *high = vuzp2q_f32(a, b);
}

/* p[index] where 0 <= index < VL. */
static inline vf vf_pick(const float *p, vi index) {
  const float lanes[VL] = {p[vgetq_lane_s32(index, 0)], p[vgetq_lane_s32(index, 1)], p[vgetq_lane_s32(index, 2)],
                           p[vgetq_lane_s32(index, 3)]};
  return vf_load(lanes);
}

/* p[index] and p[index + 1] where 0 <= index < 2 VL - 1, or 3 VL - 1. */
static inline void vf_pick_pair_2(const float *p, vi index, vf *low, vf *high) { vf_gather_pair(p, index, low, high); }
/* The same wherever they lie; for AVX2 halves are apart. */
static inline void vf_pick_halves(const float *p, vi index, int32_t first, int32_t second, vf *low, vf *high) {
  (void)first, (void)second;
  vf_gather_pair(p, index, low, high);
}
static inline void vf_pick_pair_3(const float *p, vi index, vf *low, vf *high) { vf_gather_pair(p, index, low, high); }

/* Of vf_pick_sum, which gathers here. */
#define VF_SUM_RISE 2.333

/* a0 b0 a1 b1 ...: the first VL into low, the rest into high; and back. */
static inline void vf_zip(vf a, vf b, vf *low, vf *high) {
  *low = vzip1q_f32(a, b);
  *high = vzip2q_f32(a, b);
}
static inline void vf_unzip(vf low, vf high, vf *a, vf *b) {
  *a = vuzp1q_f32(low, high);
  *b = vuzp2q_f32(low, high);
}

/* Lanes 2 n and 2 n + 1 exchanged. */
static inline vf vf_swap(vf a) { return vrev64q_f32(a); }

/* Rows of pairs become columns: lanes 2 j and 2 j + 1 of in[i] go to lanes 2 i and 2 i + 1 of out[j]. */
static inline void vf_transpose_pairs(vf m[VL / 2]) {
  const vf a = m[0], b = m[1];
  m[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(b));
  m[1] = vcombine_f32(vget_high_f32(a), vget_high_f32(b));
}

/* Rows become columns: lane j of in[i] goes to lane i of out[j]. */
static inline void vf_transpose(vf m[VL]) {
  const float32x4x2_t a = vtrnq_f32(m[0], m[1]), b = vtrnq_f32(m[2], m[3]);
  m[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
  m[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
  m[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
  m[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

#endif

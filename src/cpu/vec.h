/*
 * The thin vector layer: one spelling for AVX2, AVX-512 and NEON. A kernel's body is written once over it and compiled
 * once per instruction set; such a file defines KVOX_VEC_AVX2, KVOX_VEC_AVX512 or KVOX_VEC_NEON and includes this one.
 * vf holds VL floats, vi VL 32-bit integers. Every operation gives the same bits on every instruction set.
 */
#ifndef KVOX_CPU_VEC_H
#define KVOX_CPU_VEC_H

#include <stdint.h>

#define VF_WIDE_RISE 2.8 /* of vf_pick_sum_wide */

#if defined(KVOX_VEC_AVX512)
#include "cpu/vec_avx512.h"
#elif defined(KVOX_VEC_AVX2)
#include "cpu/vec_avx2.h"
#elif defined(KVOX_VEC_NEON)
#include "cpu/vec_neon.h"
#else
#error "define KVOX_VEC_AVX2, KVOX_VEC_AVX512 or KVOX_VEC_NEON before including cpu/vec.h"
#endif

/* Elements index and index + 1 of the sums p + a q, rounded once, wherever they lie. */
static inline void vf_gather_sum(const float *p, const float *q, vf a, vi index, vf *low, vf *high) {
  vf other_low, other_high;
  vf_gather_pair(p, index, low, high);
  vf_gather_pair(q, index, &other_low, &other_high);
  *low = vf_fma(a, other_low, *low);
  *high = vf_fma(a, other_high, *high);
}

static inline void vf_store_pairs(float pairs[2 * VL], vf low, vf high) {
  vf first, second;
  vf_zip(low, high, &first, &second);
  vf_store(pairs, first);
  vf_store(pairs + VL, second);
}

/* p[index] += p_low, p[index + 1] += p_high and the same of q, one lane after the other: lanes may meet. */
static inline void vf_add_pairs(float *p, float *q, vi index, vf p_low, vf p_high, vf q_low, vf q_high) {
  float of_p[2 * VL], of_q[2 * VL];
  int32_t at[VL];
  vf_store_pairs(of_p, p_low, p_high);
  vf_store_pairs(of_q, q_low, q_high);
  vi_store(at, index);
  for (int32_t lane = 0; lane < VL; lane++) {
    vf_add_pair(p + at[lane], of_p + 2 * lane);
    vf_add_pair(q + at[lane], of_q + 2 * lane);
  }
}

#if defined(KVOX_VEC_NEON)
static inline void vf_pick_sum(const float *p, const float *q, vf a, vi index, int64_t first, int64_t second, vf *low,
                               vf *high) {
  (void)first, (void)second;
  vf_gather_sum(p, q, a, index, low, high);
}
#endif
#if !defined(KVOX_VEC_AVX2)
#define VF_CLOSE_RISE 0 /* nothing is gained */
static inline void vf_pick_sum_close(const float *p, const float *q, vf a, vi index, int64_t first, int64_t second,
                                     vf *low, vf *high) {
  vf_pick_sum(p, q, a, index, first, second, low, high);
}
#endif
#if !defined(KVOX_VEC_AVX512)
/* The same where they rise by VF_SUM_RISE ... VF_WIDE_RISE each, and 0 <= index < 3 VL - 1. */
static inline void vf_pick_sum_wide(const float *p, const float *q, vf a, vi index, vf *low, vf *high) {
  vf_gather_sum(p, q, a, index, low, high);
}
#endif

/* The number of floats that `count` leaves for one vector at `done`: VL, or less at the end. */
static inline int64_t vf_left(int64_t count, int64_t done) { return count - done < VL ? count - done : VL; }

#endif

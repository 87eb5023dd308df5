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

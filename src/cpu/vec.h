/*
 * The thin vector layer: one spelling for AVX2, AVX-512 and NEON. A kernel's body is written once over it and compiled
 * once per instruction set; such a file defines KVOX_VEC_AVX2, KVOX_VEC_AVX512 or KVOX_VEC_NEON and includes this one.
 * vf holds VL floats, vi VL 32-bit integers. Every operation gives the same bits on every instruction set.
 */
#ifndef KVOX_CPU_VEC_H
#define KVOX_CPU_VEC_H

#include <stdint.h>

#if defined(KVOX_VEC_AVX512)
#include "cpu/vec_avx512.h"
#elif defined(KVOX_VEC_AVX2)
#include "cpu/vec_avx2.h"
#elif defined(KVOX_VEC_NEON)
#include "cpu/vec_neon.h"
#else
#error "define KVOX_VEC_AVX2, KVOX_VEC_AVX512 or KVOX_VEC_NEON before including cpu/vec.h"
#endif

/* The number of floats that `count` leaves for one vector at `done`: VL, or less at the end. */
static inline int64_t vf_left(int64_t count, int64_t done) { return count - done < VL ? count - done : VL; }

#endif

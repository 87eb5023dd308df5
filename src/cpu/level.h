/* Which instruction set the kernels use. */
#ifndef KVOX_CPU_LEVEL_H
#define KVOX_CPU_LEVEL_H

#include "kvox/context.h"

/* The level's number for "ref", "neon", "avx2", "avx512", "auto"; negative for anything else. */
int32_t kvox_cpu_level_by_name(const char *name);

/* The table of a stage's kernels for a level in force: KVOX_KERNELS(kvox_filter, level) is &kvox_filter_avx2 at AVX2,
 * the oracle where there is no better. */
#if defined(__x86_64__)
#define KVOX_KERNELS(stage, level) \
  ((level) == KVOX_CPU_AVX512 ? &stage##_avx512 : (level) == KVOX_CPU_AVX2 ? &stage##_avx2 : &stage##_ref)
#elif defined(__aarch64__)
#define KVOX_KERNELS(stage, level) ((level) == KVOX_CPU_NEON ? &stage##_neon : &stage##_ref)
#else
#define KVOX_KERNELS(stage, level) ((void)(level), &stage##_ref)
#endif

/* Whether this machine runs kernels of that level. */
int kvox_cpu_has(int32_t level);

#endif

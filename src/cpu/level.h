/* Which instruction set the kernels use. */
#ifndef KVOX_CPU_LEVEL_H
#define KVOX_CPU_LEVEL_H

#include "kvox/context.h"

/* The level's number for "ref", "neon", "avx2", "avx512", "auto"; negative for anything else. */
int32_t kvox_cpu_level_by_name(const char *name);

/* Whether this machine runs kernels of that level. */
int kvox_cpu_has(int32_t level);

#endif

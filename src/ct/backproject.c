#include "ct/backproject.h"

#include <math.h>

#include "kvox/context.h"

/* A vector kernel reads a vector from the samples of a block's leftmost pixel on: 16 floats and one more. */
enum { LOOK_AHEAD = 17 };

const kvox_backproject_kernels *kvox_backproject_kernels_of(int32_t cpu_level) {
  switch (cpu_level) {
#if defined(__x86_64__)
    case KVOX_CPU_AVX512: return &kvox_backproject_avx512;
    case KVOX_CPU_AVX2: return &kvox_backproject_avx2;
#elif defined(__aarch64__)
    case KVOX_CPU_NEON: return &kvox_backproject_neon;
#endif
    default: return &kvox_backproject_ref;
  }
}

int64_t kvox_backproject_padding(double slope) { return (int64_t)ceil(slope * (KVOX_TILE - 1)) + 2 + LOOK_AHEAD; }

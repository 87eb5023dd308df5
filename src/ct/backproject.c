#include "ct/backproject.h"

#include <math.h>

#include "cpu/level.h"

/* A vector kernel reads a vector from the samples of a block's leftmost pixel on: 16 floats and one more. */
enum { LOOK_AHEAD = 17 };

const kvox_backproject_kernels *kvox_backproject_kernels_of(int32_t cpu_level) {
  return KVOX_KERNELS(kvox_backproject, cpu_level);
}

int64_t kvox_backproject_padding(double slope) { return (int64_t)ceil(slope * (KVOX_TILE - 1)) + 2 + LOOK_AHEAD; }

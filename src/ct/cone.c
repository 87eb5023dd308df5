#include "ct/cone.h"

#include <math.h>

#include "core/size.h"
#include "cpu/level.h"

/* A block reads three vectors of AVX-512 from its base on, and one more row. */
enum { LOOK_AHEAD = 49 };

const kvox_cone_kernels *kvox_cone_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_cone, cpu_level); }

int64_t kvox_cone_padding(double slope) {
  return kvox_round_up((int64_t)ceil(KVOX_CONE_BLOCK * slope) + 2 + LOOK_AHEAD, KVOX_CONE_BLOCK);
}

int64_t kvox_cone_scratch(int64_t step, int64_t padding) { return step + 2 * padding; }

#include "ct/cone.h"

#include "cpu/level.h"

const kvox_cone_kernels *kvox_cone_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_cone, cpu_level); }

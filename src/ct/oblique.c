#include "ct/oblique.h"

#include "cpu/level.h"

const kvox_oblique_kernels *kvox_oblique_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_oblique, cpu_level); }

#include "ct/thin.h"

#include "cpu/level.h"

const kvox_thin_kernels *kvox_thin_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_thin, cpu_level); }

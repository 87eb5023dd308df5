#define KVOX_VEC_AVX2
#define KERNELS kvox_backproject_avx2
#include "ct/backproject_body.h"

#define KVOX_VEC_AVX512
#define KERNELS kvox_backproject_avx512
#include "ct/backproject_body.h"

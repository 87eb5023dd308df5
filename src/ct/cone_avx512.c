#define KVOX_VEC_AVX512
#define KERNELS kvox_cone_avx512
#include "ct/cone_body.h"

#define KVOX_VEC_AVX2
#define KERNELS kvox_cone_avx2
#include "ct/cone_body.h"

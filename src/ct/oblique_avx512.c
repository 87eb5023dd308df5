#define KVOX_VEC_AVX512
#define KERNELS kvox_oblique_avx512
#include "ct/oblique_body.h"

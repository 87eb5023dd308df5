#define KVOX_VEC_AVX2
#define KERNELS kvox_oblique_avx2
#include "ct/oblique_body.h"

#define KVOX_VEC_AVX512
#define KERNELS kvox_thin_avx512
#include "ct/thin_body.h"

#define KVOX_VEC_AVX2
#define KERNELS kvox_thin_avx2
#include "ct/thin_body.h"

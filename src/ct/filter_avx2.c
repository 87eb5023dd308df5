#define KVOX_VEC_AVX2
#define KERNELS kvox_filter_avx2
#include "ct/filter_body.h"

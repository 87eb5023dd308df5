#define KVOX_VEC_AVX512
#define KERNELS kvox_filter_avx512
#include "ct/filter_body.h"

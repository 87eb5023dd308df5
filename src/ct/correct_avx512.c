#define KVOX_VEC_AVX512
#define KERNELS kvox_correct_avx512
#include "ct/correct_body.h"

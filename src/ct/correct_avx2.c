#define KVOX_VEC_AVX2
#define KERNELS kvox_correct_avx2
#include "ct/correct_body.h"

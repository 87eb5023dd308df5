#define KVOX_VEC_AVX512
#define KERNELS kvox_combine_avx512
#include "mri/combine_body.h"

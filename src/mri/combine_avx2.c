#define KVOX_VEC_AVX2
#define KERNELS kvox_combine_avx2
#include "mri/combine_body.h"

#define KVOX_VEC_AVX512
#define KERNELS kvox_t2star_avx512
#include "mri/t2star_body.h"

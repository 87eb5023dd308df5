#define KVOX_VEC_AVX512
#define KERNELS kvox_polar_avx512
#include "mri/polar_body.h"

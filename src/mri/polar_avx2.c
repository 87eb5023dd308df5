#define KVOX_VEC_AVX2
#define KERNELS kvox_polar_avx2
#include "mri/polar_body.h"

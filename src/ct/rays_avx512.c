#define KVOX_VEC_AVX512
#define KERNELS kvox_rays_avx512
#include "ct/rays_body.h"

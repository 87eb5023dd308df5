#define KVOX_VEC_AVX2
#define KERNELS kvox_rays_avx2
#include "ct/rays_body.h"

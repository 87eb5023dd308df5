#define KVOX_VEC_AVX2
#define KERNELS kvox_t2star_avx2
#include "mri/t2star_body.h"

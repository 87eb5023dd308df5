#define KVOX_VEC_AVX2
#define KERNELS kvox_walsh_avx2
#include "mri/walsh_body.h"

#define KVOX_VEC_AVX512
#define KERNELS kvox_walsh_avx512
#include "mri/walsh_body.h"

#define KVOX_VEC_AVX2
#define KERNELS kvox_mix_avx2
#include "mri/mix_body.h"

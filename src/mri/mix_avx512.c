#define KVOX_VEC_AVX512
#define KERNELS kvox_mix_avx512
#include "mri/mix_body.h"

#define KVOX_VEC_AVX512
#define KERNELS kvox_fourier_avx512
#include "mri/fourier_body.h"

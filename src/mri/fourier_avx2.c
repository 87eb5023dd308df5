#define KVOX_VEC_AVX2
#define KERNELS kvox_fourier_avx2
#include "mri/fourier_body.h"

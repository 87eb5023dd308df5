#define KVOX_VEC_AVX512
#define KERNELS kvox_partial_row_avx512
#include "mri/partial_row_body.h"

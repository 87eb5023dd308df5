#define KVOX_VEC_AVX2
#define KERNELS kvox_partial_row_avx2
#include "mri/partial_row_body.h"

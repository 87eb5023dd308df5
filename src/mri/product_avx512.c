#define KVOX_VEC_AVX512
#define KERNELS kvox_product_avx512
#include "mri/product_body.h"

#define KVOX_VEC_AVX2
#define KERNELS kvox_product_avx2
#include "mri/product_body.h"

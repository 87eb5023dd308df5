#define KVOX_VEC_NEON
#define KERNELS kvox_product_neon
#include "mri/product_body.h"

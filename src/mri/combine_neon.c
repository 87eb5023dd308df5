#define KVOX_VEC_NEON
#define KERNELS kvox_combine_neon
#include "mri/combine_body.h"

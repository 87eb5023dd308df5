#define KVOX_VEC_NEON
#define KERNELS kvox_t2star_neon
#include "mri/t2star_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_polar_neon
#include "mri/polar_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_walsh_neon
#include "mri/walsh_body.h"

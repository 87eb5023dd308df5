#define KVOX_VEC_NEON
#define KERNELS kvox_rays_neon
#include "ct/rays_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_mix_neon
#include "mri/mix_body.h"

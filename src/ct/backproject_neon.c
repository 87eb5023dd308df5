#define KVOX_VEC_NEON
#define KERNELS kvox_backproject_neon
#include "ct/backproject_body.h"

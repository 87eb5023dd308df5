#define KVOX_VEC_NEON
#define KERNELS kvox_cone_neon
#include "ct/cone_body.h"

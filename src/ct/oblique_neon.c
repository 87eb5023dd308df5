#define KVOX_VEC_NEON
#define KERNELS kvox_oblique_neon
#include "ct/oblique_body.h"

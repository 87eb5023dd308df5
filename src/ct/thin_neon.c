#define KVOX_VEC_NEON
#define KERNELS kvox_thin_neon
#include "ct/thin_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_filter_neon
#include "ct/filter_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_correct_neon
#include "ct/correct_body.h"

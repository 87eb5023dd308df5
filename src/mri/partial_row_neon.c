#define KVOX_VEC_NEON
#define KERNELS kvox_partial_row_neon
#include "mri/partial_row_body.h"

#define KVOX_VEC_NEON
#define KERNELS kvox_fourier_neon
#include "mri/fourier_body.h"

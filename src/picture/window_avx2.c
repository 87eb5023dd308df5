#ifndef __AVX2__
#error "this file needs -mavx2 -mfma"
#endif
#define KERNELS kvox_window_avx2
#include "picture/window_body.h"

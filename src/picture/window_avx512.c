#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__) || !defined(__AVX512BW__)
#error "this file needs -mavx512f -mavx512dq -mavx512vl -mavx512bw"
#endif
#define KERNELS kvox_window_avx512
#include "picture/window_body.h"

#ifndef __AVX2__
#error "machine_avx2.c is compiled with -mavx2 -mfma"
#endif
#define KVOX_BENCH_BYTES 32
#define KVOX_BENCH_LEVEL avx2
#include "machine_body.h"

#ifndef __AVX512F__
#error "machine_avx512.c is compiled with -mavx512f"
#endif
#define KVOX_BENCH_BYTES 64
#define KVOX_BENCH_LEVEL avx512
#include "machine_body.h"

#define KVOX_VEC_AVX512
#define TABLE kvox_vec_table_avx512
#include "kernel/check_vec_body.h"

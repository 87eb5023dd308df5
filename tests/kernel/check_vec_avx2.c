#define KVOX_VEC_AVX2
#define TABLE kvox_vec_table_avx2
#include "kernel/check_vec_body.h"

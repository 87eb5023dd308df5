#define KVOX_VEC_NEON
#define TABLE kvox_vec_table_neon
#include "kernel/check_vec_body.h"

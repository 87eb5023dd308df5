#define KERNELS kvox_ball_avx512
#include "phantom/ball_body.h"

#define KERNELS kvox_ball_avx2
#include "phantom/ball_body.h"

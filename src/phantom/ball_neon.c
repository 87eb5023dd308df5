#define KERNELS kvox_ball_neon
#include "phantom/ball_body.h"

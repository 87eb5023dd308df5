#ifndef __aarch64__
#error "this file needs a 64-bit ARM compiler"
#endif
#define KERNELS kvox_window_neon
#include "picture/window_body.h"

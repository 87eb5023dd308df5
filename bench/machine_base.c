/* What every machine of this architecture has: SSE2, NEON. */
#define KVOX_BENCH_BYTES 16
#define KVOX_BENCH_LEVEL base
#include "machine_body.h"

/* Loops that do nothing but multiply and add, or load. */
#ifndef KVOX_BENCH_MACHINE_H
#define KVOX_BENCH_MACHINE_H

#include <stdint.h>

typedef struct kvox_bench_loops {
  float (*multiply_add)(int64_t rounds);                           /* `step` of them a round */
  float (*load)(const float *data, int64_t count, int64_t rounds); /* of each float of whole steps, a round */
  int64_t step;
} kvox_bench_loops;

extern const kvox_bench_loops kvox_bench_loops_base;
extern const kvox_bench_loops kvox_bench_loops_avx2;
extern const kvox_bench_loops kvox_bench_loops_avx512;

#endif

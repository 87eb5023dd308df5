/* What this machine does at best, measured in the same run: copying, multiplying and adding, loading from its caches.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
  RUNS = 15, /* the best counts: other work on the machine only takes away */
  ALIGNMENT = 64,
  L1_BYTES = 16 << 10,  /* half of the smallest first-level cache of today */
  L2_BYTES = 192 << 10, /* past the first, within the second */
  MULTIPLY_ROUNDS = 4000000,
};
static const size_t copy_bytes = (size_t)256 << 20; /* beyond most last-level caches */
static const int64_t load_bytes = (int64_t)2 << 30;

static volatile float sink;

static const kvox_bench_loops *loops_of(int32_t level) {
  switch (level) {
#if defined(__x86_64__)
    case KVOX_CPU_AVX512: return &kvox_bench_loops_avx512;
    case KVOX_CPU_AVX2: return &kvox_bench_loops_avx2;
#endif
    default: return &kvox_bench_loops_base;
  }
}

static double measure_copy(int threads) {
  char *from = aligned_alloc(ALIGNMENT, copy_bytes), *to = aligned_alloc(ALIGNMENT, copy_bytes);
  kvox_bench_series series = {0};
  const size_t part = copy_bytes / (size_t)threads / ALIGNMENT * ALIGNMENT;
  for (int run = -1; from != NULL && to != NULL && run < RUNS; run++) {
    const double begin = kvox_bench_now();
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
      if (run < 0) {
        memset(from + (size_t)t * part, 1, part);
        memset(to + (size_t)t * part, 1, part);
      } else {
        memcpy(to + (size_t)t * part, from + (size_t)t * part, part);
      }
    }
    if (run >= 0) {
      kvox_bench_add(&series, kvox_bench_now() - begin);
    }
  }
  free(from);
  free(to);
  return series.count == 0 ? 0 : 2e-9 * (double)part * threads / kvox_bench_least(&series);
}

static double measure_multiply_add(int threads, const kvox_bench_loops *loops) {
  kvox_bench_series series = {0};
  for (int run = 0; run < RUNS; run++) {
    const double begin = kvox_bench_now();
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
      sink = loops->multiply_add(MULTIPLY_ROUNDS);
    }
    kvox_bench_add(&series, kvox_bench_now() - begin);
  }
  return 2e-9 * (double)MULTIPLY_ROUNDS * (double)loops->step * threads / kvox_bench_least(&series);
}

static double measure_loads(int threads, const kvox_bench_loops *loops, int64_t bytes) {
  const int64_t count = bytes / (int64_t)sizeof(float) / loops->step * loops->step;
  const int64_t rounds = load_bytes / bytes;
  kvox_bench_series series = {0};
  int failed = 0;
  for (int run = 0; run < RUNS && !failed; run++) {
    const double begin = kvox_bench_now();
#pragma omp parallel for num_threads(threads) schedule(static, 1) reduction(| : failed)
    for (int t = 0; t < threads; t++) {
      float *data = aligned_alloc(ALIGNMENT, (size_t)bytes);
      if (data == NULL) {
        failed = 1;
        continue;
      }
      memset(data, 0, (size_t)bytes);
      sink = loops->load(data, count, rounds);
      free(data);
    }
    kvox_bench_add(&series, kvox_bench_now() - begin);
  }
  return failed ? 0 : 4e-9 * (double)count * (double)rounds * threads / kvox_bench_least(&series);
}

int kvox_bench_measure_machine(int threads, int32_t level, kvox_bench_machine *machine) {
  static const int32_t ladder[] = {KVOX_CPU_REF, KVOX_CPU_NEON, KVOX_CPU_AVX2, KVOX_CPU_AVX512};
  *machine = (kvox_bench_machine){.copy_gbytes = measure_copy(threads)};
  for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++) {
    /* The oracle is compiled for any machine of the architecture, as the base loops are. */
    const int built = ladder[i] == KVOX_CPU_REF || loops_of(ladder[i]) != &kvox_bench_loops_base;
    if (ladder[i] > level || !built) {
      continue;
    }
    const kvox_bench_loops *loops = loops_of(ladder[i]);
    machine->peaks[machine->levels++] = (kvox_bench_peaks){.level = ladder[i],
                                                           .fma_gflops = measure_multiply_add(threads, loops),
                                                           .l1_gbytes = measure_loads(threads, loops, L1_BYTES),
                                                           .l2_gbytes = measure_loads(threads, loops, L2_BYTES)};
  }
  return machine->copy_gbytes > 0 && machine->peaks[machine->levels - 1].l1_gbytes > 0;
}

cJSON *kvox_bench_machine_json(const kvox_bench_machine *machine) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddNumberToObject(json, "copy_gbytes_per_s", machine->copy_gbytes);
  for (int i = 0; i < machine->levels; i++) {
    const kvox_bench_peaks *peaks = &machine->peaks[i];
    cJSON *level = cJSON_AddObjectToObject(json, kvox_cpu_level_name(peaks->level));
    cJSON_AddNumberToObject(level, "fma_gflops", peaks->fma_gflops);
    cJSON_AddNumberToObject(level, "l1_load_gbytes_per_s", peaks->l1_gbytes);
    cJSON_AddNumberToObject(level, "l2_load_gbytes_per_s", peaks->l2_gbytes);
  }
  return json;
}

/* The loops of machine.c for one instruction set: KVOX_BENCH_BYTES a vector, names end in KVOX_BENCH_LEVEL. */
#include "machine.h"

#define KVOX_BENCH_JOIN_(a, b) a##b
#define KVOX_BENCH_JOIN(a, b) KVOX_BENCH_JOIN_(a, b)

typedef float vector __attribute__((vector_size(KVOX_BENCH_BYTES)));

/* Two pipes of four to five cycles each need ten independent sums; sixteen registers hold twelve with two constants. */
enum { SUMS = 12, FLOATS = KVOX_BENCH_BYTES / 4 };

static float gather_sums(const vector sums[SUMS]) {
  float all = 0;
  for (int i = 0; i < SUMS; i++) {
    all += sums[i][0];
  }
  return all;
}

static float multiply_add(int64_t rounds) {
  const vector factor = {0};
  const vector keep = factor + 0.999999f, term = factor + 1e-6f;
  vector sums[SUMS];
  for (int i = 0; i < SUMS; i++) {
    sums[i] = term * (float)i;
  }
  for (int64_t r = 0; r < rounds; r++) {
    for (int i = 0; i < SUMS; i++) {
      sums[i] = sums[i] * keep + term;
    }
  }
  return gather_sums(sums);
}

static float load(const float *data, int64_t count, int64_t rounds) {
  vector sums[SUMS] = {{0}};
  const vector *v = (const vector *)(const void *)data;
  const int64_t vectors = count / FLOATS;
  for (int64_t r = 0; r < rounds; r++) {
    for (int64_t k = 0; k + SUMS <= vectors; k += SUMS) {
      for (int i = 0; i < SUMS; i++) {
        sums[i] += v[k + i];
      }
    }
  }
  return gather_sums(sums);
}

const kvox_bench_loops KVOX_BENCH_JOIN(kvox_bench_loops_, KVOX_BENCH_LEVEL) = {multiply_add, load, SUMS *FLOATS};

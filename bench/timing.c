#include <time.h>

#include "bench.h"

static const double budget_s = 45;

double kvox_bench_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Kept in order, least first. */
void kvox_bench_add(kvox_bench_series *series, double seconds) {
  int at = series->count++;
  for (; at > 0 && series->seconds[at - 1] > seconds; at--) {
    series->seconds[at] = series->seconds[at - 1];
  }
  series->seconds[at] = seconds;
}

double kvox_bench_median(const kvox_bench_series *series) {
  const int half = series->count / 2;
  return series->count % 2 ? series->seconds[half] : 0.5 * (series->seconds[half - 1] + series->seconds[half]);
}

double kvox_bench_least(const kvox_bench_series *series) { return series->seconds[0]; }

int kvox_bench_goes_on(const kvox_bench_series *series, int runs) {
  double spent = 0;
  for (int i = 0; i < series->count; i++) {
    spent += series->seconds[i];
  }
  return series->count == 0 || (series->count < runs && spent < budget_s);
}

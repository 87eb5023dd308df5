#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { MULTIPLY_ADDS = 2, LOADS = 2 }; /* a voxel and view */

kvox_bench_limits kvox_bench_interpolation_limits(const kvox_bench *bench, const kvox_bench_case *what,
                                                  const kvox_bench_scan *scan) {
  const kvox_bench_peaks *peaks = &bench->machine.peaks[bench->machine.levels - 1];
  const double pixels = (double)what->size * (double)what->size * (double)what->slices;
  const double updates = pixels * (double)what->views;
  return (kvox_bench_limits){
      .arithmetic_s = 2e-9 * MULTIPLY_ADDS * updates / peaks->fma_gflops,
      .loads_s = 1e-9 * LOADS * sizeof(float) * updates / peaks->l1_gbytes,
      .memory_s = 1e-9 * (sizeof(float) * pixels + kvox_bench_bytes(&scan->projections)) / bench->machine.copy_gbytes};
}

void kvox_bench_report_limits(cJSON *result, const kvox_bench_limits *limits, double fftw_s, double measured_s) {
  const double core = limits->arithmetic_s > limits->loads_s ? limits->arithmetic_s : limits->loads_s;
  const double least = core + limits->memory_s + fftw_s;
  cJSON *json = cJSON_AddObjectToObject(result, "limits");
  if (core > 0) {
    cJSON_AddNumberToObject(json, "arithmetic_seconds", limits->arithmetic_s);
    cJSON_AddNumberToObject(json, "loads_seconds", limits->loads_s);
  }
  cJSON_AddNumberToObject(json, "memory_seconds", limits->memory_s);
  if (fftw_s > 0) {
    cJSON_AddNumberToObject(json, "fftw_seconds", fftw_s);
  }
  cJSON_AddNumberToObject(json, "least_seconds", least);
  cJSON_AddNumberToObject(json, "share_of_limit", least / measured_s);
}

double kvox_bench_load_average(void) {
  FILE *file = fopen("/proc/loadavg", "r");
  double load = -1;
  if (file != NULL) {
    load = fscanf(file, "%lf", &load) == 1 ? load : -1;
    fclose(file);
  }
  return load;
}

/* A line "VmRSS:   1234 kB" of the process's status, in bytes. */
static double status_bytes(const char *key) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long kilobytes = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), ": %lu", &kilobytes) == 1) {
      break;
    }
  }
  if (file != NULL) {
    fclose(file);
  }
  return 1024.0 * (double)kilobytes;
}

double kvox_bench_resident(void) { return status_bytes("VmRSS"); }
double kvox_bench_most_resident(void) { return status_bytes("VmHWM"); }

void kvox_bench_reset_most_resident(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (file != NULL) {
    fputs("5", file); /* proc(5): resets the peak */
    fclose(file);
  }
}

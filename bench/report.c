#include <stdio.h>

#include "bench.h"

cJSON *kvox_bench_report(cJSON *result, const kvox_bench_case *what, const kvox_bench_series *total) {
  const double size[3] = {(double)what->size, (double)what->size, (double)what->slices};
  cJSON_AddItemToObject(result, "size", cJSON_CreateDoubleArray(size, 3));
  cJSON_AddNumberToObject(result, "views", (double)what->views);
  cJSON_AddNumberToObject(result, "columns", (double)what->columns);
  cJSON *seconds = cJSON_AddObjectToObject(result, "seconds");
  cJSON_AddNumberToObject(seconds, "median", kvox_bench_median(total));
  cJSON_AddNumberToObject(seconds, "least", kvox_bench_least(total));
  cJSON_AddNumberToObject(seconds, "runs", total->count);
  cJSON_AddNumberToObject(result, "load_average", kvox_bench_load_average());
  return seconds;
}

double kvox_bench_gups(const kvox_bench_case *what, double seconds) {
  return 1e-9 * (double)what->size * (double)what->size * (double)what->slices * (double)what->views / seconds;
}

static void print_below(const char *path, const cJSON *json) {
  const cJSON *child;
  cJSON_ArrayForEach(child, json) {
    char below[128];
    const char *dot = path[0] != '\0' && child->string != NULL ? "." : "";
    snprintf(below, sizeof below, "%s%s%s", path, dot, child->string != NULL ? child->string : "");
    if (cJSON_IsNumber(child)) {
      printf("  %-32s %.6g\n", below, child->valuedouble);
    } else {
      print_below(below, child);
    }
  }
}

void kvox_bench_print(const cJSON *result) {
  const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "name"));
  printf("%s\n", name != NULL ? name : "");
  print_below("", result);
  fflush(stdout);
}

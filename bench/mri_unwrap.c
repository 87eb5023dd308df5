/* Phase unwrapping of a bowl with noise: quadratic along each axis, up to 1.4 rad a voxel (mri-unwrap). */
#include <math.h>

#include "bench.h"

static const double two_pi = 6.283185307179586, steepest = 1.4;

/* The sum of twelve numbers that are uniform over 1 has the variance 1. */
static double noise_of(uint32_t *state) {
  double sum = -6;
  for (int i = 0; i < 12; i++) {
    *state = *state * 1664525u + 1013904223u;
    sum += (double)(*state >> 8) * 0x1p-24;
  }
  return sum;
}

static void fill(const kvox_bench_case *what, double noise, float *phase, float *truth) {
  const int64_t size[3] = {what->size, what->size, what->slices};
  uint32_t state = 1;
  for (int64_t i = 0; i < size[0] * size[1] * size[2]; i++) {
    const int64_t at[3] = {i % size[0], i / size[0] % size[1], i / (size[0] * size[1])};
    double value = noise * noise_of(&state);
    for (int d = 0; d < 3; d++) {
      const double x = (double)at[d] - 0.45 * (double)size[d];
      value += (d == 1 ? -1 : 1) * x * x * steepest / (1.1 * (double)size[d]);
    }
    truth[i] = (float)value;
    phase[i] = (float)(value - two_pi * rint(value / two_pi));
  }
}

/* Neighbours of the result that differ from each other otherwise than the truth's do, as a share of all. */
static double wrong_steps(int64_t count, const float *unwrapped, const float *truth) {
  int64_t wrong = 0;
  for (int64_t i = 1; i < count; i++) {
    wrong += fabs((double)(unwrapped[i] - unwrapped[i - 1]) - (double)(truth[i] - truth[i - 1])) > 1;
  }
  return (double)wrong / (double)(count - 1);
}

kvox_status kvox_bench_mri_unwrap(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result) {
  const double noise = 0.3;
  const int64_t shape[3] = {what->slices, what->size, what->size}, count = shape[0] * shape[1] * shape[2];
  kvox_volume *memory[3] = {NULL, NULL, NULL};
  kvox_array phase, truth, unwrapped, *const arrays[3] = {&phase, &truth, &unwrapped};
  kvox_workspace *workspace = NULL;
  kvox_bench_series total = {0};
  kvox_status status = kvox_workspace_create(bench->context, &workspace);
  for (int i = 0; i < 3 && status == KVOX_OK; i++) {
    status = kvox_bench_memory(bench->context, KVOX_F32, shape, &memory[i], arrays[i]);
  }
  if (status == KVOX_OK) {
    fill(what, noise, phase.data, truth.data);
  }
  for (int run = -1; status == KVOX_OK && (run < 0 || kvox_bench_goes_on(&total, bench->runs)); run++) {
    const double begin = kvox_bench_now();
    status = kvox_mri_unwrap(bench->context, NULL, workspace, &phase, &unwrapped);
    if (run >= 0) {
      kvox_bench_add(&total, kvox_bench_now() - begin);
    }
  }
  if (status == KVOX_OK) {
    kvox_bench_report(result, what, &total);
    cJSON_AddNumberToObject(result, "wrong_steps", wrong_steps(count, unwrapped.data, truth.data));
    cJSON_AddNumberToObject(result, "workspace_bytes", (double)kvox_workspace_bytes(workspace));
  }
  for (int i = 0; i < 3; i++) {
    kvox_volume_destroy(memory[i]);
  }
  kvox_workspace_destroy(workspace);
  return status;
}

#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/mix.h"

/* A sum of 2 n products, each rounded once, and its last turn: (2 n + 2) roundings of at most half an ulp of what the
 * sizes add up to; the oracle rounds once more. */
static double bound_of(const kvox_mix *m, int64_t output, const float *in) {
  const int64_t inputs = m->lower ? output + 1 : m->inputs;
  double sum = 0;
  for (int64_t i = 0; i < inputs; i++) {
    const float *weight = m->matrix + 2 * (output * m->inputs + i), *z = in + i * KVOX_MRI_TILE_ROW;
    sum += fabs((double)weight[0] * z[0]) + fabs((double)weight[1] * z[1]);
    sum += fabs((double)weight[0] * z[1]) + fabs((double)weight[1] * z[0]);
  }
  return (double)(2 * inputs + 3) * 0x1p-24 * sum + 0x1p-149 * (double)(4 * inputs);
}

static void fill(kvox_check *check, int64_t count, float *values) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)kvox_check_real(check, -3, 3);
  }
}

static void spoil(kvox_check *check, int64_t inputs, int64_t count, float *in) {
  static const float spoilt[] = {NAN, INFINITY, -INFINITY};
  if (kvox_check_chance(check, 0.3)) {
    float *row = in + kvox_check_integer(check, 0, inputs - 1) * KVOX_MRI_TILE_ROW;
    row[kvox_check_integer(check, 0, 2 * count - 1)] = spoilt[kvox_check_integer(check, 0, 2)];
  }
}

static void compare_mix(kvox_check *check) {
  kvox_mix m = {.inputs = kvox_check_integer(check, 1, 33), .lower = kvox_check_chance(check, 0.5)};
  m.outputs = m.lower ? m.inputs : kvox_check_integer(check, 1, 33);
  const int64_t count = KVOX_MRI_STEP * kvox_check_integer(check, 1, KVOX_MRI_TILE / KVOX_MRI_STEP);
  kvox_check_shape(check, "%d coils to %d, %s, %d samples", (int)m.inputs, (int)m.outputs, m.lower ? "lower" : "full",
                   (int)count);
  /* Rows end where the last one's samples do. */
  const int64_t in_floats = (m.inputs - 1) * KVOX_MRI_TILE_ROW + 2 * count;
  const int64_t out_floats = (m.outputs - 1) * KVOX_MRI_TILE_ROW + 2 * count;
  float *matrix = kvox_check_floats(check, 2 * m.outputs * m.inputs), *in = kvox_check_floats(check, in_floats);
  float *want = kvox_check_floats(check, out_floats), *got = kvox_check_floats(check, out_floats);
  fill(check, 2 * m.outputs * m.inputs, matrix);
  fill(check, in_floats, in);
  m.matrix = matrix;
  spoil(check, m.inputs, count, in);
  const bool fine = kvox_mix_ref.mix(&m, count, in, want);
  if (kvox_mix_kernels_of(check->level)->mix(&m, count, in, got) != fine) {
    kvox_check_fault(check, "results are %sall finite, the variant says otherwise", fine ? "" : "not ");
  }
  for (int64_t o = 0; fine && o < m.outputs; o++) {
    for (int64_t n = 0; n < 2 * count; n++) {
      const int64_t at = o * KVOX_MRI_TILE_ROW + n;
      kvox_check_value(check, "out", at, got[at], want[at], bound_of(&m, o, in + n / 2 * 2));
    }
    kvox_check_same_bits(check, 2 * count, got + o * KVOX_MRI_TILE_ROW);
  }
}

enum { BENCH_COILS = 16 };

typedef struct bench_tile {
  const kvox_mix_kernels *kernels;
  kvox_mix mix;
  float *in, *out;
} bench_tile;

static void work_mix(void *data) {
  const bench_tile *tile = data;
  tile->kernels->mix(&tile->mix, KVOX_MRI_TILE, tile->in, tile->out);
}

/* An element: a sample of a coil, of 16. */
static void bench_mix(kvox_check *check) {
  const int64_t floats = BENCH_COILS * KVOX_MRI_TILE_ROW, elements = 2 * BENCH_COILS * BENCH_COILS;
  float *matrix = kvox_check_floats(check, elements);
  bench_tile tile = {.kernels = kvox_mix_kernels_of(check->level),
                     .mix = {.outputs = BENCH_COILS, .inputs = BENCH_COILS, .lower = true, .matrix = matrix},
                     .in = kvox_check_floats(check, floats),
                     .out = kvox_check_floats(check, floats)};
  fill(check, elements, matrix);
  fill(check, floats, tile.in);
  kvox_check_time(check, work_mix, &tile, (int64_t)BENCH_COILS * KVOX_MRI_TILE);
}

const kvox_check_stage kvox_check_mix = {"mix", "the roundings of its sums", compare_mix, bench_mix};

/*
 * Reliability of voxels: 1 / sqrt(sum of squared second differences) along x, y, z and every diagonal (Herraez et al.
 * 2002, equations 1 and 2; Abdul-Rahman et al. 2007).
 */
#include <math.h>
#include <string.h>

#include "mri/unwrap.h"

/* A second difference of noise: the variance of the difference of two numbers that are uniform over a turn. */
static const float of_noise = 1.0f / 6;

/* Rows are rated so many voxels at once. */
enum { BLOCK = 256 };

/* To the nearest whole number, where floats of that size have no fraction; any compiler makes vectors of it. */
static inline float wrap(float turns) {
  const float rounder = 0x1.8p+23f;
  return turns - ((turns + rounder) - rounder);
}

/* sums += squared second differences of `count` voxels; `before` and `after` are their neighbours. */
static void add_squares(int64_t count, const float *restrict before, const float *restrict at,
                        const float *restrict after, float *restrict sums) {
  for (int64_t i = 0; i < count; i++) {
    const float d = wrap(before[i] - at[i]) - wrap(at[i] - after[i]);
    const float square = d * d;
    sums[i] += square == square ? square : of_noise; /* NaN: one of them is outside */
  }
}

static void add_noise(int64_t count, float *sums) {
  for (int64_t i = 0; i < count; i++) {
    sums[i] += of_noise;
  }
}

/* Direction (dx, dy, dz) for voxels [begin, end) of row (y, z). */
static void add_direction(const kvox_unwrap *u, const int64_t d[3], int64_t y, int64_t z, int64_t begin, int64_t end,
                          float *sums) {
  const int64_t *size = u->size, step = (d[2] * size[1] + d[1]) * size[0] + d[0];
  const bool inside =
      y - d[1] >= 0 && y + d[1] >= 0 && y - d[1] < size[1] && y + d[1] < size[1] && z - d[2] >= 0 && z + d[2] < size[2];
  const int64_t first = inside ? kvox_max_i64(begin, d[0] != 0 ? 1 : 0) : end;
  const int64_t last = inside ? kvox_max_i64(kvox_min_i64(end, d[0] != 0 ? size[0] - 1 : size[0]), first) : end;
  const float *at = u->turns + (z * size[1] + y) * size[0] + first;
  add_noise(first - begin, sums);
  if (last > first) {
    add_squares(last - first, at - step, at, at + step, sums + first - begin);
  }
  add_noise(end - last, sums + last - begin);
}

void kvox_unwrap_rate(const kvox_unwrap *u, int64_t row) {
  const int64_t *size = u->size, y = row % size[1], z = row / size[1];
  for (int64_t begin = 0; begin < size[0]; begin += BLOCK) {
    const int64_t end = kvox_min_i64(begin + BLOCK, size[0]);
    float sums[BLOCK] = {0};
    /* One of each pair of opposite directions: those that come after the voxel. */
    for (int code = 14; code < 27; code++) {
      const int64_t d[3] = {code % 3 - 1, code / 3 % 3 - 1, code / 9 - 1};
      /* Shapes without room for a direction do without it. */
      if ((d[0] == 0 || size[0] >= 3) && (d[1] == 0 || size[1] >= 3) && (d[2] == 0 || size[2] >= 3)) {
        add_direction(u, d, y, z, begin, end, sums);
      }
    }
    const float *at = u->turns + row * size[0] + begin;
    float *out = u->reliability + row * size[0] + begin;
    for (int64_t i = 0; i < end - begin; i++) {
      out[i] = isnan(at[i]) ? -INFINITY : 1 / sqrtf(sums[i]);
    }
  }
}

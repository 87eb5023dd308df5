#include <complex.h>
#include <math.h>
#include <string.h>

#include "kernel/check.h"
#include "mri/walsh.h"

enum { TILE = KVOX_MRI_WALSH_TILE, ROW = KVOX_MRI_WALSH_ROW, MOST_COILS = 11 };

static int64_t random_coils(kvox_check *check) {
  const int64_t coils = kvox_check_integer(check, 1, MOST_COILS);
  kvox_check_shape(check, "%d coils", (int)coils);
  return coils;
}

static void fill(kvox_check *check, int64_t count, float *values) {
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)kvox_check_real(check, -1, 1);
  }
}

/* Two fused products beside the oracle's one rounding; the range of sums is 3. */
static void compare_outer(kvox_check *check) {
  const int64_t coils = random_coils(check), elements = 2 * kvox_mri_pairs(coils);
  const int64_t count = KVOX_MRI_STEP * kvox_check_integer(check, 1, ROW / KVOX_MRI_STEP);
  const int64_t floats = coils * KVOX_MRI_TILE_ROW, skip = kvox_check_integer(check, 0, ROW - count);
  float *tile = kvox_check_floats(check, floats), *scratch = kvox_check_floats(check, KVOX_MRI_WALSH_SCRATCH * coils);
  float *want = kvox_check_floats(check, elements * ROW), *got = kvox_check_floats(check, elements * ROW);
  const float scale = (float)ldexp(1, (int)kvox_check_integer(check, -30, 30));
  fill(check, floats, tile);
  for (int64_t i = 0; i < floats; i++) {
    tile[i] /= scale;
  }
  fill(check, elements * ROW, want);
  memcpy(got, want, (size_t)(elements * ROW) * sizeof *got);
  kvox_walsh_ref.add_outer(coils, count, scale, tile, scratch, want + skip);
  kvox_walsh_kernels_of(check->level)->add_outer(coils, count, scale, tile, scratch, got + skip);
  kvox_check_range(check, "products", elements * ROW, got, want, 4 * 0x1p-24);
  kvox_check_same_bits(check, elements * ROW, got);
}

/* Up to 31 sums, each rounded. */
static void compare_window(kvox_check *check) {
  const int64_t coils = random_coils(check), elements = 2 * kvox_mri_pairs(coils);
  const int64_t radius = kvox_check_integer(check, 0, KVOX_MRI_MOST_WINDOW / 2);
  float *columns = kvox_check_floats(check, elements * ROW);
  float *want = kvox_check_floats(check, elements * TILE), *got = kvox_check_floats(check, elements * TILE);
  fill(check, elements * ROW, columns);
  kvox_walsh_ref.add_window(coils, radius, columns, want);
  kvox_walsh_kernels_of(check->level)->add_window(coils, radius, columns, got);
  for (int64_t i = 0; i < elements * TILE; i++) {
    kvox_check_value(check, "sum", i, got[i], want[i], 0x1p-24 * (double)((2 * radius + 1) * (2 * radius + 1)));
  }
  kvox_check_same_bits(check, elements * TILE, got);
}

/* A first vector of some size, and others of less than half of its energy. */
static void fill_matrices(kvox_check *check, int64_t coils, float *sums) {
  const int64_t pairs = kvox_mri_pairs(coils);
  for (int64_t x = 0; x < TILE; x++) {
    const double size = kvox_check_chance(check, 0.1) ? 0 : ldexp(1, (int)kvox_check_integer(check, -50, 30));
    double complex z[3][MOST_COILS];
    for (int64_t c = 0; c < 3 * coils; c++) {
      z[c / coils][c % coils] = kvox_check_real(check, -1, 1) + kvox_check_real(check, -1, 1) * I;
    }
    double energy[3] = {0};
    for (int64_t c = 0; c < 3 * coils; c++) {
      const double complex one = z[c / coils][c % coils];
      energy[c / coils] += creal(one) * creal(one) + cimag(one) * cimag(one);
    }
    for (int64_t i = 0, k = 0; i < coils; i++) {
      for (int64_t j = 0; j <= i; j++, k++) {
        const double complex sum = z[0][i] * conj(z[0][j]) / energy[0] + z[1][i] * conj(z[1][j]) / (5 * energy[1]) +
                                   z[2][i] * conj(z[2][j]) / (9 * energy[2]);
        sums[k * TILE + x] = (float)(size * size * creal(sum));
        sums[(pairs + k) * TILE + x] = (float)(size * size * cimag(sum));
      }
    }
  }
}

/*
 * The second eigenvalue is below half of the first, so a step that turns by 1e-6 leaves as much at most; elements and
 * products round, some n 2^-24. Both in the phase in which they see each other.
 */
static void compare_find(kvox_check *check) {
  const int64_t coils = random_coils(check), floats = 2 * coils * TILE;
  float *sums = kvox_check_floats(check, 2 * kvox_mri_pairs(coils) * TILE);
  float *scratch = kvox_check_memory(check, (size_t)kvox_round_up(kvox_mri_walsh_scratch(coils), 16) * sizeof *scratch);
  float *want = kvox_check_floats(check, floats), *got = kvox_check_floats(check, floats);
  fill_matrices(check, coils, sums);
  kvox_walsh_ref.find(coils, sums, scratch, want);
  kvox_walsh_kernels_of(check->level)->find(coils, sums, scratch, got);
  kvox_check_same_bits(check, floats, got);
  for (int64_t x = 0; x < TILE; x++) {
    double complex inner = 0;
    for (int64_t c = 0; c < coils; c++) {
      const float *a = got + c * TILE + x, *b = want + c * TILE + x;
      inner += ((double)a[0] - a[coils * TILE] * I) * ((double)b[0] + b[coils * TILE] * I);
    }
    const double complex turn = cabs(inner) > 0 ? inner / cabs(inner) : 1;
    for (int64_t c = 0; c < coils; c++) {
      const float *a = got + c * TILE + x, *b = want + c * TILE + x;
      const double complex u = ((double)a[0] + a[coils * TILE] * I) * turn;
      kvox_check_value(check, "real part", x, (float)creal(u), b[0], 3e-6);
      kvox_check_value(check, "imaginary part", x, (float)cimag(u), b[coils * TILE], 3e-6);
    }
  }
}

/* Sums of n products, a root, a division; the reference sees each vector by 1e-2 at least. */
static void compare_put(kvox_check *check) {
  const int64_t coils = random_coils(check), floats = 2 * coils * TILE;
  float *reference = kvox_check_floats(check, 2 * coils), *factor = kvox_check_floats(check, 2 * coils * coils);
  float *found = kvox_check_floats(check, floats), *want = kvox_check_floats(check, coils * KVOX_MRI_TILE_ROW);
  float *got = kvox_check_floats(check, coils * KVOX_MRI_TILE_ROW);
  fill(check, 2 * coils, reference);
  fill(check, 2 * coils * coils, factor);
  fill(check, floats, found);
  if (kvox_check_chance(check, 0.5)) {
    factor = NULL;
  }
  kvox_walsh_ref.put(coils, reference, factor, found, want);
  kvox_walsh_kernels_of(check->level)->put(coils, reference, factor, found, got);
  for (int64_t x = 0; x < TILE; x++) {
    double complex seen = 0;
    for (int64_t c = 0; c < coils; c++) {
      seen += ((double)reference[c] - reference[coils + c] * I) *
              ((double)found[c * TILE + x] + found[(coils + c) * TILE + x] * I);
    }
    const double bound = 1e-6 * (double)coils * (1 + (double)coils / cabs(seen));
    for (int64_t c = 0; c < 2 * coils; c++) {
      const int64_t at = c / 2 * KVOX_MRI_TILE_ROW + 2 * x + c % 2;
      kvox_check_value(check, "map", at, got[at], want[at], bound);
    }
  }
  for (int64_t c = 0; c < coils; c++) {
    kvox_check_same_bits(check, 2 * TILE, got + c * KVOX_MRI_TILE_ROW);
  }
}

/* ---- Timing: eight coils, a window of five rows and columns ---- */

typedef struct bench {
  const kvox_walsh_kernels *kernels;
  float *tile, *columns, *sums, *scratch, *found;
} bench;

enum { COILS = 8, RADIUS = 2 };

static void work(void *data) {
  const bench *b = data;
  memset(b->columns, 0, (size_t)(COILS * (COILS + 1) * ROW) * sizeof *b->columns);
  for (int row = 0; row < 2 * RADIUS + 1; row++) {
    b->kernels->add_outer(COILS, TILE + KVOX_MRI_STEP, 1, b->tile, b->scratch, b->columns);
  }
  b->kernels->add_window(COILS, RADIUS, b->columns, b->sums);
  b->kernels->find(COILS, b->sums, b->scratch, b->found);
}

static void bench_maps(kvox_check *check) {
  bench b = {.kernels = kvox_walsh_kernels_of(check->level),
             .tile = kvox_check_floats(check, COILS * KVOX_MRI_TILE_ROW),
             .columns = kvox_check_floats(check, (int64_t)COILS * (COILS + 1) * ROW),
             .sums = kvox_check_floats(check, (int64_t)COILS * (COILS + 1) * TILE),
             .scratch = kvox_check_floats(check, kvox_round_up(kvox_mri_walsh_scratch(COILS), 16)),
             .found = kvox_check_floats(check, 2 * COILS * TILE)};
  for (int64_t i = 0; i < COILS * KVOX_MRI_TILE_ROW; i++) { /* signal, and a tenth of noise */
    b.tile[i] = (float)(i / KVOX_MRI_TILE_ROW + i % 2) + (float)kvox_check_real(check, -0.5, 0.5);
  }
  kvox_check_time(check, work, &b, TILE);
}

const kvox_check_stage kvox_check_walsh_outer = {"walsh.outer", "4 x 2^-24 of the range", compare_outer, NULL};
const kvox_check_stage kvox_check_walsh_window = {"walsh.window", "2^-24 of the range a sum", compare_window, NULL};
const kvox_check_stage kvox_check_walsh_find = {"walsh.find", "3e-6", compare_find, bench_maps};
const kvox_check_stage kvox_check_walsh_put = {"walsh.put", "1e-6 a coil", compare_put, NULL};

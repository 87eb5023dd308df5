#include <math.h>
#include <string.h>

#include "ct/cone.h"
#include "kernel/check.h"

enum { MOST_VIEWS = 6, MOST_SIDE = 19, MOST_BLOCKS = 4 };

/* Rows of noise, as steep as a row can be. A block's coordinates are right to half an ulp of 32 rows (2e-6), to more of
 * them where its voxels are further apart. */
static const double bound_share = 1e-5;

typedef struct bed {
  kvox_cone_view views[MOST_VIEWS];
  kvox_cone_tile tile;
  int64_t count; /* voxels */
} bed;

/* A circular scan of random size about a grid of `grid` pixels squared; `slope` rows to a voxel on the axis. */
static void make_view(kvox_check *check, const bed *b, double grid, double slope, double columns_a_voxel,
                      kvox_cone_view *view) {
  const double angle = kvox_check_real(check, -4, 4), c = cos(angle), s = sin(angle);
  const double source = grid * kvox_check_real(check, 0.9, 5), middle = 0.5 * (grid - 1);
  const double center = 0.5 * (double)b->tile.columns + kvox_check_real(check, -3, 3);
  const double across = -middle * (c + s), along = middle * (s - c);
  view->da = -s / source;
  view->db = c / source;
  view->dc = 1 + along / source;
  view->ua = c * columns_a_voxel + center * view->da;
  view->ub = s * columns_a_voxel + center * view->db;
  view->uc = across * columns_a_voxel + center * view->dc;
  view->va = slope;
  view->vb = -slope * kvox_check_real(check, 0, KVOX_CONE_BLOCK * MOST_BLOCKS);
  view->vc = (double)b->tile.row + kvox_check_real(check, -0.2, 1.2) * (double)b->tile.rows;
}

/* Samples, with zeros where the stage wants them, between forbidden pages. */
static void make_bed(kvox_check *check, bed *b, double grid, double slope, double columns_a_voxel) {
  kvox_cone_tile *t = &b->tile;
  const int64_t each = KVOX_CONE_GAP + (t->columns + 2) * t->step;
  float *samples = kvox_check_floats(check, t->count * each);
  memset(samples, 0, (size_t)(t->count * each) * sizeof *samples);
  for (int64_t v = 0; v < t->count; v++) {
    make_view(check, b, grid, slope, columns_a_voxel, &b->views[v]);
    float *first = samples + v * each + KVOX_CONE_GAP + t->step;
    b->views[v].samples = first;
    for (int64_t i = 0; i < t->columns * t->rows; i++) {
      first[i / t->rows * t->step + i % t->rows] = (float)kvox_check_real(check, -1, 1);
    }
  }
  t->views = b->views;
  b->count = t->width * t->height * t->blocks * KVOX_CONE_BLOCK;
  t->voxels = kvox_check_floats(check, b->count);
  for (int64_t i = 0; i < b->count; i++) {
    t->voxels[i] = (float)kvox_check_real(check, -1, 1);
  }
}

static void compare(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1.3, 1.6, 1.9, 2.4, 7};
  const double slope = slopes[kvox_check_integer(check, 0, 6)], grid = 64;
  bed b = {0};
  kvox_cone_tile *t = &b.tile;
  t->fan = kvox_check_chance(check, 0.2);
  t->count = kvox_check_integer(check, 1, MOST_VIEWS);
  t->columns = kvox_check_integer(check, 1, 130);
  t->rows = kvox_check_integer(check, 1, 150);
  t->row = kvox_check_integer(check, 0, 40);
  t->step = t->rows + KVOX_CONE_GAP + kvox_check_integer(check, 0, KVOX_CONE_BLOCK);
  t->width = kvox_check_integer(check, 1, MOST_SIDE);
  t->height = kvox_check_integer(check, 1, MOST_SIDE);
  t->x = kvox_check_integer(check, 0, 64 - t->width);
  t->y = kvox_check_integer(check, 0, 64 - t->height);
  t->block = kvox_check_integer(check, 0, 3);
  t->blocks = kvox_check_integer(check, 1, MOST_BLOCKS);
  kvox_check_shape(check, "%d views of %d x %d from row %d, slope %g, %d x %d x %d blocks from %d, %d, %d",
                   (int)t->count, (int)t->columns, (int)t->rows, (int)t->row, slope, (int)t->width, (int)t->height,
                   (int)t->blocks, (int)t->x, (int)t->y, (int)t->block);
  make_bed(check, &b, grid, slope, kvox_check_real(check, 0.1, 3));
  float *want = kvox_check_floats(check, b.count);
  memcpy(want, t->voxels, (size_t)b.count * sizeof *want);
  kvox_cone_tile oracle = *t;
  oracle.voxels = want;
  kvox_cone_ref.backproject(&oracle);
  kvox_cone_kernels_of(check->level)->backproject(t);
  kvox_check_range(check, "voxels", b.count, t->voxels, want, bound_share * fmax(slope, 1));
  kvox_check_same_bits(check, b.count, t->voxels);
}

typedef struct bench_tile {
  kvox_cone_function work;
  const kvox_cone_tile *tile;
} bench_tile;

static void work_tile(void *data) {
  const bench_tile *bench = data;
  bench->work(bench->tile);
}

/* 256 voxels above each pixel of a tile, two rows and columns to each, 8 views. */
static void bench(kvox_check *check) {
  bed b = {.tile = {.count = MOST_VIEWS, .columns = 512, .rows = 512, .step = 560, .x = 16, .y = 16, .width = 32}};
  b.tile.height = 32;
  b.tile.blocks = 16;
  make_bed(check, &b, 64, 1.9, 2);
  for (int64_t v = 0; v < b.tile.count; v++) {
    b.views[v].vb = -1.9 * 128;
    b.views[v].vc = 256;
  }
  bench_tile job = {kvox_cone_kernels_of(check->level)->backproject, &b.tile};
  kvox_check_time(check, work_tile, &job, b.count * b.tile.count);
}

const kvox_check_stage kvox_check_cone = {"cone", "1e-5 of the range", compare, bench};

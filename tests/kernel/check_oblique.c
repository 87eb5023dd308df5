#include <math.h>
#include <string.h>

#include "ct/oblique.h"
#include "kernel/check.h"

enum { MOST_VIEWS = 6, MOST_SIDE = 19, MOST_BLOCKS = 4, GRID = 64 };

/* Rows of noise, as steep as a row can be. A block's coordinates are right to half an ulp of 32 rows (2e-6), to more of
 * them where its voxels are further apart. */
static const double bound_share = 1e-5;

typedef struct bed {
  kvox_oblique_view views[MOST_VIEWS];
  kvox_oblique_tile tile;
  int64_t count; /* voxels */
} bed;

/* What a view is like: rows and columns to a voxel, the most that z moves a column or tilts a depth, for each row. */
typedef struct manner {
  double rows_a_voxel, columns_a_voxel, roll;
  bool parallel;
} manner;

/* A view of the middle of the grid from any side, askew; depth is 1 in the middle. */
static void make_view(kvox_check *check, const bed *b, const manner *how, kvox_oblique_view *view) {
  const double angle = kvox_check_real(check, -4, 4), c = cos(angle), s = sin(angle);
  const double source = GRID * kvox_check_real(check, 1.2, 5), middle = 0.5 * (GRID - 1);
  const double tilt = how->roll * kvox_check_real(check, -1, 1), roll = how->roll * kvox_check_real(check, -1, 1);
  const double lean = 0.2 * kvox_check_real(check, -1, 1);
  const double up = kvox_check_chance(check, 0.5) ? how->rows_a_voxel : -how->rows_a_voxel;
  const double per = how->parallel ? 0 : 1 / source;
  const double depth[3] = {-s * per, c * per, tilt * per};
  const double column[3] = {c * how->columns_a_voxel, s * how->columns_a_voxel, roll * how->columns_a_voxel};
  const double row[3] = {lean * s * up, lean * c * up, up};
  const double center_column = (double)b->tile.columns * kvox_check_real(check, 0.3, 0.7);
  const double center_row = (double)b->tile.row + kvox_check_real(check, -0.2, 1.2) * (double)b->tile.rows;
  double origin[3] = {0, 0, 1};
  for (int i = 0; i < 3; i++) {
    view->column[i] = column[i] + center_column * depth[i];
    view->row[i] = row[i] + center_row * depth[i];
    view->depth[i] = depth[i];
    origin[0] -= middle * column[i];
    origin[1] -= middle * row[i];
    origin[2] -= middle * depth[i];
  }
  view->depth[3] = origin[2];
  view->column[3] = origin[0] + center_column * origin[2];
  view->row[3] = origin[1] + center_row * origin[2];
}

/* Samples, and zeros where the stage wants them, between forbidden pages. */
static void make_bed(kvox_check *check, bed *b, const manner *how) {
  kvox_oblique_tile *t = &b->tile;
  const int64_t each = (t->columns + 2) * t->step + KVOX_OBLIQUE_GAP;
  float *samples = kvox_check_floats(check, t->count * each);
  memset(samples, 0, (size_t)(t->count * each) * sizeof *samples);
  for (int64_t v = 0; v < t->count; v++) {
    make_view(check, b, how, &b->views[v]);
    float *first = samples + v * each + KVOX_OBLIQUE_GAP + t->step;
    b->views[v].samples = first;
    for (int64_t i = 0; i < t->columns * t->rows; i++) {
      first[i / t->rows * t->step + i % t->rows] = (float)kvox_check_real(check, -1, 1);
    }
  }
  t->views = b->views;
  b->count = t->width * t->height * t->blocks * KVOX_OBLIQUE_BLOCK;
  t->voxels = kvox_check_floats(check, b->count);
  for (int64_t i = 0; i < b->count; i++) {
    t->voxels[i] = (float)kvox_check_real(check, -1, 1);
  }
}

static void compare(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1.3, 1.6, 1.9, 2.4, 7}, rolls[] = {0, 0, 0.03, 0.1, 0.3, 2};
  manner how = {.rows_a_voxel = slopes[kvox_check_integer(check, 0, 6)],
                .roll = rolls[kvox_check_integer(check, 0, 5)]};
  how.columns_a_voxel = kvox_check_real(check, 0.1, 3);
  how.parallel = kvox_check_chance(check, 0.2);
  bed b = {0};
  kvox_oblique_tile *t = &b.tile;
  t->count = kvox_check_integer(check, 1, MOST_VIEWS);
  t->columns = kvox_check_integer(check, 1, 130);
  t->rows = kvox_check_integer(check, 1, 150);
  t->row = kvox_check_integer(check, 0, 40);
  t->step = t->rows + KVOX_OBLIQUE_GAP + kvox_check_integer(check, 0, 3);
  t->width = kvox_check_integer(check, 1, MOST_SIDE);
  t->height = kvox_check_integer(check, 1, MOST_SIDE);
  t->x = kvox_check_integer(check, 0, GRID - t->width);
  t->y = kvox_check_integer(check, 0, GRID - t->height);
  t->block = kvox_check_integer(check, 0, 3);
  t->blocks = kvox_check_integer(check, 1, MOST_BLOCKS - t->block);
  kvox_check_shape(check, "%d %s views of %d x %d from row %d, slope %g, roll %g, %d x %d x %d blocks from %d, %d, %d",
                   (int)t->count, how.parallel ? "parallel" : "cone", (int)t->columns, (int)t->rows, (int)t->row,
                   how.rows_a_voxel, how.roll, (int)t->width, (int)t->height, (int)t->blocks, (int)t->x, (int)t->y,
                   (int)t->block);
  make_bed(check, &b, &how);
  float *want = kvox_check_floats(check, b.count);
  memcpy(want, t->voxels, (size_t)b.count * sizeof *want);
  kvox_oblique_tile oracle = *t;
  oracle.voxels = want;
  kvox_oblique_ref.backproject(&oracle);
  kvox_oblique_kernels_of(check->level)->backproject(t);
  const double apart = fmax(how.rows_a_voxel, how.roll * how.columns_a_voxel);
  kvox_check_range(check, "voxels", b.count, t->voxels, want, bound_share * fmax(apart, 1));
  kvox_check_same_bits(check, b.count, t->voxels);
}

typedef struct bench_tile {
  kvox_oblique_function work;
  const kvox_oblique_tile *tile;
} bench_tile;

static void work_tile(void *data) {
  const bench_tile *bench = data;
  bench->work(bench->tile);
}

/* As stage cone's: 256 voxels above each pixel of a tile, two rows and columns to each, detectors tilted by a degree or
 * two. */
static void bench(kvox_check *check) {
  bed b = {.tile = {.count = MOST_VIEWS, .columns = 512, .rows = 512, .step = 560, .x = 16, .y = 16, .width = 32}};
  b.tile.height = 32;
  b.tile.blocks = 16;
  const manner how = {.rows_a_voxel = 1.9, .columns_a_voxel = 2, .roll = 0.03};
  make_bed(check, &b, &how);
  for (int64_t v = 0; v < b.tile.count; v++) {
    b.views[v].row[3] = 256 * b.views[v].depth[3] - b.views[v].row[2] * 128;
  }
  bench_tile job = {kvox_oblique_kernels_of(check->level)->backproject, &b.tile};
  kvox_check_time(check, work_tile, &job, b.count * b.tile.count);
}

const kvox_check_stage kvox_check_oblique = {"oblique", "1e-5 of the range", compare, bench};

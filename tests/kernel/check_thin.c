#include <math.h>
#include <string.h>

#include "ct/thin.h"
#include "kernel/check.h"

enum { MOST_VIEWS = 6, MOST_SLICES = 21, MOST_HEIGHT = 5 };

/* That of stage "cone". */
static const double bound_share = 1e-5;

typedef struct bed {
  kvox_cone_view views[MOST_VIEWS];
  kvox_thin_tile tile;
  double grid, slope, columns_a_voxel;
  int64_t count;       /* voxels and what lies beyond the tile's width */
  float *cone_samples; /* the same samples as stage "cone" stores them */
  int64_t cone_step;
} bed;

/* A circular scan of random size; rows of a fan often meet slices exactly. */
static void make_view(kvox_check *check, const bed *b, kvox_cone_view *view) {
  const double angle = kvox_check_real(check, -4, 4), c = cos(angle), s = sin(angle);
  const double source = b->grid * kvox_check_real(check, 0.9, 5), middle = 0.5 * (b->grid - 1);
  const double center = 0.5 * (double)b->tile.columns + kvox_check_real(check, -3, 3);
  const double across = -middle * (c + s), along = middle * (s - c);
  view->da = -s / source;
  view->db = c / source;
  view->dc = 1 + along / source;
  view->ua = c * b->columns_a_voxel + center * view->da;
  view->ub = s * b->columns_a_voxel + center * view->db;
  view->uc = across * b->columns_a_voxel + center * view->dc;
  view->va = b->slope;
  view->vb =
      -b->slope * kvox_check_real(check, (double)b->tile.slice - 2, (double)(b->tile.slice + b->tile.slices + 2));
  view->vc = (double)b->tile.row + kvox_check_real(check, -0.2, 1.2) * (double)b->tile.rows;
  if (kvox_check_chance(check, 0.5)) {
    view->vb = -b->slope * (double)kvox_check_integer(check, 0, 60);
    view->vc = floor(view->vc);
  }
}

static void make_samples(kvox_check *check, bed *b) {
  const kvox_thin_tile *t = &b->tile;
  const int64_t thin = KVOX_THIN_BEFORE + (t->rows + KVOX_THIN_ZERO_ROWS) * t->step + KVOX_THIN_BEHIND;
  const int64_t cone = KVOX_CONE_GAP + (t->columns + 2) * b->cone_step;
  float *samples = kvox_check_floats(check, t->count * thin);
  b->cone_samples = kvox_check_floats(check, t->count * cone);
  memset(samples, 0, (size_t)(t->count * thin) * sizeof *samples);
  memset(b->cone_samples, 0, (size_t)(t->count * cone) * sizeof *samples);
  for (int64_t v = 0; v < t->count; v++) {
    make_view(check, b, &b->views[v]);
    float *first = samples + v * thin + KVOX_THIN_BEFORE + t->step;
    float *other = b->cone_samples + v * cone + KVOX_CONE_GAP + b->cone_step;
    b->views[v].samples = first;
    for (int64_t i = 0; i < t->columns * t->rows; i++) {
      const float value = (float)kvox_check_real(check, -1, 1);
      first[i % t->rows * t->step + i / t->rows] = value;
      other[i / t->rows * b->cone_step + i % t->rows] = value;
    }
  }
}

static void make_bed(kvox_check *check, bed *b) {
  kvox_thin_tile *t = &b->tile;
  b->cone_step = t->rows + KVOX_CONE_GAP;
  make_samples(check, b);
  t->views = b->views;
  b->count = KVOX_THIN_WIDTH * t->height * t->slices;
  t->voxels = kvox_check_floats(check, b->count);
  for (int64_t i = 0; i < b->count; i++) {
    t->voxels[i] = (float)kvox_check_real(check, -1, 1);
  }
}

/* Pixels beyond the width are nobody's. */
static void clear_beyond(const kvox_thin_tile *t, float *voxels) {
  for (int64_t row = 0; row < t->slices * t->height; row++) {
    memset(voxels + row * KVOX_THIN_WIDTH + t->width, 0, (size_t)(KVOX_THIN_WIDTH - t->width) * sizeof *voxels);
  }
}

/* Stage "cone" of the same level gives the same bits. */
static void compare_cone(kvox_check *check, const bed *b, const float *before) {
  const kvox_thin_tile *t = &b->tile;
  const int64_t block = t->slice / KVOX_CONE_BLOCK, lane = t->slice % KVOX_CONE_BLOCK;
  const int64_t blocks = (lane + t->slices + KVOX_CONE_BLOCK - 1) / KVOX_CONE_BLOCK, run = blocks * KVOX_CONE_BLOCK;
  kvox_cone_view views[MOST_VIEWS];
  const int64_t each = KVOX_CONE_GAP + (t->columns + 2) * b->cone_step;
  for (int64_t v = 0; v < t->count; v++) {
    views[v] = b->views[v];
    views[v].samples = b->cone_samples + v * each + KVOX_CONE_GAP + b->cone_step;
  }
  float *voxels = kvox_check_floats(check, t->width * t->height * run);
  memset(voxels, 0, (size_t)(t->width * t->height * run) * sizeof *voxels);
  const kvox_cone_tile cone = {views, t->count, t->columns, t->fan,    t->row, t->rows, b->cone_step,
                               t->x,  t->y,     t->width,   t->height, block,  blocks,  voxels};
  const int64_t pixels = t->width * t->height;
  for (int64_t i = 0; i < pixels * t->slices; i++) {
    const int64_t k = i / pixels, row = k * t->height + i % pixels / t->width;
    voxels[i % pixels * run + lane + k] = before[row * KVOX_THIN_WIDTH + i % t->width];
  }
  kvox_cone_kernels_of(check->level)->backproject(&cone);
  for (int64_t i = 0; i < pixels * t->slices; i++) {
    const int64_t k = i / pixels, row = k * t->height + i % pixels / t->width;
    const float got = t->voxels[row * KVOX_THIN_WIDTH + i % t->width], want = voxels[i % pixels * run + lane + k];
    kvox_check_value(check, "voxels of stage cone", i, got, (double)want, 0);
  }
}

static void compare(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1, 1.6, 2.4, 7};
  bed b = {.grid = 64, .slope = slopes[kvox_check_integer(check, 0, 5)]};
  kvox_thin_tile *t = &b.tile;
  b.columns_a_voxel = kvox_check_real(check, 0.1, 3);
  t->fan = kvox_check_chance(check, 0.5);
  t->count = kvox_check_integer(check, 1, MOST_VIEWS);
  t->columns = kvox_check_integer(check, 1, 130);
  t->rows = kvox_check_integer(check, 1, 40);
  t->row = kvox_check_integer(check, -1, 40);
  t->step = t->columns + kvox_check_integer(check, 1, 4);
  t->width = kvox_check_integer(check, 1, KVOX_THIN_WIDTH);
  t->height = kvox_check_integer(check, 1, MOST_HEIGHT);
  t->x = kvox_check_integer(check, 0, 64 - t->width);
  t->y = kvox_check_integer(check, 0, 64 - t->height);
  t->slice = kvox_check_integer(check, 0, 50);
  t->slices = kvox_check_integer(check, 1, MOST_SLICES);
  kvox_check_shape(check, "%s, %d views of %d x %d from row %d, slope %g, %d x %d x %d from %d, %d, %d",
                   t->fan ? "fan" : "cone", (int)t->count, (int)t->columns, (int)t->rows, (int)t->row, b.slope,
                   (int)t->width, (int)t->height, (int)t->slices, (int)t->x, (int)t->y, (int)t->slice);
  make_bed(check, &b);
  float *want = kvox_check_floats(check, b.count), *before = kvox_check_floats(check, b.count);
  memcpy(want, t->voxels, (size_t)b.count * sizeof *want);
  memcpy(before, t->voxels, (size_t)b.count * sizeof *want);
  kvox_thin_tile oracle = *t;
  oracle.voxels = want;
  kvox_thin_ref.backproject(&oracle);
  kvox_thin_kernels_of(check->level)->backproject(t);
  clear_beyond(t, t->voxels);
  clear_beyond(t, want);
  kvox_check_range(check, "voxels", b.count, t->voxels, want, bound_share * fmax(b.slope, 1));
  kvox_check_same_bits(check, b.count, t->voxels);
  compare_cone(check, &b, before);
}

typedef struct bench_tile {
  kvox_thin_function work;
  const kvox_thin_tile *tile;
} bench_tile;

static void work_tile(void *data) {
  const bench_tile *bench = data;
  bench->work(bench->tile);
}

/* One slice that lies on a row of a fan. */
static void bench(kvox_check *check) {
  bed b = {.grid = 64, .slope = 1, .columns_a_voxel = 1.5};
  b.tile = (kvox_thin_tile){.count = MOST_VIEWS, .fan = true, .columns = 128, .rows = 3, .row = -1, .step = 144};
  b.tile.x = b.tile.y = 16;
  b.tile.width = b.tile.height = 32;
  b.tile.slices = 1;
  make_bed(check, &b);
  for (int64_t v = 0; v < b.tile.count; v++) {
    b.views[v].vb = b.views[v].vc = 0;
  }
  bench_tile job = {kvox_thin_kernels_of(check->level)->backproject, &b.tile};
  kvox_check_time(check, work_tile, &job, b.count * b.tile.count);
}

const kvox_check_stage kvox_check_thin = {"thin", "1e-5 of the range, the bits of stage cone", compare, bench};

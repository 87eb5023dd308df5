#include <math.h>
#include <string.h>

#include "ct/backproject.h"
#include "kernel/check.h"

enum { MOST_VIEWS = 150 };

/* Rows of noise, as steep as a row can be. Coordinates in float are right to half an ulp of 64 columns (4e-6); voxels
 * coarser than columns see more of them in a tile. */
static const double bound_share = 1e-5;

typedef struct bed {
  int64_t views, lanes, width, padding;
  double slope; /* of the steepest line: |a| + |b| */
  float *rows, *pixels;
  kvox_tile_view lines[MOST_VIEWS];
  kvox_tile tile;
} bed;

static void random_line(kvox_check *check, const bed *b, kvox_tile_view *line) {
  const double angle = kvox_check_real(check, -4, 4), size = b->slope / sqrt(2);
  const double a = size * cos(angle), c = size * sin(angle);
  const double lowest = (fmin(a, 0) + fmin(c, 0)) * (KVOX_TILE - 1);
  const double base = kvox_check_chance(check, 0.1) ? ceil(-lowest) : -lowest + kvox_check_real(check, 0, 0.999);
  *line = (kvox_tile_view){
      .a = (float)a, .b = (float)c, .base = (float)base, .exact_a = a, .exact_b = c, .exact_base = base};
}

/* The memory of a bed has room for what kernels may read beside a tile's own samples, as the paddings give it. */
static void make_bed(kvox_check *check, bed *b, int64_t lanes, int64_t views, double slope) {
  b->lanes = lanes;
  b->views = views;
  b->slope = slope;
  b->padding = kvox_backproject_padding(slope);
  b->width = 2 * b->padding;
  b->rows = kvox_check_floats(check, views * b->width * lanes);
  b->pixels = kvox_check_floats(check, KVOX_TILE * KVOX_TILE * lanes);
  for (int64_t i = 0; i < views * b->width * lanes; i++) {
    b->rows[i] = (float)kvox_check_real(check, -1, 1);
  }
  for (int64_t i = 0; i < KVOX_TILE * KVOX_TILE * lanes; i++) {
    b->pixels[i] = (float)kvox_check_real(check, -1, 1);
  }
  for (int64_t v = 0; v < views; v++) {
    random_line(check, b, &b->lines[v]);
    b->lines[v].row = b->rows + v * b->width * lanes;
  }
  b->tile = (kvox_tile){.views = b->lines, .count = views, .x_end = KVOX_TILE, .y_end = KVOX_TILE, .pixels = b->pixels};
}

static void random_region(kvox_check *check, kvox_tile *tile) {
  tile->x_begin = (int32_t)kvox_check_integer(check, 0, KVOX_TILE - 1);
  tile->x_end = (int32_t)kvox_check_integer(check, tile->x_begin + 1, KVOX_TILE);
  tile->y_begin = (int32_t)kvox_check_integer(check, 0, KVOX_TILE - 1);
  tile->y_end = (int32_t)kvox_check_integer(check, tile->y_begin + 1, KVOX_TILE);
}

static bool is_inside(const kvox_tile *tile, int64_t pixel) {
  const int64_t x = pixel % KVOX_TILE, y = pixel / KVOX_TILE;
  return x >= tile->x_begin && x < tile->x_end && y >= tile->y_begin && y < tile->y_end;
}

/* What lies outside the region has no meaning after a back-projection. */
static void clear_outside(const kvox_tile *tile, int64_t lanes, float *pixels) {
  for (int64_t i = 0; i < KVOX_TILE * KVOX_TILE; i++) {
    if (!is_inside(tile, i)) {
      memset(pixels + i * lanes, 0, (size_t)lanes * sizeof *pixels);
    }
  }
}

static void random_bed(kvox_check *check, bed *b, int64_t lanes) {
  static const double slopes[] = {0.1, 0.9, 1.41421356, 1.41421356, 1.9, 3, 8};
  const double slope = slopes[kvox_check_integer(check, 0, 6)];
  make_bed(check, b, lanes, kvox_check_integer(check, 1, MOST_VIEWS), slope);
  random_region(check, &b->tile);
  kvox_check_shape(check, "%d views, slope %g, x %d to %d, y %d to %d", (int)b->views, slope, b->tile.x_begin,
                   b->tile.x_end, b->tile.y_begin, b->tile.y_end);
}

static void compare_backproject(kvox_check *check, int64_t lanes) {
  const kvox_backproject_kernels *variant = kvox_backproject_kernels_of(check->level);
  const int64_t count = KVOX_TILE * KVOX_TILE * lanes;
  bed b;
  random_bed(check, &b, lanes);
  float *want = kvox_check_floats(check, count);
  memcpy(want, b.pixels, (size_t)count * sizeof *want);
  kvox_tile oracle = b.tile;
  oracle.pixels = want;
  (lanes == 1 ? kvox_backproject_ref.slice : kvox_backproject_ref.stack)(&oracle);
  (lanes == 1 ? variant->slice : variant->stack)(&b.tile);
  clear_outside(&b.tile, lanes, want);
  clear_outside(&b.tile, lanes, b.pixels);
  kvox_check_range(check, "pixels", count, b.pixels, want, bound_share * fmax(b.slope, 1));
  kvox_check_same_bits(check, count, b.pixels);
}

static void compare_project(kvox_check *check, int64_t lanes) {
  const kvox_backproject_kernels *variant = kvox_backproject_kernels_of(check->level);
  bed b;
  random_bed(check, &b, lanes);
  const int64_t count = b.views * b.width * lanes;
  float *want = kvox_check_floats(check, count);
  kvox_tile_view lines[MOST_VIEWS];
  memcpy(want, b.rows, (size_t)count * sizeof *want);
  memcpy(lines, b.lines, sizeof lines);
  for (int64_t v = 0; v < b.views; v++) {
    lines[v].row = want + (b.lines[v].row - b.rows);
  }
  kvox_tile oracle = b.tile;
  oracle.views = lines;
  (lanes == 1 ? kvox_backproject_ref.project_slice : kvox_backproject_ref.project_stack)(&oracle);
  (lanes == 1 ? variant->project_slice : variant->project_stack)(&b.tile);
  kvox_check_range(check, "rows", count, b.rows, want, bound_share * fmax(b.slope, 1));
  kvox_check_same_bits(check, count, b.rows);
}

static void compare_slice(kvox_check *check) { compare_backproject(check, 1); }
static void compare_stack(kvox_check *check) { compare_backproject(check, KVOX_STACK); }
static void compare_project_slice(kvox_check *check) { compare_project(check, 1); }
static void compare_project_stack(kvox_check *check) { compare_project(check, KVOX_STACK); }

typedef struct bench_tile {
  kvox_tile_function work;
  const kvox_tile *tile;
} bench_tile;

static void work_tile(void *data) {
  const bench_tile *bench = data;
  bench->work(bench->tile);
}

/* Voxels as fine as columns. */
static void bench_function(kvox_check *check, int64_t lanes, kvox_tile_function work) {
  bed b;
  make_bed(check, &b, lanes, 64, sqrt(2));
  bench_tile bench = {work, &b.tile};
  kvox_check_time(check, work_tile, &bench, KVOX_TILE * KVOX_TILE * lanes * b.views);
}

static void bench_slice(kvox_check *check) {
  bench_function(check, 1, kvox_backproject_kernels_of(check->level)->slice);
}
static void bench_stack(kvox_check *check) {
  bench_function(check, KVOX_STACK, kvox_backproject_kernels_of(check->level)->stack);
}
static void bench_project_slice(kvox_check *check) {
  bench_function(check, 1, kvox_backproject_kernels_of(check->level)->project_slice);
}
static void bench_project_stack(kvox_check *check) {
  bench_function(check, KVOX_STACK, kvox_backproject_kernels_of(check->level)->project_stack);
}

static const char bound[] = "1e-5 of the range";
const kvox_check_stage kvox_check_backproject_slice = {"backproject.slice", bound, compare_slice, bench_slice};
const kvox_check_stage kvox_check_backproject_stack = {"backproject.stack", bound, compare_stack, bench_stack};
const kvox_check_stage kvox_check_project_slice = {"project.slice", bound, compare_project_slice, bench_project_slice};
const kvox_check_stage kvox_check_project_stack = {"project.stack", bound, compare_project_stack, bench_project_stack};

#include <math.h>

#include "kernel/check_ocl_columns.h"

/*
 * Rows of noise, as steep as a row can be. Coordinates are floats that count from the middle of a tile, in the first
 * voxels of a block, whose place is exact: right to some 2^-18 of a column or row, less of them where voxels are as
 * fine as those.
 */
static const double bound_share = 1e-5;

typedef struct oblique {
  kvox_oblique_view *views;
  bool parallel;
  double rows_a_voxel, columns_a_voxel, roll;
} oblique;

/* Of the middle of the grid from any side, askew; depth is 1 there. */
static kvox_oblique_view make_view(kvox_check *check, const check_columns *c, const oblique *o, double source) {
  const double angle = kvox_check_real(check, -4, 4), cosine = cos(angle), sine = sin(angle);
  const double middle[3] = {0.5 * (GRID - 1), 0.5 * (GRID - 1), 0.5 * MOST_SLICES};
  const double tilt = o->roll * kvox_check_real(check, -1, 1), roll = o->roll * kvox_check_real(check, -1, 1);
  const double lean = 0.2 * kvox_check_real(check, -1, 1), per = o->parallel ? 0 : 1 / source;
  const double up = kvox_check_chance(check, 0.5) ? o->rows_a_voxel : -o->rows_a_voxel;
  const double depth[3] = {-sine * per, cosine * per, tilt * per};
  const double column[3] = {cosine * o->columns_a_voxel, sine * o->columns_a_voxel, roll * o->columns_a_voxel};
  const double row[3] = {lean * sine * up, lean * cosine * up, up};
  const double center_column = (double)c->scan.columns * kvox_check_real(check, 0.3, 0.7);
  const double center_row = (double)c->row + kvox_check_real(check, -0.2, 1.2) * (double)c->rows;
  kvox_oblique_view view = {.column = {0, 0, 0, center_column}, .row = {0, 0, 0, center_row}, .depth = {0, 0, 0, 1}};
  for (int i = 0; i < 3; i++) {
    view.depth[i] = depth[i];
    view.column[i] = column[i] + center_column * depth[i];
    view.row[i] = row[i] + center_row * depth[i];
    view.depth[3] -= middle[i] * view.depth[i];
    view.column[3] -= middle[i] * view.column[i];
    view.row[3] -= middle[i] * view.row[i];
  }
  return view;
}

static kvox_status create(kvox_context *context, const check_columns *c, kvox_ct_ocl_cone **stage) {
  const check_scan *s = &c->scan;
  const oblique *own = c->own;
  return kvox_ct_ocl_oblique_create(context, own->views, s->views, s->columns, c->row + c->rows, s->begin, s->size,
                                    s->lanes, c->turned, stage);
}

static void pixel(const check_columns *c, int64_t x, int64_t y, int64_t block, int64_t blocks, float *voxels) {
  const oblique *own = c->own;
  const kvox_oblique_tile tile = {.views = own->views,
                                  .count = c->scan.views,
                                  .columns = c->scan.columns,
                                  .row = c->row,
                                  .rows = c->rows,
                                  .step = c->rows,
                                  .x = x,
                                  .y = y,
                                  .width = 1,
                                  .height = 1,
                                  .block = block,
                                  .blocks = blocks,
                                  .voxels = voxels};
  kvox_oblique_ref.backproject(&tile);
}

static void take(kvox_check *check, check_columns *c, oblique *own, double source) {
  c->own = own;
  c->create = create;
  c->pixel = pixel;
  c->scan.slope = fmax(fmax(own->rows_a_voxel, own->columns_a_voxel), 1);
  own->views = kvox_check_memory(check, (size_t)c->scan.views * sizeof *own->views);
  check_columns_samples(check, c, c->scan.columns * c->rows, 0);
  for (int64_t v = 0; v < c->scan.views; v++) {
    own->views[v] = make_view(check, c, own, source);
    own->views[v].samples = c->samples[v];
  }
}

static void compare(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1, 1.3, 2.4, 7}, rolls[] = {0, 0.03, 0.1, 0.3};
  check_columns c = {.row = kvox_check_integer(check, 0, 40)};
  oblique own = {.parallel = kvox_check_chance(check, 0.2),
                 .rows_a_voxel = slopes[kvox_check_integer(check, 0, 5)],
                 .columns_a_voxel = kvox_check_real(check, 0.1, 3),
                 .roll = rolls[kvox_check_integer(check, 0, 3)]};
  const check_scan *s = &c.scan;
  check_columns_random(check, &c);
  kvox_check_shape(check,
                   "%d %s views of %d x %d from row %d, slope %g, roll %g, %d x %d x %d voxels from %d, %d, %d, %d "
                   "lanes%s",
                   (int)s->views, own.parallel ? "parallel" : "cone", (int)s->columns, (int)c.rows, (int)c.row,
                   own.rows_a_voxel, own.roll, (int)s->size[0], (int)s->size[1], (int)s->size[2], (int)s->begin[0],
                   (int)s->begin[1], (int)s->begin[2], (int)s->lanes, c.turned ? ", turned" : "");
  take(check, &c, &own, GRID * kvox_check_real(check, 1.2, 5));
  check_columns_compare(check, &c, bound_share);
}

/* Detectors tilted by a degree or two. */
static void make_bench(kvox_check *check, check_columns *c) {
  oblique *own = kvox_check_memory(check, sizeof *own);
  *own = (oblique){.rows_a_voxel = 1.9, .columns_a_voxel = 1.4, .roll = 0.03};
  take(check, c, own, 4 * BENCH_SIZE);
}

static void bench_all(kvox_check *check) { check_columns_bench(check, "oblique", make_bench); }

const kvox_check_stage kvox_check_ocl_oblique = {"oblique", "1e-5 of the range; the same bits for any lanes", compare,
                                                 bench_all};

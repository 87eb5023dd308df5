#include <math.h>
#include <string.h>

#include "kernel/check_ocl_columns.h"

/*
 * Rows of noise, as steep as a row can be. Coordinates are floats that count from the middle of a tile, whose place is
 * exact: right to some 2^-18 of a column or row, less of them where voxels are as fine as those.
 */
static const double bound_share = 1e-5;

typedef struct cone {
  kvox_cone_view *views;
  bool fan;
} cone;

static kvox_cone_view make_view(kvox_check *check, const check_columns *c, double slope, double source, double across) {
  const check_scan *s = &c->scan;
  const double quarter = 2 * atan(1), middle = 0.5 * (GRID - 1);
  const double angle = kvox_check_chance(check, 0.3) ? quarter * (double)kvox_check_integer(check, -2, 2)
                                                     : kvox_check_real(check, -4, 4);
  const double cosine = cos(angle), sine = sin(angle), center = kvox_check_real(check, 0, 1) * (double)s->columns;
  kvox_cone_view view = {.da = -sine / source, .db = cosine / source};
  view.dc = 1 + middle * (sine - cosine) / source;
  view.ua = cosine * across + center * view.da;
  view.ub = sine * across + center * view.db;
  view.uc = -middle * (cosine + sine) * across + center * view.dc;
  view.va = slope;
  view.vb = -slope * kvox_check_real(check, 0, MOST_SLICES);
  view.vc = (double)c->row + kvox_check_real(check, -0.2, 1.2) * (double)c->rows;
  return view;
}

static kvox_status create(kvox_context *context, const check_columns *c, kvox_ct_ocl_cone **stage) {
  const check_scan *s = &c->scan;
  const cone *own = c->own;
  return kvox_ct_ocl_cone_create(context, own->views, s->views, s->columns, own->fan, s->begin, s->size, s->lanes,
                                 c->turned, stage);
}

static void pixel(const check_columns *c, int64_t x, int64_t y, int64_t block, int64_t blocks, float *voxels) {
  const cone *own = c->own;
  const kvox_cone_tile tile = {.views = own->views,
                               .count = c->scan.views,
                               .columns = c->scan.columns,
                               .fan = own->fan,
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
  kvox_cone_ref.backproject(&tile);
}

/* Noise between a column of zeros on either side, as the oracle takes it. */
static void fill(kvox_check *check, check_columns *c) {
  const int64_t each = (c->scan.columns + 2) * c->rows;
  float *samples = check_columns_samples(check, c, each, c->rows);
  const size_t column = (size_t)c->rows * sizeof *samples;
  for (int64_t v = 0; v < c->scan.views; v++) {
    memset(samples + v * each, 0, column);
    memset(samples + (v + 1) * each - c->rows, 0, column);
  }
}

static void take(kvox_check *check, check_columns *c, cone *own, double slope, double source, double across) {
  c->own = own;
  c->create = create;
  c->pixel = pixel;
  c->scan.slope = fmax(fmax(slope, across), 1);
  own->views = kvox_check_memory(check, (size_t)c->scan.views * sizeof *own->views);
  fill(check, c);
  for (int64_t v = 0; v < c->scan.views; v++) {
    own->views[v] = make_view(check, c, slope, source, across);
    own->views[v].samples = c->samples[v];
  }
}

static void compare(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1, 1.3, 2.4, 7};
  check_columns c = {.row = kvox_check_integer(check, -1, 40)};
  cone own = {.fan = kvox_check_chance(check, 0.2)};
  const check_scan *s = &c.scan;
  const double slope = slopes[kvox_check_integer(check, 0, 5)];
  check_columns_random(check, &c);
  kvox_check_shape(check,
                   "%s, %d views of %d x %d from row %d, slope %g, %d x %d x %d voxels from %d, %d, %d, %d lanes%s",
                   own.fan ? "fan" : "cone", (int)s->views, (int)s->columns, (int)c.rows, (int)c.row, slope,
                   (int)s->size[0], (int)s->size[1], (int)s->size[2], (int)s->begin[0], (int)s->begin[1],
                   (int)s->begin[2], (int)s->lanes, c.turned ? ", turned" : "");
  const double source = GRID * kvox_check_real(check, 0.9, 5);
  take(check, &c, &own, slope, source, kvox_check_real(check, 0.1, 3));
  check_columns_compare(check, &c, bound_share);
}

static void make_bench(kvox_check *check, check_columns *c) {
  static const double slope = 1.9;
  cone *own = kvox_check_memory(check, sizeof *own);
  own->fan = false;
  take(check, c, own, slope, 4 * BENCH_SIZE, 1.4);
  for (int64_t v = 0; v < BENCH_VIEWS; v++) {
    own->views[v].vb = -slope * 0.5 * BENCH_SIZE;
    own->views[v].vc = 0.5 * BENCH_DETECTOR;
  }
}

static void bench_all(kvox_check *check) { check_columns_bench(check, "cone", make_bench); }

const kvox_check_stage kvox_check_ocl_cone = {"cone", "1e-5 of the range; the same bits for any lanes", compare,
                                              bench_all};

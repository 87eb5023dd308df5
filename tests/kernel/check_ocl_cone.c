#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/level.h"
#include "cpu/parallel.h"
#include "kernel/check_ocl_scan.h"

/*
 * Rows of noise, as steep as a row can be. Coordinates are floats that count from the middle of a tile, whose place is
 * exact: right to some 2^-18 of a column or row, less of them where voxels are as fine as those.
 */
static const double bound_share = 1e-5;

enum { MOST_VIEWS = 40, MOST_SIDE = 45, MOST_SLICES = 40, GRID = 128 };

/* A region of a grid, the views that meet it, and which of their rows are stored. */
typedef struct cone {
  check_scan scan; /* its lines are not used */
  kvox_cone_view *views;
  bool fan, turned;
  int64_t row, rows, more; /* more: floats between columns or rows that nobody may read */
  double slope;
  float *samples; /* [view][column + 2][rows] as the oracle takes them */
} cone;

static kvox_cone_view make_view(kvox_check *check, const cone *c, double source, double across) {
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
  view.va = c->slope;
  view.vb = -c->slope * kvox_check_real(check, 0, MOST_SLICES);
  view.vc = (double)c->row + kvox_check_real(check, -0.2, 1.2) * (double)c->rows;
  return view;
}

static cone random_cone(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1, 1.3, 2.4, 7};
  static const int32_t lanes[] = {1, 2, 4, 8, 16};
  cone c = {.fan = kvox_check_chance(check, 0.2), .turned = kvox_check_chance(check, 0.5)};
  check_scan *s = &c.scan;
  c.slope = slopes[kvox_check_integer(check, 0, 5)];
  c.row = kvox_check_integer(check, -1, 40);
  c.rows = kvox_check_integer(check, 1, 90);
  c.more = kvox_check_integer(check, 0, 5);
  s->views = kvox_check_integer(check, 1, MOST_VIEWS);
  s->columns = kvox_check_integer(check, 1, 150);
  s->lanes = lanes[kvox_check_integer(check, 0, 4)];
  for (int d = 0; d < 2; d++) {
    s->size[d] = kvox_check_integer(check, 1, MOST_SIDE);
    s->begin[d] = kvox_check_integer(check, 0, GRID - s->size[d]);
  }
  s->size[2] = kvox_check_integer(check, 1, MOST_SLICES);
  s->begin[2] = kvox_check_integer(check, 0, 30);
  kvox_check_shape(check,
                   "%s, %d views of %d x %d from row %d, slope %g, %d x %d x %d voxels from %d, %d, %d, %d lanes%s",
                   c.fan ? "fan" : "cone", (int)s->views, (int)s->columns, (int)c.rows, (int)c.row, c.slope,
                   (int)s->size[0], (int)s->size[1], (int)s->size[2], (int)s->begin[0], (int)s->begin[1],
                   (int)s->begin[2], (int)s->lanes, c.turned ? ", turned" : "");
  const int64_t each = (s->columns + 2) * c.rows;
  const double source = GRID * kvox_check_real(check, 0.9, 5), across = kvox_check_real(check, 0.1, 3);
  s->slope = fmax(fmax(c.slope, across), 1);
  c.views = kvox_check_memory(check, (size_t)s->views * sizeof *c.views);
  c.samples = kvox_check_floats(check, s->views * each);
  for (int64_t v = 0; v < s->views; v++) {
    float *first = c.samples + v * each;
    c.views[v] = make_view(check, &c, source, across);
    c.views[v].samples = first + c.rows;
    for (int64_t i = 0; i < each; i++) {
      const bool beside = i < c.rows || i >= each - c.rows;
      first[i] = beside ? 0 : (float)kvox_check_real(check, -1, 1);
    }
  }
  return c;
}

/* ---- The oracle ---- */

/* All blocks above one pixel. */
static kvox_status host_pixel(void *data, int64_t index, int32_t worker) {
  const struct {
    const cone *c;
    float *volume;
  } *job = data;
  const cone *c = job->c;
  const check_scan *s = &c->scan;
  float voxels[MOST_SLICES + 2 * KVOX_CONE_BLOCK] = {0};
  kvox_cone_tile tile = {.views = c->views,
                         .count = s->views,
                         .columns = s->columns,
                         .fan = c->fan,
                         .row = c->row,
                         .rows = c->rows,
                         .step = c->rows,
                         .x = s->begin[0] + index % s->size[0],
                         .y = s->begin[1] + index / s->size[0],
                         .width = 1,
                         .height = 1,
                         .block = s->begin[2] / KVOX_CONE_BLOCK,
                         .voxels = voxels};
  (void)worker;
  tile.blocks = kvox_divide_up(s->begin[2] + s->size[2], KVOX_CONE_BLOCK) - tile.block;
  kvox_cone_ref.backproject(&tile);
  for (int64_t k = 0; k < s->size[2]; k++) {
    job->volume[k * s->size[0] * s->size[1] + index] = voxels[s->begin[2] - tile.block * KVOX_CONE_BLOCK + k];
  }
  return KVOX_OK;
}

static void host_backproject(const cone *c, const kvox_threads *threads, float *volume) {
  struct {
    const cone *c;
    float *volume;
  } job = {c, volume};
  const int64_t pixels = c->scan.size[0] * c->scan.size[1];
  kvox_parallel(threads, pixels, kvox_work(pixels, c->scan.views * c->scan.size[2]), host_pixel, &job, NULL);
}

/* ---- The device ---- */

static kvox_ct_ocl_block block_of(const cone *c) {
  const int64_t columns = c->scan.columns, step = (c->turned ? c->rows : columns) + c->more;
  return (kvox_ct_ocl_block){.view_step = step * (c->turned ? columns : c->rows) + c->more,
                             .row_step = c->turned ? 1 : step,
                             .column_step = c->turned ? step : 1};
}

/* The cut's views; what lies beside and between them is no number. */
static kvox_ct_ocl_block upload_block(kvox_check *check, kvox_ocl_queue *queue, const cone *c,
                                      const kvox_ct_ocl_cut *cut) {
  kvox_ct_ocl_block block = block_of(c);
  const int64_t floats = cut->block_views * block.view_step;
  float *memory = kvox_check_floats(check, floats);
  for (int64_t v = 0; v < cut->views; v++) {
    const float *from = c->views[cut->view + v].samples;
    for (int64_t n = 0; n < c->scan.columns * c->rows; n++) {
      memory[(cut->block_view + v) * block.view_step + n / c->rows * block.column_step + n % c->rows * block.row_step] =
          from[n];
    }
  }
  block.buffer = kvox_check_upload(check, queue, memory, (uint64_t)floats * sizeof *memory);
  return block;
}

/* The views in one to three cuts, slices too. */
static float *device_backproject(kvox_check *check, const cone *c, float scale, float offset) {
  const check_scan *s = &c->scan;
  kvox_ct_ocl_cone *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  check_slab slab = check_make_slab(check, queue, s, NULL);
  float *volume = NULL;
  const int64_t step = kvox_check_chance(check, 0.5) ? s->views : kvox_round_up(kvox_divide_up(s->views, 3), 2);
  const int64_t slices = kvox_check_chance(check, 0.5) ? s->size[2] : kvox_divide_up(s->size[2], 2);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_cone_create(check->context, c->views, s->views, s->columns, c->fan, s->begin,
                                                   s->size, s->lanes, c->turned, &stage))) {
    for (int64_t v = 0; v < s->views && check->fault[0] == '\0'; v += step) {
      kvox_ct_ocl_cut cut = check_cut(check, s, v, kvox_min_i64(step, s->views - v));
      const kvox_ct_ocl_block block = upload_block(check, queue, c, &cut);
      for (int64_t k = 0; k < s->size[2]; k += slices) {
        kvox_array part = slab.array;
        cut.slice = k;
        cut.slices = kvox_min_i64(slices, s->size[2] - k);
        part.data = (void *)((intptr_t)part.data + k * part.strides[0]);
        kvox_check_ok(check, kvox_ct_ocl_cone_run(stage, queue, &cut, &block, c->row, c->rows, &part, scale, offset));
      }
      kvox_check_ok(check, kvox_ocl_finish(queue));
      kvox_buffer_destroy(block.buffer);
    }
    volume = check_read_slab(check, queue, s, &slab);
  }
  kvox_ct_ocl_cone_destroy(stage);
  kvox_buffer_destroy(slab.buffer);
  kvox_ocl_queue_give_back(queue);
  return volume;
}

static void compare(kvox_check *check) {
  cone c = random_cone(check);
  const int64_t count = c.scan.size[0] * c.scan.size[1] * c.scan.size[2];
  float *want = kvox_check_floats(check, count), *sums = kvox_check_floats(check, count);
  const float scale = (float)kvox_check_real(check, 0.1, 2), offset = kvox_check_chance(check, 0.5) ? 0 : 1.5F;
  const float *got = device_backproject(check, &c, scale, offset);
  if (check->fault[0] != '\0') {
    return;
  }
  host_backproject(&c, &check->context->threads, want);
  for (int64_t i = 0; i < count; i++) {
    sums[i] = (got[i] - offset) / scale;
  }
  kvox_check_range(check, "voxels", count, sums, want, bound_share * c.scan.slope + 1e-6 * fabs((double)offset));
  /* Other lanes, another layout, another cut: the same bits. */
  c.scan.lanes = c.scan.lanes == 16 ? 4 : 16;
  c.turned = !c.turned;
  const float *again = device_backproject(check, &c, scale, offset);
  for (int64_t i = 0; again != NULL && i < count && check->fault[0] == '\0'; i++) {
    if (memcmp(&got[i], &again[i], sizeof got[i]) != 0) {
      kvox_check_fault(check, "voxel %d is %.9g and with other lanes %.9g", (int)i, (double)got[i], (double)again[i]);
    }
  }
}

/* ---- Timing: voxels as fine as rows and columns, seen twice as large; an element is a voxel and a view ---- */

enum { BENCH_SIZE = 128, BENCH_VIEWS = 36, BENCH_DETECTOR = 256 };

typedef struct bench {
  kvox_check *check;
  cone cone;
  kvox_threads threads;
  float *volume;
  kvox_ct_ocl_cut cut;
  kvox_ct_ocl_cone *stage;
  kvox_ocl_queue *queue;
  kvox_ct_ocl_block block;
  check_slab slab;
} bench;

static void work_host(void *data) {
  bench *b = data;
  host_backproject(&b->cone, &b->threads, b->volume);
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check,
                kvox_ct_ocl_cone_run(b->stage, b->queue, &b->cut, &b->block, 0, b->cone.rows, &b->slab.array, 1, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_scan(kvox_check *check, cone *c, int64_t slices) {
  *c = (cone){.rows = BENCH_DETECTOR, .slope = 1.9, .more = 16, .turned = true};
  c->scan = (check_scan){
      .views = BENCH_VIEWS, .columns = BENCH_DETECTOR, .size = {BENCH_SIZE, BENCH_SIZE, slices}, .lanes = 16};
  const int64_t each = (BENCH_DETECTOR + 2) * c->rows;
  float *samples = check_random_floats(check, each);
  memset(samples, 0, (size_t)c->rows * sizeof *samples);
  memset(samples + each - c->rows, 0, (size_t)c->rows * sizeof *samples);
  c->views = kvox_check_memory(check, BENCH_VIEWS * sizeof *c->views);
  for (int64_t v = 0; v < BENCH_VIEWS; v++) {
    c->views[v] = make_view(check, c, 4 * BENCH_SIZE, 1.4);
    c->views[v].vb = -1.9 * 0.5 * BENCH_SIZE;
    c->views[v].vc = 0.5 * BENCH_DETECTOR;
    c->views[v].samples = samples + c->rows;
  }
}

static void bench_device(bench *b) {
  kvox_check *check = b->check;
  const check_scan *s = &b->cone.scan;
  b->queue = kvox_check_queue(check);
  b->cut = (kvox_ct_ocl_cut){.views = s->views, .slices = s->size[2], .block_views = s->views};
  b->block = upload_block(check, b->queue, &b->cone, &b->cut);
  b->slab = check_make_slab(check, b->queue, s, NULL);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_cone_create(check->context, b->cone.views, s->views, s->columns, false, s->begin,
                                                   s->size, s->lanes, b->cone.turned, &b->stage))) {
    kvox_check_time(check, work_device, b, s->size[0] * s->size[1] * s->size[2] * s->views);
  }
  kvox_ct_ocl_cone_destroy(b->stage);
  kvox_buffer_destroy(b->block.buffer);
  kvox_buffer_destroy(b->slab.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

/* On CPUs rows lie side by side, on GPUs columns. */
static void bench_all(kvox_check *check) {
  for (int n = 0; n < (check->context != NULL ? 2 : 1); n++) {
    bench b = {.check = check};
    bench_scan(check, &b.cone, check->context != NULL ? BENCH_SIZE : MOST_SLICES);
    if (check->context != NULL) {
      b.cone.turned = n == 0;
      b.cone.scan.lanes = n == 0 ? 16 : 8;
      bench_device(&b);
      printf("%-24s %2d lanes %9.3f ns an element, a voxel and a view\n", "cone", b.cone.scan.lanes, check->ns);
      continue;
    }
    kvox_context *oracle = kvox_check_oracle(check);
    if (oracle != NULL) {
      const check_scan *s = &b.cone.scan;
      b.threads = oracle->threads;
      b.volume = kvox_check_floats(check, s->size[0] * s->size[1] * s->size[2]);
      kvox_check_time(check, work_host, &b, s->size[0] * s->size[1] * s->size[2] * s->views);
    }
    kvox_context_destroy(oracle);
  }
}

const kvox_check_stage kvox_check_ocl_cone = {"cone", "1e-5 of the range; the same bits for any lanes", compare,
                                              bench_all};

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/level.h"
#include "cpu/parallel.h"
#include "kernel/check_ocl_scan.h"

/*
 * Rows of noise, as steep as a row can be. Coordinates are floats that count from the middle of a tile, in the first
 * voxels of a block, whose place is exact: right to some 2^-18 of a column or row, less of them where voxels are as
 * fine as those.
 */
static const double bound_share = 1e-5;

enum { MOST_VIEWS = 40, MOST_SIDE = 45, MOST_SLICES = 40, GRID = 128 };

/* A region of a grid, the views that meet it, and which of their rows are stored. */
typedef struct oblique {
  check_scan scan; /* its lines are not used */
  kvox_oblique_view *views;
  bool parallel, turned;
  int64_t row, rows, more; /* more: floats between columns or rows that nobody may read */
  double rows_a_voxel, columns_a_voxel, roll;
  float *samples; /* [view][column][row] as the oracle takes them */
} oblique;

/* Of the middle of the grid from any side, askew; depth is 1 there. */
static kvox_oblique_view make_view(kvox_check *check, const oblique *o, double source) {
  const double angle = kvox_check_real(check, -4, 4), c = cos(angle), s = sin(angle);
  const double middle[3] = {0.5 * (GRID - 1), 0.5 * (GRID - 1), 0.5 * MOST_SLICES};
  const double tilt = o->roll * kvox_check_real(check, -1, 1), roll = o->roll * kvox_check_real(check, -1, 1);
  const double lean = 0.2 * kvox_check_real(check, -1, 1), per = o->parallel ? 0 : 1 / source;
  const double up = kvox_check_chance(check, 0.5) ? o->rows_a_voxel : -o->rows_a_voxel;
  const double depth[3] = {-s * per, c * per, tilt * per};
  const double column[3] = {c * o->columns_a_voxel, s * o->columns_a_voxel, roll * o->columns_a_voxel};
  const double row[3] = {lean * s * up, lean * c * up, up};
  const double center_column = (double)o->scan.columns * kvox_check_real(check, 0.3, 0.7);
  const double center_row = (double)o->row + kvox_check_real(check, -0.2, 1.2) * (double)o->rows;
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

static oblique random_oblique(kvox_check *check) {
  static const double slopes[] = {0.05, 0.6, 1, 1.3, 2.4, 7}, rolls[] = {0, 0.03, 0.1, 0.3};
  static const int32_t lanes[] = {1, 2, 4, 8, 16};
  oblique o = {.parallel = kvox_check_chance(check, 0.2), .turned = kvox_check_chance(check, 0.5)};
  check_scan *s = &o.scan;
  o.rows_a_voxel = slopes[kvox_check_integer(check, 0, 5)];
  o.roll = rolls[kvox_check_integer(check, 0, 3)];
  o.columns_a_voxel = kvox_check_real(check, 0.1, 3);
  o.row = kvox_check_integer(check, 0, 40);
  o.rows = kvox_check_integer(check, 1, 90);
  o.more = kvox_check_integer(check, 0, 5);
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
                   "%d %s views of %d x %d from row %d, slope %g, roll %g, %d x %d x %d voxels from %d, %d, %d, %d "
                   "lanes%s",
                   (int)s->views, o.parallel ? "parallel" : "cone", (int)s->columns, (int)o.rows, (int)o.row,
                   o.rows_a_voxel, o.roll, (int)s->size[0], (int)s->size[1], (int)s->size[2], (int)s->begin[0],
                   (int)s->begin[1], (int)s->begin[2], (int)s->lanes, o.turned ? ", turned" : "");
  const int64_t each = s->columns * o.rows;
  const double source = GRID * kvox_check_real(check, 1.2, 5);
  s->slope = fmax(fmax(o.rows_a_voxel, o.columns_a_voxel), 1);
  o.views = kvox_check_memory(check, (size_t)s->views * sizeof *o.views);
  o.samples = check_random_floats(check, s->views * each);
  for (int64_t v = 0; v < s->views; v++) {
    o.views[v] = make_view(check, &o, source);
    o.views[v].samples = o.samples + v * each;
  }
  return o;
}

/* ---- The oracle ---- */

typedef struct host_job {
  const oblique *o;
  float *volume;
} host_job;

/* All blocks above one pixel. */
static kvox_status host_pixel(void *data, int64_t index, int32_t worker) {
  const host_job *job = data;
  const oblique *o = job->o;
  const check_scan *s = &o->scan;
  float voxels[MOST_SLICES + 2 * KVOX_OBLIQUE_BLOCK] = {0};
  kvox_oblique_tile tile = {.views = o->views,
                            .count = s->views,
                            .columns = s->columns,
                            .row = o->row,
                            .rows = o->rows,
                            .step = o->rows,
                            .x = s->begin[0] + index % s->size[0],
                            .y = s->begin[1] + index / s->size[0],
                            .width = 1,
                            .height = 1,
                            .block = s->begin[2] / KVOX_OBLIQUE_BLOCK,
                            .voxels = voxels};
  (void)worker;
  tile.blocks = kvox_divide_up(s->begin[2] + s->size[2], KVOX_OBLIQUE_BLOCK) - tile.block;
  kvox_oblique_ref.backproject(&tile);
  for (int64_t k = 0; k < s->size[2]; k++) {
    job->volume[k * s->size[0] * s->size[1] + index] = voxels[s->begin[2] - tile.block * KVOX_OBLIQUE_BLOCK + k];
  }
  return KVOX_OK;
}

static void host_backproject(const oblique *o, const kvox_threads *threads, float *volume) {
  host_job job = {o, volume};
  const int64_t pixels = o->scan.size[0] * o->scan.size[1];
  kvox_parallel(threads, pixels, kvox_work(pixels, o->scan.views * o->scan.size[2]), host_pixel, &job, NULL);
}

/* ---- The device ---- */

static kvox_ct_ocl_block block_of(const oblique *o) {
  const int64_t columns = o->scan.columns, step = (o->turned ? o->rows : columns) + o->more;
  return (kvox_ct_ocl_block){.view_step = step * (o->turned ? columns : o->rows) + o->more,
                             .row_step = o->turned ? 1 : step,
                             .column_step = o->turned ? step : 1};
}

/* The cut's views; what lies beside and between them is no number. */
static kvox_ct_ocl_block upload_block(kvox_check *check, kvox_ocl_queue *queue, const oblique *o,
                                      const kvox_ct_ocl_cut *cut) {
  kvox_ct_ocl_block block = block_of(o);
  const int64_t floats = cut->block_views * block.view_step;
  float *memory = kvox_check_floats(check, floats);
  for (int64_t v = 0; v < cut->views; v++) {
    const float *from = o->views[cut->view + v].samples;
    for (int64_t n = 0; n < o->scan.columns * o->rows; n++) {
      memory[(cut->block_view + v) * block.view_step + n / o->rows * block.column_step + n % o->rows * block.row_step] =
          from[n];
    }
  }
  block.buffer = kvox_check_upload(check, queue, memory, (uint64_t)floats * sizeof *memory);
  return block;
}

/* The views in one to three cuts, slices too. */
static float *device_backproject(kvox_check *check, const oblique *o, float scale, float offset) {
  const check_scan *s = &o->scan;
  kvox_ct_ocl_oblique *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  check_slab slab = check_make_slab(check, queue, s, NULL);
  float *volume = NULL;
  const int64_t step = kvox_check_chance(check, 0.5) ? s->views : kvox_round_up(kvox_divide_up(s->views, 3), 2);
  const int64_t slices = kvox_check_chance(check, 0.5) ? s->size[2] : kvox_divide_up(s->size[2], 2);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_oblique_create(check->context, o->views, s->views, s->columns, o->row + o->rows,
                                                      s->begin, s->size, s->lanes, o->turned, &stage))) {
    for (int64_t v = 0; v < s->views && check->fault[0] == '\0'; v += step) {
      kvox_ct_ocl_cut cut = check_cut(check, s, v, kvox_min_i64(step, s->views - v));
      const kvox_ct_ocl_block block = upload_block(check, queue, o, &cut);
      for (int64_t k = 0; k < s->size[2]; k += slices) {
        kvox_array part = slab.array;
        cut.slice = k;
        cut.slices = kvox_min_i64(slices, s->size[2] - k);
        part.data = (void *)((intptr_t)part.data + k * part.strides[0]);
        kvox_check_ok(check,
                      kvox_ct_ocl_oblique_run(stage, queue, &cut, &block, o->row, o->rows, &part, scale, offset));
      }
      kvox_check_ok(check, kvox_ocl_finish(queue));
      kvox_buffer_destroy(block.buffer);
    }
    volume = check_read_slab(check, queue, s, &slab);
  }
  kvox_ct_ocl_oblique_destroy(stage);
  kvox_buffer_destroy(slab.buffer);
  kvox_ocl_queue_give_back(queue);
  return volume;
}

static void compare(kvox_check *check) {
  oblique o = random_oblique(check);
  const int64_t count = o.scan.size[0] * o.scan.size[1] * o.scan.size[2];
  float *want = kvox_check_floats(check, count), *sums = kvox_check_floats(check, count);
  const float scale = (float)kvox_check_real(check, 0.1, 2), offset = kvox_check_chance(check, 0.5) ? 0 : 1.5F;
  const float *got = device_backproject(check, &o, scale, offset);
  if (check->fault[0] != '\0') {
    return;
  }
  host_backproject(&o, &check->context->threads, want);
  for (int64_t i = 0; i < count; i++) {
    sums[i] = (got[i] - offset) / scale;
  }
  kvox_check_range(check, "voxels", count, sums, want, bound_share * o.scan.slope + 1e-6 * fabs((double)offset));
  /* Other lanes, another layout, another cut: the same bits. */
  o.scan.lanes = o.scan.lanes == 16 ? 4 : 16;
  o.turned = !o.turned;
  const float *again = device_backproject(check, &o, scale, offset);
  for (int64_t i = 0; again != NULL && i < count && check->fault[0] == '\0'; i++) {
    if (memcmp(&got[i], &again[i], sizeof got[i]) != 0) {
      kvox_check_fault(check, "voxel %d is %.9g and with other lanes %.9g", (int)i, (double)got[i], (double)again[i]);
    }
  }
}

/* ---- Timing: as stage cone's, detectors tilted by a degree or two; an element is a voxel and a view ---- */

enum { BENCH_SIZE = 128, BENCH_VIEWS = 36, BENCH_DETECTOR = 256 };

typedef struct bench {
  kvox_check *check;
  oblique oblique;
  kvox_threads threads;
  float *volume;
  kvox_ct_ocl_cut cut;
  kvox_ct_ocl_oblique *stage;
  kvox_ocl_queue *queue;
  kvox_ct_ocl_block block;
  check_slab slab;
} bench;

static void work_host(void *data) {
  bench *b = data;
  host_backproject(&b->oblique, &b->threads, b->volume);
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_ocl_oblique_run(b->stage, b->queue, &b->cut, &b->block, 0, b->oblique.rows,
                                                  &b->slab.array, 1, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_scan(kvox_check *check, oblique *o, int64_t slices) {
  *o = (oblique){
      .rows = BENCH_DETECTOR, .rows_a_voxel = 1.9, .columns_a_voxel = 1.4, .roll = 0.03, .more = 16, .turned = true};
  o->scan = (check_scan){
      .views = BENCH_VIEWS, .columns = BENCH_DETECTOR, .size = {BENCH_SIZE, BENCH_SIZE, slices}, .lanes = 16};
  float *samples = check_random_floats(check, BENCH_DETECTOR * BENCH_DETECTOR);
  o->views = kvox_check_memory(check, BENCH_VIEWS * sizeof *o->views);
  for (int64_t v = 0; v < BENCH_VIEWS; v++) {
    o->views[v] = make_view(check, o, 4 * BENCH_SIZE);
    o->views[v].samples = samples;
  }
}

static void bench_device(bench *b) {
  kvox_check *check = b->check;
  const oblique *o = &b->oblique;
  const check_scan *s = &o->scan;
  b->queue = kvox_check_queue(check);
  b->cut = (kvox_ct_ocl_cut){.views = s->views, .slices = s->size[2], .block_views = s->views};
  b->block = upload_block(check, b->queue, o, &b->cut);
  b->slab = check_make_slab(check, b->queue, s, NULL);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_oblique_create(check->context, o->views, s->views, s->columns, o->rows, s->begin,
                                                      s->size, s->lanes, o->turned, &b->stage))) {
    kvox_check_time(check, work_device, b, s->size[0] * s->size[1] * s->size[2] * s->views);
  }
  kvox_ct_ocl_oblique_destroy(b->stage);
  kvox_buffer_destroy(b->block.buffer);
  kvox_buffer_destroy(b->slab.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

/* On CPUs rows lie side by side, on GPUs columns. */
static void bench_all(kvox_check *check) {
  for (int n = 0; n < (check->context != NULL ? 2 : 1); n++) {
    bench b = {.check = check};
    bench_scan(check, &b.oblique, check->context != NULL ? BENCH_SIZE : MOST_SLICES);
    if (check->context != NULL) {
      b.oblique.turned = n == 0;
      b.oblique.scan.lanes = n == 0 ? 16 : 8;
      bench_device(&b);
      printf("%-24s %2d lanes %9.3f ns an element, a voxel and a view\n", "oblique", b.oblique.scan.lanes, check->ns);
      continue;
    }
    kvox_context *oracle = kvox_check_oracle(check);
    if (oracle != NULL) {
      const check_scan *s = &b.oblique.scan;
      b.threads = oracle->threads;
      b.volume = kvox_check_floats(check, s->size[0] * s->size[1] * s->size[2]);
      kvox_check_time(check, work_host, &b, s->size[0] * s->size[1] * s->size[2] * s->views);
    }
    kvox_context_destroy(oracle);
  }
}

const kvox_check_stage kvox_check_ocl_oblique = {"oblique", "1e-5 of the range; the same bits for any lanes", compare,
                                                 bench_all};

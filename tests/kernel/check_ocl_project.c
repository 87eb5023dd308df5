#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/parallel.h"
#include "kernel/check_ocl_scan.h"

/* The device sums in float what is summed in double here; weights agree to 2^-24. */
static const double bound_share = 1e-5;

/* samples[slice][view][column] = the volume's projections, in double. */
static void oracle(const check_scan *s, const float *volume, double *samples) {
  memset(samples, 0, (size_t)(s->size[2] * s->views * s->columns) * sizeof *samples);
  for (int64_t v = 0; v < s->views; v++) {
    const kvox_ct_line line = s->lines[v];
    for (int64_t n = 0; n < s->size[0] * s->size[1]; n++) {
      const double x = (double)(s->begin[0] + n % s->size[0]), y = (double)(s->begin[1] + n / s->size[0]);
      const double place = line.a * x + line.b * y + line.c, fraction = place - floor(place);
      for (int64_t k = 0; k < s->size[2]; k++) {
        const double value = (double)volume[k * s->size[0] * s->size[1] + n];
        double *row = samples + (k * s->views + v) * s->columns;
        if (place >= 0 && place < (double)s->columns) {
          row[(int64_t)place] += (1 - fraction) * value;
        }
        if (place >= -1 && place < (double)(s->columns - 1)) {
          row[(int64_t)floor(place) + 1] += fraction * value;
        }
      }
    }
  }
}

/* Samples of a cut's block; what lies beside its views is as it was, lanes beyond the last slice are zero. */
static void take_block(kvox_check *check, kvox_ocl_queue *queue, const check_scan *s, const kvox_ct_ocl_cut *cut,
                       kvox_buffer *buffer, float *samples) {
  const int64_t floats = check_block_floats(s, cut);
  float *block = kvox_check_floats(check, floats);
  const uint32_t untouched = KVOX_CHECK_UNTOUCHED;
  kvox_check_read(check, queue, buffer, block, (uint64_t)floats * sizeof *block);
  for (int64_t k = 0; k < kvox_ct_ocl_groups(cut) * s->lanes; k++) {
    for (int64_t n = 0; n < cut->views * s->columns; n++) {
      float *at = block + check_block_at(s, cut, k, n / s->columns, n % s->columns);
      if (k < s->size[2]) {
        samples[(k * s->views + cut->view) * s->columns + n] = *at;
      } else if (*at != 0) {
        kvox_check_fault(check, "lane %d, beyond the last slice, is %g", (int)k, (double)*at);
      }
      memcpy(at, &untouched, sizeof untouched);
    }
  }
  for (int64_t i = 0; i < floats && check->fault[0] == '\0'; i++) {
    if (!kvox_check_is_untouched(block + i)) {
      kvox_check_fault(check, "wrote beside the cut's views");
    }
  }
}

/* What is released when all that shares a shape is done: see CMakeLists.txt on Oclgrind. */
typedef struct projection {
  kvox_ocl_queue *queue;
  kvox_ct_ocl_project *stage;
  check_slab slab;
  kvox_buffer *block;
} projection;

static void release(projection *p) {
  kvox_ct_ocl_project_destroy(p->stage);
  kvox_buffer_destroy(p->block);
  kvox_buffer_destroy(p->slab.buffer);
  kvox_ocl_queue_give_back(p->queue);
}

/* In cuts of `step` views. */
static float *device_project(kvox_check *check, projection *p, const check_scan *s, const float *volume, int64_t step) {
  float *samples = kvox_check_floats(check, s->size[2] * s->views * s->columns);
  p->queue = kvox_check_queue(check);
  p->slab = check_make_slab(check, p->queue, s, volume);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_project_create(check->context, s->lines, s->views, s->columns, s->begin, s->size,
                                                      s->lanes, &p->stage))) {
    for (int64_t v = 0; v < s->views && check->fault[0] == '\0'; v += step) {
      const kvox_ct_ocl_cut cut = check_cut(check, s, v, kvox_min_i64(step, s->views - v));
      kvox_buffer_destroy(p->block);
      p->block = kvox_check_untouched(check, p->queue, check_block_floats(s, &cut));
      kvox_check_ok(check, kvox_ct_ocl_project_run(p->stage, p->queue, &cut, &p->slab.array, p->block));
      take_block(check, p->queue, s, &cut, p->block, samples);
    }
    check_read_slab(check, p->queue, s, &p->slab);
    kvox_check_ok(check, kvox_ocl_finish(p->queue));
  }
  return samples;
}

static void compare_to_oracle(kvox_check *check, const check_scan *s, const float *volume, const float *got) {
  const int64_t count = s->size[2] * s->views * s->columns;
  double *want = kvox_check_memory(check, (size_t)count * sizeof *want), range = 0;
  oracle(s, volume, want);
  for (int64_t i = 0; i < count; i++) {
    range = fmax(range, fabs(want[i]));
  }
  for (int64_t i = 0; i < count; i++) {
    kvox_check_value(check, "samples", i, got[i], want[i], bound_share * range);
  }
}

/* The same without the first slices: another group, another lane. */
static void compare_cuts(kvox_check *check, const check_scan *s, const float *volume, const float *got) {
  check_scan part = *s;
  const int64_t skipped = kvox_check_integer(check, 0, s->size[2] - 1);
  const int64_t step = kvox_round_up(kvox_divide_up(s->views, 3), 2);
  part.size[2] -= skipped;
  projection p = {0};
  const float *again = device_project(check, &p, &part, volume + skipped * s->size[0] * s->size[1], step);
  const size_t bytes = (size_t)(part.size[2] * s->views * s->columns) * sizeof *got;
  if (check->fault[0] == '\0' && memcmp(again, got + skipped * s->views * s->columns, bytes) != 0) {
    kvox_check_fault(check, "other bits in cuts of %d views, from slice %d on", (int)step, (int)skipped);
  }
  release(&p);
}

static double random_size(kvox_check *check) {
  static const double sizes[] = {0.003, 0.1, 0.7, 1, 1, 1, 1.7, 3, 8, 150, 3000};
  return sizes[kvox_check_integer(check, 0, sizeof sizes / sizeof *sizes - 1)];
}

static void compare(kvox_check *check) {
  const check_scan s = check_random_scan(check, 40, 60, random_size(check));
  const float *volume = check_random_floats(check, s.size[0] * s.size[1] * s.size[2]);
  projection p = {0};
  const float *got = device_project(check, &p, &s, volume, s.views);
  if (check->fault[0] == '\0') {
    compare_to_oracle(check, &s, volume, got);
    compare_cuts(check, &s, volume, got);
  }
  release(&p);
}

/* ---- The pair: <project(x), y> = <x, backproject(y)> ---- */

static float *device_backproject(kvox_check *check, const check_scan *s, const float *samples) {
  kvox_ct_ocl_backproject *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  check_slab slab = check_make_slab(check, queue, s, NULL);
  const kvox_ct_ocl_cut cut = {.views = s->views, .slices = s->size[2], .block_views = s->views, .lanes = s->lanes};
  const int64_t floats = check_block_floats(s, &cut);
  float *block = kvox_check_floats(check, floats), *volume = NULL;
  memset(block, 0, (size_t)floats * sizeof *block);
  for (int64_t n = 0; n < s->size[2] * s->views * s->columns; n++) {
    const int64_t row = n / s->columns;
    block[check_block_at(s, &cut, row / s->views, row % s->views, n % s->columns)] = samples[n];
  }
  kvox_buffer *buffer = kvox_check_upload(check, queue, block, (uint64_t)floats * sizeof *block);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_backproject_create(check->context, s->lines, s->views, s->columns, s->begin,
                                                          s->size, s->lanes, &stage)) &&
      kvox_check_ok(check, kvox_ct_ocl_backproject_run(stage, queue, &cut, buffer, &slab.array, 1, 0))) {
    volume = check_read_slab(check, queue, s, &slab);
    kvox_check_ok(check, kvox_ocl_finish(queue));
  }
  kvox_ct_ocl_backproject_destroy(stage);
  kvox_buffer_destroy(buffer);
  kvox_buffer_destroy(slab.buffer);
  kvox_ocl_queue_give_back(queue);
  return volume;
}

static double product(const float *a, const float *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += (double)a[i] * (double)b[i];
  }
  return sum;
}

/* Both sums to 1e-5 of the greatest that Cauchy and Schwarz allow. */
static void compare_pair(kvox_check *check) {
  static const double sizes[] = {0.1, 0.7, 1, 1, 1.7, 3};
  const check_scan s = check_random_scan(check, 40, 60, sizes[kvox_check_integer(check, 0, 5)]);
  const int64_t voxels = s.size[0] * s.size[1] * s.size[2], count = s.size[2] * s.views * s.columns;
  const float *x = check_random_floats(check, voxels), *y = check_random_floats(check, count);
  projection p = {0};
  const float *forward = device_project(check, &p, &s, x, s.views), *back = device_backproject(check, &s, y);
  if (check->fault[0] == '\0') {
    const double most = sqrt(product(forward, forward, count)) * sqrt(product(y, y, count));
    kvox_check_value(check, "<Ax, y>", 0, (float)(product(forward, y, count) - product(x, back, voxels)), 0,
                     bound_share * most);
  }
  release(&p);
}

/* ---- Timing ---- */

enum { BENCH_SIZE = 256, BENCH_VIEWS = 180 };

typedef struct bench {
  kvox_check *check;
  check_scan scan;
  kvox_ct_ocl_cut cut;
  kvox_ct_ocl_project *stage;
  kvox_ocl_queue *queue;
  kvox_buffer *block;
  check_slab slab;
  kvox_context *host;
  float *volume, *samples;
} bench;

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_ocl_project_run(b->stage, b->queue, &b->cut, &b->slab.array, b->block));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static void bench_device(bench *b, int64_t updates) {
  kvox_check *check = b->check;
  const check_scan *s = &b->scan;
  b->queue = kvox_check_queue(check);
  b->cut = check_cut(check, s, 0, s->views);
  b->block = kvox_check_untouched(check, b->queue, check_block_floats(s, &b->cut));
  b->slab = check_make_slab(check, b->queue, s, b->volume);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_project_create(check->context, s->lines, s->views, s->columns, s->begin, s->size,
                                                      s->lanes, &b->stage))) {
    kvox_check_time(check, work_device, b, updates);
  }
  kvox_ct_ocl_project_destroy(b->stage);
  kvox_buffer_destroy(b->block);
  kvox_buffer_destroy(b->slab.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

/* The oracle's tile kernel, a view a piece, as if the volume's tiles were one below another: its speed is what counts.
 */
static kvox_status host_view(void *data, int64_t view, int32_t worker) {
  const bench *b = data;
  const check_scan *s = &b->scan;
  const int64_t width = s->columns + 2 * kvox_backproject_padding(s->slope);
  const kvox_ct_line line = s->lines[view];
  (void)worker;
  for (int64_t t = 0; t < s->size[0] * s->size[1] / (KVOX_TILE * KVOX_TILE); t++) {
    const double base = KVOX_TILE * s->slope;
    const kvox_tile_view place = {
        .exact_base = base, .exact_a = line.a, .exact_b = line.b, .row = b->samples + view * width + s->columns / 3};
    const kvox_tile tile = {.views = &place,
                            .count = 1,
                            .x_end = KVOX_TILE,
                            .y_end = KVOX_TILE,
                            .pixels = b->volume + t * KVOX_TILE * KVOX_TILE};
    kvox_backproject_ref.project_slice(&tile);
  }
  return KVOX_OK;
}

static void work_host(void *data) {
  const bench *b = data;
  kvox_parallel(&b->host->threads, b->scan.views, kvox_work(b->scan.views, BENCH_SIZE * BENCH_SIZE), host_view, data,
                NULL);
}

/* An element is a voxel and a view. */
static void bench_lanes(kvox_check *check, int32_t lanes) {
  bench b = {.check = check,
             .scan = {.views = BENCH_VIEWS,
                      .columns = BENCH_SIZE + 107,
                      .size = {BENCH_SIZE, BENCH_SIZE, check->context != NULL ? lanes : 1},
                      .lanes = lanes,
                      .slope = sqrt(2)}};
  check_scan *s = &b.scan;
  s->lines = kvox_check_memory(check, BENCH_VIEWS * sizeof *s->lines);
  for (int64_t v = 0; v < s->views; v++) {
    s->lines[v] = check_line(s, 1, 4 * atan(1) * (double)v / (double)s->views, (double)s->columns / 2);
  }
  const int64_t updates = s->size[0] * s->size[1] * s->size[2] * s->views;
  b.volume = check_random_floats(check, s->size[0] * s->size[1] * s->size[2]);
  if (check->context != NULL) {
    bench_device(&b, updates);
    return;
  }
  b.samples = check_random_floats(check, s->views * (s->columns + 2 * kvox_backproject_padding(s->slope)));
  b.host = kvox_check_oracle(check);
  if (b.host != NULL) {
    kvox_check_time(check, work_host, &b, updates);
  }
  kvox_context_destroy(b.host);
}

/* Few lanes suit GPUs, many suit CPUs; the oracle knows none. */
static void bench_all(kvox_check *check) {
  static const int32_t lanes[] = {1, 4, 16};
  for (int i = 0; i < (check->context != NULL ? 3 : 1); i++) {
    bench_lanes(check, lanes[i]);
    if (check->context != NULL) {
      printf("%-24s %2d lanes %9.3f ns an element, a voxel and a view\n", "projector", lanes[i], check->ns);
    }
  }
}

const kvox_check_stage kvox_check_ocl_project = {"projector", "1e-5 of the range", compare, bench_all};
const kvox_check_stage kvox_check_ocl_pair = {"pair", "1e-5 of the norms", compare_pair, NULL};

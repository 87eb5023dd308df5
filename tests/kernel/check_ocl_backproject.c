#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/level.h"
#include "cpu/parallel.h"
#include "kernel/check_ocl_scan.h"

/* As in check_backproject.c: half an ulp of a place in a tile. */
static const double bound_share = 1e-5;

/* ---- The CPU's tiles, for what the device shall give ---- */

/* One slice at a time. samples [slice][view][column], volume [slice][j][i]. */
typedef struct host {
  const check_scan *scan;
  const kvox_fixed_line *fixed;
  kvox_tile_function work;
  const float *samples;
  float *rows, *volume; /* rows: with zeros either side */
  int64_t padding, slice;
} host;

static void host_begin(kvox_check *check, host *h, const check_scan *s, const float *samples, float *volume) {
  const int64_t end[2] = {s->begin[0] + s->size[0], s->begin[1] + s->size[1]};
  kvox_fixed_line *fixed = kvox_check_memory(check, (size_t)s->views * sizeof *fixed);
  *h = (host){.scan = s, .fixed = fixed, .samples = samples, .volume = volume};
  h->padding = kvox_backproject_padding(s->slope);
  h->rows = kvox_check_floats(check, s->views * (s->columns + 2 * h->padding));
  memset(h->rows, 0, (size_t)(s->views * (s->columns + 2 * h->padding)) * sizeof *h->rows);
  for (int64_t v = 0; v < s->views; v++) {
    if (!kvox_fixed_line_make(&s->lines[v], end, &fixed[v])) {
      kvox_check_fault(check, "view %d is out of bounds", (int)v);
    }
  }
}

static int64_t host_see(const host *h, const int64_t corner[2], kvox_tile_view *views) {
  int64_t seen = 0;
  for (int64_t v = 0; v < h->scan->views; v++) {
    const kvox_ct_line line = h->scan->lines[v];
    const kvox_fixed_place place = kvox_fixed_line_place(&h->fixed[v], corner);
    if (kvox_fixed_place_meets(&place, h->scan->columns)) {
      const double s = line.a * (double)corner[0] + line.b * (double)corner[1] + line.c;
      float *row = h->rows + v * (h->scan->columns + 2 * h->padding) + h->padding;
      views[seen++] = (kvox_tile_view){.a = (float)line.a,
                                       .b = (float)line.b,
                                       .base = place.base,
                                       .exact_base = s - (double)place.column,
                                       .exact_a = line.a,
                                       .exact_b = line.b,
                                       .row = row + place.column};
    }
  }
  return seen;
}

enum { MOST_VIEWS = 400 };

static kvox_status host_tile(void *data, int64_t index, int32_t worker) {
  const host *h = data;
  const check_scan *s = h->scan;
  const int64_t first = s->begin[0] / KVOX_TILE, across = kvox_divide_up(s->begin[0] + s->size[0], KVOX_TILE) - first;
  const int64_t corner[2] = {(first + index % across) * KVOX_TILE,
                             (s->begin[1] / KVOX_TILE + index / across) * KVOX_TILE};
  float pixels[KVOX_TILE * KVOX_TILE] = {0};
  kvox_tile_view views[MOST_VIEWS];
  const kvox_tile tile = {
      .views = views, .count = host_see(h, corner, views), .x_end = KVOX_TILE, .y_end = KVOX_TILE, .pixels = pixels};
  (void)worker;
  h->work(&tile);
  for (int64_t n = 0; n < KVOX_TILE * KVOX_TILE; n++) {
    const int64_t i = corner[0] + n % KVOX_TILE - s->begin[0], j = corner[1] + n / KVOX_TILE - s->begin[1];
    if (i >= 0 && i < s->size[0] && j >= 0 && j < s->size[1]) {
      h->volume[(h->slice * s->size[1] + j) * s->size[0] + i] = pixels[n];
    }
  }
  return KVOX_OK;
}

/* All slices, with the tile kernel of a level. */
static void host_backproject(host *h, const kvox_threads *threads, int32_t level) {
  const check_scan *s = h->scan;
  const int64_t tiles = (kvox_divide_up(s->begin[0] + s->size[0], KVOX_TILE) - s->begin[0] / KVOX_TILE) *
                        (kvox_divide_up(s->begin[1] + s->size[1], KVOX_TILE) - s->begin[1] / KVOX_TILE);
  h->work = kvox_backproject_kernels_of(level)->slice;
  for (h->slice = 0; h->slice < s->size[2]; h->slice++) {
    for (int64_t v = 0; v < s->views; v++) {
      memcpy(h->rows + v * (s->columns + 2 * h->padding) + h->padding,
             h->samples + (h->slice * s->views + v) * s->columns, (size_t)s->columns * sizeof(float));
    }
    kvox_parallel(threads, tiles, kvox_work(tiles, s->views * KVOX_TILE * KVOX_TILE), host_tile, h, NULL);
  }
}

/* ---- The device ---- */

/* A cut's block: its own views with samples, the others with what is no number. */
static kvox_buffer *upload_block(kvox_check *check, kvox_ocl_queue *queue, const check_scan *s,
                                 const kvox_ct_ocl_cut *cut, const float *samples) {
  const int64_t floats = check_block_floats(s, cut);
  float *block = kvox_check_floats(check, floats);
  for (int64_t slice = 0; slice < kvox_ct_ocl_groups(cut) * s->lanes; slice++) {
    for (int64_t n = 0; n < cut->views * s->columns; n++) {
      const int64_t view = n / s->columns, column = n % s->columns;
      block[check_block_at(s, cut, slice, view, column)] =
          slice < s->size[2] ? samples[(slice * s->views + cut->view + view) * s->columns + column] : 0;
    }
  }
  return kvox_check_upload(check, queue, block, (uint64_t)floats * sizeof(float));
}

/* The views in one to three cuts, each beginning with an even one. */
static float *device_backproject(kvox_check *check, const check_scan *s, const float *samples, float scale,
                                 float offset) {
  kvox_ct_ocl_backproject *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  check_slab slab = check_make_slab(check, queue, s, NULL);
  float *volume = NULL;
  int64_t step = kvox_check_chance(check, 0.5) ? s->views : kvox_divide_up(s->views, 3);
  step += step % 2;
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_backproject_create(check->context, s->lines, s->views, s->columns, s->begin,
                                                          s->size, s->lanes, &stage))) {
    for (int64_t v = 0; v < s->views && check->fault[0] == '\0'; v += step) {
      const kvox_ct_ocl_cut cut = check_cut(check, s, v, kvox_min_i64(step, s->views - v));
      kvox_buffer *block = upload_block(check, queue, s, &cut, samples);
      kvox_check_ok(check, kvox_ct_ocl_backproject_run(stage, queue, &cut, block, &slab.array, scale, offset));
      kvox_check_ok(check, kvox_ocl_finish(queue));
      kvox_buffer_destroy(block);
    }
    volume = check_read_slab(check, queue, s, &slab);
  }
  kvox_ct_ocl_backproject_destroy(stage);
  kvox_buffer_destroy(slab.buffer);
  kvox_ocl_queue_give_back(queue);
  return volume;
}

static double random_size(kvox_check *check) {
  /* The last ones are too coarse for local memory. */
  static const double sizes[] = {0.1, 0.7, 1, 1, 1, 1, 1.7, 3, 8, 150, 3000};
  return sizes[kvox_check_integer(check, 0, sizeof sizes / sizeof *sizes - 1)];
}

static void compare(kvox_check *check) {
  const check_scan s = check_random_scan(check, 70, 80, random_size(check));
  const int64_t count = s.size[0] * s.size[1] * s.size[2];
  const float *samples = check_random_floats(check, s.size[2] * s.views * s.columns);
  const float scale = (float)kvox_check_real(check, 0.1, 2);
  const float offset = kvox_check_chance(check, 0.5) ? 0 : (float)kvox_check_real(check, -2, 2);
  float *want = kvox_check_floats(check, count);
  const kvox_threads threads = check->context->threads;
  host h;
  host_begin(check, &h, &s, samples, want);
  const float *got = device_backproject(check, &s, samples, scale, offset);
  if (check->fault[0] != '\0') {
    return;
  }
  host_backproject(&h, &threads, KVOX_CPU_REF);
  /* The range is that of the sums, not of what the offset makes of them. */
  float *sums = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    sums[i] = (got[i] - offset) / scale;
  }
  kvox_check_range(check, "voxels", count, sums, want, bound_share * fmax(s.slope, 1) + 1e-6 * fabs((double)offset));
  if (kvox_cpu_detected() == KVOX_CPU_REF) {
    return;
  }
  host_backproject(&h, &threads, kvox_cpu_detected());
  for (int64_t i = 0; i < count && check->fault[0] == '\0'; i++) {
    const float value = scale * want[i] + offset;
    if (memcmp(&value, &got[i], sizeof value) != 0) {
      kvox_check_fault(check, "voxel %d is %.9g, the CPU's vector kernel has %.9g", (int)i, (double)got[i],
                       (double)value);
    }
  }
}

/* ---- Timing ---- */

enum { BENCH_SIZE = 256, BENCH_VIEWS = 360 };

typedef struct bench {
  kvox_check *check;
  check_scan scan;
  host host;
  kvox_threads threads;
  int32_t level;
  kvox_ct_ocl_cut cut;
  kvox_ct_ocl_backproject *stage;
  kvox_ocl_queue *queue;
  kvox_buffer *block;
  check_slab slab;
} bench;

static void work_host(void *data) {
  bench *b = data;
  host_backproject(&b->host, &b->threads, b->level);
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check, kvox_ct_ocl_backproject_run(b->stage, b->queue, &b->cut, b->block, &b->slab.array, 1, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static int64_t bench_updates(const bench *b) {
  return b->scan.size[0] * b->scan.size[1] * b->scan.size[2] * b->scan.views;
}

static void bench_device(bench *b, const float *samples) {
  kvox_check *check = b->check;
  const check_scan *s = &b->scan;
  b->queue = kvox_check_queue(check);
  b->cut = check_cut(check, s, 0, s->views);
  b->block = upload_block(check, b->queue, s, &b->cut, samples);
  b->slab = check_make_slab(check, b->queue, s, NULL);
  if (check->fault[0] == '\0' &&
      kvox_check_ok(check, kvox_ct_ocl_backproject_create(check->context, s->lines, s->views, s->columns, s->begin,
                                                          s->size, s->lanes, &b->stage))) {
    kvox_check_time(check, work_device, b, bench_updates(b));
  }
  kvox_ct_ocl_backproject_destroy(b->stage);
  kvox_buffer_destroy(b->block);
  kvox_buffer_destroy(b->slab.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

/* Voxels as fine as columns; an element is a voxel and a view. The oracle and the CPU's best on all cores. */
static void bench_lanes(kvox_check *check, int32_t lanes) {
  bench b = {.check = check,
             .level = KVOX_CPU_REF,
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
  const float *samples = check_random_floats(check, s->size[2] * s->views * s->columns);
  if (check->context != NULL) {
    bench_device(&b, samples);
    return;
  }
  kvox_context *oracle = kvox_check_oracle(check);
  if (oracle != NULL) {
    b.threads = oracle->threads;
    host_begin(check, &b.host, s, samples, kvox_check_floats(check, BENCH_SIZE * BENCH_SIZE));
    b.level = kvox_cpu_detected();
    kvox_check_time(check, work_host, &b, bench_updates(&b));
    printf("%-24s %-7s %9.3f ns an element, a slice alone\n", "backproject", kvox_cpu_level_name(b.level), check->ns);
    b.level = KVOX_CPU_REF;
    kvox_check_time(check, work_host, &b, bench_updates(&b));
  }
  kvox_context_destroy(oracle);
}

/* Few lanes suit GPUs, many suit CPUs; the oracle knows none. */
static void bench_all(kvox_check *check) {
  static const int32_t lanes[] = {1, 4, 16};
  for (int i = 0; i < (check->context != NULL ? 3 : 1); i++) {
    bench_lanes(check, lanes[i]);
    if (check->context != NULL) {
      printf("%-24s %2d lanes %9.3f ns an element, a voxel and a view\n", "backproject", lanes[i], check->ns);
    }
  }
}

const kvox_check_stage kvox_check_ocl_backproject = {
    "backproject", "1e-5 of the range; the bits of the CPU's vector kernels", compare, bench_all};

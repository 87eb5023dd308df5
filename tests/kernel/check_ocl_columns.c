#include "kernel/check_ocl_columns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cpu/level.h"
#include "cpu/parallel.h"

void check_columns_random(kvox_check *check, check_columns *c) {
  static const int32_t lanes[] = {1, 2, 4, 8, 16};
  check_scan *s = &c->scan;
  c->turned = kvox_check_chance(check, 0.5);
  c->rows = kvox_check_integer(check, 1, 90);
  c->more = kvox_check_integer(check, 0, 5);
  s->views = kvox_check_integer(check, 1, MOST_VIEWS);
  s->columns = kvox_check_integer(check, 1, 150);
  s->lanes = lanes[kvox_check_integer(check, 0, 4)];
  for (int d = 0; d < 2; d++) {
    s->size[d] = kvox_check_integer(check, 1, MOST_SIDE);
    s->begin[d] = kvox_check_integer(check, 0, GRID - s->size[d]);
  }
  s->size[2] = kvox_check_integer(check, 1, MOST_SLICES);
  s->begin[2] = kvox_check_integer(check, 0, 30);
}

float *check_columns_samples(kvox_check *check, check_columns *c, int64_t each, int64_t first) {
  float *samples = check_random_floats(check, c->scan.views * each);
  c->samples = kvox_check_memory(check, (size_t)c->scan.views * sizeof *c->samples);
  for (int64_t v = 0; v < c->scan.views; v++) {
    c->samples[v] = samples + v * each + first;
  }
  return samples;
}

/* ---- The oracle ---- */

typedef struct host_job {
  const check_columns *c;
  float *volume;
} host_job;

static kvox_status host_pixel(void *data, int64_t index, int32_t worker) {
  const host_job *job = data;
  const check_scan *s = &job->c->scan;
  float voxels[MOST_SLICES + 2 * KVOX_CONE_BLOCK] = {0};
  const int64_t block = s->begin[2] / KVOX_CONE_BLOCK;
  const int64_t blocks = kvox_divide_up(s->begin[2] + s->size[2], KVOX_CONE_BLOCK) - block;
  (void)worker;
  job->c->pixel(job->c, s->begin[0] + index % s->size[0], s->begin[1] + index / s->size[0], block, blocks, voxels);
  for (int64_t k = 0; k < s->size[2]; k++) {
    job->volume[k * s->size[0] * s->size[1] + index] = voxels[s->begin[2] - block * KVOX_CONE_BLOCK + k];
  }
  return KVOX_OK;
}

static void host_backproject(const check_columns *c, const kvox_threads *threads, float *volume) {
  host_job job = {c, volume};
  const int64_t pixels = c->scan.size[0] * c->scan.size[1];
  kvox_parallel(threads, pixels, kvox_work(pixels, c->scan.views * c->scan.size[2]), host_pixel, &job, NULL);
}

/* ---- The device ---- */

static kvox_ct_ocl_block block_of(const check_columns *c) {
  const int64_t columns = c->scan.columns, step = (c->turned ? c->rows : columns) + c->more;
  return (kvox_ct_ocl_block){.view_step = step * (c->turned ? columns : c->rows) + c->more,
                             .row_step = c->turned ? 1 : step,
                             .column_step = c->turned ? step : 1};
}

/* The cut's views; what lies beside and between them is no number. */
static kvox_ct_ocl_block upload_block(kvox_check *check, kvox_ocl_queue *queue, const check_columns *c,
                                      const kvox_ct_ocl_cut *cut) {
  kvox_ct_ocl_block block = block_of(c);
  const int64_t floats = cut->block_views * block.view_step;
  float *memory = kvox_check_floats(check, floats);
  for (int64_t v = 0; v < cut->views; v++) {
    const float *from = c->samples[cut->view + v];
    for (int64_t n = 0; n < c->scan.columns * c->rows; n++) {
      memory[(cut->block_view + v) * block.view_step + n / c->rows * block.column_step + n % c->rows * block.row_step] =
          from[n];
    }
  }
  block.buffer = kvox_check_upload(check, queue, memory, (uint64_t)floats * sizeof *memory);
  return block;
}

/* The views in one to three cuts, slices too. */
static float *device_backproject(kvox_check *check, const check_columns *c, float scale, float offset) {
  const check_scan *s = &c->scan;
  kvox_ct_ocl_cone *stage = NULL;
  kvox_ocl_queue *queue = kvox_check_queue(check);
  check_slab slab = check_make_slab(check, queue, s, NULL);
  float *volume = NULL;
  const int64_t step = kvox_check_chance(check, 0.5) ? s->views : kvox_round_up(kvox_divide_up(s->views, 3), 2);
  const int64_t slices = kvox_check_chance(check, 0.5) ? s->size[2] : kvox_divide_up(s->size[2], 2);
  if (check->fault[0] == '\0' && kvox_check_ok(check, c->create(check->context, c, &stage))) {
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

void check_columns_compare(kvox_check *check, check_columns *c, double share) {
  const int64_t count = c->scan.size[0] * c->scan.size[1] * c->scan.size[2];
  float *want = kvox_check_floats(check, count), *sums = kvox_check_floats(check, count);
  const float scale = (float)kvox_check_real(check, 0.1, 2), offset = kvox_check_chance(check, 0.5) ? 0 : 1.5F;
  const float *got = device_backproject(check, c, scale, offset);
  if (check->fault[0] != '\0') {
    return;
  }
  host_backproject(c, &check->context->threads, want);
  for (int64_t i = 0; i < count; i++) {
    sums[i] = (got[i] - offset) / scale;
  }
  kvox_check_range(check, "voxels", count, sums, want, share * c->scan.slope + 1e-6 * fabs((double)offset));
  /* Other lanes, another layout, another cut: the same bits. */
  c->scan.lanes = c->scan.lanes == 16 ? 4 : 16;
  c->turned = !c->turned;
  const float *again = device_backproject(check, c, scale, offset);
  for (int64_t i = 0; again != NULL && i < count && check->fault[0] == '\0'; i++) {
    if (memcmp(&got[i], &again[i], sizeof got[i]) != 0) {
      kvox_check_fault(check, "voxel %d is %.9g and with other lanes %.9g", (int)i, (double)got[i], (double)again[i]);
    }
  }
}

/* ---- Timing ---- */

typedef struct bench {
  kvox_check *check;
  check_columns columns;
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
  host_backproject(&b->columns, &b->threads, b->volume);
}

static void work_device(void *data) {
  const bench *b = data;
  kvox_check_ok(b->check,
                kvox_ct_ocl_cone_run(b->stage, b->queue, &b->cut, &b->block, 0, b->columns.rows, &b->slab.array, 1, 0));
  kvox_check_ok(b->check, kvox_ocl_finish(b->queue));
}

static int64_t updates(const check_scan *s) { return s->size[0] * s->size[1] * s->size[2] * s->views; }

static void bench_device(bench *b) {
  kvox_check *check = b->check;
  const check_columns *c = &b->columns;
  b->queue = kvox_check_queue(check);
  b->cut = (kvox_ct_ocl_cut){.views = c->scan.views, .slices = c->scan.size[2], .block_views = c->scan.views};
  b->block = upload_block(check, b->queue, c, &b->cut);
  b->slab = check_make_slab(check, b->queue, &c->scan, NULL);
  if (check->fault[0] == '\0' && kvox_check_ok(check, c->create(check->context, c, &b->stage))) {
    kvox_check_time(check, work_device, b, updates(&c->scan));
  }
  kvox_ct_ocl_cone_destroy(b->stage);
  kvox_buffer_destroy(b->block.buffer);
  kvox_buffer_destroy(b->slab.buffer);
  kvox_ocl_queue_give_back(b->queue);
}

static void bench_host(bench *b) {
  kvox_context *oracle = kvox_check_oracle(b->check);
  if (oracle != NULL) {
    const check_scan *s = &b->columns.scan;
    b->threads = oracle->threads;
    b->volume = kvox_check_floats(b->check, s->size[0] * s->size[1] * s->size[2]);
    kvox_check_time(b->check, work_host, b, updates(s));
  }
  kvox_context_destroy(oracle);
}

/* On CPUs rows lie side by side, on GPUs columns. */
void check_columns_bench(kvox_check *check, const char *name, void (*make)(kvox_check *check, check_columns *c)) {
  for (int n = 0; n < (check->context != NULL ? 2 : 1); n++) {
    bench b = {.check = check, .columns = {.rows = BENCH_DETECTOR, .more = 16, .turned = n == 0}};
    b.columns.scan = (check_scan){.views = BENCH_VIEWS,
                                  .columns = BENCH_DETECTOR,
                                  .size = {BENCH_SIZE, BENCH_SIZE, check->context != NULL ? BENCH_SIZE : MOST_SLICES},
                                  .lanes = n == 0 ? 16 : 8};
    make(check, &b.columns);
    if (check->context == NULL) {
      bench_host(&b);
      continue;
    }
    bench_device(&b);
    printf("%-24s %2d lanes %9.3f ns an element, a voxel and a view\n", name, b.columns.scan.lanes, check->ns);
  }
}

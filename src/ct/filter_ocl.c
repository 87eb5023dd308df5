#include <inttypes.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"
#include "fft/fft_ocl.h"

/*
 * Complex rows are transformed in batches of one size. A batch of about this many bytes keeps a GPU busy and stays in
 * the last cache of a large one between the five kernels that it goes through.
 */
static const int64_t batch_bytes = (int64_t)16 << 20;

/* A batch has at least so many rows where there are as many slices: the most lanes of a group. */
enum { MOST_LANES = 16 };

/* Work-items of a group, where the device takes so many. */
enum { GROUP = 256 };

/* As in kernels/filter.cl. */
typedef struct row_place {
  int64_t row;
  float fraction;
  int32_t unused;
} row_place;

/* How complex rows lie in memory. */
typedef struct batch_shape {
  int64_t length, step; /* of the transform; complex numbers from a row to the next */
  int64_t rows;
} batch_shape;

struct kvox_ct_ocl_filter {
  kvox_context *context;
  batch_shape shape;
  kvox_ct_ocl_scan scan; /* its weights are the stage's */
  int32_t lanes;
  int32_t tile; /* columns of a group of `unpack` */
  kvox_fft_ocl *forward, *backward;
  kvox_ocl_kernel *pack, *multiply, *unpack;
  kvox_buffer *pairs, *response, *places, *weights;
};

/* Whole pairs of views of all slices where a batch holds one, else some slices of one pair. */
static batch_shape shape_batch(int64_t columns, int64_t most_views, int64_t most_slices) {
  batch_shape shape = {.length = kvox_ct_filter_length(columns)};
  shape.step = kvox_round_up(shape.length, 8); /* what kvox_fft_layout wants */
  const int64_t fit = kvox_max_i64(batch_bytes / (2 * (int64_t)sizeof(float) * shape.step), 1);
  const int64_t pairs = kvox_divide_up(most_views, 2);
  if (fit >= most_slices) {
    const int64_t at_once = kvox_min_i64(pairs, fit / most_slices);
    shape.rows = most_slices * kvox_divide_up(pairs, kvox_divide_up(pairs, at_once));
  } else {
    const int64_t parts = kvox_divide_up(most_slices, kvox_round_up(fit, MOST_LANES));
    shape.rows = kvox_min_i64(kvox_round_up(kvox_divide_up(most_slices, parts), MOST_LANES), most_slices);
  }
  return shape;
}

static kvox_fft_layout layout_of(const batch_shape *shape, kvox_fft_kind kind) {
  return (kvox_fft_layout){
      .kind = kind, .rank = 1, .sizes = {shape->length}, .batch = shape->rows, .complex_step = shape->step};
}

static uint64_t pairs_bytes(const batch_shape *shape) {
  return 2 * sizeof(float) * (uint64_t)kvox_work(shape->rows, shape->step);
}

kvox_ct_ocl_scan kvox_ct_ocl_scan_of(const kvox_ct_geometry *geometry) {
  return (kvox_ct_ocl_scan){.views = geometry->views,
                            .columns = geometry->columns,
                            .filtered = geometry->columns,
                            .pitch_mm = geometry->column_pitch_mm,
                            .weights_rad = geometry->weights_rad};
}

kvox_status kvox_ct_ocl_filter_need(kvox_context *context, const kvox_ct_ocl_scan *scan, int64_t slices,
                                    int64_t most_views, int64_t most_slices, uint64_t *bytes) {
  const batch_shape shape = shape_batch(scan->filtered, most_views, most_slices);
  const kvox_fft_layout forward = layout_of(&shape, KVOX_FFT_FORWARD), backward = layout_of(&shape, KVOX_FFT_BACKWARD);
  uint64_t there = 0, back = 0;
  KVOX_TRY(kvox_fft_ocl_need(context->ocl, &forward, &there));
  KVOX_TRY(kvox_fft_ocl_need(context->ocl, &backward, &back));
  *bytes = there + back + pairs_bytes(&shape) + (uint64_t)shape.length * sizeof(float) +
           (uint64_t)slices * sizeof(row_place) + (uint64_t)scan->views * sizeof(float);
  return KVOX_OK;
}

/* ---- Making one ---- */

static kvox_status make_response(kvox_ct_ocl_filter *stage, const kvox_ct_filter_options *options) {
  kvox_heap *heap = stage->context->heap;
  const int64_t length = stage->shape.length;
  float *response = kvox_allocate_array(heap, length, sizeof *response);
  kvox_status status = response != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    status = kvox_ct_filter_response(heap, options, stage->scan.pitch_mm, length, response);
  }
  if (status == KVOX_OK) {
    status = kvox_ocl_buffer_from(stage->context->ocl, "response of the filter", response,
                                  (uint64_t)length * sizeof *response, &stage->response);
  }
  kvox_release(heap, response);
  return status;
}

static kvox_status make_places(kvox_ct_ocl_filter *stage, const kvox_ct_row_place *places, int64_t slices) {
  kvox_heap *heap = stage->context->heap;
  row_place *table = kvox_allocate_array(heap, slices, sizeof *table);
  if (table == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t k = 0; k < slices; k++) {
    table[k] = (row_place){.row = places[k].row, .fraction = places[k].fraction};
  }
  const kvox_status status = kvox_ocl_buffer_from(stage->context->ocl, "rows of slices", table,
                                                  (uint64_t)slices * sizeof *table, &stage->places);
  kvox_release(heap, table);
  return status;
}

static kvox_status make_weights(kvox_ct_ocl_filter *stage, const double *weights_rad) {
  kvox_heap *heap = stage->context->heap;
  const int64_t views = stage->scan.views;
  float *weights = kvox_allocate_array(heap, views, sizeof *weights);
  if (weights == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t view = 0; view < views; view++) {
    weights[view] = (float)weights_rad[view];
  }
  const kvox_status status = kvox_ocl_buffer_from(stage->context->ocl, "weights of views", weights,
                                                  (uint64_t)views * sizeof *weights, &stage->weights);
  kvox_release(heap, weights);
  return status;
}

static kvox_status make_kernels(kvox_ct_ocl_filter *stage) {
  kvox_ocl *ocl = stage->context->ocl;
  char options[64];
  for (stage->tile = GROUP / stage->lanes;; stage->tile /= 2) {
    if (stage->tile == 0) {
      return kvox_fail(KVOX_ERROR_UNSUPPORTED, "filter: %s takes no groups of %" PRId32 " work-items",
                       kvox_ocl_info(ocl)->name, stage->lanes);
    }
    snprintf(options, sizeof options, "-D LANES=%" PRId32 " -D TILE=%" PRId32, stage->lanes, stage->tile);
    kvox_ocl_kernel_destroy(stage->unpack);
    stage->unpack = NULL;
    KVOX_TRY(kvox_ocl_kernel_get(ocl, "filter", options, "unpack", &stage->unpack));
    if ((uint64_t)(stage->tile * stage->lanes) <= kvox_ocl_kernel_largest_group(stage->unpack)) {
      break;
    }
  }
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "filter", options, "pack", &stage->pack));
  return kvox_ocl_kernel_get(ocl, "filter", options, "multiply", &stage->multiply);
}

static kvox_status fill_stage(kvox_ct_ocl_filter *stage, const double *weights_rad,
                              const kvox_ct_filter_options *options, const kvox_ct_row_place *places, int64_t slices) {
  kvox_ocl *ocl = stage->context->ocl;
  const kvox_fft_layout forward = layout_of(&stage->shape, KVOX_FFT_FORWARD);
  const kvox_fft_layout backward = layout_of(&stage->shape, KVOX_FFT_BACKWARD);
  KVOX_TRY(make_response(stage, options));
  KVOX_TRY(make_places(stage, places, slices));
  KVOX_TRY(make_weights(stage, weights_rad));
  KVOX_TRY(make_kernels(stage));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, pairs_bytes(&stage->shape), "rows to filter", &stage->pairs));
  KVOX_TRY(kvox_fft_ocl_create(ocl, &forward, true, &stage->forward));
  return kvox_fft_ocl_create(ocl, &backward, true, &stage->backward);
}

kvox_status kvox_ct_ocl_filter_create(kvox_context *context, const kvox_ct_ocl_scan *scan,
                                      const kvox_ct_filter_options *options, const kvox_ct_row_place *places,
                                      int64_t slices, int64_t most_views, int64_t most_slices, int32_t lanes,
                                      kvox_ct_ocl_filter **stage) {
  kvox_ct_ocl_filter *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->shape = shape_batch(scan->filtered, most_views, most_slices);
  made->scan = *scan;
  made->scan.weights_rad = NULL;
  made->lanes = lanes;
  const kvox_status status = fill_stage(made, scan->weights_rad, options, places, slices);
  if (status != KVOX_OK) {
    kvox_ct_ocl_filter_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_filter_destroy(kvox_ct_ocl_filter *stage) {
  if (stage == NULL) {
    return;
  }
  kvox_context *context = stage->context;
  kvox_fft_ocl_destroy(stage->forward);
  kvox_fft_ocl_destroy(stage->backward);
  kvox_ocl_kernel_destroy(stage->pack);
  kvox_ocl_kernel_destroy(stage->multiply);
  kvox_ocl_kernel_destroy(stage->unpack);
  kvox_buffer_destroy(stage->pairs);
  kvox_buffer_destroy(stage->response);
  kvox_buffer_destroy(stage->places);
  kvox_buffer_destroy(stage->weights);
  kvox_release(context->heap, stage);
  kvox_context_destroy(context);
}

int64_t kvox_ct_ocl_filter_length(const kvox_ct_ocl_filter *stage) { return stage->shape.length; }

/* ---- Running it ---- */

/* Pairs of views and groups of slices of a cut that are transformed together. */
typedef struct batch {
  int64_t pair, pairs;
  int64_t group, slices; /* the first group; from its first slice on */
} batch;

/* Where samples go, in floats: the first of view 0 and group 0, from a group to the next, from a view, a column. */
typedef struct target {
  kvox_buffer *buffer;
  int64_t begin, group_step, view_step, column_step;
  int32_t weigh;
} target;

static kvox_status pack(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut, const batch *b,
                        const kvox_buffer *lines) {
  const batch_shape *shape = &stage->shape;
  const int64_t first_slice = cut->slice + b->group * stage->lanes;
  const kvox_ocl_range range = {.items = {(uint64_t)shape->length, (uint64_t)b->slices, (uint64_t)b->pairs},
                                .group = {kvox_ocl_kernel_group(stage->pack, GROUP)}};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(lines),
                                         KVOX_OCL_VALUE(cut->rows),
                                         KVOX_OCL_VALUE(stage->scan.columns),
                                         KVOX_OCL_VALUE(stage->scan.before),
                                         KVOX_OCL_VALUE(cut->row),
                                         KVOX_OCL_VALUE(cut->views),
                                         KVOX_OCL_VALUE(b->pair),
                                         KVOX_OCL_BUFFER(stage->places),
                                         KVOX_OCL_VALUE(first_slice),
                                         KVOX_OCL_VALUE(b->slices),
                                         KVOX_OCL_VALUE(shape->length),
                                         KVOX_OCL_VALUE(shape->step),
                                         KVOX_OCL_BUFFER(stage->pairs)};
  return kvox_ocl_run(queue, stage->pack, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status multiply(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, int64_t rows) {
  const batch_shape *shape = &stage->shape;
  const kvox_ocl_range range = {.items = {(uint64_t)shape->length, (uint64_t)rows},
                                .group = {kvox_ocl_kernel_group(stage->multiply, GROUP)}};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(stage->pairs), KVOX_OCL_VALUE(shape->length),
                                         KVOX_OCL_VALUE(shape->step), KVOX_OCL_BUFFER(stage->response)};
  return kvox_ocl_run(queue, stage->multiply, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status unpack(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut, const batch *b,
                          const target *to) {
  const int64_t groups = kvox_divide_up(b->slices, stage->lanes);
  const kvox_ocl_range range = {
      .items = {(uint64_t)stage->scan.filtered, (uint64_t)(groups * stage->lanes), (uint64_t)b->pairs},
      .group = {(uint64_t)stage->tile, (uint64_t)stage->lanes}};
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(stage->pairs),  KVOX_OCL_VALUE(stage->shape.step), KVOX_OCL_VALUE(stage->scan.filtered),
      KVOX_OCL_VALUE(b->slices),      KVOX_OCL_VALUE(b->group),          KVOX_OCL_VALUE(cut->views),
      KVOX_OCL_VALUE(b->pair),        KVOX_OCL_BUFFER(stage->weights),   KVOX_OCL_VALUE(cut->view),
      KVOX_OCL_VALUE(to->weigh),      KVOX_OCL_BUFFER(to->buffer),       KVOX_OCL_VALUE(to->begin),
      KVOX_OCL_VALUE(to->group_step), KVOX_OCL_VALUE(to->view_step),     KVOX_OCL_VALUE(to->column_step)};
  return kvox_ocl_run(queue, stage->unpack, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status run_batch(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                             const batch *b, const kvox_buffer *lines, const target *to) {
  const int64_t rows = b->pairs * b->slices;
  const uint64_t row_bytes = 2 * sizeof(float) * (uint64_t)stage->shape.step;
  KVOX_TRY(pack(stage, queue, cut, b, lines));
  if (rows < stage->shape.rows) {
    /* Transformed all the same: of zeros nothing grows from batch to batch. */
    KVOX_TRY(kvox_ocl_fill(queue, stage->pairs, (uint64_t)rows * row_bytes,
                           (uint64_t)(stage->shape.rows - rows) * row_bytes, 0));
  }
  KVOX_TRY(kvox_fft_ocl_run(stage->forward, queue, stage->pairs, stage->pairs));
  KVOX_TRY(multiply(stage, queue, rows));
  KVOX_TRY(kvox_fft_ocl_run(stage->backward, queue, stage->pairs, stage->pairs));
  return unpack(stage, queue, cut, b, to);
}

static kvox_status run(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                       const kvox_buffer *lines, const target *to) {
  const int64_t pairs = kvox_divide_up(cut->views, 2), rows = stage->shape.rows;
  const int64_t slices_at_once = cut->slices <= rows ? cut->slices : rows / stage->lanes * stage->lanes;
  const int64_t pairs_at_once = rows / slices_at_once;
  for (int64_t pair = 0; pair < pairs; pair += pairs_at_once) {
    for (int64_t slice = 0; slice < cut->slices; slice += slices_at_once) {
      const batch b = {.pair = pair,
                       .pairs = kvox_min_i64(pairs_at_once, pairs - pair),
                       .group = slice / stage->lanes,
                       .slices = kvox_min_i64(slices_at_once, cut->slices - slice)};
      KVOX_TRY(run_batch(stage, queue, cut, &b, lines, to));
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_filter_run(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                   kvox_buffer *lines, bool weigh, kvox_buffer *block) {
  const int64_t view_step = stage->scan.filtered * stage->lanes;
  const target to = {.buffer = block,
                     .begin = cut->block_view * view_step,
                     .group_step = cut->block_views * view_step,
                     .view_step = view_step,
                     .column_step = stage->lanes,
                     .weigh = weigh};
  return run(stage, queue, cut, lines, &to);
}

kvox_status kvox_ct_ocl_filter_spread(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                      kvox_buffer *lines, const kvox_ct_ocl_block *block) {
  const target to = {.buffer = block->buffer,
                     .begin = cut->block_view * block->view_step,
                     .group_step = block->row_step * stage->lanes,
                     .view_step = block->view_step,
                     .column_step = block->column_step,
                     .weigh = 1};
  return run(stage, queue, cut, lines, &to);
}

kvox_status kvox_ct_ocl_filter_store(kvox_ct_ocl_filter *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                     kvox_buffer *lines, const kvox_array *filtered) {
  const int64_t size = sizeof(float);
  const target to = {.buffer = filtered->buffer,
                     .begin = (int64_t)(intptr_t)filtered->data / size,
                     .group_step = filtered->strides[1] / size,
                     .view_step = filtered->strides[0] / size,
                     .column_step = 1};
  return run(stage, queue, cut, lines, &to);
}

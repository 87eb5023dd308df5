#include <stdio.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"

/* Work-items of a group, side by side, where the device takes so many. */
enum { GROUP = 64 };

/* As kernels/rows.cl has them. */
typedef struct device_place {
  int32_t row;
  float fraction;
} device_place;

typedef struct device_row {
  int32_t detector_row, begin, end;
} device_row;

typedef struct device_cut {
  int64_t block_view, block_views;
  int32_t views, slice, slices, row, rows, columns;
} device_cut;

struct kvox_ct_ocl_rows {
  kvox_heap *heap;
  kvox_ocl_kernel *take, *give, *clear;
  kvox_buffer *places, *rows;
  int64_t columns;
};

uint64_t kvox_ct_ocl_rows_need(int64_t slices, int64_t rows) {
  return (uint64_t)slices * sizeof(device_place) + (uint64_t)rows * sizeof(device_row);
}

static void fill_tables(const kvox_ct_row_place *places, int64_t slices, const int64_t *detector_rows, int64_t rows,
                        device_place *out_places, device_row *out_rows) {
  for (int64_t r = 0; r < rows; r++) {
    out_rows[r] = (device_row){(int32_t)detector_rows[r], (int32_t)slices, 0};
  }
  for (int64_t k = 0; k < slices; k++) {
    out_places[k] = (device_place){(int32_t)places[k].row, places[k].fraction};
    for (int64_t r = places[k].row; r <= places[k].row + (places[k].fraction > 0 ? 1 : 0); r++) {
      out_rows[r].begin = out_rows[r].begin < k ? out_rows[r].begin : (int32_t)k;
      out_rows[r].end = (int32_t)(k + 1);
    }
  }
}

static kvox_status make_tables(kvox_context *context, const kvox_ct_row_place *places, int64_t slices,
                               const int64_t *detector_rows, int64_t rows, kvox_ct_ocl_rows *made) {
  kvox_status status = KVOX_ERROR_MEMORY;
  device_place *place_table = kvox_allocate_array(context->heap, slices, sizeof *place_table);
  device_row *row_table = kvox_allocate_array(context->heap, rows, sizeof *row_table);
  if (place_table == NULL || row_table == NULL) {
    goto cleanup;
  }
  fill_tables(places, slices, detector_rows, rows, place_table, row_table);
  KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(context->ocl, "rows of slices", place_table,
                                        (uint64_t)slices * sizeof *place_table, &made->places));
  status =
      kvox_ocl_buffer_from(context->ocl, "slices of rows", row_table, (uint64_t)rows * sizeof *row_table, &made->rows);
cleanup:
  kvox_release(context->heap, place_table);
  kvox_release(context->heap, row_table);
  return status;
}

kvox_status kvox_ct_ocl_rows_create(kvox_context *context, const kvox_ct_row_place *places, int64_t slices,
                                    const int64_t *detector_rows, int64_t rows, int64_t columns, int32_t lanes,
                                    kvox_ct_ocl_rows **stage) {
  char options[32];
  if (slices > INT32_MAX || detector_rows[rows - 1] > INT32_MAX) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "more than 2^31 slices or rows do not go on an OpenCL device");
  }
  kvox_ct_ocl_rows *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->heap = kvox_heap_hold(context->heap);
  made->columns = columns;
  snprintf(options, sizeof options, "-D LANES=%d", (int)lanes);
  kvox_status status;
  KVOX_TRY_CLEANUP(kvox_ocl_kernel_get(context->ocl, "rows", options, "take", &made->take));
  KVOX_TRY_CLEANUP(kvox_ocl_kernel_get(context->ocl, "rows", options, "give", &made->give));
  KVOX_TRY_CLEANUP(kvox_ocl_kernel_get(context->ocl, "rows", options, "clear", &made->clear));
  KVOX_TRY_CLEANUP(make_tables(context, places, slices, detector_rows, rows, made));
  *stage = made;
  return KVOX_OK;
cleanup:
  kvox_ct_ocl_rows_destroy(made);
  return status;
}

void kvox_ct_ocl_rows_destroy(kvox_ct_ocl_rows *stage) {
  if (stage == NULL) {
    return;
  }
  kvox_heap *heap = stage->heap;
  kvox_ocl_kernel_destroy(stage->take);
  kvox_ocl_kernel_destroy(stage->give);
  kvox_ocl_kernel_destroy(stage->clear);
  kvox_buffer_destroy(stage->places);
  kvox_buffer_destroy(stage->rows);
  kvox_release(heap, stage);
  kvox_heap_drop(heap);
}

static device_cut cut_of(const kvox_ct_ocl_rows *stage, const kvox_ct_ocl_cut *cut) {
  return (device_cut){.block_view = cut->block_view,
                      .block_views = cut->block_views,
                      .views = (int32_t)cut->views,
                      .slice = (int32_t)cut->slice,
                      .slices = (int32_t)cut->slices,
                      .row = (int32_t)cut->row,
                      .rows = (int32_t)cut->rows,
                      .columns = (int32_t)stage->columns};
}

static kvox_ocl_range range_of(const kvox_ocl_kernel *kernel, int64_t x, int64_t y, int64_t z) {
  return (kvox_ocl_range){.items = {(uint64_t)x, (uint64_t)y, (uint64_t)z},
                          .group = {kvox_ocl_kernel_group(kernel, GROUP)}};
}

kvox_status kvox_ct_ocl_rows_take(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *lines, kvox_buffer *block) {
  const device_cut c = cut_of(stage, cut);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_VALUE(c), KVOX_OCL_BUFFER(stage->places), KVOX_OCL_BUFFER(lines),
                                         KVOX_OCL_BUFFER(block)};
  const kvox_ocl_range range = range_of(stage->take, stage->columns, cut->views, kvox_ct_ocl_groups(cut));
  return kvox_ocl_run(queue, stage->take, &range, arguments, 4);
}

/* Where the samples of an array begin, and its steps, in floats. */
typedef struct steps {
  int64_t offset, view, row;
} steps;

static steps steps_of(const kvox_array *array) {
  const int64_t size = sizeof(float);
  return (steps){(int64_t)(intptr_t)array->data / size, array->strides[0] / size, array->strides[1] / size};
}

kvox_status kvox_ct_ocl_rows_give(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *block, float scale, const kvox_array *projections) {
  const device_cut c = cut_of(stage, cut);
  const steps s = steps_of(projections);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_VALUE(c),        KVOX_OCL_BUFFER(stage->places), KVOX_OCL_BUFFER(stage->rows),
      KVOX_OCL_BUFFER(block),   KVOX_OCL_VALUE(scale),          KVOX_OCL_BUFFER(projections->buffer),
      KVOX_OCL_VALUE(s.offset), KVOX_OCL_VALUE(s.view),         KVOX_OCL_VALUE(s.row)};
  const kvox_ocl_range range = range_of(stage->give, stage->columns, cut->rows, cut->views);
  return kvox_ocl_run(queue, stage->give, &range, arguments, 9);
}

kvox_status kvox_ct_ocl_rows_clear(kvox_ct_ocl_rows *stage, kvox_ocl_queue *queue, const kvox_array *projections) {
  const steps s = steps_of(projections);
  const int32_t columns = (int32_t)stage->columns;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_VALUE(columns), KVOX_OCL_BUFFER(projections->buffer),
                                         KVOX_OCL_VALUE(s.offset), KVOX_OCL_VALUE(s.view), KVOX_OCL_VALUE(s.row)};
  const kvox_ocl_range range = range_of(stage->clear, stage->columns, projections->shape[1], projections->shape[0]);
  return kvox_ocl_run(queue, stage->clear, &range, arguments, 5);
}

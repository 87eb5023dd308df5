#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"

_Static_assert(KVOX_U8 == 1 && KVOX_I8 == 2 && KVOX_U16 == 3 && KVOX_I16 == 4 && KVOX_U32 == 5 && KVOX_I32 == 6 &&
                   KVOX_F16 == 7 && KVOX_F32 == 8 && KVOX_F64 == 9,
               "the numbers of kernels/correct.cl");

/* Work-items of a group, where the device takes so many. */
enum { GROUP = 256, BRIDGE_GROUP = 32 };

/* As in kernels/correct.cl. */
typedef struct bad_pixel {
  int32_t row, column, begin, end;
} bad_pixel;

typedef struct sample_layout {
  int64_t begin, view_stride, row_stride, column_stride;
  int64_t views, rows, columns, first_row;
  int64_t type;
} sample_layout;

struct kvox_ct_ocl_correct {
  kvox_context *context;
  kvox_ocl_program *program;
  kvox_ocl_kernel *take, *bridge;
  char take_name[24]; /* of the kernel for the samples met last; empty: none yet */
  kvox_buffer *dark, *inverse_gain, *pixels;
  int64_t *row_pixels; /* the bad pixels of row r are row_pixels[r] to row_pixels[r + 1] - 1; NULL: no correction */
  float least;
};

static int64_t count_bad(const kvox_ct_correction *correction) {
  int64_t bad = 0;
  for (int64_t i = 0; i < correction->row_runs[correction->rows]; i++) {
    bad += correction->runs[i].end - correction->runs[i].begin;
  }
  return bad;
}

static uint64_t table_bytes(const kvox_ct_correction *correction) {
  return (uint64_t)(correction->rows * correction->columns) * sizeof(float);
}

uint64_t kvox_ct_ocl_correct_need(const kvox_ct_correction *correction) {
  return correction == NULL ? 0 : 2 * table_bytes(correction) + (uint64_t)count_bad(correction) * sizeof(bad_pixel);
}

/* Numbers the bad pixels by rows and marks them: the kernels know them by a negative inverse gain. */
static void list_bad(const kvox_ct_correction *correction, int64_t *row_pixels, bad_pixel *pixels,
                     float *inverse_gain) {
  int64_t count = 0;
  for (int64_t row = 0; row < correction->rows; row++) {
    row_pixels[row] = count;
    for (int64_t r = correction->row_runs[row]; r < correction->row_runs[row + 1]; r++) {
      const kvox_ct_bad_run run = correction->runs[r];
      for (int64_t i = run.begin; i < run.end; i++) {
        pixels[count++] = (bad_pixel){(int32_t)row, (int32_t)i, (int32_t)run.begin, (int32_t)run.end};
        inverse_gain[row * correction->columns + i] = -1;
      }
    }
  }
  row_pixels[correction->rows] = count;
}

static kvox_status make_tables(kvox_ct_ocl_correct *stage, const kvox_ct_correction *correction) {
  kvox_heap *heap = stage->context->heap;
  kvox_ocl *ocl = stage->context->ocl;
  const int64_t bad = count_bad(correction);
  const uint64_t bytes = table_bytes(correction);
  kvox_status status = KVOX_ERROR_MEMORY;
  float *inverse_gain = kvox_allocate(heap, bytes);
  bad_pixel *pixels = kvox_allocate_array(heap, bad, sizeof *pixels);
  stage->row_pixels = kvox_allocate_array(heap, correction->rows + 1, sizeof *stage->row_pixels);
  if (inverse_gain == NULL || pixels == NULL || stage->row_pixels == NULL) {
    goto cleanup;
  }
  memcpy(inverse_gain, correction->inverse_gain, (size_t)bytes);
  list_bad(correction, stage->row_pixels, pixels, inverse_gain);
  KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(ocl, "dark frame", correction->dark, bytes, &stage->dark));
  KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(ocl, "gains", inverse_gain, bytes, &stage->inverse_gain));
  if (bad > 0) {
    KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(ocl, "bad pixels", pixels, (uint64_t)bad * sizeof *pixels, &stage->pixels));
  }
cleanup:
  kvox_release(heap, inverse_gain);
  kvox_release(heap, pixels);
  return status;
}

static kvox_status fill_stage(kvox_ct_ocl_correct *stage, const kvox_ct_correction *correction) {
  kvox_ocl *ocl = stage->context->ocl;
  KVOX_TRY(kvox_ocl_program_get(ocl, "correct", "", &stage->program));
  if (correction == NULL) {
    return KVOX_OK;
  }
  if (correction->rows > INT32_MAX || correction->columns > INT32_MAX) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "correction: %" PRId64 " rows of %" PRId64 " columns; a device takes up to %" PRId32 " of each",
                     correction->rows, correction->columns, INT32_MAX);
  }
  stage->least = correction->least;
  KVOX_TRY(kvox_ocl_kernel_create(stage->program, "bridge", &stage->bridge));
  return make_tables(stage, correction);
}

kvox_status kvox_ct_ocl_correct_create(kvox_context *context, const kvox_ct_correction *correction,
                                       kvox_ct_ocl_correct **stage) {
  kvox_ct_ocl_correct *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  const kvox_status status = fill_stage(made, correction);
  if (status != KVOX_OK) {
    kvox_ct_ocl_correct_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_correct_destroy(kvox_ct_ocl_correct *stage) {
  if (stage == NULL) {
    return;
  }
  kvox_context *context = stage->context;
  kvox_ocl_kernel_destroy(stage->take);
  kvox_ocl_kernel_destroy(stage->bridge);
  kvox_ocl_program_drop(stage->program);
  kvox_buffer_destroy(stage->dark);
  kvox_buffer_destroy(stage->inverse_gain);
  kvox_buffer_destroy(stage->pixels);
  kvox_release(context->heap, stage->row_pixels);
  kvox_release(context->heap, stage);
  kvox_context_destroy(context);
}

/* The kernel for samples like these: of one type where they lie as C would have them, else of all. */
static kvox_status choose_kernel(kvox_ct_ocl_correct *stage, const kvox_array *samples) {
  char name[sizeof stage->take_name];
  snprintf(name, sizeof name, "%s_%s", stage->row_pixels != NULL ? "correct" : "convert",
           kvox_array_rows_dense(samples) ? kvox_type_name(samples->type) : "any");
  if (strcmp(name, stage->take_name) == 0) {
    return KVOX_OK;
  }
  kvox_ocl_kernel_destroy(stage->take);
  stage->take = NULL;
  stage->take_name[0] = '\0';
  KVOX_TRY(kvox_ocl_kernel_create(stage->program, name, &stage->take));
  memcpy(stage->take_name, name, sizeof name);
  return KVOX_OK;
}

/* Groups along columns, as wide as those are. */
static kvox_ocl_range range_of(const sample_layout *at, const kvox_ocl_kernel *kernel) {
  const uint64_t group = kvox_ocl_kernel_group(kernel, GROUP);
  uint64_t width = 1;
  while (2 * width <= group && width < (uint64_t)at->columns) {
    width *= 2;
  }
  return (kvox_ocl_range){.items = {(uint64_t)at->columns, (uint64_t)at->rows, (uint64_t)at->views},
                          .group = {width, group / width}};
}

static kvox_status run_bridge(kvox_ct_ocl_correct *stage, kvox_ocl_queue *queue, const sample_layout *at,
                              kvox_buffer *lines) {
  const int64_t first = stage->row_pixels[at->first_row];
  const int64_t count = stage->row_pixels[at->first_row + at->rows] - first;
  if (count == 0) {
    return KVOX_OK;
  }
  const kvox_ocl_range range = {.items = {(uint64_t)count, (uint64_t)at->views},
                                .group = {kvox_ocl_kernel_group(stage->bridge, BRIDGE_GROUP)}};
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(stage->pixels), KVOX_OCL_VALUE(first),       KVOX_OCL_VALUE(count), KVOX_OCL_VALUE(at->first_row),
      KVOX_OCL_VALUE(at->rows),       KVOX_OCL_VALUE(at->columns), KVOX_OCL_BUFFER(lines)};
  return kvox_ocl_run(queue, stage->bridge, &range, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_ct_ocl_correct_run(kvox_ct_ocl_correct *stage, kvox_ocl_queue *queue, const kvox_array *samples,
                                    int64_t first_row, kvox_buffer *lines, kvox_buffer *flags, int64_t flag) {
  const int64_t *shape = samples->shape, *strides = samples->strides;
  const sample_layout at = {.begin = (int64_t)(intptr_t)samples->data,
                            .view_stride = strides[0],
                            .row_stride = strides[1],
                            .column_stride = strides[2],
                            .views = shape[0],
                            .rows = shape[1],
                            .columns = shape[2],
                            .first_row = first_row,
                            .type = samples->type};
  if (kvox_array_elements(samples) >= UINT32_MAX) {
    return kvox_fail(KVOX_ERROR_INTERNAL, "correct: %" PRId64 " samples in one piece; their numbers are to fit 32 bits",
                     kvox_array_elements(samples));
  }
  KVOX_TRY(choose_kernel(stage, samples));
  const kvox_ocl_range range = range_of(&at, stage->take);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(samples->buffer),
                                         KVOX_OCL_VALUE(at),
                                         KVOX_OCL_BUFFER(lines),
                                         KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag),
                                         KVOX_OCL_BUFFER(stage->dark),
                                         KVOX_OCL_BUFFER(stage->inverse_gain),
                                         KVOX_OCL_VALUE(stage->least)};
  if (stage->row_pixels == NULL) {
    return kvox_ocl_run(queue, stage->take, &range, arguments, 5);
  }
  KVOX_TRY(kvox_ocl_run(queue, stage->take, &range, arguments, sizeof arguments / sizeof *arguments));
  return run_bridge(stage, queue, &at, lines);
}

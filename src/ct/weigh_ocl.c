#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"

/* Work-items of a group, where the device takes so many. */
enum { GROUP = 256 };

/* As in kernels/weigh.cl. */
typedef struct device_rays {
  float first_column, column, first_row, row;
  int32_t rows_begin, columns, rows, step;
} device_rays;

struct kvox_ct_ocl_weigh {
  kvox_context *context;
  kvox_ocl_kernel *kernel;
  kvox_buffer *weights;
  device_rays rays;
};

/* In a full turn a ray's weight is its fan angle's. */
static int64_t tables(const kvox_ct_fdk *fdk) { return fdk->redundancy.full_turn ? 1 : fdk->geometry->views; }

uint64_t kvox_ct_ocl_weigh_need(const kvox_ct_fdk *fdk) {
  return (uint64_t)kvox_work(tables(fdk), fdk->geometry->columns * (int64_t)sizeof(float));
}

static kvox_status make_table(kvox_ct_ocl_weigh *stage, const kvox_ct_fdk *fdk) {
  const int64_t columns = fdk->geometry->columns, count = tables(fdk);
  float *weights = kvox_allocate(stage->context->heap, kvox_ct_ocl_weigh_need(fdk));
  if (weights == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < count; v++) {
    kvox_ct_fdk_rays(fdk, v, weights + v * columns);
  }
  const kvox_status status = kvox_ocl_buffer_from(stage->context->ocl, "weights of rays", weights,
                                                  kvox_ct_ocl_weigh_need(fdk), &stage->weights);
  kvox_release(stage->context->heap, weights);
  return status;
}

static device_rays rays_of(const kvox_ct_fdk *fdk) {
  const kvox_ct_geometry *g = fdk->geometry;
  const double column = g->column_pitch_mm / g->source_to_detector_mm;
  const double row = g->beam == KVOX_CT_CONE ? g->row_pitch_mm / g->source_to_detector_mm : 0;
  return (device_rays){.first_column = (float)(-g->center_column_px * column),
                       .column = (float)column,
                       .first_row = (float)(-g->center_row_px * row),
                       .row = (float)row,
                       .columns = (int32_t)g->columns,
                       .step = fdk->redundancy.full_turn ? 0 : (int32_t)g->columns};
}

kvox_status kvox_ct_ocl_weigh_create(kvox_context *context, const kvox_ct_fdk *fdk, kvox_ct_ocl_weigh **stage) {
  if (kvox_max_i64(fdk->geometry->columns, fdk->geometry->rows) > INT32_MAX) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED, "OpenCL: a detector of more than 2^31 columns or rows");
  }
  kvox_ct_ocl_weigh *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->rays = rays_of(fdk);
  kvox_status status = make_table(made, fdk);
  if (status == KVOX_OK) {
    status = kvox_ocl_kernel_get(context->ocl, "weigh", "", "weigh", &made->kernel);
  }
  if (status != KVOX_OK) {
    kvox_ct_ocl_weigh_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_weigh_destroy(kvox_ct_ocl_weigh *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->kernel);
    kvox_buffer_destroy(stage->weights);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

kvox_status kvox_ct_ocl_weigh_run(kvox_ct_ocl_weigh *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                  kvox_buffer *lines) {
  device_rays rays = stage->rays;
  rays.rows_begin = (int32_t)cut->row;
  rays.rows = (int32_t)cut->rows;
  const kvox_ocl_range range = {.items = {(uint64_t)rays.columns, (uint64_t)cut->rows, (uint64_t)cut->views},
                                .group = {kvox_ocl_kernel_group(stage->kernel, GROUP)}};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_VALUE(rays), KVOX_OCL_BUFFER(stage->weights),
                                         KVOX_OCL_VALUE(cut->view), KVOX_OCL_BUFFER(lines)};
  return kvox_ocl_run(queue, stage->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

#include <inttypes.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/lines_ocl.h"
#include "ct/ocl.h"

/* Neighbouring columns and views meet neighbouring pixels: a group of both shares what it reads. */
enum { ITEMS_X = 32, ITEMS_Y = 8, OPTION_BYTES = 128 };

struct kvox_ct_ocl_project {
  kvox_context *context;
  kvox_buffer *lines, *image;
  kvox_ocl_kernel *interleave, *project;
  int64_t columns, begin[2], size[2];
  int32_t lanes, items[2];
};

static uint64_t image_bytes(const int64_t size[3], int32_t lanes) {
  return (uint64_t)size[0] * (uint64_t)size[1] * (uint64_t)lanes * sizeof(float);
}

static kvox_status build_kernels(void *stage, uint64_t *largest) {
  kvox_ct_ocl_project *s = stage;
  kvox_ocl *ocl = s->context->ocl;
  char options[OPTION_BYTES];
  snprintf(options, sizeof options, "-D LANES=%" PRId32 " -D ITEMS_X=%" PRId32 " -D ITEMS_Y=%" PRId32, s->lanes,
           s->items[0], s->items[1]);
  kvox_ocl_kernel_destroy(s->interleave);
  kvox_ocl_kernel_destroy(s->project);
  s->interleave = s->project = NULL;
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "project", options, "interleave", &s->interleave));
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "project", options, "project", &s->project));
  const uint64_t a = kvox_ocl_kernel_largest_group(s->project), b = kvox_ocl_kernel_largest_group(s->interleave);
  *largest = a < b ? a : b;
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_project_create(kvox_context *context, const kvox_ct_line *lines, int64_t views, int64_t columns,
                                       const int64_t begin[3], const int64_t size[3], int32_t lanes,
                                       kvox_ct_ocl_project **stage) {
  kvox_ct_ocl_project *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->columns = columns;
  made->lanes = lanes;
  for (int d = 0; d < 2; d++) {
    made->begin[d] = begin[d];
    made->size[d] = size[d];
  }
  kvox_status status = kvox_ct_ocl_lines_create(context, lines, views, columns, begin, size, &made->lines);
  if (status == KVOX_OK) {
    status = kvox_ocl_buffer_create(context->ocl, image_bytes(size, lanes), "interleaved slices", &made->image);
  }
  if (status == KVOX_OK) {
    made->items[0] = ITEMS_X;
    made->items[1] = ITEMS_Y;
    status = kvox_ct_ocl_fit_group(context->ocl, made->items, build_kernels, made);
  }
  if (status != KVOX_OK) {
    kvox_ct_ocl_project_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_project_destroy(kvox_ct_ocl_project *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->interleave);
    kvox_ocl_kernel_destroy(stage->project);
    kvox_buffer_destroy(stage->image);
    kvox_buffer_destroy(stage->lines);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

uint64_t kvox_ct_ocl_project_need(int64_t views, const int64_t size[3], int32_t lanes) {
  return kvox_ct_ocl_lines_need(views) + image_bytes(size, lanes);
}

static kvox_status interleave(const kvox_ct_ocl_project *s, kvox_ocl_queue *queue, const kvox_array *slab,
                              int64_t slice, int64_t slices) {
  const int64_t unit = sizeof(float), begin = ((int64_t)(intptr_t)slab->data + slice * slab->strides[0]) / unit;
  const int64_t stride_k = slab->strides[0] / unit, stride_j = slab->strides[1] / unit;
  const int32_t size[2] = {(int32_t)s->size[0], (int32_t)s->size[1]}, here = (int32_t)slices;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(slab->buffer), KVOX_OCL_VALUE(begin), KVOX_OCL_VALUE(stride_k),
                                         KVOX_OCL_VALUE(stride_j),      KVOX_OCL_VALUE(size),  KVOX_OCL_VALUE(here),
                                         KVOX_OCL_BUFFER(s->image)};
  const kvox_ocl_range range = {.items = {(uint64_t)s->size[0], (uint64_t)s->size[1]},
                                .group = {(uint64_t)s->items[0], (uint64_t)s->items[1]}};
  return kvox_ocl_run(queue, s->interleave, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status project(const kvox_ct_ocl_project *s, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                           int64_t group, kvox_buffer *block) {
  const int32_t begin[2] = {(int32_t)s->begin[0], (int32_t)s->begin[1]};
  const int32_t size[2] = {(int32_t)s->size[0], (int32_t)s->size[1]};
  const int32_t views[4] = {(int32_t)cut->view, (int32_t)cut->views, (int32_t)cut->block_view,
                            (int32_t)cut->block_views};
  const int32_t columns = (int32_t)s->columns, number = (int32_t)group;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->lines), KVOX_OCL_BUFFER(s->image), KVOX_OCL_VALUE(begin),
                                         KVOX_OCL_VALUE(size),      KVOX_OCL_VALUE(columns),   KVOX_OCL_VALUE(views),
                                         KVOX_OCL_VALUE(number),    KVOX_OCL_BUFFER(block)};
  const kvox_ocl_range range = {.items = {(uint64_t)s->columns, (uint64_t)cut->views},
                                .group = {(uint64_t)s->items[0], (uint64_t)s->items[1]}};
  return kvox_ocl_run(queue, s->project, &range, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_ct_ocl_project_run(kvox_ct_ocl_project *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                    const kvox_array *slab, kvox_buffer *block) {
  for (int64_t group = 0; group < kvox_ct_ocl_groups(cut); group++) {
    const int64_t slice = group * cut->lanes;
    KVOX_TRY(interleave(stage, queue, slab, slice, kvox_min_i64(cut->lanes, cut->slices - slice)));
    KVOX_TRY(project(stage, queue, cut, group, block));
  }
  return KVOX_OK;
}

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/fixed.h"
#include "ct/lines_ocl.h"
#include "ct/ocl.h"

/*
 * How kernels/backproject.cl is built for a device. A group of 32 x 8 work-items, 4 pixels each, takes a whole tile:
 * per view it stages some 48 samples for its 1024 pixels. Devices of smaller groups take a part of a tile.
 */
enum { ITEMS_X = 32, ITEMS_Y = 8, PIXELS = 4, MOST_VIEWS = 16, LEAST_VIEWS = 4, OPTION_BYTES = 128 };
_Static_assert(ITEMS_X == KVOX_TILE && ITEMS_Y * PIXELS == KVOX_TILE, "a group takes a tile");

typedef struct build {
  int32_t items[2], views;
  int32_t segment; /* samples a view that are staged; 0: none */
} build;

struct kvox_ct_ocl_backproject {
  kvox_context *context;
  kvox_buffer *lines;
  kvox_ocl_kernel *kernel;
  build build;
  int64_t views, columns, begin[2], size[2];
  int32_t lanes;
  const kvox_ct_line *host_lines; /* while it is made */
};

/* One group's local memory leaves room for another's. */
static void choose_staging(const kvox_device_info *info, const kvox_ct_ocl_backproject *s, build *b) {
  const kvox_ct_line *lines = s->host_lines;
  double columns = 0;
  for (int64_t v = 0; v < s->views; v++) {
    columns = fmax(columns, fabs(lines[v].a) * (b->items[0] - 1) + fabs(lines[v].b) * (b->items[1] * PIXELS - 1));
  }
  /* The whole columns below the least and above the greatest s, and one for rounding. */
  const double segment = ceil(columns) + 3, view_bytes = segment * s->lanes * (double)sizeof(float);
  b->views = MOST_VIEWS;
  while (b->views > LEAST_VIEWS && b->views * view_bytes > (double)info->local_memory_bytes / 2) {
    b->views /= 2;
  }
  b->segment = b->views * view_bytes > (double)info->local_memory_bytes / 2 ? 0 : (int32_t)segment;
  b->views = b->segment > 0 ? b->views : MOST_VIEWS;
}

static kvox_status build_kernel(void *stage, uint64_t *largest) {
  kvox_ct_ocl_backproject *s = stage;
  build *b = &s->build;
  char options[OPTION_BYTES];
  choose_staging(kvox_ocl_info(s->context->ocl), s, b);
  snprintf(options, sizeof options,
           "-D LANES=%" PRId32 " -D ITEMS_X=%" PRId32 " -D ITEMS_Y=%" PRId32 " -D PIXELS=%d -D VIEWS=%" PRId32
           " -D STAGED=%d",
           s->lanes, b->items[0], b->items[1], PIXELS, b->views, b->segment > 0);
  kvox_ocl_kernel_destroy(s->kernel);
  s->kernel = NULL;
  KVOX_TRY(kvox_ocl_kernel_get(s->context->ocl, "backproject", options, "backproject", &s->kernel));
  *largest = kvox_ocl_kernel_largest_group(s->kernel);
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_backproject_create(kvox_context *context, const kvox_ct_line *lines, int64_t views,
                                           int64_t columns, const int64_t begin[3], const int64_t size[3],
                                           int32_t lanes, kvox_ct_ocl_backproject **stage) {
  kvox_ct_ocl_backproject *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->views = views;
  made->columns = columns;
  made->lanes = lanes;
  for (int d = 0; d < 2; d++) {
    made->begin[d] = begin[d];
    made->size[d] = size[d];
  }
  kvox_status status = kvox_ct_ocl_lines_create(context, lines, views, columns, begin, size, &made->lines);
  if (status == KVOX_OK) {
    made->host_lines = lines;
    made->build = (build){.items = {ITEMS_X, ITEMS_Y}};
    status = kvox_ct_ocl_fit_group(context->ocl, made->build.items, build_kernel, made);
    made->host_lines = NULL;
  }
  if (status != KVOX_OK) {
    kvox_ct_ocl_backproject_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_backproject_destroy(kvox_ct_ocl_backproject *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->kernel);
    kvox_buffer_destroy(stage->lines);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

uint64_t kvox_ct_ocl_backproject_need(int64_t views) { return kvox_ct_ocl_lines_need(views); }

/* Parts of `step` pixels, aligned to the whole grid, that the region touches. */
static int64_t parts(int64_t begin, int64_t size, int64_t step) {
  return kvox_divide_up(begin + size, step) - begin / step;
}

kvox_status kvox_ct_ocl_backproject_run(kvox_ct_ocl_backproject *stage, kvox_ocl_queue *queue,
                                        const kvox_ct_ocl_cut *cut, kvox_buffer *block, const kvox_array *slab,
                                        float scale, float offset) {
  const kvox_ct_ocl_backproject *s = stage;
  const build *b = &s->build;
  const int32_t columns = (int32_t)s->columns, slices = (int32_t)cut->slices, segment = b->segment;
  const int32_t views[4] = {(int32_t)cut->view, (int32_t)cut->views, (int32_t)cut->block_view,
                            (int32_t)cut->block_views};
  const int32_t region[4] = {(int32_t)s->begin[0], (int32_t)s->begin[1], (int32_t)s->size[0], (int32_t)s->size[1]};
  const int64_t unit = sizeof(float), begin = (int64_t)(intptr_t)slab->data / unit;
  const int64_t stride_k = slab->strides[0] / unit, stride_j = slab->strides[1] / unit;
  const int32_t first = cut->view == 0, last = cut->view + cut->views == s->views;
  const uint64_t staged = (uint64_t)(kvox_max_i64((int64_t)segment * b->views, 1) * s->lanes * unit);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(s->lines),     KVOX_OCL_BUFFER(block), KVOX_OCL_VALUE(columns),  KVOX_OCL_VALUE(views),
      KVOX_OCL_BUFFER(slab->buffer), KVOX_OCL_VALUE(begin),  KVOX_OCL_VALUE(stride_k), KVOX_OCL_VALUE(stride_j),
      KVOX_OCL_VALUE(region),        KVOX_OCL_VALUE(slices), KVOX_OCL_VALUE(scale),    KVOX_OCL_VALUE(offset),
      KVOX_OCL_VALUE(first),         KVOX_OCL_VALUE(last),   KVOX_OCL_VALUE(segment),  KVOX_OCL_LOCAL(staged)};
  const kvox_ocl_range range = {
      .items = {(uint64_t)(parts(s->begin[0], s->size[0], b->items[0]) * b->items[0]),
                (uint64_t)(parts(s->begin[1], s->size[1], b->items[1] * PIXELS) * b->items[1]),
                (uint64_t)kvox_ct_ocl_groups(cut)},
      .group = {(uint64_t)b->items[0], (uint64_t)b->items[1], 1}};
  return kvox_ocl_run(queue, s->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* Back-projection of views of any kind: as cone_ocl.c, with a coordinate of every voxel's own. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"

/* How kernels/cone.cl is built for a device, as in cone_ocl.c. */
enum { TILE = 32, ITEMS_X = 32, OPTION_BYTES = 128 };
enum { CPU_ITEMS_Y = 32, CPU_VIEWS = 8, CPU_BLOCKS = 8 };
enum { GPU_ITEMS_Y = 8, GPU_VIEWS = 16 };
_Static_assert(KVOX_OBLIQUE_BLOCK == KVOX_CONE_BLOCK, "the program has one BLOCK");

/* Bits behind the point of depths, and of columns and rows at depth 1. */
enum { DEPTH_BITS = 50, AXIS_BITS = 36 };

/* What the kernel's whole numbers hold: depths, columns and rows at depth 1, and where they are met. */
static const double least_depth = 0x1p-10, most_depth = 0x1p12, most_at_axis = 0x1p26, most_place = 0x1p28;

/* As in kernels/cone.cl. */
typedef struct device_matrix {
  int64_t column[4], row[4], depth[4];
} device_matrix;

struct kvox_ct_ocl_oblique {
  kvox_context *context;
  kvox_buffer *views;
  kvox_ocl_kernel *kernel;
  int64_t count, columns, begin[3], size[2];
  int32_t lanes, blocks, items[2], middle[2]; /* middle: a column and a row that views are counted from */
  bool turned;
};

/* The view with columns and rows counted from the middle. */
static kvox_oblique_view centered(const kvox_oblique_view *view, const int32_t middle[2]) {
  kvox_oblique_view v = *view;
  for (int c = 0; c < 4; c++) {
    v.column[c] -= middle[0] * v.depth[c];
    v.row[c] -= middle[1] * v.depth[c];
  }
  return v;
}

static double meet(const double m[4], const double at[3]) { return m[0] * at[0] + m[1] * at[1] + m[2] * at[2] + m[3]; }

static bool within(const kvox_oblique_view *v, const double at[3]) {
  const double depth = meet(v->depth, at), most = fmin(most_at_axis, most_place * depth);
  return depth >= least_depth && depth <= most_depth && fabs(meet(v->column, at)) <= most &&
         fabs(meet(v->row, at)) <= most;
}

/* In the box of the region's voxels, the middles of the tiles that it touches, and its whole blocks. */
static bool fits(const kvox_oblique_view *v, const int64_t begin[3], const int64_t size[3]) {
  for (int corner = 0; corner < 8; corner++) {
    double at[3];
    for (int d = 0; d < 3; d++) {
      const bool high = (corner >> d & 1) != 0;
      const int64_t part = d < 2 ? TILE : KVOX_OBLIQUE_BLOCK, voxel = begin[d] + (high ? size[d] - 1 : 0);
      const int64_t aligned = voxel / part * part + (d < 2 ? TILE / 2 : high ? part - 1 : 0);
      at[d] = (double)(high ? kvox_max_i64(voxel, aligned) : kvox_min_i64(voxel, aligned));
    }
    if (!within(v, at)) {
      return false;
    }
  }
  for (int c = 0; c < 4; c++) {
    if (!(fabs(v->depth[c]) <= most_depth && fabs(v->column[c]) <= most_at_axis && fabs(v->row[c]) <= most_at_axis)) {
      return false;
    }
  }
  return true;
}

static int64_t fixed(double value, int bits) { return llround(ldexp(value, bits)); }

static device_matrix device_matrix_of(const kvox_oblique_view *v) {
  device_matrix m;
  for (int c = 0; c < 4; c++) {
    m.column[c] = fixed(v->column[c], AXIS_BITS);
    m.row[c] = fixed(v->row[c], AXIS_BITS);
    m.depth[c] = fixed(v->depth[c], DEPTH_BITS);
  }
  return m;
}

uint64_t kvox_ct_ocl_oblique_need(int64_t views) { return (uint64_t)views * sizeof(device_matrix); }

static kvox_status make_views(kvox_ct_ocl_oblique *s, const kvox_oblique_view *views, const int64_t size[3]) {
  kvox_heap *heap = s->context->heap;
  device_matrix *table = kvox_allocate_array(heap, s->count, sizeof *table);
  kvox_status status = table != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  for (int64_t v = 0; status == KVOX_OK && v < s->count; v++) {
    const kvox_oblique_view view = centered(&views[v], s->middle);
    if (fits(&view, s->begin, size)) {
      table[v] = device_matrix_of(&view);
    } else {
      status = kvox_fail(KVOX_ERROR_UNSUPPORTED,
                         "OpenCL: the grid comes too near to the source or lies too far beside the detector in view "
                         "%" PRId64 "; devices count in whole numbers",
                         v);
    }
  }
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_table(s->context->ocl, "views", table, kvox_ct_ocl_oblique_need(s->count), &s->views);
  }
  kvox_release(heap, table);
  return status;
}

static kvox_status build_kernel(void *stage, uint64_t *largest) {
  kvox_ct_ocl_oblique *s = stage;
  char options[OPTION_BYTES];
  snprintf(options, sizeof options,
           "-D LANES=%" PRId32 " -D BLOCKS=%" PRId32 " -D ITEMS_X=%" PRId32 " -D ITEMS_Y=%" PRId32
           " -D VIEWS=%d -D TURNED=%d",
           s->lanes, s->blocks, s->items[0], s->items[1], s->turned ? CPU_VIEWS : GPU_VIEWS, s->turned);
  kvox_ocl_kernel_destroy(s->kernel);
  s->kernel = NULL;
  KVOX_TRY(kvox_ocl_kernel_get(s->context->ocl, "cone", options, "oblique", &s->kernel));
  *largest = kvox_ocl_kernel_largest_group(s->kernel);
  return KVOX_OK;
}

static kvox_status check_counts(int64_t views, const int64_t begin[3], const int64_t size[3]) {
  int64_t most = views;
  for (int d = 0; d < 3; d++) {
    most = kvox_max_i64(most, begin[d] + size[d]);
  }
  if (most > (int64_t)most_place) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "OpenCL: %" PRId64 " views, or voxels along an axis; a device takes at most 2^28", most);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_oblique_create(kvox_context *context, const kvox_oblique_view *views, int64_t count,
                                       int64_t columns, int64_t rows, const int64_t begin[3], const int64_t size[3],
                                       int32_t lanes, bool turned, kvox_ct_ocl_oblique **stage) {
  KVOX_TRY(check_counts(count, begin, size));
  kvox_ct_ocl_oblique *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->count = count;
  made->columns = columns;
  made->middle[0] = (int32_t)(columns / 2);
  made->middle[1] = (int32_t)(rows / 2);
  made->lanes = lanes;
  made->turned = turned;
  made->blocks = turned && lanes == KVOX_OBLIQUE_BLOCK ? CPU_BLOCKS : 1;
  for (int d = 0; d < 3; d++) {
    made->begin[d] = begin[d];
  }
  made->size[0] = size[0];
  made->size[1] = size[1];
  kvox_status status = make_views(made, views, size);
  if (status == KVOX_OK) {
    made->items[0] = ITEMS_X;
    made->items[1] = turned ? CPU_ITEMS_Y : GPU_ITEMS_Y;
    status = kvox_ct_ocl_fit_group(context->ocl, made->items, build_kernel, made);
  }
  if (status != KVOX_OK) {
    kvox_ct_ocl_oblique_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_oblique_destroy(kvox_ct_ocl_oblique *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->kernel);
    kvox_buffer_destroy(stage->views);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

/* Parts of `step` voxels, aligned to the whole grid, that begin ... begin + size - 1 touch. */
static uint64_t parts(int64_t begin, int64_t size, int64_t step) {
  return (uint64_t)(kvox_divide_up(begin + size, step) - begin / step);
}

kvox_status kvox_ct_ocl_oblique_run(kvox_ct_ocl_oblique *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                    const kvox_ct_ocl_block *block, int64_t row, int64_t rows, const kvox_array *slab,
                                    float scale, float offset) {
  const kvox_ct_ocl_oblique *s = stage;
  const int32_t stored[5] = {(int32_t)s->columns, (int32_t)row, (int32_t)rows, (int32_t)block->row_step,
                             (int32_t)block->column_step};
  const int32_t views[4] = {(int32_t)cut->view, (int32_t)cut->views, (int32_t)cut->block_view};
  const int32_t corner[4] = {(int32_t)s->begin[0], (int32_t)s->begin[1], (int32_t)(s->begin[2] + cut->slice)};
  const int32_t size[4] = {(int32_t)s->size[0], (int32_t)s->size[1], (int32_t)cut->slices};
  const int64_t unit = sizeof(float), begin = (int64_t)(intptr_t)slab->data / unit;
  const int64_t stride_k = slab->strides[0] / unit, stride_j = slab->strides[1] / unit;
  const int32_t first = cut->view == 0, last = cut->view + cut->views == s->count;
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(s->views),     KVOX_OCL_BUFFER(block->buffer), KVOX_OCL_VALUE(block->view_step),
      KVOX_OCL_VALUE(stored),        KVOX_OCL_VALUE(views),          KVOX_OCL_VALUE(s->middle),
      KVOX_OCL_BUFFER(slab->buffer), KVOX_OCL_VALUE(begin),          KVOX_OCL_VALUE(stride_k),
      KVOX_OCL_VALUE(stride_j),      KVOX_OCL_VALUE(corner),         KVOX_OCL_VALUE(size),
      KVOX_OCL_VALUE(scale),         KVOX_OCL_VALUE(offset),         KVOX_OCL_VALUE(first),
      KVOX_OCL_VALUE(last)};
  const kvox_ocl_range range = {.items = {parts(corner[0], size[0], s->items[0]) * (uint64_t)s->items[0],
                                          parts(corner[1], size[1], s->items[1]) * (uint64_t)s->items[1],
                                          parts(corner[2], size[2], s->lanes * s->blocks)},
                                .group = {(uint64_t)s->items[0], (uint64_t)s->items[1], 1}};
  return kvox_ocl_run(queue, s->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

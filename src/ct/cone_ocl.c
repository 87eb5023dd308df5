#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/ocl.h"

/*
 * How kernels/cone.cl is built for a device: tiles are its TILE; places are worked out for so many views at once. On
 * CPUs (PoCL, AVX-512) a whole tile of pixels and eight blocks take 1.6 ns a voxel and view where 32 x 8 pixels and one
 * block take 2.4: samples of fewer views stay in the nearer caches for more voxels.
 */
enum { TILE = 32, ITEMS_X = 32, OPTION_BYTES = 128 };
enum { CPU_ITEMS_Y = 32, CPU_VIEWS = 8, CPU_BLOCKS = 8 };
enum { GPU_ITEMS_Y = 8, GPU_VIEWS = 16 };

/* Bits behind the point of depths, of columns and rows at depth 1, and of places. */
enum { DEPTH_BITS = 50, AXIS_BITS = 36, PLACE_BITS = 32 };

/* What the kernel's whole numbers hold: depths, columns and rows at depth 1, and where they are met. */
static const double least_depth = 0x1p-10, most_depth = 0x1p12, most_at_axis = 0x1p26, most_place = 0x1p28;

/* As in kernels/cone.cl. */
typedef struct device_view {
  int64_t da, db, dc, ua, ub, uc, va, vb, vc;
} device_view;

typedef struct device_stored {
  int32_t columns, row, rows, row_step, column_step;
} device_stored;

struct kvox_ct_ocl_cone {
  kvox_context *context;
  kvox_buffer *views;
  kvox_ocl_kernel *kernel;
  int64_t count, columns, begin[3], size[2];
  int32_t lanes, blocks, items[2], middle;
  bool fan, turned;
};

/* What views say about voxel (x, y, k). */
static bool within(const kvox_cone_view *v, double middle, bool fan, double x, double y, double k) {
  const double depth = v->da * x + v->db * y + v->dc;
  const double u = v->ua * x + v->ub * y + v->uc - middle * depth, w = v->va * k + v->vb, spread = fan ? 1 : depth;
  return depth >= least_depth && depth <= most_depth && fabs(u) <= most_at_axis && fabs(w) <= most_at_axis &&
         fabs(u) <= most_place * depth && fabs(w) + fabs(v->vc) * spread <= most_place * spread;
}

/* At the middles of tiles and the begins of blocks that the region touches. */
static bool fits(const kvox_cone_view *view, double middle, bool fan, const int64_t begin[3], const int64_t size[3]) {
  for (int corner = 0; corner < 8; corner++) {
    double at[3];
    for (int d = 0; d < 3; d++) {
      const int64_t part = d < 2 ? TILE : KVOX_CONE_BLOCK, half = d < 2 ? TILE / 2 : 0;
      const int64_t voxel = begin[d] + (corner >> d & 1 ? size[d] - 1 : 0);
      at[d] = (double)(voxel / part * part + half);
    }
    if (!within(view, middle, fan, at[0], at[1], at[2])) {
      return false;
    }
  }
  return fabs(view->da) <= most_depth && fabs(view->db) <= most_depth && fabs(view->va) <= most_at_axis &&
         fabs(view->ua - middle * view->da) <= most_at_axis && fabs(view->ub - middle * view->db) <= most_at_axis;
}

static int64_t fixed(double value, int bits) { return llround(ldexp(value, bits)); }

static device_view device_view_of(const kvox_cone_view *v, double middle) {
  return (device_view){.da = fixed(v->da, DEPTH_BITS),
                       .db = fixed(v->db, DEPTH_BITS),
                       .dc = fixed(v->dc, DEPTH_BITS),
                       .ua = fixed(v->ua - middle * v->da, AXIS_BITS),
                       .ub = fixed(v->ub - middle * v->db, AXIS_BITS),
                       .uc = fixed(v->uc - middle * v->dc, AXIS_BITS),
                       .va = fixed(v->va, AXIS_BITS),
                       .vb = fixed(v->vb, AXIS_BITS),
                       .vc = fixed(v->vc, PLACE_BITS)};
}

uint64_t kvox_ct_ocl_cone_need(int64_t views) { return (uint64_t)views * sizeof(device_view); }

static kvox_status make_views(kvox_ct_ocl_cone *s, const kvox_cone_view *views, const int64_t size[3]) {
  kvox_heap *heap = s->context->heap;
  device_view *table = kvox_allocate_array(heap, s->count, sizeof *table);
  kvox_status status = table != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  for (int64_t v = 0; status == KVOX_OK && v < s->count; v++) {
    if (fits(&views[v], s->middle, s->fan, s->begin, size)) {
      table[v] = device_view_of(&views[v], s->middle);
    } else {
      status = kvox_fail(KVOX_ERROR_UNSUPPORTED,
                         "OpenCL: the grid comes too near to the source or lies too far beside the detector in view "
                         "%" PRId64 "; devices count in whole numbers",
                         v);
    }
  }
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_table(s->context->ocl, "views", table, kvox_ct_ocl_cone_need(s->count), &s->views);
  }
  kvox_release(heap, table);
  return status;
}

static kvox_status build_kernel(void *stage, uint64_t *largest) {
  kvox_ct_ocl_cone *s = stage;
  char options[OPTION_BYTES];
  snprintf(options, sizeof options,
           "-D LANES=%" PRId32 " -D BLOCKS=%" PRId32 " -D ITEMS_X=%" PRId32 " -D ITEMS_Y=%" PRId32
           " -D VIEWS=%d -D TURNED=%d",
           s->lanes, s->blocks, s->items[0], s->items[1], s->turned ? CPU_VIEWS : GPU_VIEWS, s->turned);
  kvox_ocl_kernel_destroy(s->kernel);
  s->kernel = NULL;
  KVOX_TRY(kvox_ocl_kernel_get(s->context->ocl, "cone", options, "cone", &s->kernel));
  *largest = kvox_ocl_kernel_largest_group(s->kernel);
  return KVOX_OK;
}

static kvox_status check_counts(int64_t views, int64_t columns, const int64_t begin[3], const int64_t size[3]) {
  int64_t most = kvox_max_i64(views, columns);
  for (int d = 0; d < 3; d++) {
    most = kvox_max_i64(most, begin[d] + size[d]);
  }
  if (most > (int64_t)most_place) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "OpenCL: %" PRId64 " views, columns or voxels along an axis; a device takes at most 2^28", most);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_cone_create(kvox_context *context, const kvox_cone_view *views, int64_t count, int64_t columns,
                                    bool fan, const int64_t begin[3], const int64_t size[3], int32_t lanes, bool turned,
                                    kvox_ct_ocl_cone **stage) {
  KVOX_TRY(check_counts(count, columns, begin, size));
  kvox_ct_ocl_cone *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->count = count;
  made->columns = columns;
  made->middle = (int32_t)(columns / 2);
  made->lanes = lanes;
  made->fan = fan;
  made->turned = turned;
  made->blocks = turned && lanes == KVOX_CONE_BLOCK ? CPU_BLOCKS : 1;
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
    kvox_ct_ocl_cone_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_cone_destroy(kvox_ct_ocl_cone *stage) {
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

kvox_status kvox_ct_ocl_cone_run(kvox_ct_ocl_cone *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_cut *cut,
                                 const kvox_ct_ocl_block *block, int64_t row, int64_t rows, const kvox_array *slab,
                                 float scale, float offset) {
  const kvox_ct_ocl_cone *s = stage;
  const device_stored stored = {(int32_t)s->columns, (int32_t)row, (int32_t)rows, (int32_t)block->row_step,
                                (int32_t)block->column_step};
  const int32_t views[4] = {(int32_t)cut->view, (int32_t)cut->views, (int32_t)cut->block_view};
  const int32_t corner[4] = {(int32_t)s->begin[0], (int32_t)s->begin[1], (int32_t)(s->begin[2] + cut->slice)};
  const int32_t size[4] = {(int32_t)s->size[0], (int32_t)s->size[1], (int32_t)cut->slices};
  const int64_t unit = sizeof(float), begin = (int64_t)(intptr_t)slab->data / unit;
  const int64_t stride_k = slab->strides[0] / unit, stride_j = slab->strides[1] / unit;
  const int32_t fan = s->fan, first = cut->view == 0, last = cut->view + cut->views == s->count;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->views),
                                         KVOX_OCL_BUFFER(block->buffer),
                                         KVOX_OCL_VALUE(block->view_step),
                                         KVOX_OCL_VALUE(stored),
                                         KVOX_OCL_VALUE(views),
                                         KVOX_OCL_VALUE(s->middle),
                                         KVOX_OCL_VALUE(fan),
                                         KVOX_OCL_BUFFER(slab->buffer),
                                         KVOX_OCL_VALUE(begin),
                                         KVOX_OCL_VALUE(stride_k),
                                         KVOX_OCL_VALUE(stride_j),
                                         KVOX_OCL_VALUE(corner),
                                         KVOX_OCL_VALUE(size),
                                         KVOX_OCL_VALUE(scale),
                                         KVOX_OCL_VALUE(offset),
                                         KVOX_OCL_VALUE(first),
                                         KVOX_OCL_VALUE(last)};
  const kvox_ocl_range range = {.items = {parts(corner[0], size[0], s->items[0]) * (uint64_t)s->items[0],
                                          parts(corner[1], size[1], s->items[1]) * (uint64_t)s->items[1],
                                          parts(corner[2], size[2], s->lanes * s->blocks)},
                                .group = {(uint64_t)s->items[0], (uint64_t)s->items[1], 1}};
  return kvox_ocl_run(queue, s->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

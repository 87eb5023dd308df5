#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/cone_ocl.h"

/*
 * How kernels/cone.cl is built for a device: tiles are its TILE; places are worked out for so many views at once. On
 * CPUs (PoCL, AVX-512) a whole tile of pixels and eight blocks take 1.6 ns a voxel and view where 32 x 8 pixels and one
 * block take 2.4: samples of fewer views stay in the nearer caches for more voxels.
 */
enum { ITEMS_X = 32, OPTION_BYTES = 128 };
enum { CPU_ITEMS_Y = 32, CPU_VIEWS = 8, CPU_BLOCKS = 8 };
enum { GPU_ITEMS_Y = 8, GPU_VIEWS = 16 };

/* Bits behind the point of places. */
enum { PLACE_BITS = 32 };

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
  const char *name;
  int64_t count, columns, begin[3], size[2];
  int32_t lanes, blocks, items[2], counted[4];
  bool turned;
};

/* What views say about voxel (x, y, k). */
static bool within(const kvox_cone_view *v, double middle, bool fan, double x, double y, double k) {
  const double depth = v->da * x + v->db * y + v->dc;
  const double u = v->ua * x + v->ub * y + v->uc - middle * depth, w = v->va * k + v->vb, spread = fan ? 1 : depth;
  return depth >= KVOX_CT_OCL_LEAST_DEPTH && depth <= KVOX_CT_OCL_MOST_DEPTH && fabs(u) <= KVOX_CT_OCL_MOST_AT_AXIS &&
         fabs(w) <= KVOX_CT_OCL_MOST_AT_AXIS && fabs(u) <= KVOX_CT_OCL_MOST_PLACE * depth &&
         fabs(w) + fabs(v->vc) * spread <= KVOX_CT_OCL_MOST_PLACE * spread;
}

/* At the middles of tiles and the begins of blocks that the region touches. */
static bool fits(const kvox_cone_view *view, double middle, bool fan, const int64_t begin[3], const int64_t size[3]) {
  for (int corner = 0; corner < 8; corner++) {
    double at[3];
    for (int d = 0; d < 3; d++) {
      const int64_t part = d < 2 ? KVOX_CT_OCL_TILE : KVOX_CONE_BLOCK, half = d < 2 ? KVOX_CT_OCL_TILE / 2 : 0;
      const int64_t voxel = begin[d] + (corner >> d & 1 ? size[d] - 1 : 0);
      at[d] = (double)(voxel / part * part + half);
    }
    if (!within(view, middle, fan, at[0], at[1], at[2])) {
      return false;
    }
  }
  return fabs(view->da) <= KVOX_CT_OCL_MOST_DEPTH && fabs(view->db) <= KVOX_CT_OCL_MOST_DEPTH &&
         fabs(view->va) <= KVOX_CT_OCL_MOST_AT_AXIS && fabs(view->ua - middle * view->da) <= KVOX_CT_OCL_MOST_AT_AXIS &&
         fabs(view->ub - middle * view->db) <= KVOX_CT_OCL_MOST_AT_AXIS;
}

static device_view device_view_of(const kvox_cone_view *v, double middle) {
  return (device_view){.da = kvox_ct_ocl_fixed(v->da, KVOX_CT_OCL_DEPTH_BITS),
                       .db = kvox_ct_ocl_fixed(v->db, KVOX_CT_OCL_DEPTH_BITS),
                       .dc = kvox_ct_ocl_fixed(v->dc, KVOX_CT_OCL_DEPTH_BITS),
                       .ua = kvox_ct_ocl_fixed(v->ua - middle * v->da, KVOX_CT_OCL_AXIS_BITS),
                       .ub = kvox_ct_ocl_fixed(v->ub - middle * v->db, KVOX_CT_OCL_AXIS_BITS),
                       .uc = kvox_ct_ocl_fixed(v->uc - middle * v->dc, KVOX_CT_OCL_AXIS_BITS),
                       .va = kvox_ct_ocl_fixed(v->va, KVOX_CT_OCL_AXIS_BITS),
                       .vb = kvox_ct_ocl_fixed(v->vb, KVOX_CT_OCL_AXIS_BITS),
                       .vc = kvox_ct_ocl_fixed(v->vc, PLACE_BITS)};
}

uint64_t kvox_ct_ocl_cone_need(int64_t views) { return (uint64_t)views * sizeof(device_view); }

kvox_status kvox_ct_ocl_cone_create(kvox_context *context, const kvox_cone_view *views, int64_t count, int64_t columns,
                                    bool fan, const int64_t begin[3], const int64_t size[3], int32_t lanes, bool turned,
                                    kvox_ct_ocl_cone **stage) {
  KVOX_TRY(kvox_ct_ocl_cone_check(count, columns, begin, size));
  const kvox_ct_ocl_cone_setup setup = {.kernel = "cone",
                                        .views = count,
                                        .columns = columns,
                                        .counted = {(int32_t)(columns / 2), 0, fan},
                                        .begin = begin,
                                        .size = size,
                                        .lanes = lanes,
                                        .turned = turned};
  device_view *table = kvox_allocate_array(context->heap, count, sizeof *table);
  kvox_status status = table != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  for (int64_t v = 0; status == KVOX_OK && v < count; v++) {
    if (fits(&views[v], setup.counted[0], fan, begin, size)) {
      table[v] = device_view_of(&views[v], setup.counted[0]);
    } else {
      status = kvox_ct_ocl_cone_beyond(v);
    }
  }
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_cone_make(context, &setup, table, kvox_ct_ocl_cone_need(count), stage);
  }
  kvox_release(context->heap, table);
  return status;
}

/* ---- Of either kernel ---- */

int64_t kvox_ct_ocl_fixed(double value, int bits) { return llround(ldexp(value, bits)); }

kvox_status kvox_ct_ocl_cone_beyond(int64_t view) {
  return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                   "OpenCL: the grid comes too near to the source or lies too far beside the detector in view %" PRId64
                   "; devices count in whole numbers",
                   view);
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
  KVOX_TRY(kvox_ocl_kernel_get(s->context->ocl, "cone", options, s->name, &s->kernel));
  *largest = kvox_ocl_kernel_largest_group(s->kernel);
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_cone_check(int64_t views, int64_t columns, const int64_t begin[3], const int64_t size[3]) {
  int64_t most = kvox_max_i64(views, columns);
  for (int d = 0; d < 3; d++) {
    most = kvox_max_i64(most, begin[d] + size[d]);
  }
  if (most > (int64_t)KVOX_CT_OCL_MOST_PLACE) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "OpenCL: %" PRId64 " views, columns or voxels along an axis; a device takes at most 2^28", most);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_cone_make(kvox_context *context, const kvox_ct_ocl_cone_setup *setup, const void *table,
                                  uint64_t bytes, kvox_ct_ocl_cone **stage) {
  kvox_ct_ocl_cone *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->name = setup->kernel;
  made->count = setup->views;
  made->columns = setup->columns;
  memcpy(made->counted, setup->counted, sizeof made->counted);
  made->lanes = setup->lanes;
  made->turned = setup->turned;
  made->blocks = setup->turned && setup->lanes == KVOX_CONE_BLOCK ? CPU_BLOCKS : 1;
  memcpy(made->begin, setup->begin, sizeof made->begin);
  memcpy(made->size, setup->size, sizeof made->size);
  made->items[0] = ITEMS_X;
  made->items[1] = setup->turned ? CPU_ITEMS_Y : GPU_ITEMS_Y;
  kvox_status status = kvox_ocl_buffer_from(context->ocl, "views", table, bytes, &made->views);
  if (status == KVOX_OK) {
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
  const int32_t first = cut->view == 0, last = cut->view + cut->views == s->count;
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(s->views),     KVOX_OCL_BUFFER(block->buffer), KVOX_OCL_VALUE(block->view_step),
      KVOX_OCL_VALUE(stored),        KVOX_OCL_VALUE(views),          KVOX_OCL_VALUE(s->counted),
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

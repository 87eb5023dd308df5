/* Back-projection of views of any kind: as cone_ocl.c, with a coordinate of every voxel's own. */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/cone_ocl.h"

_Static_assert(KVOX_OBLIQUE_BLOCK == KVOX_CONE_BLOCK, "the program has one BLOCK");

/* As in kernels/cone.cl. */
typedef struct device_matrix {
  int64_t column[4], row[4], depth[4];
} device_matrix;

/* The view with columns and rows counted from the middle. */
static kvox_oblique_view centered(const kvox_oblique_view *view, const int32_t middle[4]) {
  kvox_oblique_view v = *view;
  for (int c = 0; c < 4; c++) {
    v.column[c] -= middle[0] * v.depth[c];
    v.row[c] -= middle[1] * v.depth[c];
  }
  return v;
}

static double meet(const double m[4], const double at[3]) { return m[0] * at[0] + m[1] * at[1] + m[2] * at[2] + m[3]; }

static bool within(const kvox_oblique_view *v, const double at[3]) {
  const double depth = meet(v->depth, at), most = fmin(KVOX_CT_OCL_MOST_AT_AXIS, KVOX_CT_OCL_MOST_PLACE * depth);
  return depth >= KVOX_CT_OCL_LEAST_DEPTH && depth <= KVOX_CT_OCL_MOST_DEPTH && fabs(meet(v->column, at)) <= most &&
         fabs(meet(v->row, at)) <= most;
}

/* In the box of the region's voxels, the middles of the tiles that it touches, and its whole blocks. */
static bool fits(const kvox_oblique_view *v, const int64_t begin[3], const int64_t size[3]) {
  for (int corner = 0; corner < 8; corner++) {
    double at[3];
    for (int d = 0; d < 3; d++) {
      const bool high = (corner >> d & 1) != 0;
      const int64_t part = d < 2 ? KVOX_CT_OCL_TILE : KVOX_OBLIQUE_BLOCK, voxel = begin[d] + (high ? size[d] - 1 : 0);
      const int64_t aligned = voxel / part * part + (d < 2 ? KVOX_CT_OCL_TILE / 2 : high ? part - 1 : 0);
      at[d] = (double)(high ? kvox_max_i64(voxel, aligned) : kvox_min_i64(voxel, aligned));
    }
    if (!within(v, at)) {
      return false;
    }
  }
  for (int c = 0; c < 4; c++) {
    if (!(fabs(v->depth[c]) <= KVOX_CT_OCL_MOST_DEPTH && fabs(v->column[c]) <= KVOX_CT_OCL_MOST_AT_AXIS &&
          fabs(v->row[c]) <= KVOX_CT_OCL_MOST_AT_AXIS)) {
      return false;
    }
  }
  return true;
}

static device_matrix device_matrix_of(const kvox_oblique_view *v) {
  device_matrix m;
  for (int c = 0; c < 4; c++) {
    m.column[c] = kvox_ct_ocl_fixed(v->column[c], KVOX_CT_OCL_AXIS_BITS);
    m.row[c] = kvox_ct_ocl_fixed(v->row[c], KVOX_CT_OCL_AXIS_BITS);
    m.depth[c] = kvox_ct_ocl_fixed(v->depth[c], KVOX_CT_OCL_DEPTH_BITS);
  }
  return m;
}

uint64_t kvox_ct_ocl_oblique_need(int64_t views) { return (uint64_t)views * sizeof(device_matrix); }

kvox_status kvox_ct_ocl_oblique_create(kvox_context *context, const kvox_oblique_view *views, int64_t count,
                                       int64_t columns, int64_t rows, const int64_t begin[3], const int64_t size[3],
                                       int32_t lanes, bool turned, kvox_ct_ocl_cone **stage) {
  KVOX_TRY(kvox_ct_ocl_cone_check(count, kvox_max_i64(columns, rows), begin, size));
  const kvox_ct_ocl_cone_setup setup = {.kernel = "oblique",
                                        .views = count,
                                        .columns = columns,
                                        .counted = {(int32_t)(columns / 2), (int32_t)(rows / 2)},
                                        .begin = begin,
                                        .size = size,
                                        .lanes = lanes,
                                        .turned = turned};
  device_matrix *table = kvox_allocate_array(context->heap, count, sizeof *table);
  kvox_status status = table != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  for (int64_t v = 0; status == KVOX_OK && v < count; v++) {
    const kvox_oblique_view view = centered(&views[v], setup.counted);
    if (fits(&view, begin, size)) {
      table[v] = device_matrix_of(&view);
    } else {
      status = kvox_ct_ocl_cone_beyond(v);
    }
  }
  if (status == KVOX_OK) {
    status = kvox_ct_ocl_cone_make(context, &setup, table, kvox_ct_ocl_oblique_need(count), stage);
  }
  kvox_release(context->heap, table);
  return status;
}

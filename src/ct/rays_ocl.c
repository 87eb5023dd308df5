#include "ct/rays_ocl.h"

#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/vectors.h"

/* Work-items of a group: neighbours along columns, and along x, read the same lines. */
enum { GROUP = 64 };

/* Voxels of a tile of the adjoint on a side, as in kernels/rays.cl. */
enum { TILE = 16 };

/* As in kernels/rays.cl: bits behind the point, and a ray of its table. */
enum { ONE_BITS = 40, RAY_BYTES = 40 };

/* What its whole numbers hold: places up to 2^20 voxels away; steps of any scale, in so many bits. */
static const double most_place = 0x1p20;
enum { STEP_BITS = 58 };

struct kvox_ct_ocl_rays {
  kvox_context *context;
  kvox_buffer *views, *rays;
  kvox_ocl_kernel *lay, *project, *backproject;
  uint64_t lay_group, project_group, backproject_group;
  int64_t rows, columns, size[3];
  double spacing_mm[3];
  bool fan;
  int64_t first, count; /* views that are laid */
};

uint64_t kvox_ct_ocl_rays_views_need(int64_t views) { return (uint64_t)views * sizeof(kvox_ct_ocl_rays_view); }

uint64_t kvox_ct_ocl_rays_need(int64_t most, int64_t rows, int64_t columns) {
  return (uint64_t)kvox_work(kvox_work(most, rows), kvox_work(columns, RAY_BYTES));
}

/* ---- Views in whole numbers ---- */

/* The largest components of places and steps at the detector's corners. */
static void measure(const kvox_rays_view *v, int64_t rows, int64_t columns, double *place, double *step) {
  *place = *step = 0;
  for (int corner = 0; corner < 4; corner++) {
    const double c = corner % 2 != 0 ? (double)(columns - 1) : 0, r = corner / 2 != 0 ? (double)(rows - 1) : 0;
    for (int a = 0; a < 3; a++) {
      *place = fmax(*place, fabs(v->from[a] + c * v->from_column[a] + r * v->from_row[a]));
      *step = fmax(*step, fabs(v->along[a] + c * v->along_column[a] + r * v->along_row[a]));
    }
  }
}

static void to_whole(const double from[3], int bits, int64_t to[3]) {
  for (int a = 0; a < 3; a++) {
    to[a] = llround(ldexp(from[a], bits));
  }
}

/* From voxels about the middle of the grid to columns, rows and depth. */
static void describe_matrix(const kvox_ct_geometry *g, const kvox_grid *grid, const kvox_ct_view *view,
                            float matrix[12]) {
  double m[12];
  kvox_ct_view_matrix(view, g->beam == KVOX_CT_PARALLEL, g->rows, g->columns, m);
  if (g->beam == KVOX_CT_FAN) {
    const double row[4] = {0, 0, 1 / g->row_pitch_mm, g->center_row_px};
    for (int i = 0; i < 4; i++) {
      m[4 + i] = row[i];
    }
  }
  for (int r = 0; r < 3; r++) {
    double at_middle = m[4 * r + 3];
    for (int a = 0; a < 3; a++) {
      const double middle = grid->origin_mm[a] + 0.5 * (double)(grid->size[a] - 1) * grid->spacing_mm[a];
      at_middle += m[4 * r + a] * middle;
      matrix[4 * r + a] = (float)(m[4 * r + a] * grid->spacing_mm[a]);
    }
    matrix[4 * r + 3] = (float)at_middle;
  }
}

kvox_status kvox_ct_ocl_rays_describe(const kvox_ct_geometry *geometry, const kvox_grid *grid,
                                      const kvox_rays_view *rays, kvox_ct_ocl_rays_view *views) {
  for (int64_t v = 0; v < geometry->views; v++) {
    const kvox_rays_view *ray = &rays[v];
    double place, step;
    measure(ray, geometry->rows, geometry->columns, &place, &step);
    if (!(place < most_place)) {
      return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                       "OpenCL: rays of view %" PRId64 " begin more than 2^20 voxels from the grid", v);
    }
    kvox_ct_view view;
    KVOX_TRY(kvox_ct_geometry_view(geometry, v, &view));
    const int bits = STEP_BITS - ilogb(step);
    to_whole(ray->from, ONE_BITS, views[v].from);
    to_whole(ray->from_column, ONE_BITS, views[v].from_column);
    to_whole(ray->from_row, ONE_BITS, views[v].from_row);
    to_whole(ray->along, bits, views[v].along);
    to_whole(ray->along_column, bits, views[v].along_column);
    to_whole(ray->along_row, bits, views[v].along_row);
    describe_matrix(geometry, grid, &view, views[v].matrix);
    views[v].axes = ray->axes[0] | ray->axes[1] << 1 | ray->axes[2] << 2;
    views[v].unused = 0;
  }
  return KVOX_OK;
}

/* ---- The stage ---- */

static kvox_status get_kernel(kvox_ocl *ocl, const char *name, kvox_ocl_kernel **kernel, uint64_t *group) {
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "rays", "", name, kernel));
  *group = kvox_ocl_kernel_group(*kernel, GROUP);
  return KVOX_OK;
}

static kvox_status fill_stage(kvox_ct_ocl_rays *s, const kvox_ct_ocl_rays_view *views, int64_t count, int64_t most) {
  kvox_ocl *ocl = s->context->ocl;
  KVOX_TRY(kvox_ocl_buffer_from(ocl, "views", views, kvox_ct_ocl_rays_views_need(count), &s->views));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, kvox_ct_ocl_rays_need(most, s->rows, s->columns), "rays", &s->rays));
  KVOX_TRY(get_kernel(ocl, "lay", &s->lay, &s->lay_group));
  KVOX_TRY(get_kernel(ocl, "project", &s->project, &s->project_group));
  return get_kernel(ocl, "backproject", &s->backproject, &s->backproject_group);
}

kvox_status kvox_ct_ocl_rays_create(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_grid *grid,
                                    const kvox_ct_ocl_rays_view *views, int64_t most, kvox_ct_ocl_rays **stage) {
  kvox_ct_ocl_rays *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->rows = geometry->rows;
  made->columns = geometry->columns;
  made->fan = geometry->beam == KVOX_CT_FAN;
  for (int a = 0; a < 3; a++) {
    made->size[a] = grid->size[a];
    made->spacing_mm[a] = grid->spacing_mm[a];
  }
  const kvox_status status = fill_stage(made, views, geometry->views, most);
  if (status != KVOX_OK) {
    kvox_ct_ocl_rays_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_rays_destroy(kvox_ct_ocl_rays *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->lay);
    kvox_ocl_kernel_destroy(stage->project);
    kvox_ocl_kernel_destroy(stage->backproject);
    kvox_buffer_destroy(stage->views);
    kvox_buffer_destroy(stage->rays);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

kvox_status kvox_ct_ocl_rays_lay(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, int64_t first, int64_t count) {
  kvox_ct_ocl_rays *s = stage;
  const int32_t first_view = (int32_t)first, views = (int32_t)count;
  const int32_t rows = (int32_t)s->rows, columns = (int32_t)s->columns;
  const float spacing[4] = {(float)s->spacing_mm[0], (float)s->spacing_mm[1], (float)s->spacing_mm[2]};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->views), KVOX_OCL_VALUE(first_view), KVOX_OCL_VALUE(views),
                                         KVOX_OCL_VALUE(rows),      KVOX_OCL_VALUE(columns),    KVOX_OCL_VALUE(spacing),
                                         KVOX_OCL_BUFFER(s->rays)};
  const kvox_ocl_range range = {.items = {(uint64_t)columns, (uint64_t)rows, (uint64_t)views},
                                .group = {s->lay_group, 1, 1}};
  s->first = first;
  s->count = count;
  return kvox_ocl_run(queue, s->lay, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* A slab on the device as kernels take it, in floats. */
typedef struct layout {
  int64_t begin, strides[4];
  int32_t sizes[4]; /* of the grid, and how many slices there are */
  int32_t z_begin;
} layout;

static layout layout_of(const kvox_ct_ocl_rays *s, const kvox_ct_ocl_rays_slab *slab) {
  const kvox_array *volume = &slab->volume;
  const int64_t unit = sizeof(float);
  return (layout){
      .begin = (int64_t)(intptr_t)volume->data / unit,
      .strides = {1, volume->strides[1] / unit, volume->strides[0] / unit},
      .sizes = {(int32_t)s->size[0], (int32_t)s->size[1], (int32_t)s->size[2], (int32_t)volume->shape[0]},
      .z_begin = (int32_t)slab->begin,
  };
}

kvox_status kvox_ct_ocl_rays_project(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, const kvox_ct_ocl_rays_slab *slab,
                                     kvox_buffer *samples) {
  const kvox_ct_ocl_rays *s = stage;
  const int32_t lines = (int32_t)(s->count * s->rows), columns = (int32_t)s->columns;
  const layout at = layout_of(s, slab);
  const int32_t ends[2] = {slab->begin == 0, slab->begin + slab->volume.shape[0] == s->size[2]};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->rays), KVOX_OCL_VALUE(lines),
                                         KVOX_OCL_VALUE(columns),  KVOX_OCL_BUFFER(slab->volume.buffer),
                                         KVOX_OCL_VALUE(at.begin), KVOX_OCL_VALUE(at.strides),
                                         KVOX_OCL_VALUE(at.sizes), KVOX_OCL_VALUE(at.z_begin),
                                         KVOX_OCL_VALUE(ends),     KVOX_OCL_BUFFER(samples)};
  const kvox_ocl_range range = {.items = {(uint64_t)columns, (uint64_t)lines}, .group = {s->project_group, 1}};
  return kvox_ocl_run(queue, s->project, &range, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_ct_ocl_rays_backproject(kvox_ct_ocl_rays *stage, kvox_ocl_queue *queue, kvox_buffer *samples,
                                         bool clear, const kvox_ct_ocl_rays_slab *slab) {
  const kvox_ct_ocl_rays *s = stage;
  const int32_t first_view = (int32_t)s->first, count = (int32_t)s->count, fan = s->fan, first = clear;
  const int32_t rows = (int32_t)s->rows, columns = (int32_t)s->columns;
  const layout at = layout_of(s, slab);
  const int64_t size[3] = {s->size[0], s->size[1], slab->volume.shape[0]};
  float middle[4] = {0};
  uint64_t tiles[3];
  for (int a = 0; a < 3; a++) {
    middle[a] = 0.5f * (float)(s->size[a] - 1);
    tiles[a] = (uint64_t)kvox_divide_up(size[a], TILE);
  }
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(s->views), KVOX_OCL_VALUE(first_view), KVOX_OCL_VALUE(count),
      KVOX_OCL_BUFFER(s->rays),  KVOX_OCL_BUFFER(samples),   KVOX_OCL_VALUE(rows),
      KVOX_OCL_VALUE(columns),   KVOX_OCL_VALUE(fan),        KVOX_OCL_BUFFER(slab->volume.buffer),
      KVOX_OCL_VALUE(at.begin),  KVOX_OCL_VALUE(at.strides), KVOX_OCL_VALUE(at.sizes),
      KVOX_OCL_VALUE(middle),    KVOX_OCL_VALUE(at.z_begin), KVOX_OCL_VALUE(first)};
  const kvox_ocl_range range = {.items = {tiles[0] * s->backproject_group, tiles[1], tiles[2]},
                                .group = {s->backproject_group, 1, 1}};
  return kvox_ocl_run(queue, s->backproject, &range, arguments, sizeof arguments / sizeof *arguments);
}

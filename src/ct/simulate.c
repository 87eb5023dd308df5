/* Exact projections of a phantom: a row of pixels is a row of parallel lines, or of rays from one source. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "ct/geometry.h"
#include "phantom/phantom.h"

typedef struct simulation {
  const kvox_ct_geometry *geometry;
  const kvox_phantom *phantom;
  const kvox_array *projections;
  int64_t rows, columns;
  double *rows_of_workers;
  bool endless_in_z;
} simulation;

static kvox_status check_ends(const double *integrals, int64_t count, int64_t view, int64_t row) {
  for (int64_t column = 0; column < count; column++) {
    if (!isfinite(integrals[column])) {
      return kvox_fail(KVOX_ERROR_GEOMETRY,
                       "kvox_ct_simulate: the ray of view %" PRId64 ", row %" PRId64 ", column %" PRId64
                       " runs along a cylinder of the phantom and never leaves it",
                       view, row, column);
    }
  }
  return KVOX_OK;
}

/* Rows of such a view see one section of the phantom after the other. */
static bool rows_follow_z(const kvox_ct_geometry *geometry, const kvox_ct_view *view) {
  return geometry->beam != KVOX_CT_CONE && view->source_mm[2] == 0 && view->column_step_mm[2] == 0 &&
         view->row_step_mm[0] == 0 && view->row_step_mm[1] == 0;
}

/* The row whose first pixel is at `first`. */
static void integrate_row(const simulation *s, const kvox_ct_view *view, const double first[3], double *integrals) {
  if (s->geometry->beam == KVOX_CT_PARALLEL) {
    kvox_phantom_line_row(s->phantom, first, view->column_step_mm, view->source_mm, s->columns, integrals);
    return;
  }
  double source[3] = {view->source_mm[0], view->source_mm[1], view->source_mm[2]};
  if (s->geometry->beam == KVOX_CT_FAN) {
    source[2] = first[2];
  }
  kvox_phantom_ray_row(s->phantom, source, first, view->column_step_mm, s->columns, integrals);
}

static kvox_status simulate_view(void *data, int64_t v, int32_t worker) {
  const simulation *s = data;
  double *integrals = s->rows_of_workers + worker * s->columns;
  kvox_ct_view view;
  KVOX_TRY(kvox_ct_geometry_view(s->geometry, v, &view));
  const bool alike = s->endless_in_z && rows_follow_z(s->geometry, &view);
  for (int64_t row = 0; row < s->rows; row++) {
    const double along_u = -0.5 * (double)(s->columns - 1), along_v = (double)row - 0.5 * (double)(s->rows - 1);
    double first[3];
    for (int c = 0; c < 3; c++) {
      first[c] = view.detector_mm[c] + along_u * view.column_step_mm[c] + along_v * view.row_step_mm[c];
    }
    if (row == 0 || !alike) {
      integrate_row(s, &view, first, integrals);
      KVOX_TRY(check_ends(integrals, s->columns, v, row));
    }
    const int64_t index[2] = {v, row};
    kvox_row_from_double(integrals, s->columns, s->projections->type, s->projections->strides[2],
                         kvox_array_at(s->projections, 2, index));
  }
  return KVOX_OK;
}

kvox_status kvox_ct_simulate(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_phantom *phantom,
                             const kvox_array *projections) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(phantom);
  int64_t shape[3];
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "kvox_ct_simulate: projections",
                                  KVOX_TYPE_BIT(KVOX_F32) | KVOX_TYPE_BIT(KVOX_F64), 3, shape));
  KVOX_TRY(kvox_array_check_result(projections, "kvox_ct_simulate: projections"));
  const int64_t work = kvox_work(kvox_array_elements(projections), 16 * (int64_t)phantom->shape_count);
  simulation s = {.geometry = geometry,
                  .phantom = phantom,
                  .projections = projections,
                  .rows = shape[1],
                  .columns = shape[2],
                  .endless_in_z = kvox_phantom_endless_in_z(phantom)};
  const uint64_t workers = (uint64_t)kvox_workers(&context->threads, shape[0], work);
  s.rows_of_workers = kvox_allocate(context->heap, workers * (uint64_t)shape[2] * sizeof *s.rows_of_workers);
  if (s.rows_of_workers == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_status status = kvox_parallel(&context->threads, shape[0], work, simulate_view, &s, NULL);
  kvox_release(context->heap, s.rows_of_workers);
  return status;
}

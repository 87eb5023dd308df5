/* Exact projections of a phantom. */
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
  bool endless_in_z;
} simulation;

static void write_element(const kvox_array *projections, int64_t view, int64_t row, int64_t column, double value) {
  const int64_t index[3] = {view, row, column};
  void *at = kvox_array_at(projections, 3, index);
  if (projections->type == KVOX_F32) {
    const float rounded = (float)value;
    memcpy(at, &rounded, sizeof rounded);
  } else {
    memcpy(at, &value, sizeof value);
  }
}

/* Rows of such a view see one section of the phantom after the other. */
static bool rows_follow_z(const kvox_ct_view *view) {
  return view->source_mm[2] == 0 && view->column_step_mm[2] == 0 && view->row_step_mm[0] == 0 &&
         view->row_step_mm[1] == 0;
}

static kvox_status simulate_view(void *data, int64_t v, int32_t worker) {
  (void)worker;
  const simulation *s = data;
  kvox_ct_view view;
  KVOX_TRY(kvox_ct_geometry_view(s->geometry, v, &view));
  const int64_t rows_traced = s->endless_in_z && rows_follow_z(&view) ? 1 : s->rows;
  for (int64_t row = 0; row < rows_traced; row++) {
    const double along_v = (double)row - 0.5 * (double)(s->rows - 1);
    for (int64_t column = 0; column < s->columns; column++) {
      const double along_u = (double)column - 0.5 * (double)(s->columns - 1);
      double pixel[3];
      for (int c = 0; c < 3; c++) {
        pixel[c] = view.detector_mm[c] + along_u * view.column_step_mm[c] + along_v * view.row_step_mm[c];
      }
      const double integral = kvox_phantom_line_integral(s->phantom, pixel, view.source_mm);
      if (!isfinite(integral)) {
        return kvox_fail(KVOX_ERROR_GEOMETRY,
                         "kvox_ct_simulate: the ray of view %" PRId64 ", row %" PRId64 ", column %" PRId64
                         " runs along a cylinder of the phantom and never leaves it",
                         v, row, column);
      }
      for (int64_t r = row; r < (rows_traced == 1 ? s->rows : row + 1); r++) {
        write_element(s->projections, v, r, column, integral);
      }
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_simulate(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_phantom *phantom,
                             const kvox_array *projections) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(phantom);
  int64_t shape[3], work = 0;
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "kvox_ct_simulate: projections",
                                  KVOX_TYPE_BIT(KVOX_F32) | KVOX_TYPE_BIT(KVOX_F64), 3, shape));
  if (!kvox_multiply(kvox_array_elements(projections), 16 * (int64_t)phantom->shape_count, &work)) {
    work = INT64_MAX;
  }
  simulation s = {.geometry = geometry,
                  .phantom = phantom,
                  .projections = projections,
                  .rows = shape[1],
                  .columns = shape[2],
                  .endless_in_z = kvox_phantom_endless_in_z(phantom)};
  return kvox_parallel(&context->threads, shape[0], work, simulate_view, &s, NULL);
}

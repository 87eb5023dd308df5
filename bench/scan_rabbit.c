/* RabbitCT's scanner, its data made here: views of counts, some at a time, since all of them as floats take 2.4 GB. */
#include <math.h>
#include <stdlib.h>

#include "bench.h"

enum { ROWS = 960, AT_ONCE = 31 };

static const double source_to_axis_mm = 785, source_to_detector_mm = 1200, pitch_mm = 0.32, arc_deg = 200;
static const double radius_mm = 125, spacing_mm[3] = {0.5, 0.5, 0.375};

/* Line integrals of the head are some 70 mm times its density: counts of up to half of u16. */
static const double density_per_mm = 400;

static const double pi = 3.14159265358979323846;

static kvox_status make_circle(const kvox_bench *bench, const kvox_bench_case *what, kvox_ct_geometry **geometry) {
  kvox_ct_cone_options options;
  kvox_ct_cone_options_init(&options);
  options.views = what->views;
  options.rows = ROWS;
  options.columns = what->columns;
  options.source_to_axis_mm = source_to_axis_mm;
  options.source_to_detector_mm = source_to_detector_mm;
  options.column_pitch_mm = pitch_mm;
  options.angle_step_deg = arc_deg / (double)what->views;
  return kvox_ct_geometry_create_cone(bench->context, &options, geometry);
}

void kvox_bench_sag(kvox_ct_view *view) {
  const double b = view->angle_deg * pi / 180, roll = 0.003 * sin(b);
  const double source[3] = {0.8 * cos(b), 0.5 * sin(2 * b), 1.2 * sin(b)};
  const double detector[3] = {0.6 * sin(b), -0.4 * cos(b), -1.5 * sin(b)};
  for (int i = 0; i < 3; i++) {
    const double column = view->column_step_mm[i], row = view->row_step_mm[i];
    view->source_mm[i] += source[i];
    view->detector_mm[i] += detector[i];
    view->column_step_mm[i] = column + roll * row;
    view->row_step_mm[i] = row - roll * column;
  }
}

static kvox_status list_views(const kvox_ct_geometry *circle, int64_t count, int sags, kvox_ct_view *views) {
  for (int64_t v = 0; v < count; v++) {
    KVOX_BENCH_TRY(kvox_ct_geometry_view(circle, v, views + v));
    if (sags) {
      kvox_bench_sag(views + v);
    }
  }
  return KVOX_OK;
}

/* As a scanner's calibration tells it: nothing but matrices. */
static kvox_status from_matrices(const kvox_bench *bench, const kvox_bench_case *what, const kvox_ct_view *views,
                                 kvox_ct_geometry **geometry) {
  kvox_ct_geometry *seen = NULL;
  double *matrices = malloc((size_t)what->views * 12 * sizeof *matrices);
  kvox_status status = matrices != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    status =
        kvox_ct_geometry_create_views(bench->context, KVOX_CT_CONE, ROWS, what->columns, views, what->views, &seen);
  }
  for (int64_t v = 0; status == KVOX_OK && v < what->views; v++) {
    status = kvox_ct_geometry_matrix(seen, v, matrices + 12 * v);
  }
  if (status == KVOX_OK) {
    status = kvox_ct_geometry_create_matrices(bench->context, ROWS, what->columns, pitch_mm, matrices, what->views,
                                              geometry);
  }
  kvox_ct_geometry_destroy(seen);
  free(matrices);
  return status;
}

static kvox_status simulate_some(const kvox_bench *bench, const kvox_ct_view *views, int64_t count,
                                 const kvox_bench_scan *scan, kvox_array *floats, uint16_t *counts) {
  kvox_ct_geometry *geometry = NULL;
  const int64_t columns = floats->shape[2], samples = count * ROWS * columns;
  kvox_status status =
      kvox_ct_geometry_create_views(bench->context, KVOX_CT_CONE, ROWS, columns, views, count, &geometry);
  floats->shape[0] = count;
  if (status == KVOX_OK) {
    status = kvox_ct_simulate(bench->context, geometry, scan->phantom, floats);
  }
  const float *integrals = floats->data;
  for (int64_t i = 0; status == KVOX_OK && i < samples; i++) {
    counts[i] = (uint16_t)(integrals[i] + 0.5f);
  }
  kvox_ct_geometry_destroy(geometry);
  return status;
}

static kvox_status simulate(const kvox_bench *bench, const kvox_bench_case *what, const kvox_ct_view *views,
                            const kvox_bench_scan *scan) {
  const int64_t shape[3] = {AT_ONCE, ROWS, what->columns};
  kvox_volume *memory = NULL;
  kvox_array floats;
  kvox_status status = kvox_bench_memory(bench->context, KVOX_F32, shape, &memory, &floats);
  for (int64_t v = 0; status == KVOX_OK && v < what->views; v += AT_ONCE) {
    const int64_t count = what->views - v < AT_ONCE ? what->views - v : AT_ONCE;
    uint16_t *counts = scan->projections.data;
    status = simulate_some(bench, views + v, count, scan, &floats, counts + v * ROWS * what->columns);
  }
  kvox_volume_destroy(memory);
  return status;
}

static kvox_status fill(const kvox_bench *bench, const kvox_bench_case *what, int sags, kvox_ct_view *views,
                        kvox_bench_scan *scan) {
  const int64_t shape[3] = {what->views, ROWS, what->columns}, size[3] = {what->size, what->size, what->slices};
  KVOX_BENCH_TRY(make_circle(bench, what, &scan->geometry));
  KVOX_BENCH_TRY(list_views(scan->geometry, what->views, sags, views));
  if (sags) {
    kvox_ct_geometry_destroy(scan->geometry);
    scan->geometry = NULL;
    KVOX_BENCH_TRY(from_matrices(bench, what, views, &scan->geometry));
  }
  KVOX_BENCH_TRY(kvox_phantom_create(bench->context, "shepp-logan-3d", radius_mm, scan->density, &scan->phantom));
  KVOX_BENCH_TRY(kvox_bench_memory(bench->context, KVOX_U16, shape, &scan->memory, &scan->projections));
  KVOX_BENCH_TRY(simulate(bench, what, views, scan));
  KVOX_BENCH_TRY(kvox_grid_init(&scan->grid, size, spacing_mm, NULL));
  KVOX_BENCH_TRY(kvox_volume_create(bench->context, KVOX_F32, &scan->grid, &scan->volume));
  return kvox_bench_scan_clear(scan);
}

kvox_status kvox_bench_scan_make_rabbit(const kvox_bench *bench, const kvox_bench_case *what, int sags,
                                        kvox_bench_scan *scan) {
  kvox_ct_view *views = malloc((size_t)what->views * sizeof *views);
  *scan = (kvox_bench_scan){.density = density_per_mm};
  const kvox_status status = views != NULL ? fill(bench, what, sags, views, scan) : KVOX_ERROR_MEMORY;
  free(views);
  return status;
}

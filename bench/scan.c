#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char phantom_name[] = "shepp-logan", cone_phantom_name[] = "shepp-logan-3d";
static const double cone_width_mm = 256, cone_panel_mm = 400, source_to_axis_mm = 1000, source_to_detector_mm = 1500;
enum { TRUTH_SAMPLES = 8 };

kvox_status kvox_bench_memory(kvox_context *context, kvox_type type, const int64_t dims[3], kvox_volume **memory,
                              kvox_array *array) {
  const int64_t size[3] = {dims[2], dims[1], dims[0]};
  static const double unit[3] = {1, 1, 1};
  kvox_grid grid;
  KVOX_BENCH_TRY(kvox_grid_init(&grid, size, unit, NULL));
  KVOX_BENCH_TRY(kvox_volume_create(context, type, &grid, memory));
  return kvox_volume_array(*memory, array);
}

kvox_status kvox_bench_scan_make(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  const int64_t shape[3] = {what->views, what->slices, what->columns};
  const int64_t size[3] = {what->size, what->size, what->slices};
  static const double unit[3] = {1, 1, 1};
  kvox_ct_parallel_options options;
  *scan = (kvox_bench_scan){.density = 1};
  kvox_ct_parallel_options_init(&options);
  options.views = what->views;
  options.rows = what->slices;
  options.columns = what->columns;
  options.column_pitch_mm = 1;
  options.angle_step_deg = 180.0 / (double)what->views;
  KVOX_BENCH_TRY(kvox_ct_geometry_create_parallel(bench->context, &options, &scan->geometry));
  KVOX_BENCH_TRY(kvox_phantom_create(bench->context, phantom_name, 0.5 * (double)what->size, 1, &scan->phantom));
  KVOX_BENCH_TRY(kvox_bench_memory(bench->context, KVOX_F32, shape, &scan->memory, &scan->projections));
  KVOX_BENCH_TRY(kvox_ct_simulate(bench->context, scan->geometry, scan->phantom, &scan->projections));
  KVOX_BENCH_TRY(kvox_grid_init(&scan->grid, size, unit, NULL));
  KVOX_BENCH_TRY(kvox_volume_create(bench->context, KVOX_F32, &scan->grid, &scan->volume));
  return kvox_bench_scan_clear(scan);
}

/* In place of the circle's geometry. */
static kvox_status bend(const kvox_bench *bench, kvox_bench_scan *scan) {
  const int64_t *shape = scan->projections.shape;
  kvox_ct_geometry *circle = scan->geometry;
  kvox_ct_view *views = malloc((size_t)shape[0] * sizeof *views);
  kvox_status status = views != NULL ? KVOX_OK : KVOX_ERROR_MEMORY;
  scan->geometry = NULL;
  for (int64_t v = 0; status == KVOX_OK && v < shape[0]; v++) {
    status = kvox_ct_geometry_view(circle, v, views + v);
    if (status == KVOX_OK) {
      kvox_bench_sag(views + v);
    }
  }
  if (status == KVOX_OK) {
    status = kvox_ct_geometry_create_views(bench->context, KVOX_CT_CONE, shape[1], shape[2], views, shape[0],
                                           &scan->geometry);
  }
  free(views);
  kvox_ct_geometry_destroy(circle);
  return status;
}

static kvox_status make_diverging(const kvox_bench *bench, const kvox_bench_case *what, int32_t beam, int64_t rows,
                                  int sags, kvox_bench_scan *scan) {
  const int64_t shape[3] = {what->views, rows, what->columns};
  const int64_t size[3] = {what->size, what->size, what->slices};
  const double voxel = cone_width_mm / (double)what->size, spacing[3] = {voxel, voxel, voxel};
  kvox_ct_cone_options options;
  *scan = (kvox_bench_scan){.density = 1};
  kvox_ct_cone_options_init(&options);
  options.views = what->views;
  options.rows = rows;
  options.columns = what->columns;
  options.source_to_axis_mm = source_to_axis_mm;
  options.source_to_detector_mm = source_to_detector_mm;
  options.column_pitch_mm = cone_panel_mm / (double)what->columns;
  options.angle_step_deg = 360.0 / (double)what->views;
  KVOX_BENCH_TRY((beam == KVOX_CT_CONE ? kvox_ct_geometry_create_cone : kvox_ct_geometry_create_fan)(
      bench->context, &options, &scan->geometry));
  KVOX_BENCH_TRY(kvox_phantom_create(bench->context, cone_phantom_name, 0.5 * cone_width_mm, 1, &scan->phantom));
  KVOX_BENCH_TRY(kvox_bench_memory(bench->context, KVOX_F32, shape, &scan->memory, &scan->projections));
  if (sags) {
    KVOX_BENCH_TRY(bend(bench, scan));
  }
  KVOX_BENCH_TRY(kvox_ct_simulate(bench->context, scan->geometry, scan->phantom, &scan->projections));
  KVOX_BENCH_TRY(kvox_grid_init(&scan->grid, size, spacing, NULL));
  KVOX_BENCH_TRY(kvox_volume_create(bench->context, KVOX_F32, &scan->grid, &scan->volume));
  return kvox_bench_scan_clear(scan);
}

kvox_status kvox_bench_scan_make_cone(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  return make_diverging(bench, what, KVOX_CT_CONE, what->columns, 0, scan);
}

kvox_status kvox_bench_scan_make_arm(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  return make_diverging(bench, what, KVOX_CT_CONE, what->columns, 1, scan);
}

kvox_status kvox_bench_scan_make_fan(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan) {
  return make_diverging(bench, what, KVOX_CT_FAN, what->slices, 0, scan);
}

void kvox_bench_scan_drop(kvox_bench_scan *scan) {
  kvox_volume_destroy(scan->volume);
  kvox_volume_destroy(scan->memory);
  kvox_phantom_destroy(scan->phantom);
  kvox_ct_geometry_destroy(scan->geometry);
}

kvox_status kvox_bench_scan_clear(const kvox_bench_scan *scan) {
  kvox_array array;
  KVOX_BENCH_TRY(kvox_volume_array(scan->volume, &array));
  memset(array.data, 0, (size_t)(array.shape[0] * array.strides[0]));
  return KVOX_OK;
}

/* Sums over the pixels of a slice inside the circle. */
static void add_slice(const float *image, const float *truth, int64_t size, double *sum, int64_t *count) {
  const double middle = 0.5 * (double)(size - 1), radius = 0.95 * 0.5 * (double)size;
  for (int64_t j = 0; j < size; j++) {
    for (int64_t i = 0; i < size; i++) {
      if (hypot((double)i - middle, (double)j - middle) < radius) {
        const double difference = (double)image[j * size + i] - (double)truth[j * size + i];
        *sum += difference * difference;
        *count += 1;
      }
    }
  }
}

kvox_status kvox_bench_error(const kvox_bench *bench, const kvox_bench_scan *scan, double *rmse) {
  kvox_grid slice = scan->grid;
  kvox_volume *truth = NULL;
  kvox_array image, averages;
  double sum = 0;
  int64_t count = 0;
  /* The object is the same in every slice, but in a cone beam. */
  const int cone = kvox_ct_geometry_beam(scan->geometry) == KVOX_CT_CONE;
  const int64_t first = cone ? slice.size[2] / 2 : 0, end = cone ? first + 1 : slice.size[2];
  slice.origin_mm[2] += (double)first * slice.spacing_mm[2];
  slice.size[2] = 1;
  KVOX_BENCH_TRY(kvox_volume_array(scan->volume, &image));
  KVOX_BENCH_TRY(kvox_volume_create(bench->context, KVOX_F32, &slice, &truth));
  kvox_status status = kvox_phantom_fill(scan->phantom, TRUTH_SAMPLES, truth);
  if (status == KVOX_OK) {
    status = kvox_volume_array(truth, &averages);
  }
  for (int64_t k = first; status == KVOX_OK && k < end; k++) {
    const char *at = (const char *)image.data + k * image.strides[0];
    add_slice((const float *)(const void *)at, averages.data, slice.size[0], &sum, &count);
  }
  *rmse = sqrt(sum / (double)count) / scan->density;
  kvox_volume_destroy(truth);
  return status;
}

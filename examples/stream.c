/*
 * A volume while its scan runs: stream
 *
 * A simulated scanner hands out views of a cone beam as raw counts of 16 bits, now and then two of them in the wrong
 * order, into one and the same buffer. Each is pushed as it comes; after the last one the volume is there at once.
 */
#include <kvox/kvox.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { VIEWS = 240, ROWS = 64, COLUMNS = 96, PIXELS = ROWS * COLUMNS, FLAT = 50000, DARK = 100 };

#define TRY(call)            \
  do {                       \
    status = (call);         \
    if (status != KVOX_OK) { \
      goto cleanup;          \
    }                        \
  } while (0)

/* ---- The scanner ---- */

static float scan[VIEWS * PIXELS]; /* line integrals */
static uint16_t buffer[PIXELS];

static kvox_status scan_phantom(kvox_context *context, const kvox_ct_geometry *geometry) {
  const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};
  kvox_phantom *phantom = NULL;
  kvox_array projections;
  kvox_status status = KVOX_OK;
  TRY(kvox_phantom_create(context, "shepp-logan-3d", 30, 0.02, &phantom));
  TRY(kvox_array_init(&projections, scan, KVOX_F32, 3, shape));
  TRY(kvox_ct_simulate(context, geometry, phantom, &projections));

cleanup:
  kvox_phantom_destroy(phantom);
  return status;
}

/* The view that comes as the n-th: every tenth changes places with the next. */
static int64_t view_of(int64_t n) { return n % 10 == 8 ? n + 1 : n % 10 == 9 ? n - 1 : n; }

static void read_out(int64_t view) {
  for (int i = 0; i < PIXELS; i++) {
    buffer[i] = (uint16_t)lrint(DARK + (FLAT - DARK) * exp(-(double)scan[view * PIXELS + i]));
  }
}

/* ---- The reconstruction ---- */

static kvox_status make_correction(kvox_context *context, kvox_ct_correction **correction) {
  static uint16_t flat[PIXELS], dark[PIXELS];
  const int64_t shape[2] = {ROWS, COLUMNS};
  kvox_array flat_array, dark_array;
  kvox_status status = KVOX_OK;
  for (int i = 0; i < PIXELS; i++) {
    flat[i] = FLAT;
    dark[i] = DARK;
  }
  TRY(kvox_array_init(&flat_array, flat, KVOX_U16, 2, shape));
  TRY(kvox_array_init(&dark_array, dark, KVOX_U16, 2, shape));
  kvox_ct_correction_options options;
  kvox_ct_correction_options_init(&options);
  options.flat = &flat_array;
  options.dark = &dark_array;
  TRY(kvox_ct_correction_create(context, &options, correction));

cleanup:
  return status;
}

static kvox_status make_plan(kvox_context *context, const kvox_ct_geometry *geometry,
                             const kvox_ct_correction *correction, kvox_ct_fbp_plan **plan) {
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&options);
  filter.correction = correction;
  options.filter = &filter;
  options.hounsfield = 1;
  options.mu_water_per_mm = 0.02;
  options.stream_window = 2; /* a view may come one place too early */
  return kvox_ct_fbp_plan_create(context, geometry, &options, plan);
}

static kvox_status run(void) {
  kvox_context *context = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_correction *correction = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_ct_stream *stream = NULL;
  kvox_status status = KVOX_OK;

  TRY(kvox_context_create(NULL, &context));
  kvox_ct_cone_options beam;
  kvox_ct_cone_options_init(&beam);
  beam.views = VIEWS;
  beam.rows = ROWS;
  beam.columns = COLUMNS;
  beam.source_to_axis_mm = 500;
  beam.source_to_detector_mm = 750;
  beam.column_pitch_mm = 1.2;
  beam.angle_step_deg = 360.0 / VIEWS;
  TRY(kvox_ct_geometry_create_cone(context, &beam, &geometry));
  TRY(scan_phantom(context, geometry));
  TRY(make_correction(context, &correction));
  TRY(make_plan(context, geometry, correction, &plan));

  kvox_grid grid;
  kvox_array view, voxels;
  const int64_t shape[2] = {ROWS, COLUMNS};
  TRY(kvox_ct_fbp_plan_grid(plan, &grid));
  TRY(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  TRY(kvox_array_init(&view, buffer, KVOX_U16, 2, shape));
  TRY(kvox_ct_stream_create(plan, NULL, volume, &stream));
  for (int64_t n = 0; n < VIEWS; n++) {
    read_out(view_of(n));
    TRY(kvox_ct_stream_push(stream, view_of(n), &view));
  }
  TRY(kvox_ct_stream_finish(stream));

  TRY(kvox_volume_array(volume, &voxels));
  const float *samples = voxels.data;
  const int64_t middle = (grid.size[2] / 2 * grid.size[1] + grid.size[1] / 2) * grid.size[0] + grid.size[0] / 2;
  printf("%d views, %.0f HU in the middle, %.1f ms from the last view to the volume\n", VIEWS, (double)samples[middle],
         1000 * kvox_ct_stream_seconds(stream));

cleanup:
  kvox_ct_stream_destroy(stream);
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_ct_correction_destroy(correction);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return status;
}

int main(void) {
  if (run() != KVOX_OK) {
    fprintf(stderr, "stream: %s\n", kvox_last_error());
    return 1;
  }
  return 0;
}

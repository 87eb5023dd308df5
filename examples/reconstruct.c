/*
 * Projections to a volume: reconstruct PROJECTIONS VOLUME
 *
 * PROJECTIONS is .h5 (DXchange, with its flat and dark frames) or .npy (line integrals, [view, row, column]); angles
 * that the file does not have are equal steps over half a turn. VOLUME is .mha, .npy or .png.
 */
#include <kvox/io.h>
#include <stdio.h>

/* The first call that fails ends the work; kvox_last_error() then says why. */
#define TRY(call)            \
  do {                       \
    status = (call);         \
    if (status != KVOX_OK) { \
      goto cleanup;          \
    }                        \
  } while (0)

static kvox_status reconstruct(const char *projections_path, const char *volume_path) {
  kvox_status status = KVOX_OK;
  kvox_context *context = NULL;
  kvox_io_scan *scan = NULL;
  kvox_ct_correction *correction = NULL;
  kvox_ct_geometry *geometry = NULL, *centered = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  double center_px = 0;

  TRY(kvox_context_create(NULL, &context));
  TRY(kvox_io_read_scan(context, projections_path, &scan));
  const kvox_array *projections = kvox_io_scan_projections(scan);

  if (kvox_io_scan_flat(scan) != NULL) {
    kvox_ct_correction_options counts;
    kvox_ct_correction_options_init(&counts);
    counts.flat = kvox_io_scan_flat(scan);
    counts.dark = kvox_io_scan_dark(scan);
    TRY(kvox_ct_correction_create(context, &counts, &correction));
  }

  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = projections->shape[0];
  beam.rows = projections->shape[1];
  beam.columns = projections->shape[2];
  beam.angles_deg = kvox_io_scan_angles_deg(scan);
  beam.angle_step_deg = 180.0 / (double)beam.views;
  TRY(kvox_ct_geometry_create_parallel(context, &beam, &geometry));
  TRY(kvox_ct_find_center(context, geometry, correction, projections, &center_px));
  beam.column_offset_px = center_px - 0.5 * (double)(beam.columns - 1);
  TRY(kvox_ct_geometry_create_parallel(context, &beam, &centered));

  kvox_ct_filter_options filter;
  kvox_ct_filter_options_init(&filter);
  filter.correction = correction;
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.filter = &filter;
  TRY(kvox_ct_fbp_plan_create(context, centered, &options, &plan));

  kvox_grid grid;
  TRY(kvox_ct_fbp_plan_grid(plan, &grid));
  TRY(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  TRY(kvox_ct_fbp_execute(plan, NULL, projections, volume));
  TRY(kvox_io_write_volume(context, volume_path, volume, NULL));
  printf("rotation axis at column %.2f\n", center_px);

cleanup:
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_ct_geometry_destroy(centered);
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_correction_destroy(correction);
  kvox_io_scan_destroy(scan);
  kvox_context_destroy(context);
  return status;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s PROJECTIONS VOLUME\n", arguments[0]);
    return 2;
  }
  if (reconstruct(arguments[1], arguments[2]) != KVOX_OK) {
    fprintf(stderr, "%s: %s\n", arguments[0], kvox_last_error());
    return 1;
  }
  return 0;
}

/*
 * A phantom's projections, as a detector that counts photons would see them: simulate PROJECTIONS
 *
 * PROJECTIONS is .h5 (DXchange, with the angles). The rotation axis is at column 125.25, not in the middle, so that
 * there is something to find.
 */
#include <kvox/io.h>
#include <stdio.h>

enum { VIEWS = 360, ROWS = 2, COLUMNS = 255 };

#define TRY(call)            \
  do {                       \
    status = (call);         \
    if (status != KVOX_OK) { \
      goto cleanup;          \
    }                        \
  } while (0)

static kvox_status simulate(const char *path) {
  static float memory[VIEWS * ROWS * COLUMNS];
  static double angles_deg[VIEWS];
  const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};
  kvox_status status = KVOX_OK;
  kvox_context *context = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_phantom *phantom = NULL;

  for (int view = 0; view < VIEWS; view++) {
    angles_deg[view] = 180.0 * view / VIEWS;
  }
  TRY(kvox_context_create(NULL, &context));
  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS;
  beam.rows = ROWS;
  beam.columns = COLUMNS;
  beam.angles_deg = angles_deg;
  beam.column_offset_px = -1.75;
  TRY(kvox_ct_geometry_create_parallel(context, &beam, &geometry));

  /* The pitch is not known, so lengths are in pixels and attenuation in 1/pixel. */
  TRY(kvox_phantom_create(context, "shepp-logan", 115, 0.02, &phantom));
  kvox_array projections;
  TRY(kvox_array_init(&projections, memory, KVOX_F32, 3, shape));
  TRY(kvox_ct_simulate(context, geometry, phantom, &projections));
  TRY(kvox_ct_add_noise(context, 1e5, 1, &projections));
  TRY(kvox_io_write_scan(context, path, &projections, NULL, NULL, angles_deg));

cleanup:
  kvox_phantom_destroy(phantom);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return status;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s PROJECTIONS\n", arguments[0]);
    return 2;
  }
  if (simulate(arguments[1]) != KVOX_OK) {
    fprintf(stderr, "%s: %s\n", arguments[0], kvox_last_error());
    return 1;
  }
  return 0;
}

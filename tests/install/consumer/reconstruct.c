/* A disc, its projections, its picture: with nothing but installed headers. */
#ifdef WITH_IO
#include <kvox/io.h>
#endif
#include <kvox/kvox.h>
#include <math.h>
#include <stdio.h>

enum { SIDE = 65, VIEWS = 90 };

static kvox_status reconstruct(double *middle) {
  static float samples[VIEWS * SIDE];
  const int64_t shape[3] = {VIEWS, 1, SIDE};
  kvox_context *context = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_phantom *phantom = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_array projections, voxels;
  kvox_grid grid;
  kvox_ct_parallel_options beam;
  kvox_status status = kvox_context_create(NULL, &context);
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS;
  beam.rows = 1;
  beam.columns = SIDE;
  beam.column_pitch_mm = 1;
  beam.angle_step_deg = 180.0 / VIEWS;
  status = status ? status : kvox_ct_geometry_create_parallel(context, &beam, &geometry);
  status = status ? status : kvox_phantom_create(context, "cylinder", 25, 0.02, &phantom);
  status = status ? status : kvox_array_init(&projections, samples, KVOX_F32, 3, shape);
  status = status ? status : kvox_ct_simulate(context, geometry, phantom, &projections);
  status = status ? status : kvox_ct_fbp_plan_create(context, geometry, NULL, &plan);
  status = status ? status : kvox_ct_fbp_plan_grid(plan, &grid);
  status = status ? status : kvox_volume_create(context, KVOX_F32, &grid, &volume);
  status = status ? status : kvox_ct_fbp_execute(plan, NULL, &projections, volume);
  status = status ? status : kvox_volume_array(volume, &voxels);
#ifdef WITH_IO
  status = status ? status : kvox_io_write_volume(context, "disc.mha", volume, NULL);
#endif
  *middle = status ? 0 : ((const float *)voxels.data)[SIDE * SIDE / 2];
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_phantom_destroy(phantom);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return status;
}

int main(void) {
  double middle = 0;
  if (reconstruct(&middle) != KVOX_OK) {
    fprintf(stderr, "%s\n", kvox_last_error());
    return 1;
  }
  printf("kvox %s: %.5f, should be 0.02\n", kvox_version(), middle);
  return fabs(middle - 0.02) < 0.02 * 0.01 ? 0 : 1;
}

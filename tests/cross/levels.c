/* From phantom to picture at every CPU level of this machine: as the oracle has it. */
#include <kvox/kvox.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 65, VIEWS = 48, ROWS = 3, VOXELS = COLUMNS * COLUMNS * ROWS };

/* Vector variants against the oracle, of the range: docs/architecture.md. */
static const double tolerance = 1e-5;

static kvox_status reconstruct(int32_t level, float *voxels) {
  static float samples[VIEWS * ROWS * COLUMNS];
  kvox_context *context = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_phantom *phantom = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_array projections, array;
  kvox_grid grid;
  kvox_context_options options;
  kvox_ct_parallel_options beam;
  kvox_context_options_init(&options);
  kvox_ct_parallel_options_init(&beam);
  options.cpu_level = level;
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.column_pitch_mm = 3, beam.angle_step_deg = 180.0 / VIEWS;
  kvox_status status = kvox_context_create(&options, &context);
  status = status ? status : kvox_ct_geometry_create_parallel(context, &beam, &geometry);
  status = status ? status : kvox_phantom_create(context, "shepp-logan", 90, 0.02, &phantom);
  status =
      status ? status : kvox_array_init(&projections, samples, KVOX_F32, 3, (const int64_t[]){VIEWS, ROWS, COLUMNS});
  status = status ? status : kvox_ct_simulate(context, geometry, phantom, &projections);
  status = status ? status : kvox_ct_fbp_plan_create(context, geometry, NULL, &plan);
  status = status ? status : kvox_ct_fbp_plan_grid(plan, &grid);
  status = status ? status : kvox_array_init(&array, voxels, KVOX_F32, 3, (const int64_t[]){ROWS, COLUMNS, COLUMNS});
  status = status ? status : kvox_volume_wrap(context, &array, &grid, &volume);
  status = status ? status : kvox_ct_fbp_execute(plan, NULL, &projections, volume);
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_phantom_destroy(phantom);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return status;
}

int main(void) {
  static float oracle[VOXELS], fast[VOXELS];
  if (reconstruct(KVOX_CPU_REF, oracle) != KVOX_OK || reconstruct(kvox_cpu_detected(), fast) != KVOX_OK) {
    fprintf(stderr, "%s\n", kvox_last_error());
    return 1;
  }
  double low = oracle[0], high = oracle[0], worst = 0;
  for (int i = 0; i < VOXELS; i++) {
    const double value = oracle[i], error = fabs(fast[i] - value);
    low = value < low ? value : low;
    high = value > high ? value : high;
    worst = error <= worst ? worst : error; /* NaN is worst of all */
  }
  printf("%s against ref: %.2g of the range %g to %g\n", kvox_cpu_level_name(kvox_cpu_detected()), worst / (high - low),
         low, high);
  return high > low && worst <= tolerance * (high - low) ? 0 : 1;
}

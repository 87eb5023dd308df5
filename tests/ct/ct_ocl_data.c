/* Real data on an OpenCL device against the CPU: a tooth's counts, a head that is projected and reconstructed. */
#include "core/array.h"
#include "ct/sides.h"
#include "kvox/io.h"

/* Where every reconstruction is compared, at every voxel. */
static const double most_hu = 0.5;

/* The path of a file of the real data; skips the test where there is none. */
static const char *data_path(const char *file, char path[4096]) {
  const char *folder = getenv("KVOX_DATA");
  if (folder == NULL || folder[0] == '\0') {
    printf("skipped: %s, because KVOX_DATA is not set\n", file);
    return NULL;
  }
  snprintf(path, 4096, "%s/%s", folder, file);
  return path;
}

/* Reconstructs on both sides and returns the greatest difference in HU. */
static double difference(const sides *both, kvox_ct_geometry *geometry, const kvox_ct_fbp_options *options,
                         const kvox_array *projections) {
  const scan s = {.context = both->cpu, .geometry = geometry, .projections = *projections};
  kvox_volume *device = reconstruct_on(both->device, &s, options), *cpu = reconstruct_on(both->cpu, &s, options);
  const double greatest = greatest_difference(device, cpu);
  kvox_volume_destroy(device);
  kvox_volume_destroy(cpu);
  return greatest;
}

static void the_tooth(void **state) {
  SIDES_OR_SKIP(state);
  char path[4096];
  kvox_io_scan *tooth = NULL;
  if (data_path("ct/tooth.h5", path) == NULL) {
    skip();
  }
  assert_ok(kvox_io_read_scan(both->cpu, path, &tooth));
  const kvox_array *counts = kvox_io_scan_projections(tooth);
  kvox_ct_correction_options correct;
  kvox_ct_filter_options filter;
  kvox_ct_fbp_options options;
  kvox_ct_parallel_options beam;
  kvox_ct_correction *correction = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_correction_options_init(&correct);
  kvox_ct_filter_options_init(&filter);
  kvox_ct_fbp_options_init(&options);
  kvox_ct_parallel_options_init(&beam);
  correct.flat = kvox_io_scan_flat(tooth);
  correct.dark = kvox_io_scan_dark(tooth);
  assert_ok(kvox_ct_correction_create(both->cpu, &correct, &correction));
  beam.views = counts->shape[0];
  beam.rows = counts->shape[1];
  beam.columns = counts->shape[2];
  beam.column_pitch_mm = 0.01; /* about that; the dentine then has some 0.25 / mm */
  beam.angle_step_deg = 180.0 / (double)beam.views;
  assert_ok(kvox_ct_geometry_create_parallel(both->cpu, &beam, &geometry));
  filter.correction = correction;
  options.filter = &filter;
  options.hounsfield = 1;
  options.mu_water_per_mm = 0.1;
  const double greatest = difference(both, geometry, &options, counts);
  printf("the tooth: the device differs from the CPU by at most %.2g HU\n", greatest);
  assert_true(greatest < most_hu);
  kvox_ct_geometry_destroy(geometry);
  kvox_ct_correction_destroy(correction);
  kvox_io_scan_destroy(tooth);
}

/* A real head as a volume in HU, its line integrals by the CPU's projector. */
static void the_head(void **state) {
  SIDES_OR_SKIP(state);
  char path[4096];
  const double water = 0.02;
  kvox_volume *head = NULL, *mu = NULL;
  kvox_grid grid, centred;
  kvox_array given;
  if (data_path("volumes/ct_head_64x64x93.mha", path) == NULL) {
    skip();
  }
  assert_ok(kvox_io_read_volume(both->cpu, path, &head));
  assert_ok(kvox_volume_grid(head, &grid));
  assert_ok(kvox_volume_array(head, &given));
  assert_ok(kvox_grid_init(&centred, grid.size, grid.spacing_mm, NULL));
  assert_ok(kvox_volume_create(both->cpu, KVOX_F32, &centred, &mu));
  const int64_t voxels = grid.size[0] * grid.size[1] * grid.size[2];
  for (int64_t i = 0; i < voxels; i++) {
    const double hu = kvox_element((const char *)given.data + i * (int64_t)kvox_type_size(given.type), given.type);
    volume_samples(mu)[i] = (float)(water * fmax(0, 1 + hu / 1000));
  }
  kvox_ct_parallel_options beam;
  kvox_ct_operator_options pair;
  kvox_ct_fbp_options options;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_operator *operation = NULL;
  kvox_array projections;
  kvox_ct_parallel_options_init(&beam);
  kvox_ct_operator_options_init(&pair);
  kvox_ct_fbp_options_init(&options);
  beam.views = 180;
  beam.rows = grid.size[2];
  beam.columns = 96;
  beam.column_pitch_mm = grid.spacing_mm[0];
  beam.row_pitch_mm = grid.spacing_mm[2];
  beam.angle_step_deg = 1;
  pair.grid = options.grid = &centred;
  options.hounsfield = 1;
  options.mu_water_per_mm = water;
  assert_ok(kvox_ct_geometry_create_parallel(both->cpu, &beam, &geometry));
  assert_ok(kvox_ct_operator_create(both->cpu, geometry, &pair, &operation));
  const int64_t shape[3] = {beam.views, beam.rows, beam.columns};
  float *samples = malloc((size_t)(shape[0] * shape[1] * shape[2]) * sizeof *samples);
  assert_non_null(samples);
  assert_ok(kvox_array_init(&projections, samples, KVOX_F32, 3, shape));
  assert_ok(kvox_ct_project(operation, NULL, mu, &projections));
  const double greatest = difference(both, geometry, &options, &projections);
  printf("the head: the device differs from the CPU by at most %.2g HU\n", greatest);
  assert_true(greatest < most_hu);
  free(samples);
  kvox_ct_operator_destroy(operation);
  kvox_ct_geometry_destroy(geometry);
  kvox_volume_destroy(head);
  kvox_volume_destroy(mu);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_tooth), cmocka_unit_test(the_head)};
  return cmocka_run_group_tests(tests, open_sides, close_sides);
}

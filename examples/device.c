/*
 * From projections to a picture on an OpenCL device, without a copy in between: device [NAME]
 *
 * NAME is "gpu", a number, or a part of a device's name; without one the best device is taken. The projections are
 * simulated; only one line of the result comes back.
 */
#include <kvox/kvox.h>
#include <stdio.h>

enum { VIEWS = 180, ROWS = 2, COLUMNS = 127 };

#define TRY(call)            \
  do {                       \
    status = (call);         \
    if (status != KVOX_OK) { \
      goto cleanup;          \
    }                        \
  } while (0)

static void list_devices(void) {
  kvox_device_info info;
  for (int32_t i = 0; i < kvox_device_count(); i++) {
    kvox_device_info_init(&info);
    if (kvox_device_get(i, &info) == KVOX_OK) {
      printf("%d: %s (%s, %s)%s%s\n", (int)i, info.name, kvox_device_type_name(info.type), info.platform,
             info.unusable[0] != '\0' ? ", not used: " : "", info.unusable);
    }
  }
}

/* Fills `counts`, a buffer of the device, with a head's projections. */
static kvox_status put_projections(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_array *there) {
  static float memory[VIEWS * ROWS * COLUMNS];
  kvox_status status = KVOX_OK;
  kvox_phantom *phantom = NULL;
  kvox_array here;
  TRY(kvox_array_init(&here, memory, KVOX_F32, 3, there->shape));
  TRY(kvox_phantom_create(context, "shepp-logan", 60, 0.02, &phantom));
  TRY(kvox_ct_simulate(context, geometry, phantom, &here));
  TRY(kvox_array_copy(&here, there));
cleanup:
  kvox_phantom_destroy(phantom);
  return status;
}

static kvox_status reconstruct(const char *device) {
  const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};
  kvox_status status = KVOX_OK;
  kvox_context *context = NULL;
  kvox_ct_geometry *geometry = NULL;
  kvox_ct_fbp_plan *plan = NULL;
  kvox_buffer *buffer = NULL;
  kvox_volume *volume = NULL;

  kvox_context_options options;
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_OPENCL;
  options.forbid_fallback = 1; /* the plan below takes arrays of the device */
  options.device = device;
  TRY(kvox_context_create(&options, &context));

  kvox_ct_parallel_options beam;
  kvox_ct_parallel_options_init(&beam);
  beam.views = VIEWS, beam.rows = ROWS, beam.columns = COLUMNS;
  beam.angle_step_deg = 180.0 / VIEWS;
  TRY(kvox_ct_geometry_create_parallel(context, &beam, &geometry));

  kvox_array projections;
  TRY(kvox_buffer_create(context, sizeof(float) * VIEWS * ROWS * COLUMNS, &buffer));
  TRY(kvox_array_init_buffer(&projections, buffer, 0, KVOX_F32, 3, shape));
  TRY(put_projections(context, geometry, &projections));

  kvox_grid grid;
  TRY(kvox_ct_fbp_plan_create(context, geometry, NULL, &plan));
  TRY(kvox_ct_fbp_plan_grid(plan, &grid));
  TRY(kvox_volume_create_device(context, KVOX_F32, &grid, &volume));
  TRY(kvox_ct_fbp_execute(plan, NULL, &projections, volume));

  /* One row of the first slice comes to the host. */
  const int64_t begin[3] = {0, COLUMNS / 2, 0}, size[3] = {1, 1, COLUMNS};
  float row[COLUMNS];
  kvox_array whole, part, line;
  TRY(kvox_volume_array(volume, &whole));
  TRY(kvox_array_region(&whole, begin, size, &part));
  TRY(kvox_array_init(&line, row, KVOX_F32, 3, size));
  TRY(kvox_array_copy(&part, &line));
  printf("%.4f in the middle, %.4f in the skull\n", (double)row[COLUMNS / 2], (double)row[COLUMNS / 2 - 40]);

cleanup:
  kvox_volume_destroy(volume);
  kvox_ct_fbp_plan_destroy(plan);
  kvox_buffer_destroy(buffer);
  kvox_ct_geometry_destroy(geometry);
  kvox_context_destroy(context);
  return status;
}

int main(int count, char **arguments) {
  if (kvox_device_count() == 0) {
    printf("%s\n", kvox_last_error()); /* no library, no driver or no device */
    return 0;
  }
  list_devices();
  if (reconstruct(count > 1 ? arguments[1] : NULL) != KVOX_OK) {
    fprintf(stderr, "%s: %s\n", arguments[0], kvox_last_error());
    return 1;
  }
  return 0;
}

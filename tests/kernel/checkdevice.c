/* Compares every kernel of an OpenCL device with the plain oracle, and times them. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/check.h"
#include "kvox/device.h"

extern const kvox_check_stage kvox_check_ocl_convert, kvox_check_ocl_correct;
extern const kvox_check_stage kvox_check_ocl_filter;
extern const kvox_check_stage kvox_check_ocl_backproject, kvox_check_ocl_project, kvox_check_ocl_pair;
extern const kvox_check_stage kvox_check_ocl_cone, kvox_check_ocl_oblique;
extern const kvox_check_stage kvox_check_ocl_mix, kvox_check_ocl_positions;
extern const kvox_check_stage kvox_check_ocl_squares, kvox_check_ocl_weigh;
extern const kvox_check_stage kvox_check_ocl_magnitude, kvox_check_ocl_phase, kvox_check_ocl_walsh;
extern const kvox_check_stage kvox_check_ocl_t2star, kvox_check_ocl_field;
extern const kvox_check_stage kvox_check_ocl_regrid, kvox_check_ocl_ghost;
extern const kvox_check_stage kvox_check_ocl_partial_load, kvox_check_ocl_partial_store, kvox_check_ocl_partial_scale,
    kvox_check_ocl_partial_normalise, kvox_check_ocl_partial_onto_phase, kvox_check_ocl_partial_blend,
    kvox_check_ocl_partial_energy, kvox_check_ocl_partial_restore;

static const kvox_check_stage *const stages[] = {
    &kvox_check_ocl_convert,
    &kvox_check_ocl_correct,
    &kvox_check_ocl_filter,
    &kvox_check_ocl_backproject,
    &kvox_check_ocl_project,
    &kvox_check_ocl_pair,
    &kvox_check_ocl_cone,
    &kvox_check_ocl_oblique,
    &kvox_check_ocl_mix,
    &kvox_check_ocl_positions,
    &kvox_check_ocl_squares,
    &kvox_check_ocl_weigh,
    &kvox_check_ocl_walsh,
    &kvox_check_ocl_t2star,
    &kvox_check_ocl_field,
    &kvox_check_ocl_magnitude,
    &kvox_check_ocl_phase,
    &kvox_check_ocl_partial_load,
    &kvox_check_ocl_partial_store,
    &kvox_check_ocl_partial_scale,
    &kvox_check_ocl_partial_normalise,
    &kvox_check_ocl_partial_onto_phase,
    &kvox_check_ocl_partial_blend,
    &kvox_check_ocl_partial_energy,
    &kvox_check_ocl_partial_restore,
    &kvox_check_ocl_regrid,
    &kvox_check_ocl_ghost,
};

int main(int count, char **arguments) {
  kvox_context_options options;
  kvox_check_variant variants[2] = {{.name = "ref", .level = KVOX_CPU_REF}, {.name = "device", .level = KVOX_CPU_REF}};
  const kvox_check_program program = {.name = "checkdevice",
                                      .rounds = 40,
                                      .stages = stages,
                                      .stage_count = sizeof stages / sizeof stages[0],
                                      .variants = variants,
                                      .variant_count = 2};
  if (kvox_device_count() == 0) {
    printf("skipped: %s\n", kvox_last_error());
    return 0;
  }
  kvox_context_options_init(&options);
  options.backend = KVOX_BACKEND_OPENCL;
  options.device = getenv("KVOX_DEVICE");
  if (kvox_context_create(&options, &variants[1].context) != KVOX_OK) {
    fprintf(stderr, "checkdevice: %s\n", kvox_last_error());
    return 1;
  }
  kvox_device_info info;
  kvox_device_info_init(&info);
  if (kvox_context_device(variants[1].context, &info) == KVOX_OK) {
    printf("%s, %s\n", info.name, info.version);
  }
  const int status = kvox_check_run(&program, count, arguments);
  kvox_context_destroy(variants[1].context);
  return status;
}

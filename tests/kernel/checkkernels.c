/* Compares every variant of every stage that this machine can run with the plain oracle, and times them. */
#include <stdio.h>

#include "cpu/level.h"
#include "kernel/check.h"

extern const kvox_check_stage kvox_check_vec_operations, kvox_check_vec_log;
extern const kvox_check_stage kvox_check_correct_counts, kvox_check_correct_finite;
extern const kvox_check_stage kvox_check_filter_pack, kvox_check_filter_convolve, kvox_check_filter_multiply,
    kvox_check_filter_unpack, kvox_check_filter_interleave;
extern const kvox_check_stage kvox_check_backproject_slice, kvox_check_backproject_stack, kvox_check_project_slice,
    kvox_check_project_stack, kvox_check_cone, kvox_check_oblique, kvox_check_thin;
extern const kvox_check_stage kvox_check_rays_project, kvox_check_rays_backproject;
extern const kvox_check_stage kvox_check_rays_project_box, kvox_check_rays_backproject_box;
extern const kvox_check_stage kvox_check_ball_add, kvox_check_ball_weigh;
extern const kvox_check_stage kvox_check_product;
extern const kvox_check_stage kvox_check_mix, kvox_check_combine_squares, kvox_check_combine_roots,
    kvox_check_combine_weighted, kvox_check_combine_divide;
extern const kvox_check_stage kvox_check_fourier_weigh, kvox_check_fourier_turn, kvox_check_fourier_squares,
    kvox_check_fourier_turn_squares;
extern const kvox_check_stage kvox_check_partial_scale, kvox_check_partial_normalise, kvox_check_partial_onto_phase,
    kvox_check_partial_blend, kvox_check_partial_energy;
extern const kvox_check_stage kvox_check_polar_magnitude, kvox_check_polar_phase;
extern const kvox_check_stage kvox_check_t2star_echo, kvox_check_t2star_descent;
extern const kvox_check_stage kvox_check_walsh_outer, kvox_check_walsh_window;
extern const kvox_check_stage kvox_check_walsh_find, kvox_check_walsh_put;

static const kvox_check_stage *const stages[] = {
    &kvox_check_vec_operations,
    &kvox_check_vec_log,
    &kvox_check_correct_counts,
    &kvox_check_correct_finite,
    &kvox_check_filter_pack,
    &kvox_check_filter_convolve,
    &kvox_check_filter_multiply,
    &kvox_check_filter_unpack,
    &kvox_check_filter_interleave,
    &kvox_check_backproject_slice,
    &kvox_check_backproject_stack,
    &kvox_check_project_slice,
    &kvox_check_project_stack,
    &kvox_check_cone,
    &kvox_check_oblique,
    &kvox_check_thin,
    &kvox_check_rays_project,
    &kvox_check_rays_backproject,
    &kvox_check_rays_project_box,
    &kvox_check_rays_backproject_box,
    &kvox_check_ball_add,
    &kvox_check_ball_weigh,
    &kvox_check_mix,
    &kvox_check_product,
    &kvox_check_combine_squares,
    &kvox_check_combine_roots,
    &kvox_check_combine_weighted,
    &kvox_check_combine_divide,
    &kvox_check_fourier_weigh,
    &kvox_check_fourier_turn,
    &kvox_check_fourier_squares,
    &kvox_check_fourier_turn_squares,
    &kvox_check_partial_scale,
    &kvox_check_partial_normalise,
    &kvox_check_partial_onto_phase,
    &kvox_check_partial_blend,
    &kvox_check_partial_energy,
    &kvox_check_polar_magnitude,
    &kvox_check_polar_phase,
    &kvox_check_t2star_echo,
    &kvox_check_t2star_descent,
    &kvox_check_walsh_outer,
    &kvox_check_walsh_window,
    &kvox_check_walsh_find,
    &kvox_check_walsh_put,
};

int main(int count, char **arguments) {
  kvox_check_variant variants[KVOX_CPU_AVX512];
  kvox_check_program program = {.name = "checkkernels",
                                .rounds = 200,
                                .stages = stages,
                                .stage_count = sizeof stages / sizeof stages[0],
                                .variants = variants};
  for (int32_t level = KVOX_CPU_REF; level <= KVOX_CPU_AVX512; level++) {
    if (kvox_cpu_has(level)) {
      variants[program.variant_count++] = (kvox_check_variant){.name = kvox_cpu_level_name(level), .level = level};
    }
  }
  const int status = kvox_check_run(&program, count, arguments);
  if (program.variant_count == 1 && status == 0) {
    printf("skipped: this machine runs the oracle alone\n");
  }
  return status;
}

#include "core/fail.h"
#include "kvox/mri_coils.h"
#include "mri/ocl.h"

/* ---- Root sum of squares ---- */

typedef struct squares_run {
  kvox_mri_pieces pieces;
  kvox_ocl_kernel *kernel;
} squares_run;

static kvox_status combine_squares(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  squares_run *run = stage;
  return kvox_mri_ocl_squares_run(run->kernel, queue, &piece->sides[0], &piece->sides[1], run->pieces.flags,
                                  piece->flag);
}

kvox_status kvox_mri_ocl_squares_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                     const kvox_array *magnitude, kvox_buffer *flags, int64_t flag) {
  const kvox_array *const sides[] = {images, magnitude};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 2, false);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, kernel);
  const int64_t coils = images->shape[0];
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(images->buffer), KVOX_OCL_VALUE(at.sides[0]), KVOX_OCL_BUFFER(magnitude->buffer),
      KVOX_OCL_VALUE(at.sides[1]),     KVOX_OCL_VALUE(at.box),      KVOX_OCL_VALUE(coils),
      KVOX_OCL_BUFFER(flags),          KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_mri_root_sum_of_squares_on_device(kvox_context *context, kvox_workspace *workspace,
                                                   const kvox_array *images, const kvox_array *magnitude,
                                                   bool *fall_back) {
  static const char name[] = "kvox_mri_root_sum_of_squares";
  const kvox_sentence before = kvox_sentence_keep();
  squares_run run = {.pieces = {.context = context,
                                .name = name,
                                .stage_name = "combine",
                                .sides = {{.name = name, .array = images, .coils = kvox_mri_coils_of(images)},
                                          {.array = magnitude, .is_result = true}},
                                .side_count = 2,
                                .overflow = "a sum of squares is out of the range of 32-bit floats",
                                .function = combine_squares,
                                .stage = &run}};
  kvox_status status = kvox_ocl_kernel_get(context->ocl, "mri_combine", "", "root_sum_of_squares", &run.kernel);
  status = status == KVOX_OK ? kvox_mri_pieces_make(&run.pieces) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_ocl_kernel_destroy(run.kernel);
  return status;
}

/* ---- By maps ---- */

typedef struct weigh_run {
  kvox_mri_pieces pieces;
  kvox_ocl_kernel *kernel;
  kvox_mri_ocl_mix whitening;
  kvox_buffer *whitened[2]; /* images and maps; NULL: as they are */
} weigh_run;

kvox_status kvox_mri_ocl_weigh_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *maps, const kvox_array *combined, kvox_buffer *flags,
                                   int64_t flag) {
  const kvox_array *const sides[] = {images, maps, combined};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 3, false);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, kernel);
  const int64_t coils = images->shape[0];
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(images->buffer),
                                         KVOX_OCL_VALUE(at.sides[0]),
                                         KVOX_OCL_BUFFER(maps->buffer),
                                         KVOX_OCL_VALUE(at.sides[1]),
                                         KVOX_OCL_BUFFER(combined->buffer),
                                         KVOX_OCL_VALUE(at.sides[2]),
                                         KVOX_OCL_VALUE(at.box),
                                         KVOX_OCL_VALUE(coils),
                                         KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status weigh_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  weigh_run *run = stage;
  kvox_array sides[2] = {piece->sides[0], piece->sides[1]};
  for (int i = 0; i < 2 && run->whitening.kernel != NULL; i++) {
    sides[i] = kvox_mri_ocl_dense(run->whitened[i], KVOX_C64, piece->sides[i].shape[0], piece->size);
    KVOX_TRY(kvox_mri_ocl_mix_run(&run->whitening, queue, &piece->sides[i], &sides[i], run->pieces.flags, piece->flag));
  }
  return kvox_mri_ocl_weigh_run(run->kernel, queue, &sides[0], &sides[1], &piece->sides[2], run->pieces.flags,
                                piece->flag);
}

static kvox_status make_weigh(weigh_run *run, const kvox_mix *mix) {
  kvox_context *context = run->pieces.context;
  KVOX_TRY(kvox_ocl_kernel_get(context->ocl, "mri_combine", "", "weigh", &run->kernel));
  if (mix == NULL) {
    return kvox_mri_pieces_make(&run->pieces);
  }
  const int64_t bytes = mix->inputs * 2 * (int64_t)sizeof(float);
  run->pieces.own_bytes = 2 * bytes;
  KVOX_TRY(kvox_mri_pieces_make(&run->pieces));
  KVOX_TRY(kvox_mri_ocl_mix_make(context, mix, &run->whitening));
  for (int i = 0; i < 2; i++) {
    KVOX_TRY(kvox_ocl_buffer_create(context->ocl, (uint64_t)(kvox_mri_pieces_samples(&run->pieces) * bytes),
                                    "whitened samples", &run->whitened[i]));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_combine_on_device(kvox_context *context, const kvox_mix *mix, kvox_workspace *workspace,
                                       const kvox_array *images, const kvox_array *maps, const kvox_array *combined,
                                       bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  const int64_t coils = kvox_mri_coils_of(images);
  weigh_run run = {.pieces = {.context = context,
                              .name = "kvox_mri_combine",
                              .stage_name = "combine",
                              .sides = {{.name = "kvox_mri_combine: images", .array = images, .coils = coils},
                                        {.name = "kvox_mri_combine: maps",
                                         .array = maps,
                                         .coils = coils,
                                         .for_all = maps->rank < images->rank},
                                        {.array = combined, .is_result = true}},
                              .side_count = 3,
                              .function = weigh_piece,
                              .stage = &run}};
  kvox_status status = make_weigh(&run, mix);
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_mri_ocl_mix_drop(&run.whitening);
  kvox_buffer_destroy(run.whitened[0]);
  kvox_buffer_destroy(run.whitened[1]);
  kvox_ocl_kernel_destroy(run.kernel);
  return status;
}

#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "mri/ocl.h"

/* Results of a work-item at a time: as many sums as registers hold, each load for all of them. */
enum { OUTPUTS = 8 };

/* ---- The stage ---- */

/* The matrix as the kernel reads it. */
static kvox_status make_matrix(kvox_context *context, const kvox_mix *mix, kvox_buffer **buffer) {
  const int64_t blocks = kvox_divide_up(mix->outputs, OUTPUTS), count = 2 * blocks * OUTPUTS * mix->inputs;
  float *packed = kvox_allocate_zeros(context->heap, (uint64_t)count * sizeof *packed);
  if (packed == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t o = 0; o < mix->outputs; o++) {
    const int64_t inputs = mix->lower ? o + 1 : mix->inputs;
    float *block = packed + 2 * (o / OUTPUTS * OUTPUTS * mix->inputs + o % OUTPUTS);
    for (int64_t i = 0; i < inputs; i++) {
      memcpy(block + 2 * i * OUTPUTS, mix->matrix + 2 * (o * mix->inputs + i), 2 * sizeof *packed);
    }
  }
  const kvox_status status =
      kvox_ocl_buffer_from(context->ocl, "matrix of coils", packed, (uint64_t)count * sizeof *packed, buffer);
  kvox_release(context->heap, packed);
  return status;
}

static kvox_status make_kernel(kvox_context *context, const char *name, kvox_mri_ocl_mix *stage) {
  char options[32];
  snprintf(options, sizeof options, "-D OUTPUTS=%d", OUTPUTS);
  return kvox_ocl_kernel_get(context->ocl, "mri_mix", options, name, &stage->kernel);
}

kvox_status kvox_mri_ocl_mix_make(kvox_context *context, const kvox_mix *mix, kvox_mri_ocl_mix *stage) {
  *stage =
      (kvox_mri_ocl_mix){.inputs = (int32_t)mix->inputs, .outputs = (int32_t)mix->outputs, .lower = mix->lower ? 1 : 0};
  KVOX_TRY(make_kernel(context, "mix_coils", stage));
  return make_matrix(context, mix, &stage->matrix);
}

kvox_status kvox_mri_ocl_mix_make_positions(kvox_context *context, const kvox_mri_compression *compression,
                                            kvox_mri_ocl_mix *stage) {
  *stage = (kvox_mri_ocl_mix){.inputs = (int32_t)compression->coils,
                              .outputs = (int32_t)compression->virtual_coils,
                              .row = kvox_mri_compression_row(compression) / 2};
  const uint64_t floats = (uint64_t)(compression->coils * compression->virtual_coils * 2 * stage->row);
  KVOX_TRY(make_kernel(context, "mix_positions", stage));
  return kvox_ocl_buffer_from(context->ocl, "matrices of coils", compression->weights, floats * sizeof(float),
                              &stage->matrix);
}

void kvox_mri_ocl_mix_drop(kvox_mri_ocl_mix *stage) {
  kvox_buffer_destroy(stage->matrix);
  kvox_ocl_kernel_destroy(stage->kernel);
}

kvox_status kvox_mri_ocl_mix_run(kvox_mri_ocl_mix *stage, kvox_ocl_queue *queue, const kvox_array *in,
                                 const kvox_array *out, kvox_buffer *flags, int64_t flag) {
  const kvox_array *const sides[] = {in, out};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 2, stage->row > 0);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, stage->kernel);
  if (stage->row > 0) {
    const kvox_ocl_argument arguments[] = {
        KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_VALUE(at.sides[0]),   KVOX_OCL_BUFFER(out->buffer),
        KVOX_OCL_VALUE(at.sides[1]), KVOX_OCL_VALUE(at.box),        KVOX_OCL_BUFFER(stage->matrix),
        KVOX_OCL_VALUE(stage->row),  KVOX_OCL_VALUE(stage->inputs), KVOX_OCL_VALUE(stage->outputs),
        KVOX_OCL_BUFFER(flags),      KVOX_OCL_VALUE(flag)};
    return kvox_ocl_run(queue, stage->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
  }
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(in->buffer),   KVOX_OCL_VALUE(at.sides[0]),
                                         KVOX_OCL_BUFFER(out->buffer),  KVOX_OCL_VALUE(at.sides[1]),
                                         KVOX_OCL_VALUE(at.box),        KVOX_OCL_BUFFER(stage->matrix),
                                         KVOX_OCL_VALUE(stage->inputs), KVOX_OCL_VALUE(stage->outputs),
                                         KVOX_OCL_VALUE(stage->lower),  KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, stage->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* ---- The calls ---- */

typedef struct mix_run {
  kvox_mri_pieces pieces;
  kvox_mri_ocl_mix mix;
} mix_run;

static kvox_status mix_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  mix_run *run = stage;
  return kvox_mri_ocl_mix_run(&run->mix, queue, &piece->sides[0], &piece->sides[1], run->pieces.flags, piece->flag);
}

static mix_run begin_run(kvox_context *context, const char *name, const char *stage, const kvox_array *in,
                         const kvox_array *out) {
  return (mix_run){.pieces = {.context = context,
                              .name = name,
                              .stage_name = stage,
                              .sides = {{.name = name, .array = in, .coils = kvox_mri_coils_of(in)},
                                        {.array = out, .coils = kvox_mri_coils_of(out), .is_result = true}},
                              .side_count = 2,
                              .function = mix_piece}};
}

static kvox_status finish_run(mix_run *run, kvox_status status, kvox_workspace *workspace, const kvox_sentence *before,
                              bool *fall_back) {
  run->pieces.stage = run;
  status = status == KVOX_OK ? kvox_mri_pieces_make(&run->pieces) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run->pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run->pieces, status, before);
  kvox_mri_pieces_drop(&run->pieces);
  kvox_mri_ocl_mix_drop(&run->mix);
  return status;
}

kvox_status kvox_mri_mix_on_device(kvox_context *context, const char *name, const char *stage, const kvox_mix *mix,
                                   kvox_workspace *workspace, const kvox_array *in, const kvox_array *out,
                                   bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  mix_run run = begin_run(context, name, stage, in, out);
  return finish_run(&run, kvox_mri_ocl_mix_make(context, mix, &run.mix), workspace, &before, fall_back);
}

kvox_status kvox_mri_compress_positions_on_device(kvox_context *context, const kvox_mri_compression *compression,
                                                  kvox_workspace *workspace, const kvox_array *in,
                                                  const kvox_array *out, bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  mix_run run = begin_run(context, "kvox_mri_compress: in", "compress", in, out);
  return finish_run(&run, kvox_mri_ocl_mix_make_positions(context, compression, &run.mix), workspace, &before,
                    fall_back);
}

/* The main field on a device: see kernels/mri_maps.cl. */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/echoes.h"
#include "mri/ocl.h"

static const double two_pi = 6.283185307179586;

/* As in kernels/mri_maps.cl. */
typedef struct train {
  int64_t echoes, coils, element;
  float hz_of_step, hz_of_span, weight;
  int32_t exponent;
} train;

typedef struct echo {
  float time, step, is_shortest;
} echo;

static kvox_status make_times(kvox_context *context, const double *times_ms, kvox_mri_ocl_field *stage) {
  const int64_t count = stage->echoes;
  echo *echoes = kvox_allocate_array(context->heap, count, sizeof *echoes);
  if (echoes == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  stage->shortest_ms = kvox_mri_shortest_step(count, times_ms);
  stage->span_ms = times_ms[count - 1] - times_ms[0];
  for (int64_t e = 0; e < count; e++) {
    const double step = e > 0 ? times_ms[e] - times_ms[e - 1] : 0;
    echoes[e] = (echo){.time = (float)((times_ms[e] - times_ms[0]) / stage->span_ms),
                       .step = (float)(step / stage->shortest_ms),
                       .is_shortest = e > 0 && step <= stage->shortest_ms * (1 + KVOX_MRI_SAME_STEP) ? 1 : 0};
  }
  const kvox_status status =
      kvox_ocl_buffer_from(context->ocl, "echo times", echoes, (uint64_t)count * sizeof *echoes, &stage->times);
  kvox_release(context->heap, echoes);
  return status;
}

static int64_t scratch_bytes(int64_t echoes) { return 2 * echoes * (int64_t)sizeof(float); }

kvox_status kvox_mri_ocl_field_make(kvox_context *context, const double *times_ms, int64_t samples,
                                    kvox_mri_ocl_field *stage) {
  KVOX_TRY(kvox_ocl_kernel_get(context->ocl, "mri_maps", "", "field_map", &stage->kernel));
  KVOX_TRY(make_times(context, times_ms, stage));
  return kvox_ocl_buffer_create(context->ocl, (uint64_t)(samples * scratch_bytes(stage->echoes)), "phases of echoes",
                                &stage->scratch);
}

void kvox_mri_ocl_field_drop(kvox_mri_ocl_field *stage) {
  kvox_ocl_kernel_destroy(stage->kernel);
  kvox_buffer_destroy(stage->times);
  kvox_buffer_destroy(stage->scratch);
}

/* Of the phase's variance 1 / (2 w): the field's is that over (2 pi)^2 the spread in s^2. */
static train train_of(const kvox_mri_ocl_field *stage, const kvox_mri_ocl_box *box) {
  train t = {.echoes = stage->echoes,
             .coils = stage->coils,
             .element = box->x * box->y * box->z,
             .hz_of_step = (float)fmin(1e3 / stage->shortest_ms, FLT_MAX),
             .hz_of_span = (float)fmin(1e3 / stage->span_ms, FLT_MAX)};
  int exponent;
  t.weight = (float)frexp(2 * two_pi * two_pi * 1e-6 * stage->span_ms * stage->span_ms, &exponent);
  t.exponent = exponent;
  return t;
}

kvox_status kvox_mri_ocl_field_run(const kvox_mri_ocl_field *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *field, const kvox_array *weight, kvox_buffer *flags,
                                   int64_t flag) {
  const int32_t has_weight = weight != NULL;
  const kvox_array *const sides[] = {images, field, has_weight ? weight : field};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 3, false);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, stage->kernel);
  const train t = train_of(stage, &at.box);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(images->buffer),
                                         KVOX_OCL_VALUE(at.sides[0]),
                                         KVOX_OCL_VALUE(t),
                                         KVOX_OCL_BUFFER(stage->times),
                                         KVOX_OCL_BUFFER(stage->scratch),
                                         KVOX_OCL_BUFFER(field->buffer),
                                         KVOX_OCL_VALUE(at.sides[1]),
                                         KVOX_OCL_VALUE(has_weight),
                                         KVOX_OCL_BUFFER(sides[2]->buffer),
                                         KVOX_OCL_VALUE(at.sides[2]),
                                         KVOX_OCL_VALUE(at.box),
                                         KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, stage->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* ---- The call ---- */

typedef struct field_run {
  kvox_mri_pieces pieces;
  kvox_mri_ocl_field stage;
} field_run;

static kvox_status field_piece(void *data, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  const field_run *run = data;
  return kvox_mri_ocl_field_run(&run->stage, queue, &piece->sides[0], &piece->sides[1],
                                run->pieces.side_count > 2 ? &piece->sides[2] : NULL, run->pieces.flags, piece->flag);
}

/* The first coil that is at fault, of the first echo whose sum is. */
static kvox_status fail_field(const void *data, const kvox_mri_tile *at, const float *samples) {
  const field_run *run = data;
  const kvox_array *images = run->pieces.sides[0].array;
  const int64_t echoes = run->stage.echoes, coils = run->stage.coils;
  for (int64_t e = 0; e < echoes; e++) {
    float sum = 0;
    for (int64_t c = 0; c < coils; c++, samples += KVOX_MRI_TILE_ROW) {
      const float square = samples[0] * samples[0] + samples[1] * samples[1];
      if (!(square <= KVOX_MRI_MOST_SQUARES)) {
        return kvox_mri_field_refuse(images, at->volume * echoes + e, c, at->begin);
      }
      sum += square;
    }
    if (!(sum <= KVOX_MRI_MOST_SQUARES)) {
      break;
    }
  }
  return kvox_mri_field_refuse(images, 0, -1, 0);
}

static kvox_status make_run(field_run *run, const double *times_ms) {
  run->pieces.own_bytes = scratch_bytes(run->stage.echoes);
  KVOX_TRY(kvox_mri_pieces_make(&run->pieces));
  return kvox_mri_ocl_field_make(run->pieces.context, times_ms, kvox_mri_pieces_samples(&run->pieces), &run->stage);
}

kvox_status kvox_mri_field_on_device(kvox_context *context, const double *times_ms, kvox_workspace *workspace,
                                     const kvox_array *images, const kvox_array *field, const kvox_array *weight,
                                     bool *fall_back) {
  static const char name[] = "kvox_mri_field_map";
  const kvox_sentence before = kvox_sentence_keep();
  const int64_t echoes = images->shape[images->rank - 5], coils = kvox_mri_coils_of(images);
  field_run run = {.pieces = {.context = context,
                              .name = name,
                              .stage_name = "field",
                              .sides = {{.name = name, .array = images, .coils = coils, .groups = echoes},
                                        {.array = field, .is_result = true},
                                        {.array = weight, .is_result = true}},
                              .side_count = weight != NULL ? 3 : 2,
                              .fail = fail_field,
                              .function = field_piece,
                              .stage = &run},
                   .stage = {.echoes = echoes, .coils = coils}};
  kvox_status status = make_run(&run, times_ms);
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_mri_ocl_field_drop(&run.stage);
  return status;
}

#include <string.h>

#include "core/fail.h"
#include "mri/ocl.h"

typedef struct polar_run {
  kvox_mri_pieces pieces;
  kvox_ocl_kernel *kernel;
  const kvox_array *images; /* as they were given */
} polar_run;

kvox_status kvox_mri_ocl_polar_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_array *images,
                                   const kvox_array *result, kvox_buffer *flags, int64_t flag) {
  const kvox_array *const sides[] = {images, result};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 2, false);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, kernel);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(images->buffer),
                                         KVOX_OCL_VALUE(at.sides[0]),
                                         KVOX_OCL_BUFFER(result->buffer),
                                         KVOX_OCL_VALUE(at.sides[1]),
                                         KVOX_OCL_VALUE(at.box),
                                         KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status polar_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  polar_run *run = stage;
  return kvox_mri_ocl_polar_run(run->kernel, queue, &piece->sides[0], &piece->sides[1], run->pieces.flags, piece->flag);
}

/* Volumes that follow one another in both arrays as their slices do become one: a launch for all of them. */
static void join_volumes(kvox_array *a, kvox_array *b) {
  while (a->rank > 3) {
    const int32_t z = a->rank - 3;
    const bool one = a->shape[z - 1] == 1 || (a->strides[z - 1] == a->shape[z] * a->strides[z] &&
                                              b->strides[z - 1] == b->shape[z] * b->strides[z]);
    if (!one) {
      return;
    }
    kvox_array *const both[] = {a, b};
    for (int i = 0; i < 2; i++) {
      kvox_array *array = both[i];
      array->shape[z] *= array->shape[z - 1];
      memmove(array->shape + z - 1, array->shape + z, 3 * sizeof *array->shape);
      memmove(array->strides + z - 1, array->strides + z, 3 * sizeof *array->strides);
      array->rank--;
    }
  }
}

static kvox_status fail_polar(const void *stage, const kvox_mri_tile *at, const float *sample) {
  (void)sample;
  const polar_run *run = stage;
  const int64_t samples = run->pieces.size[0] * run->pieces.size[1] * run->pieces.size[2];
  return kvox_mri_polar_not_finite(run->pieces.name, run->images, at->volume * samples + at->begin);
}

kvox_status kvox_mri_polar_on_device(kvox_context *context, const char *name, const char *stage,
                                     kvox_workspace *workspace, const kvox_array *images, const kvox_array *result,
                                     bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  kvox_array in = *images, out = *result;
  join_volumes(&in, &out);
  polar_run run = {.pieces = {.context = context,
                              .name = name,
                              .stage_name = stage,
                              .sides = {{.name = name, .array = &in}, {.array = &out, .is_result = true}},
                              .side_count = 2,
                              .fail = fail_polar,
                              .function = polar_piece,
                              .stage = &run},
                   .images = images};
  kvox_status status = kvox_ocl_kernel_get(context->ocl, "mri_maps", "", stage, &run.kernel);
  status = status == KVOX_OK ? kvox_mri_pieces_make(&run.pieces) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_ocl_kernel_destroy(run.kernel);
  return status;
}

/* EPI on a device: see kernels/mri_epi.cl. */
#include "mri/epi_ocl.h"

#include <stdio.h>

#include "core/fail.h"

/* Lines of a work-item: as many sums as registers hold, each number of the matrix for all of them. */
enum { LINES = 8 };

kvox_status kvox_mri_ocl_epi_kernel(kvox_context *context, const char *name, kvox_ocl_kernel **kernel) {
  char options[32];
  snprintf(options, sizeof options, "-D LINES=%d", LINES);
  return kvox_ocl_kernel_get(context->ocl, "mri_epi", options, name, kernel);
}

/* ---- Ghosts ---- */

typedef struct ghost_run {
  kvox_mri_pieces pieces;
  kvox_mri_ocl_ghost ghost;
} ghost_run;

kvox_status kvox_mri_ocl_ghost_make(kvox_context *context, int64_t coils, int64_t size, const float *factors,
                                    int64_t lines, const uint8_t *reversed, kvox_mri_ocl_ghost *ghost) {
  const uint64_t bytes = (uint64_t)kvox_work(kvox_work(2 * coils, size), 2 * sizeof *factors);
  *ghost = (kvox_mri_ocl_ghost){.coils = coils, .lines = lines};
  KVOX_TRY(kvox_mri_ocl_epi_kernel(context, "ghost", &ghost->kernel));
  KVOX_TRY(kvox_ocl_buffer_from(context->ocl, "factors of a ghost", factors, bytes, &ghost->factors));
  return kvox_ocl_buffer_from(context->ocl, "directions", reversed, (uint64_t)lines, &ghost->reversed);
}

void kvox_mri_ocl_ghost_drop(kvox_mri_ocl_ghost *ghost) {
  kvox_ocl_kernel_destroy(ghost->kernel);
  kvox_buffer_destroy(ghost->factors);
  kvox_buffer_destroy(ghost->reversed);
}

kvox_status kvox_mri_ocl_ghost_run(const kvox_mri_ocl_ghost *ghost, kvox_ocl_queue *queue, const kvox_array *in,
                                   const kvox_array *out, int64_t first_line, kvox_buffer *flags, int64_t flag) {
  const kvox_array *const sides[] = {in, out};
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, 2, true);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, ghost->kernel);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(in->buffer),     KVOX_OCL_VALUE(at.sides[0]),      KVOX_OCL_BUFFER(out->buffer),
      KVOX_OCL_VALUE(at.sides[1]),     KVOX_OCL_VALUE(at.box),           KVOX_OCL_VALUE(ghost->coils),
      KVOX_OCL_BUFFER(ghost->factors), KVOX_OCL_BUFFER(ghost->reversed), KVOX_OCL_VALUE(first_line),
      KVOX_OCL_VALUE(ghost->lines),    KVOX_OCL_BUFFER(flags),           KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, ghost->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

static kvox_status ghost_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  ghost_run *run = stage;
  return kvox_mri_ocl_ghost_run(&run->ghost, queue, &piece->sides[0], &piece->sides[1], piece->y, run->pieces.flags,
                                piece->flag);
}

kvox_status kvox_mri_ghost_on_device(kvox_context *context, const char *name, const float *factors,
                                     const uint8_t *reversed, kvox_workspace *workspace, const kvox_array *in,
                                     const kvox_array *out, bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  const int64_t coils = kvox_mri_coils_of(in);
  ghost_run run = {.pieces = {.context = context,
                              .name = name,
                              .stage_name = "ghost",
                              .sides = {{.name = name, .array = in, .coils = coils},
                                        {.array = out, .coils = coils, .is_result = true}},
                              .side_count = 2,
                              .function = ghost_piece,
                              .stage = &run}};
  kvox_status status = kvox_mri_ocl_ghost_make(context, coils, in->shape[in->rank - 1], factors,
                                               in->shape[in->rank - 2], reversed, &run.ghost);
  status = status == KVOX_OK ? kvox_mri_pieces_make(&run.pieces) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_mri_ocl_ghost_drop(&run.ghost);
  return status;
}

/* ---- Ramps ---- */

static uint64_t matrix_floats(const kvox_mri_ramp *ramp) { return (uint64_t)(ramp->samples * ramp->size); }

/* [sample][grid], of which work-items side by side read neighbours. */
static kvox_status make_matrix(kvox_mri_ramp *ramp, int direction) {
  kvox_heap *heap = ramp->context->heap;
  float *turned = kvox_allocate(heap, matrix_floats(ramp) * sizeof *turned);
  if (turned == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t n = 0; n < ramp->samples; n++) {
    for (int64_t j = 0; j < ramp->size; j++) {
      turned[n * ramp->size + j] = ramp->matrices[direction][j / KVOX_MRI_TILE * ramp->samples * KVOX_MRI_TILE_ROW +
                                                             n * KVOX_MRI_TILE_ROW + 2 * (j % KVOX_MRI_TILE)];
    }
  }
  const kvox_status status = kvox_ocl_buffer_from(ramp->context->ocl, "matrix of ramps", turned,
                                                  matrix_floats(ramp) * sizeof *turned, &ramp->there[direction]);
  kvox_release(heap, turned);
  return status;
}

static const char *kernel_of(const kvox_mri_ramp *ramp) { return ramp->matrices[0] != NULL ? "regrid" : "turn_lines"; }

kvox_status kvox_mri_ramp_ocl_make(kvox_mri_ramp *ramp) {
  kvox_ocl_kernel *kernel = NULL;
  KVOX_TRY(kvox_mri_ocl_epi_kernel(ramp->context, kernel_of(ramp), &kernel));
  kvox_ocl_kernel_destroy(kernel); /* that it builds is known now, while the CPU can still take over */
  for (int direction = 0; direction < 2 && ramp->matrices[0] != NULL; direction++) {
    KVOX_TRY(make_matrix(ramp, direction));
  }
  ramp->is_there = true;
  return KVOX_OK;
}

void kvox_mri_ramp_ocl_drop(kvox_mri_ramp *ramp) {
  for (int direction = 0; direction < 2; direction++) {
    kvox_buffer_destroy(ramp->there[direction]);
    ramp->there[direction] = NULL;
  }
  ramp->is_there = false;
}

uint64_t kvox_mri_ramp_ocl_bytes(const kvox_mri_ramp *ramp) {
  return ramp->is_there && ramp->matrices[0] != NULL ? 2 * matrix_floats(ramp) * sizeof(float) : 0;
}

kvox_status kvox_mri_ocl_regrid_run(const kvox_mri_ramp *ramp, int32_t reversed, kvox_ocl_kernel *kernel,
                                    kvox_ocl_queue *queue, const kvox_array *in, const kvox_array *out,
                                    kvox_buffer *flags, int64_t flag) {
  const kvox_mri_ocl_samples in_at = kvox_mri_ocl_samples_of(in), out_at = kvox_mri_ocl_samples_of(out);
  const kvox_mri_ocl_box box = {out->shape[3], out->shape[2], out->shape[1]};
  if (ramp->matrices[0] == NULL) {
    const kvox_ocl_range range = kvox_mri_ocl_range(&box, kernel);
    const kvox_ocl_argument arguments[] = {
        KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_VALUE(in_at),    KVOX_OCL_BUFFER(out->buffer), KVOX_OCL_VALUE(out_at),
        KVOX_OCL_VALUE(box),         KVOX_OCL_VALUE(reversed), KVOX_OCL_BUFFER(flags),       KVOX_OCL_VALUE(flag)};
    return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
  }
  const kvox_mri_ocl_box blocks = {box.x, kvox_divide_up(box.y, LINES), box.z};
  const kvox_ocl_range range = kvox_mri_ocl_range(&blocks, kernel);
  const int32_t samples = (int32_t)ramp->samples;
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(in->buffer), KVOX_OCL_VALUE(in_at),  KVOX_OCL_BUFFER(out->buffer),
      KVOX_OCL_VALUE(out_at),      KVOX_OCL_VALUE(box),    KVOX_OCL_BUFFER(ramp->there[reversed]),
      KVOX_OCL_VALUE(samples),     KVOX_OCL_BUFFER(flags), KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

typedef struct regrid_run {
  kvox_mri_pieces pieces;
  const kvox_mri_ramp *ramp;
  int32_t reversed;
  kvox_ocl_kernel *kernel;
  kvox_buffer *aside; /* results of a piece in place: others still read what they would overwrite; NULL: apart */
} regrid_run;

static kvox_status regrid_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  const regrid_run *run = stage;
  const kvox_array *out = &piece->sides[1];
  const kvox_array aside = kvox_mri_ocl_dense(run->aside, KVOX_C64, 1, out->shape + 1);
  KVOX_TRY(kvox_mri_ocl_regrid_run(run->ramp, run->reversed, run->kernel, queue, &piece->sides[0],
                                   run->aside != NULL ? &aside : out, run->pieces.flags, piece->flag));
  return run->aside != NULL ? kvox_ocl_copy(queue, &aside, out, false) : KVOX_OK;
}

static kvox_status fail_regrid(const void *stage, const kvox_mri_tile *at, const float *sample) {
  (void)sample;
  const regrid_run *run = stage;
  const int64_t n = run->ramp->samples, rows = run->pieces.size[0] * run->pieces.size[1];
  return kvox_mri_ramp_not_finite(at->begin % n, at->volume * rows + at->begin / n);
}

static kvox_status make_regrid(regrid_run *run) {
  kvox_mri_pieces *p = &run->pieces;
  const kvox_array *in = p->sides[0].array, *out = p->sides[1].array;
  const bool in_place = kvox_array_is_same(in, out) && kvox_mri_ocl_reaches(in);
  KVOX_TRY(kvox_mri_ocl_epi_kernel(p->context, kernel_of(run->ramp), &run->kernel));
  p->own_bytes = in_place ? 2 * sizeof(float) : 0;
  KVOX_TRY(kvox_mri_pieces_make(p));
  return in_place ? kvox_ocl_buffer_create(p->context->ocl, (uint64_t)kvox_mri_pieces_samples(p) * 2 * sizeof(float),
                                           "regridded samples", &run->aside)
                  : KVOX_OK;
}

kvox_status kvox_mri_regrid_on_device(const kvox_mri_ramp *ramp, kvox_workspace *workspace, int32_t reversed,
                                      const kvox_array *in, const kvox_array *out, bool *fall_back) {
  static const char name[] = "kvox_mri_ramp_apply: in";
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_array from = kvox_mri_with_volume(in), to = kvox_mri_with_volume(out);
  regrid_run run = {.pieces = {.context = ramp->context,
                               .name = name,
                               .stage_name = "regrid",
                               .sides = {{.name = name, .array = &from}, {.array = &to, .is_result = true}},
                               .side_count = 2,
                               .fail = fail_regrid,
                               .function = regrid_piece,
                               .stage = &run},
                    .ramp = ramp,
                    .reversed = reversed};
  kvox_status status = make_regrid(&run);
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_ocl_kernel_destroy(run.kernel);
  kvox_buffer_destroy(run.aside);
  return status;
}

/* Walsh's maps on a device: see kernels/mri_walsh.cl. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "mri/ocl.h"
#include "mri/walsh.h"

/* Voxels that a work-item searches at once: a register of a CPU's vector unit. */
enum { CPU_LANES = 16, GPU_LANES = 1 };

static const char *const kernel_names[KVOX_MRI_OCL_WALSH_KERNELS] = {"measure_rows", "add_rows",   "add_columns",
                                                                     "add_window",   "find_first", "put_maps"};
enum { MEASURE, ADD_ROWS, ADD_COLUMNS, ADD_WINDOW, FIND, PUT };

/* As in kernels/mri_walsh.cl. */
typedef struct matrices {
  int64_t coils, pairs, x, rows, row, element;
} matrices;

typedef struct window {
  int64_t lead_z, lead_y, size_z, size_y, radius_z, radius_y;
} window;

/* ---- The stage ---- */

int64_t kvox_mri_ocl_walsh_lanes(const kvox_context *context) {
  return kvox_ocl_info(context->ocl)->type == KVOX_DEVICE_CPU ? CPU_LANES : GPU_LANES;
}

static int64_t row_floats(const kvox_mri_ocl_walsh *stage) { return 2 * kvox_mri_pairs(stage->coils) + 1; }

/* Of elements or, once these are summed along x, two vectors; before, of a row's sums. */
static int64_t column_elements(const kvox_mri_ocl_walsh *stage) {
  return kvox_max_i64(row_floats(stage), 4 * stage->coils);
}

int64_t kvox_mri_ocl_walsh_bytes(int64_t coils, int64_t lanes, int64_t row) {
  const kvox_mri_ocl_walsh stage = {.coils = coils};
  const int64_t floats = column_elements(&stage) + 2 * kvox_mri_pairs(coils);
  return kvox_divide_up(floats * kvox_round_up(row, lanes), row) * (int64_t)sizeof(float);
}

kvox_status kvox_mri_ocl_walsh_make(kvox_context *context, int64_t samples, int64_t row, kvox_mri_ocl_walsh *stage) {
  char options[32];
  const uint64_t padded = (uint64_t)(samples / row * kvox_round_up(row, stage->lanes)) * sizeof(float);
  snprintf(options, sizeof options, "-D LANES=%d", (int)stage->lanes);
  for (int i = 0; i < KVOX_MRI_OCL_WALSH_KERNELS; i++) {
    KVOX_TRY(kvox_ocl_kernel_get(context->ocl, "mri_walsh", options, kernel_names[i], &stage->kernels[i]));
  }
  KVOX_TRY(kvox_ocl_buffer_create(context->ocl, (uint64_t)column_elements(stage) * padded, "products of coils",
                                  &stage->columns));
  return kvox_ocl_buffer_create(context->ocl, (uint64_t)(2 * kvox_mri_pairs(stage->coils)) * padded, "sums of windows",
                                &stage->sums);
}

void kvox_mri_ocl_walsh_drop(kvox_mri_ocl_walsh *stage) {
  for (int i = 0; i < KVOX_MRI_OCL_WALSH_KERNELS; i++) {
    kvox_ocl_kernel_destroy(stage->kernels[i]);
  }
  kvox_buffer_destroy(stage->columns);
  kvox_buffer_destroy(stage->sums);
  kvox_buffer_destroy(stage->reference);
  kvox_buffer_destroy(stage->factor);
}

static matrices matrices_of(const kvox_mri_ocl_walsh *stage, const kvox_array *piece) {
  matrices m = {.coils = stage->coils, .pairs = kvox_mri_pairs(stage->coils), .x = piece->shape[3]};
  m.rows = piece->shape[1] * piece->shape[2];
  m.row = kvox_round_up(m.x, stage->lanes);
  m.element = m.rows * m.row;
  return m;
}

static kvox_mri_ocl_box box_of(const kvox_array *piece) {
  return (kvox_mri_ocl_box){piece->shape[3], piece->shape[2], piece->shape[1]};
}

/* Work-items {a, b, c}, groups along a and then b. */
static kvox_ocl_range range_of(const kvox_ocl_kernel *kernel, int64_t a, int64_t b, int64_t c) {
  const kvox_mri_ocl_box box = {a, b, c};
  return kvox_mri_ocl_range(&box, kernel);
}

kvox_status kvox_mri_ocl_walsh_survey(const kvox_mri_ocl_walsh *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                      kvox_buffer *flags, int64_t flag, float *rows) {
  const matrices m = matrices_of(stage, images);
  const kvox_mri_ocl_samples at = kvox_mri_ocl_samples_of(images);
  const kvox_mri_ocl_box box = box_of(images);
  const kvox_ocl_range measured = range_of(stage->kernels[MEASURE], box.y, box.z, 1);
  const kvox_ocl_range added = range_of(stage->kernels[ADD_ROWS], m.pairs, box.y, box.z);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(images->buffer), KVOX_OCL_VALUE(at),     KVOX_OCL_VALUE(box), KVOX_OCL_VALUE(m),
      KVOX_OCL_BUFFER(stage->columns), KVOX_OCL_BUFFER(flags), KVOX_OCL_VALUE(flag)};
  KVOX_TRY(kvox_ocl_run(queue, stage->kernels[MEASURE], &measured, arguments, 7));
  KVOX_TRY(kvox_ocl_run(queue, stage->kernels[ADD_ROWS], &added, arguments, 5));
  return kvox_ocl_read(queue, stage->columns, 0, rows, (uint64_t)(m.rows * row_floats(stage)) * sizeof *rows);
}

void kvox_mri_ocl_walsh_add_rows(const kvox_mri_ocl_walsh *stage, int64_t count, const float *rows, double *packed) {
  const int64_t elements = 2 * kvox_mri_pairs(stage->coils);
  for (int64_t r = 0; r < count; r++, rows += elements + 1) {
    const double scale = ldexp(1, 2 * (int)rows[elements]);
    for (int64_t k = 0; k < elements; k++) {
      packed[k] += scale * rows[k];
    }
  }
}

kvox_status kvox_mri_ocl_walsh_run(const kvox_mri_ocl_walsh *stage, kvox_ocl_queue *queue, const kvox_array *images,
                                   const int64_t lead[2], float scale, const kvox_array *maps) {
  kvox_ocl_kernel *const *kernels = stage->kernels;
  const matrices m = matrices_of(stage, maps);
  const window w = {lead[0], lead[1], images->shape[1], images->shape[2], stage->radius[2], stage->radius[1]};
  const kvox_mri_ocl_samples from = kvox_mri_ocl_samples_of(images), to = kvox_mri_ocl_samples_of(maps);
  const kvox_mri_ocl_box box = box_of(maps);
  const int32_t has_factor = stage->factor != NULL;
  const kvox_ocl_range columns = range_of(kernels[ADD_COLUMNS], m.row, box.y, box.z);
  const kvox_ocl_range sums = range_of(kernels[ADD_WINDOW], m.row, m.rows, 2 * m.pairs);
  const kvox_ocl_range found = range_of(kernels[FIND], m.row / stage->lanes, m.rows, 1);
  const kvox_ocl_range put = range_of(kernels[PUT], box.x, box.y, box.z);
  const kvox_ocl_argument of_columns[] = {KVOX_OCL_BUFFER(images->buffer),
                                          KVOX_OCL_VALUE(from),
                                          KVOX_OCL_VALUE(w),
                                          KVOX_OCL_VALUE(box),
                                          KVOX_OCL_VALUE(m),
                                          KVOX_OCL_VALUE(scale),
                                          KVOX_OCL_BUFFER(stage->columns)};
  const kvox_ocl_argument of_window[] = {KVOX_OCL_BUFFER(stage->columns), KVOX_OCL_VALUE(m),
                                         KVOX_OCL_VALUE(stage->radius[0]), KVOX_OCL_BUFFER(stage->sums)};
  const kvox_ocl_argument of_find[] = {KVOX_OCL_BUFFER(stage->sums), KVOX_OCL_VALUE(m),
                                       KVOX_OCL_BUFFER(stage->columns)};
  const kvox_ocl_argument of_put[] = {KVOX_OCL_BUFFER(stage->columns),
                                      KVOX_OCL_VALUE(m),
                                      KVOX_OCL_BUFFER(stage->reference),
                                      KVOX_OCL_BUFFER(has_factor ? stage->factor : stage->reference),
                                      KVOX_OCL_VALUE(has_factor),
                                      KVOX_OCL_BUFFER(maps->buffer),
                                      KVOX_OCL_VALUE(to),
                                      KVOX_OCL_VALUE(box)};
  KVOX_TRY(kvox_ocl_run(queue, kernels[ADD_COLUMNS], &columns, of_columns, sizeof of_columns / sizeof *of_columns));
  KVOX_TRY(kvox_ocl_run(queue, kernels[ADD_WINDOW], &sums, of_window, sizeof of_window / sizeof *of_window));
  KVOX_TRY(kvox_ocl_run(queue, kernels[FIND], &found, of_find, sizeof of_find / sizeof *of_find));
  return kvox_ocl_run(queue, kernels[PUT], &put, of_put, sizeof of_put / sizeof *of_put);
}

/* ---- The call ---- */

typedef struct walsh_run {
  kvox_mri_pieces pieces;
  kvox_mri_ocl_walsh stage;
  const kvox_mri_noise *noise;
  kvox_mri_ocl_mix whitening;
  kvox_buffer *whitened; /* NULL: as they are */
  float *rows;           /* what was read of a piece */
  double *packed;        /* [volume]: summed one by one, so that no cut into pieces changes a bit */
  float scale;
} walsh_run;

static kvox_array shifted(const kvox_array *array, const int64_t lead[2], const int64_t size[3]) {
  kvox_array part = *array;
  part.data = kvox_array_shifted(array, lead[0] * array->strides[1] + lead[1] * array->strides[2]);
  memcpy(part.shape + 1, size, 3 * sizeof *size);
  return part;
}

/* Whitened samples of a part of the piece; flags count within it. */
static kvox_status whiten(walsh_run *run, kvox_ocl_queue *queue, int64_t flag, kvox_array *samples) {
  if (run->whitened == NULL) {
    return KVOX_OK;
  }
  const kvox_array white = kvox_mri_ocl_dense(run->whitened, KVOX_C64, samples->shape[0], samples->shape + 1);
  KVOX_TRY(kvox_mri_ocl_mix_run(&run->whitening, queue, samples, &white, run->pieces.flags, flag));
  *samples = white;
  return KVOX_OK;
}

static kvox_status survey_piece(void *data, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  walsh_run *run = data;
  kvox_array samples = shifted(&piece->sides[0], piece->lead, piece->size);
  KVOX_TRY(whiten(run, queue, piece->flag, &samples));
  KVOX_TRY(kvox_mri_ocl_walsh_survey(&run->stage, queue, &samples, run->pieces.flags, piece->flag, run->rows));
  kvox_mri_ocl_walsh_add_rows(&run->stage, piece->size[0] * piece->size[1], run->rows,
                              run->packed + piece->volume * 2 * kvox_mri_pairs(run->stage.coils));
  return KVOX_OK;
}

/* The coil that has most of the energy, and L. */
static kvox_status settle(void *data) {
  walsh_run *run = data;
  kvox_context *context = run->pieces.context;
  const int64_t n = run->stage.coils, elements = 2 * kvox_mri_pairs(n);
  const double samples = (double)kvox_array_elements(run->pieces.sides[0].array);
  float *of_coils = kvox_allocate_array(context->heap, 4 * n + 2 * n * n, sizeof *of_coils), *factor = of_coils + 4 * n;
  char *block = kvox_allocate(context->heap, kvox_mri_walsh_eigen_bytes(n));
  kvox_status status = KVOX_ERROR_MEMORY;
  if (of_coils == NULL || block == NULL) {
    goto cleanup;
  }
  for (int64_t i = elements; i < run->pieces.volumes * elements; i++) {
    run->packed[i % elements] += run->packed[i];
  }
  kvox_mri_unpack(n, run->packed, (kvox_complex *)(void *)block);
  KVOX_TRY_CLEANUP(kvox_mri_walsh_reference(n, samples, block, of_coils + 2 * n, &run->scale));
  for (int64_t c = 0; c < n; c++) {
    of_coils[2 * c] = of_coils[2 * n + c];
    of_coils[2 * c + 1] = of_coils[3 * n + c];
  }
  KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(context->ocl, "reference", of_coils, (uint64_t)(2 * n) * sizeof *of_coils,
                                        &run->stage.reference));
  if (run->noise != NULL) {
    kvox_mri_walsh_factor(run->noise, n, factor);
    KVOX_TRY_CLEANUP(kvox_ocl_buffer_from(context->ocl, "factor of the covariance", factor,
                                          (uint64_t)(2 * n * n) * sizeof *factor, &run->stage.factor));
  }
  status = KVOX_OK;
cleanup:
  kvox_release(context->heap, block);
  kvox_release(context->heap, of_coils);
  return status;
}

static kvox_status map_piece(void *data, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  walsh_run *run = data;
  kvox_array samples = piece->sides[0];
  KVOX_TRY(whiten(run, queue, piece->flag, &samples));
  return kvox_mri_ocl_walsh_run(&run->stage, queue, &samples, piece->lead, run->scale, &piece->sides[1]);
}

static kvox_status make_run(walsh_run *run, const kvox_mix *mix) {
  kvox_mri_pieces *pieces = &run->pieces;
  kvox_context *context = pieces->context;
  kvox_heap *heap = context->heap;
  const int64_t n = run->stage.coils, row = pieces->sides[0].array->shape[pieces->sides[0].array->rank - 1];
  run->stage.lanes = kvox_mri_ocl_walsh_lanes(context);
  pieces->own_bytes = kvox_mri_ocl_walsh_bytes(n, run->stage.lanes, row);
  pieces->own_halo_bytes = mix != NULL ? 2 * n * (int64_t)sizeof(float) : 0;
  KVOX_TRY(kvox_mri_pieces_make(pieces));
  KVOX_TRY(kvox_mri_ocl_walsh_make(context, kvox_mri_pieces_samples(pieces), row, &run->stage));
  run->rows = kvox_allocate_array(heap, pieces->z * pieces->y * row_floats(&run->stage), sizeof *run->rows);
  run->packed = kvox_allocate_zeros(heap, (uint64_t)(pieces->volumes * 2 * kvox_mri_pairs(n)) * sizeof *run->packed);
  if (run->rows == NULL || run->packed == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  if (mix != NULL) {
    KVOX_TRY(kvox_mri_ocl_mix_make(context, mix, &run->whitening));
    KVOX_TRY(kvox_ocl_buffer_create(context->ocl,
                                    (uint64_t)(kvox_mri_pieces_with_halo(pieces) * pieces->own_halo_bytes),
                                    "whitened samples", &run->whitened));
  }
  return KVOX_OK;
}

kvox_status kvox_mri_walsh_on_device(kvox_context *context, const kvox_mri_noise *noise, const int64_t radius[3],
                                     kvox_workspace *workspace, const kvox_array *images, const kvox_array *maps,
                                     bool *fall_back) {
  const kvox_sentence before = kvox_sentence_keep();
  const int64_t coils = kvox_mri_coils_of(images);
  const kvox_mix mix = noise != NULL ? kvox_mri_noise_mix(noise) : (kvox_mix){.outputs = 0};
  walsh_run run = {.pieces = {.context = context,
                              .name = "kvox_mri_walsh_maps",
                              .stage_name = "maps",
                              .sides = {{.name = "kvox_mri_walsh_maps: images", .array = images, .coils = coils},
                                        {.array = maps, .coils = coils, .is_result = true}},
                              .side_count = 2,
                              .halo = {radius[2], radius[1]},
                              .survey = survey_piece,
                              .settle = settle,
                              .function = map_piece,
                              .stage = &run},
                   .stage = {.coils = coils, .radius = {radius[0], radius[1], radius[2]}},
                   .noise = noise};
  kvox_status status = make_run(&run, noise != NULL ? &mix : NULL);
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_mri_ocl_walsh_drop(&run.stage);
  kvox_mri_ocl_mix_drop(&run.whitening);
  kvox_buffer_destroy(run.whitened);
  kvox_release(context->heap, run.rows);
  kvox_release(context->heap, run.packed);
  return status;
}

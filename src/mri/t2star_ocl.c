/* T2* on a device: see kernels/mri_t2star.cl. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/ocl.h"
#include "mri/t2star.h"

/* Rates and times there are floats. */
static const double least_float = 1e-30, most_float = 1e30;

static float bounded(double x) { return (float)fmin(fmax(x, least_float), most_float); }

kvox_mri_ocl_decay kvox_mri_ocl_decay_of(const kvox_t2star_fit *fit, bool least_squares, double first_ms) {
  const double span = fit->times[fit->echoes - 1];
  return (kvox_mri_ocl_decay){.echoes = fit->echoes,
                              .even = fit->even,
                              .least_squares = least_squares,
                              .floor = (float)fit->floor,
                              .least_rate = bounded(span * fit->least_rate),
                              .most_rate = bounded(span * fit->most_rate),
                              .first_time = (float)fmin(first_ms / span, most_float),
                              .span_ms = bounded(span),
                              .shortest_ms = (float)(1 / fit->most_rate),
                              .longest_ms = (float)(1 / fit->least_rate)};
}

kvox_status kvox_mri_ocl_times(kvox_context *context, const kvox_t2star_fit *fit, kvox_buffer **buffer) {
  float *times = kvox_allocate_array(context->heap, fit->echoes, sizeof *times);
  if (times == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t e = 0; e < fit->echoes; e++) {
    times[e] = (float)(fit->times[e] / fit->times[fit->echoes - 1]);
  }
  const kvox_status status =
      kvox_ocl_buffer_from(context->ocl, "echo times", times, (uint64_t)fit->echoes * sizeof *times, buffer);
  kvox_release(context->heap, times);
  return status;
}

kvox_status kvox_mri_ocl_t2star_run(kvox_ocl_kernel *kernel, kvox_ocl_queue *queue, const kvox_mri_ocl_decay *decay,
                                    const kvox_buffer *times, const kvox_array *magnitudes,
                                    const kvox_array *const results[KVOX_T2STAR_RESULTS], kvox_buffer *flags,
                                    int64_t flag) {
  const kvox_array *sides[1 + KVOX_T2STAR_RESULTS] = {magnitudes};
  int32_t wanted = 0, count = 1, place[KVOX_T2STAR_RESULTS] = {0};
  for (int r = 0; r < KVOX_T2STAR_RESULTS; r++) {
    if (results[r] != NULL) {
      wanted |= 1 << r;
      place[r] = count;
      sides[count++] = results[r];
    }
  }
  /* What is not wanted is not touched: any buffer will do. */
  const kvox_mri_ocl_layout at = kvox_mri_ocl_lay_out(sides, count, false);
  const kvox_ocl_range range = kvox_mri_ocl_range(&at.box, kernel);
  const kvox_buffer *to[KVOX_T2STAR_RESULTS];
  for (int r = 0; r < KVOX_T2STAR_RESULTS; r++) {
    to[r] = results[r] != NULL ? results[r]->buffer : sides[1]->buffer;
  }
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(magnitudes->buffer),
                                         KVOX_OCL_VALUE(at.sides[0]),
                                         KVOX_OCL_BUFFER(times),
                                         KVOX_OCL_VALUE(*decay),
                                         KVOX_OCL_VALUE(wanted),
                                         KVOX_OCL_BUFFER(to[0]),
                                         KVOX_OCL_VALUE(at.sides[place[0]]),
                                         KVOX_OCL_BUFFER(to[1]),
                                         KVOX_OCL_VALUE(at.sides[place[1]]),
                                         KVOX_OCL_BUFFER(to[2]),
                                         KVOX_OCL_VALUE(at.sides[place[2]]),
                                         KVOX_OCL_VALUE(at.box),
                                         KVOX_OCL_BUFFER(flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(queue, kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* ---- The call ---- */

typedef struct t2star_run {
  kvox_mri_pieces pieces;
  kvox_ocl_kernel *kernel;
  kvox_buffer *times;
  kvox_mri_ocl_decay decay;
  int32_t place[KVOX_T2STAR_RESULTS]; /* of a result among the sides; 0: it is not wanted */
} t2star_run;

static kvox_status t2star_piece(void *stage, kvox_ocl_queue *queue, const kvox_mri_piece *piece) {
  const t2star_run *run = stage;
  const kvox_array *results[KVOX_T2STAR_RESULTS];
  for (int r = 0; r < KVOX_T2STAR_RESULTS; r++) {
    results[r] = run->place[r] > 0 ? &piece->sides[run->place[r]] : NULL;
  }
  return kvox_mri_ocl_t2star_run(run->kernel, queue, &run->decay, run->times, &piece->sides[0], results,
                                 run->pieces.flags, piece->flag);
}

static kvox_status fail_t2star(const void *stage, const kvox_mri_tile *at, const float *echoes) {
  const t2star_run *run = stage;
  int64_t e = 0;
  while (e + 1 < run->decay.echoes && kvox_t2star_takes(echoes[e * KVOX_MRI_TILE_ROW])) {
    e++;
  }
  return kvox_t2star_refuse(run->pieces.sides[0].array, at->volume, e, at->begin);
}

kvox_status kvox_mri_t2star_on_device(kvox_context *context, const kvox_t2star_fit *fit, bool least_squares,
                                      double first_ms, kvox_workspace *workspace, const kvox_array *magnitudes,
                                      const kvox_array *const results[KVOX_T2STAR_RESULTS], bool *fall_back) {
  static const char name[] = "kvox_mri_t2star";
  const kvox_sentence before = kvox_sentence_keep();
  t2star_run run = {.pieces = {.context = context,
                               .name = name,
                               .stage_name = "t2star",
                               .sides = {{.name = name, .array = magnitudes, .coils = fit->echoes}},
                               .side_count = 1,
                               .fail = fail_t2star,
                               .function = t2star_piece,
                               .stage = &run},
                    .decay = kvox_mri_ocl_decay_of(fit, least_squares, first_ms)};
  for (int r = 0; r < KVOX_T2STAR_RESULTS; r++) {
    if (results[r] != NULL) {
      run.place[r] = run.pieces.side_count;
      run.pieces.sides[run.pieces.side_count++] = (kvox_mri_side){.array = results[r], .is_result = true};
    }
  }
  kvox_status status = kvox_ocl_kernel_get(context->ocl, "mri_t2star", "", "t2star", &run.kernel);
  status = status == KVOX_OK ? kvox_mri_ocl_times(context, fit, &run.times) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_make(&run.pieces) : status;
  status = status == KVOX_OK ? kvox_mri_pieces_run(&run.pieces, workspace) : status;
  *fall_back = kvox_mri_pieces_fall_back(&run.pieces, status, &before);
  kvox_mri_pieces_drop(&run.pieces);
  kvox_buffer_destroy(run.times);
  kvox_ocl_kernel_destroy(run.kernel);
  return status;
}

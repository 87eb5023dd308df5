#include "picture/window.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "context/context.h"
#include "core/fail.h"
#include "core/number.h"
#include "cpu/level.h"
#include "kvox/picture.h"
#include "picture/runs.h"

const kvox_window_kernels *kvox_window_kernels_of(int32_t cpu_level) { return KVOX_KERNELS(kvox_window, cpu_level); }

typedef struct window_job {
  const kvox_array *image, *levels;
  const kvox_window_kernels *kernels;
  kvox_window_line line;
  bool sigmoid;
  double steepness; /* of the sigmoid: 4 / width */
} window_job;

/* A run of levels, dense. */
typedef union run_levels {
  uint8_t u8[KVOX_RUN_SAMPLES];
  uint16_t u16[KVOX_RUN_SAMPLES];
} run_levels;

static bool is_aligned(const void *at, size_t size) { return (uintptr_t)at % size == 0; }

/* LINEAR of two ends between which no level lies: a step, which the oracle's cases have and a line has not. */
static kvox_window_line straight_line(double center, double width, double most) {
  kvox_window_line line = {.low = center - 0.5 * width,
                           .high = center + 0.5 * width,
                           .center = center,
                           .middle = 0.5 * most,
                           .slope = most / width,
                           .most = most};
  if (!(line.low < line.high) || !isfinite(line.slope)) {
    line.low = line.high = center;
    line.slope = 0;
  }
  return line;
}

static double sigmoid(const window_job *job, double x) {
  const double level = job->line.most / (1 + exp(-job->steepness * (x - job->line.center)));
  return isnan(level) ? 0 : floor(level + 0.5);
}

static void window_run(const window_job *job, kvox_run run, void *out) {
  const kvox_array *image = job->image;
  const bool wide = job->levels->type == KVOX_U16;
  double doubles[KVOX_RUN_SAMPLES];
  if (!job->sigmoid && kvox_run_fits_float(image->type)) {
    const int64_t stride = image->strides[image->rank - 1];
    const float *in = kvox_run_start(image, run);
    float floats[KVOX_RUN_SAMPLES];
    if (image->type != KVOX_F32 || stride != (int64_t)sizeof *in || !is_aligned(in, sizeof *in)) {
      kvox_row_to_float(in, image->type, stride, run.count, floats);
      in = floats;
    }
    if (wide) {
      job->kernels->f32_u16(&job->line, run.count, in, out);
    } else {
      job->kernels->f32_u8(&job->line, run.count, in, out);
    }
    return;
  }
  kvox_run_to_double(image, run, doubles);
  if (!job->sigmoid) {
    if (wide) {
      job->kernels->f64_u16(&job->line, run.count, doubles, out);
    } else {
      job->kernels->f64_u8(&job->line, run.count, doubles, out);
    }
    return;
  }
  for (int64_t i = 0; i < run.count; i++) {
    const double level = sigmoid(job, doubles[i]);
    if (wide) {
      ((uint16_t *)out)[i] = (uint16_t)level;
    } else {
      ((uint8_t *)out)[i] = (uint8_t)level;
    }
  }
}

static kvox_status window_piece(void *data, int64_t piece, int32_t worker) {
  (void)worker;
  const window_job *job = data;
  const kvox_array *levels = job->levels;
  const int64_t begin = piece * KVOX_PIECE_SAMPLES, stride = levels->strides[levels->rank - 1];
  const int64_t end = kvox_min_i64(begin + KVOX_PIECE_SAMPLES, kvox_array_elements(levels));
  const size_t size = kvox_type_size(levels->type);
  kvox_run run;
  for (int64_t at = begin; at < end; at += run.count) {
    run = kvox_run_at(levels, at, end);
    char *out = kvox_run_start(levels, run);
    if (stride == (int64_t)size && is_aligned(out, size)) {
      window_run(job, run, out);
      continue;
    }
    run_levels dense;
    window_run(job, run, &dense);
    for (int64_t i = 0; i < run.count; i++) {
      memcpy(out + i * stride, (const char *)&dense + (size_t)i * size, size);
    }
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_array *image, int32_t function, double center, double width,
                         const kvox_array *levels) {
  char number[KVOX_NUMBER_BYTES];
  if (function < KVOX_WINDOW_LINEAR || function > KVOX_WINDOW_SIGMOID) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_picture_window: %" PRId32 " is no window function", function);
  }
  if (!isfinite(center)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_picture_window: center is %s, must be finite",
                     kvox_number(center, number));
  }
  if (!isfinite(width) || !(function == KVOX_WINDOW_LINEAR ? width >= 1 : width > 0)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_picture_window: width is %s, must be %s", kvox_number(width, number),
                     function == KVOX_WINDOW_LINEAR ? "at least 1 for LINEAR" : "positive");
  }
  KVOX_TRY(kvox_array_check(image, "kvox_picture_window: image", KVOX_REAL_TYPES));
  KVOX_TRY(kvox_array_check_shape(levels, "kvox_picture_window: levels",
                                  KVOX_TYPE_BIT(KVOX_U8) | KVOX_TYPE_BIT(KVOX_U16), image->rank, image->shape));
  KVOX_TRY(kvox_array_check_result(levels, "levels"));
  return kvox_array_check_apart(image, "image", levels, "levels");
}

kvox_status kvox_picture_window(kvox_context *context, const kvox_array *image, int32_t function, double center,
                                double width, const kvox_array *levels) {
  const int64_t operations = function == KVOX_WINDOW_SIGMOID ? 32 : 4; /* of one sample */
  KVOX_REQUIRE(context);
  KVOX_TRY(check(image, function, center, width, levels));
  const double most = levels->type == KVOX_U8 ? UINT8_MAX : UINT16_MAX;
  window_job job = {.image = image,
                    .levels = levels,
                    .kernels = kvox_window_kernels_of(context->cpu_level),
                    .sigmoid = function == KVOX_WINDOW_SIGMOID,
                    .steepness = 4 / width};
  /* LINEAR counts whole grey values: its window is one narrower and half a value lower. */
  job.line = function == KVOX_WINDOW_LINEAR ? straight_line(center - 0.5, width - 1, most)
                                            : straight_line(center, width, most);
  if (job.line.low == job.line.high) {
    job.kernels = &kvox_window_ref;
  }
  const int64_t work = kvox_work(kvox_array_elements(image), operations);
  return kvox_parallel(&context->threads, kvox_run_pieces(image), work, window_piece, &job, NULL);
}

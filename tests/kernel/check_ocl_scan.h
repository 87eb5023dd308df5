/* What checks of the back-projector and the projector of a device share: random scans, volumes, blocks. */
#ifndef KVOX_TESTS_KERNEL_CHECK_OCL_SCAN_H
#define KVOX_TESTS_KERNEL_CHECK_OCL_SCAN_H

#include <math.h>

#include "core/size.h"
#include "ct/fixed.h"
#include "ct/ocl.h"
#include "kernel/check_ocl.h"

/* A region of a grid and the views that meet it. */
typedef struct check_scan {
  int64_t views, columns, begin[3], size[3];
  int32_t lanes;
  double slope; /* of the steepest line */
  kvox_ct_line *lines;
} check_scan;

/* Voxels `size` columns wide seen at `angle`; the region's middle meets column `center`. */
static inline kvox_ct_line check_line(const check_scan *s, double size, double angle, double center) {
  kvox_ct_line line = {size * cos(angle), size * sin(angle), 0};
  if (fabs(line.b) < 1e-9 * size) {
    line.b = 0; /* exactly along an axis */
  }
  if (fabs(line.a) < 1e-9 * size) {
    line.a = 0;
  }
  line.c = center - line.a * ((double)s->begin[0] + (double)s->size[0] / 2) -
           line.b * ((double)s->begin[1] + (double)s->size[1] / 2);
  return line;
}

/* Angles at random or along the axes and diagonals; axes on the detector or beside it. */
static inline void check_random_lines(kvox_check *check, check_scan *s, double size) {
  const double center = kvox_check_real(check, -0.3, 1.3) * (double)s->columns;
  s->lines = kvox_check_memory(check, (size_t)s->views * sizeof *s->lines);
  s->slope = 0;
  for (int64_t v = 0; v < s->views; v++) {
    const double eighth = atan(1);
    const double angle = kvox_check_chance(check, 0.3) ? eighth * (double)kvox_check_integer(check, -4, 4)
                                                       : kvox_check_real(check, -4, 4);
    s->lines[v] = check_line(s, size, angle, center);
    s->slope = fmax(s->slope, fabs(s->lines[v].a) + fabs(s->lines[v].b));
  }
}

static inline check_scan check_random_scan(kvox_check *check, int64_t most_views, int64_t most_size, double size) {
  static const int32_t lanes[] = {1, 2, 4, 8, 16};
  check_scan s = {.views = kvox_check_integer(check, 1, most_views),
                  .columns = kvox_check_integer(check, 1, 2 * most_size),
                  .lanes = lanes[kvox_check_integer(check, 0, 4)]};
  for (int d = 0; d < 2; d++) {
    s.begin[d] = kvox_check_chance(check, 0.3) ? 0 : kvox_check_integer(check, 0, 100);
    s.size[d] = kvox_check_integer(check, 1, most_size);
  }
  s.size[2] = kvox_check_integer(check, 1, 2 * s.lanes + 1);
  check_random_lines(check, &s, size);
  kvox_check_shape(check, "%d views, %d columns, voxels of %g, %d x %d from %d, %d on, %d slices, %d lanes",
                   (int)s.views, (int)s.columns, size, (int)s.size[0], (int)s.size[1], (int)s.begin[0], (int)s.begin[1],
                   (int)s.size[2], (int)s.lanes);
  return s;
}

/* Floats from -1 to 1. */
static inline float *check_random_floats(kvox_check *check, int64_t count) {
  float *values = kvox_check_floats(check, count);
  for (int64_t i = 0; i < count; i++) {
    values[i] = (float)kvox_check_real(check, -1, 1);
  }
  return values;
}

/* Memory of the device that holds a volume [slice][j][i], with gaps that nobody may touch. */
typedef struct check_slab {
  kvox_buffer *buffer;
  int64_t floats;
  kvox_array array;
} check_slab;

/* The volume's values where given, else untouched. */
static inline check_slab check_make_slab(kvox_check *check, kvox_ocl_queue *queue, const check_scan *s,
                                         const float *values) {
  const int64_t unit = sizeof(float), gap = kvox_check_integer(check, 0, 3), before = kvox_check_integer(check, 0, 5);
  int64_t step[3] = {0, s->size[0] + gap, 1}, origin = before;
  step[0] = step[1] * s->size[1] + gap;
  check_slab slab = {.floats = before + step[0] * s->size[2] + 1};
  for (int d = 0; d < 2; d++) {
    if (kvox_check_chance(check, 0.3)) {
      origin += step[d] * (s->size[2 - d] - 1);
      step[d] = -step[d];
    }
  }
  slab.array = (kvox_array){.data = (void *)(intptr_t)(origin * unit),
                            .type = KVOX_F32,
                            .rank = 3,
                            .shape = {s->size[2], s->size[1], s->size[0]},
                            .strides = {step[0] * unit, step[1] * unit, unit}};
  float *memory = kvox_check_floats(check, slab.floats);
  const uint32_t untouched = KVOX_CHECK_UNTOUCHED;
  for (int64_t i = 0; i < slab.floats; i++) {
    memcpy(memory + i, &untouched, sizeof untouched);
  }
  for (int64_t n = 0; values != NULL && n < s->size[0] * s->size[1] * s->size[2]; n++) {
    const int64_t i = n % s->size[0], j = n / s->size[0] % s->size[1], k = n / s->size[0] / s->size[1];
    memory[origin + k * step[0] + j * step[1] + i] = values[n];
  }
  slab.buffer = kvox_check_upload(check, queue, memory, (uint64_t)(slab.floats * unit));
  slab.array.buffer = slab.buffer;
  return slab;
}

/* The volume's voxels, dense; what lies between them is as it was. */
static inline float *check_read_slab(kvox_check *check, kvox_ocl_queue *queue, const check_scan *s,
                                     const check_slab *slab) {
  const int64_t unit = sizeof(float), count = s->size[0] * s->size[1] * s->size[2];
  float *memory = kvox_check_floats(check, slab->floats), *values = kvox_check_floats(check, count);
  const uint32_t untouched = KVOX_CHECK_UNTOUCHED;
  kvox_check_read(check, queue, slab->buffer, memory, (uint64_t)(slab->floats * unit));
  for (int64_t n = 0; n < count; n++) {
    const int64_t i = n % s->size[0], j = n / s->size[0] % s->size[1], k = n / s->size[0] / s->size[1];
    float *at =
        memory + ((intptr_t)slab->array.data + k * slab->array.strides[0] + j * slab->array.strides[1]) / unit + i;
    values[n] = *at;
    memcpy(at, &untouched, sizeof untouched);
  }
  for (int64_t i = 0; i < slab->floats && check->fault[0] == '\0'; i++) {
    if (!kvox_check_is_untouched(memory + i)) {
      kvox_check_fault(check, "wrote between or beside the rows of the volume");
    }
  }
  return values;
}

/* Views first ... first + views - 1 as a cut whose block has some views before and behind them. */
static inline kvox_ct_ocl_cut check_cut(kvox_check *check, const check_scan *s, int64_t first, int64_t views) {
  kvox_ct_ocl_cut cut = {.view = first,
                         .views = views,
                         .slices = s->size[2],
                         .lanes = s->lanes,
                         .block_view = kvox_check_integer(check, 0, 2)};
  cut.block_views = cut.block_view + views + kvox_check_integer(check, 0, 2);
  return cut;
}

/* Where a sample lies in a cut's block, in floats. `view` counts from the cut's first. */
static inline int64_t check_block_at(const check_scan *s, const kvox_ct_ocl_cut *cut, int64_t slice, int64_t view,
                                     int64_t column) {
  const int64_t row = slice / s->lanes * cut->block_views + cut->block_view + view;
  return (row * s->columns + column) * s->lanes + slice % s->lanes;
}

static inline int64_t check_block_floats(const check_scan *s, const kvox_ct_ocl_cut *cut) {
  return kvox_ct_ocl_groups(cut) * cut->block_views * s->columns * s->lanes;
}

#endif

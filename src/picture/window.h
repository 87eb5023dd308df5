/* Stage "window": grey values to grey levels, a row at a time (DICOM PS3.3 C.11.2.1). */
#ifndef KVOX_PICTURE_WINDOW_H
#define KVOX_PICTURE_WINDOW_H

#include <stdint.h>

/*
 * A straight window, in double: 0 at or below `low`, `most` above `high`, middle + (x - center) * slope between,
 * rounded half up. (PS3.3 writes ((x - c) / w + 0.5) * most; the slope is most / w.) Of width 0 where `low` is `high`.
 */
typedef struct kvox_window_line {
  double low, high;
  double center, middle, slope;
  double most;
} kvox_window_line;

/* The kernels of one instruction set: dense rows of floats or doubles to u8 (most <= 255) or u16. NaN becomes 0. */
typedef struct kvox_window_kernels {
  void (*f32_u8)(const kvox_window_line *line, int64_t count, const float *in, uint8_t *out);
  void (*f32_u16)(const kvox_window_line *line, int64_t count, const float *in, uint16_t *out);
  void (*f64_u8)(const kvox_window_line *line, int64_t count, const double *in, uint8_t *out);
  void (*f64_u16)(const kvox_window_line *line, int64_t count, const double *in, uint16_t *out);
} kvox_window_kernels;

const kvox_window_kernels *kvox_window_kernels_of(int32_t cpu_level);

extern const kvox_window_kernels kvox_window_ref;
extern const kvox_window_kernels kvox_window_avx2;
extern const kvox_window_kernels kvox_window_avx512;
extern const kvox_window_kernels kvox_window_neon;

#endif

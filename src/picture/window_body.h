/*
 * The vector body; see window.h. Included once per instruction set, with KERNELS naming the table. Plain C that every
 * compiler turns into vectors of doubles: the same operations as the oracle's on every sample, so the same levels.
 */
#include "picture/window.h"

/* No branches: the line is followed beyond the window and cut off at its levels, where the standard's cases have them
 * too. NaN is not above 0. A conversion to int cuts towards 0, which is down from there. */
#define ROWS(name, in_type, out_type)                                                                                 \
  static void name(const kvox_window_line *line, int64_t count, const in_type *restrict in, out_type *restrict out) { \
    const double center = line->center, slope = line->slope, middle = line->middle + 0.5, top = line->most + 0.5;     \
    for (int64_t i = 0; i < count; i++) {                                                                             \
      double y = ((double)in[i] - center) * slope + middle;                                                           \
      y = y > 0 ? y : 0;                                                                                              \
      y = y < top ? y : top;                                                                                          \
      out[i] = (out_type)(int32_t)y;                                                                                  \
    }                                                                                                                 \
  }

ROWS(f32_u8, float, uint8_t)
ROWS(f32_u16, float, uint16_t)
ROWS(f64_u8, double, uint8_t)
ROWS(f64_u16, double, uint16_t)

const kvox_window_kernels KERNELS = {f32_u8, f32_u16, f64_u8, f64_u16};

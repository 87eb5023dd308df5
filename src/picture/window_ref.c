/* The oracle: the standard's three cases, as they are written there. */
#include <math.h>

#include "picture/window.h"

static double level(const kvox_window_line *line, double x) {
  if (!(x > line->low)) {
    return 0; /* NaN too */
  }
  if (x > line->high) {
    return line->most;
  }
  /* Where the centre is so large that the window's ends were rounded, the line overshoots. */
  return fmax(0, fmin(floor((x - line->center) * line->slope + (line->middle + 0.5)), line->most));
}

#define ROWS(name, in_type, out_type)                                                               \
  static void name(const kvox_window_line *line, int64_t count, const in_type *in, out_type *out) { \
    for (int64_t i = 0; i < count; i++) {                                                           \
      out[i] = (out_type)level(line, (double)in[i]);                                                \
    }                                                                                               \
  }

ROWS(f32_u8, float, uint8_t)
ROWS(f32_u16, float, uint16_t)
ROWS(f64_u8, double, uint8_t)
ROWS(f64_u16, double, uint16_t)

const kvox_window_kernels kvox_window_ref = {f32_u8, f32_u16, f64_u8, f64_u16};

/* The oracle: one pixel and one view at a time, coordinates in double. */
#include <math.h>

#include "ct/backproject.h"

typedef struct place {
  float *low;
  float fraction;
} place;

/* Where pixel (x, y) meets a view whose samples are `stride` floats apart. */
static place meet(const kvox_tile_view *view, int32_t x, int32_t y, int64_t stride) {
  const double s = view->exact_base + view->exact_a * x + view->exact_b * y;
  const double column = floor(s);
  return (place){view->row + (int64_t)column * stride, (float)(s - column)};
}

static void backproject(const kvox_tile *tile, int64_t stack) {
  for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
    for (int32_t x = tile->x_begin; x < tile->x_end; x++) {
      float *pixel = tile->pixels + ((int64_t)y * KVOX_TILE + x) * stack;
      for (int64_t v = 0; v < tile->count; v++) {
        const place at = meet(&tile->views[v], x, y, stack);
        for (int64_t k = 0; k < stack; k++) {
          pixel[k] += at.low[k] + at.fraction * (at.low[stack + k] - at.low[k]);
        }
      }
    }
  }
}

static void project(const kvox_tile *tile, int64_t stack) {
  for (int64_t v = 0; v < tile->count; v++) {
    for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
      for (int32_t x = tile->x_begin; x < tile->x_end; x++) {
        const float *pixel = tile->pixels + ((int64_t)y * KVOX_TILE + x) * stack;
        const place at = meet(&tile->views[v], x, y, stack);
        for (int64_t k = 0; k < stack; k++) {
          at.low[k] += pixel[k] - at.fraction * pixel[k];
          at.low[stack + k] += at.fraction * pixel[k];
        }
      }
    }
  }
}

static void slice(const kvox_tile *tile) { backproject(tile, 1); }
static void stack(const kvox_tile *tile) { backproject(tile, KVOX_STACK); }
static void project_slice(const kvox_tile *tile) { project(tile, 1); }
static void project_stack(const kvox_tile *tile) { project(tile, KVOX_STACK); }

const kvox_backproject_kernels kvox_backproject_ref = {slice, stack, project_slice, project_stack};

/* The vector body; see backproject.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "ct/backproject.h"

/* Views a pass over a tile: of a stack so that the samples which a row of pixels meets (16 views x 33 columns x 64
 * bytes) stay in the first-level cache, of one slice so that they do with their indices. */
enum { STACK_PASS = 16, SLICE_PASS = 64 };

enum { VECTORS = KVOX_TILE / VL };

static inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

/* Where a row of pixels meets the views of a pass: byte offsets and fractions. */
typedef struct meeting {
  int32_t offset[STACK_PASS][KVOX_TILE];
  float fraction[STACK_PASS][KVOX_TILE];
} meeting;

/* VL pixels from x on, in row y: samples and fractions. */
static inline vi meet(const kvox_tile_view *view, int32_t x, int32_t y, vf *fraction) {
  const vf start = vf_set(fused(view->b, (float)y, view->base));
  const vf s = vf_fma(vf_set(view->a), vf_add(vf_lanes(), vf_set((float)x)), start);
  const vi index = vi_truncate(s);
  *fraction = vf_sub(s, vf_from_int(index));
  return index;
}

/* log2 of the bytes of a sample of a stack. */
enum { STACK_SHIFT = 6 };
_Static_assert(KVOX_STACK * sizeof(float) == 1u << STACK_SHIFT, "a stack's sample has 64 bytes");

static void meet_row(const kvox_tile_view *views, int64_t count, int32_t y, meeting *m) {
  for (int64_t v = 0; v < count; v++) {
    for (int32_t x = 0; x < KVOX_TILE; x += VL) {
      vf fraction;
      const vi index = meet(&views[v], x, y, &fraction);
      vi_store(m->offset[v] + x, vi_shift_left(index, STACK_SHIFT));
      vf_store(m->fraction[v] + x, fraction);
    }
  }
}

enum { PARTS = KVOX_STACK / VL };

/* `pixels` neighbours at once: their sums are independent, which hides the latency of the additions. */
static inline __attribute__((always_inline)) void stack_pixels(const kvox_tile_view *views, int64_t count,
                                                               const meeting *m, int32_t x, float *out,
                                                               const int32_t pixels) {
  vf sum[4][PARTS];
  for (int32_t n = 0; n < pixels; n++) {
    for (int32_t k = 0; k < PARTS; k++) {
      sum[n][k] = vf_load(out + n * KVOX_STACK + k * VL);
    }
  }
  for (int64_t v = 0; v < count; v++) {
    const char *row = (const char *)views[v].row;
    for (int32_t n = 0; n < pixels; n++) {
      const float *low = (const float *)(const void *)(row + m->offset[v][x + n]);
      const vf fraction = vf_set(m->fraction[v][x + n]);
      for (int32_t k = 0; k < PARTS; k++) {
        const vf l = vf_load(low + k * VL), h = vf_load(low + KVOX_STACK + k * VL);
        sum[n][k] = vf_add(sum[n][k], vf_fma(fraction, vf_sub(h, l), l));
      }
    }
  }
  for (int32_t n = 0; n < pixels; n++) {
    for (int32_t k = 0; k < PARTS; k++) {
      vf_store(out + n * KVOX_STACK + k * VL, sum[n][k]);
    }
  }
}

static void stack(const kvox_tile *tile) {
  meeting m;
  for (int64_t first = 0; first < tile->count; first += STACK_PASS) {
    const kvox_tile_view *views = tile->views + first;
    const int64_t count = tile->count - first < STACK_PASS ? tile->count - first : STACK_PASS;
    for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
      float *row = tile->pixels + (int64_t)y * KVOX_TILE * KVOX_STACK;
      int32_t x = tile->x_begin;
      meet_row(views, count, y, &m);
      for (; x + 4 <= tile->x_end; x += 4) {
        stack_pixels(views, count, &m, x, row + x * KVOX_STACK, 4);
      }
      for (; x < tile->x_end; x++) {
        stack_pixels(views, count, &m, x, row + x * KVOX_STACK, 1);
      }
    }
  }
}

typedef void (*pair_function)(const float *p, vi index, vf *low, vf *high);

/* One row of one slice's pixels: all its sums stay in registers while the views pass. */
static inline __attribute__((always_inline)) void slice_row_view(const kvox_tile_view *view, int32_t y, vf *sum,
                                                                 pair_function pair) {
  const float start = fused(view->b, (float)y, view->base);
  const vf a = vf_set(view->a);
  for (int32_t n = 0; n < VECTORS; n++) {
    const int32_t x = n * VL;
    const vf s = vf_fma(a, vf_add(vf_lanes(), vf_set((float)x)), vf_set(start));
    const vi index = vi_truncate(s);
    const vf fraction = vf_sub(s, vf_from_int(index));
    /* The least index of the vector is its first or its last lane's. */
    const float leftmost = fused(view->a, (float)(view->a < 0 ? x + VL - 1 : x), start);
    const int32_t from = (int32_t)leftmost;
    vf low, high;
    pair(view->row + from, vi_sub(index, vi_set(from)), &low, &high);
    sum[n] = vf_add(sum[n], vf_fma(fraction, vf_sub(high, low), low));
  }
}

static void slice_row(const kvox_tile_view *views, int64_t count, int32_t y, float *pixels) {
  vf sum[VECTORS];
  for (int32_t n = 0; n < VECTORS; n++) {
    sum[n] = vf_load(pixels + n * VL);
  }
  for (int64_t v = 0; v < count; v++) {
    /* Most samples between a vector's first and last pixel; the hundredth stands for rounding. */
    const float span = (__builtin_fabsf(views[v].a) * (VL - 1)) + 1.01f;
    if (span <= VF_CLOSE_SPAN) {
      slice_row_view(&views[v], y, sum, vf_close_pair);
    } else if (span <= VF_NEAR_SPAN) {
      slice_row_view(&views[v], y, sum, vf_near_pair);
    } else {
      slice_row_view(&views[v], y, sum, vf_gather_pair);
    }
  }
  for (int32_t n = 0; n < VECTORS; n++) {
    vf_store(pixels + n * VL, sum[n]);
  }
}

static void slice(const kvox_tile *tile) {
  for (int64_t first = 0; first < tile->count; first += SLICE_PASS) {
    const int64_t count = tile->count - first < SLICE_PASS ? tile->count - first : SLICE_PASS;
    for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
      slice_row(tile->views + first, count, y, tile->pixels + (int64_t)y * KVOX_TILE);
    }
  }
}

static void project_stack(const kvox_tile *tile) {
  meeting m;
  for (int64_t v = 0; v < tile->count; v++) {
    for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
      const float *row = tile->pixels + (int64_t)y * KVOX_TILE * KVOX_STACK;
      meet_row(&tile->views[v], 1, y, &m);
      for (int32_t x = tile->x_begin; x < tile->x_end; x++) {
        float *low = (float *)(void *)((char *)tile->views[v].row + m.offset[0][x]);
        const vf fraction = vf_set(m.fraction[0][x]);
        for (int32_t k = 0; k < KVOX_STACK; k += VL) {
          const vf value = vf_load(row + x * KVOX_STACK + k);
          const vf given = vf_mul(fraction, value);
          vf_store(low + k, vf_add(vf_load(low + k), vf_sub(value, given)));
          vf_store(low + KVOX_STACK + k, vf_add(vf_load(low + KVOX_STACK + k), given));
        }
      }
    }
  }
}

static void project_slice(const kvox_tile *tile) {
  int32_t at[KVOX_TILE];
  float low[KVOX_TILE], high[KVOX_TILE];
  for (int64_t v = 0; v < tile->count; v++) {
    const kvox_tile_view *view = &tile->views[v];
    for (int32_t y = tile->y_begin; y < tile->y_end; y++) {
      const float *pixels = tile->pixels + (int64_t)y * KVOX_TILE;
      for (int32_t x = 0; x < KVOX_TILE; x += VL) {
        vf fraction;
        vi_store(at + x, meet(view, x, y, &fraction));
        const vf value = vf_load(pixels + x);
        const vf given = vf_mul(fraction, value);
        vf_store(high + x, given);
        vf_store(low + x, vf_sub(value, given));
      }
      for (int32_t x = tile->x_begin; x < tile->x_end; x++) {
        view->row[at[x]] += low[x];
        view->row[at[x] + 1] += high[x];
      }
    }
  }
}

const kvox_backproject_kernels KERNELS = {slice, stack, project_slice, project_stack};

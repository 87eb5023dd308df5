/* The vector body; see backproject.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec.h"
#include "ct/backproject.h"

/* Views a pass over a tile: of a stack so that the samples which a row of pixels meets (16 views x 33 columns x 64
 * bytes) stay in the first-level cache, of one slice so that they do with their indices. */
enum { STACK_PASS = 16, SLICE_PASS = 64 };

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

/*
 * One slice: a vector holds a block of 4 x VL / 4 pixels. Where voxels are no coarser than columns, the samples that a
 * block meets lie within one vector's length whatever the angle: two loads and two permutes replace gathers.
 */
enum { BLOCK_X = 4, BLOCK_Y = VL / BLOCK_X };

/* Blocks side by side, their sums in registers while the views pass: AVX2 has 16 registers for 4 sums and what they
 * need, AVX-512 has 32. */
enum { STRIP = VL == 16 ? 8 : 4, STRIP_X = STRIP * BLOCK_X };
_Static_assert(KVOX_TILE % STRIP_X == 0 && KVOX_TILE % BLOCK_Y == 0 && STRIP <= VL, "strips fill a tile");

static const float lane_x[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
static const float lane_y[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};

/* Most whole columns between the least and another sample of a block; the hundredth stands for rounding. */
static inline float block_span(const kvox_tile_view *view) {
  return (BLOCK_X - 1) * __builtin_fabsf(view->a) + (BLOCK_Y - 1) * __builtin_fabsf(view->b) + 1.01f;
}

/* The whole column below the least s of each block, as number and index: at one of its corners. */
static inline void block_columns(const kvox_tile_view *view, int32_t x, int32_t y, float *column, int32_t *index) {
  const float corner_x = (float)(view->a < 0 ? x + BLOCK_X - 1 : x);
  const float corner_y = (float)(view->b < 0 ? y + BLOCK_Y - 1 : y);
  const vf block_x = vf_fma(vf_lanes(), vf_set(BLOCK_X), vf_set(corner_x));
  const vi least = vi_truncate(vf_fma(vf_set(view->a), block_x, vf_set(fused(view->b, corner_y, view->base))));
  vi_store(index, least);
  vf_store(column, vf_from_int(least));
}

static inline void strip_view_near(const kvox_tile_view *view, int32_t x, int32_t y, const vf *xs, vf ys, vf *sum) {
  float column[VL];
  int32_t index[VL];
  block_columns(view, x, y, column, index);
  const vf a = vf_set(view->a), start = vf_fma(vf_set(view->b), ys, vf_set(view->base));
  for (int32_t n = 0; n < STRIP; n++) {
    /* s - column is exact, so that index and fraction are those of s. */
    const vf s = vf_sub(vf_fma(a, xs[n], start), vf_set(column[n]));
    const vi at = vi_truncate(s);
    const vf fraction = vf_sub(s, vf_from_int(at));
    const float *samples = view->row + index[n];
    const vf low = vf_pick(samples, at), high = vf_pick(samples + 1, at);
    sum[n] = vf_add(sum[n], vf_fma(fraction, vf_sub(high, low), low));
  }
}

static inline void strip_view_far(const kvox_tile_view *view, const vf *xs, vf ys, vf *sum) {
  const vf a = vf_set(view->a), start = vf_fma(vf_set(view->b), ys, vf_set(view->base));
  for (int32_t n = 0; n < STRIP; n++) {
    const vf s = vf_fma(a, xs[n], start);
    const vi at = vi_truncate(s);
    const vf fraction = vf_sub(s, vf_from_int(at));
    vf low, high;
    vf_gather_pair(view->row, at, &low, &high);
    sum[n] = vf_add(sum[n], vf_fma(fraction, vf_sub(high, low), low));
  }
}

static inline vf load_block(const float *pixels) {
  float block[VL];
  for (int32_t row = 0; row < BLOCK_Y; row++) {
    __builtin_memcpy(block + row * BLOCK_X, pixels + row * KVOX_TILE, BLOCK_X * sizeof *block);
  }
  return vf_load(block);
}

static inline void store_block(float *pixels, vf value) {
  float block[VL];
  vf_store(block, value);
  for (int32_t row = 0; row < BLOCK_Y; row++) {
    __builtin_memcpy(pixels + row * KVOX_TILE, block + row * BLOCK_X, BLOCK_X * sizeof *block);
  }
}

static void slice_strip(const kvox_tile_view *views, int64_t count, int32_t x, int32_t y, float *pixels) {
  const vf ys = vf_add(vf_load(lane_y), vf_set((float)y));
  vf sum[STRIP], xs[STRIP];
  for (int32_t n = 0; n < STRIP; n++) {
    sum[n] = load_block(pixels + n * BLOCK_X);
    xs[n] = vf_add(vf_load(lane_x), vf_set((float)(x + n * BLOCK_X)));
  }
  for (int64_t v = 0; v < count; v++) {
    if (block_span(&views[v]) <= VL - 1) {
      strip_view_near(&views[v], x, y, xs, ys, sum);
    } else {
      strip_view_far(&views[v], xs, ys, sum);
    }
  }
  for (int32_t n = 0; n < STRIP; n++) {
    store_block(pixels + n * BLOCK_X, sum[n]);
  }
}

/* Whole blocks: pixels beyond the region get sums that nobody reads. */
static void slice(const kvox_tile *tile) {
  const int32_t x_begin = tile->x_begin - tile->x_begin % STRIP_X, y_begin = tile->y_begin - tile->y_begin % BLOCK_Y;
  for (int64_t first = 0; first < tile->count; first += SLICE_PASS) {
    const int64_t count = tile->count - first < SLICE_PASS ? tile->count - first : SLICE_PASS;
    for (int32_t y = y_begin; y < tile->y_end; y += BLOCK_Y) {
      for (int32_t x = x_begin; x < tile->x_end; x += STRIP_X) {
        slice_strip(tile->views + first, count, x, y, tile->pixels + (int64_t)y * KVOX_TILE + x);
      }
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

/* The vector body; see cone.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>
#include <string.h>

#include "cpu/vec.h"
#include "ct/cone.h"

/* Pixels whose voxels and samples stay in the nearer caches while a view passes. */
enum { PATCH = 8 };

/* Rows are whole numbers of 2^-32, so that no cut changes a base. */
static const double row_units = 4294967296.0;

/* How the samples of a vector of voxels are found: by the most rows that it spans. */
typedef enum reach { NEAR, WIDE, FAR } reach;

/* A vector's last coordinate is at most 1 + slope (VL - 1) from its first sample on, and one more sample must lie
 * within 2 or 3 vectors: slopes below (2 VL - 2) / (VL - 1) = 2 and (3 VL - 2) / (VL - 1) > 3.06, less the rounding. */
static const double near_slope = 1.999, wide_slope = 3.06;

/* More than the rounding of a coordinate within a block, in units of a row. */
static const int64_t rounding = 1 << 16;

/* Where the pixels of a row of a patch meet a view. */
typedef struct meeting {
  double inverse[PATCH], column[PATCH];
} meeting;

static inline void meet(const kvox_cone_view *view, int64_t x, int64_t y, meeting *m) {
  const double depth = view->db * (double)y + view->dc, u = view->ub * (double)y + view->uc;
  for (int32_t n = 0; n < PATCH; n++) {
    const double across = (double)(x + n);
    m->inverse[n] = 1 / (view->da * across + depth);
    m->column[n] = (view->ua * across + u) * m->inverse[n];
  }
}

/* The voxels above a pixel that a view sees, and the two columns they take from. */
typedef struct line {
  int64_t base, step;   /* rows of block `begin`, and from block to block */
  int64_t begin, end;   /* blocks of the tile */
  const float *samples; /* the lower column */
  float slope, weight, u;
  reach reach;
} line;

/* (1 - u) low + u high, times the weight; stored rows begin ... end - 1, both multiples of VL. */
static inline void blend_rows(const float *low, float weight, float u, int64_t step, int64_t begin, int64_t end,
                              float *blend) {
  const vf b = vf_set(weight * u), a = vf_set(weight - weight * u);
  for (int64_t row = begin; row < end; row += VL) {
    vf_store(blend + row, vf_fma(a, vf_load(low + row), vf_mul(b, vf_load(low + step + row))));
  }
}

/* Empty where the view sees no voxel above the pixel. */
static inline line find_line(const kvox_cone_tile *tile, const kvox_cone_view *view, double inverse, double u) {
  if (!(u > -1 && u < (double)tile->columns)) {
    return (line){0};
  }
  const int64_t one_row = (int64_t)1 << 32;
  const double column = floor(u), spread = tile->fan ? 1 : inverse, slope = view->va * spread;
  const int64_t step = (int64_t)(slope * (KVOX_CONE_BLOCK * row_units));
  int64_t base = (int64_t)((view->vb * spread + view->vc) * row_units) - tile->row * one_row + step * tile->block;
  int64_t begin = 0, end = tile->blocks;
  while (begin < end && base + step < -one_row) {
    base += step;
    begin++;
  }
  while (begin < end && base + step * (end - begin - 1) >= tile->rows * one_row) {
    end--;
  }
  return (line){.base = base,
                .step = step,
                .begin = begin,
                .end = end,
                .samples = view->samples + (int64_t)column * tile->step,
                .slope = (float)slope,
                .weight = (float)(inverse * inverse),
                .u = (float)(u - column),
                .reach = slope < near_slope   ? NEAR
                         : slope < wide_slope ? WIDE
                                              : FAR};
}

/* VL voxels from lane `begin` of a block on; those after the first vector count their rows from `skip` on, so that
 * indices stay small. */
static inline __attribute__((always_inline)) vf take(const float *rows, float fraction, float slope, int32_t begin,
                                                     int32_t skip, const reach how) {
  const vf s = vf_fma(vf_set(slope), vf_add(vf_lanes(), vf_set((float)begin)), vf_set(fraction));
  const vi at = vi_truncate(s);
  const vf f = vf_sub(s, vf_from_int(at));
  vf low, high;
  if (how == FAR) {
    vf_gather_pair(rows, at, &low, &high);
    return vf_fma(f, vf_sub(high, low), low);
  }
  const vi near_at = begin > 0 ? vi_sub(at, vi_set(skip)) : at;
  rows += begin > 0 ? skip : 0;
  if (how == NEAR) {
    vf_pick_pair_2(rows, near_at, &low, &high);
  } else {
    vf_pick_pair_3(rows, near_at, &low, &high);
  }
  return vf_fma(f, vf_sub(high, low), low);
}

static inline __attribute__((always_inline)) void take_blocks(const line *l, const float *blend, float *voxels,
                                                              const reach how) {
  int64_t base = l->base;
  for (int64_t block = l->begin; block < l->end; block++, base += l->step) {
    float *at = voxels + block * KVOX_CONE_BLOCK;
    const float *rows = blend + (base >> 32);
    const float fraction = (float)(uint32_t)base * 0x1p-32f;
    for (int32_t lane = 0; lane < KVOX_CONE_BLOCK; lane += VL) {
      const int64_t first = (int64_t)(uint32_t)base + l->step / KVOX_CONE_BLOCK * lane - rounding;
      vf_store(at + lane,
               vf_add(vf_load(at + lane), take(rows, fraction, l->slope, lane, (int32_t)(first >> 32), how)));
    }
  }
}

/* `blend`: stored row 0. */
static inline void take_line(const kvox_cone_tile *tile, const line *l, float *blend, float *voxels) {
  const int64_t beyond = l->base + l->step * (l->end - l->begin);
  const int64_t first = l->base > 0 ? (l->base >> 32) & -(int64_t)VL : 0, last = (beyond >> 32) + 3;
  blend_rows(l->samples, l->weight, l->u, tile->step, first, last < tile->step ? last : tile->step, blend);
  switch (l->reach) {
    case NEAR: take_blocks(l, blend, voxels, NEAR); break;
    case WIDE: take_blocks(l, blend, voxels, WIDE); break;
    default: take_blocks(l, blend, voxels, FAR); break;
  }
}

static inline int32_t least(int64_t a, int32_t b) { return a < b ? (int32_t)a : b; }

/* The lines of a row of pixels first: they wait on divisions and conversions, the rest on memory. */
static void patch(const kvox_cone_tile *tile, const kvox_cone_view *view, int64_t x, int64_t y) {
  const int32_t width = least(tile->width - x, PATCH), height = least(tile->height - y, PATCH);
  const int64_t run = tile->blocks * KVOX_CONE_BLOCK;
  for (int32_t j = 0; j < height; j++) {
    float *voxels = tile->voxels + ((y + j) * tile->width + x) * run;
    line lines[PATCH];
    meeting m;
    meet(view, tile->x + x, tile->y + y + j, &m);
    for (int32_t i = 0; i < width; i++) {
      lines[i] = find_line(tile, view, m.inverse[i], m.column[i]);
    }
    for (int32_t i = 0; i < width; i++, voxels += run) {
      if (lines[i].begin < lines[i].end) {
        take_line(tile, &lines[i], tile->scratch + tile->padding, voxels);
      }
    }
  }
}

static void backproject(const kvox_cone_tile *tile) {
  const size_t zeros = (size_t)tile->padding * sizeof *tile->scratch;
  memset(tile->scratch, 0, zeros);
  memset(tile->scratch + tile->padding + tile->step, 0, zeros);
  for (int64_t y = 0; y < tile->height; y += PATCH) {
    for (int64_t x = 0; x < tile->width; x += PATCH) {
      for (int64_t v = 0; v < tile->count; v++) {
        patch(tile, &tile->views[v], x, y);
      }
    }
  }
}

const kvox_cone_kernels KERNELS = {backproject};

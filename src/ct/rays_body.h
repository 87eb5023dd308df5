/* The vector body; see rays.h. Included once per instruction set, with KERNELS naming the table. */
#include <math.h>
#include <string.h>

#include "cpu/vec.h"
#include "ct/rays.h"
#include "ct/rays_box_body.h"

/* Places along a column are whole numbers of 2^-32. */
static const double units = 4294967296.0;

/* More than the rounding of a place within a block, in these units. */
static const int64_t rounding = 1 << 16;

/* How the neighbours of a vector of places are found, by the most that it spans: places begin below 1 and rise by at
 * most the slope, those of a half block (see `skip`) below 1 and the rounding. */
typedef enum reach { CLOSE, NEAR, WIDE, FAR } reach;
static const double close_slope = 0.999, near_slope = 1.999, wide_slope = 3.06;

static reach reach_of(double slope) {
  return slope < close_slope ? CLOSE : slope < near_slope ? NEAR : slope < wide_slope ? WIDE : FAR;
}

/* Where the rays of a column meet a plane: two columns of voxels (NULL: not the tile's) and z of row r, z + r slope. */
typedef struct crossing {
  float *low, *high;
  float fraction;
  double z, slope;
} crossing;

/* The planes of the tile where a column's rays meet it, in order; how many. */
static int32_t cross(const kvox_rays_tile *tile, int64_t column, crossing crossings[KVOX_RAYS_SIDE]) {
  static const double any[3] = {1, 1, 1};
  const kvox_rays_view *view = tile->view;
  const kvox_ray ray = kvox_rays_ray(view, any, 0, column);
  const int32_t m = ray.main, a = 1 - m;
  const int64_t corner[2] = {tile->x, tile->y}, extent[2] = {tile->width, tile->height};
  const int64_t stride[2] = {tile->step, tile->width * tile->step};
  int32_t count = 0;
  for (int64_t n = 0; n < extent[m]; n++) {
    const double t = ((double)(corner[m] + n) - ray.from[m]) / ray.along[m];
    const double p = ray.from[a] + t * ray.along[a] - (double)corner[a];
    if (!(p > -1 && p < (double)extent[a])) {
      continue;
    }
    const double whole = floor(p);
    const int64_t at = (int64_t)whole;
    float *low = tile->voxels + n * stride[m] + at * stride[a];
    crossings[count++] = (crossing){.low = at >= 0 ? low : NULL,
                                    .high = at + 1 < extent[a] ? low + stride[a] : NULL,
                                    .fraction = (float)(p - whole),
                                    .z = ray.from[2] + t * ray.along[2],
                                    .slope = view->from_row[2] + t * view->along_row[2]};
  }
  return count;
}

/*
 * Places first + slope n of the n = 0, 1, ... that are counted here, in blocks: those of block b lie between base + b
 * step and 16 slopes above it, `slope` being their distance and `down` that the last is the lowest. All between `low`
 * and `high` are in blocks begin ... end - 1.
 */
typedef struct run {
  int64_t base, step, begin, end;
  float slope;
  bool down;
  reach reach;
} run;

static inline run find_run(double first, double slope, int64_t count, double low, double high) {
  const double to_low = (low - first) / slope, to_high = (high - first) / slope;
  const double begin = fmax(fmin(to_low, to_high), 0), end = fmin(fmax(to_low, to_high), (double)(count - 1));
  if (!(begin <= end)) {
    return (run){0};
  }
  run r = {.begin = (int64_t)begin / KVOX_RAYS_BLOCK, .end = (int64_t)end / KVOX_RAYS_BLOCK + 1};
  const int64_t lowest = r.begin * KVOX_RAYS_BLOCK + (slope < 0 ? KVOX_RAYS_BLOCK - 1 : 0);
  r.base = (int64_t)floor((first + slope * (double)lowest) * units);
  r.step = (int64_t)(slope * (KVOX_RAYS_BLOCK * units));
  r.slope = (float)fabs(slope);
  r.down = slope < 0;
  r.reach = reach_of(fabs(slope));
  return r;
}

/* Places of VL numbers from `lane` of a block on: the whole part from `skip` on, which keeps indices small, and what is
 * left. */
static inline vi place(const run *r, int64_t base, int32_t lane, int64_t *skip, vf *left) {
  const int32_t begin = r->down ? KVOX_RAYS_BLOCK - VL - lane : lane;
  const vf lanes = r->down ? vf_sub(vf_set(VL - 1), vf_lanes()) : vf_lanes();
  const float fraction = (float)(uint32_t)base * 0x1p-32f;
  const int64_t step = r->step < 0 ? -r->step : r->step;
  const vf s = vf_fma(vf_set(r->slope), vf_add(lanes, vf_set((float)begin)), vf_set(fraction));
  const vi at = vi_truncate(s);
  *skip = begin > 0 ? ((int64_t)(uint32_t)base + step / KVOX_RAYS_BLOCK * begin - rounding) >> 32 : 0;
  *left = vf_sub(s, vf_from_int(at));
  return vi_sub(at, vi_set((int32_t)*skip));
}

/* from[at] and from[at + 1] */
static inline __attribute__((always_inline)) void pick(const float *from, vi at, vf *low, vf *high, const reach how) {
  switch (how) {
    case CLOSE:
      *low = vf_pick(from, at);
      *high = vf_pick(from + 1, at);
      break;
    case NEAR: vf_pick_pair_2(from, at, low, high); break;
    case WIDE: vf_pick_pair_3(from, at, low, high); break;
    default: vf_gather_pair(from, at, low, high); break;
  }
}

/* ---- The projector ---- */

static inline void blend(const crossing *c, int64_t begin, int64_t end, float *out) {
  const vf b = vf_set(c->fraction), a = vf_set(1 - c->fraction);
  if (c->low == NULL || c->high == NULL) {
    const float *one = c->low != NULL ? c->low : c->high;
    const vf weight = c->low != NULL ? a : b;
    for (int64_t k = begin; k < end; k += VL) {
      vf_store(out + k, vf_mul(weight, vf_load(one + k)));
    }
    return;
  }
  for (int64_t k = begin; k < end; k += VL) {
    vf_store(out + k, vf_fma(a, vf_load(c->low + k), vf_mul(b, vf_load(c->high + k))));
  }
}

static inline __attribute__((always_inline)) void take_rows(const run *r, const float *blended, float *samples,
                                                            const reach how) {
  int64_t base = r->base;
  for (int64_t block = r->begin; block < r->end; block++, base += r->step) {
    for (int32_t lane = 0; lane < KVOX_RAYS_BLOCK; lane += VL) {
      float *at = samples + block * KVOX_RAYS_BLOCK + lane;
      int64_t skip;
      vf left, low, high;
      const vi index = place(r, base, lane, &skip, &left);
      pick(blended + (base >> 32) + skip, index, &low, &high, how);
      vf_store(at, vf_add(vf_load(at), vf_fma(left, vf_sub(high, low), low)));
    }
  }
}

static void project_crossing(const kvox_rays_tile *tile, const crossing *c, float *blended, float *samples) {
  const run r = find_run(c->z, c->slope, tile->rows, -1, (double)tile->size[2]);
  if (r.begin >= r.end) {
    return;
  }
  /* What the blocks reach; whole vectors of it. */
  const int64_t last = r.base + r.step * (r.end - r.begin - 1);
  const int64_t low = (r.down ? last : r.base) >> 32, high = (r.down ? r.base : last) >> 32;
  const int64_t begin = low > 0 ? low & -(int64_t)VL : 0;
  const int64_t end = high + (int64_t)(KVOX_RAYS_BLOCK * r.slope) + 3;
  blend(c, begin, end < tile->step ? end : tile->step, blended);
  switch (r.reach) {
    case CLOSE: take_rows(&r, blended, samples, CLOSE); break;
    case NEAR: take_rows(&r, blended, samples, NEAR); break;
    case WIDE: take_rows(&r, blended, samples, WIDE); break;
    default: take_rows(&r, blended, samples, FAR); break;
  }
}

/* Zeros beside a column of `step` floats in the scratch; the column. */
static float *pad(const kvox_rays_tile *tile, int64_t step) {
  const int64_t padding = kvox_rays_scratch(0) / 2;
  memset(tile->scratch, 0, (size_t)padding * sizeof(float));
  memset(tile->scratch + padding + step, 0, (size_t)padding * sizeof(float));
  return tile->scratch + padding;
}

static void project_tile(const kvox_rays_tile *tile) {
  crossing crossings[KVOX_RAYS_SIDE];
  int64_t begin, end;
  float *blended = pad(tile, tile->step);
  kvox_rays_columns(tile, &begin, &end);
  for (int64_t column = begin; column < end; column++) {
    const int32_t count = cross(tile, column, crossings);
    for (int32_t i = 0; i < count; i++) {
      project_crossing(tile, &crossings[i], blended, tile->samples + column * tile->row_step);
    }
  }
}

/* ---- The adjoint ---- */

/*
 * Row r gives voxel k the weight 1 - |z + r slope - k| where that is positive: to the rows between u and u + 2 /
 * |slope|, u = (k - z) / slope - 1 / |slope|. Of the rows j = 1, 2, ... above the whole part of u, `left` being the
 * rest of it, that is the lesser of g = (j - left) |slope| and 2 - g, or 0. How many rows there are tells which of the
 * three may be left out.
 */
typedef enum density { COARSE, FINE, ANY } density; /* a voxel has 1/2 to 1 row, 1 to 2, others */

static density density_of(double rows_a_voxel) {
  return rows_a_voxel >= 0.5 && rows_a_voxel <= 1 ? COARSE : rows_a_voxel >= 1 && rows_a_voxel <= 2 ? FINE : ANY;
}

static inline __attribute__((always_inline)) vf gather_coarse(const float *rows, vi at, vf left, vf rise,
                                                              const reach how) {
  vf first, second;
  pick(rows + 1, at, &first, &second, how);
  const vf g = vf_sub(rise, vf_mul(rise, left)), h = vf_sub(vf_set(2), g);
  return vf_fma(vf_max(vf_sub(h, rise), vf_zero()), second, vf_mul(vf_min(g, h), first));
}

static inline __attribute__((always_inline)) vf gather_fine(const float *rows, vi at, vf left, vf rise,
                                                            const reach how) {
  vf first, second, third, fourth;
  pick(rows + 1, at, &first, &second, how);
  pick(rows + 3, at, &third, &fourth, how);
  const vf g = vf_sub(rise, vf_mul(rise, left)), top = vf_add(g, rise), h = vf_sub(vf_set(2), top);
  const vf falling = vf_sub(h, rise);
  const vf low = vf_fma(vf_min(top, h), second, vf_mul(g, first));
  const vf high = vf_fma(vf_max(vf_sub(falling, rise), vf_zero()), fourth, vf_mul(vf_max(falling, vf_zero()), third));
  return vf_add(low, high);
}

static inline __attribute__((always_inline)) vf gather_any(const float *rows, vi at, vf left, vf rise, int64_t count,
                                                           const reach how) {
  vf sum = vf_zero(), g = vf_sub(rise, vf_mul(rise, left)), h = vf_sub(vf_set(2), g);
  for (int64_t j = 1; j <= count; j += 2) {
    vf first, second;
    pick(rows + j, at, &first, &second, how);
    sum = vf_fma(vf_max(vf_min(g, h), vf_zero()), first, sum);
    g = vf_add(g, rise);
    h = vf_sub(h, rise);
    sum = vf_fma(vf_max(vf_min(g, h), vf_zero()), second, sum);
    g = vf_add(g, rise);
    h = vf_sub(h, rise);
  }
  return sum;
}

static inline __attribute__((always_inline)) void add_to(float *voxels, vf weight, vf sum) {
  vf_store(voxels, vf_fma(weight, sum, vf_load(voxels)));
}

/* What a crossing's rows give; `count` of them reach a voxel. */
typedef struct giving {
  run run;
  const float *rows;
  float slope;
  int64_t count;
} giving;

static inline __attribute__((always_inline)) void give_voxels(const giving *g, const crossing *c, const density rows,
                                                              const reach how) {
  const vf b = vf_set(c->fraction), a = vf_set(1 - c->fraction), rise = vf_set(g->slope);
  int64_t base = g->run.base;
  for (int64_t block = g->run.begin; block < g->run.end; block++, base += g->run.step) {
    for (int32_t lane = 0; lane < KVOX_RAYS_BLOCK; lane += VL) {
      const int64_t k = block * KVOX_RAYS_BLOCK + lane;
      int64_t skip;
      vf left;
      const vi at = place(&g->run, base, lane, &skip, &left);
      const float *from = g->rows + (base >> 32) + skip;
      const vf sum = rows == COARSE ? gather_coarse(from, at, left, rise, how)
                     : rows == FINE ? gather_fine(from, at, left, rise, how)
                                    : gather_any(from, at, left, rise, g->count, how);
      if (c->low != NULL) {
        add_to(c->low + k, a, sum);
      }
      if (c->high != NULL) {
        add_to(c->high + k, b, sum);
      }
    }
  }
}

static void backproject_crossing(const kvox_rays_tile *tile, const crossing *c, const float *rows) {
  const double inverse = 1 / c->slope, spread = fabs(inverse);
  const run r = find_run(-c->z * inverse - spread, inverse, tile->size[2], -2 * spread - 1, (double)tile->rows);
  const giving g = {r, rows, (float)fabs(c->slope), (int64_t)ceil(2 * spread)};
  if (r.begin >= r.end) {
    return;
  }
  switch (density_of(spread)) {
    case COARSE:
      if (r.reach == CLOSE) {
        give_voxels(&g, c, COARSE, CLOSE);
      } else {
        give_voxels(&g, c, COARSE, NEAR);
      }
      break;
    case FINE:
      if (r.reach == NEAR) {
        give_voxels(&g, c, FINE, NEAR);
      } else {
        give_voxels(&g, c, FINE, WIDE);
      }
      break;
    default:
      if (r.reach == CLOSE) {
        give_voxels(&g, c, ANY, CLOSE);
      } else if (r.reach == WIDE) {
        give_voxels(&g, c, ANY, WIDE);
      } else {
        give_voxels(&g, c, ANY, FAR);
      }
      break;
  }
}

static void backproject_tile(const kvox_rays_tile *tile) {
  crossing crossings[KVOX_RAYS_SIDE];
  int64_t begin, end;
  float *rows = pad(tile, tile->row_step);
  kvox_rays_columns(tile, &begin, &end);
  for (int64_t column = begin; column < end; column++) {
    memcpy(rows, tile->samples + column * tile->row_step, (size_t)tile->row_step * sizeof *rows);
    const int32_t count = cross(tile, column, crossings);
    for (int32_t i = 0; i < count; i++) {
      backproject_crossing(tile, &crossings[i], rows);
    }
  }
}

const kvox_rays_kernels KERNELS = {project_tile, backproject_tile, project_box, backproject_box};

/* The vector body; see thin.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec_double.h"
#include "ct/thin.h"

enum { WIDTH = KVOX_THIN_WIDTH };

/* Rows are whole numbers of 2^-32, here in double; see cone_body.h. */
static const double row_units = 4294967296.0;

/* A row so far below the first stored one that no voxel of its block is above. */
static const double lowest_row = -(1 << 16);

static const double pixels[WIDTH] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/* What a row of pixels has in common. */
typedef struct beam {
  vd x, last, da, ua, depth, across, columns;
} beam;

/* Where half a vector of pixels meets a view: between columns `left` and left + 1. The nearer of them, by `side` (0 or
 * 1), has `weight`, the other one `ratio` <= 1 times as much. */
typedef struct half {
  vd inverse, left, side, most, rest, weight; /* weight 0: the view does not see the pixel */
} half;

/* And a whole one. */
typedef struct lines {
  vi left;
  vf side, ratio, weight;
} lines;

/* Rows of a block of slices: slice l lies at first + slope l. */
typedef struct slopes {
  vi row;             /* what is whole of the first, counted from those that are stored */
  vf one_more, slope; /* its fraction plus one */
} slopes;

static inline beam find_beam(const kvox_thin_tile *tile, const kvox_cone_view *view, int64_t y) {
  return (beam){.x = vd_set((double)tile->x),
                .last = vd_set((double)(tile->width - 1)),
                .da = vd_set(view->da),
                .ua = vd_set(view->ua),
                .depth = vd_set(view->db * (double)y + view->dc),
                .across = vd_set(view->ub * (double)y + view->uc),
                .columns = vd_set((double)tile->columns)};
}

static inline __attribute__((always_inline)) half find_half(const beam *b, int32_t first) {
  const vd none = vd_set(0), one = vd_set(1), middle = vd_set(0.5), before = vd_set(-1);
  const vd at = vd_add(b->x, vd_min(vd_load(pixels + first), b->last));
  half h = {.inverse = vd_inverse(vd_add(vd_mul(b->da, at), b->depth))};
  const vd u = vd_mul(vd_add(vd_mul(b->ua, at), b->across), h.inverse);
  const vd seen = vd_min(vd_max(u, before), b->columns);
  const vd column = vd_floor(seen), part = vd_sub(seen, column), rest = vd_sub(one, part);
  const vd most = vd_less(part, middle, rest, part), weight = vd_mul(vd_mul(most, h.inverse), h.inverse);
  h.left = column;
  h.side = vd_less(part, middle, none, one);
  h.most = most;
  h.rest = vd_sub(one, most);
  h.weight = vd_less(before, u, vd_less(u, b->columns, weight, none), none);
  return h;
}

static inline __attribute__((always_inline)) lines join(const half *a, const half *b) {
  return (lines){.left = vi_of(a->left, b->left),
                 .side = vf_of(a->side, b->side),
                 .ratio = vf_div(vf_of(a->rest, b->rest), vf_of(a->most, b->most)),
                 .weight = vf_of(a->weight, b->weight)};
}

/* `spread`: rows on the axis to a row here. */
static inline __attribute__((always_inline)) slopes find_slopes(const kvox_thin_tile *tile, const kvox_cone_view *view,
                                                                const vd spread[2], int64_t block) {
  const vd units = vd_set(row_units), units_a_block = vd_set(KVOX_CONE_BLOCK * row_units);
  vd slope[2], stored[2], one_more[2];
  for (int32_t i = 0; i < 2; i++) {
    slope[i] = vd_mul(vd_set(view->va), spread[i]);
    const vd step = vd_truncate(vd_mul(slope[i], units_a_block));
    const vd first = vd_add(vd_mul(vd_set(view->vb), spread[i]), vd_set(view->vc));
    const vd base = vd_add(vd_truncate(vd_mul(first, units)), vd_mul(step, vd_set((double)block)));
    const vd row = vd_floor(vd_mul(base, vd_set(1 / row_units)));
    const vd fraction = vd_floor(vd_mul(vd_sub(base, vd_mul(row, units)), vd_set(0x1p-9)));
    one_more[i] = vd_add(vd_mul(fraction, vd_set(0x1p-23)), vd_set(1));
    stored[i] = vd_max(vd_min(vd_sub(row, vd_set((double)tile->row)), vd_set((double)tile->rows)), vd_set(lowest_row));
  }
  return (slopes){.row = vi_of(stored[0], stored[1]),
                  .one_more = vf_of(one_more[0], one_more[1]),
                  .slope = vf_of(slope[0], slope[1])};
}

/* From s.row on; beyond the stored rows, where zeros are. */
static inline vf find_row(const kvox_thin_tile *tile, const slopes *s, int64_t lane) {
  const vf v = vf_add(vf_fma(s->slope, vf_set((float)lane), vf_set(-1)), s->one_more), base = vf_from_int(s->row);
  return vf_min(vf_max(v, vf_sub(vf_set(-1), base)), vf_sub(vf_set((float)tile->rows), base));
}

static inline void add(const lines *l, vf value, float *voxels) {
  vf_store(voxels, vf_fma(l->weight, value, vf_load(voxels)));
}

/* The sum of both columns of a row. */
static inline vf blend(const lines *l, vf a, vf b) {
  const vf middle = vf_set(0.5F);
  return vf_fma(l->ratio, vf_select_less(l->side, middle, b, a), vf_select_less(l->side, middle, a, b));
}

static inline vf gather(const float *samples, const lines *l, vi at) {
  vf a, b;
  vf_gather_pair(samples, at, &a, &b);
  return blend(l, a, b);
}

static inline vf between(vf low, vf high, vf fraction) { return vf_fma(fraction, vf_sub(high, low), low); }

/* Slices of one block. */
typedef struct cut {
  int64_t block, lane, lanes;
  int64_t before; /* slices of the tile */
} cut;

static void add_cone(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c) {
  const int64_t slice = tile->height * WIDTH;
  for (int64_t y = 0; y < tile->height; y++) {
    const beam b = find_beam(tile, view, tile->y + y);
    for (int32_t n = 0; n < tile->width; n += VL) {
      const half left = find_half(&b, n), right = find_half(&b, n + VL / 2);
      const vd spread[2] = {left.inverse, right.inverse};
      const lines l = join(&left, &right);
      const slopes s = find_slopes(tile, view, spread, c->block);
      float *voxels = tile->voxels + c->before * slice + y * WIDTH + n;
      for (int64_t k = 0; k < c->lanes; k++, voxels += slice) {
        const vf v = find_row(tile, &s, c->lane + k);
        const vi whole = vi_truncate(v);
        const vi at = vi_add(vi_mul(vi_add(s.row, whole), vi_set((int32_t)tile->step)), l.left);
        const vf low = gather(view->samples, &l, at), high = gather(view->samples + tile->step, &l, at);
        add(&l, between(low, high, vf_fraction(v, whole)), voxels);
      }
    }
  }
}

/* Where the slices of a fan lie, whatever the pixel. */
typedef struct levels {
  const float *row[KVOX_CONE_BLOCK];
  vf fraction[KVOX_CONE_BLOCK];
  bool between[KVOX_CONE_BLOCK]; /* two rows */
} levels;

static inline void find_levels(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c, levels *at) {
  const vd spread[2] = {vd_set(1), vd_set(1)};
  const slopes s = find_slopes(tile, view, spread, c->block);
  for (int64_t k = 0; k < c->lanes; k++) {
    const vf v = find_row(tile, &s, c->lane + k);
    const vi whole = vi_truncate(v);
    float fractions[VL];
    int32_t rows[VL];
    vi_store(rows, vi_add(s.row, whole));
    at->row[k] = view->samples + rows[0] * tile->step;
    at->fraction[k] = vf_fraction(v, whole);
    vf_store(fractions, at->fraction[k]);
    at->between[k] = fractions[0] > 0;
  }
}

/* How pixels find their columns: within two vectors, or three, or anywhere. Columns rise or fall along x: those of the
 * first and the last lane are the least and the most, but for one by rounding. */
typedef enum reach { NEAR, WIDE, FAR } reach;

static inline reach find_reach(vi left, int32_t *first, vi *at) {
  int32_t columns[VL];
  vi_store(columns, left);
  const int32_t begin = columns[0], end = columns[VL - 1], low = begin < end ? begin : end,
                over = begin + end - 2 * low;
  *first = low - 1;
  *at = vi_sub(left, vi_set(low - 1));
  return over + 2 < 2 * VL - 1 ? NEAR : over + 2 < 3 * VL - 1 ? WIDE : FAR;
}

static inline __attribute__((always_inline)) vf take(const float *row, const lines *l, vi at, const reach how) {
  vf a, b;
  if (how == FAR) {
    return gather(row, l, at);
  }
  (how == NEAR ? vf_pick_pair_2 : vf_pick_pair_3)(row, at, &a, &b);
  return blend(l, a, b);
}

static inline __attribute__((always_inline)) void take_slices(const kvox_thin_tile *tile, const levels *of,
                                                              const cut *c, const lines *l, int32_t first, vi at,
                                                              float *voxels, const reach how) {
  for (int64_t k = 0; k < c->lanes; k++, voxels += tile->height * WIDTH) {
    const float *row = of->row[k] + first;
    vf value = take(row, l, at, how);
    if (of->between[k]) {
      value = between(value, take(row + tile->step, l, at, how), of->fraction[k]);
    }
    add(l, value, voxels);
  }
}

static void add_fan(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c) {
  levels of;
  find_levels(tile, view, c, &of);
  for (int64_t y = 0; y < tile->height; y++) {
    const beam b = find_beam(tile, view, tile->y + y);
    float *voxels = tile->voxels + (c->before * tile->height + y) * WIDTH;
    for (int32_t n = 0; n < tile->width; n += VL) {
      const half left = find_half(&b, n), right = find_half(&b, n + VL / 2);
      const lines l = join(&left, &right);
      int32_t first;
      vi at;
      switch (find_reach(l.left, &first, &at)) {
        case NEAR: take_slices(tile, &of, c, &l, first, at, voxels + n, NEAR); break;
        case WIDE: take_slices(tile, &of, c, &l, first, at, voxels + n, WIDE); break;
        default: take_slices(tile, &of, c, &l, first, at, voxels + n, FAR); break;
      }
    }
  }
}

static void backproject(const kvox_thin_tile *tile) {
  for (int64_t done = 0; done < tile->slices;) {
    const int64_t slice = tile->slice + done, lane = slice % KVOX_CONE_BLOCK, rest = KVOX_CONE_BLOCK - lane;
    const int64_t left = tile->slices - done;
    const cut c = {slice / KVOX_CONE_BLOCK, lane, left < rest ? left : rest, done};
    for (int64_t v = 0; v < tile->count; v++) {
      (tile->fan ? add_fan : add_cone)(tile, &tile->views[v], &c);
    }
    done += c.lanes;
  }
}

const kvox_thin_kernels KERNELS = {backproject};

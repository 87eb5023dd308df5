/* The vector body; see thin.h. Included once per instruction set, with KERNELS naming the table. */
#include "cpu/vec_double.h"
#include "ct/thin.h"

/* Rows of pixels whose coordinates are found together, step by step: each step waits long for the one before. */
enum { WIDTH = KVOX_THIN_WIDTH, PATCH = 8 };

/* Rows are whole numbers of 2^-32, here in double; see cone_body.h. */
static const double row_units = 4294967296.0;

/* A row so far below the first stored one that no voxel of its block is above. */
static const double lowest_row = -(1 << 16);

/* Where pixels meet a view: `part` of the way from column `left` to the next. */
typedef struct places {
  double inverse[PATCH][WIDTH], pixel[WIDTH]; /* of the depth; x in the grid */
  int32_t left[PATCH][WIDTH];
  float part[PATCH][WIDTH], near[PATCH][WIDTH]; /* the inverse again */
} places;

/* The nearer of both columns, the left one where the part is less than a half, has `weight`, the other one `ratio` <= 1
 * times as much. */
typedef struct lines {
  vi left;
  vf part, ratio, weight;
} lines;

/* Rows of a block of slices: slice l lies at first + slope l. */
typedef struct slopes {
  vi row;             /* what is whole of the first, counted from those that are stored */
  vf one_more, slope; /* its fraction plus one */
} slopes;

/* Beyond the tile's width stands its last pixel. */
static void find_pixels(const kvox_thin_tile *tile, places *p) {
  for (int32_t n = 0; n < WIDTH; n++) {
    p->pixel[n] = (double)(tile->x + (n < tile->width ? n : tile->width - 1));
  }
}

static inline void find_depths(const kvox_cone_view *view, int64_t y, int64_t rows, places *p) {
  const vd da = vd_set(view->da);
  for (int64_t r = 0; r < rows; r++) {
    const vd depth = vd_set(view->db * (double)(y + r) + view->dc);
    for (int32_t n = 0; n < WIDTH; n += VL / 2) {
      vd_store(p->inverse[r] + n, vd_inverse(vd_add(vd_mul(da, vd_load(p->pixel + n)), depth)));
    }
  }
}

/* Beside the detector a pixel lies on a column of zeros, and takes nothing of the next. */
static inline void find_columns(const kvox_thin_tile *tile, const kvox_cone_view *view, int64_t y, int64_t rows,
                                places *p) {
  const vd ua = vd_set(view->ua), least = vd_set(-1), most = vd_set((double)tile->columns);
  for (int64_t r = 0; r < rows; r++) {
    const vd across = vd_set(view->ub * (double)(y + r) + view->uc);
    for (int32_t n = 0; n < WIDTH; n += VL) {
      vd inverse[2], left[2], part[2];
      for (int32_t i = 0; i < 2; i++) {
        inverse[i] = vd_load(p->inverse[r] + n + i * (VL / 2));
        const vd at = vd_load(p->pixel + n + i * (VL / 2)), u = vd_mul(vd_add(vd_mul(ua, at), across), inverse[i]);
        const vd stored = vd_min(vd_max(u, least), most);
        left[i] = vd_floor(stored);
        part[i] = vd_sub(stored, left[i]);
      }
      vi_store(p->left[r] + n, vi_of(left[0], left[1]));
      vf_store(p->part[r] + n, vf_of(part[0], part[1]));
      vf_store(p->near[r] + n, vf_of(inverse[0], inverse[1]));
    }
  }
}

static inline __attribute__((always_inline)) lines find_lines(const places *p, int64_t r, int32_t n) {
  const vf near = vf_load(p->near[r] + n), part = vf_load(p->part[r] + n), one = vf_set(1);
  const vf most = vf_max(vf_sub(one, part), part), weight = vf_mul(vf_mul(most, near), near);
  return (lines){vi_load(p->left[r] + n), part, vf_div(vf_sub(one, most), most), weight};
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
  return vf_fma(l->ratio, vf_select_less(l->part, middle, b, a), vf_select_less(l->part, middle, a, b));
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

static inline void take_cone(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c, const lines *l,
                             const slopes *s, float *voxels) {
  for (int64_t k = 0; k < c->lanes; k++, voxels += tile->height * WIDTH) {
    const vf v = find_row(tile, s, c->lane + k);
    const vi whole = vi_truncate(v);
    const vi at = vi_add(vi_mul(vi_add(s->row, whole), vi_set((int32_t)tile->step)), l->left);
    const vf low = gather(view->samples, l, at), high = gather(view->samples + tile->step, l, at);
    add(l, between(low, high, vf_fraction(v, whole)), voxels);
  }
}

static void add_cone(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c, int64_t y, int64_t rows,
                     const places *p) {
  for (int64_t r = 0; r < rows; r++) {
    float *voxels = tile->voxels + (c->before * tile->height + y + r) * WIDTH;
    for (int32_t n = 0; n < tile->width; n += VL) {
      const vd spread[2] = {vd_load(p->inverse[r] + n), vd_load(p->inverse[r] + n + VL / 2)};
      const lines l = find_lines(p, r, n);
      const slopes s = find_slopes(tile, view, spread, c->block);
      take_cone(tile, view, c, &l, &s, voxels + n);
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

static inline reach find_reach(const int32_t *left, int32_t *first) {
  const int32_t begin = left[0], end = left[VL - 1], low = begin < end ? begin : end, over = begin + end - 2 * low;
  *first = low - 1;
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

static void add_fan(const kvox_thin_tile *tile, const cut *c, int64_t y, int64_t rows, const levels *of,
                    const places *p) {
  for (int64_t r = 0; r < rows; r++) {
    float *voxels = tile->voxels + (c->before * tile->height + y + r) * WIDTH;
    for (int32_t n = 0; n < tile->width; n += VL) {
      const lines l = find_lines(p, r, n);
      int32_t first;
      const reach how = find_reach(p->left[r] + n, &first);
      const vi at = vi_sub(l.left, vi_set(first));
      switch (how) {
        case NEAR: take_slices(tile, of, c, &l, first, at, voxels + n, NEAR); break;
        case WIDE: take_slices(tile, of, c, &l, first, at, voxels + n, WIDE); break;
        default: take_slices(tile, of, c, &l, first, at, voxels + n, FAR); break;
      }
    }
  }
}

static void add_view(const kvox_thin_tile *tile, const kvox_cone_view *view, const cut *c, places *p) {
  levels of;
  if (tile->fan) {
    find_levels(tile, view, c, &of);
  }
  for (int64_t y = 0; y < tile->height; y += PATCH) {
    const int64_t rows = tile->height - y < PATCH ? tile->height - y : PATCH;
    find_depths(view, tile->y + y, rows, p);
    find_columns(tile, view, tile->y + y, rows, p);
    if (tile->fan) {
      add_fan(tile, c, y, rows, &of, p);
    } else {
      add_cone(tile, view, c, y, rows, p);
    }
  }
}

static void backproject(const kvox_thin_tile *tile) {
  places p;
  find_pixels(tile, &p);
  for (int64_t done = 0; done < tile->slices;) {
    const int64_t slice = tile->slice + done, lane = slice % KVOX_CONE_BLOCK, rest = KVOX_CONE_BLOCK - lane;
    const int64_t left = tile->slices - done;
    const cut c = {slice / KVOX_CONE_BLOCK, lane, left < rest ? left : rest, done};
    for (int64_t v = 0; v < tile->count; v++) {
      add_view(tile, &tile->views[v], &c, &p);
    }
    done += c.lanes;
  }
}

const kvox_thin_kernels KERNELS = {backproject};

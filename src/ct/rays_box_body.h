/*
 * Rays of any direction through a box: a part of the vector body. A sheaf is 16 rays of a detector column; along the
 * two axes beside the main one each is at part + n slope above a whole number, n counted from the middle plane of the
 * box, so that floats suffice.
 */
#include <math.h>

#include "cpu/vec.h"
#include "ct/rays.h"

enum { SHEAF = KVOX_RAYS_BLOCK };

/* Parts are this much more than below 1, their whole numbers less: places over half a box stay positive. */
enum { BIAS = KVOX_RAYS_SIDE / 2 };

/* Rays that the box does not take pass this far from it; nearer whole numbers stay as they are. */
static const double far_off = 1 << 29;

/* Of places that are called inside: what their rounding cannot reach. */
static const float safe = 1e-3F;

/* A ray's planes begin and end at most this much beside where division says. */
static const float off_plane = 1e-2F;

/* The adjoint takes rays so many rows apart, so that a lane meets no voxels that the one before has just written. */
enum { MOST_APART = 4 };

typedef struct places {
  int32_t whole[SHEAF];
  float part[SHEAF], slope[SHEAF];
} places;

/* Rays of `column`, rows first + lane * apart below row_end, main axis `main`; p and q are the others, q with stride 1.
 */
typedef struct sheaf {
  int64_t column, first, apart, row_end;
  int32_t main, p, q;
  places at_p, at_q;
} sheaf;

/* ---- Setting up ---- */

typedef struct rays_of_sheaf {
  double from[3][SHEAF], along[3][SHEAF];
} rays_of_sheaf;

/* Loops over lanes are such that compilers make vectors of them. */
static inline void find_line(double start, double step, const double rows[SHEAF], double *restrict out) {
  for (int lane = 0; lane < SHEAF; lane++) {
    out[lane] = start + rows[lane] * step;
  }
}

/* As kvox_rays_ray finds them. */
static void find_rays(const kvox_rays_view *v, const sheaf *s, rays_of_sheaf *rays) {
  const double column = (double)s->column;
  double rows[SHEAF];
  const int32_t first = (int32_t)s->first, apart = (int32_t)s->apart;
  for (int lane = 0; lane < SHEAF; lane++) {
    rows[lane] = (double)(first + lane * apart);
  }
  for (int a = 0; a < 3; a++) {
    find_line(v->from[a] + column * v->from_column[a], v->from_row[a], rows, rays->from[a]);
    find_line(v->along[a] + column * v->along_column[a], v->along_row[a], rows, rays->along[a]);
  }
}

static void find_main(const rays_of_sheaf *rays, double main[SHEAF]) {
  for (int lane = 0; lane < SHEAF; lane++) {
    const double x = fabs(rays->along[0][lane]), y = fabs(rays->along[1][lane]), z = fabs(rays->along[2][lane]);
    const double flat = y > x ? 1 : 0, most = y > x ? y : x;
    main[lane] = z > most ? 2 : flat;
  }
}

static void find_places(const kvox_rays_box *box, const rays_of_sheaf *rays, const double taken[SHEAF], int32_t m,
                        int32_t axis, places *out) {
  const double middle = (double)(box->begin[m] + box->size[m] / 2), begin = (double)box->begin[axis];
  double at[SHEAF], whole[SHEAF], slope[SHEAF];
  for (int lane = 0; lane < SHEAF; lane++) {
    slope[lane] = rays->along[axis][lane] / rays->along[m][lane];
  }
  for (int lane = 0; lane < SHEAF; lane++) {
    double place = rays->from[axis][lane] + (middle - rays->from[m][lane]) * slope[lane] - begin;
    place = place < far_off ? place : -far_off;
    place = place > -far_off ? place : -far_off;
    at[lane] = taken[lane] != 0 ? place : -far_off;
    slope[lane] = taken[lane] != 0 ? slope[lane] : 0;
  }
  for (int lane = 0; lane < SHEAF; lane++) {
    whole[lane] = floor(at[lane]);
  }
  for (int lane = 0; lane < SHEAF; lane++) {
    out->whole[lane] = (int32_t)whole[lane] - BIAS;
  }
  for (int lane = 0; lane < SHEAF; lane++) {
    out->part[lane] = (float)(at[lane] - whole[lane] + BIAS);
  }
  for (int lane = 0; lane < SHEAF; lane++) {
    out->slope[lane] = (float)slope[lane];
  }
}

/* ---- Planes ---- */

typedef struct axis {
  vf part, slope;
  vf far;         /* how far a voxel's upper neighbour reaches: 2; 0 where there is none */
  vi first, last; /* what whole numbers go up by while both neighbours are in the box */
} axis;

static inline axis load_axis(const places *p, int32_t lane, int64_t size) {
  const vi whole = vi_load(p->whole + lane);
  return (axis){.part = vf_load(p->part + lane),
                .slope = vf_load(p->slope + lane),
                .far = vf_set(size > 1 ? 2 : 0),
                .first = vi_sub(vi_set(0), whole),
                .last = vi_sub(vi_set(size > 1 ? (int32_t)size - 2 : 0), whole)};
}

/* The voxel below the place at plane n, and what it and the next are worth. */
static inline __attribute__((always_inline)) vi meet(const axis *a, vf n, vf *low, vf *high, const bool inside) {
  const vf s = vf_fma(n, a->slope, a->part), one = vf_set(1);
  if (inside) {
    const vi below = vi_truncate(s);
    *high = vf_sub(s, vf_from_int(below));
    *low = vf_sub(one, *high);
    return below;
  }
  const vi below = vi_min(vi_max(vi_truncate(s), a->first), a->last);
  const vf x = vf_sub(s, vf_from_int(below));
  *low = vf_max(vf_min(vf_sub(one, x), vf_add(one, x)), vf_zero());
  *high = vf_max(vf_min(x, vf_sub(a->far, x)), vf_zero());
  return below;
}

/* Narrows low ... high to the planes where a place lies between `least` and `most`. */
static inline void narrow(const places *p, int32_t lane, float least, float most, vf *low, vf *high) {
  const vf at = vf_add(vf_from_int(vi_load(p->whole + lane)), vf_load(p->part + lane));
  const vf inverse = vf_div(vf_set(1), vf_load(p->slope + lane));
  const vf one = vf_mul(vf_sub(vf_set(least), at), inverse), other = vf_mul(vf_sub(vf_set(most), at), inverse);
  *low = vf_max(vf_min(one, other), *low);
  *high = vf_min(vf_max(one, other), *high);
}

/* Planes begin ... end - 1 where some ray takes from the box; from inside_begin to inside_end - 1 all voxels of all
 * rays are in it. Counted from the middle plane. */
typedef struct planes {
  int32_t begin, inside_begin, inside_end, end;
} planes;

static inline float least_of(vf a) {
  float lanes[VL], least;
  vf_store(lanes, a);
  least = lanes[0];
  for (int lane = 1; lane < VL; lane++) {
    least = lanes[lane] < least ? lanes[lane] : least;
  }
  return least;
}

static inline float most_of(vf a) { return -least_of(vf_sub(vf_zero(), a)); }

static planes find_planes(const kvox_rays_box *box, const sheaf *s) {
  const int32_t size = (int32_t)box->size[s->main], begin = -(size / 2), end = begin + size;
  const float size_p = (float)box->size[s->p], size_q = (float)box->size[s->q];
  const vf infinite = vf_set(INFINITY), below = vf_set(-INFINITY), first = vf_set((float)begin);
  const vf last = vf_set((float)(end - 1));
  vf some_low = infinite, some_high = below, all_low = first, all_high = last;
  for (int32_t lane = 0; lane < SHEAF; lane += VL) {
    vf low = first, high = last;
    narrow(&s->at_p, lane, -1, size_p, &low, &high);
    narrow(&s->at_q, lane, -1, size_q, &low, &high);
    narrow(&s->at_p, lane, safe, size_p - 1 - safe, &all_low, &all_high);
    narrow(&s->at_q, lane, safe, size_q - 1 - safe, &all_low, &all_high);
    some_low = vf_min(vf_select_less(high, low, infinite, low), some_low);
    some_high = vf_max(vf_select_less(high, low, below, high), some_high);
  }
  const float from = least_of(some_low), to = most_of(some_high);
  if (!(from <= to)) {
    return (planes){0};
  }
  planes n = {.begin = (int32_t)floorf(from - off_plane), .end = (int32_t)ceilf(to + off_plane) + 1};
  n.begin = n.begin > begin ? n.begin : begin;
  n.end = n.end < end ? n.end : end;
  const float inside_from = most_of(all_low), inside_to = least_of(all_high);
  n.inside_begin = n.inside_end = n.end;
  if (inside_from <= inside_to) {
    n.inside_begin = (int32_t)ceilf(inside_from);
    n.inside_end = (int32_t)floorf(inside_to) + 1;
  }
  return n;
}

/* ---- Both ---- */

/* What all planes of a sheaf have in common, for VL of its rays. */
typedef struct beam {
  axis p, q;
  vi base, stride_p;  /* of the place with whole numbers of zero */
  int64_t next_p;     /* to the next voxel along p; 0: there is none */
  float *middle;      /* the middle plane */
  int64_t plane_step; /* to the next one */
} beam;

static inline beam load_beam(const kvox_rays_box *box, const sheaf *s, int32_t lane) {
  const int64_t stride = box->stride[s->p], plane_step = box->stride[s->main];
  const vi stride_p = vi_set((int32_t)stride);
  return (beam){.p = load_axis(&s->at_p, lane, box->size[s->p]),
                .q = load_axis(&s->at_q, lane, box->size[s->q]),
                .base = vi_add(vi_mul(vi_load(s->at_p.whole + lane), stride_p), vi_load(s->at_q.whole + lane)),
                .stride_p = stride_p,
                .next_p = box->size[s->p] > 1 ? stride : 0,
                .middle = box->voxels + box->size[s->main] / 2 * plane_step,
                .plane_step = plane_step};
}

typedef struct square {
  vi index;
  vf low_p, high_p, low_q, high_q;
} square;

static inline __attribute__((always_inline)) square meet_plane(const beam *b, int32_t n, const bool inside) {
  square s;
  const vf plane = vf_set((float)n);
  const vi at_p = meet(&b->p, plane, &s.low_p, &s.high_p, inside);
  const vi at_q = meet(&b->q, plane, &s.low_q, &s.high_q, inside);
  s.index = vi_add(b->base, vi_add(vi_mul(at_p, b->stride_p), at_q));
  return s;
}

static inline __attribute__((always_inline)) vf take_planes(const beam *b, int32_t begin, int32_t end, vf sum,
                                                            const bool inside) {
  for (int32_t n = begin; n < end; n++) {
    const float *plane = b->middle + n * b->plane_step;
    const square s = meet_plane(b, n, inside);
    vf v00, v01, v10, v11;
    vf_gather_pair(plane, s.index, &v00, &v01);
    vf_gather_pair(plane + b->next_p, s.index, &v10, &v11);
    const vf below = vf_fma(s.low_q, v00, vf_mul(s.high_q, v01));
    const vf above = vf_fma(s.low_q, v10, vf_mul(s.high_q, v11));
    sum = vf_fma(s.low_p, below, vf_fma(s.high_p, above, sum));
  }
  return sum;
}

static inline __attribute__((always_inline)) void give_planes(const beam *b, int32_t begin, int32_t end, vf samples,
                                                              const bool inside) {
  for (int32_t n = begin; n < end; n++) {
    float *plane = b->middle + n * b->plane_step;
    const square s = meet_plane(b, n, inside);
    const vf below = vf_mul(s.low_p, samples), above = vf_mul(s.high_p, samples);
    vf_add_pairs(plane, plane + b->next_p, s.index, vf_mul(s.low_q, below), vf_mul(s.high_q, below),
                 vf_mul(s.low_q, above), vf_mul(s.high_q, above));
  }
}

static void project_sheaf(const kvox_rays_box *box, const sheaf *s, const planes *n) {
  float *at = box->samples + s->column * box->row_step + s->first, sums[SHEAF];
  for (int32_t lane = 0; lane < SHEAF; lane += VL) {
    const beam b = load_beam(box, s, lane);
    vf sum = take_planes(&b, n->begin, n->inside_begin, vf_zero(), false);
    sum = take_planes(&b, n->inside_begin, n->inside_end, sum, true);
    vf_store(sums + lane, take_planes(&b, n->inside_end, n->end, sum, false));
  }
  for (int32_t lane = 0; lane < SHEAF && s->first + lane < s->row_end; lane++) {
    at[lane] += sums[lane];
  }
}

static void backproject_sheaf(const kvox_rays_box *box, const sheaf *s, const planes *n) {
  const float *at = box->samples + s->column * box->row_step + s->first;
  float samples[SHEAF] = {0};
  for (int32_t lane = 0; lane < SHEAF && s->first + lane * s->apart < s->row_end; lane++) {
    samples[lane] = at[lane * s->apart];
  }
  for (int32_t lane = 0; lane < SHEAF; lane += VL) {
    const beam b = load_beam(box, s, lane);
    const vf mine = vf_load(samples + lane);
    give_planes(&b, n->begin, n->inside_begin, mine, false);
    give_planes(&b, n->inside_begin, n->inside_end, mine, true);
    give_planes(&b, n->inside_end, n->end, mine, false);
  }
}

typedef void sheaf_work(const kvox_rays_box *box, const sheaf *s, const planes *n);

/* The sheaf's rays, one main axis after the other. */
static inline __attribute__((always_inline)) void run_sheaf(const kvox_rays_box *box, sheaf *s, sheaf_work *work) {
  rays_of_sheaf rays;
  double main[SHEAF], taken[SHEAF];
  find_rays(box->view, s, &rays);
  find_main(&rays, main);
  for (int32_t m = box->along_z ? 2 : 0; m < (box->along_z ? 3 : 2); m++) {
    double any = 0;
    const double wanted = m;
    for (int lane = 0; lane < SHEAF; lane++) {
      taken[lane] = main[lane] == wanted && s->first + lane * s->apart < s->row_end ? 1 : 0;
      any += taken[lane];
    }
    if (any == 0) {
      continue;
    }
    s->main = m;
    s->p = m == 0 ? 1 : m == 1 ? 0 : 1;
    s->q = m == 2 ? 0 : 2;
    find_places(box, &rays, taken, m, s->p, &s->at_p);
    find_places(box, &rays, taken, m, s->q, &s->at_q);
    const planes n = find_planes(box, s);
    if (n.begin < n.end) {
      work(box, s, &n);
    }
  }
}

/* A pair of voxels along q is read at once. */
static bool is_thin(const kvox_rays_box *box) { return box->size[box->along_z ? 0 : 2] < 2; }

static void project_box(const kvox_rays_box *box) {
  if (is_thin(box)) {
    kvox_rays_ref.project_box(box);
    return;
  }
  const kvox_rays_shadow shadow = kvox_rays_shadow_of(box);
  sheaf s = {.apart = 1, .row_end = shadow.row_end};
  for (s.first = shadow.row_begin; s.first < shadow.row_end; s.first += SHEAF) {
    for (s.column = shadow.column_begin; s.column < shadow.column_end; s.column++) {
      run_sheaf(box, &s, project_sheaf);
    }
  }
}

static void backproject_box(const kvox_rays_box *box) {
  if (is_thin(box)) {
    kvox_rays_ref.backproject_box(box);
    return;
  }
  const kvox_rays_shadow shadow = kvox_rays_shadow_of(box);
  sheaf s = {.row_end = shadow.row_end};
  for (int64_t row = shadow.row_begin; row < shadow.row_end; row += SHEAF * s.apart) {
    const int64_t apart = (shadow.row_end - row + SHEAF - 1) / SHEAF;
    s.apart = apart < MOST_APART ? apart : MOST_APART;
    for (s.column = shadow.column_begin; s.column < shadow.column_end; s.column++) {
      for (s.first = row; s.first < row + s.apart; s.first++) {
        run_sheaf(box, &s, backproject_sheaf);
      }
    }
  }
}

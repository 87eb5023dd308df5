/* One ray after the other through a volume as it lies: a part of the vector body, whose instructions round quickly. */
#include <math.h>

#include "ct/rays.h"

/* A place on the border of a box may round to either side of it by less than this. */
static const double margin = 1e-6;

/* Planes begin ... end - 1. */
typedef struct planes {
  int64_t begin, end;
} planes;

/* A ray through the box of voxels low ... high - 1: planes where it takes from some voxel of it, and where all four are
 * in it. At plane n it is at a + n da, b + n db. */
typedef struct path {
  int32_t m, p, q;
  double a, da, b, db;
  int64_t low[3], high[3];
  planes some, all;
  float plane_mm;
} path;

/* The part of the planes where low < start + n step < high; low is above high where a box has one voxel. */
static planes clip(planes part, double start, double step, double low, double high) {
  if (step == 0 || low >= high) {
    return start > low && start < high ? part : (planes){part.begin, part.begin};
  }
  const double one = (low - start) / step, other = (high - start) / step;
  const double first = ceil(fmin(one, other)), last = floor(fmax(one, other)) + 1;
  const double begin = fmax(first, (double)part.begin), end = fmin(last, (double)part.end);
  return begin < end ? (planes){(int64_t)begin, (int64_t)end} : (planes){part.begin, part.begin};
}

static path find_path(const kvox_rays_row *row, int64_t column, int64_t z_begin, int64_t z_end) {
  const kvox_ray ray = kvox_rays_ray(row->view, row->spacing_mm, row->row, column);
  path w = {.m = ray.main, .p = ray.main == 0 ? 1 : 0, .q = ray.main == 2 ? 1 : 2};
  for (int a = 0; a < 3; a++) {
    w.low[a] = a == 2 ? z_begin : 0;
    w.high[a] = a == 2 ? z_end : row->size[a];
  }
  w.da = ray.along[w.p] / ray.along[w.m];
  w.db = ray.along[w.q] / ray.along[w.m];
  w.a = ray.from[w.p] - ray.from[w.m] * w.da;
  w.b = ray.from[w.q] - ray.from[w.m] * w.db;
  w.plane_mm = (float)ray.plane_mm;
  const planes every = {w.low[w.m], w.high[w.m]};
  w.some = clip(every, w.a, w.da, (double)w.low[w.p] - 1 - margin, (double)w.high[w.p] + margin);
  w.some = clip(w.some, w.b, w.db, (double)w.low[w.q] - 1 - margin, (double)w.high[w.q] + margin);
  w.all = clip(w.some, w.a, w.da, (double)w.low[w.p] + margin, (double)w.high[w.p] - 1 - margin);
  w.all = clip(w.all, w.b, w.db, (double)w.low[w.q] + margin, (double)w.high[w.q] - 1 - margin);
  return w;
}

/* The four voxels of a plane: offsets of the lowest and its neighbours, and the fractions. */
typedef struct square {
  int64_t a, b;
  float fa, fb;
} square;

static inline square meet(const path *w, int64_t n) {
  const double a = w->a + (double)n * w->da, b = w->b + (double)n * w->db;
  const double whole_a = floor(a), whole_b = floor(b);
  return (square){(int64_t)whole_a, (int64_t)whole_b, (float)(a - whole_a), (float)(b - whole_b)};
}

static inline int is_in(const path *w, int32_t axis, int64_t at) { return at >= w->low[axis] && at < w->high[axis]; }

static float take_some(const kvox_rays_row *row, const path *w, planes part) {
  float sum = 0;
  for (int64_t n = part.begin; n < part.end; n++) {
    const square s = meet(w, n);
    for (int corner = 0; corner < 4; corner++) {
      const int64_t a = s.a + (corner & 1), b = s.b + (corner >> 1);
      const float weight = ((corner & 1) != 0 ? s.fa : 1 - s.fa) * ((corner >> 1) != 0 ? s.fb : 1 - s.fb);
      if (is_in(w, w->p, a) && is_in(w, w->q, b)) {
        sum += weight * row->voxels[n * row->stride[w->m] + a * row->stride[w->p] + b * row->stride[w->q]];
      }
    }
  }
  return sum;
}

static float take_all(const kvox_rays_row *row, const path *w) {
  const int64_t sm = row->stride[w->m], sa = row->stride[w->p], sb = row->stride[w->q];
  float sum = 0;
  for (int64_t n = w->all.begin; n < w->all.end; n++) {
    const square s = meet(w, n);
    const float *v = row->voxels + n * sm + s.a * sa + s.b * sb;
    const float low = v[0] + s.fa * (v[sa] - v[0]), high = v[sb] + s.fa * (v[sb + sa] - v[sb]);
    sum += low + s.fb * (high - low);
  }
  return sum;
}

static void project_row(const kvox_rays_row *row) {
  for (int64_t column = 0; column < row->columns; column++) {
    const path w = find_path(row, column, 0, row->size[2]);
    float sum = 0;
    if (w.all.begin < w.all.end) {
      sum = take_some(row, &w, (planes){w.some.begin, w.all.begin});
      sum += take_all(row, &w);
      sum += take_some(row, &w, (planes){w.all.end, w.some.end});
    } else {
      sum = take_some(row, &w, w.some);
    }
    row->samples[column] = w.plane_mm * sum;
  }
}

static void give_some(const kvox_rays_row *row, const path *w, planes part, float sample) {
  for (int64_t n = part.begin; n < part.end; n++) {
    const square s = meet(w, n);
    for (int corner = 0; corner < 4; corner++) {
      const int64_t a = s.a + (corner & 1), b = s.b + (corner >> 1);
      const float fa = s.fa * sample, high = (corner & 1) != 0 ? fa : sample - fa;
      const float share = s.fb * high;
      if (is_in(w, w->p, a) && is_in(w, w->q, b)) {
        row->voxels[n * row->stride[w->m] + a * row->stride[w->p] + b * row->stride[w->q]] +=
            (corner >> 1) != 0 ? share : high - share;
      }
    }
  }
}

static void give_all(const kvox_rays_row *row, const path *w, float sample) {
  const int64_t sm = row->stride[w->m], sa = row->stride[w->p], sb = row->stride[w->q];
  for (int64_t n = w->all.begin; n < w->all.end; n++) {
    const square s = meet(w, n);
    float *v = row->voxels + n * sm + s.a * sa + s.b * sb;
    const float fa = s.fa * sample, low = sample - fa, low_b = s.fb * low, high_b = s.fb * fa;
    v[0] += low - low_b;
    v[sa] += fa - high_b;
    v[sb] += low_b;
    v[sb + sa] += high_b;
  }
}

/* A plane's weights have the same bits in give_some and give_all, whichever the slab makes of it. */
static void backproject_row(const kvox_rays_row *row) {
  for (int64_t column = 0; column < row->columns; column++) {
    const path w = find_path(row, column, row->z_begin, row->z_end);
    const float sample = w.plane_mm * row->samples[column];
    if (w.all.begin < w.all.end) {
      give_some(row, &w, (planes){w.some.begin, w.all.begin}, sample);
      give_all(row, &w, sample);
      give_some(row, &w, (planes){w.all.end, w.some.end}, sample);
    } else {
      give_some(row, &w, w.some, sample);
    }
  }
}

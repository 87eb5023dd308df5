/*
 * Stage "partial": volumes between what was measured of k-space and the phase of their images. Volumes of a launch lie
 * one behind the other, dense, [item][z][y][x]; work-items along x, y and, of all items, z. Sums go over groups of
 * GROUP work-items, each of which has PARTS samples of one item.
 */

/* As the plan has it: samples first to last were measured; once axes that are not partial are images, known to
 * known_last were, and low to high are not zero in the end. `table`: where the axis' factors begin. */
typedef struct partial_axis {
  long size, first, last, known, known_last, low, high, table;
} partial_axis;

typedef struct partial_axes {
  partial_axis x, y, z;
} partial_axes;

/* Where a work-item is; sample n of the launch. */
typedef struct place {
  bool is_there;
  long x, y, z, item, n;
} place;

static place place_in(const partial_axes a, const long items) {
  place p;
  p.x = get_global_id(0);
  p.y = get_global_id(1);
  p.item = (long)get_global_id(2) / a.z.size;
  p.z = (long)get_global_id(2) - p.item * a.z.size;
  p.n = ((long)get_global_id(2) * a.y.size + p.y) * a.x.size + p.x;
  p.is_there = p.x < a.x.size && p.y < a.y.size && p.item < items;
  return p;
}

static bool is_between(const long low, const long i, const long high) { return i >= low && i <= high; }

static bool is_found(const partial_axes a, const long x, const long y, const long z) {
  return is_between(a.x.low, x, a.x.high) && is_between(a.y.low, y, a.y.high) && is_between(a.z.low, z, a.z.high);
}

static bool is_known(const partial_axes a, const long x, const long y, const long z) {
  return is_between(a.x.known, x, a.x.known_last) && is_between(a.y.known, y, a.y.known_last) &&
         is_between(a.z.known, z, a.z.known_last);
}

/* The measured samples, zeros elsewhere. */
kernel void load(global const float2 *in, const coil_samples at, const partial_axes a, const long items,
                 global float2 *measured, global uint *flag) {
  const place p = place_in(a, items);
  if (!p.is_there) {
    return;
  }
  float2 value = (float2)(0);
  if (is_between(a.x.first, p.x, a.x.last) && is_between(a.y.first, p.y, a.y.last) &&
      is_between(a.z.first, p.z, a.z.last)) {
    value = in[at.begin + p.item * at.coil + p.z * at.z + p.y * at.y + p.x * at.x];
    if (!isfinite(value.x) || !isfinite(value.y)) {
      atomic_min(flag, (uint)p.n); /* the host bounds it to 32 bits */
    }
  }
  measured[p.n] = value;
}

kernel void store(global const float2 *image, const partial_axes a, const long items, global float2 *out,
                  const coil_samples at) {
  const place p = place_in(a, items);
  if (p.is_there) {
    out[at.begin + p.item * at.coil + p.z * at.z + p.y * at.y + p.x * at.x] = image[p.n];
  }
}

/* out = in times the product of the axes' factors. */
kernel void scale(global const float2 *in, const partial_axes a, const long items, global const float *factors,
                  global float2 *out) {
  const place p = place_in(a, items);
  if (p.is_there) {
    const float outer = factors[a.y.table + p.y] * factors[a.z.table + p.z];
    out[p.n] = outer * factors[a.x.table + p.x] * in[p.n];
  }
}

/* Numbers of size 1 with the samples' phase, 1 where there is none; by the larger part, so that no square leaves the
 * range of floats. */
kernel void normalise(global float *samples, const long count) {
  const long n = 2 * (long)get_global_id(0);
  if (n < 2 * count) {
    const float im = samples[n + 1], re = samples[n] == 0 && im == 0 ? 1 : samples[n];
    const float larger = fmax(fabs(re), fabs(im)), a = re / larger, b = im / larger, root = sqrt(a * a + b * b);
    samples[n] = a / root;
    samples[n + 1] = b / root;
  }
}

/* The part of the samples that has the phasor's phase. */
kernel void onto_phase(global const float2 *phasor, global float2 *samples, const long count) {
  const long n = get_global_id(0);
  if (n < count) {
    const float2 p = phasor[n], z = samples[n];
    samples[n] = (z.x * p.x + z.y * p.y) * p;
  }
}

/* Where some measured samples are trusted less: between them and what was found; 0 beyond. */
kernel void blend(global const float2 *measured, const partial_axes a, const long items, global const float *trust,
                  global float2 *found) {
  const place p = place_in(a, items);
  if (p.is_there) {
    const float t = fmin(fmin(trust[a.y.table + p.y], trust[a.z.table + p.z]), trust[a.x.table + p.x]);
    const float2 between = fma((float2)(t), measured[p.n], (1 - t) * found[p.n]);
    found[p.n] = is_found(a, p.x, p.y, p.z) ? between : (float2)(0);
  }
}

/* ---- Sums ---- */

/* 2^power from -126 to 126 that brings a positive number near 1. */
static float near_one(const float x) {
  const int exponent = (as_int(x) >> 23) - 127;
  return as_float((127 + clamp(-exponent, -126, 126)) << 23);
}

/* sums[group] = the sum of |d|^2 / 2^-2p of a group's differences, and 2^p: squares are then within the range of floats
 * whatever the samples are. One tree, whatever the device is. */
static void sum_up(const float2 d[PARTS], global float *sum, local float *scratch) {
  const int mine = get_local_id(0);
  float largest = 0;
  for (int i = 0; i < PARTS; i++) {
    largest = fmax(largest, fmax(fabs(d[i].x), fabs(d[i].y)));
  }
  scratch[mine] = largest;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_way = GROUP / 2; half_way > 0; half_way /= 2) {
    if (mine < half_way) {
      scratch[mine] = fmax(scratch[mine], scratch[mine + half_way]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  largest = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  const float factor = near_one(largest);
  float squares = 0;
  for (int i = 0; i < PARTS; i++) {
    const float2 near = factor * d[i];
    squares = fma(near.x, near.x, fma(near.y, near.y, squares));
  }
  scratch[mine] = squares;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_way = GROUP / 2; half_way > 0; half_way /= 2) {
    if (mine < half_way) {
      scratch[mine] += scratch[mine + half_way];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (mine == 0) {
    sum[0] = scratch[0];
    sum[1] = factor;
  }
}

/* Sample `part` of a work-item, of an item. */
static uint sample_of(const int part) { return (get_group_id(0) * PARTS + part) * GROUP + get_local_id(0); }

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void energy(global const float2 *measured, const uint samples,
                                                                      global float *sums, local float *scratch) {
  const long item = get_global_id(1);
  float2 d[PARTS];
  for (int i = 0; i < PARTS; i++) {
    const uint n = sample_of(i);
    d[i] = n < samples ? measured[item * samples + n] : (float2)(0);
  }
  sum_up(d, sums + 2 * (item * get_num_groups(0) + get_group_id(0)), scratch);
}

/* Measured samples put back into what was found, which waits among them; sums of its change. Of an item whose bit is
 * set in `done` all is as it was. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void restore(global float2 *found, global float2 *measured,
                                                                       const partial_axes a, const uint samples,
                                                                       const uint done, global float *sums,
                                                                       local float *scratch) {
  const long item = get_global_id(1);
  const bool is_done = (done >> item & 1) != 0;
  float2 d[PARTS];
  for (int i = 0; i < PARTS; i++) {
    const uint n = sample_of(i), row = n / (uint)a.x.size, z = row / (uint)a.y.size;
    const long at = item * samples + n, x = n - row * (uint)a.x.size, y = row - z * (uint)a.y.size;
    d[i] = (float2)(0);
    if (n >= samples) {
      continue;
    }
    if (is_done || is_known(a, x, y, z) || !is_found(a, x, y, z)) {
      found[at] = measured[at]; /* beyond, zeros */
    } else {
      d[i] = found[at] - measured[at];
      measured[at] = found[at];
    }
  }
  sum_up(d, sums + 2 * (item * get_num_groups(0) + get_group_id(0)), scratch);
}

/*
 * Parts of operators: samples times factors, sums over coils, samples that were taken, boxes. A work-item has a place
 * of the index space; what is broadcast does not step.
 */

enum { MOST_AXES = 8 };

/* Sizes, slowest first, and the steps of what is read, written, and known beforehand, in elements. */
typedef struct walk {
  long rank;
  long size[MOST_AXES], in[MOST_AXES], out[MOST_AXES], table[MOST_AXES];
  long in_begin, out_begin, table_begin;
} walk;

/* Where a work-item is. */
typedef struct place {
  bool is_within;
  long number, in, out, table; /* `number` in C order */
} place;

static place place_on(const walk w) {
  const int last = (int)w.rank - 1;
  const long x = get_global_id(0);
  long row = get_global_id(1);
  place p = {x < w.size[last], row * w.size[last] + x, w.in_begin + x * w.in[last], w.out_begin + x * w.out[last],
             w.table_begin + x * w.table[last]};
  for (int d = last - 1; d >= 0; d--) {
    const long index = row % w.size[d];
    row /= w.size[d];
    p.in += index * w.in[d];
    p.out += index * w.out[d];
    p.table += index * w.table[d];
  }
  p.is_within = p.is_within && row == 0;
  return p;
}

static float2 product(const float2 a, const float2 b) {
  return fma((float2)(a.x), b, (float2)(a.y) * (float2)(-b.y, b.x));
}

static float2 conjugate_if(const int conjugated, const float2 a) { return (float2)(a.x, conjugated ? -a.y : a.y); }

static bool is_finite(const float2 z) { return isfinite(z.x) && isfinite(z.y); }

/* Leaves the first place whose result is not finite, as far as 32 bits tell: of a sample that is not, or of one that
 * is. */
static void judge(const bool finite_sample, const float2 result, const long number, global uint *flags) {
  if (!is_finite(result)) {
    atomic_min(flags + (finite_sample ? 1 : 0), (uint)min(number, (long)(UINT_MAX - 1)));
  }
}

kernel void multiply(global const float2 *in, global float2 *out, const walk w, global const float2 *factors,
                     const int conjugated, global uint *flags, const long flag) {
  const place p = place_on(w);
  if (p.is_within) {
    const float2 z = in[p.in], result = product(conjugate_if(conjugated, factors[p.table]), z);
    out[p.out] = result;
    judge(is_finite(z), result, p.number, flags + 2 * flag);
  }
}

/* Times the product of one factor for each axis: `table` has those of axis d from w.table[d] on. */
kernel void turn(global const float2 *in, global float2 *out, const walk w, global const float2 *factors,
                 const int conjugated, global uint *flags, const long flag) {
  const int last = (int)w.rank - 1;
  const place p = place_on(w);
  if (p.is_within) {
    float2 factor = factors[w.table[last] + (long)get_global_id(0)];
    long row = get_global_id(1);
    for (int d = last - 1; d >= 0; d--) {
      factor = product(factors[w.table[d] + row % w.size[d]], factor);
      row /= w.size[d];
    }
    const float2 z = in[p.in], result = product(conjugate_if(conjugated, factor), z);
    out[p.out] = result;
    judge(is_finite(z), result, p.number, flags + 2 * flag);
  }
}

/* The sum over coils of conj(factor) sample. */
kernel void add_coils(global const float2 *in, global float2 *out, const walk w, global const float2 *factors,
                      const long coils, const long in_step, const long factor_step, global uint *flags,
                      const long flag) {
  const place p = place_on(w);
  if (p.is_within) {
    float2 sum = (float2)(0);
    bool finite = true;
    for (long c = 0; c < coils; c++) {
      const float2 f = factors[p.table + c * factor_step], z = in[p.in + c * in_step];
      finite = finite && is_finite(z);
      sum = fma((float2)(f.x), z, fma((float2)(f.y, -f.y), z.yx, sum));
    }
    out[p.out] = sum;
    judge(finite, sum, p.number, flags + 2 * flag);
  }
}

kernel void keep(global const float2 *in, global float2 *out, const walk w, global const uchar *mask) {
  const place p = place_on(w);
  if (p.is_within) {
    out[p.out] = mask[p.table] != 0 ? in[p.in] : (float2)(0);
  }
}

/* Samples that were taken to their places in a list, negative where one was not. */
kernel void gather(global const float2 *in, global float2 *out, const walk w, global const int *places,
                   const long list_step) {
  const place p = place_on(w);
  if (p.is_within && places[p.table] >= 0) {
    out[p.out + places[p.table] * list_step] = in[p.in];
  }
}

/* And back, zeros elsewhere: `w.in` steps over lists. */
kernel void scatter(global const float2 *in, global float2 *out, const walk w, global const int *places,
                    const long list_step) {
  const place p = place_on(w);
  if (p.is_within) {
    out[p.out] = places[p.table] >= 0 ? in[p.in + places[p.table] * list_step] : (float2)(0);
  }
}

/* A box of what is read in a box of what is written, zeros around it: `w.table` has where it begins there. `in_begin`
 * is where the first of it would lie if it began at index 0. */
typedef struct box {
  long count[MOST_AXES];
} box;

kernel void crop(global const float2 *in, global float2 *out, const walk w, const box b) {
  const int last = (int)w.rank - 1;
  const place p = place_on(w);
  if (!p.is_within) {
    return;
  }
  long row = get_global_id(1), index = (long)get_global_id(0) - w.table[last];
  bool is_inside = index >= 0 && index < b.count[last];
  for (int d = last - 1; d >= 0; d--) {
    index = row % w.size[d] - w.table[d];
    is_inside = is_inside && index >= 0 && index < b.count[d];
    row /= w.size[d];
  }
  out[p.out] = is_inside ? in[p.in] : (float2)(0);
}

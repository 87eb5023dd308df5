/*
 * Stage "fourier": samples to a transform's array and from it. The centre of a transform lies at its index 0, so that
 * nothing is shifted: what is before the centre lies at the array's end. The transforms between are VkFFT's.
 *
 * An item is a volume, or a plane of one where z is not transformed; those of a launch are `planes` of each coil.
 */

/* One axis: the samples of the caller's array, those from `first` on that the transform sees, how many of them lie
 * before the centre; elements of the transform and the step between them; where its weights begin. One that is not
 * transformed has all samples, none before the centre. */
typedef struct axis {
  long size, first, used, low, length, step, weights;
} axis;

/* Of z no more than one where items are planes. */
typedef struct axes {
  axis x, y, z;
} axes;

/* The sample that goes to element p; none: -1. */
static long sample_at(const axis a, const long p) {
  const long behind = p + a.low, before = p - (a.length - a.low);
  return behind < a.used ? behind : before >= 0 ? before : -1;
}

/* Where sample n comes from. */
static long element_of(const axis a, const long n) { return n >= a.low ? n - a.low : n - a.low + a.length; }

static bool is_used(const axis a, const long n) { return n >= 0 && n < a.used; }

static float2 product(const float2 a, const float2 b) {
  return fma((float2)(a.x), b, (float2)(a.y) * (float2)(-b.y, b.x));
}

static float2 weight_of(global const float2 *weights, const axes a, const long x, const long y, const long z) {
  return product(product(weights[a.x.weights + x], weights[a.y.weights + y]), weights[a.z.weights + z]);
}

/* Leaves the number of the first sample [coil][z][y][x] that is spoilt; the host bounds it to 32 bits. */
static void tell(const bool spoilt, const long sample, global uint *flag) {
  if (spoilt) {
    atomic_min(flag, (uint)sample);
  }
}

/* work[item][z][y][x] = weight sample, 0 where there is none. */
kernel void place(global const float2 *in, const coil_samples at, const axes a, const int planes, const int items,
                  global float2 *work, const long item_step, global const float2 *weights, const int weigh,
                  global uint *flags, const long flag) {
  const long px = get_global_id(0), py = get_global_id(1);
  const int row = get_global_id(2), item = row / (int)a.z.length, pz = row % (int)a.z.length;
  if (px >= a.x.length || py >= a.y.length || item >= items) {
    return;
  }
  const long x = sample_at(a.x, px), y = sample_at(a.y, py), z = sample_at(a.z, pz);
  float2 value = (float2)(0);
  if (x >= 0 && y >= 0 && z >= 0) {
    const int coil = item / planes, plane = item % planes;
    const long in_z = plane + a.z.first + z, in_y = a.y.first + y, in_x = a.x.first + x;
    value = in[at.begin + coil * at.coil + in_z * at.z + in_y * at.y + in_x * at.x];
    const bool spoilt = !isfinite(value.x) || !isfinite(value.y);
    value = weigh ? product(weight_of(weights, a, x, y, z), value) : value;
    tell(spoilt, ((coil * (planes + a.z.size - 1) + in_z) * a.y.size + in_y) * a.x.size + in_x, flags + flag);
  }
  work[item * item_step + pz * a.z.step + py * a.y.step + px * a.x.step] = value;
}

/* out[coil][z][y][x] = conj(weight) element; 0 where the transform has none. */
kernel void take(global const float2 *work, const long item_step, const axes a, const int planes, const int items,
                 global const float2 *weights, const int weigh, global float2 *out, const coil_samples at,
                 global uint *flags, const long flag) {
  const long out_x = get_global_id(0), out_y = get_global_id(1);
  const int row = get_global_id(2), item = row / (int)a.z.size, out_z = row % (int)a.z.size;
  if (out_x >= a.x.size || out_y >= a.y.size || item >= items) {
    return;
  }
  const long x = out_x - a.x.first, y = out_y - a.y.first, z = out_z - a.z.first;
  const int coil = item / planes, plane = item % planes;
  float2 value = (float2)(0);
  if (is_used(a.x, x) && is_used(a.y, y) && is_used(a.z, z)) {
    value = work[item * item_step + element_of(a.z, z) * a.z.step + element_of(a.y, y) * a.y.step +
                 element_of(a.x, x) * a.x.step];
    if (weigh) {
      const float2 w = weight_of(weights, a, x, y, z);
      value = product((float2)(w.x, -w.y), value);
    }
    tell(!isfinite(value.x) || !isfinite(value.y), 0, flags + flag);
  }
  out[at.begin + coil * at.coil + (plane + out_z) * at.z + out_y * at.y + out_x * at.x] = value;
}

/* sums[z][y][x] += |element|^2 of `coils` coils, their roots after the last one. */
kernel void add_squares(global const float2 *work, const long item_step, const axes a, const int planes,
                        const int coils, const int is_first, const int is_last, global float *sums,
                        const coil_samples at, global uint *flags, const long flag) {
  const long out_x = get_global_id(0), out_y = get_global_id(1);
  const int row = get_global_id(2), plane = row / (int)a.z.size, out_z = row % (int)a.z.size;
  if (out_x >= a.x.size || out_y >= a.y.size || plane >= planes) {
    return;
  }
  global float *sum = sums + at.begin + (plane + out_z) * at.z + out_y * at.y + out_x * at.x;
  global const float2 *from = work + plane * item_step + element_of(a.z, out_z) * a.z.step +
                              element_of(a.y, out_y) * a.y.step + element_of(a.x, out_x) * a.x.step;
  float squares = is_first ? 0 : *sum;
  for (int c = 0; c < coils; c++, from += planes * item_step) {
    const float2 z = *from;
    squares = fma(z.x, z.x, fma(z.y, z.y, squares));
  }
  const float value = is_last ? sqrt(squares) : squares;
  tell(!isfinite(value), 0, flags + flag);
  *sum = value;
}
